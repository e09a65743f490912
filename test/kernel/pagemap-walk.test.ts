/** The page walk over areas, on tables built by hand: huge pages of both kinds, holes, entries that are not present, damage. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arm64Mode, currentMemoryTypes } from '../../debug-adapter/arch/arm64.ts';
import type { PagingMode } from '../../debug-adapter/arch/paging-mode.ts';
import { powerpcRadixMode } from '../../debug-adapter/arch/powerpc-radix.ts';
import { riscvMode } from '../../debug-adapter/arch/riscv.ts';
import { s390Mode } from '../../debug-adapter/arch/s390.ts';
import { x86Pae } from '../../debug-adapter/arch/x86-32.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import type { ArchitectureName } from '../../debug-adapter/image/image.ts';
import { vmFlag } from '../../debug-adapter/kernel/processes/mm.ts';
import type { Vma } from '../../debug-adapter/kernel/processes/mm.ts';
import { entryBits } from '../../debug-adapter/kernel/pagemap/pagemap-bits.ts';
import { walkAreas } from '../../debug-adapter/kernel/pagemap/pagemap-walk.ts';
import type { PagemapVisitor } from '../../debug-adapter/kernel/pagemap/pagemap-walk.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { SparseMemory } from '../builders/small-kernel.ts';

function area(start: bigint, end: bigint, flags = 0n): Vma {
  return {
    address: toAddress(start),
    start: toAddress(start),
    end: toAddress(end),
    flags,
    pageOffset: 0n,
    vmFile: undefined,
    ops: undefined,
    file: undefined,
  };
}

/** What the walk told, a word and pages in hexadecimal each. */
function walk(
  ram: SparseMemory,
  areas: readonly Vma[],
  range: readonly [number, number],
  hugetlb: { readonly size?: number; readonly emptyIsHole?: boolean } = {},
): string[] {
  const told: string[] = [];
  const hex = (page: number): string => page.toString(16);
  const tell = (word: string, start: number, end: number, more = ''): boolean => {
    told.push(`${word} ${hex(start)}-${hex(end)}${more}`);
    return false;
  };
  const visitor: PagemapVisitor = {
    outside: (start, end) => tell('outside', start, end),
    enter: (vma) => ((vma.flags & vmFlag.pfnMap) === 0n ? 'walk' : 'skip'),
    hole: (_vma, start, end) => tell('hole', start, end),
    huge: (_vma, start, end, entry) =>
      tell(entry.present ? 'huge' : 'swapped huge', start, end, ` ${hex(entry.frame)} of ${hex(entry.first)}`),
    hugetlb: (_vma, start, end, entry) =>
      tell('hugetlb', start, end, entry.present ? ` ${hex(entry.frame)} of ${hex(entry.first)}` : ' none'),
    page: (_vma, page, entry) =>
      tell('page', page, page + 1, entry.present ? ` ${hex(entry.frame)}` : entry.kind === 0 ? ' none' : ' swap'),
    missing: (_vma, start, end, reason) => tell('missing', start, end, ` ${reason}`),
  };
  const pageTable = new PageTable(ram, x8664Mode({ levels: 4, encryptionMask: 0n }), toPhysAddr(0x1000));
  walkAreas(
    {
      pageTable,
      areas,
      emptyHugetlbIsHole: hugetlb.emptyIsHole === true,
      hugePageSize: () => hugetlb.size ?? 2 ** 21,
      token: neverCancelled,
    },
    { start: range[0], end: range[1] },
    visitor,
  );
  return told;
}

/** pgd 0x1000, pud 0x2000, pmd 0x3000, pte 0x4000: the first GiB. */
function tables(): SparseMemory {
  const ram = new SparseMemory();
  for (const at of [0x1000, 0x2000, 0x3000, 0x4000]) ram.clear(at, 0x1000);
  ram.write(0x1000, 0x2067n, 8);
  ram.write(0x2000, 0x3067n, 8);
  ram.write(0x3000, 0x4067n, 8);
  return ram;
}

