/** Page categories of struct pages written by hand: every test of makedumpfile's, every numbering, every memory model. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CancellationSource } from '../../debug-adapter/base/cancellation.ts';
import { Cancelled } from '../../debug-adapter/base/errors.ts';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { countPages } from '../../debug-adapter/kernel/pages/page-categories.ts';
import { describeCategory, explainExcluded, frameCategory } from '../../debug-adapter/kernel/pages/page-category-frame.ts';
import type { HoleReason } from '../../debug-adapter/memory/hole.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import { counted, directMap, lines612, PageMemory, pageLayouts, pageLines, pageTypes } from '../builders/page-memory.ts';
import type { PageFields, PageMemoryOptions } from '../builders/page-memory.ts';
import { fc } from '../support/properties.ts';

const vmemmap = 0xffff_ea00_0000_0000n;
/** Frames of RAM, and where the struct pages of all of them lie: in its upper half. */
const frames = 4096;
const structPages = 0x80_0000;

/** A machine with a virtual memory map. */
function machine(options: Partial<PageMemoryOptions> = {}): PageMemory {
  const memory = new PageMemory({ ram: [[0, frames]], ...options });
  memory.clearPages(structPages, frames);
  memory.map(memory.word === 8 ? vmemmap : 0xc080_0000n, structPages, frames * memory.layout.size);
  return memory;
}

const open = (memory: PageMemory, lines: readonly string[]): Kernel =>
  memory.open({
    vmcoreinfo: [
      ...pageLines(memory.word),
      `SYMBOL(vmemmap)=${(memory.word === 8 ? vmemmap : 0xc080_0000n).toString(16)}`,
      'SYMBOL(mem_section)=0',
      ...lines,
    ],
  });

const at = (memory: PageMemory, pfn: number): number => structPages + pfn * memory.layout.size;
const headOf = (pfn: number): bigint => vmemmap + BigInt(pfn * pageLayouts[8].size) + 1n;

/** One struct page at frame 1024 of a machine: what it is counted as. */
function one(fields: PageFields, lines: readonly string[] = lines612): Record<string, number> {
  const memory = machine();
  memory.page(at(memory, 1024), fields);
  return counted(open(memory, lines));
}

const mapping = 0xffff_8880_03a5_1d38n;
const anonymous = 0xffff_8880_03b0_0001n;

