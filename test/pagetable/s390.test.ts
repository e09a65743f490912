/**
 * s390x dynamic address translation. Layout: z/Architecture Principles of Operation, chapter 3 (Translation Tables), whose bit
 * 63 is the lowest; names and software bits: arch/s390/include/asm/pgtable.h (_PAGE_*, _SEGMENT_ENTRY_*, _REGION*_ENTRY_*).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { s390Mode, segmentBitsOf } from '../../debug-adapter/arch/s390.ts';
import type { DesignationType, SegmentBits } from '../../debug-adapter/arch/s390.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { TableMemory, bit, decidingBits, halves, namedBits, span } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

/** Bit `number` as the Principles of Operation count: 0 is the highest of 64. */
const pop = (...numbers: number[]): bigint => bit(...numbers.map((number) => 63 - number));
const pte = { invalid: pop(53), protect: pop(54), noExec: pop(55), present: 1n, softDirty: 2n, young: 4n, dirty: 8n, read: 16n, write: 32n, special: 64n } as const; // prettier-ignore
const up = { invalid: pop(58), protect: pop(54), noExec: pop(55), large: pop(53), young: bit(12), dirty: bit(13) } as const;
const former = { read: 1n, write: 2n, softDirty: bit(14) } as const;
const current = { present: 1n, softDirty: 2n, comm: bit(4), read: bit(14), write: bit(15) } as const;
/** Table type, bits 60-61: region-first 3, region-second 2, region-third 1, segment 0. */
const tt = (type: number): bigint => BigInt(type) << 2n;
const wholeLength = 3n;

/** PAGE_KERNEL: present, read, write, young, dirty, not executable. */
const pageKernel = pte.present | pte.read | pte.write | pte.young | pte.dirty | pte.noExec;

/** Root first, from a region-first root (type 3) to a segment root (type 0). */
const layouts = [
  { shift: 53, bits: 11 },
  { shift: 42, bits: 11 },
  { shift: 31, bits: 11 },
  { shift: 20, bits: 11 },
  { shift: 12, bits: 8 },
];
const names = ['pgd', 'p4d', 'pud', 'pmd', 'pte'];

function tables(type: DesignationType, flags = 0n, segments: SegmentBits = 'former'): TableMemory {
  return new TableMemory({
    levels: layouts.slice(3 - type),
    littleEndian: false,
    pointer: (address, depth) => {
      const own = type - depth;
      if (own === 0) return address | (segments === 'current' ? current.present : 0n) | flags;
      return address | tt(own) | wholeLength | flags;
    },
  });
}

function walk(
  entry: bigint,
  at: { type?: DesignationType; up?: number; address?: bigint; half?: 'kernel' | 'user'; flags?: bigint; segments?: SegmentBits } = {},
): ReturnType<PageTable['translate']> {
  const type = at.type ?? 1;
  const memory = tables(type, at.flags, at.segments);
  const address = at.address ?? 0x1_2345_6789n;
  memory.map(address, entry, type + 1 - (at.up ?? 0));
  const use = at.half === 'user' ? { half: 'user' as const, kernel: undefined } : { half: 'kernel' as const };
  return new PageTable(memory, s390Mode(type, at.segments), toPhysAddr(memory.root), use).translate(toAddress(address));
}