test('pages, holes of every level, and areas that touch', () => {
  const ram = tables();
  ram.write(0x4000 + 8 * 2, 0x8000_0000_0012_3067n, 8);
  ram.write(0x4000 + 8 * 3, 0xffff_ffff_ffed_cd40n & ~1n, 8);
  assert.deepEqual(walk(ram, [area(0x1000n, 0x3000n), area(0x3000n, 0x4000n), area(0x1f_f000n, 0x4000_1000n)], [0, 0x4_0002]), [
    'outside 0-1',
    'page 1-2 none',
    'page 2-3 123',
    'page 3-4 123',
    'outside 4-1ff',
    'page 1ff-200 none',
    ...Array.from({ length: 511 }, (_one, index) => `hole ${((index + 1) * 0x200).toString(16)}-${((index + 2) * 0x200).toString(16)}`),
    'hole 40000-40001',
    'outside 40001-40002',
  ]);
  // Nothing but areas of frames without pages is passed over.
  assert.deepEqual(walk(ram, [area(0x1000n, 0x3000n, vmFlag.pfnMap)], [0, 4]), ['outside 0-1', 'outside 3-4']);
});

test('huge pages, present and not, cut at both ends', () => {
  const ram = tables();
  ram.write(0x3000 + 8, 0x8000_0000_4020_00e7n, 8);
  // A migration entry: type 30, the frame's number stored inverted.
  ram.write(0x3000 + 16, (30n << 59n) | BigInt.asUintN(59, ~(0x4_0400n << 9n) & 0x07ff_ffff_ffff_fe00n), 8);
  assert.deepEqual(walk(ram, [area(0x20_0000n, 0x60_0000n)], [0x210, 0x410]), [
    'huge 210-400 40200 of 200',
    'swapped huge 400-410 0 of 400',
  ]);
});

test('hugetlbfs: pages of 2 MiB and 1 GiB, none, and no table', () => {
  const ram = tables();
  ram.write(0x3000 + 8, 0x8000_0000_4020_00e7n, 8);
  ram.write(0x2000 + 8, 0x8000_0000_8000_00e7n, 8);
  const flags = vmFlag.hugetlb;
  assert.deepEqual(walk(ram, [area(0x20_0000n, 0x60_0000n, flags)], [0x210, 0x600]), [
    'hugetlb 210-400 40200 of 200',
    'hugetlb 400-600 none',
  ]);
  // powerpc finds no entry where there is none.
  assert.deepEqual(walk(ram, [area(0x20_0000n, 0x60_0000n, flags)], [0x210, 0x600], { emptyIsHole: true }), [
    'hugetlb 210-400 40200 of 200',
    'hole 400-600',
  ]);
  assert.deepEqual(walk(ram, [area(0x4000_0000n, 0xc000_0000n, flags)], [0x4_0000, 0xc_0000], { size: 2 ** 30 }), [
    'hugetlb 40000-80000 80000 of 40000',
    'hugetlb 80000-c0000 none',
  ]);
  assert.deepEqual(walk(ram, [area(0x8000_0000n, 0x8040_0000n, flags)], [0x8_0000, 0x8_0400]), ['hole 80000-80400']);
});

test('tables outside memory, tables that lead to themselves, and entries that are no tables', () => {
  const ram = tables();
  ram.write(0x3000 + 8, 0x7777_0000_0067n, 8);
  ram.write(0x3000 + 16, 0x3067n, 8);
  ram.write(0x2000 + 8, 0x6666_0000_0067n, 8);
  ram.write(0x1000 + 8, 0x80n | 0x67n | 0x5000n, 8);
  const told = walk(
    ram,
    [area(0x20_0000n, 0x40_0000n), area(0x40_0000n, 0x40_3000n), area(0x4000_0000n, 0x8000_0000n), area(0x80_0000_0000n, 0x80_0000_2000n)],
    [0x200, 0x800_0002],
  );
  assert.match(told[0] ?? '', /^missing 200-400 the pte table at physical 0x777700000000 cannot be read: no RAM in this test$/);
  assert.equal(told[1], 'missing 400-403 the pte table at physical 0x3000 stands in another place of these page tables too');
  assert.ok(told.includes('missing 40000-80000 the pmd table at physical 0x666600000000 cannot be read: no RAM in this test'));
  assert.match(told.at(-1) ?? '', /^missing 8000000-8000002 the pgd entry 0x50e7 is no table$/);
});

