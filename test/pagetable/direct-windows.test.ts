/**
 * Tables with entries for addresses that the hardware translates without them: arc's upper half (ARCv2 Programmer's Reference
 * Manual, memory map) and the image of sparc64, in locked TLB entries (arch/sparc/kernel/head_64.S). The entries are void for
 * whoever goes through whole tables, too.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { arc } from '../../debug-adapter/arch/arc.ts';
import type { PagingMode } from '../../debug-adapter/arch/paging-mode.ts';
import { sparc64 } from '../../debug-adapter/arch/sparc64.ts';
import { FrameDiff } from '../../debug-adapter/pagetable/frame-diff.ts';
import { mappedRuns } from '../../debug-adapter/pagetable/mapped-runs.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { buildReverseMap } from '../../debug-adapter/pagetable/reverse-map.ts';
import { TableMemory } from '../builders/table-memory.ts';

/** A machine, and addresses of one page each below, in (its first and last) and above the window. */
interface Machine {
  readonly name: string;
  readonly mode: PagingMode;
  readonly memory: () => TableMemory;
  /** A leaf of the last level that maps the page at a physical address. */
  readonly leaf: (physical: bigint) => bigint;
  readonly physical: bigint;
  readonly outside: readonly bigint[];
  readonly inside: readonly bigint[];
}

const page = 0x2000n;
const arcMachine = (name: string, mode: PagingMode, levels: ConstructorParameters<typeof TableMemory>[0]['levels']): Machine => ({
  name,
  mode,
  memory: () => new TableMemory({ levels, littleEndian: true, pointer: (address) => address, base: 0x8010_0000n, alignment: 0x2000 }),
  // _PAGE_PRESENT, _PAGE_GLOBAL, _PAGE_READ, _PAGE_WRITE, _PAGE_CACHEABLE.
  leaf: (physical) => physical | 0x30dn,
  physical: 0x9000_0000n,
  outside: [0x1234_4000n, 0x7fff_e000n],
  inside: [0x8000_0000n, 0xffff_e000n],
});

const machines: readonly Machine[] = [
  arcMachine('arc, 2 levels', arc({ pageShift: 13 }), [
    { shift: 21, bits: 11, entry: 4 },
    { shift: 13, bits: 8, entry: 4 },
  ]),
  arcMachine('arc, 4 levels, PAE40', arc({ pageShift: 13, levels: 4, pae40: true }), [
    { shift: 28, bits: 4, entry: 4 },
    { shift: 25, bits: 3, entry: 4 },
    { shift: 21, bits: 4, entry: 4 },
    { shift: 13, bits: 8, entry: 8 },
  ]),
  {
    name: 'sparc64',
    mode: sparc64({ tte: 'sun4u', image: { physical: 0x7_0040_0000, size: 0x80_0000 } }),
    memory: () =>
      new TableMemory({
        levels: [
          { shift: 43, bits: 10 },
          { shift: 33, bits: 10 },
          { shift: 23, bits: 10 },
          { shift: 13, bits: 10 },
        ],
        littleEndian: false,
        pointer: (address) => address,
        alignment: 0x2000,
      }),
    // _PAGE_VALID and _PAGE_PRESENT_4U.
    leaf: (physical) => (1n << 63n) | physical | 0x800n,
    physical: 0x2_0000_0000n,
    outside: [0x3f_e000n, 0xc0_0000n, 0x1_0000_0000n],
    inside: [0x40_0000n, 0xbf_e000n],
  },
];

for (const { name, mode, memory, leaf, physical, outside, inside } of machines) {
  describe(name, () => {
    const made = (first: bigint): PageTable => {
      const tables = memory();
      [...outside, ...inside].forEach((address, index) => {
        tables.map(address, leaf(first + BigInt(index) * page), mode.levels.length - 1);
      });
      return new PageTable(tables, mode, toPhysAddr(tables.root));
    };
    const table = made(physical);
    const all = { start: 0, end: 2 ** (mode.addressBits === 32 ? 20 : 40) };

    test('outside the window tables count, inside the window does', () => {
      outside.forEach((address, index) => {
        assert.equal(table.translate(toAddress(address)).physical, Number(physical + BigInt(index) * page));
      });
      for (const address of inside) {
        assert.equal(table.translate(toAddress(address)).physical, mode.directWindow(toAddress(address)));
        assert.equal(table.frameOf(Number(address >> 12n)) * 4096, mode.directWindow(toAddress(address)));
      }
    });

    test('runs', () => {
      const { runs } = mappedRuns(table, { range: all, user: false, token: neverCancelled });
      const found = Array.from({ length: runs.length }, (_, index) => [runs.page(index), runs.frame(index), runs.pages(index)]);
      assert.deepEqual(
        found,
        outside.map((address, index) => [Number(address >> 12n), Number((physical + BigInt(index) * page) >> 12n), 2]),
      );
    });

    test('the reverse map', () => {
      const map = buildReverseMap([{ pageTable: table, repeats: [] }]);
      const addresses = (index: number): readonly bigint[] =>
        map.lookup(toPhysAddr(physical + BigInt(index) * page), 10).mappings.map(({ virtual }) => virtual);
      outside.forEach((address, index) => {
        assert.deepEqual(addresses(index), [address]);
      });
      inside.forEach((_, index) => {
        assert.deepEqual(addresses(outside.length + index), []);
      });
    });

    test('frames that differ', () => {
      const other = made(physical + 0x10_0000n);
      assert.deepEqual(
        new FrameDiff(table, other, neverCancelled).differences(all.start, all.end),
        outside.map((address) => ({ start: Number(address >> 12n), end: Number(address >> 12n) + 2 })),
      );
    });
  });
}

test("a process of sparc64 has its own memory where the kernel's image lies", () => {
  const [machine] = machines.slice(-1);
  assert.ok(machine !== undefined);
  const tables = machine.memory();
  tables.map(0x40_0000n, machine.leaf(machine.physical), 3);
  const kernel = new PageTable(tables, machine.mode, toPhysAddr(tables.root));
  const user = new PageTable(tables, machine.mode, toPhysAddr(tables.root), { half: 'user', kernel });
  assert.equal(user.translate(toAddress(0x40_0010n)).physical, Number(machine.physical) + 0x10);
  assert.equal(user.frameOf(0x400), Number(machine.physical) / 4096);
});
