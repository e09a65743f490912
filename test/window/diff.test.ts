/** Two ptdumps side by side in a real window: files of the explorer without a session, and address spaces of one. Pictures are kept in artefacts/window/. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Frame } from 'playwright-core';
import { bundled } from '../support/dumps.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { violations } from '../webview/axe.ts';
import { commandLine, fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';
import { compareInExplorer, writeComparedTexts } from './compared-texts.ts';

describe('two ptdumps side by side in a window', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;
  let page: Frame;

  const fill = (folder: string): void => {
    fillWithFirstVmcore(folder);
    writeComparedTexts(folder);
  };
  useWindow({ folder: 'first-vmcore', fill }, (open) => {
    ({ window } = open);
  });

  const picture = (name: string): Promise<void> => keepPicture(window, name);

  test('two files that are selected in the explorer, with no session', async () => {
    await compareInExplorer(window);
    page = await window.webview('pagewalk-diff .canvas .row');
    assert.deepEqual(await page.$$eval('.badge', (all) => all.map(({ textContent }) => textContent.trim())), [
      '+0 added',
      '−1 removed',
      '~2 changed',
      '1 became W+X',
    ]);
    assert.match(await page.innerText('.selected-words'), /^Change 1 of 3 · 0x[0-9a-f]{16}: NX → x$/);
    await picture('diff-files');
  });

  test('the plain text is one press away', async () => {
    await page.click('.text');
    await window.page.locator('.tab.active', { hasText: 'before.ptdump ↔ after.ptdump' }).waitFor();
    await window.page.locator('.editor-instance .diff-hidden-lines, .editor-instance .line-insert').first().waitFor();
    await window.runCommand('View: Close Editor');
    page = await window.webview('pagewalk-diff .canvas .row');
  });

  test('the process that compares is killed in the middle: it is said in place, what was shown stays, and another compares', async () => {
    const own = await window.onlyProcess('pagewalk.js dap');
    const again = page.locator('vscode-toolbar-button[icon="refresh"]');
    process.kill(own, 'SIGSTOP');
    await again.click();
    // It has been asked: what is not asked before it ends is asked of the next one.
    await page.locator('[role=status]', { hasText: 'reading before.ptdump…' }).waitFor();
    process.kill(own, 'SIGKILL');
    await page.locator('.problem', { hasText: 'The process that reads the files ended (SIGKILL); compare again.' }).waitFor();
    assert.ok((await page.$$('.canvas .row')).length > 3);
    await picture('diff-killed');
    await again.click();
    await page.locator('.problem').waitFor({ state: 'detached' });
    await page.waitForSelector('.canvas .row');
    assert.notEqual(await window.onlyProcess('pagewalk.js dap'), own);
  });

  for (const theme of ['Dark Modern', 'Light Modern', 'Dark High Contrast'])
    test(`${theme}: nothing that a screen reader stumbles over`, async () => {
      await window.setTheme(theme);
      assert.deepEqual(await violations(page), []);
      await picture(`diff-${theme.toLowerCase().replaceAll(' ', '-')}`);
    });

  test('two address spaces of a session, through the pickers', async () => {
    await window.setTheme('Dark Modern');
    await window.debug('Open the bundled vmcore');
    await window.runCommand('Pagewalk: Compare ptdump…');
    await window.pick('kernel (init_mm)', 'The page table to compare');
    await window.pick('1 init', 'Another page table, another image, or a text file');
    page = await window.webview('pagewalk-diff .links');
    const facts = JSON.parse(commandLine('ptdump', bundled.image, '--mm', '1', '--json')) as {
      regions: { start: string; present: boolean }[];
    };
    const first = facts.regions.find(({ present }) => present)?.start ?? '';
    assert.ok((await page.innerText('.selected-words')).includes(`Change 1 of `));
    assert.ok((await page.innerText('.selected-words')).includes(first));
    await picture('diff-spaces');
  });

  test('the session ends: what was compared stays, and says so', async () => {
    await window.runCommand('Debug: Stop');
    await page.waitForSelector('.banner');
    assert.match(await page.innerText('.banner'), /has ended/);
    assert.ok((await page.$$('.canvas .row')).length > 3);
    await picture('diff-ended');
  });
});
