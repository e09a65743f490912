/** The comparison of two page-table dumps: each kind of change alone, and any two dumps against a page-by-page oracle. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { diffPtdumps } from '../../debug-adapter/pagetable/ptdump-diff.ts';
import type { PtdumpChange, PtdumpMapping, PtdumpRegion } from '../../debug-adapter/pagetable/ptdump-diff.ts';
import { parsePtdump } from '../../debug-adapter/pagetable/ptdump-parse.ts';
import { isWritableExecutable } from '../../debug-adapter/protocol/ptdump-words.ts';
import { fc } from '../support/properties.ts';

/** Compares two texts; each change as a sentence. */
function sentences(before: string, after: string): string[] {
  const { regions } = parsePtdump(before, 'before');
  return diffPtdumps({ regions }, { regions: parsePtdump(after, 'after').regions }).map(sentence);
}

function sentence({ kind, start, end, what, before, after }: PtdumpChange): string {
  const side = (mapping: PtdumpMapping | undefined): string =>
    mapping === undefined ? 'nothing' : `${mapping.level} ${mapping.attributes.join(' ')}`.trim();
  return `${kind} ${start.toString(16)}-${end.toString(16)} ${what.join(',')}: ${side(before)} -> ${side(after)}`;
}

describe('one change', () => {
  const x86 = (words: string): string => `0xffffc90000000000-0xffffc90000004000          16K ${words} pte\n`;
  const arm64 = (words: string, level = 'PTE'): string => `0xffff800080000000-0xffff800080200000           2M ${level}${words}\n`;
  const riscv = (physical: string, words: string): string =>
    `0xffff8f8000000000-0xffff8f8000004000    ${physical}        16K PTE ${words}\n`;
  const cases: readonly [string, string, string, string[]][] = [
    ['nothing', x86('RW NX'), x86('RW NX'), []],
    ['a mapping that is new', '', x86('RW NX'), ['added ffffc90000000-ffffc90000004 present: nothing -> pte RW NX']],
    ['a mapping that is gone', x86('RW NX'), '', ['removed ffffc90000000-ffffc90000004 present: pte RW NX -> nothing']],
    ['a hole that is filled', x86(''), x86('RW NX'), ['added ffffc90000000-ffffc90000004 present: nothing -> pte RW NX']],
    ['a hole that is told at another level', x86(''), x86('').replace('pte', 'pmd'), []],
    ['s390: an invalid range and no line at all', '0x0000000000000000-0x0000000000001000         4K PTE I\n', '', []],
    ['write', x86('RW NX'), x86('ro NX'), ['changed ffffc90000000-ffffc90000004 rights: pte RW NX -> pte ro NX']],
    ['execute', x86('RW NX'), x86('RW x'), ['changed ffffc90000000-ffffc90000004 rights: pte RW NX -> pte RW x']],
    ['user', x86('RW NX'), x86('USR RW NX'), ['changed ffffc90000000-ffffc90000004 rights: pte RW NX -> pte USR RW NX']],
    ['cache', x86('RW NX'), x86('RW PWT PCD NX'), ['changed ffffc90000000-ffffc90000004 cache: pte RW NX -> pte RW PWT PCD NX']],
    ['global', x86('RW NX'), x86('RW GLB NX'), ['changed ffffc90000000-ffffc90000004 flags: pte RW NX -> pte RW GLB NX']],
    [
      'size and rights at once',
      arm64(' ro x  SHD AF BLK UXN MEM/NORMAL', 'PMD'),
      arm64(' RW NX SHD AF UXN MEM/NORMAL'),
      ['changed ffff800080000-ffff800080200 rights,size: PMD ro x SHD AF BLK UXN MEM/NORMAL -> PTE RW NX SHD AF UXN MEM/NORMAL'],
    ],
    [
      'memory type',
      arm64(' RW NX SHD AF UXN MEM/NORMAL'),
      arm64(' RW NX SHD AF UXN DEVICE/nGnRE'),
      ['changed ffff800080000-ffff800080200 cache: PTE RW NX SHD AF UXN MEM/NORMAL -> PTE RW NX SHD AF UXN DEVICE/nGnRE'],
    ],
    [
      'the valid bit of an entry that stays',
      riscv('0x0000000081068000', '.   ..     ..   D A G . . W R V'),
      riscv('0x0000000081068000', '.   ..     ..   D A G . . W R .'),
      ['changed ffff8f8000000-ffff8f8000004 present: PTE D A G W R V -> PTE D A G W R'],
    ],
    [
      'the frame, where the text has it',
      riscv('0x0000000081068000', '.   ..     ..   D A G . . W R V'),
      riscv('0x0000000081069000', '.   ..     ..   D A G . . W R V'),
      ['changed ffff8f8000000-ffff8f8000004 frame: PTE D A G W R V -> PTE D A G W R V'],
    ],
  ];
  for (const [name, before, after, expected] of cases)
    test(name, () => {
      assert.deepEqual(sentences(before, after), expected);
    });

  test('the end 0x0 is the top of the space', () => {
    const top = '0xfffffffffffff000-0x0000000000000000           4K     RW                     NX pte\n';
    assert.deepEqual(sentences('', top), ['added fffffffffffff-10000000000000 present: nothing -> pte RW NX']);
    const top32 = '0xfffff000-0x00000000           4K     RW                     NX pte\n';
    assert.deepEqual(sentences(top32, ''), ['removed fffff-100000 present: pte RW NX -> nothing']);
  });

  test('a change within a region, and what is the same of two regions', () => {
    const line = (start: string, end: string, words: string): string =>
      `0xffffc9000000${start}-0xffffc9000000${end}          16K ${words} pte\n`;
    assert.deepEqual(
      sentences(
        line('0000', '8000', 'RW NX'),
        line('0000', '2000', 'RW NX') + line('2000', '3000', 'ro NX') + line('3000', '8000', 'RW NX'),
      ),
      ['changed ffffc90000002-ffffc90000003 rights: pte RW NX -> pte ro NX'],
    );
    assert.deepEqual(
      sentences(
        line('0000', '2000', 'RW NX') + line('2000', '8000', 'RW NX'),
        line('0000', '5000', 'ro NX') + line('5000', '8000', 'ro NX'),
      ),
      ['changed ffffc90000000-ffffc90000008 rights: pte RW NX -> pte ro NX'],
    );
  });

  test('writable and executable, in the words of each architecture', () => {
    for (const words of ['RW x', 'USR RW PSE x', 'RW X', 'D A G X W R V', 'r w X pte', 'RW x SHD'])
      assert.equal(isWritableExecutable(words.split(' ')), true, words);
    for (const words of ['RW NX', 'ro x', 'RO X', 'D A G W R V', 'r X pte', 'RW NX SHD UXN', ''])
      assert.equal(isWritableExecutable(words.split(' ')), false, words);
  });
});

