/**
 * arm64 stage 1 translation. Layouts: Arm ARM DDI 0487, D8.3.1 (descriptor formats), D8.2.7-9 (granules and levels); names and
 * software bits: arch/arm64/include/asm/pgtable-hwdef.h (PTE_*, PMD_TABLE_*), pgtable-prot.h, pgtable.h (swap entries).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { arm64Mode, currentMemoryTypes, formerMemoryTypes } from '../../debug-adapter/arch/arm64.ts';
import type { Arm64Options } from '../../debug-adapter/arch/arm64.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { TableMemory, bit, decidingBits, halves, namedBits, span } from '../builders/table-memory.ts';
import type { LevelLayout } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

const b = {
  valid: bit(0), table: bit(1), ns: bit(5), user: bit(6), rdonly: bit(7), shInner: bit(8, 9), shOuter: bit(9), af: bit(10), ng: bit(11),
  nt: bit(16), gp: bit(50), dbm: bit(51), cont: bit(52), pxn: bit(53), uxn: bit(54), dirty: bit(55), special: bit(56), devmap: bit(57),
  pxnTable: bit(59), uxnTable: bit(60), apNoUser: bit(61), apReadOnly: bit(62), nsTable: bit(63),
} as const; // prettier-ignore
const page = b.valid | b.table | b.af;
const block = b.valid | b.af;

interface Geometry {
  readonly pageShift: 12 | 14 | 16;
  readonly virtualBits: number;
  readonly wide: Arm64Options['wideAddresses'];
  readonly levels: readonly LevelLayout[];
  readonly names: readonly string[];
  /** Depths (in `levels`) at which a block is architecturally allowed. */
  readonly blocks: readonly number[];
}

/** Levels of every configuration that Linux offers (Kconfig ARM64_VA_BITS_*), root first: [shift, index bits]. */
const geometries: readonly Geometry[] = [
  geometry(12, 39, 'none', [[30, 9], [21, 9], [12, 9]], ['pgd', 'pmd', 'pte'], [0, 1]),
  geometry(12, 48, 'none', [[39, 9], [30, 9], [21, 9], [12, 9]], ['pgd', 'pud', 'pmd', 'pte'], [1, 2]),
  geometry(12, 52, 'lpa2', [[48, 4], [39, 9], [30, 9], [21, 9], [12, 9]], ['pgd', 'p4d', 'pud', 'pmd', 'pte'], [1, 2, 3]),
  geometry(14, 36, 'none', [[25, 11], [14, 11]], ['pgd', 'pte'], [0]),
  geometry(14, 47, 'none', [[36, 11], [25, 11], [14, 11]], ['pgd', 'pmd', 'pte'], [1]),
  geometry(14, 48, 'none', [[47, 1], [36, 11], [25, 11], [14, 11]], ['pgd', 'pud', 'pmd', 'pte'], [2]),
  geometry(14, 52, 'lpa2', [[47, 5], [36, 11], [25, 11], [14, 11]], ['pgd', 'pud', 'pmd', 'pte'], [1, 2]),
  geometry(16, 42, 'none', [[29, 13], [16, 13]], ['pgd', 'pte'], [0]),
  geometry(16, 48, 'none', [[42, 6], [29, 13], [16, 13]], ['pgd', 'pmd', 'pte'], [1]),
  geometry(16, 48, 'lpa', [[42, 6], [29, 13], [16, 13]], ['pgd', 'pmd', 'pte'], [0, 1]),
  geometry(16, 52, 'lpa', [[42, 10], [29, 13], [16, 13]], ['pgd', 'pmd', 'pte'], [0, 1]),
]; // prettier-ignore

function geometry(
  ...[pageShift, virtualBits, wide, levels, names, blocks]: [
    Geometry['pageShift'],
    number,
    Geometry['wide'],
    readonly (readonly [shift: number, bits: number])[],
    readonly string[],
    readonly number[],
  ]
): Geometry {
  return { pageShift, virtualBits, wide, levels: levels.map(([shift, bits]) => ({ shift, bits })), names, blocks };
}

