/** A folder that nobody has trusted: dumps can be looked at, and nothing that the folder names is read before somebody agrees. */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { bundled } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { comes, until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { keepPicture, noWindow, useWindow, writeLaunch } from './open-window.ts';

const scenario = '000-vread-vm-map-ram.kmm';
const launch = 'With symbols of the folder';
const adapter = 'pagewalk.js dap';

describe('a folder that is not trusted', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const fill = (folder: string): void => {
    copyFileSync(bundled.image, join(folder, 'vmcore.kdump'));
    copyFileSync(join(root, 'examples', scenario), join(folder, scenario));
    writeFileSync(join(folder, 'System.map'), 'ffffffff81000000 T _stext\n');
    writeLaunch(folder, { [launch]: { image: '${workspaceFolder}/vmcore.kdump', symbols: '${workspaceFolder}/System.map' } });
  };
  useWindow({ folder: 'strange', fill, restricted: true }, (open) => {
    ({ window } = open);
  });

  const dialog = (): ReturnType<typeof window.page.locator> => window.page.locator('.monaco-dialog-box');
  /** VS Code asks, and nobody agrees. */
  const refuse = async (): Promise<void> => {
    await dialog().filter({ hasText: /trust/i }).waitFor();
    assert.deepEqual(window.processes(adapter), []);
    await dialog().locator('.monaco-button', { hasText: 'Cancel' }).click();
    await dialog().waitFor({ state: 'detached' });
  };

  test('a dump is looked at in its overview, with what it has itself', async () => {
    await window.page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).first().waitFor();
    await window.showView('Explorer');
    await until('the overview', async () => {
      await (await window.reveal('vmcore.kdump', '.explorer-folders-view')).dblclick();
      return comes(window.page.locator('.tab.active', { hasText: 'vmcore.kdump' }));
    });
    const page = await window.webview('pagewalk-overview .chart');
    assert.match(await page.innerText('.machine'), /6\.12\.117/);
    // The name fits two of the patterns that the editor is for, which would be two editors to VS Code were they apart.
    assert.deepEqual(await window.notifications(), []);
    await keepPicture(window, 'untrusted-overview');
  });

  test('a launch configuration of the folder, with its symbol file, starts nothing before somebody agrees', async () => {
    await window.launch(launch);
    await dialog().waitFor();
    await keepPicture(window, 'untrusted-launch');
    await refuse();
    assert.deepEqual(window.processes(adapter), []);
  });

  test('a scenario of the folder is shown and checked, and not run before somebody agrees', async () => {
    await window.openFile(scenario);
    const run = window.page.locator('.codelens-decoration a', { hasText: 'Run' }).first();
    await window.clickFor(() => run, dialog());
    await refuse();
    assert.deepEqual(window.processes(adapter), []);
  });

  test('once the folder is trusted, the launch reads what it names', async () => {
    await window.launch(launch);
    await dialog()
      .locator('.monaco-button', { hasText: /^Trust/ })
      .click();
    await window.page.locator('.debug-toolbar').waitFor();
    assert.equal((await window.onlyProcess(adapter)) > 0, true);
  });
});
