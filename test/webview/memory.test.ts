/** The memory page: on the bundled dump as the adapter answers it, and by what it is sent: keyboard, marks, edges, hostile names. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { HostToMemory, MemoryToHost } from '../../debug-adapter/protocol/memory-panel.ts';
import { RawClient } from '../dap/raw-client.ts';
import { bundled } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { violations } from './axe.ts';
import { BytesHost, chunk, hex, pagesOf } from './bytes-host.ts';
import { MemoryHost } from './memory-host.ts';
import { WebviewPage } from './page.ts';
import { themeNames } from './themes.ts';

const places = findPlaces();
const pictures = join(root, 'artefacts/webview');

describe('the memory page', { skip: 'missing' in places ? places.missing : false }, () => {
  let memory: WebviewPage<HostToMemory, MemoryToHost>;
  let page: Page;
  let client: RawClient;
  let host: MemoryHost;
  let bytes: BytesHost;

  before(async () => {
    mkdirSync(pictures, { recursive: true });
    client = new RawClient();
    await client.launch({ image: bundled.image });
    memory = await WebviewPage.open<HostToMemory, MemoryToHost>(places, 'memory');
    ({ page } = memory);
    host = new MemoryHost(client, memory);
  });
  after(async () => {
    await memory.close();
    await client.body('disconnect');
  });
  beforeEach(async () => {
    await memory.startAnew();
    await page.setViewportSize({ width: 1280, height: 640 });
    host.forget();
    bytes = new BytesHost(memory);
  });

  const goTo = async (address: string): Promise<void> => {
    await page.keyboard.press('Control+g');
    await page.fill('.address-field input', address);
    await page.keyboard.press('Enter');
  };
  const onDump = async (address: string): Promise<void> => {
    await memory.setTheme('dark');
    await host.open();
    await goTo(address);
    await host.settle();
  };
  const heads = (): Promise<string[]> => page.$$eval('.head .what', (all) => all.map(({ textContent }) => textContent.trim()));
  const cells = (row: string): Promise<string[]> =>
    page.$$eval(`.line[data-address="${row}"] .cell`, (all) => all.map(({ textContent }) => textContent.trim()));
  const status = (): Promise<string> => page.innerText('.status');

  const answer: BytesHost['answer'] = (...how) => bytes.answer(...how);
  const open: BytesHost['open'] = (settings) => bytes.open(settings);

  test('bytes that were asked for and refused are not «being read» any more', async () => {
    await memory.send({ kind: 'session', state: 'live', name: 'one', next: null });
    await memory.send({ kind: 'opened', spaces: [], writable: false, watches: false, stop: 1 });
    assert.deepEqual(await heads(), ['reading…']);
    const problem = 'vmcore changed while it was open';
    for (const { generation, address } of await memory.sent('load'))
      await memory.send({ kind: 'pages', generation, address, pages: null, kcore: null, problem });
    assert.deepEqual(await heads(), ['not read']);
    assert.match(await status(), /changed while it was open/);
  });

  test('where the session can stop when memory changes, the byte at the cursor can be named for it', async () => {
    await open();
    assert.equal(await page.locator('.watch').count(), 0);
    await memory.send({ kind: 'opened', spaces: [], writable: true, watches: true, stop: 1 });
    await page.locator('.watch').click();
    const [asked] = await memory.sent('command');
    assert.equal(asked?.command, 'breakWhenChanged');
    assert.match(asked.address, /^0x[0-9a-f]+$/);
  });

  test('pages of a vmap_block say what they are; those that are dirty are one run, drawn as not there, with the reason', async () => {
    await onDump('ffffd4bf80833fc0');
    assert.deepEqual((await heads()).slice(0, 2), [
      'pages 52–59 of 256 · dirty: freed, waits for the purge',
      'page 60 of 256 · used · pte RW NX',
    ]);
    assert.equal(
      await page.getAttribute('.line.gone[data-address="0xffffd4bf80834000"]', 'aria-label'),
      '0xffffd4bf80834000: the pte entry is empty',
    );
    assert.match(await page.innerText('.line.fold'), /32 KiB without a mapping, up to 0xffffd4bf8083c000/);
    const { data } = await client.body<{ data: string }>('readMemory', { memoryReference: '0xffffd4bf8083c010', count: 16 });
    assert.deepEqual((await cells('0xffffd4bf8083c010')).join(''), Buffer.from(data, 'base64').toString('hex'));
    for (const theme of themeNames) {
      await memory.setTheme(theme);
      await page.screenshot({ path: join(pictures, `memory-${theme}.png`) });
    }
  });

  test('where /proc/kcore would have given other bytes, those are shown and marked; or why they are not known', async () => {
    await onDump('0xffffd4bf8083c000');
    await page.click('.kcore');
    await host.settle();
    assert.match((await heads()).join('\n'), /\/proc\/kcore differs: vmap_ram_vread_iter\(\) copies from page 0/);
    assert.deepEqual(new Set(await cells('0xffffd4bf8083c000')), new Set(['ex']));
    await page.click('.kcore');
    await host.settle();
    assert.ok(!(await cells('0xffffd4bf8083c000')).includes('ex'));
  });

  test('bytes of /proc/kcore are marked where memory holds something else', async () => {
    await open();
    await page.click('.kcore');
    const asked = (await memory.sent('load')).at(-1);
    assert.equal(asked?.kcore, true);
    const differences = [{ start: '0x4', end: '0x8', reason: 'it copies from page 0' }];
    const kcore = { address: '0x0', data: Buffer.alloc(chunk, 0x77).toString('base64'), unreadable: [], differences };
    const pages = pagesOf(0n, (at) => at);
    await memory.send({ kind: 'pages', generation: asked.generation, address: '0x0', pages, kcore, problem: null });
    assert.deepEqual((await cells('0x0')).slice(3, 6), ['77', '77', '77']);
    assert.equal(await page.locator('.cell.differs').count(), 4);
  });

  test('a space without mappings is told in few answers, and ends where it ends', async () => {
    await onDump('0x0');
    await page.focus('.grid');
    await page.keyboard.press('Control+End');
    await host.settle();
    assert.match(await status(), /^0xffffffffffffffff/);
    await goTo('0x0000800000000000');
    await host.settle();
    assert.match((await page.locator('.line.fold').allInnerTexts()).join(), /up to 0xffff800000000000/);
    assert.ok((await memory.sent('load')).length < 60, String((await memory.sent('load')).length));
  });

  test('a type of the dump lies over the bytes, member by member', async () => {
    await onDump('0xffffd4bf8083c000');
    await page.click('.view');
    await page.fill('.type-field input', 'struct list_head');
    await page.press('.type-field input', 'Enter');
    await host.settle();
    await page.waitForSelector('aside');
    assert.equal(await page.locator('.line[data-address="0xffffd4bf8083c000"] .cell.m0').count(), 8);
    assert.equal(await page.innerText('.line[data-address="0xffffd4bf8083c000"] .labels'), 'nextprev');
    const { data } = await client.body<{ data: string }>('readMemory', { memoryReference: '0xffffd4bf8083c000', count: 8 });
    assert.equal((await page.innerText('aside tr:first-child .value')).trim(), hex(Buffer.from(data, 'base64').readBigUInt64LE()));
    await page.screenshot({ path: join(pictures, 'memory-type.png') });
  });

  test('by keyboard alone: go, move, select, copy, follow, back and forward', async () => {
    await open({ fill: (at) => (at % 8 === 1 ? 0x20 : 0) });
    await goTo('0x10000');
    await answer((at) => (at % 8 === 1 ? 0x20 : 0));
    await page.keyboard.press('ArrowRight');
    assert.match(await status(), /^0x10001/);
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Control+c');
    assert.equal((await memory.sent('copy'))[0]?.text, '20 00');
    await page.keyboard.press('ArrowDown');
    assert.match(await status(), /^0x10012/);
    await page.keyboard.press('Enter');
    assert.match(await status(), /^0x2000\s/);
    await page.keyboard.press('Alt+ArrowLeft');
    assert.match(await status(), /^0x10012/);
    await page.keyboard.press('Alt+ArrowRight');
    assert.match(await status(), /^0x2000\s/);
    await answer((at) => at);
    await page.focus('.grid');
    await page.keyboard.press('PageDown');
    const [, down] = /^(0x[0-9a-f]+)/.exec(await status()) ?? [];
    assert.ok(BigInt(down ?? 0) > 0x2100n, down);
    await page.keyboard.press('PageUp');
    await page.keyboard.press('Control+Home');
    assert.match(await status(), /^0x0\s/);
  });

  test('an address beyond 64 bits is refused in place, and nothing is lost', async () => {
    await open();
    await goTo('0x10000');
    await answer((at) => at);
    const shown = await heads();
    await goTo('0x10000000000000000');
    assert.match(await page.innerText('.status .problem'), /0x10000000000000000 is beyond 64 bits/);
    assert.deepEqual(await heads(), shown);
    await goTo('0xffffffffffffffff');
    await answer((at) => at);
    await page.waitForSelector('.line[data-address="0xfffffffffffffff0"]');
    await page.focus('.grid');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('PageDown');
    assert.match(await status(), /^0xffffffffffffffff/);
    await goTo('init_task.comm');
    assert.equal((await memory.sent('evaluate'))[0]?.expression, 'init_task.comm');
  });

  test('names from the dump are text', async () => {
    const hostile = '<img src=x onerror="window.hit=1">';
    await memory.send(
      { kind: 'session', state: 'live', name: 'one', next: null },
      { kind: 'opened', spaces: [], writable: false, watches: false, stop: 1 },
    );
    await answer(
      (at) => at,
      (facts) => ({ ...facts, owner: { kind: 'symbol', summary: hostile }, flags: [hostile] }),
    );
    const member = { name: hostile, type: hostile, offset: 0, size: 8, bits: null, kind: 'pointer' } as const;
    await memory.send({ kind: 'layout', address: '0x0', layout: { name: hostile, size: 8, members: [member], cut: false } });
    await memory.send({ kind: 'problem', message: hostile });
    await page.waitForSelector('aside');
    assert.match((await heads())[0] ?? '', /^<img src=x onerror="window.hit=1">/);
    assert.equal(await page.$('.grid img, aside img, .status img'), null);
    assert.equal(await page.evaluate(() => 'hit' in window), false);
  });

  test('a session that ends while bytes come leaves those that came, and says so', async () => {
    await open();
    await goTo('0x50000');
    await memory.send({ kind: 'session', state: 'ended', name: 'one', next: 'two' });
    assert.match(await page.innerText('.banner'), /The session «one» has ended/);
    assert.match((await heads())[0] ?? '', /reading/);
    await goTo('0x40');
    assert.deepEqual((await cells('0x40')).slice(0, 2), ['40', '41']);
    await page.click('.banner button');
    assert.equal((await memory.sent('follow')).length, 1);
  });

  test('bytes in groups, in either byte order, signed and unsigned', async () => {
    await open({ fill: (at) => (at === 3 ? 0x80 : 0xff - at) });
    await page.click('.view');
    await page.selectOption('.group', '4');
    assert.equal((await cells('0x0'))[0], '80fdfeff');
    await page.selectOption('.order', 'big');
    assert.equal((await cells('0x0'))[0], 'fffefd80');
    await page.selectOption('.form', 'signed');
    assert.equal((await cells('0x0'))[0], String(0xfffefd80 | 0));
    await page.selectOption('.form', 'unsigned');
    assert.equal((await cells('0x0'))[0], String(0xfffefd80));
    await page.selectOption('.per-row', '8');
    assert.equal((await cells('0x0')).length, 2);
  });

  test('bytes that are not as they were at the last stop are marked', async () => {
    await open();
    await memory.send({ kind: 'opened', spaces: [], writable: false, watches: false, stop: 2 });
    await answer((at) => (at === 5 ? 0xee : at));
    await page.waitForSelector('.cell.changed');
    assert.equal(await page.locator('.cell.changed').count(), 1);
    assert.match((await page.getAttribute('.cell.changed', 'title')) ?? '', /was 05 at the last stop/);
  });

  test('digits write a byte where the session takes them; undo gives the old one back', async () => {
    await open({ writable: true });
    await page.focus('.grid');
    await page.keyboard.type('a5');
    const [written] = await memory.sent('write');
    assert.deepEqual([written?.address, written?.data], ['0x0', Buffer.from([0xa5]).toString('base64')]);
    assert.equal((await cells('0x0'))[0], 'a5');
    assert.equal(await page.locator('.cell.edited').count(), 1);
    await page.keyboard.press('Control+z');
    assert.equal((await memory.sent('write'))[1]?.data, Buffer.from([0]).toString('base64'));
    assert.equal(await page.locator('.cell.edited').count(), 0);
    await page.keyboard.press('Control+y');
    assert.equal((await memory.sent('write'))[2]?.data, Buffer.from([0xa5]).toString('base64'));
  });

  test('where it was is kept across a reload, and a lock is told again', async () => {
    await open();
    await goTo('0x12340');
    await answer((at) => at);
    await page.click('.lock');
    await memory.reload();
    bytes = new BytesHost(memory);
    await open();
    assert.match(await status(), /^0x12340/);
    assert.equal((await memory.sent('lock')).at(-1)?.locked, true);
  });

  for (const theme of themeNames)
    test(`has nothing that a screen reader stumbles over in the ${theme} theme`, async () => {
      await onDump('0xffffd4bf80833fc0');
      await page.click('.view');
      await page.fill('.type-field input', 'struct list_head');
      await page.press('.type-field input', 'Enter');
      await host.settle();
      await memory.setTheme(theme);
      assert.deepEqual(await violations(page), []);
    });
});
