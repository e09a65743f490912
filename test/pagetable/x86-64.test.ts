/** x86-64 translation on tables built from the manual's layout: 4 and 5 levels, every leaf size, every non-present kind. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { bits, TableBuilder } from '../builders/x86-64-tables.ts';
import { fc } from '../support/properties.ts';

const { p, rw, us, pcd, pwt, ps, g, nx } = bits;

function tableOf(builder: TableBuilder, root: bigint, levels: 4 | 5, encryptionMask = 0n): PageTable {
  return new PageTable(builder, x8664Mode({ levels, encryptionMask }), toPhysAddr(root));
}

/** Indexes of an address, root first. */
function indexes(address: bigint, levels: number): number[] {
  return Array.from({ length: levels }, (_, depth) => Number((address >> BigInt(12 + 9 * (levels - 1 - depth))) & 511n));
}

for (const levels of [4, 5] as const) {
  describe(`${levels} levels`, () => {
    const canonicalBits = levels === 4 ? 47 : 56;
    const anyAddress = fc
      .tuple(fc.bigInt(0n, (1n << BigInt(canonicalBits)) - 1n), fc.boolean())
      .map(([low, high]) => (high ? BigInt.asUintN(64, low - (1n << BigInt(canonicalBits))) : low));

    test('any page of any size translates to its frame', () => {
      fc.assert(
        fc.property(anyAddress, fc.constantFrom(0, 1, 2), fc.bigInt(0n, (1n << 40n) - 1n), (address, up, frame) => {
          const builder = new TableBuilder();
          const root = builder.table();
          const pageBits = BigInt(12 + 9 * up);
          const base = (frame << 12n) & ~((1n << pageBits) - 1n);
          builder.map(root, indexes(address, levels).slice(0, levels - up), base | p | rw | (up > 0 ? ps : 0n));
          const table = tableOf(builder, root, levels);
          const walk = table.translate(toAddress(address));
          const expected = base + (address & ((1n << pageBits) - 1n));
          assert.equal(BigInt(walk.physical ?? -1), expected);
          assert.equal(walk.pageSize, 2 ** Number(pageBits));
          assert.equal(walk.levels.length, levels - up);
          assert.equal(table.frameOf(Number(address >> 12n)), Number(expected >> 12n));
        }),
      );
    });

    test('level names, and addresses that are not canonical', () => {
      const builder = new TableBuilder();
      const root = builder.table();
      const table = tableOf(builder, root, levels);
      assert.deepEqual(
        table.mode.levels.map(({ name }) => name),
        levels === 4 ? ['pgd', 'pud', 'pmd', 'pte'] : ['pgd', 'p4d', 'pud', 'pmd', 'pte'],
      );
      const between = toAddress(1n << BigInt(canonicalBits));
      assert.equal(table.translate(between).reason?.kind, 'non-canonical');
      assert.equal(table.frameOf(Number(between >> 12n)), -1);
      assert.equal(table.translate(toAddress(0xff11_0000_0000_0000n)).reason?.kind, levels === 4 ? 'non-canonical' : 'not-mapped');
    });
  });
}

describe('entries', () => {
  /** One pte or pmd at address 0 with this entry. */
  function walkOf(entry: bigint, depth: number, encryptionMask = 0n): ReturnType<PageTable['translate']> {
    const builder = new TableBuilder();
    const root = builder.table();
    builder.map(root, [0, 0, 0, 0].slice(0, depth + 1), entry);
    return tableOf(builder, root, 4, encryptionMask).translate(toAddress(0n));
  }

  test('the PAT bit of a large page is no address bit', () => {
    const walk = walkOf(0x8000_0000_0120_11e3n, 2);
    assert.equal(walk.physical, 0x120_0000);
    assert.equal(walk.cacheType, 'WB');
    assert.ok(walk.levels.at(-1)?.flags.includes('PAT_LARGE'));
  });

  test('bit 7 of a pte is PAT, not a page size', () => {
    const walk = walkOf(0x5000n | p | ps | pcd | pwt, 3);
    assert.deepEqual([walk.physical, walk.pageSize, walk.cacheType], [0x5000, 4096, 'WT']);
  });

  test('PROT_NONE keeps its frame, inverted', () => {
    const walk = walkOf(0x800f_ffff_edcb_a120n, 3);
    assert.equal(walk.physical, undefined);
    assert.match(walk.reason?.message ?? '', /PROT_NONE \(its frame, stored inverted, is at 0x12345000\)/);
  });

  test('swap entries of FACTS: type, offset and marks', () => {
    assert.match(walkOf(0x0fff_ffff_ffdb_9600n, 3).reason?.message ?? '', /area 1, offset 0x1234$/);
    assert.match(walkOf(0x17ff_ffff_ffff_540en, 3).reason?.message ?? '', /area 2, offset 0x55 \(soft-dirty, uffd-wp, exclusive\)/);
    assert.match(walkOf(0xffff_ffff_ffff_fc00n, 3).reason?.message ?? '', /marker: userfaultfd write-protect/);
  });

  test('accessed and dirty alone are none', () => {
    assert.match(walkOf(0x60n, 3).reason?.message ?? '', /pte entry is empty/);
  });

  test('a page size where the level has none is malformed', () => {
    assert.match(walkOf(0x1000n | p | ps, 0).reason?.message ?? '', /page-size bit, which is reserved/);
  });

  test('a table outside RAM is told with the entry that holds it', () => {
    const walk = walkOf(0xdead_bee0_0000n | p | rw, 2);
    assert.equal(walk.reason?.kind, 'wild-table');
    assert.match(walk.reason.message, /the pmd entry 0xdeadbee00003 at 0x[0-9a-f]+ points to a pte table at physical 0xdeadbee00000/);
  });

  test('the encryption bit is taken out of addresses', () => {
    const mask = 1n << 47n;
    assert.equal(walkOf(0x7000n | mask | p, 3, mask).physical, 0x7000);
  });

  test('effective rights name the level that takes a right away', () => {
    const builder = new TableBuilder();
    const root = builder.table();
    builder.map(root, [0, 0, 0, 0], 0x9000n | p | rw | us | g);
    const pud = builder.table();
    builder.set(root, 1, pud | p | us | nx);
    builder.map(pud, [0, 0, 0], 0xa000n | p | rw | us);
    const table = tableOf(builder, root, 4);
    assert.equal(table.translate(toAddress(0n)).effective?.write, true);
    const walk = table.translate(toAddress(1n << 39n));
    assert.deepEqual(
      [walk.effective?.write, walk.effective?.writeLostAt, walk.effective?.execute, walk.effective?.executeLostAt, walk.effective?.user],
      [false, 'pgd', false, 'pgd', true],
    );
  });
});
