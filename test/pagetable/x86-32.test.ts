/**
 * Paging of 32-bit x86. Layout: Intel SDM vol. 3, 4.3 (32-bit paging, tables 4-3 to 4-6) and 4.4 (PAE, tables 4-8 to 4-11);
 * names and software bits: arch/x86/include/asm/pgtable_types.h, pgtable-2level.h, pgtable-3level.h, pgtable-invert.h.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { PagingMode } from '../../debug-adapter/arch/paging-mode.ts';
import { x86Pae, x86TwoLevel } from '../../debug-adapter/arch/x86-32.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { TableMemory, bit, decidingBits, halves, namedBits, span } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

const b = {
  p: bit(0), rw: bit(1), us: bit(2), pwt: bit(3), pcd: bit(4), a: bit(5), d: bit(6), ps: bit(7), pat: bit(7), g: bit(8),
  s1: bit(9), s2: bit(10), s3: bit(11), largePat: bit(12), xd: bit(63),
} as const; // prettier-ignore
const pageOffset = 0xc000_0000n;
const table = b.p | b.rw | b.us | b.a | b.d;

const paeLevels = [
  { shift: 30, bits: 2 },
  { shift: 21, bits: 9 },
  { shift: 12, bits: 9 },
];
const twoLevels = [
  { shift: 22, bits: 10, entry: 4 },
  { shift: 12, bits: 10, entry: 4 },
] as const;

interface Shape {
  readonly mode: PagingMode;
  tables(): TableMemory;
}

/** A page-directory-pointer-table entry has no R/W, U/S or XD: P, PWT, PCD and the address (table 4-8). */
const pae = (physicalBits?: number): Shape => ({
  mode: x86Pae({ pageOffset, physicalBits: () => physicalBits }),
  tables: () =>
    new TableMemory({ levels: paeLevels, littleEndian: true, pointer: (address, depth) => address | (depth === 0 ? b.p : table) }),
});
const two = (physicalBits?: number): Shape => ({
  mode: x86TwoLevel({ pageOffset, physicalBits }),
  tables: () => new TableMemory({ levels: twoLevels, littleEndian: true, pointer: (address) => address | table }),
});

function walk(shape: Shape, entry: bigint, at: { up?: number; address?: bigint } = {}): ReturnType<PageTable['translate']> {
  const memory = shape.tables();
  const address = at.address ?? 0x1234_5678n;
  memory.map(address, entry, shape.mode.levels.length - 1 - (at.up ?? 0));
  return new PageTable(memory, shape.mode, toPhysAddr(memory.root)).translate(toAddress(address));
}

const flagsOf = (shape: Shape, entry: bigint, up = 0): readonly string[] | undefined => walk(shape, entry, { up }).levels.at(-1)?.flags;
const reasonOf = (shape: Shape, entry: bigint, at: { up?: number; address?: bigint } = {}): string =>
  walk(shape, entry, at).reason?.message ?? '';
const anyAddress = fc.bigInt(0n, bit(32) - 1n);

