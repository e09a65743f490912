/** Frames of two page tables compared, on x86-64 tables built from the manual's layout, against one translation a page. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { areFramesComparable, FrameDiff } from '../../debug-adapter/pagetable/frame-diff.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { bits, TableBuilder } from '../builders/x86-64-tables.ts';
import { fc } from '../support/properties.ts';

const { p, rw, ps } = bits;
const mode = x8664Mode({ levels: 4, encryptionMask: 0n });

function tableOf(builder: TableBuilder, root: bigint): PageTable {
  return new PageTable(builder, mode, toPhysAddr(root));
}

/** Tells how often tables were read. */
class CountingTables extends TableBuilder {
  read = 0;

  override frame(number: number): Uint8Array | undefined {
    this.read++;
    return super.frame(number);
  }
}

interface Leaf {
  readonly page: number;
  readonly large: boolean;
  readonly frame: number;
}

/** Maps 4 KiB or 2 MiB pages in the first 8 MiB, or in the last 8 MiB of the space. */
function build(builder: TableBuilder, leaves: readonly Leaf[], base: bigint): bigint {
  const root = builder.table();
  const taken = new Map<number, boolean>();
  for (const { page, large, frame } of leaves) {
    const index = page >> 9;
    // A pmd entry is a leaf or a table.
    if ((taken.get(index) ?? large) !== large) continue;
    taken.set(index, large);
    const address = base + (BigInt(page) << 12n);
    const indexes = [39n, 30n, 21n, 12n].map((shift) => Number((address >> shift) & 511n));
    const physical = BigInt(frame) << (large ? 21n : 12n);
    builder.map(root, large ? indexes.slice(0, 3) : indexes, physical | p | rw | (large ? ps : 0n));
  }
  return root;
}

const leaves = fc.array(
  fc.record({
    page: fc.oneof(fc.integer({ min: 0, max: 2047 }), fc.integer({ min: 0, max: 20 })),
    large: fc.boolean(),
    frame: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 30 },
);

describe('frames of two page tables', () => {
  for (const base of [0n, 0xffff_ffff_ff80_0000n]) {
    test(`any two, from 0x${base.toString(16)}`, () => {
      const first = Number(base >> 12n);
      const bounds = fc.tuple(fc.integer({ min: 0, max: 2048 }), fc.integer({ min: 0, max: 2048 }));
      fc.assert(
        fc.property(leaves, leaves, bounds, (one, two, [from, to]) => {
          const builder = new TableBuilder();
          const a = tableOf(builder, build(builder, one, base));
          const b = tableOf(builder, build(builder, two, base));
          const start = first + Math.min(from, to);
          const end = first + Math.max(from, to);
          const found = new Set<number>();
          let last = -1;
          for (const run of new FrameDiff(a, b, neverCancelled).differences(start, end)) {
            assert.ok(run.start < run.end && run.start > last && run.start >= start && run.end <= end);
            last = run.end;
            for (let page = run.start; page < run.end; page++) found.add(page);
          }
          for (let page = start; page < end; page++) {
            const frames = [a.frameOf(page), b.frameOf(page)];
            assert.equal(found.has(page), !frames.includes(-1) && frames[0] !== frames[1], `page ${page}: ${String(frames)}`);
          }
        }),
      );
    });
  }

  test('a table shared a quarter of a million times is read once', () => {
    const [one, two] = [0n, 1n].map((frame) => {
      const builder = new TableBuilder();
      let table = builder.table();
      for (let index = 0; index < 512; index++) builder.set(table, index, (frame << 12n) | p);
      for (let level = 0; level < 3; level++) {
        const above = builder.table();
        // Only the lower half of the root is the lower half of the space.
        for (let index = 0; index < (level === 2 ? 256 : 512); index++) builder.set(above, index, table | p | rw);
        table = above;
      }
      return tableOf(builder, table);
    });
    assert.ok(one !== undefined && two !== undefined);
    assert.deepEqual(new FrameDiff(one, two, neverCancelled).differences(0, 2 ** 35), [{ start: 0, end: 2 ** 35 }]);
  });

  test('tables that lead to each other in all ways: each is read once, and each pair compared once', () => {
    const most = 24;
    const [one, two] = [1, 2].map((tag) => {
      const builder = new CountingTables();
      let below = [BigInt(tag) << 12n];
      for (let level = 0; level < 4; level++) {
        below = Array.from({ length: most }, (_, number) => {
          const table = builder.table();
          const above = [...below];
          for (let index = 0; index < 512; index++) {
            // Each side takes them in another order, so that all pairs are met.
            const entry = above[(index * (tag === 1 ? 1 : 5) + Math.floor(index / most) + number) % above.length] ?? 0n;
            builder.set(table, index, entry | p | rw);
          }
          return table;
        });
      }
      const root = builder.table();
      for (let index = 0; index < 256; index++) builder.set(root, index, (below[index % most] ?? 0n) | p | rw);
      return { builder, table: new PageTable(builder, x8664Mode({ levels: 5, encryptionMask: 0n }), toPhysAddr(root)) };
    });
    assert.ok(one !== undefined && two !== undefined);
    let compared = 0;
    const token = {
      get cancelled() {
        compared++;
        return false;
      },
    };
    const diff = new FrameDiff(one.table, two.table, token);
    assert.deepEqual(diff.differences(0, 2 ** 44), [{ start: 0, end: 2 ** 44 }]);
    assert.deepEqual([one.builder.read, two.builder.read], [4 * most + 1, 4 * most + 1]);
    assert.ok(compared <= 4 * most * most + 1, `${compared} pairs were compared`);
  });

  test('a line that reaches over addresses that are none', () => {
    const [one, two] = [1n, 2n].map((frame) => {
      const builder = new TableBuilder();
      const root = builder.table();
      builder.map(root, [255, 511, 511, 511], (frame << 12n) | p);
      builder.map(root, [256, 0, 0, 0], (frame << 12n) | p);
      return tableOf(builder, root);
    });
    assert.ok(one !== undefined && two !== undefined);
    const differences = new FrameDiff(one, two, neverCancelled).differences(2 ** 35 - 1, 0xffff_8800_0000_0);
    assert.deepEqual(differences, [{ start: 2 ** 35 - 1, end: 2 ** 35 }]);
  });

  test('tables that are their own entries end: with few places told, with too many refused', () => {
    const looped = (last: number): [PageTable, PageTable] => {
      const tables = [1n, 2n].map((frame) => {
        const builder = new TableBuilder();
        const root = builder.table();
        for (let index = 0; index < last; index++) builder.set(root, index, root | p | rw);
        builder.set(root, last, (frame << 12n) | p);
        return tableOf(builder, root);
      });
      const [one, two] = tables;
      assert.ok(one !== undefined && two !== undefined);
      return [one, two];
    };
    // With one entry that leads on, level for level, there is one leaf, behind the last of them.
    assert.deepEqual(new FrameDiff(...looped(1), neverCancelled).differences(0, 2 ** 35), [{ start: 1, end: 2 }]);
    assert.throws(
      () => new FrameDiff(...looped(200), neverCancelled).differences(0, 2 ** 35),
      (error) => error instanceof UserError && error.code === 'limit',
    );
  });

  test('tables of another shape are not compared', () => {
    const builder = new TableBuilder();
    const root = builder.table();
    const five = new PageTable(builder, x8664Mode({ levels: 5, encryptionMask: 0n }), toPhysAddr(root));
    assert.equal(areFramesComparable(tableOf(builder, root), tableOf(builder, root)), true);
    assert.equal(areFramesComparable(tableOf(builder, root), five), false);
  });
});
