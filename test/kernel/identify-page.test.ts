/** What pages are by their struct pages, of kinds that no real dump here has: flags, types and mappings made by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import type { IdentifyDetail } from '../../debug-adapter/protocol/facts.ts';
import { describePage } from '../../debug-adapter/kernel/identify/identify-page.ts';
import { StructKernel } from '../builders/struct-kernel.ts';

/** Page flags and types as 6.12 numbers them. */
const flags = {
  PG_locked: 0n,
  PG_dirty: 4n,
  PG_lru: 5n,
  PG_head: 6n,
  PG_owner_priv_1: 10n,
  PG_reserved: 13n,
  PG_swapbacked: 17n,
  PG_hwpoison: 20n,
  __NR_PAGEFLAGS: 23n,
};
const types = {
  PGTY_buddy: 0xf0n,
  PGTY_offline: 0xf1n,
  PGTY_table: 0xf2n,
  PGTY_guard: 0xf3n,
  PGTY_hugetlb: 0xf4n,
  PGTY_slab: 0xf5n,
  PGTY_zsmalloc: 0xf6n,
  PGTY_unaccepted: 0xf7n,
  PGTY_large_kmalloc: 0xf8n,
};
const flag = (name: keyof typeof flags): bigint => 1n << flags[name];
const typed = (name: keyof typeof types): bigint => types[name] << 24n;

const pfn = 16;
type Members = Readonly<Record<string, bigint | number>>;

function made(): { kernel: StructKernel; map: Address; page: (frame: number) => Address; space: Address } {
  const kernel = new StructKernel(
    {
      page: {
        size: 64,
        members: {
          flags: [0, 8],
          compound_head: [8, 8],
          mapping: [24, 8],
          index: [32, 8],
          private: [40, 8],
          page_type: [48, 4],
          _refcount: [52, 4],
        },
      },
      folio: { size: 256, members: { _flags_1: [64, 8] } },
      xarray: { size: 16, members: {} },
      address_space: { size: 64, members: { host: [0, 8], i_mmap: [8, 8] } },
      vm_area_struct: { size: 64, members: {} },
      inode: { size: 128, members: { i_ino: [0, 8], i_sb: [8, 8] } },
      super_block: { size: 64, members: { s_type: [0, 8], s_id: [8, { count: 32, size: 1 }] } },
      file_system_type: { size: 16, members: { name: [0, 8] } },
      task_struct: { size: 64, members: { tasks: [0, 16] } },
    },
    { ...flags, ...types },
    { pageflags: Object.keys(flags) },
  );
  const map = kernel.allocate(64 * 64, 64);
  const variable = kernel.allocate(8);
  kernel.write(variable, map, 8);
  kernel.symbol('mem_map', variable);
  const page = (frame: number): Address => toAddress(map + BigInt(frame * 64));
  for (let frame = 0; frame < 64; frame++) kernel.set(page(frame), 'page', 'page_type', 0xffff_ffff);
  const block = kernel.make('super_block', { s_type: kernel.make('file_system_type', { name: kernel.text('xfs') }) });
  kernel.write(toAddress(block + 8n), 0x6164_76n, 8);
  const space = kernel.make('address_space', { host: kernel.make('inode', { i_ino: 77, i_sb: block }) });
  return { kernel, map, page, space };
}

/** Frame 16, whose struct page has these members; `file` is the mapping of a file. */
function single(members: (file: Address) => Members): readonly IdentifyDetail[] {
  const { kernel, page, space } = made();
  for (const [name, value] of Object.entries(members(space))) kernel.set(page(pfn), 'page', name, value);
  return describePage(kernel.open(), { pfn, page: page(pfn), offset: 0 });
}

/** The second page of a folio of order 2 whose head, with these members, is frame 16. */
function second(head: (file: Address) => Members, tail: Members = {}): readonly IdentifyDetail[] {
  const { kernel, page, space } = made();
  for (const [name, value] of Object.entries(head(space))) kernel.set(page(pfn), 'page', name, value);
  kernel.set(page(pfn), 'folio', '_flags_1', 2);
  for (const [name, value] of Object.entries(tail)) kernel.set(page(pfn + 1), 'page', name, value);
  kernel.set(page(pfn + 1), 'page', 'flags', BigInt(tail['flags'] ?? 0) | 2n);
  kernel.set(page(pfn + 1), 'page', 'compound_head', page(pfn) + 1n);
  return describePage(kernel.open(), { pfn: pfn + 1, page: page(pfn + 1), offset: 0 });
}