describe('translation', () => {
  for (const [name, shape, up, shift, physicalBits] of [
    ['PAE pte', pae(), 0, 12, 52],
    ['PAE 2 MiB', pae(), 1, 21, 52],
    ['two-level pte', two(), 0, 12, 32],
  ] as const) {
    test(`${name}: any address`, () => {
      fc.assert(
        fc.property(anyAddress, fc.bigInt(0n, bit(physicalBits - shift) - 1n), (address, frame) => {
          const memory = shape.tables();
          const base = frame << BigInt(shift);
          memory.map(address, base | b.p | b.rw | (up === 0 ? 0n : b.ps), shape.mode.levels.length - 1 - up);
          const pageTable = new PageTable(memory, shape.mode, toPhysAddr(memory.root));
          const found = pageTable.translate(toAddress(address));
          const expected = base + (address & (bit(shift) - 1n));
          assert.equal(BigInt(found.physical ?? -1), expected);
          assert.equal(found.pageSize, 2 ** shift);
          assert.ok(found.levels.every(({ defect }) => defect === undefined));
          assert.equal(BigInt(pageTable.frameOf(Number(address >> 12n))), expected >> 12n);
        }),
        { numRuns: 60 },
      );
    });
  }

  test('4 MiB pages with PSE-36: bits 13-20 are physical bits 32-39, bit 12 is PAT', () => {
    fc.assert(
      fc.property(anyAddress, fc.bigInt(0n, bit(18) - 1n), fc.constantFrom(0n, b.largePat | b.pwt), (address, frame, pat) => {
        const shape = two(40);
        const memory = shape.tables();
        // 18 bits of frame number: the low 10 are physical bits 22-31, the high 8 bits 32-39.
        const entry = ((frame & 0x3ffn) << 22n) | ((frame >> 10n) << 13n) | b.p | b.ps | pat;
        memory.map(address, entry, 0);
        const found = new PageTable(memory, shape.mode, toPhysAddr(memory.root)).translate(toAddress(address));
        assert.equal(BigInt(found.physical ?? -1), (frame << 22n) + (address & (bit(22) - 1n)));
        assert.equal(found.pageSize, 0x40_0000);
        assert.equal(found.levels[0]?.defect, undefined);
      }),
    );
  });

  test('a CPU with fewer address bits ignores none of them: they are reserved', () => {
    const entry = 0x0040_0000n | bit(13) | bit(17) | b.p | b.ps;
    assert.equal(walk(two(36), entry, { up: 1, address: 0n }).physical, 0x1_0040_0000);
    assert.match(walk(two(36), entry, { up: 1 }).levels[0]?.defect ?? '', /bits 0x20000 of a 4 MiB leaf are reserved on this CPU/);
    assert.equal(walk(two(32), entry, { up: 1, address: 0n }).physical, 0x40_0000);
    assert.match(walk(two(), bit(21) | b.p | b.ps, { up: 1 }).levels[0]?.defect ?? '', /bits 0x200000/);
    // PSE-36 has 40 bits at most, whatever the CPU.
    assert.match(walk(two(46), bit(21) | b.p | b.ps, { up: 1 }).levels[0]?.defect ?? '', /bits 0x200000/);
    assert.equal(walk(two(46), bit(20, 21) | b.p | b.ps, { up: 1, address: 0n }).physical, 0x80_0000_0000);
  });

  test('level names', () => {
    assert.deepEqual(
      [pae(), two()].map(({ mode }) => mode.levels.map(({ name }) => name)),
      [
        ['pgd', 'pmd', 'pte'],
        ['pgd', 'pte'],
      ],
    );
  });

  test('addresses have 32 bits; PAGE_OFFSET divides user mode from the kernel', () => {
    for (const { mode } of [pae(), two()]) {
      assert.equal(mode.isCanonical(toAddress(0xffff_ffffn)), true);
      assert.equal(mode.isCanonical(toAddress(0x1_0000_0000n)), false);
      assert.equal(mode.untag(toAddress(0xffff_ffff_c000_1234n)), 0xc000_1234n);
      assert.deepEqual(
        [0xbfff_ffffn, pageOffset].map((at) => mode.isUserAddress(toAddress(at))),
        [true, false],
      );
    }
    assert.equal(walk(pae(), b.p, { address: 0n }).physical, 0);
  });

  test('the root of PAE is 32 bytes anywhere in a page', () => {
    const memory = pae().tables();
    const directory = memory.table(1);
    memory.map(0x4020_3000n, directory | b.p, 0);
    memory.write(memory.root + 0x20n + 8n, directory | b.p);
    memory.write(directory + 8n, 0x60_0000n | b.p | b.ps);
    const found = new PageTable(memory, pae().mode, toPhysAddr(memory.root + 0x20n)).translate(toAddress(0x4020_3004n));
    assert.equal(found.physical, 0x60_3004);
  });
});

