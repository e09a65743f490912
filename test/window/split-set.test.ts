/** A split dump in a real VS Code window: one file is named, and where more lie beside it than belong together, the user chooses. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { absent, dumpFolder } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { VSCodeWindow } from '../vscode-web/window.ts';

const artefacts = join(root, 'artefacts/window');
const places = findPlaces();
const name = 'x86-64-debian-6.12';
const missing = 'missing' in places ? places.missing : absent(name);

describe('a split dump', { skip: missing ?? false }, () => {
  let window: VSCodeWindow;
  let scratch: string;

  before(async () => {
    assert.ok(!('missing' in places));
    scratch = mkdtempSync(join(tmpdir(), 'pagewalk-split-'));
    const folder = join(scratch, 'dumps');
    const vsix = join(scratch, 'pagewalk.vsix');
    execFileSync('npm', ['run', 'pack', '--', '--out', vsix], { cwd: root, stdio: 'pipe' });
    mkdirSync(join(folder, '.vscode'), { recursive: true });
    for (const file of ['mini-split.1', 'mini-split.2', 'mini-split.3'])
      copyFileSync(join(dumpFolder(name) ?? '', 'mini', file), join(folder, file));
    // A copy that was cut short.
    writeFileSync(join(folder, 'a-second-part'), readFileSync(join(folder, 'mini-split.2')).subarray(0, 500_000));
    const configuration = { type: 'pagewalk', request: 'launch', name: 'Open the split dump', image: '${workspaceFolder}/mini-split.3' };
    writeFileSync(join(folder, '.vscode/launch.json'), JSON.stringify({ version: '0.2.0', configurations: [configuration] }));
    window = await VSCodeWindow.open(places, { folder, vsix, artefacts });
  });
  after(async () => {
    await window.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  test('the files of the set are offered, with their pages, those that fit together chosen', async () => {
    const started = window.debug('Open the split dump');
    const row = (text: string): ReturnType<typeof window.page.locator> =>
      window.page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();
    const shown = async (text: string): Promise<readonly [words: string, chosen: boolean]> => [
      (await row(text).innerText()).replaceAll(/\s+/g, ''),
      await row(text).locator('input[type="checkbox"], .monaco-checkbox').first().isChecked(),
    ];
    await row('a-second-part').waitFor();
    assert.deepEqual(await Promise.all(['mini-split.1', 'mini-split.2', 'a-second-part', 'mini-split.3'].map(shown)), [
      ['mini-split.1pages0x0-0x9274', true],
      ['mini-split.2pages0x9274-0xf57c', true],
      ['a-second-partpages0x9274-0xf57c', false],
      ['mini-split.3pages0xf57c-0x10000', true],
    ]);
    await window.picture(join(artefacts, 'split-set.png'));
    await window.page.keyboard.press('Enter');
    await started;
    await window.runCommand('Debug Console: Focus on Debug Console View');
    await window.page.locator('.repl .monaco-list-row', { hasText: 'split kdump-compressed (3 files)' }).first().waitFor();
  });
});