/** An output address in a descriptor (D8.3.1): 47:12 in place; LPA2: 49:12 in place, 51:50 in 9:8; 64K LPA: 51:48 in 15:12. */
function place(address: bigint, wide: Geometry['wide']): bigint {
  if (wide === 'lpa2') return (address & (bit(50) - 1n)) | ((address >> 50n) << 8n);
  if (wide === 'lpa') return (address & (bit(48) - 1n)) | ((address >> 48n) << 12n);
  return address;
}

function optionsOf(of: Geometry, more: Partial<Arm64Options> = {}): Arm64Options {
  const { pageShift, virtualBits, wide } = of;
  return { pageShift, virtualBits, wideAddresses: wide, memoryTypes: currentMemoryTypes, protNoneBit: () => 11, ...more };
}

function tables(of: Geometry, tableFlags = 0n, base?: bigint): TableMemory {
  return new TableMemory({
    levels: of.levels,
    littleEndian: true,
    pointer: (address) => place(address, of.wide) | b.valid | b.table | tableFlags,
    ...(base === undefined ? {} : { base }),
  });
}

const plain = geometry(12, 48, 'none', [[39, 9], [30, 9], [21, 9], [12, 9]], ['pgd', 'pud', 'pmd', 'pte'], [1, 2]); // prettier-ignore

function walk(
  entry: bigint,
  at: {
    depth?: number;
    address?: bigint;
    half?: 'kernel' | 'user';
    options?: Partial<Arm64Options>;
    tableFlags?: bigint;
    of?: Geometry;
  } = {},
): ReturnType<PageTable['translate']> {
  const of = at.of ?? plain;
  const half = at.half ?? 'kernel';
  const memory = tables(of, at.tableFlags);
  const address = at.address ?? (half === 'kernel' ? 0xffff_8000_1234_5000n : 0x1234_5000n);
  memory.map(address, entry, at.depth ?? of.levels.length - 1);
  const use = half === 'kernel' ? { half } : { half, kernel: undefined };
  return new PageTable(memory, arm64Mode(optionsOf(of, at.options)), toPhysAddr(memory.root), use).translate(toAddress(address));
}

for (const of of geometries) {
  describe(`${2 ** (of.pageShift - 10)}K pages, ${of.virtualBits}-bit addresses, ${of.wide}`, () => {
    const mode = arm64Mode(optionsOf(of));
    const physicalBits = of.wide === 'none' ? 48 : 52;

    test('level names and shapes', () => {
      assert.deepEqual(
        mode.levels.map(({ name }) => name),
        of.names,
      );
      assert.deepEqual(
        mode.levels.map(({ shift, indexBits }) => ({ shift, bits: indexBits })),
        of.levels,
      );
    });

    for (const depth of [...of.blocks, of.levels.length - 1]) {
      const shift = of.levels[depth]?.shift ?? 0;
      test(`any address of either half, ${of.names[depth] ?? ''} leaves of 2^${shift}`, () => {
        const leafBits = depth === of.levels.length - 1 ? page : block;
        fc.assert(
          fc.property(
            fc.bigInt(0n, bit(of.virtualBits) - 1n),
            fc.bigInt(0n, bit(physicalBits - shift) - 1n),
            fc.constantFrom('kernel' as const, 'user' as const),
            (low, frame, half) => {
              const address = half === 'kernel' ? bit(64) - bit(of.virtualBits) + low : low;
              const base = frame << BigInt(shift);
              // Tables themselves lie above 2^48 where addresses may.
              const memory = tables(of, 0n, physicalBits === 52 ? 0x000b_4567_89ab_0000n : undefined);
              memory.map(address, place(base, of.wide) | leafBits, depth);
              const use = half === 'kernel' ? { half } : { half, kernel: undefined };
              const table = new PageTable(memory, mode, toPhysAddr(memory.root), use);
              const found = table.translate(toAddress(address));
              const expected = base + (address & (bit(shift) - 1n));
              assert.equal(BigInt(found.physical ?? -1), expected);
              assert.equal(found.pageSize, 2 ** shift);
              assert.equal(found.levels.length, depth + 1);
              assert.deepEqual(
                found.levels.map(({ defect }) => defect),
                found.levels.map(() => undefined),
              );
              assert.equal(BigInt(table.frameOf(Number(address >> 12n))), expected >> 12n);
            },
          ),
          { numRuns: 30 },
        );
      });
    }

    test('a block where the level has none is malformed', () => {
      for (let depth = 0; depth < of.levels.length - 1; depth++) {
        if (of.blocks.includes(depth)) continue;
        assert.match(mode.defect(depth, ...halves(block)) ?? '', /entry is a block, which this level does not have/);
      }
    });

    test('addresses outside the range of T1SZ and T0SZ are refused', () => {
      const memory = tables(of);
      const table = new PageTable(memory, mode, toPhysAddr(memory.root));
      for (const outside of [bit(of.virtualBits), bit(64) - bit(of.virtualBits) - 1n]) {
        const { reason } = table.translate(toAddress(outside));
        assert.equal(reason?.kind, 'non-canonical');
        assert.match(reason.message, new RegExp(`not a canonical address \\(arm64, .*${of.virtualBits}-bit addresses`));
        assert.equal(table.frameOf(Number(outside >> 12n)), -1);
      }
      assert.notEqual(table.translate(toAddress(bit(64) - bit(of.virtualBits))).reason?.kind, 'non-canonical');
    });
  });
}

