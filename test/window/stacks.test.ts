/** Threads, stacks and the kernel log in a window: the call stack of every task, and the log with links and hovers. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { absent, expandedDump } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { until, VSCodeWindow } from '../vscode-web/window.ts';

const artefacts = join(root, 'artefacts/window');
const places = findPlaces();
const machine = 'x86-64';
const callStack = '.debug-call-stack';

describe('stacks and the log in a window', { skip: absent(machine) ?? ('missing' in places ? places.missing : false) }, () => {
  let window: VSCodeWindow;
  let scratch: string;

  before(async () => {
    assert.ok(!('missing' in places));
    scratch = mkdtempSync(join(tmpdir(), 'pagewalk-stacks-'));
    const vsix = join(scratch, 'pagewalk.vsix');
    execFileSync('npm', ['run', 'pack', '--', '--out', vsix], { cwd: root, stdio: 'pipe' });
    const folder = join(scratch, 'vmcore');
    mkdirSync(join(folder, '.vscode'), { recursive: true });
    const configurations = [{ type: 'pagewalk', request: 'launch', name: 'Open it', image: expandedDump(machine, 'vmcore.elf') }];
    writeFileSync(join(folder, '.vscode/launch.json'), JSON.stringify({ version: '0.2.0', configurations }));
    window = await VSCodeWindow.open(places, { folder, vsix, artefacts });
    await window.debug('Open it');
  });
  after(async () => {
    await window.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  test('the call stack shows CPUs, then tasks, with their frames', async () => {
    // VS Code draws the rows that fit.
    const inView = (name: string): Promise<void> =>
      until(`${name} in view`, async () => {
        if (await window.row(name, callStack).first().isVisible()) return true;
        await window.page.locator(`${callStack} .monaco-list`).hover();
        await window.page.mouse.wheel(0, 40);
        return false;
      });
    for (const name of ['CPU 0: swapper/0', 'CPU 1: swapper/1', 'fxinit (1)', 'kthreadd (2)']) await inView(name);
    await window.row('fxinit (1)', callStack).locator('.monaco-tl-twistie').click();
    for (const name of ['__schedule+', 'schedule_timeout+', 'wait_woken+']) await inView(name);
    await window.row('wait_woken+', callStack).first().click();
    await window.page.locator('.view-line', { hasText: 'wait_woken+0x' }).first().waitFor();
    await window.picture(join(artefacts, 'stacks.png'));
  });

  test('the log opens with the kernel’s lines, links on addresses, and hovers', async () => {
    await window.runCommand('Pagewalk: Open Kernel Log');
    await window.page.locator('.tab', { hasText: 'kernel.dmesg' }).first().waitFor();
    await window.page.locator('.view-line', { hasText: 'Linux version 6.12.117' }).first().waitFor();
    await window.page.keyboard.press('Control+End');
    await window.page.locator('.view-line', { hasText: 'FX2 pgd pid=37' }).first().waitFor();
    await window.page.locator('.detected-link', { hasText: '0xffff98484166aa00' }).first().waitFor();
    assert.match(await window.hover('0xffff98484166aa00'), /task_struct|slab/);
    await window.picture(join(artefacts, 'kernel-log.png'));
  });
});
