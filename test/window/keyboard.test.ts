/** Each panel without a mouse: it is opened from the palette, moved through, filtered or asked, and left again. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Frame } from 'playwright-core';
import { until } from '../vscode-web/window.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { writeComparedTexts } from './compared-texts.ts';
import { fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

const blockPage = '0xffffd4bf80833fc0';
const mostTabs = 40;

describe('panels by keyboard alone', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  const fill = (folder: string): void => {
    fillWithFirstVmcore(folder);
    writeComparedTexts(folder);
  };
  useWindow({ folder: 'first-vmcore', fill }, async (open) => {
    ({ window } = open);
    await window.debug('Open the bundled vmcore');
  });

  const press = (key: string): Promise<void> => window.page.keyboard.press(key);
  /** Not by Ctrl+A, which VS Code carries out some time later, and then what was typed meanwhile is selected too. */
  const selectAll = async (): Promise<void> => {
    await press('Home');
    await press('Shift+End');
  };
  const type = (text: string): Promise<void> => window.page.keyboard.type(text);
  const hasFocus = (page: Frame, selector: string): Promise<boolean> =>
    page.evaluate((wanted) => document.hasFocus() && document.activeElement?.matches(wanted) === true, selector);
  const tabTo = async (page: Frame, selector: string): Promise<void> => {
    for (let tabs = 0; tabs < mostTabs; tabs++) {
      if (await hasFocus(page, selector)) return;
      await press('Tab');
    }
    assert.fail(`${selector} is not among the first ${mostTabs} stops of Tab`);
  };
  const pageHasFocus = (page: Frame): Promise<void> => until('the focus in the page', () => page.evaluate(() => document.hasFocus()));
  /** To the next part of the window, as from any editor. */
  const leave = (page: Frame): Promise<void> =>
    until('the focus outside of the page', async () => {
      await press('F6');
      return page
        .waitForFunction(() => !document.hasFocus(), undefined, { timeout: 3000 })
        .then(
          () => true,
          () => false,
        );
    });
  const ask = async (command: string, address: string): Promise<void> => {
    await window.runCommand(command);
    await window.answer(address);
  };

  /** Of the quick pick with this placeholder: before the filter has run, another row has the focus. */
  const choose = async (row: string, placeholder: string): Promise<void> => {
    const box = window.page.locator(`.quick-input-widget:visible input.input[placeholder="${placeholder}"]`);
    await box.fill(row);
    await window.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: row }).waitFor();
    await press('Enter');
    await box.waitFor({ state: 'detached' });
  };

  test('ptdump: filtered, moved through, asked for an address, left', async () => {
    await window.runCommand('Pagewalk: Open ptdump Panel');
    const page = await window.webview('pagewalk-ptdump .canvas .row');
    await pageHasFocus(page);
    await press('Control+f');
    await until('the filter has the focus', () => hasFocus(page, 'input.filter'));
    await type('level:pmd ');
    await page.waitForFunction(() => document.querySelector('.count')?.textContent.includes(' of '));
    // The list of completions, where it is open, takes the first Escape.
    await press('Escape');
    await tabTo(page, '.rows');
    await press('Home');
    await press('ArrowDown');
    await press('ArrowDown');
    const selected = await page.innerText('.row.selected .range');
    await press('ArrowDown');
    await page.waitForFunction((before) => document.querySelector('.row.selected .range')?.textContent !== before, selected);
    await keepPicture(window, 'keyboard-ptdump');
    await press('Control+g');
    await until('the jump has the focus', () => hasFocus(page, '.jump'));
    await type(blockPage);
    await press('Enter');
    await page.waitForFunction(() => document.querySelector('aside .summary')?.textContent.includes('vm_map_ram'));
    await leave(page);
  });

  test('memory: gone to, moved through, a pointer followed and back, left', async () => {
    await ask('Pagewalk: Open Memory…', blockPage);
    const page = await window.webview(`pagewalk-memory .line[data-address="${blockPage}"] [data-at]`);
    await pageHasFocus(page);
    await press('Control+g');
    await page.waitForFunction(() => document.activeElement?.matches('.address-field') === true);
    await type('&init_task');
    await press('Enter');
    await page.locator('.status', { hasText: /^\s*0xffffffff/ }).waitFor();
    await until('the grid has the focus', () => hasFocus(page, '.grid'));
    const status = (): Promise<string> => page.innerText('.status .mono');
    const before = await status();
    await press('ArrowDown');
    await until('another address', async () => (await status()) !== before);
    await press('Alt+ArrowLeft');
    await page.locator('.status', { hasText: blockPage }).waitFor();
    await keepPicture(window, 'keyboard-memory');
    await leave(page);
  });

  test('the walk: asked for another address, its steps reached, left', async () => {
    await ask('Pagewalk: Show Walk', blockPage);
    const page = await window.webview('pagewalk-walk .step.end');
    await pageHasFocus(page);
    await tabTo(page, '.address-field');
    await selectAll();
    await type('&init_task');
    await press('Enter');
    await page.locator('h1', { hasText: 'init_task' }).waitFor();
    await tabTo(page, '.step vscode-toolbar-button');
    await keepPicture(window, 'keyboard-walk');
    await leave(page);
  });

  test('the diff: from change to change, only changes, left', async () => {
    await window.runCommand('Pagewalk: Compare ptdump…');
    await choose('kernel (init_mm)', 'The page table to compare');
    await choose('1 init', 'Another page table, another image, or a text file');
    const page = await window.webview('pagewalk-diff .canvas .row');
    await pageHasFocus(page);
    const words = (): Promise<string> => page.innerText('.selected-words');
    const first = await words();
    await press('F7');
    await until('the next change', async () => (await words()) !== first);
    await press('Shift+F7');
    await until('the change before', async () => (await words()) === first);
    await tabTo(page, '.only');
    await press('Space');
    await page.locator('.only[aria-checked="true"], .only[checked]').first().waitFor();
    await tabTo(page, '.rows');
    await press('End');
    await keepPicture(window, 'keyboard-diff');
    await leave(page);
  });
});