describe('6.12 numbers', () => {
  const cases: readonly (readonly [name: string, fields: PageFields, expected: Record<string, number>])[] = [
    ['a free block of order 3', { mapcount: 0xf000_0000, private: 3n }, { free: 8 }],
    ['a free block of order 0', { mapcount: 0xf000_0000 }, { free: 1 }],
    ['a free block of the largest order', { mapcount: 0xf000_0000, private: 10n }, { free: 1024 }],
    ['a free block of an impossible order', { mapcount: 0xf000_0000, private: 11n }, {}],
    ['a free block of a wild order', { mapcount: 0xf000_0000, private: 0x1_0000_0003n }, {}],
    ['a cache page', { flags: 0x28n, mapping, mapcount: 0 }, { cache: 1 }],
    ['a cache page with private', { flags: 0x4028n, mapping, private: 0x1234n }, { cachePrivate: 1 }],
    ['shared memory', { flags: 0x2_0028n, mapping }, { cache: 1 }],
    ['anonymous', { flags: 0x2_0028n, mapping: anonymous, mapcount: 0 }, { user: 1 }],
    ['anonymous in the swap cache', { flags: 0x2_0428n, mapping: anonymous, private: 5n }, { user: 1 }],
    ['in the swap cache alone', { flags: 0x2_0400n }, { cache: 1 }],
    ['the swap cache bit without swapbacked', { flags: 0x400n }, {}],
    ['KSM', { flags: 0x28n, mapping: mapping | 3n }, { user: 1 }],
    ['movable, off the lists', { mapping: mapping | 2n }, {}],
    ['a page of a slab whose mapping is garbage', { mapcount: 0xf500_0000, mapping: anonymous }, {}],
    ['offline', { mapcount: 0xf100_0000 }, { offline: 1 }],
    ['hardware error', { flags: 0x10_0000n }, { hwpoison: 1 }],
    ['free with a hardware error', { flags: 0x10_0000n, mapcount: 0xf000_0000, private: 1n }, { free: 2 }],
    ['cache with a hardware error', { flags: 0x10_0020n, mapping }, { cache: 1 }],
    ['a page table', { mapcount: 0xf200_0000 }, {}],
    ['reserved', { flags: 0x2000n }, {}],
    ['waiters, taken for slab', { flags: 0x2_00a8n, mapping: anonymous, mapcount: 0 }, { cache: 1 }],
    ['free and waiters, taken for slab', { flags: 0x80n, mapcount: 0xf000_0000, private: 3n }, {}],
    ['a tail whose head is kept', { flags: 0x28n, mapping, compoundHead: headOf(1000) }, {}],
  ];
  for (const [name, fields, expected] of cases) {
    test(name, () => {
      assert.deepEqual(one(fields), expected);
    });
  }

  test('unaccepted memory is free, where the kernel names its number', () => {
    assert.deepEqual(one({ mapcount: 0xf700_0000 }, [...lines612, 'NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)=-150994944']), { free: 1024 });
    assert.deepEqual(one({ mapcount: 0xf700_0000 }), {});
  });

  test('pages that makedumpfile misjudges are told', () => {
    const memory = machine();
    memory.page(at(memory, 7), { flags: 0x2_00a8n, mapping: anonymous });
    assert.equal(countPages(open(memory, lines612), {}).takenForSlab, 1);
    assert.match(frameCategory(open(memory, lines612), 7)?.text ?? '', /takes another flag for PG_slab/);
  });

  test('zero pages are those that nothing else leaves out', () => {
    const memory = machine();
    memory.page(at(memory, 64), { mapcount: 0xf000_0000, private: 1n });
    memory.page(at(memory, 70), { flags: 0x28n, mapping });
    for (const pfn of [64, 65, 66, 70]) memory.zero(pfn);
    assert.deepEqual(counted(open(memory, lines612)), { free: 2, cache: 1, zero: 1 });
  });
});

/** A compound page of `order` at frame 1024. */
function compound(memory: PageMemory, order: number, fields: { readonly head: PageFields; readonly second: PageFields }): void {
  memory.page(at(memory, 1024), fields.head);
  for (let tail = 1; tail < 2 ** order; tail++)
    memory.page(at(memory, 1024 + tail), { ...(tail === 1 ? fields.second : {}), compoundHead: headOf(1024) });
}

