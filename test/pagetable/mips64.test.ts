/**
 * 64-bit mips. Windows and segments: MIPS64 Architecture vol. III, 4.2 (table 4.1); entries: arch/mips/include/asm/pgtable-bits.h
 * (enum pgtable_bits: EntryLo above the kernel's own bits), pgtable-64.h (levels, swap entries, invalid_p?d_table).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { mips64 } from '../../debug-adapter/arch/mips64.ts';
import type { Mips64Options } from '../../debug-adapter/arch/mips64.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { TableMemory, bit, decidingBits, halves, namedBits, span } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

/** With RIXI, huge pages and special ptes: CCC D V G RI XI S H M A W P, from bit 13 down. */
const b = { present: bit(0), write: bit(1), accessed: bit(2), modified: bit(3), huge: bit(4), special: bit(5), noExec: bit(6), noRead: bit(7), global: bit(8), valid: bit(9), dirty: bit(10) } as const; // prettier-ignore
const cache = (type: bigint): bigint => type << 11n;
/** PFN of 4K pages at bit 14, whatever the page size. */
const frameAt = (physical: bigint): bigint => (physical >> 12n) << 14n;
/** PAGE_KERNEL: present, valid, readable, writable and dirty, global, cached. */
const kernel = b.present | b.write | b.accessed | b.modified | b.global | b.valid | b.dirty | cache(3n);
/** Cached XKPHYS (CCA 3), in which the kernel's own pointers lie. */
const xkphys = 0x9800_0000_0000_0000n;

interface Shape {
  readonly options: Mips64Options;
  readonly levels: readonly (readonly [name: string, shift: number, bits: number])[];
}

const le = { littleEndian: true } as const;
/** PGD_ORDER, PMD_ORDER and PUD_ORDER of pgtable-64.h: every configuration of CONFIG_PAGE_SIZE_* and CONFIG_MIPS_VA_BITS_48. */
const shapes: readonly Shape[] = [
  { options: { ...le, pageShift: 12 }, levels: [['pgd', 30, 10], ['pmd', 21, 9], ['pte', 12, 9]] },
  { options: { ...le, pageShift: 12, vaBits48: true }, levels: [['pgd', 39, 9], ['pud', 30, 9], ['pmd', 21, 9], ['pte', 12, 9]] },
  { options: { ...le, pageShift: 13 }, levels: [['pgd', 33, 10], ['pmd', 23, 10], ['pte', 13, 10]] },
  { options: { littleEndian: false, pageShift: 14 }, levels: [['pgd', 36, 11], ['pmd', 25, 11], ['pte', 14, 11]] },
  { options: { ...le, pageShift: 14, vaBits48: true }, levels: [['pgd', 36, 12], ['pmd', 25, 11], ['pte', 14, 11]] },
  { options: { ...le, pageShift: 15 }, levels: [['pgd', 39, 12], ['pmd', 27, 12], ['pte', 15, 12]] },
  { options: { littleEndian: false, pageShift: 16 }, levels: [['pgd', 29, 13], ['pte', 16, 13]] },
  { options: { ...le, pageShift: 16, vaBits48: true }, levels: [['pgd', 42, 13], ['pmd', 29, 13], ['pte', 16, 13]] },
]; // prettier-ignore
const plain: Shape = {
  options: { ...le, pageShift: 12 },
  levels: [
    ['pgd', 30, 10],
    ['pmd', 21, 9],
    ['pte', 12, 9],
  ],
};

function tables({ options, levels }: Shape, window = xkphys): TableMemory {
  return new TableMemory({
    levels: levels.map(([, shift, bits]) => ({ shift, bits })),
    littleEndian: options.littleEndian,
    pointer: (address) => window + address,
    // CKSEG0 reaches 512 MiB.
    ...(window === xkphys ? {} : { base: 0x10_0000n }),
  });
}

function walk(
  entry: bigint,
  at: { up?: number; address?: bigint; half?: 'kernel' | 'user'; options?: Partial<Mips64Options>; shape?: Shape; window?: bigint } = {},
): ReturnType<PageTable['translate']> {
  const shape = at.shape ?? plain;
  const half = at.half ?? 'kernel';
  const memory = tables(shape, at.window);
  const address = at.address ?? (half === 'kernel' ? 0xc000_0000_1234_5678n : 0x1234_5678n);
  memory.map(address, entry, shape.levels.length - 1 - (at.up ?? 0));
  const use = half === 'kernel' ? { half } : { half, kernel: undefined };
  return new PageTable(memory, mips64({ ...shape.options, ...at.options }), toPhysAddr(memory.root), use).translate(toAddress(address));
}

const reason = (...args: Parameters<typeof walk>): string => walk(...args).reason?.message ?? '';