describe('worked examples of FACTS 6.3 and the manual', () => {
  test('PAGE_KERNEL at 0x40801000', () => {
    const found = walk(0x00e8_0000_4080_1703n);
    assert.equal(found.physical, 0x4080_1000);
    assert.deepEqual(found.levels.at(-1)?.flags, ['VALID', 'PAGE', 'SH_INNER', 'AF', 'DBM', 'PXN', 'UXN', 'DIRTY']);
    assert.equal(found.cacheType, 'MEM/NORMAL');
    assert.deepEqual(
      [found.effective?.write, found.effective?.execute, found.effective?.executeLostAt, found.effective?.user],
      [true, false, 'pte', false],
    );
  });

  test('read-only, read-only executable, and a text block', () => {
    const readOnly = walk(0x00e0_0000_4080_1783n).effective;
    assert.deepEqual([readOnly?.write, readOnly?.writeLostAt, readOnly?.execute], [false, 'pte', false]);
    const text = walk(0x00c0_0000_4080_0781n, { depth: 2 });
    assert.deepEqual([text.physical, text.pageSize, text.effective?.execute, text.effective?.write], [0x4094_5000, 0x20_0000, true, false]);
  });

  test('a clean writable page (DBM with RDONLY) may be written: the hardware sets it dirty', () => {
    assert.equal(walk(page | b.dbm | b.rdonly | 0x4080_1000n).effective?.write, true);
  });

  test('52 bits with 64K pages: PA 000a123456790000 has its top in bits 12-15', () => {
    const of = geometry(16, 52, 'lpa', [[42, 10], [29, 13], [16, 13]], [], []); // prettier-ignore
    const address = 0xfff0_0000_0001_2345n;
    assert.equal(walk(0x0000_1234_5679_a703n, { of, address }).physical, 0x000a_1234_5679_2345);
  });

  test('52 bits with LPA2: PA 000b456789abc000 has bits 50 and 51 in 8 and 9', () => {
    const of = geometry(12, 52, 'lpa2', [[48, 4], [39, 9], [30, 9], [21, 9], [12, 9]], [], []); // prettier-ignore
    // 0xb4567... = bits 51:50 = 2, 49:0 = 0x3456789abc000.
    const found = walk(0x0003_4567_89ab_c603n, { of, address: 0xfff0_0000_0000_0123n });
    assert.equal(found.physical, 0x000b_4567_89ab_c123);
    assert.deepEqual(found.levels.at(-1)?.flags, ['VALID', 'PAGE', 'AF']);
  });

  test('PAGE_NONE of user mode, 6.11 and later: VALID clear, bit 11 set', () => {
    const found = walk(0x0060_0000_4080_1f82n, { half: 'user' });
    assert.equal(found.physical, undefined);
    assert.match(found.reason?.message ?? '', /the pte entry is PROT_NONE \(its frame is at 0x40801000\)/);
    assert.deepEqual(found.levels.at(-1)?.flags, ['PROT_NONE', 'RDONLY', 'SH_INNER', 'AF', 'PXN', 'UXN']);
  });

  test('PROT_NONE before: bit 58; bit 11 is NG then', () => {
    const options = { protNoneBit: (): 58 => 58 };
    const entry = 0x0060_0000_4080_1f82n | bit(58);
    const found = walk(entry, { half: 'user', options });
    assert.match(found.reason?.message ?? '', /PROT_NONE \(its frame is at 0x40801000\)/);
    assert.deepEqual(found.levels.at(-1)?.flags, ['PROT_NONE', 'RDONLY', 'SH_INNER', 'AF', 'NG', 'PXN', 'UXN']);
    assert.match(walk(0x4080_1800n, { half: 'user', options }).reason?.message ?? '', /swapped out/);
  });

  test('PMD_PRESENT_INVALID before: bit 59 of a block', () => {
    const options = { protNoneBit: (): 58 => 58 };
    const entry = 0x0060_0000_4080_0fc0n | bit(59);
    const found = walk(entry, { half: 'user', depth: 2, options });
    assert.match(found.reason?.message ?? '', /pmd entry is a large page that was invalidated \(its frame is at 0x40800000\)/);
    assert.equal(found.levels.at(-1)?.flags[0], 'PRESENT_INVALID');
    // No other bit makes a page of it: without 59 it is a swap entry.
    assert.match(walk(entry & ~bit(59), { half: 'user', depth: 2, options }).reason?.message ?? '', /special entry|swapped out/);
    assert.match(
      walk((entry & ~bit(59)) | bit(44), { half: 'user', depth: 2, options }).reason?.message ?? '',
      /special entry|swapped out/,
    );
  });
});