for (const type of [0, 1, 2, 3] as const) {
  describe(`root of type ${type}: ${['segment', 'region-third', 'region-second', 'region-first'][type] ?? ''}`, () => {
    const mode = s390Mode(type);
    const covered = [31, 42, 53, 64][type] ?? 0;

    test('level names', () => {
      assert.deepEqual(
        mode.levels.map(({ name }) => name),
        names.slice(3 - type),
      );
    });

    for (const [above, shift] of [
      [0, 12],
      [1, 20],
      [2, 31],
    ] as const) {
      if (above > type) continue;
      test(`any address, frames of 2^${shift}`, () => {
        fc.assert(
          fc.property(fc.bigInt(0n, bit(covered) - 1n), fc.bigInt(0n, bit(53 - shift) - 1n), (address, frame) => {
            const memory = tables(type);
            const base = frame << BigInt(shift);
            const large = up.large | former.read | former.write | up.young | up.dirty | tt(above === 2 ? 1 : 0);
            memory.map(address, base | (above === 0 ? pageKernel : large), type + 1 - above);
            const table = new PageTable(memory, mode, toPhysAddr(memory.root));
            const found = table.translate(toAddress(address));
            const expected = base + (address & (bit(shift) - 1n));
            assert.equal(BigInt(found.physical ?? -1), expected);
            assert.equal(found.pageSize, 2 ** shift);
            assert.equal(found.levels.length, type + 2 - above);
            assert.ok(found.levels.every(({ defect }) => defect === undefined));
            assert.equal(BigInt(table.frameOf(Number(address >> 12n))), expected >> 12n);
          }),
          { numRuns: 40 },
        );
      });
    }

    if (type < 3) {
      test('an address that the root does not reach is refused', () => {
        const memory = tables(type);
        const { reason } = new PageTable(memory, mode, toPhysAddr(memory.root)).translate(toAddress(bit(covered)));
        assert.equal(reason?.kind, 'non-canonical');
        assert.match(reason.message, new RegExp(`\\(s390x, ${type + 2} levels\\)`));
      });
    }
  });
}

describe('pages', () => {
  /** The table over _PAGE_INVALID in pgtable.h: invalid to the hardware and present to the kernel, where old or PROT_NONE. */
  const states: readonly (readonly [name: string, entry: bigint, mapped: boolean])[] = [
    ['prot-none, clean, old', 0x601n, false],
    ['prot-none, dirty, young', 0x60dn, false],
    ['read-only, clean, old', 0x611n, true],
    ['read-only, clean, young', 0x215n, true],
    ['read-only, dirty, old', 0x619n, true],
    ['read-only, dirty, young', 0x21dn, true],
    ['read-write, clean, old', 0x631n, true],
    ['read-write, clean, young', 0x235n, true],
    ['read-write, dirty, old', 0x439n, true],
    ['read-write, dirty, young', 0x03dn, true],
  ];
  for (const [name, entry, mapped] of states) {
    test(name, () => {
      const found = walk(entry | 0x8765_4000n, { half: 'user' });
      if (mapped) assert.equal(found.physical, 0x8765_4789);
      else assert.match(found.reason?.message ?? '', /pte entry is PROT_NONE \(its frame is at 0x87654000\)/);
      assert.equal(found.levels.at(-1)?.flags.includes('PROTECT'), (entry & 0x200n) !== 0n);
    });
  }

  test('empty is INVALID alone', () => {
    assert.match(walk(0x400n).reason?.message ?? '', /pte entry is empty/);
  });

  test('swap: offset in bits 0-51, type in 57-61, exclusive 52, soft-dirty 62', () => {
    const swap = (0x1234n << 12n) | 0x600n | (5n << 2n);
    assert.match(walk(swap, { half: 'user' }).reason?.message ?? '', /pte entry is swapped out: area 5, offset 0x1234$/);
    assert.match(walk(swap | pop(52, 62), { half: 'user' }).reason?.message ?? '', /offset 0x1234 \(soft-dirty, exclusive\)$/);
    // Bits 55 and 56 are unused.
    assert.match(walk(swap | pop(55, 56), { half: 'user' }).reason?.message ?? '', /offset 0x1234$/);
    assert.match(walk((2n << 12n) | 0x600n | (31n << 2n), { half: 'user' }).reason?.message ?? '', /marker: poisoned$/);
    assert.match(walk(swap).reason?.message ?? '', /pte entry is invalid$/);
  });

  test('every flag by name', () => {
    assert.deepEqual(walk(0xbffn).levels.at(-1)?.flags, [
      'PRESENT', 'SOFT_DIRTY', 'YOUNG', 'DIRTY', 'READ', 'WRITE', 'SPECIAL', 'UNUSED', 'NOEXEC', 'PROTECT', 'LARGE',
    ]); // prettier-ignore
    assert.deepEqual(walk(0x611n).levels.at(-1)?.flags, ['PRESENT', 'READ', 'PROTECT', 'INVALID']);
  });

  test('there are no cache types', () => {
    assert.equal(walk(pageKernel).cacheType, undefined);
  });

  test('rights: PROTECT of any level takes writing away, NOEXEC only that of a leaf', () => {
    const open = pageKernel & ~pte.noExec;
    for (const half of ['kernel', 'user'] as const) {
      assert.deepEqual(walk(open, { half }).effective, {
        write: true, execute: true, user: half === 'user', writeLostAt: undefined, executeLostAt: undefined, userLostAt: undefined,
      }); // prettier-ignore
    }
    assert.deepEqual([walk(pageKernel).effective?.executeLostAt, walk(open | pte.protect).effective?.writeLostAt], ['pte', 'pte']);
    assert.equal(walk(open, { flags: up.protect }).effective?.writeLostAt, 'pud');
    const large = up.large | former.read | former.write | up.noExec;
    assert.equal(walk(large, { up: 1 }).effective?.executeLostAt, 'pmd');
  });

  test('a frame above 2^53 maps nothing', () => {
    const found = walk(pageKernel | bit(53));
    assert.equal(found.physical, undefined);
    assert.match(found.reason?.message ?? '', /pte entry has a physical address above 2\^53/);
    assert.match(walk(up.large | former.read | bit(63), { up: 1 }).reason?.message ?? '', /pmd entry has a physical address above 2\^53/);
  });
});

