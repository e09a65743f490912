/**
 * A session on the bundled vmcore with mouse and keyboard, in a real VS Code window: what a person sees is what the kernel
 * said. Pictures are kept in artefacts/window/.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Frame } from 'playwright-core';
import { bundled } from '../support/dumps.ts';
import type { VSCodeWindow } from '../vscode-web/window.ts';
import { violations } from '../webview/axe.ts';
import { commandLine, fillWithFirstVmcore, keepPicture, noWindow, useWindow } from './open-window.ts';

const blockPage = '0xffffd4bf80801000';

/** The kernel's text, as the command line prints it (test/truth compares that with the kernel's own file). */
function ptdumpText(): string[] {
  return commandLine('ptdump', bundled.image).trimEnd().split('\n');
}

describe('in a window', { skip: noWindow ?? false }, () => {
  let window: VSCodeWindow;

  useWindow({ folder: 'first-vmcore', fill: fillWithFirstVmcore }, (open) => {
    ({ window } = open);
  });

  const picture = (name: string): Promise<void> => keepPicture(window, name);

  test('before a session the views say what to do', async () => {
    await window.showView('Kernel Memory');
    await window.page.locator('.welcome-view-content', { hasText: 'Open a kernel memory image' }).first().waitFor();
    await picture('welcome');
  });

  test('before a session the palette does not offer what needs one', async () => {
    await window.page.keyboard.press('F1');
    await window.page.locator('.quick-input-widget:visible input.input').fill('>Pagewalk: ');
    await window.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Pagewalk: Open Image' }).waitFor();
    const offered = await window.page.locator('.quick-input-list .monaco-list-row').allInnerTexts();
    assert.ok(!offered.some((text) => /Find Virtual Addresses|Search Memory/.test(text)), offered.join('; '));
    await window.page.keyboard.press('Escape');
  });

  test('a session shows each CPU with the symbol it stopped at', async () => {
    await window.debug('Open the bundled vmcore');
    for (const cpu of ['CPU 0', 'CPU 1', 'CPU 2', 'CPU 3']) await window.row(cpu, '.debug-call-stack').waitFor();
    await picture('threads');
  });

  test('the mouse on the wild pointer of a log tells what it is', async () => {
    await window.openFile('seed-002.dmesg', 14);
    // The report of the log that the line begins is told as well.
    await window.hover('000f887fee5ff000', /not canonical/);
    await picture('hover-wild');
  });

  test('the vmalloc tree shows a vm_map_ram block and its pages', async () => {
    await window.showView('Kernel Memory');
    const tree = '.pane:has([aria-label^="Vmalloc Areas"])';
    await window.expand(/^0xffffd4bf80800000/, tree);
    for (const row of ['never used', 'vmap_block']) await window.reveal(row, tree);
    await window.parkMouse();
    await picture('vmalloc-tree');
  });

  const input = '.quick-input-widget:visible input.input';

  test('two page tables are compared through the pickers', async () => {
    await window.runCommand('Pagewalk: Compare ptdump as Text…');
    await window.pick('kernel (init_mm)', 'The page table to compare');
    await window.pickerRow('Another image…').waitFor();
    await picture('compare-picker');
    await window.pick('1 init', 'Another page table, another image, or a text file');
    await window.page.locator('.tab.active', { hasText: 'kernel (init_mm) ↔ 1 init' }).waitFor();
    await window.page.locator('.diff-hidden-lines, .line-insert').first().waitFor();
    await picture('compare');
  });

  test('the virtual addresses of a physical one are found, in the packed adapter', async () => {
    const walk = commandLine('vtop', bundled.image, blockPage, '--json');
    const physical = (JSON.parse(walk) as { results: { physical: string }[] }).results[0]?.physical ?? '';
    await window.runCommand('Pagewalk: Find Virtual Addresses of a Physical Address…');
    await window.page.locator(`${input}[placeholder="0x1000"]`).waitFor();
    await window.page.locator(input).fill('nonsense');
    await window.page.locator('.quick-input-message', { hasText: 'Write 0x and hexadecimal digits' }).waitFor();
    await window.answer(physical);
    await window.pick('Every page table');
    await window.page.locator('.tab.active', { hasText: `${physical}, every page table` }).waitFor();
    await window.page.locator('.view-line', { hasText: blockPage }).first().waitFor();
    await picture('virtual-addresses');
  });

  describe('the ptdump panel', () => {
    const lines = ptdumpText();
    const regions = lines.filter((line) => line.startsWith('0x'));
    let page: Frame;

    before(async () => {
      await window.runCommand('Pagewalk: Open ptdump Panel');
      page = await window.webview('pagewalk-ptdump .rows');
    });

    const count = async (wanted: string): Promise<void> => {
      await page.waitForFunction((text) => document.querySelector('.count')?.textContent.trim() === text, wanted);
    };
    const figure = (value: number): string => value.toLocaleString('en');
    const rangeOf = (line: string): string => line.split(' ')[0] ?? '';
    const shownRegions = (): Promise<string[]> =>
      page.$$eval('.row:not(.marker):not(.folded) .range', (cells) => cells.map((cell) => cell.textContent));

    test("holds the kernel's lines", async () => {
      await count(`${figure(regions.length)} regions`);
      const shown = await shownRegions();
      assert.ok(shown.length > 10);
      const ranges = new Set(regions.map(rangeOf));
      for (const range of shown) assert.ok(ranges.has(range), `not a line of the kernel: ${range}`);
      await picture('ptdump');
    });

    test('filters as one types', async () => {
      const wanted = regions.filter((line) => /\bRW\b/.test(line) && line.trimEnd().endsWith('pmd'));
      assert.ok(wanted.length > 0 && wanted.length < regions.length);
      await page.fill('input.filter', 'RW level:pmd');
      await count(`${figure(wanted.length)} of ${figure(regions.length)} regions`);
      for (const range of await shownRegions()) assert.ok(wanted.map(rangeOf).includes(range), range);
      await page.fill('input.filter', '');
      await count(`${figure(regions.length)} regions`);
    });

    test('goes to an address and shows its walk', async () => {
      await page.fill('.jump input', blockPage);
      await page.press('.jump input', 'Enter');
      await page.waitForSelector('aside table th:text-is("pte")');
      assert.match(await page.innerText('.row.selected'), /0xffffd4bf80800000/);
      assert.match(await page.innerText('aside .summary'), /used page 1 of \d+ of a vm_map_ram block/);
      const cells = await page.$$eval('.bitmap i', (all) => all.map((cell) => cell.getAttribute('class')));
      assert.deepEqual([cells.length, cells[1]], [256, 'used at']);
      await picture('ptdump-walk');
    });

    test('is moved through by keyboard', async () => {
      await page.focus('.rows');
      const selected = (): Promise<string | undefined> => page.$eval('.row.selected', (row) => row.id);
      const first = Number((await selected())?.split('-')[1]);
      await page.press('.rows', 'ArrowUp');
      await page.waitForFunction((id) => document.querySelector('.row.selected')?.id === id, `row-${first - 1}`);
      const marked = async (line: string): Promise<void> => {
        // Where ends have no room, the whole range is what the pointer is told.
        await page.waitForFunction((text) => {
          const range = document.querySelector('.row.selected .range');
          return (range?.getAttribute('title') ?? range?.textContent) === text;
        }, rangeOf(line));
      };
      await page.click('.holes');
      await page.focus('.rows');
      await page.press('.rows', 'End');
      await marked(regions.at(-1) ?? '');
      await page.press('.rows', 'Home');
      await page.press('.rows', 'ArrowDown');
      await marked(regions[0] ?? '');
    });

    test('has nothing that a screen reader stumbles over', async () => {
      assert.deepEqual(await violations(page), []);
    });
  });
});
