/**
 * 32-bit arm. Layout: Arm ARM DDI 0406C, B3.5 (short descriptors, figures B3-4 and B3-5), B3.6 (long), B3.8 (memory types);
 * the kernel's own entries and layout: arch/arm/include/asm/pgtable-2level.h (L_PTE_*), pgtable-2level-hwdef.h (PMD_*, PTE_*),
 * pgtable-3level.h, arch/arm/mm/proc-v7-2level.S (PRRR, NMRR).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { armLpae, armShort } from '../../debug-adapter/arch/arm.ts';
import type { ArmShortOptions } from '../../debug-adapter/arch/arm.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { armLongTables } from '../builders/arm-tables.ts';
import { TableMemory, bit, decidingBits, halves, namedBits, span } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

const pageOffset = 0xc000_0000n;
const anyAddress = fc.bigInt(0n, bit(32) - 1n);
type Walk = ReturnType<PageTable['translate']>;
const last = (found: Walk): Walk['levels'][number] | undefined => found.levels.at(-1);

/** 4096 first-level words of 1 MiB, 256 second-level words of 4 KiB. Linux's tables are the upper half of a page. */
const shortLevels = [
  { shift: 20, bits: 12, entry: 4 },
  { shift: 12, bits: 8, entry: 4 },
] as const;

const section = { type: bit(1), pxn: bit(0), b: bit(2), c: bit(3), xn: bit(4), ap0: bit(10), ap1: bit(11), tex0: bit(12), tex1: bit(13), tex2: bit(14), apx: bit(15), s: bit(16), ng: bit(17), super: bit(18), ns: bit(19) } as const; // prettier-ignore
const small = { type: bit(1), xn: bit(0), b: bit(2), c: bit(3), ap0: bit(4), ap1: bit(5), tex0: bit(6), tex1: bit(7), tex2: bit(8), apx: bit(9), s: bit(10), ng: bit(11) } as const; // prettier-ignore
const large = { type: bit(0), b: bit(2), c: bit(3), ap0: bit(4), ap1: bit(5), apx: bit(9), s: bit(10), ng: bit(11), tex0: bit(12), tex1: bit(13), tex2: bit(14), xn: bit(15) } as const; // prettier-ignore

function shortTables(flags = 0n, littleEndian = true): TableMemory {
  return new TableMemory({ levels: shortLevels, littleEndian, pointer: (address) => (address + 2048n) | 1n | flags });
}

/** Maps `entry` in the hardware's table at page offset 2048, beside `own` in the kernel's, as Linux lays them out. */
function shortWalk(
  entry: bigint,
  at: { up?: number; address?: bigint; own?: bigint; flags?: bigint; options?: Partial<ArmShortOptions> } = {},
): Walk {
  const littleEndian = at.options?.littleEndian ?? true;
  const memory = shortTables(at.flags, littleEndian);
  const address = at.address ?? 0xc123_4567n;
  const upper = at.up === 1;
  const written = memory.map(address, upper ? entry : 0n, upper ? 0 : 1);
  if (!upper) {
    memory.write(written + 2048n, entry, 4);
    memory.write(written, at.own ?? 0n, 4);
  }
  return new PageTable(memory, armShort({ pageOffset, ...at.options }), toPhysAddr(memory.root)).translate(toAddress(address));
}

