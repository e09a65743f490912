/** vmap_areas, blocks and counters as kernels of five ages keep them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { idleAreas, vmapAreas } from '../../debug-adapter/kernel/vmalloc/vmap-area.ts';
import { blockOf, blockPageState, usedRuns, vmapBlockQueues } from '../../debug-adapter/kernel/vmalloc/vmap-block.ts';
import { freeAreas } from '../../debug-adapter/kernel/vmalloc/vmap-free.ts';
import { areaPages } from '../../debug-adapter/kernel/vmalloc/vmap-pages.ts';
import { purgeState } from '../../debug-adapter/kernel/vmalloc/vmap-purge.ts';
import { vmallocFindings } from '../../debug-adapter/kernel/vmalloc/vmap-findings.ts';
import { vmallocinfo } from '../../debug-adapter/kernel/vmalloc/vmallocinfo.ts';
import { blockBits, VmallocKernel } from '../builders/vmalloc-kernel.ts';
import type { VmallocAge } from '../builders/vmalloc-kernel.ts';

const ages: readonly VmallocAge[] = ['flags', 'lockless', 'purgeList', 'usedMap', 'nodes'];
const vmAlloc = 2;

/** One vmalloc area of two pages, a vm_map_ram area, a block with a page in use and one freed, a lazily freed area. */
function build(age: VmallocAge): VmallocKernel {
  const kernel = new VmallocKernel(age);
  const marked = age === 'usedMap' || age === 'nodes';
  kernel.area({ page: 0, pages: 3, vm: { flags: vmAlloc, frames: [0x700, 0x701] } });
  kernel.map(0, 0x700);
  kernel.map(1, 0x701);
  kernel.area({ page: 16, pages: 2, flags: marked ? 1n : 0n });
  kernel.map(16, 0x702);
  kernel.map(17, 0x703);
  const area = kernel.area({ page: 64, pages: blockBits, flags: marked ? 3n : 0n });
  kernel.block({ area, page: 64, free: 62, dirty: 1, used: 2n });
  kernel.map(65, 0x704);
  kernel.area({ page: 20, pages: 4, state: 'lazy' });
  kernel.area({ page: 4, pages: 12, state: 'free' });
  return kernel;
}

const pagesOf = (areas: readonly { readonly start: bigint; readonly end: bigint }[]): string[] =>
  areas.map(({ start, end }) => `${(start - 0xffff_c900_0000_0000n) / 4096n}-${(end - 0xffff_c900_0000_0000n) / 4096n}`);

for (const age of ages) {
  describe(age, () => {
    test('areas in every state, blocks, frames; nothing is inconsistent', () => {
      const kernel = build(age).open();
      const { busy, lazy } = vmapAreas(kernel);
      // Node by node: of zones of 16 pages, the odd ones are node 1's.
      assert.deepEqual(pagesOf(busy), age === 'nodes' ? ['0-3', '64-128', '16-18'] : ['0-3', '16-18', '64-128']);
      assert.deepEqual(pagesOf(lazy), ['20-24']);
      const [first, , block] = [...busy].sort((a, b) => (a.start < b.start ? -1 : 1));
      assert.ok(first !== undefined && block !== undefined);
      assert.deepEqual(areaPages(kernel, first), {
        source: 'pages',
        total: 2,
        runs: [{ page: 0, count: 2, frame: 0x700, node: undefined }],
        missing: 0,
        cut: false,
      });
      const found = blockOf(kernel, block);
      assert.ok(found !== undefined);
      assert.equal(found.index, 1n);
      const marked = age === 'usedMap' || age === 'nodes';
      assert.deepEqual(usedRuns(found, blockBits), marked ? [[1, 1]] : null);
      const states = [0, 1, 2].map((page) => blockPageState(found, page, blockBits));
      assert.deepEqual(states, marked ? ['dirty', 'used', 'free'] : ['used or dirty', 'used or dirty', 'free']);
      assert.deepEqual(
        vmapBlockQueues(kernel).map(({ free }) => free),
        [[found.address]],
      );
      const free = freeAreas(kernel);
      assert.equal(free.recorded, age !== 'flags');
      const told = pagesOf(free.areas);
      assert.ok(told.includes(age === 'flags' ? '3-16' : '4-16'), told.join(' '));
      const { lazyPages, listedPages } = purgeState(kernel);
      assert.deepEqual([lazyPages, listedPages], [4, 4]);
      assert.deepEqual(vmallocFindings(kernel, {}), { findings: [], warnings: [] });
      assert.deepEqual([...kernel.warnings], []);
    });

    test('/proc/vmallocinfo: where lazily freed areas stand', () => {
      const kernel = build(age).open();
      const words = vmallocinfo(kernel)
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/^\S+ +\d+ /, ''));
      const vmalloc = 'pages=2 vmalloc';
      if (age === 'flags') assert.deepEqual(words, [vmalloc, 'vm_map_ram', 'unpurged vm_area', 'vm_map_ram']);
      else assert.deepEqual(words, [vmalloc, 'vm_map_ram', 'vm_map_ram', 'unpurged vm_area']);
    });
  });
}

test('pools and purges of kernels with nodes; a purge list that was never initialized', () => {
  const builder = build('nodes');
  builder.area({ page: 30, pages: 2, state: 'pooled' });
  builder.area({ page: 40, pages: 3, state: 'purging' });
  const kernel = builder.open();
  const { pooled, purging } = idleAreas(kernel);
  assert.deepEqual([pagesOf(pooled), pagesOf(purging)], [['30-32'], ['40-43']]);
  assert.deepEqual(purgeState(kernel).listedPages, 7);
  assert.deepEqual(
    purgeState(kernel).nodes.map(({ pooled: inPool, purging: inPurge }) => [inPool, inPurge]),
    [
      [1, 1],
      [0, 0],
    ],
  );
  assert.deepEqual(vmallocFindings(kernel, {}).findings, []);
});
