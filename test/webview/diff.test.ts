/** The page of two ptdumps by what it is sent: alignment, folding, marks, words, keyboard, export, hostile names. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { parsePtdump } from '../../debug-adapter/pagetable/ptdump-parse.ts';
import { diffPtdumps } from '../../debug-adapter/pagetable/ptdump-diff.ts';
import type { PtdumpMapping } from '../../debug-adapter/pagetable/ptdump-diff.ts';
import type { DiffSideFacts, DiffToHost, HostToDiff } from '../../debug-adapter/protocol/diff-panel.ts';
import type { PtdumpChangeFacts, PtdumpChangeSide } from '../../debug-adapter/protocol/facts.ts';
import type { PtdumpLine } from '../../debug-adapter/protocol/requests.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { violations } from './axe.ts';
import { WebviewPage } from './page.ts';
import { themeNames } from './themes.ts';

const places = findPlaces();

const line = (start: string, end: string, size: string, words: string): string =>
  `0xffffd4bf${start}-0xffffd4bf${end} ${size.padStart(11)} ${words}`;
const marker = (name: string): string => `---[ ${name} ]---`;
const rw = 'RW                     NX pte';
const rwx = 'RW                     x  pte';
const ro = 'ro                     NX pte';
const equal = (digit: string, from: number, count: number): string[] =>
  Array.from({ length: count }, (_, at) => {
    const start = from + at * 2;
    return line(`${digit}${start.toString(16)}000`, `${digit}${(start + 1).toString(16)}000`, '4K', rw);
  });

const beforeLines = [
  marker('vmalloc() Area'),
  line('80000000', '80004000', '16K', rw),
  ...equal('9', 0x1000, 30),
  line('a0239000', 'a023d000', '16K', rw),
  line('a1c00000', 'a1c04000', '16K', rw),
  line('a2000000', 'a2004000', '16K', rw),
  marker('High Kernel Mapping'),
  ...equal('b', 0x9000, 6),
];
const afterLines = [
  marker('vmalloc() Area'),
  line('80000000', '80004000', '16K', rw),
  ...equal('9', 0x1000, 30),
  line('a0475000', 'a0485000', '64K', rw),
  line('a1c00000', 'a1c01000', '4K', rwx),
  line('a1c01000', 'a1c04000', '12K', rw),
  line('a2000000', 'a2004000', '16K', ro),
  marker('High Kernel Mapping'),
  ...equal('b', 0x9000, 6),
];

const hex = (page: number): string => `0x${(BigInt(page) << 12n).toString(16)}`;

function linesOf(texts: readonly string[]): PtdumpLine[] {
  const { regions } = parsePtdump(texts.map((text) => `${text}\n`).join(''), 'text');
  let at = 0;
  return texts.map((text) => {
    const region = text.startsWith('0x') ? regions[at++] : undefined;
    if (region === undefined) return { text, region: null, marker: hex(regions[at]?.start ?? 0) };
    const { start, end, level, attributes, present } = region;
    return { text, region: { start: hex(start), end: hex(end), level, attributes, present }, marker: null };
  });
}

/** As the session tells them (test/truth/diff.test.ts holds the engine against the page-by-page oracle). */
function changesOf(one: readonly string[], other: readonly string[]): PtdumpChangeFacts[] {
  const parsed = [one, other].map((texts) => parsePtdump(texts.map((text) => `${text}\n`).join(''), 'text'));
  const [a, b] = parsed;
  assert.ok(a !== undefined && b !== undefined);
  return diffPtdumps(a, b).map(({ kind, start, end, what, before: from, after: to }) => {
    const side = (mapping: PtdumpMapping | undefined): PtdumpChangeSide | null =>
      mapping === undefined
        ? null
        : {
            start: hex(start),
            end: hex(end),
            level: mapping.level,
            attributes: mapping.attributes,
            present: mapping.present,
            physical: null,
          };
    return { kind, start: hex(start), end: hex(end), what, before: side(from), after: side(to) };
  });
}

