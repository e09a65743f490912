/** Memory and the walk of an address in a window, on the bundled dump, by mouse and keyboard. Pictures are kept in artefacts/window/. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Frame } from 'playwright-core';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { violations } from '../webview/axe.ts';
import { fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

describe('memory in a window', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;
  let memory: Frame;

  useWindow({ folder: 'first-vmcore', fill: fillWithFirstVmcore }, async (open) => {
    ({ window } = open);
    await window.debug('Open the bundled vmcore');
  });

  const picture = (name: string): Promise<void> => keepPicture(window, name);
  const open = async (title: string, address: string): Promise<void> => {
    await window.runCommand(title);
    await window.answer(address);
  };

  test('an address beyond 64 bits is refused below the box, where it stays to be mended', async () => {
    const box = window.page.locator('.quick-input-widget:visible');
    await window.runCommand('Pagewalk: Open Memory…');
    for (const [typed, said] of [
      ['0x1ffffffffffffffff', 'That is beyond 64 bits.'],
      ['&init_tas(', 'Write 0x and hexadecimal digits.'],
    ] as const) {
      await window.answer(typed);
      await box.locator('.quick-input-message', { hasText: said }).waitFor();
      assert.equal(await box.locator('input.input').inputValue(), typed);
    }
    await picture('address-beyond');
    await window.page.keyboard.press('Escape');
  });

  test('the memory panel shows the pages of a vmap_block with their states', async () => {
    await open('Pagewalk: Open Memory…', '0xffffd4bf80833fc0');
    memory = await window.webview('pagewalk-memory .line.head.dirty');
    assert.match(await memory.innerText('.line.head.dirty'), /pages 52–59 of 256 · dirty/);
    assert.match(await memory.innerText('.line[data-address="0xffffd4bf80833fc0"]'), /^ffffd4bf80833fc0/);
    await picture('memory');
  });

  test('an expression is gone to, and a type of the dump is laid over its bytes', async () => {
    await memory.locator('.address-field input').fill('&init_task');
    await memory.locator('.address-field input').press('Enter');
    await memory.locator('.status', { hasText: /^\s*0xffffffff/ }).waitFor();
    await memory.locator('.view').click();
    await memory.locator('.type-field input').fill('struct task_struct');
    await memory.locator('.type-field input').press('Enter');
    await memory.locator('aside .name', { hasText: 'thread_info.flags' }).waitFor();
    await picture('memory-type');
    assert.deepEqual(await violations(memory), []);
  });

  test('the walk of the address is a ladder whose steps open the tables in memory', async () => {
    await open('Pagewalk: Show Walk', '0xffffd4bf80801008');
    const walk = await window.webview('pagewalk-walk .step.end');
    assert.match(await walk.innerText('.ladder'), /CR3[^]*pgd\s*\[425\][^]*0x3b9f008/);
    await picture('walk');
    assert.deepEqual(await violations(walk), []);
    await walk.locator('.step:nth-child(5) vscode-toolbar-button').first().click();
    memory = await window.webview('pagewalk-memory .line');
    await memory.waitForFunction(() => (document.querySelector('.space')?.textContent ?? '').includes('Physical'));
  });

  test('a session that ends leaves a snapshot that says so', async () => {
    await window.runCommand('Debug: Stop');
    memory = await window.webview('pagewalk-memory .banner');
    assert.match(await memory.innerText('.banner'), /has ended/);
    assert.ok((await memory.locator('.line').count()) > 10);
    await picture('memory-ended');
  });
});
