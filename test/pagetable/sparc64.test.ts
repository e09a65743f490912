/** 64-bit sparc: both layouts of the TTE, as arch/sparc/include/asm/pgtable_64.h (_PAGE_*_4U, _PAGE_*_4V) gives them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { sparc64 } from '../../debug-adapter/arch/sparc64.ts';
import type { Sparc64Options } from '../../debug-adapter/arch/sparc64.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { TableMemory, bit, decidingBits, namedBits, halves, span } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

/** 8K pages, 1024 entries a table: 13 + 4 * 10 = 53 bits (PMD_SHIFT, PUD_SHIFT, PGDIR_SHIFT). Pointers are bare addresses. */
function tables(): TableMemory {
  return new TableMemory({
    levels: [43, 33, 23, 13].map((shift) => ({ shift, bits: 10 })),
    littleEndian: false,
    pointer: (address) => address,
  });
}

const u = {
  valid: bit(63), size64k: bit(61), size512k: bit(62), size4m: bit(61, 62), size32m: bit(48), special: bit(57), huge: bit(56),
  g: bit(0), w: bit(1), p: bit(2), e: bit(3), cv: bit(4), cp: bit(5), locked: bit(6), present: bit(7), write: bit(8), read: bit(9),
  accessed: bit(10), modified: bit(11), exec: bit(12),
} as const; // prettier-ignore
const v = {
  valid: bit(63), nfo: bit(62), modified: bit(61), accessed: bit(60), read: bit(59), write: bit(58), special: bit(57), huge: bit(56),
  ie: bit(12), e: bit(11), cp: bit(10), cv: bit(9), p: bit(8), exec: bit(7), w: bit(6), present: bit(4), reserved: bit(3),
  size4m: 3n, size256m: 5n, size64k: 1n,
} as const; // prettier-ignore

/** PAGE_SHARED-like: present, readable, writable, dirty and young, cached. */
const data = {
  sun4u: u.valid | u.present | u.cp | u.cv | u.read | u.write | u.w | u.accessed | u.modified,
  sun4v: v.valid | v.present | v.cp | v.cv | v.read | v.write | v.w | v.accessed | v.modified,
};

function walk(
  entry: bigint,
  at: { tte?: 'sun4u' | 'sun4v'; depth?: number; address?: bigint; user?: boolean } = {},
): ReturnType<PageTable['translate']> {
  const memory = tables();
  const address = at.address ?? 0x1_2345_6000n;
  memory.map(address, entry, at.depth ?? 3);
  return tableOf(memory, { tte: at.tte ?? 'sun4v' }, at.user).translate(toAddress(address));
}

function tableOf(memory: TableMemory, options: Sparc64Options, user = false): PageTable {
  return new PageTable(memory, sparc64(options), toPhysAddr(memory.root), user ? { half: 'user', kernel: undefined } : { half: 'kernel' });
}

