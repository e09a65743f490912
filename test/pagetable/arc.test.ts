/**
 * arc with an MMU of version 3 or 4, filled by software: arch/arc/include/asm/pgtable-levels.h (levels, *_leaf), pgtable-bits-arcv2.h
 * (_PAGE_*, swap entries), arch/arc/mm/tlbex.S (CONV_PTE_TO_TLB); ARCv2 Programmer's Reference Manual, memory management unit.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { arc } from '../../debug-adapter/arch/arc.ts';
import type { ArcOptions } from '../../debug-adapter/arch/arc.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { TableMemory, bit, decidingBits, halves, namedBits, span } from '../builders/table-memory.ts';
import { fc } from '../support/properties.ts';

const b = { cacheable: bit(0), exec: bit(1), write: bit(2), read: bit(3), accessed: bit(4), dirty: bit(5), special: bit(6), global: bit(8), present: bit(9), size: bit(10) } as const; // prettier-ignore
/** PAGE_KERNEL and PAGE_U_X_W_R. */
const kernel = b.present | b.cacheable | b.global | b.read | b.write | b.exec;
const user = b.present | b.cacheable | b.read | b.write | b.exec;

interface Shape {
  readonly options: ArcOptions;
  readonly levels: readonly (readonly [name: string, shift: number, bits: number])[];
}

/** 10:10:12, 11:8:13 and, with super pages, 8:11:13 and 11:7:14; 4:7:8:13 and 4:3:4:8:13 (pgtable-levels.h). */
const shapes: readonly Shape[] = [
  { options: { pageShift: 12 }, levels: [['pgd', 22, 10], ['pte', 12, 10]] },
  { options: { pageShift: 13 }, levels: [['pgd', 21, 11], ['pte', 13, 8]] },
  { options: { pageShift: 13, directoryShift: 24 }, levels: [['pgd', 24, 8], ['pte', 13, 11]] },
  { options: { pageShift: 14, directoryShift: 21, littleEndian: false }, levels: [['pgd', 21, 11], ['pte', 14, 7]] },
  { options: { pageShift: 13, levels: 3 }, levels: [['pgd', 28, 4], ['pmd', 21, 7], ['pte', 13, 8]] },
  { options: { pageShift: 13, levels: 4 }, levels: [['pgd', 28, 4], ['pud', 25, 3], ['pmd', 21, 4], ['pte', 13, 8]] },
  { options: { pageShift: 13, pae40: true }, levels: [['pgd', 21, 11], ['pte', 13, 8]] },
]; // prettier-ignore
const plain: Shape = {
  options: { pageShift: 13 },
  levels: [
    ['pgd', 21, 11],
    ['pte', 13, 8],
  ],
};

function tables({ options, levels }: Shape): TableMemory {
  return new TableMemory({
    levels: levels.map(([name, shift, bits]) => ({ shift, bits, entry: name === 'pte' && options.pae40 === true ? 8 : 4 })),
    littleEndian: options.littleEndian ?? true,
    pointer: (address) => address,
    // RAM is where addresses are not translated: a pointer to a table is its physical address too.
    base: 0x8010_0000n,
    // pmd_page_vaddr() takes PAGE_MASK: every table has a page of its own.
    alignment: 2 ** options.pageShift,
  });
}

function walk(entry: bigint, at: { up?: number; address?: bigint; shape?: Shape } = {}): ReturnType<PageTable['translate']> {
  const shape = at.shape ?? plain;
  const memory = tables(shape);
  const address = at.address ?? 0x1234_5678n;
  memory.map(address, entry, shape.levels.length - 1 - (at.up ?? 0));
  return new PageTable(memory, arc(shape.options), toPhysAddr(memory.root)).translate(toAddress(address));
}

test('what is not translated is read without a table, as it is translated', () => {
  const memory = tables(plain);
  const table = new PageTable(memory, arc(plain.options), toPhysAddr(memory.root));
  assert.equal(table.translate(toAddress(0x8012_3456n)).physical, 0x8012_3456);
  assert.equal(table.frameOf(0x8_0123), 0x8_0123);
  assert.equal(table.frameOf(0x7_ffff), -1);
});

const reason = (...args: Parameters<typeof walk>): string => walk(...args).reason?.message ?? '';