describe('region and segment entries', () => {
  test('a page table may begin at the half of a page: its origin has 53 bits', () => {
    const memory = tables(0);
    const page = memory.table(1);
    memory.map(0x10_3000n, (page + 2048n) | 0n, 0);
    memory.write(page + 2048n + 3n * 8n, 0x7000n | pageKernel);
    const table = new PageTable(memory, s390Mode(0), toPhysAddr(memory.root));
    assert.equal(table.translate(toAddress(0x10_3004n)).physical, 0x7004);
    assert.equal(table.translate(toAddress(0x10_3004n)).levels[1]?.entryAddress, Number(page) + 2048 + 24);
  });

  test("an entry whose type is not its table's ends the walk", () => {
    for (const [above, type] of [
      [1, 1],
      [2, 0],
      [2, 2],
      [3, 3],
    ] as const) {
      const found = walk(0x5000n | tt(type) | wholeLength, { type: 3, up: above });
      assert.match(
        found.reason?.message ?? '',
        new RegExp(`is of table type ${type}, which does not fit a ${['pte', 'pmd', 'pud', 'p4d'][above] ?? ''} table`),
      );
      assert.equal(found.physical, undefined);
      assert.match(found.levels.at(-1)?.defect ?? '', /table type/);
    }
  });

  test('large frames are segments and region-thirds (pmd_leaf, pud_leaf); higher regions have none', () => {
    const mode = s390Mode(3);
    // entryKind: 2 leaf, 4 malformed.
    assert.deepEqual(
      [3, 2, 1, 0].map((level) => mode.kind(level, ...halves(up.large | tt(3 - level)))),
      [2, 2, 4, 4],
    );
    assert.match(walk(up.large | tt(3), { type: 3, up: 4 }).reason?.message ?? '', /pgd entry has the bit of a large page/);
  });

  test('empty entries keep the type of their table; a word of zeros is empty too', () => {
    assert.match(walk(0n, { up: 1 }).reason?.message ?? '', /the pmd entry is empty/);
    for (const above of [1, 2, 3, 4]) {
      const found = walk(0x20n | tt(above - 1), { type: 3, up: above });
      assert.match(found.reason?.message ?? '', new RegExp(`the ${['', 'pmd', 'pud', 'p4d', 'pgd'][above] ?? ''} entry is empty`));
    }
  });

  test('large pages, former bits: old ones are still mapped, PROT_NONE keeps its frame', () => {
    const frame = 0x8760_0000n | up.large;
    const mapped = (bits: bigint): number | undefined => walk(frame | bits, { up: 1, half: 'user' }).physical;
    assert.equal(mapped(up.invalid | up.protect | former.read), 0x8765_6789);
    assert.equal(mapped(up.invalid | former.read | former.write | up.dirty), 0x8765_6789);
    const none = walk(frame | up.invalid | up.protect, { up: 1, half: 'user' });
    assert.match(none.reason?.message ?? '', /pmd entry is PROT_NONE \(its frame is at 0x87600000\)/);
    assert.deepEqual(none.levels.at(-1)?.flags, ['INVALID', 'PROTECT', 'LARGE']);
    assert.deepEqual(walk(frame | former.read | former.write | up.young | up.dirty | former.softDirty | up.noExec, { up: 1 }).levels.at(-1)?.flags, [
      'READ', 'WRITE', 'NOEXEC', 'LARGE', 'YOUNG', 'DIRTY', 'SOFT_DIRTY',
    ]); // prettier-ignore
  });

  test('large pages, current bits: READ and WRITE are 14 and 15, PRESENT is 0', () => {
    const frame = 0x8760_0000n | up.large | current.present;
    const at = { up: 1, half: 'user', segments: 'current' } as const;
    assert.equal(walk(frame | up.invalid | up.protect | current.read, at).physical, 0x8765_6789);
    const none = walk(frame | up.invalid | up.protect | current.softDirty, at);
    assert.match(none.reason?.message ?? '', /pmd entry is PROT_NONE \(its frame is at 0x87600000\)/);
    assert.deepEqual(walk(frame | current.read | current.write | up.young | up.dirty | current.softDirty, at).levels.at(-1)?.flags, [
      'PRESENT', 'SOFT_DIRTY', 'LARGE', 'YOUNG', 'DIRTY', 'READ', 'WRITE',
    ]); // prettier-ignore
  });

  test('current kernels have swap entries of segments: offset in bits 0-51, type in 53-57', () => {
    const swap = (0x8_7600n << 12n) | (24n << 6n) | current.comm | up.invalid;
    const at = { up: 1, half: 'user', segments: 'current' } as const;
    assert.match(
      walk(swap, at).reason?.message ?? '',
      /pmd entry is a special entry of swap type 24 \(migration \(read\) or hwpoison.*offset 0x87600$/,
    );
    // Type 16 and more set the bit that would be LARGE.
    assert.match(
      walk((7n << 12n) | (3n << 6n) | current.comm | up.invalid | current.softDirty, at).reason?.message ?? '',
      /area 3, offset 0x7 \(soft-dirty\)$/,
    );
    assert.match(walk(0x5000n | up.invalid, { up: 1, half: 'user' }).reason?.message ?? '', /pmd entry is invalid$/);
  });

  test('which bits a kernel uses, by an entry of its own', () => {
    assert.equal(segmentBitsOf(0x123_4800n), 'former');
    assert.equal(segmentBitsOf(0x123_4800n | current.present), 'current');
    assert.equal(segmentBitsOf(0x100_0000n | up.large | former.read | former.write | up.young | up.dirty), 'former');
    assert.equal(segmentBitsOf(0x100_0000n | up.large | current.present | current.read | current.write | up.young | up.dirty), 'current');
    assert.equal(segmentBitsOf(up.invalid), undefined);
    // READ of the one, SOFT_DIRTY of the other.
    assert.equal(segmentBitsOf(0x100_0000n | up.large | 3n | bit(14)), undefined);
  });

  test('flags of tables', () => {
    const levels = walk(pageKernel, { type: 3, flags: up.protect }).levels.map(({ flags }) => flags);
    assert.deepEqual(levels.slice(0, 4), [
      ['PROTECT', 'REGION1'],
      ['PROTECT', 'REGION2'],
      ['PROTECT', 'REGION3'],
      ['PROTECT', 'SEGMENT'],
    ]);
  });
});

describe('defects', () => {
  const defect = (level: number, entry: bigint): string | undefined => s390Mode(3).defect(level, ...halves(entry));

  test('large frames that are not aligned', () => {
    assert.match(defect(3, 0x8762_0000n | up.large | former.read) ?? '', /not aligned to its 1 MiB: address bits 0x20000/);
    assert.match(defect(2, 0x9000_0000n | up.large | tt(1)) ?? '', /not aligned to its 2 GiB: address bits 0x10000000/);
    assert.equal(defect(2, 0x8000_0000n | up.large | tt(1)), undefined);
    // ACCF validity, access control and fetch protection (47-52) are no address.
    assert.equal(defect(3, 0x8760_0000n | up.large | former.read | pop(47, 48, 52)), undefined);
  });

  test('bit 52 of a page-table entry must be zero', () => {
    assert.match(defect(4, pageKernel | pop(52)) ?? '', /bit 52 \(0x800\)/);
    assert.equal(defect(4, pageKernel), undefined);
  });

  test('what pmd_bad() and its like ask, and tables that are not whole', () => {
    assert.match(defect(3, 0x5000n | 0x100n) ?? '', /bits 0x100 are set, which Linux never sets/);
    assert.match(defect(2, 0x5000n | tt(1) | wholeLength | 0x40n) ?? '', /bits 0x40 are set/);
    assert.match(defect(1, 0x5000n | tt(2) | 1n) ?? '', /next table is 2 of 4 parts long/);
    assert.equal(defect(1, 0x5000n | tt(2) | wholeLength), undefined);
  });
});

describe('exactly these bits decide', () => {
  const mode = s390Mode(3);

  test('rights', () => {
    const right = (name: 'write' | 'execute' | 'user', base: bigint, level: number): number[] =>
      decidingBits(base, (low, high) => mode.rights(level, low, high, true)[name]);
    assert.deepEqual([right('write', pageKernel, 4), right('execute', pageKernel, 4), right('user', pageKernel, 4)], [[9], [8], []]);
    const segment = up.large | former.read;
    assert.deepEqual([right('write', segment, 3), right('execute', segment, 3)], [[9], [8]]);
    assert.deepEqual([right('write', 0x5000n, 3), right('execute', 0x5000n, 3)], [[9], []]);
  });

  test('addresses', () => {
    const leaf = (base: bigint, level: number): number[] => decidingBits(base, (low, high) => mode.leafAddress(level, low, high));
    assert.deepEqual([leaf(pageKernel, 4), leaf(up.large, 3), leaf(up.large | tt(1), 2)], [span(12, 63), span(20, 63), span(31, 63)]);
    const next = (level: number): number[] => decidingBits(0n, (low, high) => mode.tableAddress(level, low, high));
    assert.deepEqual([next(3), next(2), next(1), next(0)], [span(11, 63), span(12, 63), span(12, 63), span(12, 63)]);
  });

  test('what an entry is', () => {
    const kind = (base: bigint, level: number): number[] => decidingBits(base, (low, high) => mode.kind(level, low, high));
    // INVALID of a page that is not readable to the kernel; frames above 2^53.
    assert.deepEqual(kind(pte.present, 4), [10, ...span(53, 63)]);
    assert.deepEqual(kind(0x5000n, 3), [2, 3, 5, 10]);
    assert.deepEqual(kind(0x5000n | tt(1) | wholeLength, 2), [2, 3, 5, 10]);
  });

  test('defects', () => {
    const defects = (base: bigint, level: number): number[] => decidingBits(base, (low, high) => mode.defect(level, low, high));
    assert.deepEqual(defects(pageKernel, 4), [11, ...span(53, 63)]);
    assert.deepEqual(defects(up.large | former.read, 3), [2, 3, ...span(17, 19), ...span(53, 63)]);
    assert.deepEqual(defects(0x5000n, 3), [2, 3, 6, 7, 8]);
    assert.deepEqual(defects(0x5000n | tt(1) | wholeLength, 2), [0, 1, 2, 3, 4, 6, 7, 8, 11]);
    assert.deepEqual(defects(0x5000n | tt(3) | wholeLength, 0), [0, 1, 2, 3, 4, 6, 7, 8, 10, 11]);
  });

  test('names', () => {
    assert.deepEqual(namedBits(pte.present, (low, high) => mode.flags(4, low, high)), [
      [1, 'SOFT_DIRTY'], [2, 'YOUNG'], [3, 'DIRTY'], [4, 'READ'], [5, 'WRITE'], [6, 'SPECIAL'], [7, 'UNUSED'], [8, 'NOEXEC'], [9, 'PROTECT'],
      [10, 'INVALID'], [11, 'LARGE'],
    ]); // prettier-ignore
  });

  test('a swap entry', () => {
    const swap = (1n << 12n) | 0x600n | (1n << 2n);
    const told = decidingBits(swap, (low, high) => mode.explain(4, low, high, { userAddress: true }));
    // Bit 0 would make it PROT_NONE, 10 a page; 7, 8 and 9 say nothing of their own.
    assert.deepEqual(told, [...span(0, 6), ...span(11, 63)]);
  });

  test("the kernel's level numbers", () => {
    assert.deepEqual(
      ([0, 1, 2, 3] as const).map((type) => s390Mode(type).levels.map(({ depth }) => depth)),
      [
        [3, 4],
        [2, 3, 4],
        [1, 2, 3, 4],
        [0, 1, 2, 3, 4],
      ],
    );
  });
});
