/** Two kernels at once: each panel shows its own session's, and hovers ask the one that has the focus. */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Locator } from 'playwright-core';
import { bundled } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { comes, until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { commandLine, fillWithFirstVmcore, keepPicture, noWindow, useWindow, writeLaunch } from './open-window.ts';

const scenario = '000-vread-vm-map-ram.kmm';
const notes = 'notes.dmesg';
/** Mapped in the dump alone. */
const ofDump = '0xffffd4bf80801000';
/** The direct map of the scenario's kernel, whose base is not moved. */
const ofScenario = '0xffff888000001000';
const releaseOfDump = '6.12.117';
const releaseOfScenario = '6.12.0-simulated';
/** The first region that the dump's kernel maps. */
const firstOfDump =
  /^0x[0-9a-f]+/m.exec(
    commandLine('ptdump', bundled.image)
      .split('\n')
      .find((line) => / (?:RW|ro) /.test(line)) ?? '',
  )?.[0] ?? '';

describe('two sessions on two kernels', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const fill = (folder: string): void => {
    fillWithFirstVmcore(folder);
    copyFileSync(join(root, 'examples', scenario), join(folder, scenario));
    writeFileSync(join(folder, notes), `${ofDump}\n${ofScenario}\n`);
    writeLaunch(folder, {
      'The dump': { image: '${workspaceFolder}/mini-sym.kdump' },
      'The scenario': { scenario: `\${workspaceFolder}/${scenario}`, stopOnEntry: true },
    });
  };
  useWindow({ folder: 'two', fill }, (open) => {
    ({ window } = open);
  });

  const kernel = (release: string): Locator => window.page.locator('.statusbar-item', { hasText: release }).first();
  const focus = async (session: string, release: string): Promise<void> => {
    await window.showView('Run and Debug');
    // On the icon: in a narrow view the buttons that come under the mouse reach to the row's middle.
    await until(`the focus on ${session}`, async () => {
      await (await window.reveal(session, '.debug-call-stack')).click({ position: { x: 40, y: 11 } });
      return comes(kernel(release));
    });
  };
  const ptdumpWith = (start: string): Promise<unknown> => window.webview(`pagewalk-ptdump .row:has-text("${start}")`);

  test('each has a panel of its own, with its own page tables', async () => {
    await window.debug('The dump');
    await kernel(releaseOfDump).waitFor();
    await window.runCommand('Pagewalk: Open ptdump Panel');
    await ptdumpWith(firstOfDump);
    await window.debug('The scenario');
    await focus('The scenario', releaseOfScenario);
    await window.runCommand('Pagewalk: Open ptdump Panel');
    await ptdumpWith(ofScenario);
    const tabs = window.page.locator('.tab', { hasText: 'ptdump' });
    assert.equal(await tabs.count(), 2);
    await keepPicture(window, 'two-sessions');
    // The first stayed with its session.
    await tabs.first().click();
    await ptdumpWith(firstOfDump);
    await keepPicture(window, 'two-sessions-first');
  });

  test('a hover asks the session that has the focus', async () => {
    await focus('The scenario', releaseOfScenario);
    await window.openFile(notes);
    assert.match(await window.hover(ofScenario, /direct map/i), /direct map/i);
    await focus('The dump', releaseOfDump);
    await window.openFile(notes);
    assert.match(await window.hover(ofDump, /vm_map_ram block/), /vm_map_ram block/);
    await keepPicture(window, 'two-sessions-hover');
  });
});
