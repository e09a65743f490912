/**
 * PAGEMAP_SCAN of kernels whose userfaultfd tracks accesses too (VM_UFFD_RWP, 7.3): WRITTEN is told in areas that are
 * write-protected alone, ACCESSED in the tracked ones; before, every page without the mark counts as written.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { namesOfCategories } from '../../debug-adapter/kernel/pagemap/pagemap-category.ts';
import { PagemapProcess } from '../../debug-adapter/kernel/pagemap/pagemap-process.ts';
import { pagemapScan } from '../../debug-adapter/kernel/pagemap/pagemap-scan.ts';
import type { PagemapScanArguments, PagemapScanResult } from '../../debug-adapter/kernel/pagemap/pagemap-scan.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { StructKernel } from '../builders/struct-kernel.ts';
import type { Layouts } from '../builders/struct-kernel.ts';

const layouts: Layouts = {
  page: { size: 64, members: { flags: [0, 8], compound_head: [8, 8], mapping: [24, 8], _mapcount: [48, 4], _refcount: [52, 4] } },
  rb_node: { size: 24, members: { __rb_parent_color: [0, 8], rb_right: [8, 8], rb_left: [16, 8] } },
  rb_root: { size: 8, members: { rb_node: [0, 8] } },
  vm_area_struct: {
    size: 128,
    members: {
      vm_start: [0, 8],
      vm_end: [8, 8],
      vm_next: [16, 8],
      vm_rb: [24, 'rb_node'],
      vm_flags: [48, 8],
      vm_pgoff: [56, 8],
      vm_file: [64, 8],
      vm_ops: [72, 8],
    },
  },
  mm_struct: { size: 80, members: { mmap: [0, 8], mm_rb: [8, 'rb_root'], mm_users: [16, 4] } },
};

const protectedFlag = 0x1000n;
const trackedBit = 43n;
const pageBit = 0x400n;

/** Three areas of four pages: plain, write-protected, tracked. In each: unmarked, marked, none, swapped. */
function scan(asked: Partial<PagemapScanArguments>, tracks: boolean): PagemapScanResult {
  const built = new StructKernel(layouts, tracks ? { VMA_UFFD_RWP_BIT: trackedBit } : {});
  const starts = [0x1_0000n, 0x1_4000n, 0x1_8000n];
  const flags = [0x73n, 0x73n | protectedFlag, 0x73n | (1n << trackedBit)];
  const areas = starts.map((start, index) =>
    built.make('vm_area_struct', { vm_start: start, vm_end: start + 0x4000n, vm_flags: flags[index] ?? 0n }),
  );
  areas.forEach((area, index) => {
    built.set(area, 'vm_area_struct', 'vm_next', areas[index + 1] ?? 0n);
  });
  const mm = built.make('mm_struct', { mmap: areas[0] ?? 0n, mm_users: 1 });
  const [pgd, pud, pmd, pte] = Array.from({ length: 4 }, () => built.allocate(4096, 4096));
  assert.ok(pgd !== undefined && pud !== undefined && pmd !== undefined && pte !== undefined);
  for (const [table, next] of [
    [pgd, pud],
    [pud, pmd],
    [pmd, pte],
  ] as const) {
    built.write(table, BigInt(built.physical(next)) | 0x67n, 8);
  }
  for (const start of starts) {
    const first = pte + 8n * (start >> 12n);
    built.ram.write(built.physical(pte) + Number(first - pte), 0x8000_0000_0012_3067n, 8);
    built.ram.write(built.physical(pte) + Number(first - pte) + 8, 0x8000_0000_0012_4067n | pageBit, 8);
    // Swap type 0, offset 1: stored inverted.
    built.ram.write(built.physical(pte) + Number(first - pte) + 24, BigInt.asUintN(59, ~(1n << 9n) & 0x07ff_ffff_ffff_fe00n), 8);
  }
  const mode = x8664Mode({ levels: 4, encryptionMask: 0n });
  const process = new PagemapProcess(built.open(), mm, new PageTable(built.ram, mode, toPhysAddr(built.physical(pgd))));
  return pagemapScan(
    process,
    {
      size: 96n,
      flags: 0n,
      start: 0x1_0000n,
      end: 0x1_c000n,
      vec: true,
      vecLen: 100n,
      maxPages: 0n,
      categoryInverted: 0n,
      categoryMask: 0n,
      categoryAnyofMask: 0n,
      returnMask: tracks ? 0x2ffn : 0xffn,
      ...asked,
    },
    neverCancelled,
  );
}

function told({ regions, error }: PagemapScanResult): string[] {
  assert.equal(error, undefined);
  return regions.map(
    ({ start, end, categories }) => `${start.toString(16)}-${end.toString(16)} ${namesOfCategories(categories).join(' ')}`,
  );
}

test('areas of each kind, where accesses are tracked', () => {
  assert.deepEqual(told(scan({}, true)), [
    '10-12 PRESENT',
    '12-13 ',
    '13-14 SWAPPED',
    '14-15 WRITTEN PRESENT',
    '15-16 PRESENT',
    '16-17 WRITTEN',
    '17-18 WRITTEN SWAPPED',
    '18-19 PRESENT ACCESSED',
    '19-1a PRESENT',
    '1a-1b ',
    '1b-1c SWAPPED ACCESSED',
  ]);
  assert.deepEqual(told(scan({ categoryMask: 0x2n, returnMask: 0x2n }, true)), ['14-15 WRITTEN', '16-18 WRITTEN']);
  assert.deepEqual(told(scan({ categoryMask: 0x200n, returnMask: 0x200n }, true)), ['18-19 ACCESSED', '1b-1c ACCESSED']);
});

test('before, every page without the mark is written, and ACCESSED is no category', () => {
  const plain = ['PRESENT', 'WRITTEN PRESENT'] as const;
  assert.deepEqual(told(scan({}, false)).slice(0, 4), [`10-11 ${plain[1]}`, `11-12 ${plain[0]}`, '12-13 WRITTEN', '13-14 WRITTEN SWAPPED']);
  assert.equal(scan({ categoryMask: 0x200n }, false).error?.name, 'EINVAL');
});

test('tracked areas are not to be write-protected by a scan', () => {
  const refused = scan({ flags: 1n, categoryMask: 0x2n, start: 0x1_8000n }, true);
  assert.equal(refused.error?.name, 'EINVAL');
  assert.match(refused.error.why, /tracked/);
  assert.equal(scan({ flags: 1n, categoryMask: 0x2n, end: 0x1_8000n }, true).error, undefined);
});