describe('compound pages', () => {
  const numbers: readonly (readonly [
    name: string,
    lines: readonly string[],
    fields: { head: PageFields; second: PageFields },
    order: number,
  ])[] = [
    ['a huge page of hugetlbfs, 6.9 and later', lines612, { head: { flags: 0x40n, mapcount: 0xf400_0000 }, second: { flags: 9n } }, 9],
    ['anonymous, 6.9 and later', lines612, { head: { flags: 0x2_0068n, mapping: anonymous }, second: { flags: 9n } }, 9],
    [
      'a huge page of hugetlbfs, 6.6',
      [
        'NUMBER(PG_lru)=5',
        'NUMBER(PG_head_mask)=65536',
        'NUMBER(PG_slab)=9',
        'NUMBER(PG_hugetlb)=8',
        'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129',
      ],
      { head: { flags: 0x1_0000n }, second: { flags: 0x109n } },
      9,
    ],
    [
      'a huge page of hugetlbfs, 6.1',
      [
        'NUMBER(PG_lru)=4',
        'NUMBER(PG_head_mask)=65536',
        'NUMBER(PG_slab)=9',
        'NUMBER(HUGETLB_PAGE_DTOR)=2',
        'OFFSET(page.compound_dtor)=16',
        'OFFSET(page.compound_order)=17',
      ],
      { head: { flags: 0x1_0000n }, second: {} },
      9,
    ],
  ];
  for (const [name, lines, fields, order] of numbers) {
    test(name, () => {
      const memory = machine();
      compound(memory, order, fields);
      if (name.endsWith('6.1')) memory.write(at(memory, 1025) + 16, 0x0902n, 4);
      assert.deepEqual(counted(open(memory, lines)), { user: 512 });
      const last = frameCategory(open(memory, lines), 1024 + 511);
      assert.deepEqual([last?.category, last?.head, last?.pages], ['user', 1024, 512]);
    });
  }

  test('6.1: another destructor is no huge page', () => {
    const memory = machine();
    compound(memory, 9, { head: { flags: 0x1_0000n }, second: {} });
    memory.write(at(memory, 1025) + 16, 0x0901n, 4);
    assert.deepEqual(counted(open(memory, numbers[3]?.[1] ?? [])), {});
  });

  test('before 4.4: order and destructor in the list of the second page', () => {
    const memory = machine();
    const destructor = 0xffff_ffff_8112_3450n;
    const lines = [
      'NUMBER(PG_lru)=5',
      'NUMBER(PG_head_mask)=16384',
      'NUMBER(PG_slab)=7',
      'OFFSET(page.lru)=32',
      'OFFSET(list_head.next)=0',
      'OFFSET(list_head.prev)=8',
      `SYMBOL(free_huge_page)=${destructor.toString(16)}`,
    ];
    compound(memory, 9, { head: { flags: 0x4000n }, second: {} });
    memory.write(at(memory, 1025) + 32, destructor, 8);
    memory.write(at(memory, 1025) + 40, 9n, 8);
    assert.deepEqual(counted(open(memory, lines)), { user: 512 });
    memory.write(at(memory, 1025) + 32, destructor + 16n, 8);
    assert.deepEqual(counted(open(memory, lines)), {});
  });

  test('an order that cannot be, or to which the head is not aligned, is one page', () => {
    const memory = machine();
    compound(memory, 3, { head: { flags: 0x68n, mapping }, second: { flags: 64n } });
    assert.deepEqual(counted(open(memory, lines612)), { cache: 1 });
    memory.page(at(memory, 1025), { flags: 11n, compoundHead: headOf(1024) });
    assert.deepEqual(counted(open(memory, lines612)), { cache: 1 });
    memory.page(at(memory, 1025), { flags: 3n, compoundHead: headOf(1024) });
    assert.deepEqual(counted(open(memory, lines612)), { cache: 8 });
  });

  test('a tail that names no head is what the block around it is', () => {
    const memory = machine();
    compound(memory, 3, { head: { flags: 0x68n, mapping }, second: { flags: 3n } });
    memory.page(at(memory, 1030), { compoundHead: 0x1235n });
    memory.page(at(memory, 1040), { compoundHead: 0x1235n });
    const kernel = open(memory, lines612);
    assert.deepEqual(counted(kernel), { cache: 8 });
    assert.deepEqual([frameCategory(kernel, 1030)?.category, frameCategory(kernel, 1030)?.head], ['cache', 1024]);
    assert.equal(frameCategory(kernel, 1040)?.category, 'kernel');
  });

  test('a compound page goes on behind a gap in RAM', () => {
    const memory = new PageMemory({
      ram: [
        [0, 1100],
        [1300, frames],
      ],
    });
    memory.clearPages(structPages, frames);
    memory.map(vmemmap, structPages, frames * 64);
    compound(memory, 9, { head: { flags: 0x40n, mapcount: 0xf400_0000 }, second: { flags: 9n } });
    assert.deepEqual(counted(open(memory, lines612)), { user: 512 - 200 });
  });
});