describe('translation', () => {
  const anyAddress = fc
    .tuple(fc.bigInt(0n, (1n << 52n) - 1n), fc.boolean())
    .map(([low, high]) => (high ? BigInt.asUintN(64, low - (1n << 52n)) : low));
  for (const tte of ['sun4u', 'sun4v'] as const) {
    for (const [up, shift] of [
      [0, 13],
      [1, 23],
      [2, 33],
    ] as const) {
      test(`${tte}: any address, pages of 2^${shift}`, () => {
        const frameBits = tte === 'sun4u' ? 43 : 53;
        const size = up === 0 ? 0n : tte === 'sun4u' ? u.size4m | u.huge : v.size4m | v.huge;
        fc.assert(
          fc.property(anyAddress, fc.bigInt(0n, (1n << BigInt(frameBits - shift)) - 1n), (address, frame) => {
            const memory = tables();
            const base = frame << BigInt(shift);
            memory.map(address, base | data[tte] | size, 3 - up);
            const table = tableOf(memory, { tte });
            const found = table.translate(toAddress(address));
            const expected = base + (address & ((1n << BigInt(shift)) - 1n));
            assert.equal(BigInt(found.physical ?? -1), expected);
            assert.equal(found.pageSize, 2 ** shift);
            assert.equal(found.levels.length, 4 - up);
            assert.equal(BigInt(table.frameOf(Number(address >> 12n))), expected >> 12n);
            assert.equal(found.levels.at(-1)?.defect, undefined);
          }),
          { numRuns: 40 },
        );
      });
    }
  }

  test('levels are pgd, pud, pmd and pte', () => {
    assert.deepEqual(
      walk(0x2000n | data.sun4v).levels.map(({ level }) => level),
      ['pgd', 'pud', 'pmd', 'pte'],
    );
  });

  test('a huge bit in the pgd is no leaf: pgd and p4d have none', () => {
    assert.match(
      walk(bit(56) | 0x2000n, { depth: 0 }).reason?.message ?? '',
      /pgd entry 0x100000000002000 is no physical address of a table/,
    );
  });

  test('the hole between the halves, as wide as the CPU makes it', () => {
    const memory = tables();
    const at = toAddress(1n << 47n);
    assert.equal(tableOf(memory, { tte: 'sun4v', virtualBits: 48 }).translate(at).reason?.kind, 'non-canonical');
    assert.equal(tableOf(memory, { tte: 'sun4v' }).translate(at).reason?.kind, 'not-mapped');
    assert.equal(tableOf(memory, { tte: 'sun4v' }).translate(toAddress(1n << 52n)).reason?.kind, 'non-canonical');
  });

  test("the kernel's image at KERNBASE needs no table; beyond it tables count", () => {
    const table = tableOf(tables(), { tte: 'sun4u', image: { physical: 0x7_0040_0000, size: 0x80_0000 } });
    assert.equal(table.translate(toAddress(0x40_1234n)).physical, 0x7_0040_1234);
    assert.equal(table.translate(toAddress(0xbf_ffffn)).physical, 0x7_00bf_ffff);
    assert.equal(table.translate(toAddress(0xc0_0000n)).physical, undefined);
    assert.equal(table.translate(toAddress(0x3f_ffffn)).physical, undefined);
  });
});

