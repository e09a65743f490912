/** The reverse map on tables built by hand: against a search by brute force, and where tables are shared, loop or lead nowhere. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { Cancelled } from '../../debug-adapter/base/errors.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { entryKind } from '../../debug-adapter/arch/paging-mode.ts';
import type { EntryKind, PagingMode } from '../../debug-adapter/arch/paging-mode.ts';
import { TableMode } from '../../debug-adapter/arch/table-mode.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { missingFrame } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { buildReverseMap, windowAddresses } from '../../debug-adapter/pagetable/reverse-map.ts';
import type { ReverseMap, ReverseMapOptions } from '../../debug-adapter/pagetable/reverse-map.ts';
import { RunCollector } from '../../debug-adapter/pagetable/run-index.ts';
import { bits, TableBuilder } from '../builders/x86-64-tables.ts';
import { fc } from '../support/properties.ts';

const { p, rw, us, ps } = bits;
const mode = x8664Mode({ levels: 4, encryptionMask: 0n });
const many = 100_000;

function mapOf(builder: TableBuilder, root: bigint, options: ReverseMapOptions = {}): ReverseMap {
  return buildReverseMap([{ pageTable: new PageTable(builder, mode, toPhysAddr(root)), repeats: [] }], options);
}

/** Indexes of an address, root first, down to the level that is `up` above the last. */
function indexes(address: bigint, up = 0): number[] {
  return Array.from({ length: 4 - up }, (_, depth) => Number((address >> BigInt(39 - 9 * depth)) & 511n));
}

function addresses(map: ReverseMap, physical: bigint): bigint[] {
  const { mappings, total, complete } = map.lookup(toPhysAddr(physical), many);
  assert.equal(complete, true);
  assert.equal(total, mappings.length);
  return mappings.map(({ virtual }) => virtual);
}

const ascending = (values: Iterable<bigint>): bigint[] => [...values].sort((a, b) => (a < b ? -1 : 1));

test('runs that overlap in every way are all found', () => {
  const run = fc.record({ start: fc.integer({ min: 0, max: 300 }), frames: fc.integer({ min: 1, max: 300 }) });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 120 }), fc.integer({ min: 0, max: 650 }), (runs, frame) => {
      const collector = new RunCollector(many);
      runs.forEach(({ start, frames }, index) => {
        collector.add(start, frames, index, index * 2);
      });
      const found: number[][] = [];
      collector.finish(neverCancelled).covering(frame, (...hit) => found.push(hit));
      const expected = runs.flatMap(({ start, frames }, index) =>
        frame >= start && frame < start + frames ? [[index, index * 2, frame - start]] : [],
      );
      assert.deepEqual(
        found.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0)),
        expected,
      );
    }),
  );
});

test('runs are sorted by starts of every magnitude', () => {
  const start = fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 2 ** 40 }));
  fc.assert(
    fc.property(fc.array(start, { minLength: 1, maxLength: 200 }), (starts) => {
      const collector = new RunCollector(many);
      starts.forEach((first, index) => {
        collector.add(first, 1, index, 0);
      });
      const index = collector.finish(neverCancelled);
      for (const first of starts) {
        const found: number[] = [];
        index.covering(first, (table) => found.push(table));
        assert.deepEqual(
          found.sort((a, b) => a - b),
          starts.flatMap((other, at) => (other === first ? [at] : [])),
        );
      }
    }),
  );
});