describe('numberings', () => {
  const buddies: readonly (readonly [name: string, lines: readonly string[], mapcount: number])[] = [
    ['to 6.9', ['NUMBER(PG_slab)=9', 'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129'], 0xffff_ff7f],
    ['6.10', ['NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-4097', 'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129'], 0xffff_ff7f],
    ['6.11', ['NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-33554433', 'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-1073741825'], 0xbfff_ffff],
    ['before 4.18', ['NUMBER(PG_slab)=7', 'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-128'], 0xffff_ff80],
  ];
  for (const [name, lines, mapcount] of buddies) {
    test(`free blocks, ${name}`, () => {
      assert.deepEqual(one({ mapcount, private: 4n }, ['NUMBER(PG_lru)=5', ...lines]), { free: 16 });
      assert.deepEqual(one({ mapcount: 0xf000_0000, private: 4n }, ['NUMBER(PG_lru)=5', ...lines]), {});
    });
  }

  const flags61 = { PG_lru: 4, PG_slab: 9, PG_private: 13, PG_head: 16, PG_swapbacked: 19, PG_swapcache: 10, PG_hwpoison: 23 };
  const enums: readonly (readonly [name: string, enums: Record<string, Record<string, number>>, buddy: number])[] = [
    ['to 6.9', { pageflags: flags61 }, 0xffff_ff7f],
    ['6.10', { pageflags: { PG_lru: 4 }, pagetype: { PG_buddy: 0x80, PG_slab: 0x1000, PG_hugetlb: 0x800 } }, 0xffff_ff7f],
    ['6.11', { pageflags: { PG_lru: 4 }, pagetype: { PG_buddy: 0x4000_0000, PG_slab: 0x0200_0000 } }, 0xbfff_ffff],
    ['6.12', { pageflags: { PG_lru: 4 }, pagetype: { PGTY_buddy: 0xf0, PGTY_slab: 0xf5, PGTY_hugetlb: 0xf4 } }, 0xf000_0000],
  ];
  for (const [name, values, buddy] of enums) {
    test(`by types alone, without VMCOREINFO, ${name}`, () => {
      const memory = machine();
      memory.page(at(memory, 1024), { mapcount: buddy, private: 4n });
      memory.page(at(memory, 100), { flags: 0x10n, mapping });
      memory.page(at(memory, 101), { flags: 0x200n, mapping: anonymous });
      memory.write(0x1000, vmemmap, 8);
      memory.map(directMap, 0, 0x4000);
      const kernel = memory.open({ types: pageTypes(values), symbols: { mem_section: 0n, vmemmap: directMap + 0x1000n } });
      // PG_slab: what is a slab page to 6.9 is an anonymous one since.
      assert.deepEqual(counted(kernel), { free: 16, cache: 1, ...(name === 'to 6.9' ? {} : { user: 1 }) });
    });
  }

  test('big-endian, and 32 bits', () => {
    for (const options of [{ littleEndian: false }, { word: 4 as const }, { word: 4 as const, littleEndian: false }]) {
      const memory = machine(options);
      memory.page(at(memory, 1024), { mapcount: 0xf000_0000, private: 4n });
      memory.page(at(memory, 100), { flags: 0x4028n, mapping: 0xc3a5_1d38n });
      memory.page(at(memory, 101), { flags: 0x2_0028n, mapping: 0xc3a5_1d39n });
      assert.deepEqual(counted(open(memory, lines612)), { free: 16, cachePrivate: 1, user: 1 });
    }
  });

  test('nothing known of struct page: a sentence that says what to give', () => {
    const memory = machine();
    const kernel = memory.open({
      vmcoreinfo: ['PAGESIZE=4096', 'SIZE(page)=64', `SYMBOL(vmemmap)=${vmemmap.toString(16)}`, 'SYMBOL(mem_section)=0'],
    });
    assert.throws(() => countPages(kernel, {}), /needs type information .* --types FILE/);
    assert.equal(frameCategory(kernel, 5), undefined);
    assert.throws(() => countPages(memory.open({ vmcoreinfo: pageLines(8) }), {}), /struct pages were not found/);
  });
});