describe('short descriptors: translation', () => {
  const kinds: readonly (readonly [name: string, shift: number, up: number, encode: (frame: bigint) => bigint, physicalBits: number])[] = [
    ['small page', 12, 0, (frame) => (frame << 12n) | small.type | small.ap0, 32],
    ['large page', 16, 0, (frame) => (frame << 16n) | large.type | large.ap0, 32],
    ['section', 20, 1, (frame) => (frame << 20n) | section.type | section.ap0, 32],
    // Physical bits 24-31 in place, 32-35 in 20-23, 36-39 in 5-8.
    ['supersection', 24, 1, (frame) => ((frame & 0xffn) << 24n) | (((frame >> 8n) & 0xfn) << 20n) | (((frame >> 12n) & 0xfn) << 5n) | section.type | section.super | section.ap0, 40],
  ]; // prettier-ignore
  for (const [name, shift, up, encode, physicalBits] of kinds) {
    test(`${name}: any address`, () => {
      fc.assert(
        fc.property(anyAddress, fc.bigInt(0n, bit(physicalBits - shift) - 1n), (address, frame) => {
          const found = shortWalk(encode(frame), { up, address });
          assert.equal(BigInt(found.physical ?? -1), (frame << BigInt(shift)) + (address & (bit(shift) - 1n)));
          assert.equal(found.pageSize, 2 ** Math.max(shift, up === 1 ? 20 : 12));
          assert.ok(found.levels.every(({ defect }) => defect === undefined));
        }),
        { numRuns: 50 },
      );
    });
  }

  test('large pages and supersections are repeated in 16 words, and the fast path steps through them', () => {
    const memory = shortTables();
    for (let page = 0n; page < 16n; page++) {
      const at = memory.map(0xc001_0000n + page * 4096n, 0n);
      memory.write(at + 2048n, 0x8765_0000n | large.type | large.ap0, 4);
    }
    const table = new PageTable(memory, armShort({ pageOffset }), toPhysAddr(memory.root));
    assert.deepEqual(
      [0xc_0010, 0xc_0017, 0xc_001f].map((page) => table.frameOf(page)),
      [0x8_7650, 0x8_7657, 0x8_765f],
    );
  });

  test('a big-endian machine', () => {
    assert.equal(shortWalk(0x8765_4000n | small.type | small.ap0, { options: { littleEndian: false } }).physical, 0x8765_4567);
  });

  test('a second-level table is 1 KiB, anywhere', () => {
    const memory = shortTables();
    const page = memory.table(1);
    memory.map(0xc010_3000n, (page + 0xc00n) | 1n, 0);
    memory.write(page + 0xc00n + 12n, 0x7000n | small.type | small.ap0, 4);
    const found = new PageTable(memory, armShort({ pageOffset }), toPhysAddr(memory.root)).translate(toAddress(0xc010_3004n));
    assert.equal(found.physical, 0x7004);
  });

  test('user mode ends 16 MiB below PAGE_OFFSET, or where TASK_SIZE says', () => {
    const user = (at: bigint, taskSize?: bigint): boolean => armShort({ pageOffset, taskSize }).isUserAddress(toAddress(at));
    assert.deepEqual([user(0xbeff_ffffn), user(0xbf00_0000n), user(0xb000_0000n, 0xa000_0000n)], [true, false, false]);
  });
});

