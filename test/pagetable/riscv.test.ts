/**
 * riscv paging. Layout: RISC-V privileged manual, 12.3-12.6 (Sv39, Sv48, Sv57, Svnapot, Svpbmt); names and software bits:
 * arch/riscv/include/asm/pgtable-bits.h (_PAGE_*), pgtable-64.h (_PAGE_*_SVPBMT, _PAGE_*_THEAD), pgtable.h (swap entries).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { riscvMode } from '../../debug-adapter/arch/riscv.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { TableMemory, bit, decidingBits, halves, namedBits, span } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

const b = { v: bit(0), r: bit(1), w: bit(2), x: bit(3), u: bit(4), g: bit(5), a: bit(6), d: bit(7), soft: bit(8), soft2: bit(9) } as const;
const nc = bit(61);
const io = bit(62);
const n = bit(63);
/** PAGE_KERNEL: V R W G A D. */
const kernel = b.v | b.r | b.w | b.g | b.a | b.d;

const levelsOf = { 39: ['pgd', 'pmd', 'pte'], 48: ['pgd', 'pud', 'pmd', 'pte'], 57: ['pgd', 'p4d', 'pud', 'pmd', 'pte'] } as const;
type Bits = 39 | 48 | 57;
const shifts = [48, 39, 30, 21, 12];

/** PPN in bits 10-53. */
function ppn(address: bigint): bigint {
  return (address >> 12n) << 10n;
}

function tables(virtualBits: Bits, tableFlags = 0n): TableMemory {
  return new TableMemory({
    levels: shifts.slice((57 - virtualBits) / 9).map((shift) => ({ shift, bits: 9 })),
    littleEndian: true,
    pointer: (address) => ppn(address) | b.v | tableFlags,
  });
}

function walk(
  entry: bigint,
  at: { up?: number; address?: bigint; virtualBits?: Bits; thead?: boolean; tableFlags?: bigint } = {},
): ReturnType<PageTable['translate']> {
  const virtualBits = at.virtualBits ?? 48;
  const memory = tables(virtualBits, at.tableFlags);
  const address = at.address ?? 0x1234_5678n;
  memory.map(address, entry, levelsOf[virtualBits].length - 1 - (at.up ?? 0));
  const mode = riscvMode({ virtualBits, thead: at.thead ?? false });
  return new PageTable(memory, mode, toPhysAddr(memory.root)).translate(toAddress(address));
}

for (const virtualBits of [39, 48, 57] as const) {
  describe(`Sv${virtualBits}`, () => {
    const mode = riscvMode({ virtualBits, thead: false });
    const names = levelsOf[virtualBits];

    test('level names', () => {
      assert.deepEqual(
        mode.levels.map(({ name }) => name),
        names,
      );
    });

    for (let up = 0; up < names.length; up++) {
      const shift = 12 + 9 * up;
      test(`any address of either half, leaves of 2^${shift}`, () => {
        const anyAddress = fc
          .tuple(fc.bigInt(0n, bit(virtualBits - 1) - 1n), fc.boolean())
          .map(([low, high]) => (high ? BigInt.asUintN(64, low - bit(virtualBits - 1)) : low));
        fc.assert(
          // 53 of the 56 physical address bits: no machine has more, and addresses are exact below.
          fc.property(anyAddress, fc.bigInt(0n, bit(53 - shift) - 1n), (address, frame) => {
            const memory = tables(virtualBits);
            const base = frame << BigInt(shift);
            memory.map(address, ppn(base) | kernel, names.length - 1 - up);
            const table = new PageTable(memory, mode, toPhysAddr(memory.root));
            const found = table.translate(toAddress(address));
            const expected = base + (address & (bit(shift) - 1n));
            assert.equal(BigInt(found.physical ?? -1), expected);
            assert.equal(found.pageSize, 2 ** shift);
            assert.equal(found.levels.length, names.length - up);
            assert.ok(found.levels.every(({ defect }) => defect === undefined));
            assert.equal(BigInt(table.frameOf(Number(address >> 12n))), expected >> 12n);
          }),
          { numRuns: 40 },
        );
      });
    }

    test('an address must be sign-extended from its top bit', () => {
      const memory = tables(virtualBits);
      const table = new PageTable(memory, mode, toPhysAddr(memory.root));
      for (const between of [bit(virtualBits - 1), bit(virtualBits), bit(64) - bit(virtualBits - 1) - 1n]) {
        const { reason } = table.translate(toAddress(between));
        assert.equal(reason?.kind, 'non-canonical');
        assert.match(reason.message, new RegExp(`not a canonical address \\(riscv64, Sv${virtualBits}\\)`));
      }
      assert.equal(table.translate(toAddress(bit(64) - bit(virtualBits - 1))).reason?.kind, 'not-mapped');
    });
  });
}

