/** The memory page by hand: wheel, grip and keys, search, back and forward, undo and redo, another panel, the lock. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { HostToMemory, MemoryToHost } from '../../debug-adapter/protocol/memory-panel.ts';
import type { SearchHit } from '../../debug-adapter/protocol/search.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { BytesHost, hex } from './bytes-host.ts';
import { WebviewPage } from './page.ts';
import { busiest, elementsOf, frames } from './work.ts';

const places = findPlaces();
const byIndex = (at: number): number => at;
const hitAt = (at: bigint): SearchHit => ({ virtual: hex(at), physical: '0x1000', what: { kind: 'direct-map', summary: 'direct map' } });
/** Of the kernel's addresses, at which a bar for all of the space would be at its end. */
const far = 0xffff_8880_0010_0000n;

describe('the memory page by hand', { skip: 'missing' in places ? places.missing : false }, () => {
  let memory: WebviewPage<HostToMemory, MemoryToHost>;
  let page: Page;
  let bytes: BytesHost;

  before(async () => {
    memory = await WebviewPage.open<HostToMemory, MemoryToHost>(places, 'memory');
    ({ page } = memory);
    await page.setViewportSize({ width: 1280, height: 640 });
  });
  after(() => memory.close());
  beforeEach(async () => {
    await memory.startAnew();
    bytes = new BytesHost(memory);
  });

  const goTo = async (address: bigint): Promise<void> => {
    await page.keyboard.press('Control+g');
    await page.fill('.address-field input', hex(address));
    await page.keyboard.press('Enter');
    await bytes.answer(byIndex);
  };
  const cursor = async (): Promise<bigint> => BigInt(/^0x[0-9a-f]+/.exec(await page.innerText('.status'))?.[0] ?? '0');
  /** The line that stands highest. */
  const topLine = (): Promise<bigint> =>
    page
      .$$eval('.line', (lines) => lines.find((line) => (line as HTMLElement).style.top === '0px')?.getAttribute('data-address') ?? '0')
      .then(BigInt);
  /** Pulls the grip by as many pixels and holds it there. */
  const pull = async (pixels: number): Promise<bigint> => {
    const bar = await page.locator('.scroll').boundingBox();
    assert.ok(bar !== null);
    const [x, y] = [bar.x + bar.width / 2, bar.y + bar.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x, y + pixels / 2);
    await page.mouse.move(x, y + pixels);
    await bytes.answer(byIndex);
    return topLine();
  };

  test('the wheel goes by lines: three rows are drawn, and no element is made or moved', async () => {
    await bytes.open();
    await goTo(far + 0x800n);
    const before64 = await topLine();
    await frames(page, 20);
    const { made, moved } = await elementsOf(page, '.grid', async () => {
      await page.mouse.move(400, 300);
      await page.mouse.wheel(0, 60);
      await page.waitForFunction(
        (was) => document.querySelector<HTMLElement>('.line[style="top:0px"]')?.dataset['address'] !== was,
        hex(before64),
      );
    });
    assert.equal((await topLine()) - before64, 48n);
    assert.deepEqual({ made, moved }, { made: 0, moved: 0 });
  });

  test('with thousands of places found and bytes written, a row is still drawn by what lies in it', async () => {
    await bytes.open({ writable: true });
    const hits = Array.from({ length: 5000 }, (_, at) => hitAt(BigInt(at * 64)));
    await memory.send({ kind: 'hits', pattern: '00', hits, length: 1, complete: true, problem: null });
    await bytes.answer(byIndex);
    await page.focus('.grid');
    const { runs, where } = await busiest(page, async () => {
      for (let step = 0; step < 10; step++) await page.keyboard.press('Control+ArrowDown');
    });
    assert.ok(runs < 40_000, `${where} ran ${runs} times`);
  });

  test('the grip goes by rows near where it rests, far as it is pulled farther, and to both ends', async () => {
    await bytes.open();
    await goTo(far);
    const start = await topLine();
    const near = await pull(16);
    assert.ok(near > start && near - start < 256n, `${hex(near - start)} from ${hex(start)}`);
    assert.match(await page.innerText('.pulled'), /^0xffff8880\w+ \+\d+ bytes$/);
    await page.mouse.up();
    assert.equal(await page.locator('.pulled').count(), 0);
    const [grip, bar] = await Promise.all(['.grip', '.scroll'].map((part) => page.locator(part).boundingBox()));
    assert.ok(grip && bar);
    assert.ok(Math.abs(grip.y + grip.height / 2 - bar.y - bar.height / 2) < 1, JSON.stringify([grip, bar]));
    const farther = await pull(60);
    assert.ok(farther - near > 0x100n, `${hex(farther)} from ${hex(near)}`);
    await page.mouse.up();
    assert.equal(await pull(-1000), 0n);
    await page.mouse.up();
    await pull(1000);
    await page.waitForSelector('.line[data-address="0xfffffffffffffff0"]');
    await page.mouse.up();
  });

  test('a press above or below the grip turns a page of the view; the tick tells where in all of the space one is', async () => {
    await bytes.open();
    await goTo(far);
    const start = await topLine();
    const bar = await page.locator('.scroll').boundingBox();
    assert.ok(bar !== null);
    await page.mouse.click(bar.x + 5, bar.y + bar.height - 4);
    await bytes.answer(byIndex);
    const below = await topLine();
    assert.ok(below - start > 256n && below - start < 1024n);
    await page.mouse.click(bar.x + 5, bar.y + 4);
    assert.equal(await topLine(), start);
    assert.equal(await page.getAttribute('.scroll', 'aria-valuenow'), '100');
    assert.equal(await page.getAttribute('.scroll', 'aria-valuetext'), hex(start));
    await goTo(1n << 63n);
    assert.match((await page.getAttribute('.scroll .where', 'style')) ?? '', /top:(?:50|49\.999)/);
  });

  test('Ctrl with an arrow moves what is in view, Alt with Page Up and Down goes by pages of memory', async () => {
    await bytes.open();
    await goTo(far + 0x820n);
    const start = await topLine();
    await page.keyboard.press('Control+ArrowDown');
    await page.waitForFunction(
      (was) => document.querySelector<HTMLElement>('.line[style="top:0px"]')?.dataset['address'] !== was,
      hex(start),
    );
    assert.equal(await cursor(), far + 0x820n);
    await page.keyboard.press('Alt+PageDown');
    await bytes.answer(byIndex);
    assert.equal(await cursor(), far + 0x1000n);
    await page.keyboard.press('Alt+PageUp');
    assert.equal(await cursor(), far);
    await page.keyboard.press('Alt+PageUp');
    await bytes.answer(byIndex);
    assert.equal(await cursor(), far - 0x1000n);
  });

  test('a press on a letter takes the byte that it stands for', async () => {
    await bytes.open();
    await goTo(far);
    const letters = await page.locator(`.line[data-address="${hex(far)}"] .letters`).boundingBox();
    assert.ok(letters !== null);
    await page.mouse.click(letters.x + (letters.width * 5.5) / 16, letters.y + 5);
    assert.equal(await cursor(), far + 5n);
  });

  test('search: what is found is marked and gone to, next and previous go round, nothing found and a wrong pattern are said', async () => {
    await bytes.open();
    await page.keyboard.press('Control+f');
    await page.waitForSelector('.search-field input');
    await page.fill('.search-field input', '48 8b ?? c3');
    await page.press('.search-field input', 'Enter');
    assert.deepEqual(
      (await memory.sent('search')).map(({ pattern, mm, physical }) => [pattern, mm, physical]),
      [['48 8b ?? c3', 'kernel', false]],
    );
    assert.equal(await page.innerText('.options [role=status]'), 'searching…');
    const hits = [far, far + 0x40n, far + 0x9000n].map(hitAt);
    await memory.send({ kind: 'hits', pattern: '48 8b ?? c3', hits, length: 4, complete: true, problem: null });
    await bytes.answer(byIndex);
    assert.equal(await cursor(), far);
    assert.equal(await page.innerText('.found'), '1 of 3');
    assert.deepEqual(
      await page.$$eval('.cell.hit', (cells) => cells.map(({ id }) => id)),
      [0n, 1n, 2n, 3n, 0x40n, 0x41n, 0x42n, 0x43n].map((at) => `b${(far + at).toString(16)}`),
    );
    await page.keyboard.press('F3');
    assert.equal(await cursor(), far + 0x40n);
    await page.keyboard.press('Shift+F3');
    await page.keyboard.press('Shift+F3');
    await bytes.answer(byIndex);
    assert.equal(await cursor(), far + 0x9000n);
    assert.equal(await page.innerText('.found'), '3 of 3');
    await page.press('.search-field input', 'Enter');
    assert.equal(await cursor(), far);
    await page.fill('.search-field input', '"nowhere"');
    await page.press('.search-field input', 'Enter');
    await memory.send({ kind: 'hits', pattern: '"nowhere"', hits: [], length: 7, complete: true, problem: null });
    assert.equal(await page.innerText('.found'), 'found nowhere');
    await page.fill('.search-field input', '4');
    await page.press('.search-field input', 'Enter');
    await memory.send({ kind: 'hits', pattern: '4', hits: [], length: 0, complete: false, problem: '4 is half a byte.' });
    assert.equal(await page.innerText('.status .problem'), '4 is half a byte.');
    assert.equal(await cursor(), far);
    const asked = (await memory.sent('search')).length;
    await page.press('.search-field input', 'Enter');
    assert.equal((await memory.sent('search')).length, asked + 1, 'what was refused is asked again');
  });

  test('a pattern that is none is said while it is typed; an answer about an older one counts no more', async () => {
    await bytes.open();
    await page.keyboard.press('Control+f');
    const field = page.locator('vscode-textfield.search-field');
    const isMarked = (): Promise<boolean> => field.evaluate((element) => (element as HTMLElement & { invalid: boolean }).invalid);
    await page.fill('.search-field input', 'no_such');
    assert.deepEqual((await memory.sent('checkPattern')).at(-1)?.pattern, 'no_such');
    await memory.send({ kind: 'patternChecked', pattern: 'no_such', problem: 'no_such is no symbol.' });
    assert.equal(await page.innerText('.options .problem'), 'no_such is no symbol.');
    assert.equal(await isMarked(), true);
    await page.fill('.search-field input', 'init_task');
    await memory.send({ kind: 'patternChecked', pattern: 'init_task', problem: null });
    await memory.send({ kind: 'patternChecked', pattern: 'no_such', problem: 'no_such is no symbol.' });
    assert.equal(await page.locator('.options .problem').count(), 0);
    assert.equal(await isMarked(), false);
  });

  test('back and forward, by button and by key, as far as one came; a new way ends the old one', async () => {
    await bytes.open();
    const [back, forward] = ['Back', 'Forward'].map((label) => page.locator(`vscode-toolbar-button[label="${label}"]`));
    assert.ok(back && forward);
    const can = async (): Promise<boolean[]> =>
      (await Promise.all([back, forward].map((button) => button.getAttribute('disabled')))).map((disabled) => disabled === null);
    assert.deepEqual(await can(), [false, false]);
    await goTo(0x10000n);
    await goTo(far);
    await back.click();
    assert.equal(await cursor(), 0x10000n);
    assert.deepEqual(await can(), [true, true]);
    await page.keyboard.press('Alt+ArrowLeft');
    assert.equal(await cursor(), 0n);
    assert.deepEqual(await can(), [false, true]);
    await forward.click();
    await page.keyboard.press('Alt+ArrowRight');
    assert.equal(await cursor(), far);
    await back.click();
    await goTo(0x20000n);
    assert.deepEqual(await can(), [true, false]);
  });

  test('undo and redo go through all that was written, each where it is seen', async () => {
    await bytes.open({ writable: true });
    await goTo(far);
    await page.keyboard.type('a5b6');
    await goTo(0x10000n);
    await page.keyboard.press('Control+z');
    assert.equal(await cursor(), far + 1n);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+y');
    const written = (await memory.sent('write')).map(({ address, data }) => [address, Buffer.from(data, 'base64')[0]]);
    assert.deepEqual(written, [
      [hex(far), 0xa5],
      [hex(far + 1n), 0xb6],
      [hex(far + 1n), 1],
      [hex(far), 0],
      [hex(far), 0xa5],
    ]);
    assert.deepEqual(await page.$$eval('.cell.edited', (cells) => cells.map(({ textContent }) => textContent.trim())), ['a5']);
    await page.keyboard.type('7');
    assert.match(await page.innerText('.status'), /typing 7_/);
    await page.keyboard.type('7');
    await page.keyboard.press('Control+y');
    assert.equal((await memory.sent('write')).length, 6, 'what was written last left nothing to redo');
  });

  test('what the session refuses is as it was, and said; what is shown stays while it is read again', async () => {
    await bytes.open({ writable: true });
    await page.focus('.grid');
    await page.keyboard.type('a5');
    await memory.send({ kind: 'written', address: '0x0', problem: 'The dump is open elsewhere.' });
    assert.equal(await page.locator('.cell.unread').count(), 0);
    await bytes.answer(byIndex);
    assert.equal(await page.innerText('.status .problem'), 'The dump is open elsewhere.');
    assert.equal(await page.locator('.cell.edited').count(), 0);
    assert.equal(await page.innerText('#b0'), '00');
    await page.keyboard.press('Control+z');
    assert.equal((await memory.sent('write')).length, 1);
  });

  test('an undo that is refused can be tried again', async () => {
    await bytes.open({ writable: true });
    await page.focus('.grid');
    await page.keyboard.type('a5');
    const answered = async (problem: string | null): Promise<void> => {
      await memory.send({ kind: 'written', address: '0x0', problem });
      await bytes.answer((at) => (at === 0 ? 0xa5 : at));
    };
    await answered(null);
    await page.keyboard.press('Control+z');
    await answered('not now');
    assert.deepEqual(await page.$$eval('.cell.edited', (cells) => cells.map(({ textContent }) => textContent.trim())), ['a5']);
    await page.keyboard.press('Control+z');
    assert.equal((await memory.sent('write')).length, 3);
  });

  test('another panel begins where this one is; the lock is told, shown, and taken back', async () => {
    await bytes.open();
    await goTo(far);
    await page.locator('.another').click();
    assert.deepEqual(
      (await memory.sent('another')).map(({ address, mm, physical }) => [address, mm, physical]),
      [[hex(far), 'kernel', false]],
    );
    const icon = (): Promise<string | null> => page.getAttribute('.lock', 'icon');
    assert.equal(await icon(), 'unlock');
    await page.locator('.lock').click();
    assert.equal(await icon(), 'lock');
    await page.locator('.lock').click();
    assert.equal(await icon(), 'unlock');
    assert.deepEqual(
      (await memory.sent('lock')).map(({ locked }) => locked),
      [true, false],
    );
  });
});
