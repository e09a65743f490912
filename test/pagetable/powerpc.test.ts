/**
 * powerpc64 with the radix MMU. Layout: Power ISA 3.0B Book III, 5.7.10.1 (page directory entries) and 5.7.10.2 (page table
 * entries), whose bit 0 is the highest; names: arch/powerpc/include/asm/book3s/64/pgtable.h (_PAGE_*), radix-4k.h, radix-64k.h.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { powerpcRadixMode } from '../../debug-adapter/arch/powerpc-radix.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { TableMemory, bit, decidingBits, halves, namedBits, span } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

/** Bit `number` as the Power ISA counts. */
const isa = (...numbers: number[]): bigint => bit(...numbers.map((number) => 63 - number));
const b = {
  valid: isa(0), leaf: isa(1), sw0: isa(2), changed: isa(56), referenced: isa(55), privileged: isa(60), read: isa(61), write: isa(62), exec: isa(63),
  sao: isa(59), nonIdempotent: isa(58), tolerant: isa(58, 59), reserved: isa(57), softDirty: 0x200n, special: 0x400n, devmap: 0x800n,
} as const; // prettier-ignore
/** PAGE_KERNEL: present, accessed, privileged, read, write, dirty. */
const kernel = b.valid | b.leaf | b.referenced | b.privileged | b.read | b.write | b.changed;

type PageShift = 12 | 16;
const sizes = {
  12: [[39, 13], [30, 9], [21, 9], [12, 9]],
  16: [[39, 13], [30, 9], [21, 9], [16, 5]],
} as const; // prettier-ignore

function tables(pageShift: PageShift, flags = 0n): TableMemory {
  const levels = sizes[pageShift].map(([shift, bits]) => ({ shift, bits }));
  // Next Level Base in bits 4-55, Next Level Size (log2 of the entries) in 59-63.
  return new TableMemory({
    levels,
    littleEndian: false,
    pointer: (address, depth) => b.valid | address | BigInt(levels[depth + 1]?.bits ?? 0) | flags,
  });
}

function walk(
  entry: bigint,
  at: { up?: number; address?: bigint; half?: 'kernel' | 'user'; pageShift?: PageShift } = {},
): ReturnType<PageTable['translate']> {
  const pageShift = at.pageShift ?? 16;
  const half = at.half ?? 'kernel';
  const memory = tables(pageShift);
  const address = at.address ?? (half === 'kernel' ? 0xc008_0000_1234_5678n : 0x1234_5678n);
  memory.map(address, entry, 3 - (at.up ?? 0));
  const use = half === 'kernel' ? { half } : { half, kernel: undefined };
  return new PageTable(memory, powerpcRadixMode(pageShift), toPhysAddr(memory.root), use).translate(toAddress(address));
}

