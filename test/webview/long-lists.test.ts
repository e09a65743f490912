/**
 * Lists of a million rows: the first are there while the others come, and neither scrolling nor filtering makes elements or
 * goes over all rows between two frames. What is asserted is counted; how long frames take is printed beside an idle page's.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { DiffToHost, HostToDiff } from '../../debug-adapter/protocol/diff-panel.ts';
import type { HostToPtdump, PtdumpToHost } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { WebviewPage } from './page.ts';
import { busiest, elementsOf, frames } from './work.ts';

const places = findPlaces();
const all = 1_000_000;
/** A step that went over all rows would run a piece of code this often; what draws a view runs some thousand times. */
const fewRuns = all / 20;

/** Characters of one message to the extension host; the whole of a million lines has 75 million. */
const mostSent = 1_000_000;

/** Elements that a change of shape may take; without the old rows' elements twenty steps would make ten times as many. */
const mostMade = 500;

/** Makes lines in the page: what is looked at is the page, not the way to it. */
async function prepare(page: Page): Promise<void> {
  await page.evaluate(() => {
    const address = (index: number): string => `0xffff8${(index + 0x80000000).toString(16)}000`;
    Object.assign(window, {
      tell: (data: unknown) => window.dispatchEvent(new MessageEvent('message', { data })),
      frame: () => new Promise((resume) => requestAnimationFrame(resume)),
      sides: (index: number) => ({ start: address(index * 2), end: address(index * 2 + 1), level: 'pte', present: true }),
      batch: (from: number, length: number, writes: (index: number) => boolean) =>
        Array.from({ length }, (_, at) => {
          const index = from + at;
          const words = writes(index) ? 'RW' : 'ro';
          const [start, end] = [address(index * 2), address(index * 2 + 1)];
          return {
            text: `${start}-${end}          4K     ${words}                 GLB NX pte`,
            region: { start, end, level: 'pte', attributes: [words, 'GLB', 'NX'], present: true },
            marker: null,
          };
        }),
    });
  });
}

interface Prepared {
  readonly tell: (message: unknown) => void;
  readonly frame: () => Promise<void>;
  readonly sides: (index: number) => object;
  readonly batch: (from: number, length: number, writes: (index: number) => boolean) => unknown[];
}

/** The longest frames and tasks while `step` runs, in ms, and those of the page at rest. */
async function measured(page: Page, name: string, step: () => Promise<void>): Promise<void> {
  const watch = async (during: () => Promise<void>): Promise<string> => {
    await page.evaluate(() => {
      const watched = { frames: [] as number[], tasks: [] as number[], on: true };
      const observer = new PerformanceObserver((list) => {
        watched.tasks.push(...list.getEntries().map(({ duration }) => duration));
      });
      observer.observe({ entryTypes: ['longtask'] });
      let last = 0;
      const look = (now: number): void => {
        if (last > 0) watched.frames.push(now - last);
        last = now;
        if (watched.on) requestAnimationFrame(look);
        else observer.disconnect();
      };
      requestAnimationFrame(look);
      Object.assign(window, { watched });
    });
    await during();
    return page.evaluate(() => {
      const { watched } = window as unknown as { watched: { frames: number[]; tasks: number[]; on: boolean } };
      watched.on = false;
      const long = watched.frames.filter((length) => length > 50).length;
      return `longest ${Math.max(0, ...watched.frames).toFixed(0)}, ${long} of ${watched.frames.length} over 50, longest task ${Math.max(0, ...watched.tasks).toFixed(0)}`;
    });
  };
  const idle = await watch(() => frames(page, 30));
  console.log(`${name}, frames in ms: ${await watch(step)}; at rest: ${idle}`);
}

/** As a hand on the wheel, on the keys and on the thumb. */
const hands: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  wheel: async (page) => {
    await page.mouse.move(700, 500);
    for (let step = 0; step < 20; step++) {
      await page.mouse.wheel(0, 60);
      await frames(page, 1);
    }
  },
  'Page Down': async (page) => {
    await page.focus('.rows');
    for (let step = 0; step < 10; step++) await page.press('.rows', 'PageDown');
  },
  thumb: async (page) => {
    for (let step = 0; step < 20; step++) {
      await page.evaluate((at) => {
        const rows = document.querySelector('.rows');
        rows?.scrollTo(0, (rows.scrollHeight * ((at * 37) % 60)) / 60);
      }, step);
      await frames(page, 1);
    }
  },
};

