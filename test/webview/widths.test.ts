/**
 * The panels in every width from a side bar's to a wide screen's, on the bundled dump: nothing is scrolled sideways or cut
 * without an ellipsis, columns stand below their heads, the toolbar is one line, and what is selected stays in view.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { HostToMemory, MemoryToHost } from '../../debug-adapter/protocol/memory-panel.ts';
import type { HostToPtdump, PtdumpToHost } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { RawClient } from '../dap/raw-client.ts';
import { bundled } from '../support/dumps.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { MemoryHost } from './memory-host.ts';
import { WebviewPage } from './page.ts';
import { PtdumpHost } from './ptdump-host.ts';
import { frames } from './work.ts';

const places = findPlaces();
const skip = 'missing' in places ? places.missing : false;
const widths = [350, 420, 479, 480, 600, 740, 900, 901, 1040, 1280, 1600, 2000];
const blockPage = '0xffffd4bf80801000';

/** What is wrong with how the page lies; empty where nothing is. */
function faults(page: Page, columns: readonly string[]): Promise<string[]> {
  return page.evaluate((names) => {
    const found: string[] = [];
    const box = (element: Element): DOMRect => element.getBoundingClientRect();
    for (const selector of ['html', '.rows', '.grid', '.toolbar', '.status', 'aside'])
      for (const element of document.querySelectorAll(selector))
        if (element.scrollWidth > element.clientWidth + 1)
          found.push(`${selector} is ${element.scrollWidth - element.clientWidth} px too wide`);
    for (const toolbar of document.querySelectorAll('.toolbar.one-line')) {
      if (box(toolbar).height > 45) found.push(`the toolbar is ${box(toolbar).height} px high`);
      const shown = [...toolbar.children].filter((child) => box(child).width > 0);
      shown.forEach((child, at) => {
        const next = shown[at + 1];
        if (next !== undefined && box(child).right > box(next).left + 0.5) found.push(`${child.className} lies over ${next.className}`);
      });
    }
    const scroller = document.querySelector('.rows');
    const selected = document.querySelector('.canvas .selected');
    if (scroller !== null) {
      const top = box(document.querySelector('.sticky') ?? document.querySelector('.head') ?? scroller).bottom;
      if (selected === null) found.push('the selected row is not drawn');
      else if (box(selected).top < top - 1 || box(selected).bottom > box(scroller).bottom + 1)
        found.push('the selected row is not in view');
    }
    for (const name of names) {
      const head = document.querySelector(`.columns .${name}`);
      const side = name === 'size' ? 'right' : 'left';
      for (const row of document.querySelectorAll('.canvas .row:not(.marker, .folded)')) {
        const cell = row.querySelector(`.${name}`);
        if (head === null || cell === null || box(head).width === 0) continue;
        const apart = Math.abs(box(cell)[side] - box(head)[side]);
        if (apart > 0.6) found.push(`${name} is ${apart} px beside its head`);
        const cut = getComputedStyle(cell).textOverflow === 'ellipsis';
        if (!cut && cell.scrollWidth > cell.clientWidth + 1) found.push(`${name} ${cell.textContent} is cut`);
        if (cell.scrollHeight > row.clientHeight + 1) found.push(`${name} is higher than its row`);
      }
      if (head !== null && head.scrollWidth > head.clientWidth + 1) found.push(`the head ${head.textContent} is cut`);
    }
    return [...new Set(found)];
  }, columns);
}