for (const pageShift of [12, 16] as const) {
  describe(`${2 ** (pageShift - 10)}K pages`, () => {
    const mode = powerpcRadixMode(pageShift);

    test('levels', () => {
      assert.deepEqual(mode.levels.map(({ name, shift, indexBits }) => [name, shift, indexBits]), ['pgd', 'pud', 'pmd', 'pte'].map((name, index) => [name, ...(sizes[pageShift][index] ?? [])])); // prettier-ignore
    });

    for (const [up, shift] of [
      [0, pageShift],
      [1, 21],
      [2, 30],
    ] as const) {
      test(`any address of either quadrant, leaves of 2^${shift}`, () => {
        fc.assert(
          fc.property(
            fc.bigInt(0n, bit(52) - 1n),
            fc.bigInt(0n, bit(53 - shift) - 1n),
            fc.constantFrom('kernel' as const, 'user' as const),
            (low, frame, half) => {
              const address = half === 'kernel' ? bit(63, 62) + low : low;
              const memory = tables(pageShift);
              const base = frame << BigInt(shift);
              memory.map(address, base | kernel, 3 - up);
              const use = half === 'kernel' ? { half } : { half, kernel: undefined };
              const table = new PageTable(memory, mode, toPhysAddr(memory.root), use);
              const found = table.translate(toAddress(address));
              const expected = base + (address & (bit(shift) - 1n));
              assert.equal(BigInt(found.physical ?? -1), expected);
              assert.equal(found.pageSize, 2 ** shift);
              assert.equal(found.levels.length, 4 - up);
              assert.ok(found.levels.every(({ defect }) => defect === undefined));
              assert.equal(BigInt(table.frameOf(Number(address >> 12n))), expected >> 12n);
            },
          ),
          { numRuns: 40 },
        );
      });
    }

    test('quadrants 1 and 2, and bits above the 52 of an effective address, are refused', () => {
      const memory = tables(pageShift);
      const table = new PageTable(memory, mode, toPhysAddr(memory.root));
      for (const outside of [bit(62), bit(63), bit(52), bit(63, 62, 52), bit(63, 62, 61)]) {
        assert.equal(table.translate(toAddress(outside)).reason?.kind, 'non-canonical', outside.toString(16));
      }
      assert.equal(table.translate(toAddress(bit(63, 62) + bit(52) - 1n)).reason?.kind, 'not-mapped');
    });

    test('swap: type in the low 5 bits, offset in the RPN above the page size, exclusive 5, soft-dirty 9', () => {
      const swap = b.leaf | 3n | (0x1234n << BigInt(pageShift));
      const message = (entry: bigint): string => walk(entry, { half: 'user', pageShift }).reason?.message ?? '';
      assert.match(message(swap), /pte entry is swapped out: area 3, offset 0x1234$/);
      assert.match(message(swap | bit(5)), /offset 0x1234 \(exclusive\)$/);
      assert.match(message(swap | bit(9)), /offset 0x1234 \(soft-dirty\)$/);
      assert.match(message(b.leaf | 31n | (4n << BigInt(pageShift))), /marker: guard$/);
      assert.match(walk(swap, { pageShift }).reason?.message ?? '', /pte entry is not present$/);
    });
  });
}

describe('tables', () => {
  test('a page table of 64K pages has 32 entries, 256 bytes, and lies at any multiple of its size', () => {
    const memory = tables(16);
    const page = memory.table(3);
    memory.map(0xc000_0000_0003_0000n, (page + 0x700n) | b.valid | 5n, 2);
    memory.write(page + 0x700n + 3n * 8n, kernel | 0x7777_0000n);
    const found = new PageTable(memory, powerpcRadixMode(16), toPhysAddr(memory.root)).translate(toAddress(0xc000_0000_0003_1234n));
    assert.equal(found.physical, 0x7777_1234);
    assert.equal(found.levels[3]?.entryAddress, Number(page) + 0x718);
  });

  test('each names the size of the next', () => {
    assert.deepEqual(
      walk(kernel)
        .levels.slice(0, 3)
        .map(({ flags }) => flags),
      [
        ['PRESENT', 'SIZE_2^9'],
        ['PRESENT', 'SIZE_2^9'],
        ['PRESENT', 'SIZE_2^5'],
      ],
    );
  });

  test('a next level at 2^55 is outside of all memory', () => {
    const { reason } = walk(b.valid | bit(55) | 5n, { up: 1 });
    assert.equal(reason?.kind, 'wild-table');
    assert.match(reason.message, /pte table at physical 0x80000000000000/);
  });
});