const cases: readonly (readonly [what: string, details: () => readonly IdentifyDetail[], kind: string, summary: string])[] = [
  ['buddy', () => single(() => ({ page_type: typed('PGTY_buddy'), private: 3 })), 'free-page', 'free page, in a buddy block of order 3'],
  [
    'offline',
    () => single(() => ({ page_type: typed('PGTY_offline') })),
    'offline-page',
    'offline page, which the kernel does not use (given back to the hypervisor, or to be unplugged)',
  ],
  ['guard', () => single(() => ({ page_type: typed('PGTY_guard') })), 'guard-page', 'guard page of debug_pagealloc'],
  [
    'zsmalloc, with an offset in its low bits',
    () => single(() => ({ page_type: typed('PGTY_zsmalloc') + 0x123n })),
    'page',
    'page of zsmalloc (compressed memory)',
  ],
  [
    'unaccepted',
    () => single(() => ({ page_type: typed('PGTY_unaccepted') })),
    'free-page',
    'free page, which the kernel has not accepted from the hypervisor yet',
  ],
  ['large kmalloc', () => single(() => ({ page_type: typed('PGTY_large_kmalloc') })), 'page', 'memory of a large kmalloc()'],
  ['page table', () => single(() => ({ page_type: typed('PGTY_table') })), 'page-table', 'page-table page (pfn 0x10)'],
  [
    'reserved',
    () => single(() => ({ flags: flag('PG_reserved') })),
    'reserved-page',
    'reserved page (kernel image, boot memory or firmware)',
  ],
  ['anonymous', () => single(() => ({ mapping: 0x1001, index: 0x55 })), 'anonymous-page', 'anonymous page, index 0x55'],
  ['merged', () => single(() => ({ mapping: 0x1003, index: 0x55 })), 'anonymous-page', 'anonymous page, merged by KSM'],
  ['movable', () => single(() => ({ mapping: 0x1002 })), 'page', 'page of a driver that the kernel may move'],
  [
    'swap cache',
    () => single(() => ({ flags: flag('PG_swapbacked') | flag('PG_owner_priv_1'), mapping: 0x1001, private: (3n << 58n) | 0x42n })),
    'anonymous-page',
    'anonymous page, index 0x0, in the swap cache as area 3, offset 0x42',
  ],
  ['file', () => single((file) => ({ mapping: file, index: 9 })), 'page-cache', 'page-cache page, index 0x9 of inode 77 on xfs vda'],
  [
    'file whose mapping is garbage',
    () => single(() => ({ mapping: 0x1000, index: 9 })),
    'page-cache',
    'page-cache page, index 0x9 of mapping 0x1000',
  ],
  [
    'second page of a large folio',
    () => second((file) => ({ flags: flag('PG_head'), mapping: file, index: 8 })),
    'page-cache',
    'page-cache page, index 0x9 of inode 77 on xfs vda, in a folio of order 2',
  ],
  [
    'huge page of a file',
    () => second((file) => ({ flags: flag('PG_head'), page_type: typed('PGTY_hugetlb'), mapping: file, index: 8 })),
    'hugetlb-page',
    'page 1 of a huge page of order 2 of hugetlbfs, index 0x9 of inode 77 on xfs vda',
  ],
  [
    'huge page in its pool',
    () => second(() => ({ flags: flag('PG_head'), page_type: typed('PGTY_hugetlb') })),
    'hugetlb-page',
    'page 1 of a huge page of order 2 of hugetlbfs, free in its pool',
  ],
  [
    'hardware error',
    () => single(() => ({ flags: flag('PG_hwpoison'), mapping: 0x1001, index: 1 })),
    'anonymous-page',
    'page with a hardware error (hwpoison): anonymous page, index 0x1',
  ],
  [
    'hardware error in a tail',
    () => second(() => ({ flags: flag('PG_head'), mapping: 0x1001 }), { flags: flag('PG_hwpoison') }),
    'anonymous-page',
    'page with a hardware error (hwpoison): anonymous page, index 0x1, in a folio of order 2',
  ],
  ['nothing', () => single(() => ({ _refcount: 1 })), 'page', 'page in use by the kernel'],
];

for (const [what, details, kind, summary] of cases) {
  test(what, () => {
    const [first] = details();
    assert.deepEqual([first?.kind, first?.summary, first?.['hwpoison']], [kind, summary, what.startsWith('hardware')]);
  });
}

test('flags stand by name', () => {
  const set = flag('PG_locked') | flag('PG_dirty') | flag('PG_lru') | (1n << 60n);
  assert.deepEqual(single(() => ({ flags: set, mapping: 0x1001 }))[0]?.['flags'], ['locked', 'dirty', 'lru']);
});
