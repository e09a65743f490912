/** What vread() of kernels of each age gives, by mm/vmalloc.c, and where that is not what memory holds. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { readAsKcore } from '../../debug-adapter/kernel/vmalloc/vread-kcore.ts';
import { vreadParts } from '../../debug-adapter/kernel/vmalloc/vread.ts';
import { blockBits, VmallocKernel } from '../builders/vmalloc-kernel.ts';
import type { VmallocAge } from '../builders/vmalloc-kernel.ts';

const address = (page: number, offset = 0): ReturnType<typeof VmallocKernel.address> => VmallocKernel.address(page, offset);
const flag = { ioremap: 1, alloc: 2, uninitialized: 0x20, noGuard: 0x40, sparse: 0x1000 } as const;

/** The frame that each page reads as, by the first word that each frame holds; 0 for zeros. */
function pages(kernel: Kernel, first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const { bytes, holes } = readAsKcore(kernel, address(first + index), 4096);
    assert.deepEqual(holes, []);
    return Number(new DataView(bytes.buffer).getBigUint64(0, true)) / 4096;
  });
}

const parts = (kernel: Kernel, page: number, count: number): string[] =>
  vreadParts(kernel, address(page), count * 4096).map(({ length, source }) => {
    const from = source === undefined ? 'zeros' : `page ${Number(source - address(0)) / 4096}`;
    return `${length / 4096} of ${from}`;
  });

describe('areas, guard pages and holes', () => {
  const build = (age: VmallocAge): Kernel => {
    const kernel = new VmallocKernel(age);
    kernel.area({ page: 0, pages: 3, vm: { flags: flag.alloc } });
    kernel.area({ page: 6, pages: 2, vm: { flags: flag.ioremap } });
    kernel.area({ page: 8, pages: 2, flags: age === 'usedMap' || age === 'nodes' ? 1n : 0n });
    kernel.area({ page: 10, pages: 2, vm: { flags: flag.alloc | flag.uninitialized } });
    kernel.area({ page: 12, pages: 2, vm: { flags: flag.alloc | flag.noGuard } });
    kernel.area({ page: 14, pages: 2, vm: { flags: flag.sparse } });
    // Pages are mapped everywhere, also where vread() must not look.
    for (let page = 0; page < 18; page++) kernel.map(page, 0x700 + page);
    kernel.map(1, undefined);
    return kernel.open();
  };

  test('with the vmap nodes (6.9): vm_map_ram is read; uninitialized and sparse areas are not', () => {
    const found = pages(build('nodes'), 0, 18);
    assert.deepEqual(found, [0x700, 0, 0, 0, 0, 0, 0, 0, 0x708, 0x709, 0, 0, 0x70c, 0x70d, 0, 0, 0, 0]);
  });

  test('with used_map (6.3): VM_SPARSE is not known yet', () => {
    const found = pages(build('usedMap'), 8, 8);
    assert.deepEqual(found, [0x708, 0x709, 0, 0, 0x70c, 0x70d, 0x70e, 0]);
  });

  for (const age of ['purgeList', 'lockless', 'flags'] as const) {
    test(`${age}: vm_map_ram areas are zeros, uninitialized ones are read`, () => {
      const kernel = build(age);
      assert.deepEqual(pages(kernel, 0, 16), [0x700, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x70a, 0, 0x70c, 0x70d, 0x70e, 0]);
      const { differences } = readAsKcore(kernel, address(8), 2 * 4096);
      assert.deepEqual(differences, [{ offset: 0, length: 8192, reason: 'vread() of this kernel leaves vm_map_ram areas out' }]);
    });
  }

  test('a read across all of it is of one piece', () => {
    assert.deepEqual(parts(build('nodes'), 0, 18), [
      '2 of page 0',
      '4 of zeros',
      '1 of zeros',
      '1 of zeros',
      '2 of page 8',
      '2 of zeros',
      '2 of page 12',
      '1 of zeros',
      '3 of zeros',
    ]);
  });

  test('why pages are zeros', () => {
    const { differences } = readAsKcore(build('nodes'), address(2), 15 * 4096);
    assert.deepEqual(
      differences.map(({ offset, length, reason }) => `${2 + offset / 4096}+${length / 4096} ${reason}`),
      [
        '2+1 vread() takes the last page of the area as its guard page',
        '3+3 no vmap_area covers it',
        '6+1 VM_IOREMAP areas are read as zeros',
        '7+1 vread() takes the last page of the area as its guard page',
        '10+2 VM_UNINITIALIZED areas are left out',
        '14+1 VM_SPARSE areas are read as zeros',
        '15+1 vread() takes the last page of the area as its guard page',
        '16+1 no vmap_area covers it',
      ],
    );
  });

  test('a read that reaches the top of the address space ends there', () => {
    const kernel = build('nodes');
    const top = 0xffff_ffff_ffff_ff00n as ReturnType<typeof address>;
    assert.deepEqual(
      vreadParts(kernel, top, 4096).map(({ length }) => length),
      [0x100],
    );
  });
});