for (const shape of shapes) {
  const { options } = shape;
  describe(`${shape.levels.map(([, , bits]) => bits).join(':')}:${options.pageShift}${options.pae40 === true ? ', PAE40' : ''}`, () => {
    test('levels', () => {
      assert.deepEqual(
        arc(options).levels.map(({ name, shift, indexBits }) => [name, shift, indexBits]),
        shape.levels,
      );
    });

    for (const up of [0, 1]) {
      const [name, shift] = shape.levels[shape.levels.length - 1 - up] ?? ['', 0];
      test(`any translated address, ${name} leaves of 2^${shift}`, () => {
        const physicalBits = up === 0 && options.pae40 === true ? 40 : 32;
        fc.assert(
          fc.property(fc.bigInt(0n, bit(31) - 1n), fc.bigInt(0n, bit(physicalBits - shift) - 1n), (address, frame) => {
            const base = frame << BigInt(shift);
            const found = walk(base | kernel | (up === 0 ? 0n : b.size), { up, address, shape });
            assert.equal(BigInt(found.physical ?? -1), base + (address & (bit(shift) - 1n)));
            assert.equal(found.pageSize, 2 ** shift);
            assert.ok(found.levels.every(({ defect }) => defect === undefined));
          }),
          { numRuns: 40 },
        );
      });
    }
  });
}

describe('addresses', () => {
  test('the upper 2 GiB are not translated', () => {
    const mode = arc(plain.options);
    assert.deepEqual(
      [0x8000_0000n, 0xffff_ffffn, 0x7fff_ffffn].map((at) => mode.directWindow(toAddress(at))),
      [0x8000_0000, 0xffff_ffff, undefined],
    );
    const found = walk(0n, { address: 0x8123_4567n });
    assert.deepEqual([found.physical, found.levels.length], [0x8123_4567, 0]);
  });

  test('user mode ends at 0x60000000, addresses at 2^32', () => {
    const mode = arc(plain.options);
    assert.deepEqual(
      [0x5fff_ffffn, 0x6000_0000n].map((at) => mode.isUserAddress(toAddress(at))),
      [true, false],
    );
    assert.equal(mode.isCanonical(toAddress(bit(32))), false);
  });
});

describe('entries', () => {
  test('flags by name', () => {
    assert.deepEqual(walk(0x37fn).levels.at(-1)?.flags, [
      'CACHEABLE', 'EXECUTE', 'WRITE', 'READ', 'ACCESSED', 'DIRTY', 'SPECIAL', 'GLOBAL', 'PRESENT',
    ]); // prettier-ignore
    assert.deepEqual(walk(b.present | b.read | b.size, { up: 1 }).levels.at(-1)?.flags, ['READ', 'PRESENT', 'HW_SZ']);
  });

  test('cache types', () => {
    assert.deepEqual(
      [kernel, kernel & ~b.cacheable].map((entry) => walk(entry).cacheType),
      ['CACHEABLE', 'UNCACHED'],
    );
  });

  test("rights are the leaf's; of a GLOBAL page the kernel's alone", () => {
    assert.deepEqual(walk(user).effective, {
      write: true, execute: true, user: true, writeLostAt: undefined, executeLostAt: undefined, userLostAt: undefined,
    }); // prettier-ignore
    assert.equal(walk(kernel, { address: 0x7000_0000n }).effective?.userLostAt, 'pte');
    const readOnly = walk(b.present | b.read).effective;
    assert.deepEqual([readOnly?.writeLostAt, readOnly?.executeLostAt, readOnly?.user], ['pte', 'pte', true]);
  });

  test('PROT_NONE is PRESENT without any right (PAGE_U_NONE)', () => {
    assert.match(reason(0x8765_4000n | b.present | b.cacheable), /pte entry is PROT_NONE \(its frame is at 0x87654000\)/);
  });

  test('a large page that was invalidated keeps HW_SZ', () => {
    assert.match(
      reason(0x8760_0000n | (user & ~b.present) | b.size, { up: 1 }),
      /pgd entry is a large page that was invalidated \(its frame is at 0x87600000\)/,
    );
  });

  test('swap: type in 0-4, exclusive 5, offset from 13', () => {
    assert.match(reason(5n | (0x1234n << 13n)), /pte entry is swapped out: area 5, offset 0x1234$/);
    assert.match(reason(5n | bit(5) | (0x1234n << 13n)), /offset 0x1234 \(exclusive\)$/);
    assert.match(reason(31n | (1n << 13n)), /marker: userfaultfd write-protect$/);
    assert.match(reason(5n | (0x1234n << 13n), { address: 0x7000_0000n }), /pte entry is not present$/);
  });

  test('empty', () => {
    assert.match(reason(0n), /pte entry is empty/);
    assert.match(reason(0n, { up: 1 }), /pgd entry is empty/);
  });

  test('a pointer below 2 GiB is none to a table', () => {
    assert.match(reason(0x7fff_e000n, { up: 1 }), /pgd entry 0x7fffe000 is no address of a table: tables lie from 0x80000000 on/);
  });
});

