/** Struct pages of every memory model, written by hand. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { countPages } from '../../debug-adapter/kernel/pages/page-categories.ts';
import { frameCategory } from '../../debug-adapter/kernel/pages/page-category-frame.ts';
import { memoryModel, pageFrameOf, pageOfFrame } from '../../debug-adapter/kernel/pages/page-frame.ts';
import { counted, directMap, lines612, PageMemory, pageLines } from '../builders/page-memory.ts';

const frames = 4096;
const mapping = 0xffff_8880_03a5_1d38n;

describe('memory models', () => {
  /** Two sections of 2048 frames, with struct pages apart from one another. */
  const sectionBits = 23;
  const firstMap = 0x80_0000;
  const secondMap = 0x90_0000;
  const firstAt = directMap + BigInt(firstMap);
  const secondAt = directMap + BigInt(secondMap);

  function sparse(): PageMemory {
    const memory = new PageMemory({ ram: [[0, frames]] });
    memory.clearPages(firstMap, 2048);
    memory.clearPages(secondMap, 2048);
    memory.map(directMap, 0, frames * 4096);
    memory.page(firstMap + 2040 * 64, { mapcount: 0xf000_0000, private: 3n });
    memory.page(secondMap + 5 * 64, { flags: 0x28n, mapping });
    return memory;
  }
  const sectionLines = (more: readonly string[]): string[] => [
    ...pageLines(8),
    ...lines612,
    'SIZE(mem_section)=16',
    'OFFSET(mem_section.section_mem_map)=0',
    `NUMBER(SECTION_SIZE_BITS)=${sectionBits}`,
    'NUMBER(MAX_PHYSMEM_BITS)=36',
    ...more,
  ];
  /** mem_section's words, with all flags set. */
  function writeSections(memory: PageMemory, at0: number): void {
    memory.write(at0, firstAt | 0x1fn, 8);
    memory.write(at0 + 16, (secondAt - 2048n * 64n) | 0x1fn, 8);
    for (const gap of [8, 24]) memory.write(at0 + gap, 0n, 8);
  }
  function check(kernel: Kernel): void {
    assert.deepEqual(counted(kernel), { free: 8, cache: 1 });
    assert.equal(memoryModel(kernel)?.map, undefined);
    for (const [pfn, page] of [
      [2047, firstAt + 2047n * 64n],
      [2048, secondAt],
      [4095, secondAt + 2047n * 64n],
    ] as const) {
      assert.equal(pageOfFrame(kernel, pfn), page);
      assert.equal(pageFrameOf(kernel, toAddress(page)), pfn);
    }
    assert.equal(pageFrameOf(kernel, toAddress(firstAt + 1n)), undefined);
    assert.equal(pageFrameOf(kernel, toAddress(firstAt - 64n)), undefined);
  }

  test('sparse: an array of sections', () => {
    const memory = sparse();
    writeSections(memory, 0x2000);
    check(
      memory.open({
        vmcoreinfo: sectionLines([`SYMBOL(mem_section)=${(directMap + 0x2000n).toString(16)}`, `LENGTH(mem_section)=${2 ** 13}`]),
      }),
    );
  });

  test('sparse extreme: pages of sections', () => {
    const memory = sparse();
    writeSections(memory, 0x2000);
    memory.write(0x3000, directMap + 0x2000n, 8);
    check(
      memory.open({ vmcoreinfo: sectionLines([`SYMBOL(mem_section)=${(directMap + 0x3000n).toString(16)}`, 'LENGTH(mem_section)=32']) }),
    );
  });

  test('sparse extreme: the symbol is a pointer to the pages of sections', () => {
    const memory = sparse();
    writeSections(memory, 0x2000);
    memory.write(0x3000, directMap + 0x2000n, 8);
    memory.write(0x4000, directMap + 0x3000n, 8);
    check(memory.open({ vmcoreinfo: sectionLines([]), symbols: { mem_section: directMap + 0x4000n } }));
  });

  test('sparse: a section that is not there has no struct pages; RAM behind the last one is not counted', () => {
    const memory = new PageMemory({ ram: [[0, frames + 512]] });
    memory.clearPages(secondMap, 2048);
    memory.map(directMap, 0, frames * 4096);
    memory.write(0x2000, 0n, 8);
    memory.write(0x2010, (secondAt - 2048n * 64n) | 0x1fn, 8);
    memory.write(0x2020, 0n, 8);
    memory.zero(9);
    const kernel = memory.open({
      vmcoreinfo: sectionLines([`SYMBOL(mem_section)=${(directMap + 0x2000n).toString(16)}`, `LENGTH(mem_section)=${2 ** 13}`]),
    });
    const counts = countPages(kernel, {});
    assert.deepEqual([counts.total, counts.withoutStructPage, counts.holes, counts.categories.zero], [frames, 2048, 0, 1]);
    assert.equal(frameCategory(kernel, 10)?.text, 'memory without a struct page');
  });

  test('flat: from the first frame of its node', () => {
    const memory = new PageMemory({
      ram: [
        [1024, 3072],
        [8192, 8256],
      ],
    });
    const lines = [
      ...pageLines(8),
      ...lines612,
      `SYMBOL(mem_map)=${(directMap + 0x50_0000n).toString(16)}`,
      `SYMBOL(contig_page_data)=${(directMap + 0x50_1000n).toString(16)}`,
      'OFFSET(pglist_data.node_start_pfn)=8',
      'OFFSET(pglist_data.node_spanned_pages)=16',
      'OFFSET(pglist_data.node_mem_map)=24',
    ];
    memory.map(directMap, 0, 4096 * 4096);
    memory.clearPages(0x80_0000, 2048);
    memory.write(0x50_0000, directMap + 0x80_0000n, 8);
    for (const [index, value] of [1024n, 2000n, directMap + 0x80_0000n].entries()) memory.write(0x50_1008 + 8 * index, value, 8);
    memory.page(0x80_0000 + 512 * 64, { mapcount: 0xf000_0000, private: 9n });
    const kernel = memory.open({ vmcoreinfo: lines });
    // The array ends where the largest free page would; what lies far behind is not the kernel's.
    assert.deepEqual([counted(kernel), countPages(kernel, {}).total], [{ free: 512 }, 2048]);
    assert.equal(pageOfFrame(kernel, 1024), directMap + 0x80_0000n);
  });

  test('discontiguous: an array a node', () => {
    const memory = sparse();
    memory.map(directMap, 0, frames * 4096);
    const nodes = [
      [0n, 2048n, firstAt],
      [2048n, 2048n, secondAt],
    ];
    for (const [index, words] of nodes.entries()) {
      memory.write(0x5000 + 8 * index, directMap + 0x6000n + BigInt(index * 64), 8);
      for (const [member, value] of words.entries()) memory.write(0x6000 + index * 64 + 8 * member, value, 8);
    }
    check(
      memory.open({
        vmcoreinfo: [
          ...pageLines(8),
          ...lines612,
          `SYMBOL(node_data)=${(directMap + 0x5000n).toString(16)}`,
          'LENGTH(node_data)=2',
          'OFFSET(pglist_data.node_start_pfn)=0',
          'OFFSET(pglist_data.node_spanned_pages)=8',
          'OFFSET(pglist_data.node_mem_map)=16',
        ],
      }),
    );
  });
});