describe('entries', () => {
  test('sun4u flags by name, lowest bit first', () => {
    const all =
      u.g | u.w | u.p | u.e | u.cv | u.cp | u.locked | u.present | u.write | u.read | u.accessed | u.modified | u.exec | u.special;
    assert.deepEqual(walk(u.valid | all | 0x2000n, { tte: 'sun4u' }).levels.at(-1)?.flags, [
      'G', 'W', 'P', 'E', 'CV', 'CP', 'L', 'PRESENT', 'WRITE', 'READ', 'ACCESSED', 'MODIFIED', 'EXEC', 'SPECIAL', 'VALID',
    ]); // prettier-ignore
  });

  test('sun4v flags by name, lowest bit first', () => {
    const all = v.present | v.w | v.exec | v.p | v.cv | v.cp | v.e | v.ie | v.special | v.write | v.read | v.accessed | v.modified | v.nfo;
    assert.deepEqual(walk(v.valid | all | 0x2000n).levels.at(-1)?.flags, [
      'PRESENT', 'W', 'EXEC', 'P', 'CV/MCD', 'CP', 'E', 'IE', 'SPECIAL', 'WRITE', 'READ', 'ACCESSED', 'MODIFIED', 'NFO', 'VALID',
    ]); // prettier-ignore
  });

  test('cache types', () => {
    const type = (entry: bigint, tte: 'sun4u' | 'sun4v'): string | undefined => walk(entry | 0x2000n, { tte }).cacheType;
    assert.deepEqual(
      [u.cp | u.cv, u.cp, 0n, u.e].map((bits) => type(u.valid | u.present | bits, 'sun4u')),
      ['CP CV', 'CP', 'UNCACHED', 'SIDE-EFFECT'],
    );
    assert.deepEqual(
      [v.cp | v.cv, v.cp, 0n, v.e].map((bits) => type(v.valid | v.present | bits, 'sun4v')),
      ['CP CV', 'CP', 'UNCACHED', 'SIDE-EFFECT'],
    );
  });

  test('rights: write by the software bit before the first store, execute, privileged', () => {
    for (const [tte, layout] of [
      ['sun4u', u],
      ['sun4v', v],
    ] as const) {
      const base = layout.valid | layout.present | layout.read | 0x2000n;
      const rights = (bits: bigint): unknown => {
        const { write, execute, user } = walk(base | bits, { tte }).effective ?? {};
        return { write, execute, user };
      };
      assert.deepEqual(rights(0n), { write: false, execute: false, user: true });
      assert.deepEqual(rights(layout.write), { write: true, execute: false, user: true });
      assert.deepEqual(rights(layout.exec | layout.p), { write: false, execute: true, user: false });
    }
    assert.equal(walk(v.valid | v.present | v.read | 0x2000n).effective?.writeLostAt, 'pte');
  });

  test('an old page has lost VALID (_PAGE_R is the same bit) and is still mapped', () => {
    assert.equal(walk(v.present | v.read | v.cp | 0x4000n).physical, 0x4000);
    assert.equal(walk(u.present | u.read | u.cp | 0x4000n, { tte: 'sun4u' }).physical, 0x4000);
  });

  test('PROT_NONE: present, not readable', () => {
    const found = walk(v.present | v.cp | 0x4000n, { user: true });
    assert.equal(found.physical, undefined);
    assert.match(found.reason?.message ?? '', /the pte entry is PROT_NONE \(its frame is at 0x4000\)/);
  });

  test('swap: type in bits 13-19, exclusive 20, offset from 21', () => {
    const swap = (5n << 13n) | bit(20) | (0x1234n << 21n);
    assert.match(walk(swap, { user: true }).reason?.message ?? '', /the pte entry is swapped out: area 5, offset 0x1234 \(exclusive\)$/);
    assert.match(walk((31n << 13n) | (1n << 21n), { user: true }).reason?.message ?? '', /a marker: userfaultfd write-protect$/);
    assert.match(walk(swap).reason?.message ?? '', /the pte entry is not present$/);
  });

  test('an empty entry', () => {
    assert.match(walk(0n).reason?.message ?? '', /the pte entry is empty/);
    assert.match(walk(0n, { depth: 1 }).reason?.message ?? '', /the pud entry is empty/);
  });

  test('a table pointer with bits below 8 KiB or above 2^53 is none', () => {
    assert.match(walk(0x10_2008n, { depth: 2 }).reason?.message ?? '', /pmd entry 0x102008 is no physical address of a table/);
    assert.match(walk(bit(53) | 0x2000n, { depth: 2 }).reason?.message ?? '', /is no physical address of a table/);
  });
});

