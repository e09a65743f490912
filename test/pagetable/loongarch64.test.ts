/**
 * 64-bit loongarch. Windows and entries: LoongArch Reference Manual vol. 1, 5.2.1 (direct mapped windows), 5.4.5 (page tables);
 * names and software bits: arch/loongarch/include/asm/pgtable-bits.h (_PAGE_*), pgtable.h (levels, swap entries, invalid tables).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { loongarch64 } from '../../debug-adapter/arch/loongarch64.ts';
import type { Loongarch64Options } from '../../debug-adapter/arch/loongarch64.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { TableMemory, bit, decidingBits, halves, namedBits, span } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

const b = {
  valid: bit(0), dirty: bit(1), plv3: bit(2, 3), cc: bit(4), wuc: bit(5), global: bit(6), huge: bit(6), present: bit(7), write: bit(8),
  modified: bit(9), protNone: bit(10), special: bit(11), hugeGlobal: bit(12), devmap: bit(59), presentInvalid: bit(60), noRead: bit(61),
  noExec: bit(62), rplv: bit(63),
} as const; // prettier-ignore
/** PAGE_KERNEL. */
const kernel = b.present | b.valid | b.dirty | b.write | b.global | b.cc;
const user = b.present | b.valid | b.dirty | b.write | b.plv3 | b.cc;
/** The cached window, in which the kernel's own pointers lie (CSR_DMW1). */
const window = 0x9000_0000_0000_0000n;

interface Shape {
  readonly options: Loongarch64Options;
  readonly levels: readonly (readonly [name: string, shift: number, bits: number])[];
  /** First address of the kernel's half that tables map, and bytes mapped: min(tables, VALEN). */
  readonly kernelStart: bigint;
  readonly covered: bigint;
}

/** CONFIG_4KB_3LEVEL … CONFIG_64KB_3LEVEL. */
const shapes: readonly Shape[] = [
  { options: { pageShift: 12, levels: 3 }, levels: [['pgd', 30, 9], ['pmd', 21, 9], ['pte', 12, 9]], kernelStart: 0xffff_8000_0000_0000n, covered: bit(39) },
  { options: { pageShift: 12, levels: 4 }, levels: [['pgd', 39, 9], ['pud', 30, 9], ['pmd', 21, 9], ['pte', 12, 9]], kernelStart: 0xffff_8000_0000_0000n, covered: bit(47) },
  { options: { pageShift: 14, levels: 2 }, levels: [['pgd', 25, 11], ['pte', 14, 11]], kernelStart: 0xffff_8000_0000_0000n, covered: bit(36) },
  { options: { pageShift: 14, levels: 3 }, levels: [['pgd', 36, 11], ['pmd', 25, 11], ['pte', 14, 11]], kernelStart: 0xffff_8000_0000_0000n, covered: bit(47) },
  { options: { pageShift: 14, levels: 3, virtualBits: 40 }, levels: [['pgd', 36, 11], ['pmd', 25, 11], ['pte', 14, 11]], kernelStart: 0xffff_ff80_0000_0000n, covered: bit(39) },
  { options: { pageShift: 16, levels: 2 }, levels: [['pgd', 29, 13], ['pte', 16, 13]], kernelStart: 0xffff_8000_0000_0000n, covered: bit(42) },
  { options: { pageShift: 16, levels: 3 }, levels: [['pgd', 42, 13], ['pmd', 29, 13], ['pte', 16, 13]], kernelStart: 0xffff_8000_0000_0000n, covered: bit(47) },
]; // prettier-ignore
const plain: Shape = { options: { pageShift: 14, levels: 3 }, levels: [['pgd', 36, 11], ['pmd', 25, 11], ['pte', 14, 11]], kernelStart: 0xffff_8000_0000_0000n, covered: bit(47) }; // prettier-ignore

function tables({ levels }: Shape, through = window): TableMemory {
  return new TableMemory({
    levels: levels.map(([, shift, bits]) => ({ shift, bits })),
    littleEndian: true,
    pointer: (address) => through + address,
  });
}