describe('what is missing', () => {
  test('pages whose struct pages are not in the dump are holes, and no others', () => {
    const memory = machine();
    memory.page(at(memory, 128), { mapcount: 0xf000_0000, private: 7n });
    memory.page(at(memory, 300), { flags: 0x28n, mapping });
    // Those of frames 192-255, inside the free block, and of 256-319.
    memory.remove(structPages / 4096 + 3);
    memory.remove(structPages / 4096 + 4);
    const kernel = open(memory, lines612);
    const counts = countPages(kernel, {});
    assert.deepEqual([counts.total, counts.holes, counts.categories.free, counts.categories.cache], [frames, 64, 128, 0]);
    assert.equal(frameCategory(kernel, 300), undefined);
    assert.deepEqual(describeCategory(kernel, 300), []);
  });

  test('where mem_section cannot be read, VMCOREINFO still tells the virtual memory map', () => {
    const memory = machine();
    memory.map(directMap, 0, 0x4000);
    memory.remove(2);
    memory.page(at(memory, 64), { mapcount: 0xf000_0000, private: 1n });
    const lines = [...pageLines(8), ...lines612, 'SIZE(mem_section)=16', 'OFFSET(mem_section.section_mem_map)=0'];
    const symbols = [`SYMBOL(mem_section)=${(directMap + 0x2000n).toString(16)}`, `SYMBOL(vmemmap)=${vmemmap.toString(16)}`];
    assert.deepEqual(counted(memory.open({ vmcoreinfo: [...lines, ...symbols] })), { free: 2 });
  });

  test('where mem_map cannot be read, counting says so and a read is as it was', () => {
    const memory = machine();
    memory.map(directMap, 0, 0x4000);
    memory.remove(2);
    const kernel = memory.open({ vmcoreinfo: [...pageLines(8), ...lines612, `SYMBOL(mem_map)=${(directMap + 0x2000n).toString(16)}`] });
    assert.throws(() => countPages(kernel, {}), /cannot read 0xffff888000002000/);
    const read = readPhysical(kernel.physical, toPhysAddr(0x2000), 16);
    assert.deepEqual(explainExcluded(kernel, read.holes, { start: toPhysAddr(0x2000), frameOf: () => 2 }), read.holes);
  });

  test('what an ELF dump fills with zeros is excluded where its struct page says so, and zero-filled elsewhere', () => {
    const memory = machine();
    memory.page(at(memory, 64), { mapcount: 0xf000_0000, private: 1n });
    const reason: HoleReason = { kind: 'zero-filled', message: 'zero-filled by the writer' };
    for (const frame of [64, 65, 66]) memory.remove(frame, reason);
    const kernel = open(memory, lines612);
    const start = toPhysAddr(64 * 4096 + 16);
    const holes = explainExcluded(kernel, readPhysical(kernel.physical, start, 2.5 * 4096).holes, {
      start,
      frameOf: (offset) => Math.floor((start + offset) / 4096),
    });
    assert.deepEqual(
      holes.map(({ offset, length, reason: { kind } }) => [offset, length, kind]),
      [
        [0, 2 * 4096 - 16, 'excluded'],
        [2 * 4096 - 16, 2.5 * 4096 - (2 * 4096 - 16), 'zero-filled'],
      ],
    );
    assert.match(holes[0]?.reason.message ?? '', /by its struct page it is a free page, in a buddy block of order 1/);
    assert.match(holes[1]?.reason.message ?? '', /^zero-filled by the writer; by its struct page it is /);
  });

  test('a struct page that nothing maps is none', () => {
    const memory = new PageMemory({ ram: [[0, frames]] });
    memory.clearPages(structPages, 1024);
    memory.map(vmemmap, structPages, 1024 * 64);
    const counts = countPages(open(memory, lines612), {});
    assert.deepEqual([counts.total, counts.holes], [1024, 0]);
  });

  test('an ELF dump leaves out pages of zeros; of other dumps that is not known', () => {
    for (const [options, kind, expected] of [
      [{ format: 'ELF vmcore' }, 'zero-filled', [3, 0]],
      [{ format: 'kdump-compressed', dumpLevel: 31 }, 'excluded', [0, 3]],
    ] as const) {
      const memory = machine(options);
      for (const frame of [5, 6, 7]) memory.remove(frame, { kind, message: 'left out' });
      memory.remove(8, { kind: 'truncated', message: 'cut' });
      const counts = countPages(open(memory, lines612), {});
      assert.deepEqual([counts.categories.zero, counts.unreadable], [expected[0], expected[1] + 1]);
    }
  });

  test('a read says what excluded pages were', () => {
    const memory = machine();
    memory.page(at(memory, 64), { mapcount: 0xf000_0000, private: 1n });
    memory.page(at(memory, 66), { flags: 0x4028n, mapping });
    for (const frame of [64, 65, 66, 67]) memory.remove(frame);
    memory.remove(68, { kind: 'truncated', message: 'cut' });
    const kernel = open(memory, lines612);
    const start = 64 * 4096 - 16;
    const read = readPhysical(kernel.physical, toPhysAddr(start), 5 * 4096 + 16);
    const told = explainExcluded(kernel, read.holes, {
      start: toPhysAddr(start),
      frameOf: (offset) => Math.floor((start + offset) / 4096),
    });
    assert.deepEqual(
      told.map(({ offset, length, reason }) => [offset, length, reason.message]),
      [
        [16, 8192, 'left out; by its struct page it is a free page, in a buddy block of order 1'],
        [16 + 8192, 4096, 'left out; by its struct page it is a cache page, with PG_private'],
        [16 + 3 * 4096, 4096, 'left out; by its struct page it is kernel data'],
        [16 + 4 * 4096, 4096, 'cut'],
      ],
    );
  });
});