describe('flags, cache types and rights', () => {
  test('leaves by name', () => {
    const all = b.p | b.rw | b.us | b.pwt | b.pcd | b.a | b.d | b.g | b.s1 | b.s2 | b.s3;
    const names = ['PRESENT', 'RW', 'USER', 'PWT', 'PCD', 'ACCESSED', 'DIRTY', 'GLOBAL', 'SPECIAL', 'SAVED_DIRTY', 'SOFTW3'];
    assert.deepEqual(flagsOf(pae(), all | b.pat | b.xd), [...names, 'PAT', 'NX']);
    assert.deepEqual(flagsOf(pae(), all | b.ps | b.largePat | b.xd, 1), [...names, 'PSE', 'PAT_LARGE', 'NX']);
    assert.deepEqual(flagsOf(two(), all | b.pat), [...names, 'PAT']);
    assert.deepEqual(flagsOf(two(), all | b.ps | b.largePat, 1), [...names, 'PSE', 'PAT_LARGE']);
  });

  test('tables by name', () => {
    assert.deepEqual(walk(pae(), b.p).levels[0]?.flags, ['PRESENT']);
    assert.deepEqual(walk(pae(), b.p).levels[1]?.flags, ['PRESENT', 'RW', 'USER', 'ACCESSED', 'DIRTY']);
    assert.deepEqual(flagsOf(pae(), 0x5000n | table | b.s1 | b.s2 | b.xd, 1), [
      'PRESENT',
      'RW',
      'USER',
      'ACCESSED',
      'DIRTY',
      'SOFTW1',
      'SOFTW2',
      'NX',
    ]);
    // In the root, bit 10 is NOPTISHADOW (pgtable_types.h).
    assert.deepEqual(flagsOf(two(), 0x5000n | table | b.s2, 1)?.at(-1), 'NOPTISHADOW');
  });

  test('cache types by PAT, PCD and PWT: bit 7 of a pte, bit 12 of a large page', () => {
    const linux = ['WB', 'WC', 'UC-', 'UC', 'WB', 'WP', 'UC-', 'WT'];
    for (const shape of [pae(), two()]) {
      for (let index = 0; index < 8; index++) {
        const low = b.p | ((index & 1) === 0 ? 0n : b.pwt) | ((index & 2) === 0 ? 0n : b.pcd);
        assert.equal(walk(shape, low | ((index & 4) === 0 ? 0n : b.pat)).cacheType, linux[index]);
        assert.equal(walk(shape, low | b.ps | ((index & 4) === 0 ? 0n : b.largePat), { up: 1 }).cacheType, linux[index]);
      }
    }
  });

  test('the root of PAE withholds nothing; every other level may', () => {
    const open = walk(pae(), 0x5000n | b.p | b.rw | b.us);
    assert.deepEqual([open.effective?.write, open.effective?.execute, open.effective?.user], [true, true, true]);
    const memory = pae().tables();
    memory.map(0n, 0x5000n | b.p | b.rw | b.us);
    const directory = new PageTable(memory, pae().mode, toPhysAddr(memory.root)).translate(toAddress(0n)).levels[1];
    memory.write(BigInt(directory?.entryAddress ?? 0), ((directory?.entry ?? 0n) & ~(b.rw | b.us)) | b.xd);
    const found = new PageTable(memory, pae().mode, toPhysAddr(memory.root)).translate(toAddress(0n)).effective;
    assert.deepEqual([found?.writeLostAt, found?.executeLostAt, found?.userLostAt], ['pmd', 'pmd', 'pmd']);
  });

  test('two levels: no bit forbids execution', () => {
    const found = walk(two(), 0x5000n | b.p).effective;
    assert.deepEqual([found?.writeLostAt, found?.execute, found?.userLostAt], ['pte', true, 'pte']);
  });
});