describe('any two dumps', () => {
  const pages = 48;
  const level = fc.constantFrom('pte', 'pmd');
  const attributes = fc.constantFrom(['RW', 'NX'], ['ro', 'NX'], ['ro', 'x'], ['RW', 'PCD', 'NX'], []);
  /** Cuts, and what stands between them: a line, a hole's line or none. */
  const regions = fc
    .tuple(
      fc.uniqueArray(fc.integer({ min: 0, max: pages }), { minLength: 2, maxLength: 14 }),
      fc.array(fc.record({ level, attributes, line: fc.boolean(), frame: fc.integer({ min: 1, max: 3 }) }), {
        minLength: 14,
        maxLength: 14,
      }),
    )
    .map(([cuts, kinds]) => {
      const sorted = [...cuts].sort((a, b) => a - b);
      return sorted.slice(1).flatMap((end, index): PtdumpRegion[] => {
        const kind = kinds[index];
        const start = sorted[index];
        if (kind?.line !== true || start === undefined) return [];
        return [{ start, end, level: kind.level, attributes: kind.attributes, present: kind.attributes.length > 0, firstFrame: undefined }];
      });
    });
  /** Frame of each page: a few values, so that neighbours often agree. */
  const frames = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: pages, maxLength: pages });
  const range = fc.option(
    fc
      .tuple(fc.integer({ min: 0, max: pages }), fc.integer({ min: 0, max: pages }))
      .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) })),
    { nil: undefined },
  );

  /** What each page maps, as text; empty for nothing. */
  function perPage(of: readonly PtdumpRegion[], frameOf: readonly number[]): string[] {
    return Array.from({ length: pages }, (_, page) => {
      const region = of.find(({ start, end }) => page >= start && page < end);
      return region?.present === true ? `${region.level} ${region.attributes.join(' ')} ${frameOf[page] ?? 0}` : '';
    });
  }

  test('exactly the pages that differ are in a change, each change tells both sides, and none could be joined', () => {
    fc.assert(
      fc.property(fc.record({ one: regions, two: regions, oneFrames: frames, twoFrames: frames, within: range }), (made) => {
        const { one, two, oneFrames, twoFrames, within } = made;
        const changes = diffPtdumps(
          { regions: one, frameOf: (page) => oneFrames[page] ?? -1 },
          { regions: two, frameOf: (page) => twoFrames[page] ?? -1 },
          {
            range: within,
            frameDifferences: (start, end) => {
              const runs: { start: number; end: number }[] = [];
              for (let page = start; page < end; page++) if (oneFrames[page] !== twoFrames[page]) runs.push({ start: page, end: page + 1 });
              return runs;
            },
          },
        );
        const before = perPage(one, oneFrames);
        const after = perPage(two, twoFrames);
        // Applying the changes to the first dump gives the second, page by page (each page's frame is its own).
        const applied = before.map((was, page) => {
          if (within !== undefined && (page < within.start || page >= within.end)) return was;
          const change = changes.find(({ start, end }) => page >= start && page < end);
          if (change === undefined) return was;
          if (change.after === undefined) return '';
          return `${change.after.level} ${change.after.attributes.join(' ')} ${twoFrames[page] ?? 0}`;
        });
        const expected = after.map((is, page) => (within !== undefined && (page < within.start || page >= within.end) ? before[page] : is));
        assert.deepEqual(applied, expected);
        let last: PtdumpChange | undefined;
        for (const change of changes) {
          assert.ok(change.start < change.end && change.what.length > 0);
          assert.ok(last === undefined || last.end <= change.start);
          if (last?.end === change.start) assert.notEqual(withoutPlace(last), withoutPlace(change), 'two changes that say the same touch');
          for (let page = change.start; page < change.end; page++) {
            assert.notEqual(before[page], after[page], `page ${page} is told as changed and is not`);
            assert.equal(change.kind, before[page] === '' ? 'added' : after[page] === '' ? 'removed' : 'changed');
            if (change.kind === 'changed') assert.equal(change.what.includes('frame'), oneFrames[page] !== twoFrames[page]);
          }
          last = change;
        }
        if (within !== undefined)
          for (const { start, end } of changes) assert.ok(start >= within.start && end <= within.end, 'a change lies outside the range');
      }),
      { numRuns: 1000 },
    );
  });

  function withoutPlace(change: PtdumpChange): string {
    return sentence({ ...change, start: 0, end: 0 });
  }

  test('a dump and itself do not differ', () => {
    fc.assert(
      fc.property(regions, (one) => {
        assert.deepEqual(diffPtdumps({ regions: one }, { regions: one }), []);
      }),
    );
  });

  test('the other way round, what was added is removed', () => {
    fc.assert(
      fc.property(regions, regions, (one, two) => {
        const turned = { added: 'removed', removed: 'added', changed: 'changed' } as const;
        const there = diffPtdumps({ regions: one }, { regions: two });
        const back = diffPtdumps({ regions: two }, { regions: one });
        assert.deepEqual(
          back,
          there.map((change) => ({ ...change, kind: turned[change.kind], before: change.after, after: change.before })),
        );
      }),
    );
  });
});