describe('short descriptors: attributes', () => {
  test('flags of every shape by name', () => {
    const common =
      section.b |
      section.c |
      section.xn |
      section.ap0 |
      section.ap1 |
      section.tex0 |
      section.tex1 |
      section.tex2 |
      section.apx |
      section.s |
      section.ng |
      section.ns;
    assert.deepEqual(last(shortWalk(section.type | section.pxn | common | (5n << 5n), { up: 1 }))?.flags, [
      'PXN', 'BUFFERABLE', 'CACHEABLE', 'XN', 'AP_WRITE', 'AP_READ', 'TEX0', 'TEX1', 'TEX2', 'APX', 'S', 'NG', 'NS', 'DOMAIN5',
    ]); // prettier-ignore
    // A supersection is of domain 0: bits 5-8 are address.
    assert.deepEqual(last(shortWalk(section.type | section.super | section.s | (5n << 5n), { up: 1 }))?.flags, ['S', 'SUPER']);
    assert.deepEqual(last(shortWalk(small.type | 0xfffn))?.flags, ['XN', 'BUFFERABLE', 'CACHEABLE', 'AP0', 'AP1', 'TEX0', 'TEX1', 'TEX2', 'APX', 'SHARED', 'NG']); // prettier-ignore
    assert.deepEqual(last(shortWalk(0xfe3dn))?.flags, [
      'BUFFERABLE',
      'CACHEABLE',
      'AP0',
      'AP1',
      'APX',
      'SHARED',
      'NG',
      'TEX0',
      'TEX1',
      'TEX2',
      'XN',
    ]);
    assert.deepEqual(shortWalk(small.type, { flags: bit(2, 3) | (1n << 5n) }).levels[0]?.flags, ['PXNTABLE', 'NS', 'DOMAIN1']);
  });

  test('cache types with TEX remap: TEX[0], C and B choose what PRRR and NMRR say', () => {
    const types = [
      'SO/UNCACHED',
      'MEM/BUFFERABLE/WC',
      'MEM/CACHED/WT',
      'MEM/CACHED/WBRA',
      'DEV/SHARED',
      undefined,
      undefined,
      'MEM/CACHED/WBWA',
    ];
    for (let index = 0; index < 8; index++) {
      const of = (tex0: bigint, c: bigint, b: bigint): bigint =>
        ((index & 4) === 0 ? 0n : tex0) | ((index & 2) === 0 ? 0n : c) | ((index & 1) === 0 ? 0n : b);
      // TEX[1] and TEX[2] are software's then.
      assert.equal(shortWalk(small.type | of(small.tex0, small.c, small.b) | small.tex2).cacheType, types[index]);
      assert.equal(shortWalk(large.type | of(large.tex0, large.c, large.b)).cacheType, types[index]);
      assert.equal(shortWalk(section.type | of(section.tex0, section.c, section.b), { up: 1 }).cacheType, types[index]);
    }
  });

  test('cache types without TEX remap (table B3-10)', () => {
    const type = (tex: bigint, cb: bigint): string | undefined =>
      shortWalk(small.type | (tex << 6n) | (cb << 2n), { options: { texRemap: false } }).cacheType;
    assert.deepEqual(
      [0n, 1n, 2n, 3n].map((cb) => type(0n, cb)),
      ['SO/UNCACHED', 'DEV/SHARED', 'MEM/CACHED/WT', 'MEM/CACHED/WBRA'],
    );
    assert.deepEqual(
      [0n, 1n, 3n].map((cb) => type(1n, cb)),
      ['MEM/BUFFERABLE/WC', undefined, 'MEM/CACHED/WBWA'],
    );
    assert.equal(type(2n, 0n), 'DEV/NONSHARED');
    // TEX 1BB: outer policy BB, inner policy CB.
    assert.equal(type(6n, 3n), 'MEM/outer WT/inner WBRA');
  });

  test('rights by AP[2:0] (table B3-8)', () => {
    const rights = (ap: number, user: boolean): unknown => {
      const bits = ((ap & 4) === 0 ? 0n : small.apx) | ((ap & 2) === 0 ? 0n : small.ap1) | ((ap & 1) === 0 ? 0n : small.ap0);
      const found = shortWalk(small.type | bits, { address: user ? 0x1_0000n : 0xc000_0000n }).effective;
      return [found?.write, found?.execute, found?.user];
    };
    // [writes, executes (may read), user mode has access], for the kernel and for user mode.
    const expected: readonly (readonly [ap: number, kernel: boolean[], user: boolean[]])[] = [
      [0, [false, false, false], [false, false, false]],
      [1, [true, true, false], [false, false, false]],
      [2, [true, true, true], [false, true, true]],
      [3, [true, true, true], [true, true, true]],
      [5, [false, true, false], [false, false, false]],
      [6, [false, true, true], [false, true, true]],
      [7, [false, true, true], [false, true, true]],
    ];
    for (const [ap, kernel, user] of expected) assert.deepEqual([rights(ap, false), rights(ap, true)], [kernel, user], `AP ${ap}`);
  });

  test('XN of each shape, PXN of sections and tables', () => {
    const executes = (entry: bigint, up: number, address = 0xc000_0000n): string | undefined =>
      shortWalk(entry, { up, address }).effective?.executeLostAt;
    assert.deepEqual([executes(small.type | small.ap0 | small.xn, 0), executes(large.type | large.ap0 | large.xn, 0)], ['pte', 'pte']);
    assert.equal(executes(section.type | section.ap0 | section.xn, 1), 'pgd');
    const open = section.type | section.ap0 | section.ap1;
    assert.deepEqual([executes(open | section.pxn, 1), executes(open | section.pxn, 1, 0x1000n)], ['pgd', undefined]);
    assert.equal(shortWalk(small.type | small.ap0, { flags: bit(2) }).effective?.executeLostAt, 'pgd');
    assert.equal(shortWalk(small.type | small.ap0 | small.ap1, { flags: bit(2), address: 0x1000n }).effective?.execute, true);
  });
});