test('any pages of any size: what a search by brute force finds', () => {
  // Few places and few frames, so that mappings collide, neighbour and overlap.
  const anyMapping = fc.record({
    half: fc.constantFrom(0n, 0xffff_8000_0000_0000n),
    page: fc.bigInt(0n, 40n),
    far: fc.boolean(),
    up: fc.constantFrom(0, 0, 0, 1, 2),
    frame: fc.bigInt(0n, 30n),
  });
  fc.assert(
    fc.property(fc.array(anyMapping, { maxLength: 40 }), fc.bigInt(0n, (1n << 31n) - 1n), (wanted, anywhere) => {
      const builder = new TableBuilder();
      const root = builder.table();
      const mapped = new Map<bigint, { size: bigint; base: bigint }>();
      for (const { half, page, far, up, frame } of wanted) {
        const size = 1n << BigInt(12 + 9 * up);
        // One gigabyte each for small pages, and places of their own for 2 MiB and 1 GiB pages.
        const virtual = half + (far ? 1n << 45n : 0n) + (BigInt(up) << 40n) + page * size;
        const base = up === 0 ? frame << 12n : (frame % 2n) * size;
        if (mapped.has(virtual)) continue;
        mapped.set(virtual, { size, base });
        builder.map(root, indexes(virtual, up), base | p | rw | (up > 0 ? ps : 0n));
      }
      const map = mapOf(builder, root);
      assert.equal(map.unreadableTables, 0);
      for (const physical of [0x1234n, 0x5000n, 0x1d_0fffn, 0x20_0000n, anywhere]) {
        const expected = [...mapped].flatMap(([virtual, { size, base }]) =>
          physical >= base && physical < base + size ? [virtual + physical - base] : [],
        );
        assert.deepEqual(addresses(map, physical), ascending(expected));
      }
    }),
  );
});

test('neighbouring leaves are one run', () => {
  const builder = new TableBuilder();
  const root = builder.table();
  for (let page = 0n; page < 512n; page++) builder.map(root, indexes(page << 12n), (0x4000_0000n + (page << 12n)) | p);
  const map = mapOf(builder, root);
  assert.equal(map.runs, 1);
  assert.deepEqual(addresses(map, 0x4000_0000n + 0x1f_f123n), [0x1f_f123n]);
  assert.deepEqual(addresses(map, 0x4020_0000n), []);
});

test('a page that allows no access still keeps its frame', () => {
  const builder = new TableBuilder();
  const root = builder.table();
  builder.map(root, indexes(0x7000n), 0x800f_ffff_edcb_a120n);
  assert.deepEqual(addresses(mapOf(builder, root), 0x1234_5678n), [0x7678n]);
});

describe('shared tables', () => {
  /** One table a level, each entry of which points to the next: as KASAN's shadow of what is not mapped. */
  function zeroShadow(): { builder: TableBuilder; root: bigint } {
    const builder = new TableBuilder();
    const root = builder.table();
    const [pud, pmd, pte] = [builder.table(), builder.table(), builder.table()];
    for (let index = 0; index < 512; index++) {
      if (index >= 472 && index < 504) builder.set(root, index, pud | p | rw);
      builder.set(pud, index, pmd | p | rw);
      builder.set(pmd, index, pte | p | rw);
      builder.set(pte, index, 0x9000n | p);
    }
    return { builder, root };
  }

  test('each is read once, and its addresses are counted', () => {
    const { builder, root } = zeroShadow();
    const map = mapOf(builder, root);
    assert.equal(map.tables, 4);
    assert.equal(map.runs, 512);
    const { mappings, total, complete } = map.lookup(toPhysAddr(0x9010), 1000);
    assert.deepEqual([mappings.length, total, complete], [1000, 32 * 512 ** 3, false]);
    const table = new PageTable(builder, mode, toPhysAddr(root));
    for (const { virtual } of mappings) assert.equal(table.translate(virtual).physical, 0x9010);
    assert.equal(new Set(mappings.map(({ virtual }) => virtual)).size, 1000);
  });

  test('a rare address is told although there are too many others', () => {
    const { builder, root } = zeroShadow();
    builder.map(root, indexes(0xffff_8880_0000_9000n), 0x9000n | p | rw);
    const { mappings } = mapOf(builder, root).lookup(toPhysAddr(0x9000), 10);
    assert.ok(mappings.some(({ virtual }) => virtual === 0xffff_8880_0000_9000n));
  });

  test('all addresses of a table that several entries share', () => {
    const builder = new TableBuilder();
    const root = builder.table();
    const pte = builder.table();
    builder.set(pte, 3, 0x5000n | p);
    const places = [0x20_0000n, 0x40_0000n, 0xa0_0000n, 0xffff_c000_0000_0000n];
    for (const place of places) builder.map(root, indexes(place, 1), pte | p);
    const map = mapOf(builder, root);
    assert.equal(map.tables, 6);
    assert.deepEqual(
      addresses(map, 0x5008n),
      places.map((place) => place + 0x3008n),
    );
  });
});