describe('leaves and defects', () => {
  const four: ArcOptions = { pageShift: 13, levels: 4 };
  const defect = (level: number, entry: bigint, options: ArcOptions = plain.options): string | undefined =>
    arc(options).defect(level, ...halves(entry));

  test('pmd_leaf is HW_SZ of the level above the ptes', () => {
    // entryKind: 1 table, 2 leaf.
    assert.deepEqual(
      [0, 1, 2, 3].map((level) => arc(four).kind(level, ...halves(0x8760_0000n | user | b.size))),
      [1, 1, 2, 2],
    );
    assert.deepEqual(
      [0, 1].map((level) => arc(plain.options).kind(level, ...halves(0x8760_0000n | user | b.size))),
      [2, 2],
    );
  });

  test("bits below a table's address, a size bit in a pte, a large leaf that is not aligned", () => {
    assert.match(defect(0, 0x8010_2004n) ?? '', /bits 0x4 are set below the address of the table/);
    assert.match(defect(1, user | b.size) ?? '', /size bit of a large page is set in a pte/);
    assert.match(defect(0, 0x8760_2000n | user | b.size) ?? '', /not aligned to its 2 MiB: bits 0x2000/);
    assert.match(defect(0, 0x7fff_e000n) ?? '', /is no address of a table/);
  });

  test('rights that Linux never gives, and an address above PAE40', () => {
    assert.match(defect(1, b.present | b.write) ?? '', /may be written or executed but not read/);
    assert.match(defect(1, user | bit(40), { pageShift: 13, pae40: true }) ?? '', /above the 40 of PAE40/);
    assert.equal(defect(1, user | bit(39), { pageShift: 13, pae40: true }), undefined);
  });
});

describe('exactly these bits decide', () => {
  const mode = arc({ pageShift: 13, pae40: true });
  const page = b.present | b.read;

  test('rights, kinds and cache types', () => {
    const right = (name: 'write' | 'execute' | 'user'): number[] =>
      decidingBits(page, (low, high) => mode.rights(1, low, high, true)[name]);
    assert.deepEqual([right('write'), right('execute'), right('user')], [[2], [1], [8]]);
    assert.deepEqual(
      decidingBits(page, (low, high) => mode.kind(1, low, high)),
      [3, 9],
    );
    assert.deepEqual(
      decidingBits(page | b.write, (low, high) => mode.cacheType(1, low, high)),
      [0, 9],
    );
  });

  test('addresses and defects', () => {
    assert.deepEqual(
      decidingBits(page, (low, high) => mode.leafAddress(1, low, high)),
      span(13, 39),
    );
    assert.deepEqual(
      decidingBits(page | b.size, (low, high) => mode.leafAddress(0, low, high), 32),
      span(21, 31),
    );
    assert.deepEqual(
      decidingBits(0x8000_0000n, (low, high) => mode.tableAddress(0, low, high), 32),
      span(13, 31),
    );
    assert.deepEqual(
      decidingBits(page, (low, high) => mode.defect(1, low, high)),
      [10, ...span(40, 63)],
    );
    assert.deepEqual(
      decidingBits(page | b.size, (low, high) => mode.defect(0, low, high), 32),
      [10, ...span(13, 20)],
    );
  });

  test('names, a swap entry and the level numbers', () => {
    assert.deepEqual(namedBits(page, (low, high) => mode.flags(1, low, high), 32), [
      [0, 'CACHEABLE'], [1, 'EXECUTE'], [2, 'WRITE'], [4, 'ACCESSED'], [5, 'DIRTY'], [6, 'SPECIAL'], [8, 'GLOBAL'], [10, 'HW_SZ'],
    ]); // prettier-ignore
    // Bit 9 (PRESENT) makes PROT_NONE of it.
    assert.deepEqual(
      decidingBits(bit(0, 13), (low, high) => arc(plain.options).explain(1, low, high, { userAddress: true }), 32),
      [...span(0, 5), 9, ...span(13, 31)],
    );
    for (const { options, levels } of shapes)
      assert.deepEqual(
        arc(options).levels.map(({ depth }) => depth),
        levels.map(([name]) => ['pgd', 'p4d', 'pud', 'pmd', 'pte'].indexOf(name)),
      );
  });
});
