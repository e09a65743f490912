/** The overview by what the program says of real dumps: every fact of it, the memory strip by keyboard, progress, refusals, hostile names, themes. */
import assert from 'node:assert/strict';
import { mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { InfoFacts, PageCategoriesFacts } from '../../debug-adapter/protocol/facts.ts';
import type { HostToOverview, OverviewToHost } from '../../debug-adapter/protocol/overview-panel.ts';
import type { DeathFacts } from '../../debug-adapter/protocol/stacks.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { violations } from './axe.ts';
import { editorWidths, overflowing } from './overflow.ts';
import { WebviewPage } from './page.ts';
import { themeNames } from './themes.ts';

const places = findPlaces();
const pictures = join(root, 'artefacts/webview');

interface Read {
  readonly info: InfoFacts;
  readonly pages: PageCategoriesFacts;
}

function read(path: string): Read {
  const session = openSession(nodeHost(), { paths: [path] });
  try {
    return { info: session.info(), pages: session.pageCategories({}) };
  } finally {
    session.close();
  }
}

const death: DeathFacts = {
  kind: 'panic',
  reason: 'Kernel panic - not syncing: Fatal exception',
  cpu: 3,
  pid: 812,
  comm: 'sh',
  place: 'sysrq_handle_crash+0x16/0x20',
  report: ['BUG: kernel NULL pointer dereference, address: 0000000000000008', 'RIP: 0010:sysrq_handle_crash+0x16/0x20'],
};

describe('the overview page', { skip: 'missing' in places ? places.missing : false }, () => {
  let overview: WebviewPage<HostToOverview, OverviewToHost>;
  let page: Page;
  let example: Read;

  before(async () => {
    mkdirSync(pictures, { recursive: true });
    example = read(bundled.image);
    overview = await WebviewPage.open<HostToOverview, OverviewToHost>(places, 'overview');
    ({ page } = overview);
  });
  after(() => overview.close());

  beforeEach(() => overview.startAnew());

  const show = async ({ info, pages }: Read, path = bundled.image): Promise<void> => {
    const { size, mtimeMs } = statSync(path);
    await overview.send(
      { kind: 'session', state: 'none', name: '', next: null },
      { kind: 'file', file: { name: basename(path), path, size, modified: mtimeMs } },
      { kind: 'disk', change: 'none' },
      { kind: 'info', answer: { state: 'done', facts: info } },
      { kind: 'pages', answer: { state: 'done', facts: pages } },
    );
    await page.locator('.found').waitFor();
  };
  const facts = async (section: string): Promise<Record<string, string>> => {
    const rows = await page.$$eval(`${section} > dl .fact`, (all) =>
      all.map((one) => [one.querySelector('dt')?.textContent.trim() ?? '', one.querySelector('dd')?.textContent.trim() ?? ''] as const),
    );
    return Object.fromEntries(rows);
  };
  const cells = (selector: string): Promise<string[]> =>
    page.$$eval(selector, (all) => all.map(({ textContent }) => textContent.replaceAll(/\s+/g, ' ').trim()));

  test('the bundled kdump: machine, file, memory, categories, evidence', async () => {
    await show(example);
    assert.equal(await page.innerText('h1'), 'mini-sym.kdump');
    const machine = await facts('.machine');
    assert.equal(machine['Kernel'], '6.12.117+deb12-cloud-amd64');
    assert.equal(machine['Architecture'], 'x86-64, 4 levels, pages of 4 KiB');
    assert.equal(machine['KASLR offset'], '0x22e00000');
    assert.deepEqual([machine['CPUs'], machine['Tasks'], machine['Modules'], machine['Memory']], ['4', '93', '11', '256 MiB']);
    // As crash says it of the same machine.
    assert.equal(machine['Stopped'], '2026-11-20 23:53:19 UTC');
    assert.equal(machine['Uptime'], '25 s');
    const file = await facts('.file');
    assert.equal(file['Format'], 'kdump-compressed, zlib');
    assert.equal(file['Memory in it'], '42.8 MiB of 256 MiB (16.7 %)');
    assert.equal(file['Dump level'], '31');
    assert.match(file['Left out'] ?? '', /free pages/);
    assert.match(await page.innerText('.no-death'), /No panic and no oops in the kernel log: 914 records/);
    assert.deepEqual(await cells('.chart tbody tr:first-child td.figure, .chart tbody tr:first-child td.level'), [
      '158',
      '632 KiB',
      '0.2 %',
      '1: left out here',
    ]);
    const found = await cells('.evidence > tbody > tr');
    assert.match(
      found[2] ?? '',
      /^phys_base 0xffffffffe3000000 VMCOREINFO NUMBER\(phys_base\) the kernel's variable phys_base .* 3 agree$/,
    );
    for (const theme of themeNames) {
      await overview.setTheme(theme);
      await page.screenshot({ path: join(pictures, `overview-${theme}.png`) });
    }
  });

  for (const [folder, base, levels] of [
    ['x86-64', 'page_offset_base', 4],
    ['arm64-4k', 'page offset', 4],
    ['i386-pae-pti', 'page offset', 3],
    ['s390x', 'page offset', 3],
    ['ppc64le', 'page offset', 4],
    ['riscv64-sv48', 'page offset', 4],
  ] as const)
    test(`the dump of ${folder}`, { skip: absent(folder) ?? false }, async () => {
      const path = expandedDump(folder, 'vmcore.elf');
      const { info, pages } = read(path);
      await show({ info, pages }, path);
      const machine = await facts('.machine');
      assert.match(machine['Architecture'] ?? '', new RegExp(`^${info.architecture}, ${levels} levels`));
      assert.equal(machine['Tasks'], String(info.tasks));
      assert.ok((await cells('.evidence > tbody > tr > th')).includes(base));
      assert.equal((await cells('.evidence > tbody > tr')).length, new Set(info.evidence.map(({ quantity }) => quantity)).size);
      assert.equal(await page.locator('.evidence .differ').count(), 0);
      const drawn = await page.locator('.strip .stored').first().getAttribute('d');
      assert.ok((drawn ?? '').startsWith('M0.00 1000V0.0H'), 'a whole dump has all of its memory');
      assert.equal(
        await page.locator('.strip .gap').count(),
        folder === 'x86-64' || folder === 'i386-pae-pti' || folder === 'riscv64-sv48' ? 1 : 0,
      );
      const [free] = await cells('.chart tbody tr:nth-child(5) td.figure');
      assert.equal(Number(free?.replaceAll(',', '')), pages.categories.free);
    });

  test('methods that differ are marked, with what they come to; others are a press away', async () => {
    const evidence = example.info.evidence.map((one) =>
      one.source === 'the page tables, at _stext' ? { ...one, value: '0x1000000' } : one,
    );
    await show({ ...example, info: { ...example.info, evidence } });
    const row = page.locator('.evidence > tbody > tr', { has: page.locator('.differ') });
    assert.match(await row.innerText(), /phys_base[\s\S]*the page tables, at _stext\s*0x1000000[\s\S]*they differ/);
    assert.equal(await page.locator('.evidence li', { hasText: 'makedumpfile falls back to' }).isVisible(), false);
    await page.locator('.evidence summary').focus();
    await page.keyboard.press('Enter');
    const other = page.locator('.evidence li', { hasText: 'makedumpfile falls back to' });
    assert.match(await other.innerText(), /0xffff880000000000\s+the page tables do not map physical memory there/);
  });

  test('a panic stands first: reason, function, task, and the report where it is wanted', async () => {
    await show({ ...example, info: { ...example.info, log: { ...example.info.log, death } } });
    assert.equal(await page.innerText('.death h2'), 'Kernel panic');
    assert.equal(await page.innerText('.death .reason'), death.reason);
    assert.equal(await page.innerText('.death .where'), 'in sysrq_handle_crash+0x16/0x20 · task 812 (sh) · CPU 3');
    assert.equal(await page.locator('.death pre').isVisible(), false);
    await page.locator('.death summary').press('Enter');
    assert.equal(await page.innerText('.death pre'), death.report.join('\n'));
    for (const theme of themeNames) {
      await overview.setTheme(theme);
      assert.deepEqual(await violations(page), []);
      await page.screenshot({ path: join(pictures, `overview-panic-${theme}.png`) });
    }
    await page.locator('.toolbar .copy').press('Enter');
    const [copied] = await overview.sent('copy');
    const died = `Died:              ${death.reason}, in sysrq_handle_crash+0x16/0x20 · task 812 (sh) · CPU 3`;
    assert.ok(copied?.text.split('\n').includes(died), copied?.text);
    await show({ ...example, info: { ...example.info, log: { records: 0, last: null, death: null, problem: 'the ring is damaged' } } });
    assert.match(await page.innerText('.note'), /The kernel log cannot be read: the ring is damaged/);
  });

  test('the strip by keyboard: each piece in words, and by mouse the same', async () => {
    await show(example);
    const strip = page.locator('.strip');
    const words = async (): Promise<string> => (await strip.getAttribute('aria-valuetext')) ?? '';
    assert.equal(await words(), '256 MiB of RAM, 42.8 MiB of it in the file (16.7 %)');
    await strip.focus();
    await page.keyboard.press('Home');
    assert.equal(await words(), '0x0-0x80000 · 512 KiB of RAM · 4 KiB in the file (0.8 %)');
    await page.keyboard.press('ArrowRight');
    assert.match(await words(), /^0x80000-0x100000 · /);
    await page.keyboard.press('PageDown');
    assert.equal(await strip.getAttribute('aria-valuenow'), '34');
    await page.keyboard.press('End');
    assert.match(await words(), /^0xff80000-0x10000000 · /);
    assert.equal(await page.innerText('.readout'), await words());
    await page.keyboard.press('Escape');
    assert.match(await words(), /^256 MiB of RAM/);
    const box = await page.locator('.columns').boundingBox();
    assert.ok(box !== null);
    await page.mouse.move(box.x + box.width / 2, box.y + 10);
    assert.match(await words(), /^0x(?:7f80000-0x8000000|8000000-0x8080000) · /);
  });

  test('nodes stand below their memory, and in its words', async () => {
    const nodes = [
      { id: 0, start: '0x0', end: '0x8000000' },
      { id: 1, start: '0x8000000', end: '0x10000000' },
    ];
    await show({ ...example, info: { ...example.info, memory: { ...example.info.memory, nodes } } });
    assert.deepEqual(await cells('.nodes span'), ['node 0', 'node 1']);
    await page.locator('.strip').press('End');
    assert.match(await page.innerText('.readout'), /· node 1$/);
  });

  test('memory of which only reading tells is drawn as that', async () => {
    const map = example.info.memory.map.map((piece) => ({ ...piece, stored: null }));
    await show({ ...example, info: { ...example.info, memory: { ...example.info.memory, map } } });
    assert.match(await page.innerText('.readout'), /what of it the file has shows when it is read/);
    assert.match(await page.innerText('.legend'), /only reading tells/);
    assert.equal((await facts('.file'))['Memory in it'], undefined);
  });

  test('what one can do next: each link by keyboard, values and the whole copied', async () => {
    await show(example);
    for (const link of ['debug', 'ptdump', 'vmalloc', 'processes', 'log', 'compare'])
      await page.locator(`.toolbar .${link}`).press('Enter');
    assert.deepEqual(
      (await overview.sent('open')).map(({ link }) => link),
      ['debug', 'ptdump', 'vmalloc', 'processes', 'log', 'compare'],
    );
    await page.locator('.evidence .value').first().press('Enter');
    await page.locator('.toolbar .copy').press('Enter');
    const [value, summary] = await overview.sent('copy');
    assert.equal(value?.text, '0x8a22000');
    for (const line of [
      bundled.image,
      'Kernel:            6.12.117+deb12-cloud-amd64',
      'page_offset_base:  0xffff8ea080000000 (2 agree)',
      'free:              256 (0.4 %)',
    ])
      assert.ok(summary?.text.split('\n').includes(line), `${line} in\n${summary?.text ?? ''}`);
    await overview.send({ kind: 'session', state: 'live', name: 'mini-sym.kdump', next: null });
    await page.locator('.toolbar .session').press('Enter');
    assert.equal((await overview.sent('open')).at(-1)?.link, 'session');
    await overview.send({ kind: 'problem', message: 'the launch failed' });
    assert.equal(await page.innerText('.status .problem'), 'the launch failed');
  });

  test('progress is shown where the answer will be, and can be cancelled', async () => {
    await overview.send({ kind: 'info', answer: { state: 'running', step: 'looking for the kernel', share: 0.375 } });
    assert.equal(await page.innerText('.progress .words'), 'Reading the dump: looking for the kernel, 37 %');
    await page.locator('.progress .cancel').press('Enter');
    assert.deepEqual(await overview.sent('cancel'), [{ kind: 'cancel', what: 'info' }]);
    await overview.send({ kind: 'info', answer: { state: 'none', cancelled: true } });
    await page.locator('.note .ask').press('Enter');
    assert.deepEqual(await overview.sent('ask'), [{ kind: 'ask', what: 'info' }]);
    await show(example);
    await overview.send({ kind: 'pages', answer: { state: 'running', step: '', share: null } });
    assert.equal(await page.innerText('.pages .words'), 'Counting pages');
    await page.locator('.pages .cancel').press('Enter');
    assert.equal((await overview.sent('cancel')).at(-1)?.what, 'pages');
    await overview.send({ kind: 'pages', answer: { state: 'none', cancelled: false } });
    assert.match(await page.innerText('.pages .note'), /Every struct page of 256 MiB is read/);
    await page.locator('.pages .ask').press('Enter');
    assert.equal((await overview.sent('ask')).at(-1)?.what, 'pages');
    await overview.send({ kind: 'pages', answer: { state: 'refused', message: 'its struct pages were not found' } });
    assert.match(await page.innerText('.pages'), /its struct pages were not found/);
    const asked = (await overview.sent('ask')).length;
    await page.locator('.pages .ask').press('Enter');
    assert.deepEqual((await overview.sent('ask')).slice(asked), [{ kind: 'ask', what: 'pages' }]);
    assert.ok((await facts('.machine'))['Kernel'] !== undefined, 'the rest stays');
  });

  test('a file that is refused says why, and what can be done', async () => {
    const message = 'vmcore.1: no format that Pagewalk knows; look at it with: file vmcore.1';
    await overview.send({ kind: 'info', answer: { state: 'refused', message } });
    assert.equal(await page.innerText('.refused .reason'), message);
    await page.locator('.refused .ask').press('Enter');
    await page.locator('.refused .text').press('Enter');
    assert.deepEqual((await overview.sent('ask')).length, 1);
    assert.equal((await overview.sent('open'))[0]?.link, 'text');
    assert.equal(await page.locator('.toolbar .debug').isDisabled(), true);
    assert.deepEqual(await violations(page), []);
  });

  test('a file that changed or went says so, keeps what was read, and can be read again', async () => {
    await show(example);
    await overview.send({ kind: 'disk', change: 'changed' });
    assert.match(await page.innerText('.banner'), /has changed on disk since it was read/);
    await page.locator('.banner .ask').press('Enter');
    assert.deepEqual(await overview.sent('ask'), [{ kind: 'ask', what: 'info' }]);
    await overview.send({ kind: 'disk', change: 'gone' });
    assert.match(await page.innerText('.banner'), /is no longer there/);
    assert.equal((await facts('.machine'))['CPUs'], '4');
  });

  test('names from the dump are text', async () => {
    const hostile = '<img src=x onerror="window.hit=1">';
    const { info, pages } = example;
    await overview.send({ kind: 'file', file: { name: hostile, path: `/tmp/${hostile}`, size: 1, modified: 0 } });
    await overview.send({
      kind: 'info',
      answer: {
        state: 'done',
        facts: {
          ...info,
          release: hostile,
          header: [
            { name: hostile, value: hostile },
            { name: 'nodename', value: hostile },
          ],
          evidence: [{ quantity: hostile, value: hostile, source: hostile }],
          warnings: [hostile],
          log: { ...info.log, death: { ...death, reason: hostile, comm: hostile, place: hostile, report: [hostile] } },
        },
      },
    });
    await overview.send({ kind: 'pages', answer: { state: 'done', facts: { ...pages, warnings: [hostile] } } });
    assert.equal(await page.innerText('h1'), hostile);
    assert.equal(await page.innerText('.death .reason'), hostile);
    assert.equal(await page.innerText('.warnings li'), hostile);
    assert.equal(await page.$('main img'), null);
    assert.equal(await page.evaluate(() => 'hit' in window), false);
  });

  test('what is unfolded and where one was stays, when the page is loaded anew', async () => {
    await page.setViewportSize({ width: 900, height: 500 });
    await show(example);
    await page.locator('.file details.header summary').press('Enter');
    assert.ok((await cells('.file details.header dt')).includes('phys_base'));
    await page.locator('main').evaluate((main) => {
      main.scrollTop = 300;
    });
    await page.waitForFunction(() => (JSON.parse(sessionStorage.getItem('kept') ?? '{}') as { scrolled?: number }).scrolled === 300);
    await overview.reload();
    await show(example);
    assert.equal(await page.locator('.file details.header').getAttribute('open'), '');
    assert.equal(await page.locator('main').evaluate(({ scrollTop }) => scrollTop), 300);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('nothing is cut off in an editor of any width', async () => {
    await overview.setTheme('dark');
    await show({ ...example, info: { ...example.info, log: { ...example.info.log, death } } });
    for (const width of editorWidths) {
      await page.setViewportSize({ width, height: 800 });
      assert.deepEqual(await overflowing(page), [], `in ${width} pixels`);
      await page.screenshot({ path: join(pictures, `overview-${width}.png`) });
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  for (const theme of themeNames)
    test(`${theme}: nothing that a screen reader stumbles over, wide or narrow`, async () => {
      await show(example);
      await overview.setTheme(theme);
      assert.deepEqual(await violations(page), []);
      await page.setViewportSize({ width: 400, height: 900 });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true);
      assert.equal(await page.locator('main').evaluate((main) => main.scrollWidth <= main.clientWidth), true);
      assert.deepEqual(await violations(page), []);
      await page.screenshot({ path: join(pictures, `overview-narrow-${theme}.png`) });
      await page.setViewportSize({ width: 1280, height: 800 });
    });
});