describe('damaged tables', () => {
  test('a table that points to itself is walked once a level, as the CPU would', () => {
    const builder = new TableBuilder();
    const root = builder.table();
    builder.set(root, 493, root | p | rw);
    builder.map(root, indexes(0x1000n), 0x6000n | p);
    const map = mapOf(builder, root);
    // The root, as a table of all four levels; and three more, as a table of each level from its own down.
    assert.ok(map.tables <= 4 + 3 + 2 + 1, String(map.tables));
    const table = new PageTable(builder, mode, toPhysAddr(root));
    const selves = addresses(map, root);
    assert.ok(selves.includes(0xffff_f6fb_7dbe_d000n));
    for (const virtual of selves) assert.equal(BigInt(table.translate(toAddress(virtual)).physical ?? -1), root);
    assert.ok(addresses(map, 0x6000n).includes(0x1000n));
  });

  test('tables outside RAM are counted, told and passed over', () => {
    const builder = new TableBuilder();
    const root = builder.table();
    builder.map(root, indexes(0x1000n), 0x6000n | p);
    builder.set(root, 5, 0xf_dead_beef_0000n | p | rw);
    builder.set(root, 6, 0xf_dead_bee0_0000n | p | rw);
    const map = mapOf(builder, root);
    assert.equal(map.unreadableTables, 2);
    assert.match(
      map.warnings.join('\n'),
      /^2 page tables cannot be read.* the first is the pud table at 0xfdeadbeef0000: no RAM in this test$/,
    );
    assert.deepEqual(addresses(map, 0x6000n), [0x1000n]);
  });

  test('a root outside RAM maps nothing, and it is told', () => {
    const map = mapOf(new TableBuilder(), 0xdead_0000n);
    assert.equal(map.unreadableTables, 1);
    assert.deepEqual(addresses(map, 0x6000n), []);
  });

  test('tables full of anything end', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(0n, (1n << 64n) - 1n), { minLength: 1, maxLength: 60 }), (words) => {
        const builder = new TableBuilder();
        const tables = Array.from({ length: 6 }, () => builder.table());
        words.forEach((word, index) => {
          const target = tables[Number(word % 6n)] ?? 0n;
          const entry = (word >> 60n) % 2n === 0n ? target | p | rw : word;
          builder.set(tables[index % 6] ?? 0n, Number((word >> 8n) % 512n), entry);
        });
        const map = mapOf(builder, tables[0] ?? 0n);
        const table = new PageTable(builder, mode, toPhysAddr(tables[0] ?? 0n));
        const readable = map.tables - map.unreadableTables;
        assert.ok(readable <= 6 * 4, String(readable));
        for (const target of tables) {
          for (const { virtual } of map.lookup(toPhysAddr(target), 50).mappings) {
            assert.equal(BigInt(table.frameOf(Number(virtual >> 12n))), target >> 12n);
          }
        }
      }),
    );
  });
});