/**
 * Makes the page's clock one that goes by a millisecond whenever it is asked, and counts the slices that work is cut into: so
 * many whatever machine it is.
 */
async function countSlices(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const counted = { slices: 0, now: performance.now.bind(performance), setTimeout: window.setTimeout.bind(window), time: 0 };
    performance.now = () => ++counted.time;
    window.setTimeout = ((run: () => void, wait?: number) => {
      if (wait === undefined) counted.slices++;
      return counted.setTimeout(run, wait);
    }) as typeof window.setTimeout;
    Object.assign(window, { sliced: counted });
  });
  return () =>
    page.evaluate(() => {
      const { sliced } = window as unknown as { sliced: { slices: number; now: () => number; setTimeout: typeof window.setTimeout } };
      performance.now = sliced.now;
      window.setTimeout = sliced.setTimeout;
      return sliced.slices;
    });
}

async function scrollsByCount(page: Page): Promise<void> {
  for (const [name, scroll] of Object.entries(hands)) {
    await page.evaluate(() => document.querySelector('.rows')?.scrollTo(0, 400_000));
    await frames(page, 30);
    await measured(page, name, () => scroll(page));
    const { made } = await elementsOf(page, '.canvas', () => scroll(page));
    assert.ok(made < mostMade, `${name}: ${made} elements were made`);
    const { runs, where } = await busiest(page, () => scroll(page));
    assert.ok(runs < fewRuns, `${name}: ${where} ran ${runs} times`);
  }
  const inView = await page.locator('.canvas .row').count();
  assert.ok(inView > 20 && inView < 80, `${inView} rows are in the document`);
}