function walk(
  entry: bigint,
  at: {
    up?: number;
    address?: bigint;
    half?: 'kernel' | 'user';
    options?: Partial<Loongarch64Options>;
    shape?: Shape;
    through?: bigint;
  } = {},
): ReturnType<PageTable['translate']> {
  const shape = at.shape ?? plain;
  const half = at.half ?? 'kernel';
  const memory = tables(shape, at.through);
  const address = at.address ?? (half === 'kernel' ? shape.kernelStart + 0x1234_5678n : 0x1234_5678n);
  memory.map(address, entry, shape.levels.length - 1 - (at.up ?? 0));
  const use = half === 'kernel' ? { half } : { half, kernel: undefined };
  return new PageTable(memory, loongarch64({ ...shape.options, ...at.options }), toPhysAddr(memory.root), use).translate(
    toAddress(address),
  );
}

const reason = (...args: Parameters<typeof walk>): string => walk(...args).reason?.message ?? '';

for (const shape of shapes) {
  const { pageShift, levels, virtualBits } = shape.options;
  describe(`${2 ** (pageShift - 10)}K pages, ${levels} levels, VALEN ${virtualBits ?? 48}`, () => {
    const mode = loongarch64(shape.options);

    test('levels', () => {
      assert.deepEqual(
        mode.levels.map(({ name, shift, indexBits }) => [name, shift, indexBits]),
        shape.levels,
      );
    });

    for (let up = 0; up < Math.min(3, shape.levels.length); up++) {
      const [name, shift] = shape.levels[shape.levels.length - 1 - up] ?? ['', 0];
      if (up === 2 && name !== 'pud') continue;
      test(`any address of both halves, ${name} leaves of 2^${shift}`, () => {
        fc.assert(
          fc.property(
            fc.bigInt(0n, shape.covered - 1n),
            fc.bigInt(0n, bit(48 - shift) - 1n),
            fc.constantFrom('kernel' as const, 'user' as const),
            (low, frame, half) => {
              const base = frame << BigInt(shift);
              const address = half === 'kernel' ? shape.kernelStart + low : low;
              const flags = up === 0 ? kernel : (kernel & ~b.global) | b.huge | b.hugeGlobal;
              const found = walk(base | flags, { up, address, half, shape });
              assert.equal(BigInt(found.physical ?? -1), base + (address & (bit(shift) - 1n)));
              assert.equal(found.pageSize, 2 ** shift);
              assert.ok(found.levels.every(({ defect }) => defect === undefined));
            },
          ),
          { numRuns: 30 },
        );
      });
    }

    test('addresses that neither tables nor windows map are refused', () => {
      const memory = tables(shape);
      const table = new PageTable(memory, mode, toPhysAddr(memory.root));
      const outside = [shape.covered, shape.kernelStart - 1n, 0xc000_0000_0000_0000n, bit(48)];
      if (shape.covered < bit(47) && virtualBits === undefined) outside.push(shape.kernelStart + shape.covered);
      for (const at of outside) assert.equal(table.translate(toAddress(at)).reason?.kind, 'non-canonical', at.toString(16));
      assert.notEqual(table.translate(toAddress(shape.kernelStart)).reason?.kind, 'non-canonical');
    });
  });
}