describe('bounds', () => {
  function spread(): { builder: TableBuilder; root: bigint } {
    const builder = new TableBuilder();
    const root = builder.table();
    for (let page = 0n; page < 20n; page++) builder.map(root, indexes(page << 21n), ((page * 2n) << 12n) | p);
    return { builder, root };
  }

  test('too many tables are told', () => {
    const { builder, root } = spread();
    const map = mapOf(builder, root, { bounds: { tables: 10, runs: many } });
    assert.equal(map.tables, 10);
    assert.match(map.warnings.join(), /more than 10 page tables/);
  });

  test('too many runs are told', () => {
    const { builder, root } = spread();
    const map = mapOf(builder, root, { bounds: { tables: many, runs: 5 } });
    assert.equal(map.runs, 5);
    assert.match(map.warnings.join(), /more than 5 runs of mapped memory; 15 frames are left out/);
  });

  test('it is cancelled, and tells how far it is', () => {
    const { builder, root } = spread();
    assert.throws(() => mapOf(builder, root, { token: { cancelled: true } }), Cancelled);
    const steps: [number, number][] = [];
    mapOf(builder, root, { progress: (_step, done, total) => steps.push([done, total]) });
    assert.deepEqual(steps[0], [0, 1]);
    assert.deepEqual(steps.at(-1), [23, 23]);
  });
});

describe('several roots', () => {
  const kernelPage = 0xffff_8880_0000_1000n;

  /** A kernel's root; a process that shares its kernel half; one with a copy of the tables that differs in one page. */
  function machine(): { map: ReverseMap } {
    const builder = new TableBuilder();
    const kernel = builder.table();
    builder.map(kernel, indexes(kernelPage), 0x5000n | p | rw);
    builder.map(kernel, indexes(kernelPage + 0x1000n), 0x6000n | p | rw);
    const shared = builder.table();
    const [index] = indexes(kernelPage);
    const frame = builder.frame(Number(kernel >> 12n)) ?? new Uint8Array(4096);
    builder.set(shared, index ?? 0, new DataView(frame.buffer).getBigUint64((index ?? 0) * 8, true));
    builder.map(shared, indexes(0x40_0000n), 0x5000n | p | us);
    const copy = builder.table();
    builder.map(copy, indexes(kernelPage), 0x5000n | p | rw);
    builder.map(copy, indexes(kernelPage + 0x1000n), 0x7000n | p | rw);
    const tableOf = (root: bigint): PageTable => new PageTable(builder, mode, toPhysAddr(root));
    const map = buildReverseMap([
      { pageTable: tableOf(kernel), repeats: [] },
      { pageTable: tableOf(shared), repeats: [0] },
      { pageTable: tableOf(copy), repeats: [0] },
    ]);
    return { map };
  }

  test("what repeats the kernel's half is told once", () => {
    const { map } = machine();
    assert.equal(map.tables, 4 + 4 + 4);
    assert.deepEqual(map.lookup(toPhysAddr(0x5000), many).mappings, [
      { root: 0, virtual: kernelPage },
      { root: 1, virtual: 0x40_0000n },
    ]);
  });

  test("a page of the kernel's half that differs is the process's own", () => {
    const { map } = machine();
    assert.deepEqual(map.lookup(toPhysAddr(0x7000), many).mappings, [{ root: 2, virtual: kernelPage + 0x1000n }]);
    assert.deepEqual(map.lookup(toPhysAddr(0x6000), many).mappings, [{ root: 0, virtual: kernelPage + 0x1000n }]);
  });

  test('two processes with one table are both told', () => {
    const builder = new TableBuilder();
    const root = builder.table();
    builder.map(root, indexes(0x40_0000n), 0x5000n | p | us);
    const pageTable = new PageTable(builder, mode, toPhysAddr(root));
    const map = buildReverseMap([
      { pageTable, repeats: [] },
      { pageTable, repeats: [] },
    ]);
    assert.deepEqual(
      map.lookup(toPhysAddr(0x5000), many).mappings.map(({ root: owner }) => owner),
      [0, 1],
    );
  });
});

/**
 * A machine that is none: 4-byte big-endian entries, tables of 1 KiB, separate roots, and pages of four equal entries.
 * Bit 0: valid; bit 1: a leaf at the first level; bit 2: four equal entries stand for one page of 16 KiB.
 */
class OddMode extends TableMode {
  constructor(split: PagingMode['split']) {
    super({
      name: `odd, ${split}`,
      levels: [
        { name: 'pgd', depth: 0, shift: 20, indexBits: 8, entrySize: 4 },
        { name: 'pte', depth: 4, shift: 12, indexBits: 8, entrySize: 4 },
      ],
      pageShift: 12,
      littleEndian: false,
      virtualBits: 28,
      addressBits: 32,
      split,
      kernelBase: split === 'halves' ? 0xf000_0000n : 0n,
    });
  }