describe("short descriptors: the kernel's own entries", () => {
  const own = (value: bigint, hardware = 0n): Walk['levels'][number]['companion'] =>
    last(shortWalk(hardware, { own: value, address: 0x1_2000n }))?.companion;

  test('lie 2048 bytes below the hardware entry, with L_PTE_* flags and a memory type', () => {
    const found = last(shortWalk(0x8765_4000n | small.type | small.ap0, { own: 0x8765_4000n | 0x45fn }));
    // 0x45f: VALID 0, YOUNG 1, type 0111 in 2-5, DIRTY 6, SHARED 10.
    const companion = found?.companion;
    assert.equal(companion?.entryAddress, Number(found?.entryAddress) - 2048);
    assert.deepEqual(companion.flags, ['VALID', 'YOUNG', 'MT_WRITEALLOC', 'DIRTY', 'SHARED']);
    assert.equal(companion.entry, 0x8765_445fn);
  });

  test('every flag and memory type', () => {
    assert.deepEqual(own(0xfc3n)?.flags, ['VALID', 'YOUNG', 'MT_UNCACHED', 'DIRTY', 'RDONLY', 'USER', 'XN', 'SHARED', 'NONE']);
    const types = [0, 1, 2, 3, 4, 6, 7, 9, 11, 12, 15].map((type) => own(1n | (BigInt(type) << 2n))?.flags[1]);
    assert.deepEqual(types, [
      'MT_UNCACHED', 'MT_BUFFERABLE', 'MT_WRITETHROUGH', 'MT_WRITEBACK', 'MT_DEV_SHARED', 'MT_MINICACHE', 'MT_WRITEALLOC', 'MT_DEV_WC',
      'MT_DEV_CACHED', 'MT_DEV_NONSHARED', 'MT_VECTORS',
    ]); // prettier-ignore
  });

  test('a swapped page: type in 2-6, exclusive 7, offset from 8; the hardware entry is empty', () => {
    assert.deepEqual(own((5n << 2n) | (0x1234n << 8n))?.flags, ['swapped out: area 5, offset 0x1234']);
    assert.deepEqual(own((5n << 2n) | bit(7) | (0x1234n << 8n))?.flags, ['swapped out: area 5, offset 0x1234 (exclusive)']);
    assert.deepEqual(own(0n)?.flags, []);
    assert.match(shortWalk(0n).reason?.message ?? '', /hardware's pte entry is empty; the kernel's own entry beside it tells/);
  });

  test('sections have none', () => {
    assert.equal(last(shortWalk(section.type, { up: 1 }))?.companion, undefined);
  });
});

describe('short descriptors: faults, leaves and defects', () => {
  const mode = armShort({ pageOffset });

  test('type 0 is a fault, whatever the other bits', () => {
    assert.match(shortWalk(0n, { up: 1 }).reason?.message ?? '', /pgd entry is empty/);
    assert.match(shortWalk(0x5550n, { up: 1 }).reason?.message ?? '', /pgd entry is of type 0, a fault/);
  });

  test('pmd_leaf: bit 1 of a first-level word', () => {
    // entryKind: 1 table, 2 leaf, 3 not present.
    assert.deepEqual(
      [0n, 1n, 2n, 3n].map((type) => mode.kind(0, ...halves(0x100_0800n | type))),
      [3, 1, 2, 2],
    );
    assert.deepEqual(
      [0n, 1n, 2n, 3n].map((type) => mode.kind(1, ...halves(0x100_0000n | type))),
      [3, 2, 2, 2],
    );
  });

  test('AP 100, reserved bits of a large page, a table where the kernel keeps its own entries', () => {
    const defect = (level: number, entry: bigint): string | undefined => mode.defect(level, ...halves(entry));
    assert.match(defect(1, small.type | small.apx) ?? '', /AP 100\) are reserved/);
    assert.match(defect(0, section.type | section.apx) ?? '', /AP 100/);
    assert.match(defect(1, large.type | large.ap0 | bit(6, 8)) ?? '', /bits 0x140 are reserved in a large page/);
    assert.match(defect(0, 0x100_0401n) ?? '', /lies in its page's lower half/);
    assert.equal(defect(0, 0x100_0c01n), undefined);
  });
});