describe('windows', () => {
  test('DMW0, 1 and 2 map memory without tables; nothing else does', () => {
    const of = (at: bigint): number | undefined => loongarch64(plain.options).directWindow(toAddress(at));
    assert.deepEqual(
      [0x8000n, 0x9000n, 0xa000n].map((segment) => of((segment << 48n) | 0x12_3456_789an)),
      [0x12_3456_789a, 0x12_3456_789a, 0x12_3456_789a],
    );
    assert.deepEqual(
      [0x8001n, 0xb000n, 0xffffn, 0n].map((segment) => of(segment << 48n)),
      [undefined, undefined, undefined, undefined],
    );
    const found = walk(0n, { address: window + 0x1234n });
    assert.deepEqual([found.physical, found.levels.length], [0x1234, 0]);
  });

  test("tables lie in a window, on a page's start", () => {
    for (const through of [0x8000_0000_0000_0000n, 0xa000_0000_0000_0000n])
      assert.equal(walk(0x4_4000n | kernel, { through }).physical, 0x4_5678);
    assert.match(reason(kernel, { through: 0xb000_0000_0000_0000n }), /pgd entry 0xb0000001900[0-9a-f]+ is no address of a table/);
    assert.match(reason(window + 0x10_1000n, { up: 2 }), /is no address of a table: tables lie in a direct window, on a page's start/);
  });
});

describe('entries', () => {
  test('flags by name', () => {
    const all =
      b.valid |
      b.dirty |
      b.plv3 |
      b.global |
      b.present |
      b.write |
      b.modified |
      b.protNone |
      b.special |
      b.devmap |
      b.presentInvalid |
      b.noRead |
      b.noExec |
      b.rplv;
    assert.deepEqual(walk(all).levels.at(-1)?.flags, [
      'VALID', 'DIRTY', 'PLV3', 'GLOBAL', 'PRESENT', 'WRITE', 'MODIFIED', 'PROTNONE', 'SPECIAL', 'DEVMAP', 'PRESENT_INVALID', 'NO_READ', 'NO_EXEC', 'RPLV',
    ]); // prettier-ignore
    assert.deepEqual(walk(b.huge | b.hugeGlobal | b.present, { up: 1 }).levels.at(-1)?.flags, ['PLV0', 'HUGE', 'PRESENT', 'HGLOBAL']);
  });

  test('cache types by MAT, bits 4-5', () => {
    assert.deepEqual(
      [0n, b.cc, b.wuc, b.cc | b.wuc].map((mat) => walk(b.present | mat).cacheType),
      ['SUC', 'CC', 'WUC', undefined],
    );
  });

  test("rights are the leaf's: WRITE, NO_EXEC, PLV 3", () => {
    assert.deepEqual(walk(user, { half: 'user' }).effective, {
      write: true, execute: true, user: true, writeLostAt: undefined, executeLostAt: undefined, userLostAt: undefined,
    }); // prettier-ignore
    const none = walk((kernel & ~b.write) | b.noExec).effective;
    assert.deepEqual([none?.writeLostAt, none?.executeLostAt, none?.userLostAt], ['pte', 'pte', 'pte']);
    // Clean: the TLB gets DIRTY at the first store.
    assert.equal(walk(user & ~b.dirty, { half: 'user' }).effective?.write, true);
  });

  test('an old page has lost VALID and is still mapped', () => {
    assert.equal(walk((user & ~b.valid) | 0x4_4000n, { half: 'user' }).physical, 0x4_5678);
  });

  test('PROT_NONE: PROTNONE for PRESENT', () => {
    assert.match(
      reason(b.protNone | b.noRead | b.plv3 | b.cc | 0x4_4000n, { half: 'user' }),
      /pte entry is PROT_NONE \(its frame is at 0x44000\)/,
    );
    assert.match(
      reason(b.protNone | b.huge | b.plv3 | 0x600_0000n, { half: 'user', up: 1 }),
      /pmd entry is PROT_NONE \(its frame is at 0x6000000\)/,
    );
  });

  test('a large page that was invalidated: HUGE without PRESENT; newer kernels mark it', () => {
    for (const mark of [b.presentInvalid, 0n]) {
      const entry = (user & ~(b.present | b.valid | b.dirty)) | b.huge | 0x600_0000n | mark;
      assert.match(reason(entry, { half: 'user', up: 1 }), /pmd entry is a large page that was invalidated \(its frame is at 0x6000000\)/);
    }
  });

  test('swap: type in 16-22, exclusive 23, offset from 24; of a pmd with HUGE', () => {
    const swap = (5n << 16n) | (0x1234n << 24n);
    assert.match(reason(swap, { half: 'user' }), /pte entry is swapped out: area 5, offset 0x1234$/);
    assert.match(reason(swap | bit(23), { half: 'user' }), /offset 0x1234 \(exclusive\)$/);
    assert.match(reason((31n << 16n) | (2n << 24n), { half: 'user' }), /marker: poisoned$/);
    assert.match(
      reason((28n << 16n) | (0x77n << 24n) | b.huge, { half: 'user', up: 1 }),
      /pmd entry is a special entry of swap type 28 \(migration .*offset 0x77$/,
    );
    assert.match(reason(swap, { half: 'user', up: 1 }), /pmd entry is swapped out: area 5/);
    assert.match(reason(swap), /pte entry is not present$/);
  });

  test('empty: nothing, GLOBAL for the sake of the other half of the TLB entry, an invalid table', () => {
    assert.match(reason(0n), /pte entry is empty/);
    assert.match(reason(b.global), /pte entry is empty/);
    const invalid = window + 0x77_4000n;
    assert.match(reason(invalid, { up: 1, options: { invalidTables: [invalid] } }), /pmd entry is empty/);
    assert.equal(walk(invalid, { up: 1 }).reason?.kind, 'wild-table');
  });
});

describe('leaves and defects', () => {
  const defect = (level: number, entry: bigint): string | undefined =>
    loongarch64({ pageShift: 12, levels: 4 }).defect(level, ...halves(entry));

  test('HUGE is a leaf above the ptes and in the pud, not in the pgd', () => {
    const mode = loongarch64({ pageShift: 12, levels: 4 });
    // entryKind: 2 leaf, 4 malformed.
    assert.deepEqual(
      [0, 1, 2, 3].map((level) => mode.kind(level, ...halves(b.present | b.huge))),
      [4, 2, 2, 2],
    );
    assert.match(defect(0, b.present | b.huge) ?? '', /is no address of a table/);
  });

  test('reserved bits, MAT 3, misaligned leaves, DIRTY without WRITE', () => {
    assert.match(defect(3, kernel | bit(48)) ?? '', /bits 0x1000000000000 are reserved/);
    assert.match(defect(3, kernel | bit(58)) ?? '', /bits 0x400000000000000 are reserved/);
    assert.match(defect(3, kernel | b.wuc) ?? '', /MAT 3\) is reserved/);
    assert.match(defect(2, kernel | b.huge | 0x60_4000n) ?? '', /not aligned to its 2048 KiB: address bits 0x4000/);
    assert.match(defect(3, kernel & ~b.write) ?? '', /DIRTY\) what the kernel may not/);
    assert.equal(defect(2, kernel | b.huge | b.hugeGlobal | 0x60_0000n), undefined);
  });
});