  kind(level: number, low: number): EntryKind {
    if ((low & 1) === 0) return entryKind.none;
    return level === 0 && (low & 2) === 0 ? entryKind.table : entryKind.leaf;
  }

  tableAddress(_level: number, low: number): number {
    return (low & 0xffff_fc00) >>> 0;
  }

  leafAddress(_level: number, low: number): number {
    return (low & 0xffff_f000) >>> 0;
  }

  override leafShift(level: number, low: number): number {
    return level === 0 ? 20 : (low & 4) === 0 ? 12 : 14;
  }

  flags(): readonly string[] {
    return [];
  }

  cacheType(): undefined {
    return undefined;
  }

  rights(): { write: boolean; execute: boolean; user: boolean } {
    return { write: true, execute: true, user: true };
  }

  explain(): string {
    return 'empty';
  }

  override isUserAddress(address: bigint): boolean {
    return this.split !== 'spaces' && address < 0x8000_0000n;
  }

  override directWindow(address: bigint): number | undefined {
    return address >= 0xa000_0000n && address < 0xc000_0000n ? Number(address & 0x1fff_ffffn) : undefined;
  }
}

/** One frame that holds four tables: of the kernel, its second level, of a process, its second level. */
function oddMemory(): PhysicalMemory {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const entry = (table: number, index: number, value: number): void => {
    view.setUint32(table * 0x400 + index * 4, value, false);
  };
  entry(0, 0, 0x8400 | 1);
  entry(0, 255, 0x0050_0000 | 3);
  entry(1, 7, 0x0000_3000 | 1);
  for (let index = 12; index < 16; index++) entry(1, index, 0x0001_0000 | 5);
  entry(2, 1, 0x8c00 | 1);
  entry(3, 9, 0x0000_3000 | 1);
  return {
    ranges: [{ start: 0, end: 0x1000_0000 }],
    frame: (frame) => (frame === 8 ? bytes : undefined),
    partialFrame: () => missingFrame({ kind: 'not-ram', message: 'no RAM in this test' }),
  };
}

for (const split of ['halves', 'spaces'] as const) {
  test(`small big-endian tables, roots: ${split}`, () => {
    const odd = new OddMode(split);
    const physical = oddMemory();
    const kernel = new PageTable(physical, odd, toPhysAddr(0x8000));
    const user = new PageTable(physical, odd, toPhysAddr(0x8800), { half: 'user', kernel });
    const map = buildReverseMap([
      { pageTable: kernel, repeats: [] },
      { pageTable: user, repeats: [0] },
    ]);
    const base = split === 'halves' ? 0xf000_0000n : 0n;
    assert.equal(map.tables, 4);
    assert.deepEqual(map.warnings, []);
    const at = (address: number): object[] => map.lookup(toPhysAddr(address), many).mappings as object[];
    assert.deepEqual(at(0x3004), [
      { root: 0, virtual: base + 0x7004n },
      { root: 1, virtual: 0x10_9004n },
    ]);
    // The third quarter of a page of four entries is mapped by the third.
    assert.deepEqual(at(0x1_2010), [{ root: 0, virtual: base + 0xe010n }]);
    assert.deepEqual(at(0x5f_ffff), [{ root: 0, virtual: base + 0xfff_ffffn }]);
    assert.deepEqual(at(0x60_0000), []);
  });
}

test("the hardware's direct windows", () => {
  assert.deepEqual(windowAddresses(new OddMode('halves'), toPhysAddr(0x1234_5678)), [0xb234_5678n]);
  assert.deepEqual(windowAddresses(new OddMode('halves'), toPhysAddr(0x2000_0000)), []);
  assert.deepEqual(windowAddresses(mode, toPhysAddr(0x1000)), []);
});