describe('long lists', { skip: 'missing' in places ? places.missing : false }, () => {
  describe('a million regions', () => {
    let ptdump: WebviewPage<HostToPtdump, PtdumpToHost>;
    let page: Page;

    before(async () => {
      ptdump = await WebviewPage.open<HostToPtdump, PtdumpToHost>(places, 'ptdump');
      ({ page } = ptdump);
      await ptdump.setTheme('dark');
      await prepare(page);
    });
    after(() => ptdump.close());

    test('the first are there in less than a second after their data, while the others come', async () => {
      await ptdump.send(
        { kind: 'session', state: 'live', name: 'one', next: null },
        { kind: 'spaces', spaces: [{ id: 'kernel', label: 'kernel (init_mm)', root: '0x1000', userRoot: null }] },
      );
      const { generation } = (await ptdump.sent('load')).at(-1) ?? { generation: -1 };
      const firstRows = await page.evaluate(
        async ({ asked, total }) => {
          const { tell, frame, batch } = window as unknown as Prepared;
          const writes = (index: number): boolean => index % 7 === 0;
          const first = batch(0, 400, writes);
          const begun = performance.now();
          tell({ kind: 'lines', generation: asked, start: 0, total, lines: first });
          while (document.querySelector('.canvas .row') === null) await frame();
          const waited = performance.now() - begun;
          for (let from = 400; from < total; from += 10_000) {
            tell({ kind: 'lines', generation: asked, start: from, total, lines: batch(from, Math.min(10_000, total - from), writes) });
            await frame();
          }
          return waited;
        },
        { asked: generation, total: all },
      );
      assert.ok(firstRows < 1000, `${firstRows} ms`);
      await page.waitForFunction(() => document.querySelector('.count')?.textContent === '1,000,000 regions');
    });

    test('scrolling draws what comes into view, and nothing else', async () => {
      await scrollsByCount(page);
    });

    test('a wheel turned by three rows moves no element and changes three rows', async () => {
      await page.evaluate(() => document.querySelector('.rows')?.scrollTo(0, 400_000));
      await frames(page, 30);
      const shown = await page.$$eval('.canvas .row', (rows) => rows.map(({ id }) => id));
      const { made, moved } = await elementsOf(page, '.canvas', async () => {
        await page.evaluate(() => document.querySelector('.rows')?.scrollBy(0, 60));
        await frames(page, 3);
      });
      assert.deepEqual({ made, moved }, { made: 0, moved: 0 });
      const behind = await page.$$eval('.canvas .row', (rows) => rows.map(({ id }) => id));
      // Which, and not where: on a busy machine the rows are at rest by now, and in order again.
      assert.equal(behind.filter((id) => !shown.includes(id)).length, 3);
    });

    test('at rest rows stand in the document as they follow each other', async () => {
      await page.evaluate(() => document.querySelector('.rows')?.scrollBy(0, 620));
      await page.waitForFunction(() => {
        const tops = [...document.querySelectorAll<HTMLElement>('.canvas .row')].map(({ style }) => Number.parseInt(style.top, 10));
        return tops.length > 20 && tops.every((top, at) => at === 0 || top === (tops[at - 1] ?? 0) + 20);
      });
    });

    for (const [filter, said] of [
      ['RW', '142,858 of 1,000,000 regions'],
      ['ffff889', '0 of 1,000,000 regions'],
    ] as const)
      test(`the filter ${filter} works in slices between frames`, async () => {
        await measured(page, `filter ${filter}`, async () => {
          await page.fill('input.filter', filter);
          await page.waitForFunction((text) => document.querySelector('.count')?.textContent === text, said);
        });
        await page.fill('input.filter', '');
        await page.waitForFunction(() => document.querySelector('.count')?.textContent === '1,000,000 regions');
      });
  });

  describe('a million regions for other programs', () => {
    let ptdump: WebviewPage<HostToPtdump, PtdumpToHost>;
    let page: Page;

    before(async () => {
      assert.ok(!('missing' in places));
      ptdump = await WebviewPage.open<HostToPtdump, PtdumpToHost>(places, 'ptdump');
      ({ page } = ptdump);
      await prepare(page);
      await ptdump.send(
        { kind: 'session', state: 'live', name: 'one', next: null },
        { kind: 'spaces', spaces: [{ id: 'kernel', label: 'kernel (init_mm)', root: '0x1000', userRoot: null }] },
      );
      const { generation } = (await ptdump.sent('load')).at(-1) ?? { generation: -1 };
      await page.evaluate(
        async ({ asked, total }) => {
          const { tell, frame, batch } = window as unknown as Prepared;
          for (let start = 0; start < total; start += 10_000) {
            tell({ kind: 'lines', generation: asked, start, total, lines: batch(start, 10_000, () => true) });
            await frame();
          }
        },
        { asked: generation, total: all },
      );
      await page.waitForFunction(() => document.querySelector('.count')?.textContent === '1,000,000 regions');
    });
    after(() => ptdump.close());

    interface SentText {
      readonly lines: number;
      readonly first: string;
      readonly last: string;
      /** Of its parts, in characters. */
      readonly longest: number;
    }

    /** The text that the page sent last; the whole would not fit between processes. */
    const sentText = (kind: 'copy' | 'save'): Promise<SentText> =>
      page.evaluate((wanted) => {
        const { sent } = window as unknown as { sent: { kind: string; text: string; part: number }[] };
        const ofKind = sent.filter((message) => message.kind === wanted);
        const parts = ofKind.slice(ofKind.findLastIndex(({ part }) => part === 0));
        if (parts.some(({ part }, at) => part !== at)) throw new Error('parts are missing');
        const lines = parts
          .map(({ text }) => text)
          .join('')
          .trimEnd()
          .split('\n');
        const longest = Math.max(...parts.map(({ text }) => text.length));
        return { lines: lines.length, first: lines[0] ?? '', last: lines.at(-1) ?? '', longest };
      }, kind);
    /** Whether so many texts were sent to their ends. */
    const isSent = (kind: 'copy' | 'save', count: number): Promise<unknown> =>
      page.waitForFunction(
        ([wanted, many]) =>
          (window as unknown as { sent: { kind: string; more?: true }[] }).sent.filter(
            (message) => message.kind === wanted && message.more !== true,
          ).length === many,
        [kind, count] as const,
      );

    test('all of them are selected and copied, in slices between frames', async () => {
      await page.focus('.rows');
      await page.press('.rows', 'Control+a');
      await measured(page, 'copy', async () => {
        await page.press('.rows', 'Control+c');
        await isSent('copy', 1);
      });
      const { lines, first, last, longest } = await sentText('copy');
      assert.ok(longest < mostSent, `${longest} characters in one message`);
      assert.deepEqual([lines, first.slice(0, 18), last.slice(-11)], [all, '0xffff880000000000', 'GLB NX pte'.padStart(11)]);
      const slices = await countSlices(page);
      await page.press('.rows', 'Control+c');
      await isSent('copy', 2);
      assert.ok((await slices()) > all / 10_000);
    });

    for (const format of ['csv', 'json'] as const)
      test(`exporting all of them as ${format} works in slices between frames`, async () => {
        const already = (
          await page.evaluate(() =>
            (window as unknown as { sent: { kind: string; more?: true }[] }).sent.filter(({ more }) => more !== true),
          )
        ).filter(({ kind }) => kind === 'save').length;
        const slices = await countSlices(page);
        await ptdump.send({ kind: 'export', format });
        await isSent('save', already + 1);
        assert.ok((await slices()) > all / 10_000);
        // A line each and the head; or start, end, level, present, and three attributes between brackets, in braces.
        const { lines, last, longest } = await sentText('save');
        assert.ok(longest < mostSent, `${longest} characters in one message`);
        assert.deepEqual([lines, last.slice(-4)], format === 'csv' ? [all + 1, 'true,,'.slice(-4)] : [11 * all + 5, '}']);
      });
  });

  describe('a million regions side by side', () => {
    let diff: WebviewPage<HostToDiff, DiffToHost>;
    let page: Page;

    before(async () => {
      diff = await WebviewPage.open<HostToDiff, DiffToHost>(places, 'diff');
      ({ page } = diff);
      await diff.setTheme('dark');
      await prepare(page);
    });
    after(() => diff.close());

    test('are aligned in slices, and every tenth has changed', async () => {
      const side = (label: string) => ({ label, source: label, mm: null, ofSession: false, place: null });
      await diff.send(
        { kind: 'session', state: 'live', name: 'one', next: null },
        { kind: 'sides', generation: 1, first: side('before'), second: side('after') },
      );
      await page.evaluate(async (total) => {
        const { tell, frame, sides, batch } = window as unknown as Prepared;
        for (const name of ['first', 'second'])
          for (let start = 0; start < total; start += 10_000) {
            const lines = batch(start, 10_000, (index) => name === 'first' || index % 10 > 0);
            tell({ kind: 'lines', generation: 1, side: name, start, total, lines });
            await frame();
          }
        const words = (writes: string): object => ({ attributes: [writes, 'GLB', 'NX'], physical: null });
        for (let start = 0; start < total / 10; start += 5000) {
          const changes = Array.from({ length: 5000 }, (_, at) => {
            const place = sides((start + at) * 10);
            return {
              ...place,
              kind: 'changed',
              what: ['rights'],
              before: { ...place, ...words('RW') },
              after: { ...place, ...words('ro') },
            };
          });
          tell({ kind: 'changes', generation: 1, start, total: total / 10, changes, addressBits: 64, warnings: [] });
        }
        while (document.querySelector('.canvas .row') === null) await frame();
      }, all);
      assert.match(await page.innerText('.said'), /^100,000 lost the right to write/);
    });

    test('scrolling draws what comes into view, and nothing else', async () => {
      await scrollsByCount(page);
    });

    test('swapping the sides works in slices between frames', async () => {
      const swap = (): Promise<void> =>
        page.evaluate(async () => {
          const { frame } = window as unknown as Prepared;
          const said = (): string => document.querySelector('.said')?.textContent ?? '';
          const was = said();
          document.querySelector<HTMLElement>('[label="Swap the sides"]')?.click();
          while (said() === was) await frame();
        });
      await measured(page, 'swap', swap);
      assert.match(await page.innerText('.said'), /^100,000 became writable/);
      const slices = await countSlices(page);
      await swap();
      assert.ok((await slices()) > (2 * all) / 10_000 / 2);
      assert.match(await page.innerText('.said'), /^100,000 lost the right to write/);
    });

    test('the next change, and only changes', async () => {
      const press = (selector: string): Promise<void> => measured(page, selector, () => page.locator(selector).click());
      await press('vscode-toolbar-button[label="Next change"]');
      await press('.only');
      await page.waitForFunction(() => document.querySelector('[role=treegrid]')?.getAttribute('aria-rowcount') === '100001');
      await scrollsByCount(page);
    });
  });
});