describe('worked examples', () => {
  test('kernel text at 0x80200000: PPN 80200, V R X G A D', () => {
    const found = walk(0x0000_0000_2008_00ebn, { up: 1 });
    assert.deepEqual([found.physical, found.pageSize], [0x8034_5678, 0x20_0000]);
    assert.deepEqual(found.levels.at(-1)?.flags, ['PRESENT', 'READ', 'EXEC', 'GLOBAL', 'ACCESSED', 'DIRTY']);
    assert.deepEqual([found.effective?.write, found.effective?.execute, found.effective?.user], [false, true, false]);
    assert.deepEqual([found.effective?.writeLostAt, found.effective?.userLostAt], ['pmd', 'pmd']);
    assert.equal(found.cacheType, 'PMA');
  });

  test('NAPOT: 16 equal ptes map 64 KiB, PPN[3:0] = 1000', () => {
    for (const address of [0x1_0000n, 0x1_5123n, 0x1_ffffn]) {
      const found = walk(0x8000_0000_2008_60e7n, { address });
      assert.deepEqual([found.physical, found.pageSize], [0x8021_0000 + Number(address % 0x1_0000n), 0x1_0000]);
      assert.ok(found.levels.at(-1)?.flags.includes('NAPOT'));
      assert.equal(found.levels.at(-1)?.defect, undefined);
    }
  });

  test('the fast path steps through a NAPOT group too', () => {
    const memory = tables(39);
    for (let page = 0n; page < 16n; page++) memory.map(0x1_0000n + page * 4096n, 0x8000_0000_2008_60e7n);
    const table = new PageTable(memory, riscvMode({ virtualBits: 39, thead: false }), toPhysAddr(memory.root));
    assert.deepEqual(
      [0x10, 0x17, 0x1f].map((page) => table.frameOf(page)),
      [0x8_0210, 0x8_0217, 0x8_021f],
    );
  });

  test('Svpbmt: NC mapping of 0x10000000', () => {
    const found = walk(0x2000_0000_0400_00e7n);
    assert.equal(found.physical, 0x1000_0678);
    assert.equal(found.cacheType, 'NC');
    assert.equal(found.levels.at(-1)?.flags.at(-1), 'NC');
    assert.equal(walk(io | kernel).cacheType, 'IO');
  });

  test('T-Head memory types, as every kernel wrote them', () => {
    const type = (bits: bigint): string | undefined => walk(kernel | bits, { thead: true }).cacheType;
    assert.equal(type(bit(62, 61, 60)), 'PMA');
    // _PAGE_NOCACHE_THEAD: bits 60 and 61; 6.7 lost 61 to a misprint; before, none.
    assert.deepEqual([bit(61, 60), bit(60), 0n].map(type), ['NC', 'NC', 'NC']);
    assert.deepEqual([bit(63, 60), bit(63)].map(type), ['IO', 'IO']);
    // Bit 63 is no NAPOT there, and the pte stays one page.
    assert.equal(walk(0x8000_0000_2008_60e7n, { thead: true }).pageSize, 4096);
    assert.equal(type(bit(59)), 'T-Head type 0x1');
  });
});

