/** «Compare ptdump…» through its pickers: a moment of a scenario with a text file of a page-table dump. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { commandLine, keepPicture, noWindow, useWindow } from './open-window.ts';

const machine = 'machine { ram 64M }\n';
const scenario = 'moments.kmm';
const text = 'before.ptdump';

function fill(folder: string): void {
  writeFileSync(join(folder, scenario), `${machine}let a = vmalloc(16K)\nsnapshot filled\nlet b = vmalloc(8K)\n`);
  writeFileSync(join(folder, 'empty.kmm'), machine);
  writeFileSync(join(folder, text), commandLine('ptdump', join(folder, 'empty.kmm')));
}

describe('the sides of a comparison in a window', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;
  let folder: string;
  useWindow({ folder: 'moments', fill }, (open) => {
    ({ window, folder } = open);
  });

  test('a moment of a scenario, and a text file that the dialog is told', async () => {
    await window.openFile(scenario);
    await window.page.locator('.codelens-decoration', { hasText: 'Debug' }).first().waitFor();
    await window.page.keyboard.press('F5');
    await window.page.locator('.debug-toolbar').waitFor();
    await window.showView('Run and Debug');
    await window.row(/let a/, '.debug-call-stack').waitFor();
    await window.page.keyboard.press('F5');
    await window.row('end of the scenario', '.debug-call-stack').waitFor();
    await window.runCommand('Pagewalk: Compare ptdump…');
    await window.pick(/kernel.* at «filled»/, 'The page table to compare');
    await window.pick('A text file of a page-table dump…', 'Another page table, another image, or a text file');
    await window.page.locator('.quick-input-widget:visible .quick-input-title', { hasText: 'with' }).waitFor();
    await window.answer(join(folder, text));
    const page = await window.webview('pagewalk-diff .canvas .row');
    await page.waitForSelector('.badge');
    const badges = await page.$$eval('.badge', (all) => all.map(({ textContent }) => textContent.trim()));
    assert.deepEqual(badges.slice(0, 3), ['+0 added', '−1 removed', '~0 changed']);
    assert.match(await page.innerText('.selected-words'), /^Change 1 of 1 · 0xffffc90000000000/);
    await window.page.locator('.tab.active', { hasText: `at «filled» ↔ ${text}` }).waitFor();
    await keepPicture(window, 'compare-moment-and-text');
  });

  test('a hover in the text of a moment that has gone by says that it tells of now', async () => {
    await window.runCommand('Pagewalk: Compare ptdump as Text…');
    await window.pick(/kernel.* at «filled»/, 'The page table to compare');
    await window.pick(/^kernel/, 'Another page table, another image, or a text file');
    await window.page.locator('.tab.active', { hasText: 'at «filled» ↔' }).waitFor();
    const said = await window.hover('0xffffc90000000000', /pgd/);
    assert.match(said, new RegExp(`The text is of kernel.* at «filled»\\. What follows is told by «${scenario}» as it is now\\.`));
    await keepPicture(window, 'hover-of-a-moment');
  });
});