describe('entries that are not present', () => {
  test('empty: accessed and dirty do not count with PAE, and do with two levels', () => {
    assert.match(reasonOf(pae(), 0x60n), /pte entry is empty/);
    for (const number of [...span(1, 4), ...span(9, 63)]) assert.doesNotMatch(reasonOf(pae(), 0x60n | bit(number)), /empty/);
    assert.match(reasonOf(two(), 0n), /pte entry is empty/);
    assert.match(reasonOf(two(), 0x60n), /swapped out/);
  });

  test('PROT_NONE: bit 8; PAE stores the frame inverted', () => {
    const inverted = (~0x1_2345_6000n & 0x000f_ffff_ffff_f000n) | b.g | b.a;
    assert.match(reasonOf(pae(), inverted), /pte entry is PROT_NONE \(its frame, stored inverted, is at 0x123456000\)/);
    assert.deepEqual(flagsOf(pae(), inverted), ['ACCESSED', 'PROTNONE']);
    assert.match(reasonOf(two(), 0x1234_5000n | b.g | b.a), /pte entry is PROT_NONE \(its frame is at 0x12345000\)/);
    const large = (~0x1_2340_0000n & 0x000f_ffff_ffe0_0000n) | b.g | b.ps;
    assert.match(reasonOf(pae(), large, { up: 1 }), /pmd entry is PROT_NONE \(its frame, stored inverted, is at 0x123400000\)/);
  });

  test('a large page that was invalidated keeps PSE', () => {
    const large = (~0x1_2340_0000n & 0x000f_ffff_ffe0_0000n) | b.ps | b.a;
    assert.match(
      reasonOf(pae(), large, { up: 1 }),
      /pmd entry is a large page that was invalidated \(its frame, stored inverted, is at 0x123400000\)/,
    );
    assert.match(
      reasonOf(two(), 0x1240_0000n | b.ps, { up: 1 }),
      /pgd entry is a large page that was invalidated \(its frame is at 0x12400000\)/,
    );
  });

  test('swap with PAE: type in 59-63, offset inverted in 9-58, exclusive 7', () => {
    const swap = (type: bigint, offset: bigint): bigint => (type << 59n) | ((~offset & (bit(50) - 1n)) << 9n);
    assert.match(reasonOf(pae(), swap(1n, 0x1234n)), /pte entry is swapped out: area 1, offset 0x1234$/);
    assert.match(reasonOf(pae(), swap(2n, 0x55n) | bit(7)), /area 2, offset 0x55 \(exclusive\)$/);
    assert.match(reasonOf(pae(), swap(0n, 0n)), /area 0, offset 0x0$/);
    assert.match(reasonOf(pae(), swap(31n, 1n)), /marker: userfaultfd write-protect$/);
    assert.match(reasonOf(pae(), swap(26n, 0x1_1a00n)), /swap type 26 \(migration \(write\).*offset 0x11a00$/);
  });

  test('swap with two levels: type in 1-5, offset from 9, exclusive 7', () => {
    assert.match(reasonOf(two(), (5n << 1n) | (0x1234n << 9n)), /pte entry is swapped out: area 5, offset 0x1234$/);
    assert.match(reasonOf(two(), (5n << 1n) | (0x1234n << 9n) | bit(7)), /offset 0x1234 \(exclusive\)$/);
  });

  test('a kernel entry without PRESENT is never read as swap', () => {
    const address = 0xf800_0000n;
    assert.match(
      reasonOf(pae(), (~0x5000n & 0x000f_ffff_ffff_f000n) | b.rw, { address }),
      /not present \(its frame, stored inverted, was at 0x5000\)/,
    );
    assert.match(reasonOf(two(), 0x5000n | b.rw, { address }), /not present \(its frame was at 0x5000\)/);
    assert.match(reasonOf(pae(), 0x5002n, { up: 2 }), /pgd entry is not present$/);
  });
});

describe('defects', () => {
  const defect = (shape: Shape, level: number, entry: bigint): string | undefined => shape.mode.defect(level, ...halves(entry));

  test('bit 7 is a page size in directories only (pmd_leaf): in the PAE root it is reserved', () => {
    // entryKind: 1 table, 2 leaf.
    assert.deepEqual(
      [0, 1, 2].map((level) => pae().mode.kind(level, ...halves(b.p | b.ps))),
      [1, 2, 2],
    );
    assert.deepEqual(
      [0, 1].map((level) => two().mode.kind(level, ...halves(b.p | b.ps))),
      [2, 2],
    );
    assert.match(defect(pae(), 0, 0x5000n | b.p | b.ps) ?? '', /bits 0x80 are reserved in the page-directory-pointer table/);
    assert.match(defect(pae(), 0, 0x5000n | b.p | b.rw | b.us) ?? '', /bits 0x6 are reserved/);
    assert.match(defect(pae(), 0, 0x5000n | b.p | b.xd) ?? '', /bits 0x8000000000000000 are reserved/);
  });

  test('PAE: bits 52-62 are reserved, and address bits above MAXPHYADDR', () => {
    assert.match(defect(pae(), 2, 0x5000n | b.p | bit(52)) ?? '', /bits 0x10000000000000 are reserved with PAE/);
    assert.match(defect(pae(), 1, 0x5000n | b.p | bit(62)) ?? '', /bits 0x4000000000000000 are reserved with PAE/);
    assert.equal(defect(pae(), 2, 0x5000n | b.p | b.xd), undefined);
    assert.match(defect(pae(40), 2, bit(41) | b.p) ?? '', /reserved on a CPU with 40-bit physical addresses/);
    assert.equal(defect(pae(42), 2, bit(41) | b.p), undefined);
  });

  test('a large leaf that is not aligned, and a PAT slot that Linux never uses', () => {
    assert.match(defect(pae(), 1, 0x60_2000n | b.p | b.ps) ?? '', /not aligned to its 2 MiB: bits 0x2000/);
    assert.match(defect(pae(), 1, 0x60_0000n | b.p | b.ps | b.largePat) ?? '', /bit 12 is set, which chooses a PAT slot/);
    assert.match(defect(two(), 0, 0x40_0000n | b.p | b.ps | b.largePat) ?? '', /bit 12 is set/);
    assert.equal(defect(pae(), 1, 0x60_0000n | b.p | b.ps | b.largePat | b.pwt), undefined);
  });
});

describe('exactly these bits decide', () => {
  const { mode } = pae();
  const old = two().mode;
  const rights = (of: PagingMode, level: number, base: bigint, width: 32 | 64): number[][] =>
    (['write', 'execute', 'user'] as const).map((name) =>
      decidingBits(base, (low, high) => of.rights(level, low, high, true)[name], width),
    );

  test('rights', () => {
    assert.deepEqual(rights(mode, 2, b.p, 64), [[1], [63], [2]]);
    assert.deepEqual(rights(mode, 1, b.p, 64), [[1], [63], [2]]);
    assert.deepEqual(rights(mode, 0, b.p, 64), [[], [], []]);
    assert.deepEqual(rights(old, 1, b.p, 32), [[1], [], [2]]);
    assert.deepEqual(rights(old, 0, b.p, 32), [[1], [], [2]]);
  });

  test('addresses', () => {
    const leaf = (of: PagingMode, level: number, base: bigint, width: 32 | 64): number[] =>
      decidingBits(base, (low, high) => of.leafAddress(level, low, high), width);
    // Bit 0 tells whether the frame is stored inverted.
    assert.deepEqual(
      [leaf(mode, 2, b.p, 64), leaf(mode, 1, b.p | b.ps, 64)],
      [
        [0, ...span(12, 51)],
        [0, ...span(21, 51)],
      ],
    );
    assert.deepEqual([leaf(old, 1, b.p, 32), leaf(old, 0, b.p | b.ps, 32)], [span(12, 31), [...span(13, 20), ...span(22, 31)]]);
    assert.deepEqual(
      decidingBits(b.p, (low, high) => mode.tableAddress(1, low, high)),
      span(12, 51),
    );
    assert.deepEqual(
      decidingBits(b.p, (low, high) => old.tableAddress(0, low, high), 32),
      span(12, 31),
    );
  });

  test('defects', () => {
    const defects = (of: PagingMode, level: number, base: bigint, width: 32 | 64): number[] =>
      decidingBits(base, (low, high) => of.defect(level, low, high), width);
    assert.deepEqual(defects(mode, 2, b.p, 64), span(52, 62));
    assert.deepEqual(defects(mode, 1, b.p | b.ps, 64), [...span(12, 20), ...span(52, 62)]);
    assert.deepEqual(defects(mode, 1, b.p, 64), span(52, 62));
    assert.deepEqual(defects(mode, 0, b.p, 64), [1, 2, 6, 7, 8, ...span(52, 63)]);
    assert.deepEqual([defects(old, 1, b.p, 32), defects(old, 0, b.p | b.ps, 32)], [[], [12, 21]]);
  });

  test('names', () => {
    const common = [[1, 'RW'], [2, 'USER'], [3, 'PWT'], [4, 'PCD'], [5, 'ACCESSED'], [6, 'DIRTY']] as const; // prettier-ignore
    const leaf = [[8, 'GLOBAL'], [9, 'SPECIAL'], [10, 'SAVED_DIRTY'], [11, 'SOFTW3']] as const; // prettier-ignore
    assert.deepEqual(
      namedBits(b.p, (low, high) => mode.flags(2, low, high)),
      [...common, [7, 'PAT'], ...leaf, [63, 'NX']],
    );
    assert.deepEqual(
      namedBits(b.p | b.ps, (low, high) => mode.flags(1, low, high)),
      [...common, ...leaf, [12, 'PAT_LARGE'], [63, 'NX']],
    );
    assert.deepEqual(
      namedBits(b.p, (low, high) => mode.flags(0, low, high)),
      [
        [3, 'PWT'],
        [4, 'PCD'],
        [9, 'SOFTW1'],
        [10, 'NOPTISHADOW'],
        [11, 'SOFTW3'],
      ],
    );
  });

  test('swap entries', () => {
    const told = (of: PagingMode, level: number, base: bigint, width: 32 | 64): number[] =>
      decidingBits(base, (low, high) => of.explain(level, low, high, { userAddress: true }), width);
    // Bit 8 makes PROT_NONE of an entry; bits 1 to 6 of PAE's are not used.
    assert.deepEqual(told(mode, 2, bit(59), 64), [7, 8, ...span(9, 63)]);
    assert.deepEqual(told(old, 1, bit(1, 9), 32), [...span(1, 5), 7, 8, ...span(9, 31)]);
  });
});