describe('vmap_blocks', () => {
  /** The block at page 64, with these pages in use; every page of it is mapped. */
  const build = (age: VmallocAge, used: readonly number[]): Kernel => {
    const kernel = new VmallocKernel(age);
    const area = kernel.area({ page: 64, pages: blockBits, flags: age === 'purgeList' ? 0n : 3n });
    const map = used.reduce((sum, page) => sum | (1n << BigInt(page)), 0n);
    kernel.block({ area, page: 64, free: 32, dirty: 32 - used.length, used: map });
    for (let page = 0; page < blockBits; page++) kernel.map(64 + page, 0x700 + page);
    return kernel.open();
  };

  test('page by page, every page behind the first used one reads as that one', () => {
    const found = pages(build('nodes', [3, 4, 8, 9]), 64, 12);
    assert.deepEqual(found, [0, 0, 0, 0x703, 0x703, 0x703, 0x703, 0x703, 0x703, 0x703, 0x703, 0x703]);
    assert.deepEqual(pages(build('usedMap', [0]), 64, 3), [0x700, 0x700, 0x700]);
  });

  test('in one piece: each run from its own start, one page too many', () => {
    const kernel = build('nodes', [0, 1, 2, 3, 8, 9]);
    assert.deepEqual(parts(kernel, 64, 10), ['5 of page 64', '3 of zeros', '2 of page 72']);
    assert.deepEqual(parts(kernel, 66, 1), ['1 of page 64']);
    assert.deepEqual(parts(kernel, 72, 1), ['1 of page 64']);
    assert.deepEqual(parts(kernel, 72, 4), ['4 of page 64']);
  });

  test('with nothing in use, and before used_map: zeros', () => {
    assert.deepEqual(pages(build('nodes', []), 64, 3), [0, 0, 0]);
    assert.deepEqual(pages(build('purgeList', [0]), 64, 3), [0, 0, 0]);
  });

  test('an area whose block is missing: zeros', () => {
    const kernel = new VmallocKernel('nodes');
    kernel.area({ page: 64, pages: blockBits, flags: 3n });
    kernel.map(64, 0x700);
    const opened = kernel.open();
    const { bytes, differences } = readAsKcore(opened, address(64), 8);
    assert.deepEqual([...bytes], [0, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(differences, [{ offset: 0, length: 8, reason: 'the area has no vmap_block' }]);
  });

  test('the offset within the page is kept', () => {
    const kernel = build('nodes', [3]);
    const { bytes, differences } = readAsKcore(kernel, address(69, 0), 16);
    assert.equal(new DataView(bytes.buffer).getBigUint64(0, true), 0x703000n);
    assert.match(differences[0]?.reason ?? '', /copies from page 3/);
    assert.deepEqual(vreadParts(kernel, address(69, 0x123), 16)[0]?.source, address(67, 0x123));
  });
});

test('what no segment of /proc/kcore covers is zeros', () => {
  const kernel = new VmallocKernel('nodes');
  kernel.area({ page: 0, pages: 1, vm: { flags: flag.alloc | flag.noGuard } });
  const { bytes, holes } = readAsKcore(kernel.open(), 0x7000n as ReturnType<typeof address>, 32);
  assert.deepEqual([bytes.every((byte) => byte === 0), holes], [true, []]);
});
