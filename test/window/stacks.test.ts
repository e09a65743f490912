/** Threads, stacks and the kernel log in a window: the call stack of every task, and the log with links and hovers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { absent, expandedDump } from '../support/dumps.ts';
import { comes, until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { keepPicture, noWindow, useWindow, writeLaunch } from './open-window.ts';

const machine = 'x86-64';
const callStack = '.debug-call-stack';

describe('stacks and the log in a window', { skip: absent(machine) ?? noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const fill = (folder: string): void => {
    writeLaunch(folder, { 'Open it': { image: expandedDump(machine, 'vmcore.elf') } });
  };
  useWindow({ folder: 'vmcore', fill }, async (open) => {
    ({ window } = open);
    await window.debug('Open it');
  });

  test('the call stack shows CPUs, then tasks, with their frames', async () => {
    for (const name of ['CPU 0: swapper/0', 'CPU 1: swapper/1', 'fxinit (1)', 'kthreadd (2)']) await window.reveal(name, callStack);
    await window.expand('fxinit (1)', callStack);
    for (const name of ['__schedule+', 'schedule_timeout+', 'wait_woken+']) await window.reveal(name, callStack);
    const shown = window.page.locator('.view-line', { hasText: 'wait_woken+0x' }).first();
    await window.clickFor(() => window.reveal('wait_woken+', callStack), shown);
    await keepPicture(window, 'stacks');
  });

  test('the log opens with the kernel’s lines, links on addresses, and hovers', async () => {
    await window.runCommand('Pagewalk: Open Kernel Log');
    await window.page.locator('.tab', { hasText: 'kernel.dmesg' }).first().waitFor();
    await window.page.locator('.view-line', { hasText: 'Linux version 6.12.117' }).first().waitFor();
    await until('the end of the log', async () => {
      await window.page.keyboard.press('Control+End');
      return comes(window.page.locator('.view-line', { hasText: 'FX2 pgd pid=37' }).first());
    });
    await window.page.locator('.detected-link', { hasText: '0xffff98484166aa00' }).first().waitFor();
    assert.match(await window.hover('0xffff98484166aa00'), /task_struct|slab/);
    await keepPicture(window, 'kernel-log');
  });
});
