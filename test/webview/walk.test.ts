/** The translation page: the walk of real addresses as the adapter tells it, where a right is lost, where it ends; keyboard and hostile names. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { IdentifyFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import type { HostToWalk, WalkToHost } from '../../debug-adapter/protocol/walk-panel.ts';
import { RawClient } from '../dap/raw-client.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { violations } from './axe.ts';
import { editorWidths, overflowing } from './overflow.ts';
import { WebviewPage } from './page.ts';
import { themeNames } from './themes.ts';

const places = findPlaces();
const pictures = join(root, 'artefacts/webview');
const blockPage = '0xffffd4bf80801008';

async function walkOf(client: RawClient, address: string): Promise<Extract<HostToWalk, { kind: 'walk' }>> {
  const asked = { addresses: [address] };
  const [identify] = (await client.body<{ results: IdentifyFacts[] }>('pagewalk/identify', asked)).results;
  const [walk] = (await client.body<{ results: TranslationFacts[] }>('pagewalk/translate', asked)).results;
  assert.ok(identify !== undefined && walk !== undefined);
  return { kind: 'walk', mm: '', identify, walk, addressBits: 64 };
}

describe('the translation page', { skip: 'missing' in places ? places.missing : false }, () => {
  let walkPage: WebviewPage<HostToWalk, WalkToHost>;
  let page: Page;
  let client: RawClient;

  before(async () => {
    mkdirSync(pictures, { recursive: true });
    client = new RawClient();
    await client.launch({ image: bundled.image });
    walkPage = await WebviewPage.open<HostToWalk, WalkToHost>(places, 'walk');
    ({ page } = walkPage);
  });
  after(async () => {
    await walkPage.close();
    await client.body('disconnect');
  });
  beforeEach(async () => {
    await walkPage.startAnew();
    await walkPage.send({ kind: 'session', state: 'live', name: 'one', next: null });
  });

  test('every step from the register to the byte, with what is lost on the way', async () => {
    const shown = await walkOf(client, blockPage);
    await walkPage.send(shown);
    const rungs = await page.$$eval('.rung', (all) => all.map(({ textContent }) => textContent.replaceAll(/\s+/g, ' ').trim()));
    assert.deepEqual(rungs, ['CR3', 'pgd[425]', 'pud[254]', 'pmd[4]', 'pte[1]', '']);
    const entries = await page.$$eval('.entry', (all) => all.map(({ textContent }) => textContent));
    assert.deepEqual(
      entries,
      shown.walk.levels.map(({ entry }) => entry),
    );
    assert.match(await page.innerText('.step:nth-child(5)'), /execute is lost here/);
    assert.match(await page.innerText('.end'), /0x3b9f008\s+physical, page of 4 KiB\s+RW NX\s+WB/);
    assert.deepEqual(await page.$$eval('.field .label', (all) => all.map(({ textContent }) => textContent.trim())), [
      'not translated',
      'pgd [425]',
      'pud [254]',
      'pmd [4]',
      'pte [1]',
      'byte in the page',
    ]);
    for (const theme of themeNames) {
      await walkPage.setTheme(theme);
      await page.screenshot({ path: join(pictures, `walk-${theme}.png`) });
    }
  });

  for (const [folder, register] of [
    ['x86-64', 'CR3'],
    ['arm64-4k', 'TTBR1_EL1'],
    ['arm64-64k', 'TTBR1_EL1'],
    ['riscv64-sv48', 'satp'],
    ['s390x', 'ASCE'],
  ] as const)
    test(`the bits of an address are cut as the tables of ${folder} index them`, { skip: absent(folder) }, async () => {
      const other = new RawClient();
      await other.launch({ image: expandedDump(folder, 'vmcore.elf') });
      const { memoryReference } = await other.body<{ memoryReference: string }>('evaluate', { expression: '&init_task', context: 'watch' });
      const shown = await walkOf(other, memoryReference);
      await other.body('disconnect');
      await walkPage.send(shown);
      const { virtual, levels, effective } = shown.walk;
      const digits = await page.$$eval('.digits', (all) => all.map(({ textContent }) => textContent.replaceAll(/[^01]/g, '')).join(''));
      assert.equal(digits, BigInt(virtual).toString(2).padStart(64, '0'));
      const labels = await page.$$eval('.field .label', (all) => all.flatMap(({ textContent }) => /\w+ \[\d+\]/.exec(textContent) ?? []));
      assert.deepEqual(
        labels,
        levels.map(({ level, index }) => `${level} [${index}]`),
      );
      assert.equal(await page.innerText('.root .rung'), register);
      assert.equal(
        levels.every(({ rights }) => rights.write),
        effective?.write,
      );
    });

  test('by keyboard: each step opens its table in memory and in the page tables', async () => {
    const shown = await walkOf(client, blockPage);
    await walkPage.send(shown);
    await page.locator('.step:nth-child(3) vscode-toolbar-button button').first().focus();
    await page.keyboard.press('Enter');
    assert.equal((await walkPage.sent('openPhysical'))[0]?.address, shown.walk.levels[1]?.entryAddress);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal((await walkPage.sent('reveal'))[0]?.address, blockPage);
    await page.fill('.address-field input', '&init_task');
    await page.press('.address-field input', 'Enter');
    assert.equal((await walkPage.sent('show'))[0]?.expression, '&init_task');
  });

  test('a walk that ends says where and why', async () => {
    for (const address of ['0x0', '0xffffffffffffffff', '0xffffd4bf80834000']) {
      const shown = await walkOf(client, address);
      await walkPage.send(shown);
      assert.ok((await page.innerText('.end')).includes(shown.walk.reason ?? ''), address);
      assert.equal(await page.locator('.broken .so-far').innerText(), '', 'an empty entry has no rights');
    }
  });

  test('an address beyond 64 bits is refused in place, and nothing is lost', async () => {
    await walkPage.send(await walkOf(client, blockPage));
    await page.fill('.address-field input', '0x1ffffffffffffffff');
    await page.press('.address-field input', 'Enter');
    assert.match(await page.innerText('.status .problem'), /beyond 64 bits/);
    assert.equal((await walkPage.sent('show')).length, 0);
    assert.equal(await page.locator('.rung').count(), 6);
  });

  test('names from the dump are text', async () => {
    const hostile = '<img src=x onerror="window.hit=1">';
    const shown = await walkOf(client, blockPage);
    const levels = shown.walk.levels.map((level) => ({ ...level, flags: [hostile], defect: hostile }));
    const details = [hostile, hostile].map((summary) => ({ kind: 'symbol', summary }));
    await walkPage.send({ ...shown, identify: { ...shown.identify, summary: hostile, details }, walk: { ...shown.walk, levels } });
    assert.equal(await page.innerText('h1'), hostile);
    assert.equal(await page.$('main img'), null);
    assert.equal(await page.evaluate(() => 'hit' in window), false);
  });

  test('a session that ends leaves the walk, and says so; a page that is loaded anew asks for it', async () => {
    await walkPage.send(await walkOf(client, blockPage));
    await walkPage.send({ kind: 'session', state: 'ended', name: 'one', next: null });
    assert.match(await page.innerText('.banner'), /The session «one» has ended/);
    assert.equal(await page.locator('.rung').count(), 6);
    await walkPage.reload();
    await walkPage.send({ kind: 'session', state: 'live', name: 'two', next: null });
    assert.equal((await walkPage.sent('show'))[0]?.expression, blockPage);
  });

  test('nothing is cut off in an editor of any width', async () => {
    await walkPage.setTheme('dark');
    for (const address of [blockPage, '0x0', '0xffffd4bf80834000']) {
      await walkPage.send(await walkOf(client, address));
      for (const width of editorWidths) {
        await page.setViewportSize({ width, height: 700 });
        assert.deepEqual(await overflowing(page), [], `${address} in ${width} pixels`);
        if (address === blockPage) await page.screenshot({ path: join(pictures, `walk-${width}.png`) });
      }
    }
    await page.setViewportSize({ width: 1400, height: 900 });
  });

  test('what all steps have stands below each other', async () => {
    await walkPage.send(await walkOf(client, blockPage));
    for (const part of ['.entry', '.flags', '.at', '.so-far']) {
      const edges = await page.$$eval(`.step > .what ${part}`, (all) => all.map((one) => Math.round(one.getBoundingClientRect().left)));
      assert.equal(edges.length, 4);
      assert.equal(new Set(edges).size, 1, `${part} at ${edges.join(' ')}`);
    }
  });

  test('the block whose page it is, and what /proc/kcore makes of it, are told once', async () => {
    await walkPage.send(await walkOf(client, blockPage));
    assert.deepEqual(await page.$$eval('main > ul li', (all) => all.map(({ textContent }) => textContent.replace(/:.*/, ''))), [
      'vmap_block 0xffff8ea083bdac00 · CPU 1 · 0 free, 107 dirty',
      'byte 0x1008 of the vm_map_ram area 0xffffd4bf80800000-0xffffd4bf80900000',
      '/proc/kcore gives 0xffffd4bf80800008 instead',
    ]);
  });

  for (const theme of themeNames)
    test(`has nothing that a screen reader stumbles over in the ${theme} theme`, async () => {
      await walkPage.send(await walkOf(client, blockPage));
      await walkPage.setTheme(theme);
      assert.deepEqual(await violations(page), []);
    });
});