for (const shape of shapes) {
  const { pageShift, vaBits48, littleEndian } = shape.options;
  describe(`${2 ** (pageShift - 10)}K pages${vaBits48 === true ? ', 48 bits' : ''}, ${littleEndian ? 'little' : 'big'}-endian`, () => {
    const mode = mips64(shape.options);
    const top = (shape.levels[0]?.[1] ?? 0) + (shape.levels[0]?.[2] ?? 0);

    test('levels', () => {
      assert.deepEqual(
        mode.levels.map(({ name, shift, indexBits }) => [name, shift, indexBits]),
        shape.levels,
      );
      assert.equal(mode.virtualBits, top);
    });

    for (let up = 0; up < Math.min(3, shape.levels.length); up++) {
      const level = shape.levels[shape.levels.length - 1 - up];
      const [name, shift] = level ?? ['', 0];
      // Huge pages: the level above the ptes, and the pud.
      if (up === 2 && name !== 'pud') continue;
      test(`any address of both segments, ${name} leaves of 2^${shift}`, () => {
        fc.assert(
          fc.property(
            fc.bigInt(0n, bit(top) - 1n),
            fc.bigInt(0n, bit(53 - shift) - 1n),
            fc.constantFrom('kernel' as const, 'user' as const),
            (low, frame, half) => {
              const base = frame << BigInt(shift);
              const address = half === 'kernel' ? 0xc000_0000_0000_0000n + low : low;
              const found = walk(frameAt(base) | kernel | (up === 0 ? 0n : b.huge), { up, address, half, shape });
              assert.equal(BigInt(found.physical ?? -1), base + (address & (bit(shift) - 1n)));
              assert.equal(found.pageSize, 2 ** shift);
              assert.ok(found.levels.every(({ defect }) => defect === undefined));
            },
          ),
          { numRuns: 30 },
        );
      });
    }

    test('addresses beyond a segment are refused', () => {
      const memory = tables(shape);
      const table = new PageTable(memory, mode, toPhysAddr(memory.root));
      for (const outside of [bit(top), bit(62), 0xc000_0000_0000_0000n + bit(top), 0xffff_ffff_7fff_f000n]) {
        assert.equal(table.translate(toAddress(outside)).reason?.kind, 'non-canonical', outside.toString(16));
      }
    });
  });
}