describe('the ptdump panel in every width', { skip }, () => {
  let ptdump: WebviewPage<HostToPtdump, PtdumpToHost>;
  let page: Page;
  let client: RawClient;
  let host: PtdumpHost;
  const columns = ['range', 'size', 'rights', 'level', 'owner', 'flags'];

  before(async () => {
    client = new RawClient();
    await client.launch({ image: bundled.image });
    ptdump = await WebviewPage.open<HostToPtdump, PtdumpToHost>(places, 'ptdump');
    ({ page } = ptdump);
    host = new PtdumpHost(client, ptdump);
    await ptdump.setTheme('dark');
    await host.open();
    await ptdump.send({ kind: 'reveal', address: blockPage });
    await host.settle();
    await page.waitForSelector('.bitmap');
  });
  after(async () => {
    await ptdump.close();
    await client.body('disconnect');
  });

  const resize = async (width: number): Promise<void> => {
    await page.setViewportSize({ width, height: 780 });
    await frames(page, 3);
    await host.settle();
  };

  test('nothing is cut, nothing lies beside its head, and the selected row is in view', async () => {
    for (const width of [...widths, ...widths.toReversed()]) {
      await resize(width);
      assert.deepEqual(await faults(page, columns), [], `${width} px wide`);
    }
  });

  test('the owner and the level are told in a narrow panel too, below the address', async () => {
    await resize(350);
    assert.equal(await page.locator('.table.tall').count(), 1);
    const [range, level, owner] = await Promise.all(
      ['range', 'level', 'owner'].map((name) => page.locator(`.row.selected .${name}`).boundingBox()),
    );
    assert.ok(range && level && owner);
    assert.ok(level.y >= range.y + range.height - 1 && Math.abs(owner.y - level.y) < 1);
    assert.ok(owner.width > 150, `${owner.width} px for the owner`);
    assert.match(await page.innerText('.row.selected .owner'), /vm_map_ram block/);
    assert.equal(await page.getAttribute('.row.selected .range', 'title'), '0xffffd4bf80800000-0xffffd4bf80834000');
  });

  test('what has no room is behind the ellipsis, by keyboard', async () => {
    await resize(350);
    await page.focus('.more');
    await page.keyboard.press('Enter');
    const items = page.locator('[role^=menuitem]');
    const names = (await items.allInnerTexts()).map((text) => text.trim());
    assert.deepEqual(names.slice(-3), ['Compare…', 'Copy the selected lines', 'Export what is shown']);
    await page.waitForFunction(() => document.activeElement?.getAttribute('role')?.startsWith('menuitem'));
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    assert.equal((await ptdump.sent('chooseExport')).length, 1);
    assert.equal(await items.count(), 0);
    await page.keyboard.press('ArrowDown');
    await items.first().waitFor();
    await page.keyboard.press('Escape');
    await items.first().waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement?.classList.contains('more')), true);
  });

  test('where there is one field, Ctrl+G makes it the one for addresses, and Escape the filter again', async () => {
    await resize(350);
    assert.equal(await page.locator('.jump').isVisible(), false);
    await page.keyboard.press('Control+g');
    await page.locator('.jump').waitFor();
    assert.equal(await page.locator('input.filter').isVisible(), false);
    await page.keyboard.type('0xffffd4bf80a02000');
    await page.keyboard.press('Enter');
    await page.locator('input.filter').waitFor();
    await host.settle();
    await page.waitForFunction(() => document.querySelector('.row.selected .range')?.textContent.includes('80a02000'));
    assert.deepEqual(await faults(page, columns), []);
    await page.keyboard.press('Control+g');
    await page.keyboard.press('Escape');
    await page.locator('input.filter').waitFor();
  });

  test('with an editor font of half as much more, rows are higher and nothing is cut', async () => {
    const set = (size: string): Promise<void> =>
      page.evaluate((value) => {
        document.documentElement.style.setProperty('--vscode-editor-font-size', value);
      }, size);
    await set('21px');
    for (const width of [350, 900, 1600]) {
      await resize(width);
      assert.deepEqual(await faults(page, columns), [], `${width} px wide`);
    }
    await set('14px');
  });

  test('a group says what is mapped in it', async () => {
    await resize(1600);
    const sum = await page.innerText('.sticky .sum');
    const text = await client.body<{ lines: { text: string; region: { present: boolean } | null }[] }>('pagewalk/ptdump', {
      mm: 'kernel',
      start: 0,
      count: 100_000,
    });
    const first = text.lines.findIndex((line) => line.text.includes('vmalloc() Area'));
    const group = text.lines.slice(first + 1);
    const regions = group
      .slice(
        0,
        group.findIndex(({ region }) => region === null),
      )
      .filter(({ region }) => region?.present === true);
    assert.equal(sum, `${regions.length} regions · ≈2.03G mapped`);
  });
});

describe('the memory panel in every width', { skip }, () => {
  let memory: WebviewPage<HostToMemory, MemoryToHost>;
  let page: Page;
  let client: RawClient;
  let host: MemoryHost;

  before(async () => {
    client = new RawClient();
    await client.launch({ image: bundled.image });
    memory = await WebviewPage.open<HostToMemory, MemoryToHost>(places, 'memory');
    ({ page } = memory);
    host = new MemoryHost(client, memory);
    await memory.setTheme('dark');
    await host.open();
    await page.keyboard.press('Control+g');
    await page.fill('.address-field input', '0xffffd4bf80833fc0');
    await page.keyboard.press('Enter');
    await host.settle();
  });
  after(async () => {
    await memory.close();
    await client.body('disconnect');
  });

  test('nothing is cut, the cursor stays in view, and the page that one is in is named above its bytes', async () => {
    for (const width of [...widths, ...widths.toReversed()]) {
      await page.setViewportSize({ width, height: 640 });
      await frames(page, 3);
      await host.settle();
      assert.deepEqual(await faults(page, []), [], `${width} px wide`);
      const [cursor, grid, head] = await Promise.all(['.cell.cursor', '.grid', '.kept'].map((part) => page.locator(part).boundingBox()));
      assert.ok(cursor && grid && head, `${width} px wide`);
      assert.ok(cursor.y >= head.y + head.height - 1 && cursor.y + cursor.height <= grid.y + grid.height + 1, `${width} px wide`);
      assert.match(await page.innerText('.kept .what'), /^page 51 of 256 · used/);
    }
  });

  test('a line that the head would cover is brought below it', async () => {
    await page.focus('.grid');
    for (let step = 0; step < 60; step++) {
      await page.keyboard.press('ArrowUp');
      const [cursor, head] = await Promise.all(['.cell.cursor', '.kept'].map((part) => page.locator(part).boundingBox()));
      assert.ok(cursor && head && cursor.y >= head.y + head.height - 1, `after ${step + 1} lines`);
    }
  });
});