describe('entries', () => {
  test('worked example: PAGE_KERNEL at 0x12340000 with 64K pages', () => {
    // V, L, R, C, privileged, read, write.
    const found = walk(0xc000_0000_1234_018en);
    assert.equal(found.physical, 0x1234_5678);
    assert.deepEqual(found.levels.at(-1)?.flags, ['PRESENT', 'PTE', 'WRITE', 'READ', 'PRIVILEGED', 'DIRTY', 'ACCESSED']);
    assert.deepEqual([found.effective?.write, found.effective?.executeLostAt, found.effective?.userLostAt], [true, 'pte', 'pte']);
    assert.equal(found.cacheType, 'normal');
  });

  test('every flag by name', () => {
    assert.deepEqual(walk(b.valid | b.leaf | b.sw0 | 0xfbfn).levels.at(-1)?.flags, [
      'PRESENT', 'PTE', 'INVALID', 'EXEC', 'WRITE', 'READ', 'PRIVILEGED', 'DIRTY', 'ACCESSED', 'SOFT_DIRTY', 'SPECIAL', 'DEVMAP', 'TOLERANT',
    ]); // prettier-ignore
  });

  test('cache types (ATT, bits 58-59) and their names', () => {
    const att = [0n, b.sao, b.nonIdempotent, b.tolerant].map((bits) => walk(kernel | bits));
    assert.deepEqual(
      att.map(({ cacheType }) => cacheType),
      ['normal', 'strong access order', 'non-idempotent I/O', 'tolerant I/O'],
    );
    assert.deepEqual(
      att.map(({ levels }) => levels.at(-1)?.flags.at(-1)),
      ['ACCESSED', 'SAO', 'NON_IDEMPOTENT', 'TOLERANT'],
    );
  });

  test("rights are the leaf's alone", () => {
    const found = walk(b.valid | b.leaf | b.read | b.write | b.exec);
    assert.deepEqual([found.effective?.write, found.effective?.execute, found.effective?.user], [true, true, true]);
    // PAGE_NONE (PROT_NONE): valid, privileged, no permission.
    const none = walk(b.valid | b.leaf | b.privileged | b.referenced, { half: 'user' });
    assert.deepEqual([none.effective?.writeLostAt, none.effective?.executeLostAt, none.effective?.userLostAt], ['pte', 'pte', 'pte']);
  });

  test('leaves are what has bit 1 (pmd_leaf, pud_leaf): not in the pgd, always in a pte', () => {
    const mode = powerpcRadixMode(12);
    // entryKind: 1 table, 2 leaf, 4 malformed.
    assert.deepEqual(
      [0, 1, 2, 3].map((level) => mode.kind(level, ...halves(b.valid | b.leaf))),
      [4, 2, 2, 2],
    );
    assert.deepEqual(
      [0, 1, 2, 3].map((level) => mode.kind(level, ...halves(b.valid))),
      [1, 1, 1, 4],
    );
    assert.match(walk(b.valid).reason?.message ?? '', /pte entry is no leaf, which the last level must be/);
    assert.match(walk(b.valid | b.leaf, { up: 3 }).reason?.message ?? '', /pgd entry is a leaf, which this level does not have/);
  });

  test('a page that is invalid for a moment (INVALID for PRESENT) is still mapped', () => {
    const moment = (kernel & ~b.valid) | b.sw0 | 0x4000_0000n;
    assert.equal(walk(moment, { half: 'user' }).physical, 0x4000_5678);
    assert.equal(walk(moment, { half: 'user', up: 1 }).physical, 0x4014_5678);
    assert.deepEqual(walk(moment).levels.at(-1)?.flags.slice(0, 2), ['PTE', 'INVALID']);
  });

  test('a pte with only what hardware writes back is empty; a pmd is not', () => {
    assert.match(walk(b.changed | b.referenced).reason?.message ?? '', /pte entry is empty/);
    assert.match(walk(0n, { up: 1 }).reason?.message ?? '', /pmd entry is empty/);
    assert.match(walk(b.changed, { up: 1 }).reason?.message ?? '', /pmd entry is not present/);
  });

  test('a pmd being migrated', () => {
    assert.match(
      walk(b.leaf | 25n | (0x77n << 16n), { half: 'user', up: 1 }).reason?.message ?? '',
      /pmd entry is a special entry of swap type 25 \(migration .*offset 0x77$/,
    );
  });
});

describe('defects', () => {
  const defect = (entry: bigint, level = 3): string | undefined => powerpcRadixMode(16).defect(level, ...halves(entry));

  test('a table of another size than the kernel makes', () => {
    assert.match(defect(b.valid | 9n, 2) ?? '', /next table has 2\^9 entries, not 2\^5/);
    assert.equal(defect(b.valid | 5n, 2), undefined);
  });

  test('reserved bits', () => {
    assert.match(defect(b.valid | 5n | bit(5), 2) ?? '', /bits 0x20 are reserved/);
    assert.match(defect(b.valid | 9n | b.sw0, 1) ?? '', /bits 0x2000000000000000 are reserved/);
    assert.match(defect(kernel | b.reserved) ?? '', /bits 0x40 are reserved/);
    assert.match(defect(kernel | bit(53)) ?? '', /bits 0x20000000000000 .*above the 53 bits/);
  });

  test('leaves that are not aligned', () => {
    assert.match(defect(kernel | 0x1000n) ?? '', /address bits 0x1000 are set/);
    assert.match(defect(kernel | 0x11_0000n, 2) ?? '', /address bits 0x110000/);
    assert.match(defect(kernel | 0x2000_0000n, 1) ?? '', /address bits 0x20000000/);
    assert.equal(defect(kernel | 0x20_0000n, 2), undefined);
  });
});

describe('exactly these bits decide', () => {
  const mode = powerpcRadixMode(16);
  const leaf = b.valid | b.leaf;

  test('rights, cache type and what a leaf is', () => {
    const right = (name: 'write' | 'execute' | 'user'): number[] => decidingBits(leaf, (low, high) => mode.rights(3, low, high)[name]);
    assert.deepEqual([right('write'), right('execute'), right('user')], [[1], [0], [3]]);
    assert.deepEqual(
      decidingBits(leaf, (low, high) => mode.cacheType(3, low, high)),
      [4, 5, 62, 63],
    );
    assert.deepEqual(
      decidingBits(leaf, (low, high) => mode.kind(3, low, high)),
      [62, 63],
    );
    // INVALID keeps a leaf that lost PRESENT.
    assert.deepEqual(
      decidingBits(leaf | b.sw0, (low, high) => mode.kind(3, low, high)),
      [62],
    );
  });

  test('addresses and defects', () => {
    const address = (level: number): number[] => decidingBits(leaf, (low, high) => mode.leafAddress(level, low, high));
    assert.deepEqual([address(3), address(2), address(1)], [span(16, 52), span(21, 52), span(30, 52)]);
    assert.deepEqual(
      decidingBits(b.valid, (low, high) => mode.tableAddress(2, low, high)),
      span(8, 55),
    );
    assert.deepEqual(
      decidingBits(leaf, (low, high) => mode.defect(3, low, high)),
      [6, ...span(12, 15), 53, 54, 55, 62],
    );
    assert.deepEqual(
      decidingBits(leaf, (low, high) => mode.defect(2, low, high)),
      [6, ...span(12, 20), 53, 54, 55, 62],
    );
    assert.deepEqual(
      decidingBits(b.valid | 5n, (low, high) => mode.defect(2, low, high)),
      [...span(0, 7), 61],
    );
  });

  test('names', () => {
    assert.deepEqual(namedBits(leaf, (low, high) => mode.flags(3, low, high)), [
      [0, 'EXEC'], [1, 'WRITE'], [2, 'READ'], [3, 'PRIVILEGED'], [4, 'SAO'], [5, 'NON_IDEMPOTENT'], [7, 'DIRTY'], [8, 'ACCESSED'],
      [9, 'SOFT_DIRTY'], [10, 'SPECIAL'], [11, 'DEVMAP'], [61, 'INVALID'],
    ]); // prettier-ignore
  });

  test('a swap entry', () => {
    const told = decidingBits(b.leaf | 1n | bit(16), (low, high) => mode.explain(3, low, high, { userAddress: true }));
    // Bit 62 marks it, 63 would make it present; 61 makes it a leaf.
    assert.deepEqual(
      told.filter((number) => number < 61),
      [...span(0, 5), 9, ...span(16, 52)],
    );
  });

  test("the kernel's level numbers", () => {
    assert.deepEqual(
      mode.levels.map(({ depth }) => depth),
      [0, 2, 3, 4],
    );
  });
});
