/** The Pagemap Scan view in a real VS Code window: process, range and categories are asked for, a region leads to its memory. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

describe('the Pagemap Scan view', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  useWindow({ folder: 'first-vmcore', fill: fillWithFirstVmcore }, (open) => {
    ({ window } = open);
  });

  const tree = '.pane:has([aria-label^="Pagemap Scan"])';

  test('asks, shows regions, and leads to memory as the process sees it', async () => {
    await window.debug('Open the bundled vmcore');
    await window.runCommand('Pagewalk: Scan the Pages of a Process…');
    await window.pick('198 fxuser');
    await window.pickerRow('A range…').waitFor();
    await window.page.locator('.quick-input-widget:visible input.input').fill('200004000000');
    await window.pick('0x200004000000');
    await window.pickerRow('PRESENT').waitFor();
    await keepPicture(window, 'pagemap-scan-picker');
    const chosen = window.pickerRow('PRESENT').locator('input[type="checkbox"], .monaco-checkbox').first();
    await until('PRESENT chosen', async () => {
      if (await chosen.isChecked()) return true;
      await window.pickerRow('PRESENT').click();
      return false;
    });
    await window.page.keyboard.press('Enter');
    const first = window.row('0x200004000000', tree);
    await first.waitFor();
    assert.match(await first.innerText(), /4K · WRITTEN\|PRESENT/);
    await window.page.locator(tree, { hasText: 'walk_end 0x200004040000' }).waitFor();
    await keepPicture(window, 'pagemap-scan');
    await window.clickFor(() => first, window.page.locator('.tab', { hasText: 'Memory' }).first());
    // A page that the process owns says which byte it is.
    const line = '.line[data-address="0x200004000010"]';
    const memory = await window.webview(`pagewalk-memory ${line}`);
    await until('its bytes', async () => /10\s00\s00\s00\s02\s00\s46\s55/.test(await memory.innerText(line)));
    await keepPicture(window, 'pagemap-scan-memory');
  });
});
