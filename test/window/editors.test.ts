/** Addresses where VS Code shows text: diff editors, terminals, the debug console, and what the Variables view offers of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bundled } from '../support/dumps.ts';
import { comes, until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { commandLine, fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

const blockPage = '0xffffd4bf80801000';

describe('addresses in text of all kinds', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const settings = { 'terminal.integrated.gpuAcceleration': 'off' };
  useWindow({ folder: 'first-vmcore', fill: fillWithFirstVmcore, settings }, async (open) => {
    ({ window } = open);
    await window.debug('Open the bundled vmcore');
  });

  test('both sides of a diff editor have hovers', async () => {
    await window.runCommand('Pagewalk: Compare ptdump as Text…');
    await window.pick('kernel (init_mm)', 'The page table to compare');
    await window.pick('1 init', 'Another page table, another image, or a text file');
    await window.page.locator('.tab.active', { hasText: 'kernel (init_mm) ↔ 1 init' }).waitFor();
    // The hole at the end of user space stands on the left alone, what the process has mapped on the right.
    for (const address of ['0xffff880000000000', '0x0000000000401000'])
      assert.match(await window.hover(address, /pgd/), /pgd/, `the hover on ${address}`);
    await keepPicture(window, 'diff-editor-hover');
  });

  test('a hover in the text of a process asks that process, whatever the session asks by itself', async () => {
    const text = '0x401000';
    const walkIn = (mm: string): { physical: string | null } | undefined =>
      (JSON.parse(commandLine('vtop', bundled.image, text, '--mm', mm, '--json')) as { results: { physical: string | null }[] }).results[0];
    const physical = walkIn('1')?.physical ?? '';
    assert.match(physical, /^0x[0-9a-f]+$/);
    assert.equal(walkIn('kernel')?.physical, null);
    const said = await window.hover('0x0000000000401000', /Physical|Not mapped/);
    assert.ok(said.includes(`Physical ${physical}`), said);
    assert.doesNotMatch(said, /Not mapped/);
  });

  test('an address in a terminal leads to its walk', async () => {
    await window.runCommand('Terminal: Create New Terminal');
    await window.page.locator('.terminal.xterm').first().waitFor();
    await window.runCommand('Terminal: Focus Terminal');
    const rows = window.page.locator('.xterm-rows > div');
    await until('the echo', async () => {
      await window.page.keyboard.type(`clear; echo ${blockPage}`);
      await window.page.keyboard.press('Enter');
      return comes(rows.filter({ hasText: new RegExp(`^${blockPage}`) }).first());
    });
    const printed = rows.filter({ hasText: new RegExp(`^${blockPage}`) }).first();
    await until('the walk', async () => {
      const box = await printed.boundingBox();
      if (box === null) return false;
      await window.page.mouse.move(box.x + 30, box.y + box.height / 2);
      await window.page.mouse.move(box.x + 40, box.y + box.height / 2, { steps: 3 });
      await window.page.keyboard.down('Control');
      await window.page.mouse.click(box.x + 40, box.y + box.height / 2);
      await window.page.keyboard.up('Control');
      return comes(window.page.locator('.tab', { hasText: 'Walk' }).first());
    });
    const walk = await window.webview('pagewalk-walk .step.end');
    assert.match(await walk.innerText('h1'), /vm_map_ram block/);
    await keepPicture(window, 'terminal-link');
  });

  test('the debug console evaluates, and its values unfold', async () => {
    await window.evaluate('init_task.comm', 'swapper');
    await keepPicture(window, 'debug-console');
  });

  test('a register that holds an address offers its bytes', async () => {
    await window.showView('Run and Debug');
    await window.expand('Registers', '.debug-variables');
    const row = await window.reveal(/^\s*rsp\b/, '.debug-variables');
    // VS Code shows bytes with its Hex Editor, which is not installed: it looks for that, and says that it cannot be had here.
    await until('the search for the Hex Editor', async () => {
      await row.hover();
      await row
        .locator('.monaco-action-bar .action-label')
        .first()
        .click({ timeout: 3000 })
        .catch(() => undefined);
      return (await window.notifications()).some((text) => /binary data|Hex Editor|extension gallery/i.test(text));
    });
    await keepPicture(window, 'view-binary-data');
  });
});