describe('segments', () => {
  const window = (at: bigint): number | undefined => mips64(plain.options).directWindow(toAddress(at));

  test('XKPHYS of every cache type, CKSEG0 and CKSEG1 map memory without tables', () => {
    for (let cca = 0n; cca < 8n; cca++) assert.equal(window(0x8000_0000_0000_0000n | (cca << 59n) | 0x12_3456_7890n), 0x12_3456_7890);
    assert.deepEqual([0xffff_ffff_8010_0000n, 0xffff_ffff_a010_0000n].map(window), [0x10_0000, 0x10_0000]);
    assert.deepEqual([0xffff_ffff_c000_0000n, 0xffff_ffff_7fff_ffffn, 0xc000_0000_0000_0000n, 0x8010_0000n].map(window), [
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    for (const number of span(53, 58)) assert.equal(window(0x9800_0000_0000_0000n | bit(number)), undefined);
    assert.equal(window(0x9800_0000_0000_0000n | bit(52)), 2 ** 52);
    const found = walk(0n, { address: 0xffff_ffff_8012_3456n });
    assert.deepEqual([found.physical, found.levels.length, found.effective?.user], [0x12_3456, 0, false]);
  });

  test("CKSSEG, where modules lie, comes round to the root's last entries", () => {
    assert.equal(walk(frameAt(0x5000n) | kernel, { address: 0xffff_ffff_c000_0678n }).physical, 0x5678);
  });

  test('tables may be pointed to through CKSEG0', () => {
    assert.equal(walk(frameAt(0x5000n) | kernel, { window: 0xffff_ffff_8000_0000n }).physical, 0x5678);
    assert.match(
      reason(kernel, { window: 0xc000_0000_0000_0000n }),
      /pgd entry 0xc00000000010[0-9a-f]+ is no address of a table: tables lie in XKPHYS or CKSEG0/,
    );
  });

  test("a user address is not the kernel's, and the other way round", () => {
    assert.match(reason(kernel, { address: 0x1000n }), /user address, which the kernel's root does not translate/);
    assert.match(reason(kernel, { half: 'user', address: 0xc000_0000_0000_0000n }), /kernel address, which this root does not translate/);
  });
});

describe('entries', () => {
  const names = (entry: bigint, options: Partial<Mips64Options>): readonly string[] | undefined =>
    walk(entry, { options }).levels.at(-1)?.flags;

  test('flags by name, in every layout of enum pgtable_bits', () => {
    assert.deepEqual(names(0x77fn, {}), [
      'PRESENT',
      'WRITE',
      'ACCESSED',
      'MODIFIED',
      'HUGE',
      'SPECIAL',
      'NO_EXEC',
      'GLOBAL',
      'VALID',
      'DIRTY',
    ]);
    assert.deepEqual(names(0xfffn, { softDirty: true }), [
      'PRESENT', 'WRITE', 'ACCESSED', 'MODIFIED', 'HUGE', 'SPECIAL', 'SOFT_DIRTY', 'NO_EXEC', 'NO_READ', 'GLOBAL', 'VALID', 'DIRTY',
    ]); // prettier-ignore
    // Without RIXI, NO_READ is bit 1 and nothing forbids execution.
    assert.deepEqual(names(0x3ffn, { rixi: false }), [
      'PRESENT',
      'NO_READ',
      'WRITE',
      'ACCESSED',
      'MODIFIED',
      'HUGE',
      'SPECIAL',
      'GLOBAL',
      'VALID',
      'DIRTY',
    ]);
    assert.deepEqual(names(0x3fn, { rixi: false, huge: false, special: false }), [
      'PRESENT',
      'NO_READ',
      'WRITE',
      'ACCESSED',
      'MODIFIED',
      'GLOBAL',
    ]);
  });

  test('the frame moves with the bits below it', () => {
    const options = { rixi: false, huge: false, special: false } as const;
    // 8 bits, then CCC: the frame is at 11.
    assert.equal(walk((0x1234n << 11n) | 1n, { options }).physical, 0x123_4678);
    assert.equal(walk((0x1234n << 15n) | 1n, { options: { softDirty: true } }).physical, 0x123_4678);
  });

  test('cache types by C, bits 3-5 of EntryLo', () => {
    assert.deepEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map((type) => walk(b.present | cache(type)).cacheType), [
      'CACHABLE_NO_WA', 'CACHABLE_WA', 'UNCACHED', 'CACHABLE_NONCOHERENT', 'CACHABLE_CE', 'CACHABLE_COW', 'CACHABLE_CUW', 'UNCACHED_ACCELERATED',
    ]); // prettier-ignore
  });

  test("rights: the kernel's WRITE before the first store, NO_EXEC; the segment tells user mode", () => {
    const clean = walk(b.present | b.valid | b.write);
    assert.deepEqual([clean.effective?.write, clean.effective?.execute, clean.effective?.userLostAt], [true, true, 'pte']);
    const user = walk(b.present | b.valid | b.noExec, { half: 'user' }).effective;
    assert.deepEqual([user?.writeLostAt, user?.executeLostAt, user?.user], ['pte', 'pte', true]);
  });

  test('an old page has lost VALID and is still mapped', () => {
    assert.equal(walk(frameAt(0x5000n) | b.present | b.write, { half: 'user' }).physical, 0x5678);
  });

  test('PROT_NONE: present, neither readable nor writable', () => {
    assert.match(
      reason(frameAt(0x5000n) | b.present | b.noRead | cache(3n), { half: 'user' }),
      /pte entry is PROT_NONE \(its frame is at 0x5000\)/,
    );
    assert.match(
      reason((0x5n << 13n) | b.present | bit(1), { half: 'user', options: { rixi: false } }),
      /pte entry is PROT_NONE \(its frame is at 0x5000\)/,
    );
  });

  test('a large page that was invalidated keeps HUGE and its frame', () => {
    assert.match(
      reason(frameAt(0x60_0000n) | b.huge | b.write, { up: 1, half: 'user' }),
      /pmd entry is a large page that was invalidated \(its frame is at 0x600000\)/,
    );
  });

  test('swap: type in 16-22, exclusive 23, offset from 24', () => {
    const swap = (5n << 16n) | (0x1234n << 24n);
    assert.match(reason(swap, { half: 'user' }), /pte entry is swapped out: area 5, offset 0x1234$/);
    assert.match(reason(swap | bit(23), { half: 'user' }), /offset 0x1234 \(exclusive\)$/);
    assert.match(reason((31n << 16n) | (1n << 24n), { half: 'user' }), /marker: userfaultfd write-protect$/);
    assert.match(reason(swap), /pte entry is not present$/);
    // A swapped page of hugetlb.
    assert.match(reason(swap, { half: 'user', up: 1 }), /pmd entry is swapped out: area 5/);
  });

  test('empty: nothing, or GLOBAL for the sake of the other half of the TLB entry', () => {
    assert.match(reason(0n), /pte entry is empty/);
    assert.match(reason(b.global), /pte entry is empty/);
  });

  test('an entry that points to an invalid table is empty', () => {
    const invalid = xkphys + 0x77_7000n;
    assert.match(reason(invalid, { up: 1, options: { invalidTables: [invalid] } }), /pmd entry is empty/);
    // Not told so, the table is walked and missing.
    assert.equal(walk(invalid, { up: 1 }).reason?.kind, 'wild-table');
  });
});

describe('leaves and defects', () => {
  const defect = (level: number, entry: bigint, options: Partial<Mips64Options> = {}): string | undefined =>
    mips64({ ...plain.options, vaBits48: true, ...options }).defect(level, ...halves(entry));

  test('HUGE is a leaf above the ptes and in the pud, not in the pgd', () => {
    const mode = mips64({ ...plain.options, vaBits48: true });
    // entryKind: 2 leaf, 4 malformed.
    assert.deepEqual(
      [0, 1, 2, 3].map((level) => mode.kind(level, ...halves(kernel | b.huge))),
      [4, 2, 2, 2],
    );
    assert.match(defect(0, kernel | b.huge) ?? '', /is no address of a table/);
  });

  test('without huge pages, bit 4 is another flag', () => {
    const found = walk(kernel | b.huge, { up: 1, options: { huge: false } });
    assert.match(found.reason?.message ?? '', /is no address of a table/);
  });

  test('large leaves that are not aligned, a TLB that writes what the kernel may not', () => {
    assert.match(defect(2, frameAt(0x60_1000n) | kernel | b.huge) ?? '', /not aligned to its 2048 KiB: address bits 0x1000/);
    assert.match(defect(3, (kernel & ~b.write) | frameAt(0x5000n)) ?? '', /DIRTY\) what the kernel may not/);
    assert.equal(defect(3, kernel | frameAt(0x5000n)), undefined);
  });

  test('a frame above 2^53 maps nothing', () => {
    const found = walk(kernel | frameAt(bit(53)));
    assert.equal(found.physical, undefined);
    assert.match(found.reason?.message ?? '', /pte entry's physical address is above 2\^53/);
    assert.match(defect(2, kernel | b.huge | frameAt(bit(55))) ?? '', /above 2\^53/);
    assert.equal(walk(kernel | frameAt(bit(52))).physical, 2 ** 52 + 0x678);
  });
});

describe('exactly these bits decide', () => {
  const mode = mips64(plain.options);
  const of = (base: bigint, decode: (level: number, low: number, high: number) => unknown, level: number): number[] =>
    decidingBits(base, (low, high) => decode(level, low, high));

  test('rights, kinds and cache types', () => {
    assert.deepEqual(
      of(b.present, (level, low, high) => mode.rights(level, low, high, true).write, 2),
      [1],
    );
    assert.deepEqual(
      of(b.present, (level, low, high) => mode.rights(level, low, high, true).execute, 2),
      [6],
    );
    // PRESENT, NO_READ (PROT_NONE without WRITE), and frames above 2^53.
    assert.deepEqual(
      of(b.present, (level, low, high) => mode.kind(level, low, high), 2),
      [0, 7, ...span(55, 63)],
    );
    assert.deepEqual(
      of(kernel, (level, low, high) => mode.cacheType(level, low, high), 2),
      [0, ...span(11, 13), ...span(55, 63)],
    );
  });

  test('addresses and defects', () => {
    assert.deepEqual(
      of(kernel, (level, low, high) => mode.leafAddress(level, low, high), 2),
      span(14, 54),
    );
    assert.deepEqual(
      of(kernel | b.huge, (level, low, high) => mode.leafAddress(level, low, high), 1),
      span(23, 54),
    );
    assert.deepEqual(
      of(kernel, (level, low, high) => mode.defect(level, low, high), 2),
      [1, ...span(55, 63)],
    );
    assert.deepEqual(
      of(kernel | b.huge, (level, low, high) => mode.defect(level, low, high), 1),
      [1, 4, ...span(14, 22), ...span(55, 63)],
    );
  });

  test('names, and a swap entry', () => {
    assert.deepEqual(namedBits(b.present | b.write, (low, high) => mode.flags(2, low, high)), [
      [2, 'ACCESSED'], [3, 'MODIFIED'], [4, 'HUGE'], [5, 'SPECIAL'], [6, 'NO_EXEC'], [7, 'NO_READ'], [8, 'GLOBAL'], [9, 'VALID'], [10, 'DIRTY'],
    ]); // prettier-ignore
    assert.deepEqual(
      decidingBits(bit(16, 24), (low, high) => [mode.kind(2, low, high), mode.explain(2, low, high, { userAddress: true })]),
      [0, ...span(16, 63)],
    );
  });

  test("the kernel's level numbers", () => {
    const depths = shapes.map(({ options }) => mips64(options).levels.map(({ depth }) => depth));
    assert.deepEqual(
      depths,
      shapes.map(({ levels }) => levels.map(([name]) => ['pgd', 'p4d', 'pud', 'pmd', 'pte'].indexOf(name))),
    );
  });
});