test('counting can be cancelled, and tells how far it is', () => {
  const memory = machine();
  const cancellation = new CancellationSource();
  cancellation.cancel();
  assert.throws(() => countPages(open(memory, lines612), { token: cancellation }), Cancelled);
  const large = new PageMemory({ ram: [[0, 1 << 18]] });
  large.clearPages(structPages, frames);
  for (let part = 0; part < 64; part++) large.map(vmemmap + BigInt(part * frames * 64), structPages, frames * 64);
  const reports: number[] = [];
  countPages(open(large, lines612), {
    progress: (_, done, total) => {
      assert.equal(total, 1 << 18);
      reports.push(done);
    },
  });
  assert.ok(reports.length >= 4);
  assert.deepEqual(
    reports,
    [...reports].sort((a, b) => a - b),
  );
});

describe('any sequence of pages', () => {
  type Kind = 'free' | 'cache' | 'cachePrivate' | 'user' | 'kernel' | 'zero' | 'huge' | 'slab';
  const blocks = fc.array(
    fc.record({
      kind: fc.constantFrom<Kind>('free', 'cache', 'cachePrivate', 'user', 'kernel', 'zero', 'huge', 'slab'),
      order: fc.integer({ min: 0, max: 6 }),
    }),
    { maxLength: 120 },
  );

  test('is counted as it was laid out, and each page is told as it was counted', () => {
    fc.assert(
      fc.property(blocks, (asked) => {
        const memory = machine();
        const expected = new Map<string, number>();
        const category = new Map<number, string>();
        let pfn = 0;
        for (const { kind, order } of asked) {
          const count = kind === 'zero' || kind === 'kernel' ? 1 : 2 ** order;
          pfn = Math.ceil(pfn / count) * count;
          const name = kind === 'huge' ? 'user' : kind === 'slab' ? 'kernel' : kind;
          const head = count > 1 ? 0x40n : 0n;
          if (kind === 'free') memory.page(at(memory, pfn), { mapcount: 0xf000_0000, private: BigInt(order) });
          else {
            if (kind === 'cache') memory.page(at(memory, pfn), { flags: 0x28n | head, mapping });
            if (kind === 'cachePrivate') memory.page(at(memory, pfn), { flags: 0x4028n | head, mapping });
            if (kind === 'user') memory.page(at(memory, pfn), { flags: 0x2_0028n | head, mapping: anonymous });
            if (kind === 'slab') memory.page(at(memory, pfn), { flags: head, mapcount: 0xf500_0000 });
            // Of order 0 it is no compound page, and so not of hugetlbfs.
            if (kind === 'huge') memory.page(at(memory, pfn), { flags: 0x2_0028n | head, mapping: anonymous, mapcount: 0xf400_0000 });
            if (kind === 'zero') memory.zero(pfn);
            for (let tail = 1; tail < count; tail++) {
              memory.page(at(memory, pfn + tail), { flags: tail === 1 ? BigInt(order) : 0n, compoundHead: headOf(pfn) });
            }
          }
          if (name !== 'kernel') expected.set(name, (expected.get(name) ?? 0) + count);
          for (let page = pfn; page < pfn + count; page++) category.set(page, name);
          pfn += count;
        }
        fc.pre(pfn <= structPages / 4096);
        const kernel = open(memory, lines612);
        assert.deepEqual(counted(kernel), Object.fromEntries(expected));
        for (let page = 0; page < pfn; page++)
          assert.equal(frameCategory(kernel, page)?.category, category.get(page) ?? 'kernel', `frame ${page}`);
      }),
      { numRuns: 60 },
    );
  });
});
