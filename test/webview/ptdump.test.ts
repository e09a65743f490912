/** The ptdump page by what it is sent: hostile names, filters, sessions that end, spaces of 32 and 64 bits. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { HostToPtdump, PtdumpToHost } from '../../debug-adapter/protocol/ptdump-panel.ts';
import type { PtdumpLine } from '../../debug-adapter/protocol/requests.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { violations } from './axe.ts';
import { WebviewPage } from './page.ts';
import { themeNames } from './themes.ts';

const places = findPlaces();

function region(start: bigint, pages: bigint, words: string, level = 'pte'): PtdumpLine {
  const top = start !== 0n && start < 1n << 32n ? 32n : 64n;
  const end = BigInt.asUintN(Number(top), start + (pages << 12n));
  const hex = (value: bigint): string => `0x${value.toString(16).padStart(Number(top) / 4, '0')}`;
  const attributes = words.split(/\s+/).filter((word) => word !== '');
  const text = `${hex(start)}-${hex(end)} ${String(pages * 4n).padStart(10)}K     ${words} ${level}`;
  return {
    text,
    region: { start: `0x${start.toString(16)}`, end: `0x${end.toString(16)}`, level, attributes, present: attributes.length > 0 },
    marker: null,
  };
}

function marker(name: string, address: bigint): PtdumpLine {
  return { text: `---[ ${name} ]---`, region: null, marker: `0x${address.toString(16)}` };
}

const base = 0xffff_8880_0000_0000n;
const lines: readonly PtdumpLine[] = [
  marker('User Space', 0n),
  region(0n, 1n << 35n, '', 'pgd'),
  marker('Low Kernel Mapping', base),
  region(base, 1n, 'RW                 GLB NX'),
  region(base + 0x1000n, 1n, 'ro                 GLB NX'),
  region(base + 0x2000n, 2n, ''),
  region(base + 0x4000n, 512n, '', 'pmd'),
  region(base + 0x20_4000n, 512n, 'RW         PSE     GLB x ', 'pmd'),
  marker('KASAN shadow', 0xffff_ec00_0000_0000n),
  region(0xffff_ec00_0000_0000n, 4n, 'ro                 GLB NX'),
  marker('End', 0xffff_ffff_ffe0_0000n),
  region(0xffff_ffff_ffe0_0000n, 512n, 'RW     PCD         GLB NX', 'pmd'),
];

describe('the ptdump page', { skip: 'missing' in places ? places.missing : false }, () => {
  let ptdump: WebviewPage<HostToPtdump, PtdumpToHost>;
  let page: Page;

  before(async () => {
    ptdump = await WebviewPage.open<HostToPtdump, PtdumpToHost>(places, 'ptdump');
    ({ page } = ptdump);
  });
  after(() => ptdump.close());
  beforeEach(() => ptdump.startAnew());

  const start = async (): Promise<number> => {
    await ptdump.send(
      { kind: 'session', state: 'live', name: 'one', next: null },
      { kind: 'spaces', spaces: [{ id: 'kernel', label: 'kernel (init_mm)', root: '0x1000', userRoot: null }] },
    );
    const { generation } = (await ptdump.sent('load')).at(-1) ?? { generation: -1 };
    return generation;
  };
  const show = async (sent: readonly PtdumpLine[] = lines): Promise<number> => {
    const generation = await start();
    await ptdump.send({ kind: 'lines', generation, start: 0, total: sent.length, lines: sent });
    await page.waitForSelector('.row');
    return generation;
  };
  const count = async (wanted: string): Promise<void> => {
    await page.waitForFunction((text) => document.querySelector('.count')?.textContent.trim() === text, wanted);
  };
  const ranges = (): Promise<string[]> =>
    page.$$eval('.row:not(.marker) .range', (cells) => cells.map(({ textContent }) => textContent.trim()));

  test('holes that follow each other, and the KASAN shadow, are folded and open by keyboard', async () => {
    await show();
    assert.deepEqual(await ranges(), [
      '0x0000000000000000-0x0000800000000000',
      '0xffff888000000000-0xffff888000001000',
      '0xffff888000001000-0xffff888000002000',
      '2 holes from 0xffff888000002000',
      '0xffff888000204000-0xffff888000404000',
      '0xffffffffffe00000-0x0000000000000000',
    ]);
    await page.focus('.rows');
    await page.press('.rows', 'End');
    await page.press('.rows', 'ArrowUp');
    await page.press('.rows', 'ArrowUp');
    await page.press('.rows', 'Enter');
    await page.waitForFunction(() => document.body.textContent.includes('0xffffec0000000000-0xffffec0000004000'));
    await page.click('.row.folded');
    await page.focus('.rows');
    await page.press('.rows', 'ArrowRight');
    await page.waitForFunction(() => document.querySelector('.row.folded') === null);
    assert.equal((await ranges()).length, 8);
  });

  for (const [filter, shown] of [
    ['w+x', ['0xffff888000204000-0xffff888000404000']],
    ['PCD', ['0xffffffffffe00000-0x0000000000000000']],
    ['level:pmd size>=2M -hole', ['0xffff888000204000-0xffff888000404000', '0xffffffffffe00000-0x0000000000000000']],
    ['va:0xffff888000001fff', ['0xffff888000001000-0xffff888000002000']],
    ['va:0xffff888000000000-0xffff888000001001', ['0xffff888000000000-0xffff888000001000', '0xffff888000001000-0xffff888000002000']],
    ['w+x | PCD', ['0xffff888000204000-0xffff888000404000', '0xffffffffffe00000-0x0000000000000000']],
    ['"ffffec"', ['0xffffec0000000000-0xffffec0000004000']],
  ] as const)
    test(`the filter ${filter}`, async () => {
      await show();
      await page.fill('input.filter', filter);
      await count(`${shown.length} of 8 regions`);
      assert.deepEqual(await ranges(), shown);
    });

  for (const [filter, said] of [
    ['level:pgdd', 'there is no level pgdd; there are pgd, pte, pmd'],
    ['size>=', 'write size>=2M'],
    ['va:0x10000000000000000', 'is beyond 64 bits'],
    ['va:zz', 'is no address'],
    ['"open', 'the quotation mark is not closed'],
    ['colour:red', 'colour: is no filter'],
    ['RW |', 'nothing stands behind |'],
  ] as const)
    test(`the filter ${filter} is wrong, which is said, and nothing is lost`, async () => {
      await show();
      const shown = await ranges();
      await page.fill('input.filter', filter);
      await page.press('input.filter', 'Escape');
      await page.waitForSelector('#filter-problem');
      assert.match(await page.innerText('#filter-problem'), new RegExp(said.replaceAll(/[|.]/g, '\\$&')));
      assert.deepEqual(await ranges(), shown);
    });

  test('what may be written is offered, words of other architectures as well', async () => {
    await show();
    await page.focus('input.filter');
    await page.keyboard.type('lev');
    assert.deepEqual(await page.$$eval('[role=option]', (all) => all.map(({ textContent }) => textContent.trim())), [
      'level:pgd',
      'level:pte',
      'level:pmd',
    ]);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.equal(await page.inputValue('input.filter'), 'level:pgd ');
    await page.keyboard.type('UX');
    assert.deepEqual(await page.$$eval('[role=option]', (all) => all.map(({ textContent }) => textContent.trim())), ['UXN']);
  });

  test('owners are asked for what is in view, once, and names are text', async () => {
    const generation = await show();
    const [asked] = await ptdump.sent('owners');
    assert.equal(asked?.asked.length, 6);
    const hostile = '<img src=x onerror="window.hit=1">';
    await ptdump.send(
      { kind: 'owners', generation, owners: asked.asked.map(({ line }) => ({ line, owner: hostile })) },
      {
        kind: 'details',
        address: '0x0',
        identify: { address: '0x0', kind: 'symbol', summary: hostile, details: [] },
        walk: {
          virtual: '0x0',
          physical: null,
          pfn: null,
          pageSize: 4096,
          levels: [],
          register: null,
          reason: hostile,
          effective: null,
          cacheType: null,
        },
        block: null,
      },
    );
    await page.waitForFunction((text) => document.querySelector('.row .owner')?.textContent.trim() === text, hostile);
    assert.equal(await page.$('.row img, aside img'), null);
    await page.fill('input.filter', 'owner:onerror');
    await count('6 of 8 regions; owners of 6 are known so far');
    assert.equal(await page.evaluate(() => 'hit' in window), false);
  });

  test('rows are copied as the kernel printed them, holes of a folded run among them', async () => {
    await show();
    await page.focus('.rows');
    await page.press('.rows', 'Control+a');
    await page.press('.rows', 'Control+c');
    assert.equal((await ptdump.sent('copy'))[0]?.text, lines.map(({ text }) => `${text}\n`).join(''));
    await ptdump.send({ kind: 'export', format: 'json' }, { kind: 'export', format: 'csv' }, { kind: 'export', format: 'text' });
    const [json, csv, text] = await ptdump.whenSent('save', 3);
    const { regions, markers } = JSON.parse(json?.text ?? '') as { regions: unknown[]; markers: unknown[] };
    assert.deepEqual(
      regions,
      lines.flatMap((line) => line.region ?? []),
    );
    assert.equal(markers.length, 4);
    assert.equal(csv?.text.split('\n').length, 10);
    assert.equal(text?.text, lines.map((line) => `${line.text}\n`).join(''));
  });

  test('findings that are refused say why, and are asked for again', async () => {
    const generation = await show();
    const problem = 'the work was not finished, for its thread ended (exit status 1); ask again';
    const asked = (await ptdump.sent('findings')).length;
    await ptdump.send({ kind: 'findings', generation, findings: [], problem });
    assert.ok((await page.innerText('.status')).includes(problem));
    await page.click('.ask-findings');
    assert.deepEqual((await ptdump.sent('findings')).slice(asked), [{ kind: 'findings', generation, mm: 'kernel' }]);
    assert.match(await page.innerText('.status'), /looking for findings/);
    assert.equal(await page.locator('.ask-findings').count(), 0);
  });

  test('a session that ends leaves what it showed, and says so', async () => {
    await show();
    await ptdump.send({ kind: 'session', state: 'ended', name: 'one', next: 'two' });
    assert.match(await page.innerText('.banner'), /The session «one» has ended. This is a snapshot/);
    assert.equal((await ranges()).length, 6);
    await page.fill('input.filter', 'w+x');
    await count('1 of 8 regions');
    await page.click('.banner button');
    assert.equal((await ptdump.sent('follow')).length, 1);
  });

  test('a session that ends while its lines come leaves those that came', async () => {
    const generation = await start();
    await ptdump.send(
      { kind: 'lines', generation, start: 0, total: lines.length, lines: lines.slice(0, 6) },
      { kind: 'session', state: 'ended', name: 'one', next: null },
      { kind: 'problem', message: 'canceled' },
    );
    assert.match(await page.innerText('.banner'), /Only 6 of 12 lines had been read/);
    assert.match(await page.innerText('.status'), /canceled/);
    assert.ok((await ranges()).length >= 3);
  });

  test('the address space is asked for in the window, and shown when it is told', async () => {
    await show();
    assert.equal(await page.innerText('.space'), 'kernel (init_mm)');
    await page.click('.space');
    assert.equal((await ptdump.sent('chooseSpace')).length, 1);
    await ptdump.send({ kind: 'space', mm: '0x5000', user: false });
    assert.deepEqual(
      (await ptdump.sent('load')).map(({ mm }) => mm),
      ['kernel', '0x5000'],
    );
    await page.waitForFunction(() => document.querySelector('.space')?.textContent.trim() === 'root at 0x5000');
    await page.click('.compare');
    assert.deepEqual(
      (await ptdump.sent('command')).map(({ command, mm }) => [command, mm]),
      [['comparePageTables', '0x5000']],
    );
  });

  test('what is not as it was at the last stop is marked, and can be filtered', async () => {
    await show();
    const from = `0x${(base + 0x1000n).toString(16)}`;
    await ptdump.send({
      kind: 'changes',
      since: 'the last stop',
      entries: [{ mm: 'kernel', start: from, end: `0x${(base + 0x2000n).toString(16)}`, user: false }],
    });
    assert.deepEqual(await page.$$eval('.row .changed', (all) => all.map((mark) => mark.getAttribute('aria-label'))), [
      'changed since the last stop',
    ]);
    assert.match(await page.innerText('.status'), /1 entry changed since the last stop/);
    await page.fill('input.filter', 'changed');
    await count('1 of 8 regions');
    assert.deepEqual(await ranges(), ['0xffff888000001000-0xffff888000002000']);
  });

  const details = async (): Promise<void> => {
    await show();
    await page.click('.row.ro');
    const address = `0x${(base + 0x3000n).toString(16)}`;
    const facts = {
      address: '0xffff8880a0b0c000',
      free: 2,
      dirty: 1,
      dirtyMin: 2,
      dirtyMax: 3,
      pages: 8,
      cpu: 1,
      freeListCpu: 1,
      index: '0x1',
      arrayCpu: 1,
    };
    await ptdump.send({
      kind: 'details',
      address,
      identify: { address, kind: 'vmap-block', summary: 'used page 3 of 8 of a vm_map_ram block', details: [] },
      walk: {
        virtual: address,
        physical: '0x1000',
        pfn: 1,
        pageSize: 4096,
        levels: [],
        register: null,
        reason: null,
        effective: null,
        cacheType: 'WB',
      },
      block: {
        start: `0x${base.toString(16)}`,
        facts: {
          ...facts,
          used: [
            [0, 2],
            [3, 2],
          ],
        },
      },
    });
    await page.waitForSelector('.bitmap');
  };

  test('the pages of a vmap_block are a bitmap', async () => {
    await details();
    const cells = await page.$$eval('.bitmap i', (all) => all.map((cell) => cell.getAttribute('class')));
    assert.deepEqual(cells, ['used', 'used', 'dirty', 'used at', 'used', 'dirty', 'free', 'free']);
    assert.equal(await page.getAttribute('.bitmap', 'aria-label'), '4 pages used, 2 dirty, 2 free');
    assert.match(await page.innerText('aside h3'), /vmap_block 0xffff8880a0b0c000 · CPU 1/);
  });

  for (const theme of themeNames)
    test(`has nothing that a screen reader stumbles over in the ${theme} theme`, async () => {
      await ptdump.setTheme(theme);
      await details();
      assert.deepEqual(await violations(page), []);
    });

  test('the last region of a 32-bit space has its size', async () => {
    await show([marker('Kernel', 0xc000_0000n), region(0xffff_e000n, 2n, 'RW NX')]);
    assert.match(await page.innerText('.row:not(.marker)'), /0xffffe000-0x00000000\s+8K/);
    await page.fill('.jump input', 'fffff000');
    await page.press('.jump input', 'Enter');
    await page.waitForSelector('.row.selected');
    await page.fill('.jump input', '0x1ffffffffffffffff');
    await page.press('.jump input', 'Enter');
    assert.match(await page.innerText('.status .problem'), /beyond 64 bits/);
  });

  test('the map is used by keyboard and by mouse', async () => {
    await show();
    const canvas = page.locator('pagewalk-map canvas');
    const said = async (): Promise<string> => (await canvas.getAttribute('aria-valuetext')) ?? '';
    await canvas.focus();
    for (let step = 0; step < 8; step++) await canvas.press('PageDown');
    assert.match(await said(), /^0xffffffffff?[0-9a-f]+ · End/);
    for (let step = 0; step < 60; step++) await canvas.press('+');
    await canvas.press('Enter');
    await page.waitForSelector('.row.selected');
    assert.match(await page.innerText('.row.selected .range'), /0xffffffffffe00000/);
    await canvas.press('0');
    const box = await canvas.boundingBox();
    assert.ok(box !== null);
    await page.mouse.move(box.x + 10, box.y + 2);
    await page.mouse.down();
    await page.mouse.move(box.x + 10, box.y + box.height - 2, { steps: 5 });
    await page.mouse.up();
    await page.waitForFunction(() => document.querySelectorAll('.row.selected').length > 5);
  });
});