describe('defects', () => {
  const defect = (entry: bigint, tte: 'sun4u' | 'sun4v' = 'sun4v', level = 3): string | undefined =>
    sparc64({ tte }).defect(level, ...halves(entry));

  test('reserved bits', () => {
    assert.match(defect(data.sun4v | v.reserved | 0x2000n) ?? '', /bits 0x8 are reserved/);
    assert.match(defect(data.sun4u | bit(49) | 0x2000n, 'sun4u') ?? '', /bits 0x2000000000000 are reserved/);
    assert.match(defect(data.sun4u | bit(43) | 0x2000n, 'sun4u') ?? '', /bits 0x80000000000 are reserved/);
  });

  test('size codes: 64K and 512K in a pte, 4M and more above it', () => {
    assert.equal(defect(data.sun4v | v.size64k | 0x2000n), undefined);
    assert.equal(defect(data.sun4u | u.size512k | 0x2000n, 'sun4u'), undefined);
    assert.match(defect(data.sun4v | v.size4m | 0x2000n) ?? '', /size code, of 4096 KiB/);
    assert.match(defect(data.sun4v | v.huge | v.size64k, 'sun4v', 2) ?? '', /size code, of 64 KiB/);
    assert.equal(defect(data.sun4v | v.huge | v.size256m | bit(28), 'sun4v', 2), undefined);
    assert.match(defect(data.sun4u | u.size32m | 0x2000n, 'sun4u') ?? '', /size code, of 32768 KiB/);
  });

  test('an address above 2^53 maps nothing', () => {
    const found = walk(data.sun4v | bit(53) | 0x2000n);
    assert.equal(found.physical, undefined);
    assert.match(found.reason?.message ?? '', /pte entry's physical address is above 2\^53/);
    assert.match(defect(data.sun4v | bit(54) | 0x2000n) ?? '', /above 2\^53/);
    assert.match(defect(data.sun4v | v.huge | v.size4m | bit(55), 'sun4v', 2) ?? '', /above 2\^53/);
  });

  test('a large leaf that is not aligned, a huge bit in a pte', () => {
    assert.match(defect(data.sun4v | v.huge | v.size4m | 0x40_0000n, 'sun4v', 2) ?? '', /not aligned to its 8 MiB: address bits 0x400000/);
    assert.match(defect(data.sun4v | v.huge | 0x2000n) ?? '', /large page is set in a pte/);
  });

  test('what Linux writes has none', () => {
    for (const tte of ['sun4u', 'sun4v'] as const) assert.equal(defect(data[tte] | 0x7ff_ffff_e000n, tte), undefined);
  });
});

describe('exactly these bits decide', () => {
  for (const [tte, write, execute, privileged, address, cache, reserved] of [
    ['sun4u', [1, 8], [12], [2], span(13, 42), [3, 5], [...span(43, 46), 48, 49, 56]],
    ['sun4v', [6, 58], [7], [8], span(13, 52), [10, 11], [2, 3, 53, 54, 55, 56]],
  ] as const) {
    test(tte, () => {
      const mode = sparc64({ tte });
      const base = bit(63);
      const right = (name: 'write' | 'execute' | 'user'): number[] =>
        decidingBits(base, (low, high) => mode.rights(3, low, high, true)[name]);
      assert.deepEqual([right('write'), right('execute'), right('user')], [write, execute, privileged]);
      assert.deepEqual(
        decidingBits(base, (low, high) => mode.leafAddress(3, low, high)),
        address,
      );
      assert.deepEqual(
        decidingBits(base, (low, high) => mode.cacheType(3, low, high)).filter((number) => number < 53),
        cache,
      );
      // Size codes 1, 2 (64K, 512K) are for ptes; of sun4u bits 61 and 62 hold them, of sun4v 0-2.
      assert.deepEqual(
        decidingBits(base, (low, high) => mode.defect(3, low, high)),
        reserved,
      );
    });
  }

  test('names', () => {
    const names = (tte: 'sun4u' | 'sun4v'): (readonly [number, string])[] =>
      namedBits(bit(63), (low, high) => sparc64({ tte }).flags(3, low, high));
    assert.deepEqual(names('sun4u'), [
      [0, 'G'], [1, 'W'], [2, 'P'], [3, 'E'], [4, 'CV'], [5, 'CP'], [6, 'L'], [7, 'PRESENT'], [8, 'WRITE'], [9, 'READ'], [10, 'ACCESSED'],
      [11, 'MODIFIED'], [12, 'EXEC'], [47, 'SN'], [56, 'HUGE'], [57, 'SPECIAL'], [59, 'IE'], [60, 'NFO'],
    ]); // prettier-ignore
    assert.deepEqual(names('sun4v').filter(([number]) => number < 53 || number > 55), [
      [4, 'PRESENT'], [6, 'W'], [7, 'EXEC'], [8, 'P'], [9, 'CV/MCD'], [10, 'CP'], [11, 'E'], [12, 'IE'], [56, 'HUGE'], [57, 'SPECIAL'],
      [58, 'WRITE'], [59, 'READ'], [60, 'ACCESSED'], [61, 'MODIFIED'], [62, 'NFO'],
    ]); // prettier-ignore
  });

  test('a swap entry, and the level numbers', () => {
    const mode = sparc64({ tte: 'sun4v' });
    const told = decidingBits(bit(13, 21), (low, high) => mode.explain(3, low, high, { userAddress: true }));
    // Bit 4 (PRESENT) makes PROT_NONE of it.
    assert.deepEqual(told, [4, ...span(13, 63)]);
    assert.deepEqual(
      mode.levels.map(({ depth }) => depth),
      [0, 2, 3, 4],
    );
  });
});