describe('long descriptors', () => {
  const l = { valid: bit(0), table: bit(1), user: bit(6), ap2: bit(7), sh: bit(8, 9), af: bit(10), ng: bit(11), cont: bit(52), pxn: bit(53), xn: bit(54), dirty: bit(55), special: bit(56), none: bit(57), rdonly: bit(58) } as const; // prettier-ignore
  const page = l.valid | l.table | l.af | (7n << 2n);
  const block = l.valid | l.af | (7n << 2n);
  const walk = (entry: bigint, at: { up?: number; address?: bigint; flags?: bigint } = {}): Walk => {
    const memory = armLongTables({ flags: at.flags ?? 0n });
    const address = at.address ?? 0x1234_5678n;
    memory.map(address, entry, 2 - (at.up ?? 0));
    return new PageTable(memory, armLpae({ pageOffset }), toPhysAddr(memory.root)).translate(toAddress(address));
  };

  for (const [up, shift] of [
    [0, 12],
    [1, 21],
  ] as const) {
    test(`any address, leaves of 2^${shift}, 40-bit physical addresses`, () => {
      fc.assert(
        fc.property(anyAddress, fc.bigInt(0n, bit(40 - shift) - 1n), (address, frame) => {
          const found = walk((frame << BigInt(shift)) | (up === 0 ? page : block), { up, address });
          assert.equal(BigInt(found.physical ?? -1), (frame << BigInt(shift)) + (address & (bit(shift) - 1n)));
          assert.equal(found.pageSize, 2 ** shift);
          assert.ok(found.levels.every(({ defect }) => defect === undefined));
        }),
        { numRuns: 60 },
      );
    });
  }

  test('flags by name', () => {
    assert.deepEqual(last(walk(page | l.user | l.ap2 | l.sh | l.ng | l.cont | l.pxn | l.xn | l.dirty | l.special | l.rdonly))?.flags, [
      'VALID', 'MT_WRITEALLOC', 'USER', 'AP2', 'SHARED', 'AF', 'NG', 'CONT', 'PXN', 'XN', 'DIRTY', 'SPECIAL', 'RDONLY',
    ]); // prettier-ignore
    assert.deepEqual(walk(page, { flags: bit(55, 59, 60, 61, 62, 63) }).levels[0]?.flags, [
      'VALID', 'TABLE', 'SWAPPER', 'PXNTABLE', 'XNTABLE', 'APTABLE0', 'APTABLE1', 'NSTABLE',
    ]); // prettier-ignore
  });

  test('cache types by AttrIndx', () => {
    const types = [0, 1, 2, 3, 4, 7].map((index) => walk(l.valid | l.table | (BigInt(index) << 2n)).cacheType);
    assert.deepEqual(types, ['SO/UNCACHED', 'MEM/BUFFERABLE/WC', 'MEM/CACHED/WT', 'MEM/CACHED/WBRA', 'DEV/SHARED', 'MEM/CACHED/WBWA']);
  });

  test('rights, and what tables take away', () => {
    const open = page | l.user;
    assert.deepEqual([walk(open).effective?.write, walk(open).effective?.execute, walk(open).effective?.user], [true, true, true]);
    assert.deepEqual(
      [walk(open | l.ap2).effective?.writeLostAt, walk(page).effective?.userLostAt, walk(open | l.xn).effective?.executeLostAt],
      ['pte', 'pte', 'pte'],
    );
    const taken = walk(open, { flags: bit(60, 61, 62) }).effective;
    assert.deepEqual([taken?.writeLostAt, taken?.executeLostAt, taken?.userLostAt], ['pgd', 'pgd', 'pgd']);
    // PXN and PXNTable are the kernel's.
    assert.equal(walk(open | l.pxn).effective?.execute, true);
    assert.equal(walk(open | l.pxn, { address: 0xc000_0000n }).effective?.executeLostAt, 'pte');
    assert.equal(walk(open, { flags: bit(59), address: 0xc000_0000n }).effective?.executeLostAt, 'pgd');
  });

  test('PROT_NONE and invalidated pages keep their frame, swap entries do not', () => {
    const reason = (entry: bigint, up = 0, address?: bigint): string =>
      walk(entry, { up, ...(address === undefined ? {} : { address }) }).reason?.message ?? '';
    assert.match(reason((page & ~l.valid) | l.none | 0x12_3456_7000n), /pte entry is PROT_NONE \(its frame is at 0x1234567000\)/);
    assert.match(
      reason((block & ~l.valid) | l.none | l.pxn | 0x12_3440_0000n, 1),
      /pmd entry is PROT_NONE \(its frame is at 0x1234400000\)/,
    );
    assert.match(reason((block & ~l.valid) | l.pxn | 0x12_3440_0000n, 1), /pmd entry is a large page that was invalidated/);
    assert.match(reason((5n << 2n) | (0x1234n << 8n)), /pte entry is swapped out: area 5, offset 0x1234$/);
    assert.match(reason((5n << 2n) | bit(7) | (0x1234n << 8n)), /\(exclusive\)$/);
    assert.match(reason((5n << 2n) | (0x1234n << 8n), 0, 0xc000_0000n), /pte entry is not valid$/);
    assert.match(reason((5n << 2n) | bit(40)), /no swap entry either, which has 32 bits/);
    assert.match(reason(0n), /pte entry is empty/);
  });

  test('leaves and defects', () => {
    const mode = armLpae({ pageOffset });
    const defect = (level: number, entry: bigint): string | undefined => mode.defect(level, ...halves(entry));
    // entryKind: 1 table, 2 leaf, 4 malformed (pmd_leaf: type 1).
    assert.deepEqual(
      [1n, 3n].map((type) => [1, 2].map((level) => mode.kind(level, ...halves(type)))),
      [
        [2, 4],
        [1, 2],
      ],
    );
    assert.match(walk(l.valid).reason?.message ?? '', /pte entry is of type 1, which is reserved at this level/);
    assert.match(defect(2, page | bit(40)) ?? '', /bits 0x10000000000 lie above the 40 bits/);
    assert.match(defect(1, block | 0x1000n) ?? '', /not aligned to its 2 MiB: bits 0x1000/);
    assert.match(defect(0, block) ?? '', /block of 1 GiB, which Linux never maps/);
    assert.match(defect(2, l.valid | l.table | (6n << 2n)) ?? '', /memory type 6 is one that Linux never sets up/);
    assert.match(defect(2, page | bit(8)) ?? '', /SH 01\) is reserved/);
    assert.equal(defect(2, page | l.sh | 0x1000n), undefined);
  });
});