describe('entries', () => {
  test('every low flag by name', () => {
    assert.deepEqual(walk(b.v | b.r | b.w | b.x | b.u | b.g | b.a | b.d | b.soft | b.soft2 | bit(59, 60)).levels.at(-1)?.flags, [
      'PRESENT', 'READ', 'WRITE', 'EXEC', 'USER', 'GLOBAL', 'ACCESSED', 'DIRTY', 'SPECIAL', 'DEVMAP', 'SOFT_DIRTY', 'UFFD_WP',
    ]); // prettier-ignore
  });

  test('a leaf is what has any of R, W and X, at every level (pXd_leaf); a table has none', () => {
    const mode = riscvMode({ virtualBits: 57, thead: false });
    for (let level = 0; level < 5; level++) {
      for (const permission of [b.r, b.x, b.r | b.w, b.r | b.x, b.r | b.w | b.x])
        assert.equal(mode.kind(level, ...halves(b.v | permission)), 2);
      assert.equal(mode.kind(level, ...halves(b.v)), level === 4 ? 4 : 1);
    }
    assert.match(walk(b.v | ppn(0x5000n)).reason?.message ?? '', /pte entry points to a further table, which the last level cannot/);
  });

  test('W without R is reserved', () => {
    for (const permission of [b.w, b.w | b.x]) {
      const found = walk(b.v | permission);
      assert.match(found.reason?.message ?? '', /writable but not readable, which is reserved/);
      assert.match(found.levels.at(-1)?.defect ?? '', /reserved/);
    }
  });

  test('only leaves restrict: a table gives every right', () => {
    const found = walk(b.v | b.r | b.w | b.x | b.u | b.a | b.d);
    assert.deepEqual([found.effective?.write, found.effective?.execute, found.effective?.user], [true, true, true]);
    assert.ok(found.levels.slice(0, -1).every(({ rights }) => rights.write && rights.execute && rights.user));
    assert.deepEqual(walk(b.v | b.r).effective, {
      write: false, execute: false, user: false, writeLostAt: 'pte', executeLostAt: 'pte', userLostAt: 'pte',
    }); // prettier-ignore
  });

  test('PROT_NONE is GLOBAL without PRESENT, and keeps its frame', () => {
    const found = walk(ppn(0x8765_4000n) | b.g | b.a | b.d);
    assert.equal(found.physical, undefined);
    assert.match(found.reason?.message ?? '', /pte entry is PROT_NONE \(its frame is at 0x87654000\)/);
    assert.deepEqual(found.levels.at(-1)?.flags, ['PROT_NONE', 'ACCESSED', 'DIRTY']);
  });

  test('a large page that lost only PRESENT is being split', () => {
    const found = walk(ppn(0x8760_0000n) | b.r | b.w | b.u | b.a | b.d, { up: 1 });
    assert.match(found.reason?.message ?? '', /pmd entry is a large page that was invalidated \(its frame is at 0x87600000\)/);
    // The same bits in a pte are no page: pte_present() asks for PRESENT or PROT_NONE alone.
    assert.doesNotMatch(walk(ppn(0x8760_0000n) | b.r | b.u).reason?.message ?? '', /invalidated/);
  });

  test('swap: type in 7-11, offset from 12, exclusive 6; with Svrsw60t59b soft-dirty 3 and uffd-wp 4', () => {
    assert.match(walk(0x0123_4080n).reason?.message ?? '', /pte entry is swapped out: area 1, offset 0x1234$/);
    assert.match(walk((2n << 7n) | (0x55n << 12n) | bit(6)).reason?.message ?? '', /area 2, offset 0x55 \(exclusive\)$/);
    assert.match(walk((2n << 7n) | (0x55n << 12n) | bit(3, 4)).reason?.message ?? '', /\(soft-dirty, uffd-wp\)$/);
    assert.match(walk((31n << 7n) | (1n << 12n)).reason?.message ?? '', /marker: userfaultfd write-protect$/);
    assert.match(walk((23n << 7n) | (0x8_0200n << 12n)).reason?.message ?? '', /swap type 23 \(hwpoison, by .*offset 0x80200$/);
    const kernelAddress = 0xffff_ffc0_0000_0000n;
    assert.match(walk(0x0123_4080n, { address: kernelAddress, virtualBits: 39 }).reason?.message ?? '', /pte entry is not present$/);
  });

  test('an empty entry', () => {
    assert.match(walk(0n, { up: 2 }).reason?.message ?? '', /the pud entry is empty/);
  });
});

describe('defects', () => {
  const defect = (entry: bigint, level = 3, thead = false): string | undefined =>
    riscvMode({ virtualBits: 48, thead }).defect(level, ...halves(entry));

  test('reserved bits of leaves and tables', () => {
    assert.match(defect(kernel | bit(54)) ?? '', /bits 0x40000000000000 are reserved/);
    assert.match(defect(kernel | bit(58), 3, true) ?? '', /bits 0x400000000000000 are reserved/);
    assert.equal(defect(kernel | bit(59, 60)), undefined);
    assert.match(defect(b.v | b.u | ppn(0x5000n), 2) ?? '', /bits 0x10 \(U, A, D\) are reserved in a table pointer/);
    assert.match(defect(b.v | b.a | b.d | ppn(0x5000n), 1) ?? '', /bits 0xc0 /);
    assert.match(defect(b.v | n | ppn(0x5000n), 1) ?? '', /bits 0x8000000000000000 are reserved/);
    assert.match(defect(b.v | io | ppn(0x5000n), 1) ?? '', /bits 0x4000000000000000 are reserved/);
  });

  test('memory type 3 and NAPOT sizes that are not defined', () => {
    assert.match(defect(kernel | nc | io) ?? '', /memory type 3/);
    assert.match(defect(kernel | n | ppn(0x4000n)) ?? '', /NAPOT bit stands with a size that is reserved/);
    assert.match(defect(kernel | n | ppn(0x8000n), 2) ?? '', /NAPOT bit stands/);
  });

  test('a large leaf that is not aligned', () => {
    assert.match(defect(kernel | ppn(0x8020_1000n), 2) ?? '', /not aligned to its size: PPN bits 0x1 /);
    assert.match(defect(kernel | ppn(0x8020_0000n), 1) ?? '', /PPN bits 0x200 /);
    assert.equal(defect(kernel | ppn(0x8020_0000n), 2), undefined);
  });

  test('PPNs have 44 bits, more than any machine: such a leaf maps nothing', () => {
    const found = walk(kernel | bit(53));
    assert.equal(found.physical, undefined);
    assert.match(found.reason?.message ?? '', /pte entry's physical address is above 2\^53/);
    assert.match(defect(kernel | bit(51)) ?? '', /above 2\^53/);
    assert.equal(walk(kernel | bit(50)).physical, 2 ** 52 + 0x678);
  });

  test('a table above 2^53 ends the walk with the entry that names it', () => {
    const { reason } = walk(b.v | bit(53), { up: 1 });
    assert.equal(reason?.kind, 'wild-table');
    assert.match(reason.message, /the pmd entry 0x20000000000001 at 0x[0-9a-f]+ points to a pte table at physical 0x80000000000000/);
  });
});

describe('exactly these bits decide', () => {
  const mode = riscvMode({ virtualBits: 48, thead: false });

  test('rights of leaves; V, R and PPNs above 2^53 make other entries of them', () => {
    const right = (name: 'write' | 'execute' | 'user', base: bigint): number[] =>
      decidingBits(base, (low, high) => mode.rights(3, low, high)[name]);
    assert.deepEqual([right('write', b.v | b.r), right('execute', b.v | b.r), right('user', b.v | b.r)], [[2], [3], [4]]);
  });

  test('addresses and defects', () => {
    const leaf = (base: bigint, level: number): number[] => decidingBits(base, (low, high) => mode.leafAddress(level, low, high));
    assert.deepEqual(
      [leaf(kernel, 3), leaf(kernel, 2), leaf(kernel, 1), leaf(kernel, 0)],
      [span(10, 53), span(19, 53), span(28, 53), span(37, 53)],
    );
    // Of a NAPOT group bits 10-13 are its size (13 set: 64 KiB) and no address, but another size is another leaf.
    assert.deepEqual(
      decidingBits(kernel | n | bit(13), (low, high) => mode.leafAddress(3, low, high)),
      [...span(10, 12), ...span(14, 53), 63],
    );
    assert.deepEqual(
      decidingBits(kernel, (low, high) => mode.defect(3, low, high)),
      [1, ...span(51, 58), 63],
    );
    assert.deepEqual(
      decidingBits(kernel, (low, high) => mode.defect(2, low, high)),
      [1, ...span(10, 18), ...span(51, 58), 63],
    );
    assert.deepEqual(
      decidingBits(b.v, (low, high) => mode.defect(2, low, high)),
      [2, 4, 6, 7, ...span(54, 58), 61, 62, 63],
    );
  });

  test('names', () => {
    assert.deepEqual(namedBits(b.v | b.r, (low, high) => mode.flags(3, low, high)), [
      [2, 'WRITE'], [3, 'EXEC'], [4, 'USER'], [5, 'GLOBAL'], [6, 'ACCESSED'], [7, 'DIRTY'], [8, 'SPECIAL'], [9, 'DEVMAP'], [59, 'SOFT_DIRTY'],
      [60, 'UFFD_WP'], [61, 'NC'], [62, 'IO'], [63, 'NAPOT'],
    ]); // prettier-ignore
  });

  test('a swap entry', () => {
    const told = decidingBits((1n << 7n) | (1n << 12n), (low, high) => mode.explain(3, low, high, { userAddress: true }));
    // Bit 0 would make it valid, 5 PROT_NONE; 1 and 2 are not used.
    assert.deepEqual(told, [0, ...span(3, 63)]);
  });

  test("the kernel's level numbers", () => {
    const depths = ([39, 48, 57] as const).map((virtualBits) => riscvMode({ virtualBits, thead: false }).levels.map(({ depth }) => depth));
    assert.deepEqual(depths, [
      [0, 3, 4],
      [0, 2, 3, 4],
      [0, 1, 2, 3, 4],
    ]);
  });
});