test('the cost grows with the number of regions, not with what they cover or with their square', () => {
  let reads = 0;
  const counted = (region: PtdumpRegion): PtdumpRegion =>
    new Proxy(region, {
      get: (target, key) => {
        reads++;
        return Reflect.get(target, key) as unknown;
      },
    });
  /** Regions of a million pages each; those of one side begin within those of the other, and all differ. */
  const made = (count: number, word: string, shift: number): PtdumpRegion[] =>
    Array.from({ length: count }, (_, index) =>
      counted({
        start: index * 1_000_000 + shift,
        end: (index + 1) * 1_000_000 + shift,
        level: 'pte',
        attributes: [word, 'NX', String(index)],
        present: true,
        firstFrame: undefined,
      }),
    );
  const cost = (count: number): number => {
    const [one, two] = [made(count, 'RW', 0), made(count, 'ro', 500_000)];
    reads = 0;
    const changes = diffPtdumps({ regions: one }, { regions: two });
    assert.equal(changes.length, 2 * count + 1);
    return reads;
  };
  const [small, large] = [cost(1000), cost(10_000)];
  assert.ok(small < 100 * 1000, `${small} reads for 1000 regions`);
  assert.ok(large <= 10.1 * small, `${small} reads for 1000 regions, ${large} for 10000`);
});