describe('exactly these bits decide', () => {
  const short = armShort({ pageOffset });
  const long = armLpae({ pageOffset });
  type Named = 'write' | 'execute' | 'user';
  const rights = (of: typeof short, level: number, at: { base: bigint; name: Named; user?: boolean; width?: 32 | 64 }): number[] =>
    decidingBits(at.base, (low, high) => of.rights(level, low, high, at.user ?? false)[at.name], at.width ?? 32);

  test('rights of short descriptors: bits 0 and 1 are their kind, too', () => {
    const page = small.type | small.ap0;
    assert.deepEqual(
      [rights(short, 1, { base: page, name: 'write' }), rights(short, 1, { base: page, name: 'execute' })],
      [
        [4, 9],
        [0, 4],
      ],
    );
    assert.deepEqual(rights(short, 1, { base: page, name: 'user', user: true }), [1, 5]);
    const open = section.type | section.ap0;
    assert.deepEqual(
      [rights(short, 0, { base: open, name: 'write' }), rights(short, 0, { base: open, name: 'execute' })],
      [
        [10, 15],
        [0, 4, 10],
      ],
    );
    assert.deepEqual(rights(short, 0, { base: open, name: 'user', user: true }), [1, 11]);
    assert.deepEqual(rights(short, 1, { base: large.type | large.ap0, name: 'execute' }), [1, 4, 15]);
  });

  test('rights of long descriptors', () => {
    const of = (level: number, name: Named, user = false): number[] => rights(long, level, { base: 3n, name, user, width: 64 });
    assert.deepEqual([of(2, 'write'), of(2, 'execute'), of(2, 'execute', true), of(2, 'user')], [[7], [53, 54], [54], [6]]);
    assert.deepEqual([of(1, 'write'), of(1, 'execute'), of(1, 'execute', true), of(1, 'user')], [[62], [59, 60], [60], [0, 1, 61]]);
  });

  test('addresses', () => {
    const leaf = (level: number, base: bigint): number[] => decidingBits(base, (low, high) => short.leafAddress(level, low, high), 32);
    assert.deepEqual([leaf(1, small.type), leaf(1, large.type), leaf(0, section.type)], [span(12, 31), span(16, 31), span(20, 31)]);
    assert.deepEqual(
      leaf(0, section.type | section.super).filter((number) => number !== 1),
      [...span(5, 8), ...span(20, 31)],
    );
    assert.deepEqual(
      decidingBits(1n, (low, high) => short.tableAddress(0, low, high), 32),
      span(10, 31),
    );
    const wide = (level: number): number[] => decidingBits(1n, (low, high) => long.leafAddress(level, low, high));
    assert.deepEqual(
      [wide(2), wide(1), decidingBits(3n, (low, high) => long.tableAddress(1, low, high))],
      [span(12, 39), span(21, 39), span(12, 39)],
    );
  });

  test('defects', () => {
    const defects = (of: typeof short, level: number, base: bigint, width: 32 | 64): number[] =>
      decidingBits(base, (low, high) => of.defect(level, low, high), width);
    assert.deepEqual([defects(short, 1, large.type | large.ap0, 32), defects(short, 0, 0x801n, 32)], [[6, 7, 8], [11]]);
    assert.deepEqual(
      [defects(long, 2, 3n, 64), defects(long, 1, 1n, 64)],
      [
        [8, ...span(40, 51)],
        [8, ...span(12, 20), ...span(40, 51)],
      ],
    );
    assert.deepEqual(defects(long, 1, 3n, 64), span(40, 51));
  });

  test('names', () => {
    assert.deepEqual(namedBits(3n, (low, high) => long.flags(2, low, high)).filter(([number]) => number > 4), [
      [6, 'USER'], [7, 'AP2'], [8, 'SH_RESERVED'], [9, 'OUTER_SHARED'], [10, 'AF'], [11, 'NG'], [52, 'CONT'], [53, 'PXN'], [54, 'XN'], [55, 'DIRTY'],
      [56, 'SPECIAL'], [57, 'NONE'], [58, 'RDONLY'],
    ]); // prettier-ignore
    assert.deepEqual(
      namedBits(3n, (low, high) => long.flags(1, low, high)),
      [[59, 'PXNTABLE'], [60, 'XNTABLE'], [61, 'APTABLE0'], [62, 'APTABLE1'], [63, 'NSTABLE']],
    ); // prettier-ignore
    assert.deepEqual(namedBits(small.type, (low, high) => short.flags(1, low, high), 32), [
      [0, 'XN'], [2, 'BUFFERABLE'], [3, 'CACHEABLE'], [4, 'AP0'], [5, 'AP1'], [6, 'TEX0'], [7, 'TEX1'], [8, 'TEX2'], [9, 'APX'], [10, 'SHARED'], [11, 'NG'],
    ]); // prettier-ignore
    assert.deepEqual(namedBits(section.type, (low, high) => short.flags(0, low, high), 32), [
      [0, 'PXN'], [2, 'BUFFERABLE'], [3, 'CACHEABLE'], [4, 'XN'], [5, 'DOMAIN1'], [6, 'DOMAIN2'], [7, 'DOMAIN4'], [8, 'DOMAIN8'], [10, 'AP_WRITE'],
      [11, 'AP_READ'], [12, 'TEX0'], [13, 'TEX1'], [14, 'TEX2'], [15, 'APX'], [16, 'S'], [17, 'NG'], [18, 'SUPER'], [19, 'NS'],
    ]); // prettier-ignore
  });
});
