/** A scenario debugged with mouse and keyboard in a window: F5, a breakpoint, into an operation, back, and what changes meanwhile. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { root } from '../support/vscode.ts';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { keepPicture, noWindow, useWindow } from './open-window.ts';

const file = '000-vread-vm-map-ram.kmm';
const callStack = '.debug-call-stack';
/** The line of the second mapping, counted from 1: the breakpoint. */
const partLine =
  readFileSync(join(root, 'examples', file), 'utf8')
    .split('\n')
    .findIndex((line) => line.startsWith('let part')) + 1;

describe('a scenario in a window', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const fill = (folder: string): void => {
    copyFileSync(join(root, 'examples', file), join(folder, file));
  };
  useWindow({ folder: 'scenarios', fill }, (open) => {
    ({ window } = open);
  });

  const picture = (name: string): Promise<void> => keepPicture(window, name);
  const press = (key: string): Promise<void> => window.page.keyboard.press(key);
  const frames = async (): Promise<string[]> => {
    const rows = await window.page.locator(`${callStack} .monaco-list-row .stack-frame .label`).allInnerTexts();
    return rows.map((row) => row.replaceAll('\u00a0', ' ').trim());
  };
  const framesAre = (what: string, holds: (names: string[]) => boolean): Promise<void> => until(what, async () => holds(await frames()));

  test('F5 on an open scenario starts it without a launch.json; it stops on entry, then at a breakpoint', async () => {
    await window.openFile(file, partLine);
    await window.page.locator('.codelens-decoration', { hasText: 'Debug' }).first().waitFor();
    await press('F9');
    await window.page.locator('.codicon-debug-breakpoint-unverified, .codicon-debug-breakpoint').first().waitFor();
    await press('F5');
    await window.page.locator('.debug-toolbar').waitFor();
    await window.showView('Run and Debug');
    await framesAre('the entry', ([first]) => first?.startsWith('let whole') === true);
    await press('F5');
    await framesAre('the breakpoint', ([first]) => first?.startsWith('let part') === true);
    // The value of what the line before defined stands beside it.
    await window.page.locator('.view-line', { hasText: 'whole = 0xffffc90000000000' }).first().waitFor();
    await picture('scenario-breakpoint');
  });

  test('into the operation: its calls are frames with their arguments', async () => {
    await press('F11');
    await framesAre('vm_map_ram', ([first]) => first === 'vm_map_ram');
    await press('F11');
    await framesAre('alloc_vmap_area', (names) => names.slice(0, 4).join(' ') === 'alloc_vmap_area new_vmap_block vb_alloc vm_map_ram');
    await window.page.locator('.debug-variables .monaco-list-row', { hasText: 'va_flags' }).first().waitFor();
    await picture('scenario-frames');
  });

  test('the panel of page tables follows each stop, forwards and back', async () => {
    await window.runCommand('Pagewalk: Open ptdump Panel');
    // Each stop brings the scenario's editor to the front: the panel stands beside it.
    await window.runCommand('View: Move Editor into Right Group');
    const page = await window.webview('pagewalk-ptdump .rows');
    const isMapped = async (): Promise<boolean> => (await page.getByText('ffffc90000200000').count()) > 0;
    assert.equal(await isMapped(), false);
    await window.runCommand('Debug: Continue');
    await framesAre('the end', ([first]) => first === 'end of the scenario');
    await until('the new mapping', isMapped);
    await picture('scenario-mapped');
    await window.showView('Kernel Memory');
    const tree = '.pane:has([aria-label^="Page Tables"])';
    await window.expand('kernel', tree);
    await window.row('pgd', tree).waitFor();
    await window.reveal(/● pgd.*changed below/, tree);
    await picture('scenario-changed-tables');
    await window.showView('Run and Debug');
    await window.page.locator('.debug-toolbar .codicon-debug-reverse-continue').click();
    await framesAre('the breakpoint again', ([first]) => first?.startsWith('let part') === true);
    await until('the mapping is gone', async () => !(await isMapped()));
    await window.page.locator('.debug-toolbar .codicon-debug-step-back').click();
    await framesAre('the statement before', ([first]) => first?.startsWith('let whole') === true);
    await picture('scenario-back');
  });
});
