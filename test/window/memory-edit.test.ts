/** Memory of a scenario's machine is written by typing: what was written is marked, and taken back, and written again. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Frame } from 'playwright-core';
import { root } from '../support/vscode.ts';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { keepPicture, noWindow, useWindow } from './open-window.ts';

const scenario = '000-vread-vm-map-ram.kmm';
/** What the scenario's first statement maps. */
const mapped = '0xffffc90000000000';

describe('memory that is written in a window', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;
  let memory: Frame;

  const fill = (folder: string): void => {
    copyFileSync(join(root, 'examples', scenario), join(folder, scenario));
  };
  useWindow({ folder: 'scenarios', fill }, async (open) => {
    ({ window } = open);
    await window.openFile(scenario);
    await window.page.locator('.codelens-decoration', { hasText: 'Debug' }).first().waitFor();
    await window.page.keyboard.press('F5');
    await window.page.locator('.debug-toolbar').waitFor();
    await window.runCommand('Debug: Step Over');
    await window.page
      .locator('.view-line', { hasText: `whole = ${mapped}` })
      .first()
      .waitFor();
    await window.runCommand('Pagewalk: Open Memory…');
    await window.answer(mapped);
    memory = await window.webview(`pagewalk-memory .line[data-address="${mapped}"] [data-at]`);
  });

  const first = `.line[data-address="${mapped}"] .cell[data-at="0"]`;
  const byteIs = (wanted: string): Promise<void> =>
    until(`the byte ${wanted}`, async () => (await memory.innerText(first)).trim() === wanted);
  const isMarked = async (): Promise<boolean> => ((await memory.getAttribute(first, 'class')) ?? '').includes(' edited');

  test('typed digits are written and marked; undo takes them back, redo writes them again', async () => {
    let before = '';
    await until('the first byte', async () => {
      before = (await memory.innerText(first)).trim();
      return /^[0-9a-f]{2}$/.test(before);
    });
    assert.notEqual(before, 'a5');
    assert.equal(await isMarked(), false);
    await memory.locator('.status', { hasText: 'can be written' }).waitFor();
    await memory.focus('.grid');
    await memory.press('.grid', 'a');
    await memory.press('.grid', '5');
    await byteIs('a5');
    assert.equal(await isMarked(), true);
    await keepPicture(window, 'memory-edit');
    await memory.press('.grid', 'Control+z');
    await byteIs(before);
    assert.equal(await isMarked(), false);
    await memory.press('.grid', 'Control+y');
    await byteIs('a5');
    assert.equal(await isMarked(), true);
  });

  test('what was written is what the machine has: the debug console reads it', async () => {
    await window.evaluate(`*(unsigned char *)${mapped}`, /0xa5|165/);
    await keepPicture(window, 'memory-edit-console');
  });
});