test('areas as large as the address space, over tables that lead to themselves, end', () => {
  const ram = new SparseMemory();
  ram.clear(0x1000, 0x1000);
  for (let index = 0; index < 512; index++) ram.write(0x1000 + 8 * index, 0x1067n, 8);
  const whole = [0n, vmFlag.hugetlb].flatMap((flags) => walk(ram, [area(0n, 1n << 63n, flags)], [0, 2 ** 51]));
  assert.ok(whole.length < 2000);
  assert.ok(whole.some((line) => line.includes('stands in another place')));
  ram.clear(0x2000, 0x1000);
  for (let index = 0; index < 512; index++) ram.write(0x1000 + 8 * index, 0n, 8);
  assert.ok(walk(ram, [area(0n, 1n << 63n, vmFlag.hugetlb)], [0, 2 ** 51]).length < 2000);
});

test('swap entries and marks of every architecture, by its layout', () => {
  const arm64 = (protNoneBit: 11 | 58): PagingMode =>
    arm64Mode({ pageShift: 12, virtualBits: 48, wideAddresses: 'none', memoryTypes: currentMemoryTypes, protNoneBit: () => protNoneBit });
  // Type 3 and offset 0x123456789 (less where it does not fit), with soft-dirty and uffd-wp where there are such bits.
  const cases: readonly (readonly [ArchitectureName, PagingMode, bigint, number, boolean, boolean])[] = [
    [
      'x86-64',
      x8664Mode({ levels: 4, encryptionMask: 0n }),
      (3n << 59n) | (BigInt.asUintN(50, ~0x1_2345_6789n) << 9n) | 6n,
      0x1_2345_6789,
      true,
      true,
    ],
    ['x86-32', x86Pae({ pageOffset: 0xc000_0000n }), (3n << 59n) | (BigInt.asUintN(50, ~0x345_6789n) << 9n), 0x345_6789, false, false],
    ['arm64', arm64(11), (3n << 6n) | (0x1_2345_6789n << 12n) | 8n, 0x1_2345_6789, false, true],
    ['arm64', arm64(58), (3n << 3n) | (0x1_2345_6789n << 8n), 0x1_2345_6789, false, false],
    ['riscv64', riscvMode({ virtualBits: 48, thead: false }), (3n << 7n) | (0x1_2345_6789n << 12n) | 0x18n, 0x1_2345_6789, true, true],
    ['s390x', s390Mode(1), (3n << 2n) | (0x1_2345_6789n << 12n) | 0x402n, 0x1_2345_6789, true, false],
    ['ppc64le', powerpcRadixMode(16), (1n << 62n) | (0x12_3456_789n << 16n) | 0x203n, 0x12_3456_789, true, false],
  ];
  for (const [architecture, mode, entry, offset, softDirty, uffdWp] of cases) {
    const bits = entryBits(architecture, mode);
    const level = mode.levels.length - 1;
    const low = Number(entry & 0xffff_ffffn) | 0;
    const high = Number(entry >> 32n) | 0;
    assert.deepEqual(
      [
        bits.swapType(level, low, high),
        bits.swapOffset(level, low, high),
        bits.swapSoftDirty(level, low, high),
        bits.swapUffdWp(level, low, high),
      ],
      [3, offset, softDirty, uffdWp],
      architecture,
    );
  }
});
