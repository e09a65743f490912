/** The walkthroughs: with two clicks a newcomer looks at a vmcore, and with two at a scenario that runs. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { keepPicture, noWindow, useWindow } from './open-window.ts';

const page = '.gettingStartedContainer';

describe('the walkthroughs', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const fill = (folder: string): void => {
    writeFileSync(join(folder, 'empty.txt'), '');
  };
  useWindow({ folder: 'nothing', fill }, (open) => {
    ({ window } = open);
  });

  const openWalkthrough = async (title: string): Promise<void> => {
    await window.runCommand('Welcome: Open Walkthrough...');
    await window.pick(title);
    await window.page.locator(`${page} .getting-started-category h2, ${page} h2`, { hasText: title }).first().waitFor();
  };

  test('Your first vmcore: one click opens the example, one shows its page tables', async () => {
    await openWalkthrough('Your first vmcore');
    await keepPicture(window, 'walkthrough-vmcore');
    await window.page.locator(`${page} .monaco-button`, { hasText: 'Open the Example vmcore' }).click();
    await window.page.locator('.debug-toolbar').waitFor();
    await window.page.locator('.statusbar-item', { hasText: 'simulated' }).first().waitFor();
    await openWalkthrough('Your first vmcore');
    // The step that is done folds, and the next one opens.
    const step = window.page.locator(`${page} .getting-started-step`, { hasText: 'Look at the address space' });
    const button = step.locator('.monaco-button', { hasText: 'Open ptdump Panel' });
    if (!(await button.isVisible())) await window.clickFor(() => step, button);
    await button.click();
    const ptdump = await window.webview('pagewalk-ptdump .canvas .row');
    assert.match(await ptdump.innerText('.rows'), /Low Kernel Mapping/);
    await keepPicture(window, 'walkthrough-vmcore-ptdump');
    await window.runCommand('Debug: Stop');
  });

  test('Your first scenario: one click opens its step, one runs it', async () => {
    await openWalkthrough('Your first scenario');
    const step = window.page.locator(`${page} .getting-started-step`, { hasText: 'Run it' });
    const button = step.locator('.monaco-button', { hasText: 'Run the Example Scenario' });
    await window.clickFor(() => step, button);
    await button.click();
    await window.page.locator('.debug-toolbar').waitFor();
    await window.page.locator('.tab.active', { hasText: '000-vread-vm-map-ram.kmm' }).waitFor();
    await window.page.locator('.codicon-debug-stackframe').first().waitFor();
    await keepPicture(window, 'walkthrough-scenario');
  });
});