describe('exactly these bits decide', () => {
  const mode = loongarch64({ pageShift: 12, levels: 4 });

  test('rights, kinds and cache types', () => {
    const right = (name: 'write' | 'execute' | 'user', base = user): number[] =>
      decidingBits(base, (low, high) => mode.rights(3, low, high, true)[name]);
    assert.deepEqual([right('write'), right('execute'), right('user')], [[8], [62], [2, 3]]);
    assert.deepEqual(
      decidingBits(user, (low, high) => mode.kind(3, low, high)),
      [7],
    );
    assert.deepEqual(
      decidingBits(user | b.huge, (low, high) => mode.kind(2, low, high)),
      [6, 7],
    );
    assert.deepEqual(
      decidingBits(user, (low, high) => mode.cacheType(3, low, high)),
      [4, 5, 7],
    );
  });

  test('addresses and defects', () => {
    assert.deepEqual(
      decidingBits(user, (low, high) => mode.leafAddress(3, low, high)),
      span(12, 47),
    );
    assert.deepEqual(
      decidingBits(user | b.huge, (low, high) => mode.leafAddress(2, low, high)),
      span(21, 47),
    );
    // Bit 5 makes MAT 3 of MAT 1; bit 8 takes WRITE from what the TLB may write.
    assert.deepEqual(
      decidingBits(user, (low, high) => mode.defect(3, low, high)),
      [5, 8, ...span(48, 58)],
    );
    assert.deepEqual(
      decidingBits(user | b.huge, (low, high) => mode.defect(2, low, high)),
      [5, 6, 8, ...span(13, 20), ...span(48, 58)],
    );
  });

  test('names, a swap entry and the level numbers', () => {
    assert.deepEqual(namedBits(b.present, (low, high) => mode.flags(3, low, high)), [
      [0, 'VALID'], [1, 'DIRTY'], [2, 'PLV1'], [3, 'PLV2'], [6, 'GLOBAL'], [8, 'WRITE'], [9, 'MODIFIED'], [10, 'PROTNONE'], [11, 'SPECIAL'],
      [59, 'DEVMAP'], [60, 'PRESENT_INVALID'], [61, 'NO_READ'], [62, 'NO_EXEC'], [63, 'RPLV'],
    ]); // prettier-ignore
    // Bit 7 makes it present, 10 PROT_NONE.
    assert.deepEqual(
      decidingBits(bit(16, 24), (low, high) => [mode.kind(3, low, high), mode.explain(3, low, high, { userAddress: true })]),
      [7, 10, ...span(16, 63)],
    );
    for (const { options, levels } of shapes)
      assert.deepEqual(
        loongarch64(options).levels.map(({ depth }) => depth),
        levels.map(([name]) => ['pgd', 'p4d', 'pud', 'pmd', 'pte'].indexOf(name)),
      );
  });
});