describe('entries', () => {
  test('swap since 6.11: type in 6-10, offset from 12, exclusive 2, uffd-wp 3', () => {
    assert.match(walk(0x0000_0000_0123_4044n, { half: 'user' }).reason?.message ?? '', /area 1, offset 0x1234 \(exclusive\)$/);
    assert.match(
      walk((3n << 6n) | (b.rdonly * 0n) | bit(3) | (0x55n << 12n), { half: 'user' }).reason?.message ?? '',
      /area 3, offset 0x55 \(uffd-wp\)$/,
    );
    assert.match(walk((31n << 6n) | (2n << 12n), { half: 'user' }).reason?.message ?? '', /a marker: poisoned$/);
    assert.match(
      walk((28n << 6n) | (0x4080n << 12n), { half: 'user' }).reason?.message ?? '',
      /swap type 28 \(migration \(read\).* or device memory.*offset 0x4080/,
    );
  });

  test('swap before: type in 3-7, offset from 8', () => {
    const options = { protNoneBit: (): 58 => 58 };
    assert.match(walk(0x12_340cn, { half: 'user', options }).reason?.message ?? '', /area 1, offset 0x1234 \(exclusive\)$/);
  });

  test('an invalid kernel entry is no swap entry', () => {
    const { reason } = walk(0x00e8_0000_4080_1702n);
    assert.match(reason?.message ?? '', /pte entry is not valid \(its frame was at 0x40801000\)/);
  });

  test('every leaf flag by name', () => {
    const all = b.ns | b.user | b.rdonly | b.shOuter | b.af | b.ng | b.gp | b.dbm | b.cont | b.pxn | b.uxn | b.dirty | b.special | b.devmap;
    assert.deepEqual(walk(b.valid | b.table | all | bit(58, 60, 61, 62)).levels.at(-1)?.flags, [
      'VALID', 'PAGE', 'NS', 'USER', 'RDONLY', 'SH_OUTER', 'AF', 'NG', 'GP', 'DBM', 'CONT', 'PXN', 'UXN', 'DIRTY', 'SPECIAL', 'DEVMAP',
      'UFFD_WP', 'PO_IDX_0', 'PO_IDX_1', 'PO_IDX_2',
    ]); // prettier-ignore
  });

  test('table flags by name', () => {
    const found = walk(0x4080_1000n | page, { tableFlags: b.af | b.pxnTable | b.uxnTable | b.apNoUser | b.apReadOnly | b.nsTable });
    assert.deepEqual(found.levels[0]?.flags, [
      'VALID',
      'TABLE',
      'AF',
      'PXNTABLE',
      'UXNTABLE',
      'APTABLE_NOUSER',
      'APTABLE_RDONLY',
      'NSTABLE',
    ]);
  });

  test("cache types by MAIR index, in this kernel's order and the former one", () => {
    const types = (memoryTypes: readonly string[], count: number): unknown[] =>
      Array.from({ length: count }, (_, index) => walk(page | (BigInt(index) << 2n) | 0x1000n, { options: { memoryTypes } }).cacheType);
    assert.deepEqual(types(currentMemoryTypes, 6), [
      'MEM/NORMAL', 'MEM/NORMAL-TAGGED', 'MEM/NORMAL-NC', 'DEVICE/nGnRnE', 'DEVICE/nGnRE', 'MAIR attribute 5',
    ]); // prettier-ignore
    assert.deepEqual(types(formerMemoryTypes, 5), ['DEVICE/nGnRnE', 'DEVICE/nGnRE', 'DEVICE/GRE', 'MEM/NORMAL-NC', 'MEM/NORMAL']);
  });

  test('hierarchical attributes take rights away, and the level is named', () => {
    const leaf = 0x4080_1000n | page | b.user | b.dbm;
    const kernel = walk(leaf, { tableFlags: b.apReadOnly | b.pxnTable }).effective;
    assert.deepEqual([kernel?.writeLostAt, kernel?.executeLostAt, kernel?.userLostAt], ['pgd', 'pgd', undefined]);
    const user = walk(leaf, { half: 'user', tableFlags: b.apNoUser | b.uxnTable }).effective;
    assert.deepEqual([user?.writeLostAt, user?.executeLostAt, user?.userLostAt], [undefined, 'pgd', 'pgd']);
    // PXNTable says nothing of user mode, UXNTable nothing of the kernel.
    assert.equal(walk(leaf, { half: 'user', tableFlags: b.pxnTable }).effective?.execute, true);
    assert.equal(walk(leaf, { tableFlags: b.uxnTable }).effective?.execute, true);
  });

  test("PXN is the kernel's, UXN user mode's", () => {
    assert.equal(walk(page | b.user | b.pxn | 0x1000n, { half: 'user' }).effective?.execute, true);
    assert.equal(walk(page | b.user | b.uxn | 0x1000n, { half: 'user' }).effective?.execute, false);
    assert.equal(walk(page | b.uxn | 0x1000n).effective?.execute, true);
  });

  test('the contiguous hint: groups of 16, 128 and 32 ptes and of 16, 32 and 32 pmds; an entry keeps its own address', () => {
    const groups = ([12, 14, 16] as const).map((pageShift) => {
      const mode = arm64Mode(optionsOf({ ...plain, pageShift, virtualBits: pageShift === 14 ? 47 : 48 }));
      const last = mode.levels.length - 1;
      return [last, last - 1, 0].map((level) => {
        const shift = mode.contiguousShift(level);
        return shift === undefined ? undefined : 2 ** (shift - (mode.levels[level]?.shift ?? 0));
      });
    });
    assert.deepEqual(groups, [
      [16, 16, undefined],
      [128, 32, undefined],
      [32, 32, undefined],
    ]);
    const found = walk(page | b.cont | 0x4080_5000n);
    assert.deepEqual([found.physical, found.pageSize, found.levels.at(-1)?.flags.includes('CONT')], [0x4080_5000, 4096, true]);
  });

  test('a tagged pointer loses bits 56-63; bit 55 chooses the half', () => {
    const mode = arm64Mode(optionsOf(plain));
    assert.equal(mode.untag(toAddress(0xf4ff_8000_1234_5678n)), 0xffff_8000_1234_5678n);
    assert.equal(mode.untag(toAddress(0x1200_7fff_1234_5678n)), 0x0000_7fff_1234_5678n);
  });

  test("a user address is not the kernel root's, and the other way round", () => {
    assert.match(walk(page, { address: 0x1000n }).reason?.message ?? '', /user address, which the kernel's root does not translate/);
    assert.match(walk(page, { half: 'user', address: bit(64) - 0x1000n }).reason?.message ?? '', /kernel address, which this root/);
  });
});

describe('leaves as the kernel tells them, and defects', () => {
  const defect = (entry: bigint, level = 3, of = plain): string | undefined => arm64Mode(optionsOf(of)).defect(level, ...halves(entry));

  test('pud_leaf and pmd_leaf: valid without the table bit; a pte without it is reserved', () => {
    const mode = arm64Mode(optionsOf(plain));
    const kinds = [1, 2, 3].map((level) => [mode.kind(level, ...halves(block)), mode.kind(level, ...halves(page))]);
    // entryKind: 1 table, 2 leaf, 4 malformed.
    assert.deepEqual(kinds, [
      [2, 1],
      [2, 1],
      [4, 2],
    ]);
    assert.match(defect(block) ?? '', /valid but no page descriptor \(bit 1 is clear\)/);
  });

  test('address bits above 47 without LPA2, and bit 50 of a table, are RES0', () => {
    assert.match(defect(page | bit(48)) ?? '', /bits 0x1000000000000 are reserved \(RES0\)/);
    assert.match(defect(page | bit(50) | 0x1000n, 2) ?? '', /bits 0x4000000000000 are reserved/);
    assert.equal(defect(page | b.gp | 0x1000n), undefined);
  });

  test('a block that is not aligned to its size; bit 16 (nT) is no address bit', () => {
    assert.match(defect(block | 0x4080_1000n, 2) ?? '', /address bits 0x1000 lie below the leaf's alignment/);
    assert.match(defect(block | 0x4020_0000n, 1) ?? '', /address bits 0x200000 lie/);
    assert.equal(defect(block | b.nt | 0x4080_0000n, 2), undefined);
    const wide = geometry(12, 52, 'lpa2', [[48, 4], [39, 9], [30, 9], [21, 9], [12, 9]], [], []); // prettier-ignore
    assert.match(defect(block | bit(35), 1, wide) ?? '', /address bits 0x800000000 lie/);
  });

  test('a table that is not aligned to the granule', () => {
    const wide = geometry(16, 48, 'none', [[42, 6], [29, 13], [16, 13]], [], []); // prettier-ignore
    assert.match(defect(page | 0x4080_1000n, 1, wide) ?? '', /address bits 0x1000 lie below the next table's alignment/);
  });

  test('what Linux writes has none', () => {
    for (const entry of [0x00e8_0000_4080_1703n, 0x00e0_0000_4080_1783n, 0x0060_0000_4080_1f82n]) assert.equal(defect(entry), undefined);
    assert.equal(defect(0x00c0_0000_4080_0781n, 2), undefined);
  });
});

describe('exactly these bits decide', () => {
  const mode = arm64Mode(optionsOf(plain));
  const decide = (base: bigint, level: number, user = false): Record<string, number[]> => ({
    write: decidingBits(base, (low, high) => mode.rights(level, low, high, user).write),
    execute: decidingBits(base, (low, high) => mode.rights(level, low, high, user).execute),
    user: decidingBits(base, (low, high) => mode.rights(level, low, high, user).user),
  });

  test('rights', () => {
    assert.deepEqual(decide(page, 3), { write: [7], execute: [53], user: [6] });
    assert.deepEqual(decide(page | b.rdonly, 3, true), { write: [7, 51], execute: [54], user: [6] });
    // Bits 0 and 1 of a table make it another kind of entry.
    assert.deepEqual(decide(page, 2), { write: [62], execute: [59], user: [0, 1, 61] });
  });

  test('addresses, of leaves and of tables', () => {
    const leaf = (base: bigint, level: number, of = plain): number[] =>
      decidingBits(base, (low, high) => arm64Mode(optionsOf(of)).leafAddress(level, low, high));
    const next = (base: bigint, level: number, of = plain): number[] =>
      decidingBits(base, (low, high) => arm64Mode(optionsOf(of)).tableAddress(level, low, high));
    assert.deepEqual(
      [leaf(page, 3), leaf(block, 2), leaf(block, 1), next(page, 2)],
      [span(12, 47), span(21, 47), span(30, 47), span(12, 47)],
    );
    const lpa2 = geometry(12, 52, 'lpa2', [[48, 4], [39, 9], [30, 9], [21, 9], [12, 9]], [], []); // prettier-ignore
    assert.deepEqual(
      [leaf(page, 4, lpa2), leaf(block, 1, lpa2), next(page, 3, lpa2)],
      [
        [8, 9, ...span(12, 49)],
        [8, 9, ...span(39, 49)],
        [8, 9, ...span(12, 49)],
      ],
    );
    const lpa = geometry(16, 52, 'lpa', [[42, 10], [29, 13], [16, 13]], [], []); // prettier-ignore
    assert.deepEqual(
      [leaf(page, 2, lpa), leaf(block, 1, lpa), leaf(block, 0, lpa)],
      [span(12, 47), [...span(12, 15), ...span(29, 47)], [...span(12, 15), ...span(42, 47)]],
    );
  });

  test('defects of what is otherwise well formed', () => {
    const defects = (base: bigint, level: number, of = plain): number[] =>
      decidingBits(base, (low, high) => arm64Mode(optionsOf(of)).defect(level, low, high));
    assert.deepEqual(defects(page, 3), [1, 48, 49]);
    // Bit 16 of a block is nT.
    assert.deepEqual(defects(block, 2), [...span(12, 15), ...span(17, 20), 48, 49]);
    assert.deepEqual(defects(page, 2), [48, 49, 50]);
    const lpa = geometry(16, 48, 'lpa', [[42, 6], [29, 13], [16, 13]], [], []); // prettier-ignore
    assert.deepEqual(defects(block, 1, lpa), [...span(17, 28), 48, 49]);
    assert.deepEqual(defects(page, 1, lpa), [48, 49, 50]);
  });

  test('names', () => {
    assert.deepEqual(namedBits(b.valid | b.table, (low, high) => mode.flags(3, low, high)), [
      [5, 'NS'], [6, 'USER'], [7, 'RDONLY'], [8, 'SH_RESERVED'], [9, 'SH_OUTER'], [10, 'AF'], [11, 'NG'], [50, 'GP'], [51, 'DBM'], [52, 'CONT'],
      [53, 'PXN'], [54, 'UXN'], [55, 'DIRTY'], [56, 'SPECIAL'], [57, 'DEVMAP'], [58, 'UFFD_WP'], [60, 'PO_IDX_0'], [61, 'PO_IDX_1'], [62, 'PO_IDX_2'],
    ]); // prettier-ignore
    assert.deepEqual(namedBits(b.valid | b.table, (low, high) => mode.flags(2, low, high)), [
      [10, 'AF'], [59, 'PXNTABLE'], [60, 'UXNTABLE'], [61, 'APTABLE_NOUSER'], [62, 'APTABLE_RDONLY'], [63, 'NSTABLE'],
    ]); // prettier-ignore
  });

  test('a swap entry, and none', () => {
    const told = (base: bigint, bits: 11 | 58): number[] =>
      decidingBits(base, (low, high) =>
        arm64Mode(optionsOf(plain, { protNoneBit: () => bits })).explain(3, low, high, { userAddress: true }),
      );
    // Bit 0 would make it valid, 11 and 58 PROT_NONE.
    assert.deepEqual(told((1n << 6n) | (1n << 12n), 11), [0, 2, 3, ...span(6, 61)]);
    assert.deepEqual(told((1n << 3n) | (1n << 8n), 58), [0, ...span(2, 58)]);
    assert.match(walk(0n).reason?.message ?? '', /the pte entry is empty/);
  });

  test("the kernel's level numbers", () => {
    for (const of of geometries) {
      assert.deepEqual(
        arm64Mode(optionsOf(of)).levels.map(({ depth }) => depth),
        of.names.map((name) => ['pgd', 'p4d', 'pud', 'pmd', 'pte'].indexOf(name)),
      );
    }
  });
});