const first: DiffSideFacts = { label: 'kernel', source: 'vmcore', mm: 'kernel', ofSession: true, place: { label: 'kernel', mm: 'kernel' } };
const second: DiffSideFacts = {
  label: 'after.ptdump',
  source: '/tmp/after.ptdump',
  mm: null,
  ofSession: false,
  place: { label: 'after.ptdump' },
};

describe('the page of two ptdumps', { skip: 'missing' in places ? places.missing : false }, () => {
  let diff: WebviewPage<HostToDiff, DiffToHost>;
  let page: Page;

  before(async () => {
    diff = await WebviewPage.open<HostToDiff, DiffToHost>(places, 'diff');
    ({ page } = diff);
  });
  after(() => diff.close());
  beforeEach(() => diff.startAnew());

  const show = async (
    one: readonly string[] = beforeLines,
    other: readonly string[] = afterLines,
    changes = changesOf(one, other),
  ): Promise<void> => {
    const [a, b] = [linesOf(one), linesOf(other)];
    await diff.send(
      { kind: 'session', state: 'live', name: 'vmcore', next: null },
      { kind: 'sides', generation: 1, first, second },
      { kind: 'lines', generation: 1, side: 'first', start: 0, total: a.length, lines: a },
      { kind: 'lines', generation: 1, side: 'second', start: 0, total: b.length, lines: b },
      { kind: 'changes', generation: 1, start: 0, total: changes.length, changes, addressBits: 64, warnings: [] },
    );
    await page.waitForSelector('.canvas');
    await page.waitForFunction(() => document.querySelector('.canvas .row, .none') !== null);
  };
  /** Each listed row: its sign, and what stands on each side. */
  const rows = (): Promise<string[]> =>
    page.$$eval('.canvas .row', (all) =>
      all.map((row) => {
        const half = (side: string): string => {
          const cell = row.querySelector(`.half.${side}`);
          if (cell?.classList.contains('gap') === true) return '////';
          return (cell?.querySelector('.range')?.textContent ?? cell?.textContent ?? '').trim().slice(0, 18);
        };
        const whole = row.querySelector('.whole');
        return whole === null
          ? `${row.querySelector('.sign')?.textContent ?? ''} ${half('left')} ${half('right')}`.trim()
          : whole.textContent.trim();
      }),
    );
  const selected = (): Promise<string> => page.innerText('.selected-words');

  test('aligns by address, folds what is equal, hatches gaps, and shows each line once', async () => {
    await show();
    assert.deepEqual(await rows(), [
      'vmalloc() Area',
      '30 equal regions',
      '0xffffd4bf9103a000 0xffffd4bf9103a000',
      '− 0xffffd4bfa0239000 ////',
      '+ //// 0xffffd4bfa0475000',
      '~ 0xffffd4bfa1c00000 0xffffd4bfa1c00000',
      '⋮ goes on from 0xf 0xffffd4bfa1c01000',
      '~ 0xffffd4bfa2000000 0xffffd4bfa2000000',
      'High Kernel Mapping',
      '6 equal regions',
    ]);
    await page.focus('.rows');
    await page.press('.rows', 'Home');
    await page.press('.rows', 'ArrowDown');
    await page.press('.rows', 'Enter');
    assert.equal((await rows()).length, 40);
    await page.press('.rows', 'ArrowLeft');
    assert.equal((await rows()).length, 10);
  });

  test('marks the attribute that changed, and says what became dangerous', async () => {
    await show();
    const marks = await page.$$eval('.row.changed', (all) =>
      all.map((row) => [...row.querySelectorAll('mark')].map(({ textContent }) => textContent)),
    );
    assert.deepEqual(marks, [
      ['NX', 'x'],
      ['RW', 'ro'],
    ]);
    assert.equal(
      await page.$$eval('.row .danger', (all) => all.map(({ textContent }) => textContent.trim().replaceAll(/\s+/g, ' '))).then(String),
      'RW x',
    );
    assert.deepEqual(await page.$$eval('.badge', (all) => all.map(({ textContent }) => textContent.trim())), [
      '+1 added',
      '−1 removed',
      '~2 changed',
      '1 became W+X',
    ]);
    assert.equal(await page.innerText('.said'), '1 region became writable and executable; 1 lost the right to write');
  });

  test('next and previous go from change to change, around the end, by keyboard and by button', async () => {
    await show();
    assert.match(await selected(), /^Change 1 of 4 · 0xffffd4bfa0239000: removed RW NX pte/);
    await page.focus('.rows');
    await page.press('.rows', 'n');
    assert.match(await selected(), /^Change 2 of 4 · 0xffffd4bfa0475000: added RW NX pte/);
    await page.keyboard.press('F7');
    assert.match(await selected(), /^Change 3 of 4 · 0xffffd4bfa1c00000: NX → x/);
    await page.click('vscode-toolbar-button[label="Next change"]');
    assert.match(await selected(), /^Change 4 of 4/);
    await page.press('.rows', 'n');
    assert.match(await selected(), /^Change 1 of 4/);
    await page.keyboard.press('Shift+F7');
    assert.match(await selected(), /^Change 4 of 4 · 0xffffd4bfa2000000: RW → ro/);
  });

  test('only changes; swapped; and both kept over a reload', async () => {
    await show();
    await page.click('.only');
    assert.deepEqual(
      (await rows()).map((row) => row.slice(0, 1)),
      ['v', '−', '+', '~', '~'],
    );
    await page.click('vscode-toolbar-button[label="Swap the sides"]');
    await page.waitForFunction(() => document.querySelector('.badge.danger') === null);
    assert.equal(await page.innerText('.said'), '1 became writable; 1 lost the right to execute; no region became writable and executable');
    assert.deepEqual(await page.$$eval('.side', (all) => all.map((button) => button.textContent.trim())), ['after.ptdump', 'kernel']);
    await page.click('.side');
    assert.deepEqual(
      (await diff.sent('choose')).map(({ side }) => side),
      ['second'],
    );
    await page.click('.text');
    assert.deepEqual(
      (await diff.sent('asText')).map(({ swapped }) => swapped),
      [true],
    );
    const kept = await page.evaluate(() => JSON.parse(sessionStorage.getItem('kept') ?? '') as Record<string, unknown>);
    assert.deepEqual([kept['first'], kept['swapped'], kept['onlyChanges']], [first.place, true, true]);
    await page.reload();
    await show();
    assert.equal((await rows()).length, 5);
  });

  test('is exported as the kernel printed it, as CSV, and as the command line prints it', async () => {
    await show();
    await diff.send({ kind: 'export', format: 'text' }, { kind: 'export', format: 'csv' }, { kind: 'export', format: 'json' });
    const [text, csv, json] = (await diff.whenSent('save', 3)).map((message) => message.text);
    assert.deepEqual(text?.trimEnd().split('\n'), [
      '--- kernel',
      '+++ after.ptdump',
      '@@ vmalloc() Area @@',
      `-${beforeLines[32] ?? ''}`,
      `-${beforeLines[33] ?? ''}`,
      `+${afterLines[32] ?? ''}`,
      `+${afterLines[33] ?? ''}`,
      `-${beforeLines[34] ?? ''}`,
      `+${afterLines[35] ?? ''}`,
    ]);
    assert.equal(csv?.split('\n')[3], 'changed,0xffffd4bfa1c00000,0xffffd4bfa1c01000,rights,pte,RW NX,,pte,RW x,');
    const facts = JSON.parse(json ?? '') as { changes: unknown; added: number; before: string };
    assert.deepEqual(facts.changes, changesOf(beforeLines, afterLines));
    assert.deepEqual([facts.added, facts.before], [1, 'kernel']);
  });

  test('frames alone can be left out', async () => {
    const changes: PtdumpChangeFacts[] = ['0x1000', '0x2000'].map((physical, at) => {
      const [start, end] = [`0xffffd4bf8000${String(at)}000`, `0xffffd4bf8000${String(at + 1)}000`];
      const side = { start, end, level: 'pte', attributes: ['RW', 'NX'], present: true };
      return { kind: 'changed', start, end, what: ['frame'], before: { ...side, physical }, after: { ...side, physical: '0x9000' } };
    });
    await show(beforeLines, beforeLines, changes);
    assert.match(await selected(), /^Changes 1–2 of 2 · 0xffffd4bf80000000: physical 0x1000 → 0x9000/);
    assert.match(await page.innerText('.said'), /^2 differ only in the physical memory behind them/);
    await page.click('.frames');
    await page.waitForFunction(() => document.querySelector('.said')?.textContent === 'The page tables do not differ.');
  });

  test('the session ends while it reads, a file cannot be read: said in place, and what was shown stays', async () => {
    await diff.send({ kind: 'sides', generation: 1, first, second }, { kind: 'problem', message: '/tmp/after.ptdump: no such file' });
    assert.match(await page.innerText('[role=alert]'), /no such file/);
    await show();
    await diff.send(
      { kind: 'sides', generation: 2, first, second },
      { kind: 'session', state: 'ended', name: 'vmcore', next: null },
      { kind: 'problem', message: 'canceled' },
    );
    assert.match(await page.innerText('.banner'), /The session «vmcore» has ended/);
    assert.match(await page.innerText('.status'), /canceled/);
    assert.equal((await rows()).length, 10);
    await page.click('vscode-toolbar-button[label="Compare again"]');
    assert.equal((await diff.sent('again')).length, 1);
  });

  test('owners are asked of the side that the session has, and names are text', async () => {
    await show();
    const [asked] = await diff.sent('owners');
    assert.deepEqual([asked?.side, asked?.mm, asked?.asked.length], ['first', 'kernel', 3]);
    const hostile = '<img src=x onerror="window.hit=1">';
    await diff.send({
      kind: 'owners',
      generation: 1,
      side: 'first',
      owners: (asked?.asked ?? []).map(({ line: at }) => ({ line: at, owner: hostile })),
    });
    await page.waitForFunction((text) => document.querySelector('.row.removed .owner')?.textContent.trim() === text, hostile);
    await diff.send({ kind: 'sides', generation: 2, first: { ...first, label: hostile }, second });
    await page.waitForFunction((text) => document.querySelector('.side')?.textContent.trim() === text, hostile);
    assert.equal(await page.$('.row img, .toolbar img'), null);
    assert.equal(await page.evaluate(() => 'hit' in window), false);
  });

  test('of a moment that is past no owners are asked, for the session knows those of now', async () => {
    const [a, b] = [linesOf(beforeLines), linesOf(afterLines)];
    const changes = changesOf(beforeLines, afterLines);
    for (const [generation, past] of [
      [1, true],
      [2, undefined],
    ] as const) {
      await diff.send(
        { kind: 'session', state: 'live', name: 'vmcore', next: null },
        { kind: 'sides', generation, first: { ...first, ...(past && { past }) }, second },
        { kind: 'lines', generation, side: 'first', start: 0, total: a.length, lines: a },
        { kind: 'lines', generation, side: 'second', start: 0, total: b.length, lines: b },
        { kind: 'changes', generation, start: 0, total: changes.length, changes, addressBits: 64, warnings: [] },
      );
      await page.waitForSelector('.canvas .row.removed');
    }
    await page.waitForFunction(() => (window as unknown as { sent: { kind: string }[] }).sent.some(({ kind }) => kind === 'owners'));
    assert.deepEqual(
      (await diff.sent('owners')).map(({ generation }) => generation),
      [2],
    );
  });

  test('a row is copied as a diff has it', async () => {
    await show();
    await page.focus('.rows');
    await page.press('.rows', 'F7');
    await page.press('.rows', 'F7');
    await page.press('.rows', 'Control+c');
    assert.equal((await diff.sent('copy'))[0]?.text, `-${beforeLines[33] ?? ''}\n+${afterLines[33] ?? ''}`);
  });

  describe('in little room', () => {
    before(() => page.setViewportSize({ width: 350, height: 700 }));
    after(() => page.setViewportSize({ width: 1400, height: 900 }));

    test('both sides share one column: where, how large, and what has become of it', async () => {
      await show();
      const told = await page.$$eval('.canvas .row', (all) =>
        all.map((row) =>
          [...row.querySelectorAll('[role=gridcell]')]
            .filter((cell) => cell.checkVisibility())
            .map((cell) => cell.textContent.replace(/-0x.*/, '').replaceAll(/\s+/g, ' ').trim())
            .join(' | '),
        ),
      );
      assert.deepEqual(told, [
        'vmalloc() Area',
        '30 equal regions',
        ' | 0xffffd4bf9103a000 | 4K | RW NX',
        '− | 0xffffd4bfa0239000 | 16K | RW NX',
        '+ | 0xffffd4bfa0475000 | 64K | RW NX',
        '~ | 0xffffd4bfa1c00000 | 4K | NX→x RW',
        ' | 0xffffd4bfa1c01000 | 12K | RW NX',
        '~ | 0xffffd4bfa2000000 | 16K | RW→ro NX',
        'High Kernel Mapping',
        '6 equal regions',
      ]);
      assert.equal(await page.$$eval('.row .danger mark', (all) => all.map(({ textContent }) => textContent)).then(String), 'NX→x');
    });

    test('the keys, the selection and folding are as with two sides', async () => {
      await show();
      await page.focus('.rows');
      await page.press('.rows', 'n');
      assert.match(await selected(), /^Change 2 of 4 · 0xffffd4bfa0475000: added RW NX pte/);
      await page.press('.rows', 'Home');
      await page.press('.rows', 'ArrowDown');
      await page.press('.rows', 'Enter');
      await page.waitForFunction(() => document.querySelectorAll('.canvas .row').length > 30);
    });

    for (const theme of themeNames)
      test(`has nothing that a screen reader stumbles over in the ${theme} theme`, async () => {
        await diff.setTheme(theme);
        await show();
        assert.deepEqual(await violations(page), []);
      });
  });

  for (const width of [350, 700, 900, 1100, 1400, 2000])
    test(`of ${width} pixels nothing is out of view to the right, and what changed on either side is to be seen`, async () => {
      await page.setViewportSize({ width, height: 700 });
      await diff.setTheme('dark');
      await show();
      const { room, needed } = await page.$eval('.rows', (list) => ({ room: list.clientWidth, needed: list.scrollWidth }));
      assert.equal(needed, room);
      const cut = await page.$$eval(
        '.row mark',
        (marks) =>
          marks.filter((mark) => mark.getBoundingClientRect().right > (mark.closest('.words')?.getBoundingClientRect().right ?? 0) + 1)
            .length,
      );
      assert.equal(cut, 0);
      // Where a side's words begin, group names and counts begin too.
      const begins = await page.$$eval('.canvas .row:not(.sticky)', (shown) =>
        shown.flatMap((row) =>
          [...row.querySelectorAll('.twin, .half.right:not(.gap)')].map((side) => {
            const { paddingLeft, borderLeftWidth } = getComputedStyle(side);
            return Math.round(side.getBoundingClientRect().left + parseFloat(paddingLeft) + parseFloat(borderLeftWidth));
          }),
        ),
      );
      assert.ok(new Set(begins).size <= 1, begins.join(' '));
      await page.setViewportSize({ width: 1400, height: 900 });
    });

  for (const theme of themeNames)
    test(`has nothing that a screen reader stumbles over in the ${theme} theme`, async () => {
      await diff.setTheme(theme);
      await show();
      assert.deepEqual(await violations(page), []);
    });
});
