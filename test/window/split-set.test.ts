/** A split dump in a real VS Code window: one file is named, and where more lie beside it than belong together, the user chooses. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { absent, dumpFolder } from '../support/dumps.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { keepPicture, noWindow, useWindow, writeLaunch } from './open-window.ts';

const name = 'x86-64-debian-6.12';

describe('a split dump', { skip: absent(name) ?? noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const fill = (folder: string): void => {
    for (const file of ['mini-split.1', 'mini-split.2', 'mini-split.3'])
      copyFileSync(join(dumpFolder(name) ?? '', 'mini', file), join(folder, file));
    // A copy that was cut short.
    writeFileSync(join(folder, 'a-second-part'), readFileSync(join(folder, 'mini-split.2')).subarray(0, 500_000));
    writeLaunch(folder, { 'Open the split dump': { image: '${workspaceFolder}/mini-split.3' } });
  };
  useWindow({ folder: 'dumps', fill }, (open) => {
    ({ window } = open);
  });

  test('the files of the set are offered, with their pages, those that fit together chosen', async () => {
    const started = window.debug('Open the split dump');
    const shown = async (text: string): Promise<readonly [words: string, chosen: boolean]> => [
      (await window.pickerRow(text).innerText()).replaceAll(/\s+/g, ''),
      await window.pickerRow(text).locator('input[type="checkbox"], .monaco-checkbox').first().isChecked(),
    ];
    await window.pickerRow('a-second-part').waitFor();
    assert.deepEqual(await Promise.all(['mini-split.1', 'mini-split.2', 'a-second-part', 'mini-split.3'].map(shown)), [
      ['mini-split.1pages0x0-0x9274', true],
      ['mini-split.2pages0x9274-0xf57c', true],
      ['a-second-partpages0x9274-0xf57c', false],
      ['mini-split.3pages0xf57c-0x10000', true],
    ]);
    await keepPicture(window, 'split-set');
    await window.page.keyboard.press('Enter');
    await started;
    await window.runCommand('Debug Console: Focus on Debug Console View');
    await window.page.locator('.repl .monaco-list-row', { hasText: 'split kdump-compressed (3 files)' }).first().waitFor();
  });
});
