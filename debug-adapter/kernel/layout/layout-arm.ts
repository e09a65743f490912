/**
 * The layout of a 32-bit arm kernel (arch/arm/include/asm/memory.h, arch/arm/mm/mmu.c): the linear map from the first RAM up to
 * high_memory, in which the image lies.
 */
import { toAddress } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import type { Layout, Region } from './layout.ts';
import { imageOffset, imageRegion, Witnesses } from './layout-witnesses.ts';
import { endByPageTables } from './linear-map.ts';

/** The linear map by the page tables and `high_memory`; without RAM or a mapped image none. */
export function layoutArm(kernel: Kernel): Layout {
  const found = new Witnesses(kernel);
  found.note('imageOffset', imageOffset(kernel), 'the page tables, at _stext');
  const offset = found.value('imageOffset');
  const first = kernel.physical.ranges[0]?.start;
  if (offset !== undefined && first !== undefined) {
    const start = BigInt.asUintN(32, BigInt(first) + offset);
    found.note('pageOffset', start, 'the first RAM');
    found.noteVariable('linearMapEnd', 'high_memory');
    if (found.value('linearMapEnd') === undefined)
      found.note('linearMapEnd', endByPageTables(kernel, { start, offset }), 'the page tables');
  }
  found.noteNumber('vmallocBase', 'VMALLOC_START');
  found.noteNumber('vmallocEnd', 'VMALLOC_END');
  const start = found.value('pageOffset');
  const end = found.value('linearMapEnd');
  return {
    physBase: undefined,
    kaslrOffset: kernel.vmcoreinfo?.hexValue('KERNELOFFSET'),
    directMap: start === undefined || end === undefined || offset === undefined ? undefined : { start: toAddress(start), end, offset },
    imageOffset: offset,
    regions: [
      ...imageRegion(kernel),
      ...found.region('direct-map', 'the linear map', ['pageOffset', 'linearMapEnd']),
      ...found.region('vmalloc-space', 'the vmalloc space', ['vmallocBase', 'vmallocEnd']),
      ...vectors.filter((page) => kernel.root.pageTable.translate(page.start).physical !== undefined),
    ],
    findings: found.findings,
  };
}

/** High vectors (arch/arm/mm/mmu.c:devicemaps_init); a machine that has its vectors at 0 maps the stubs alone. */
const vectors: readonly Region[] = [
  {
    kind: 'vectors',
    name: 'the exception vectors and the helpers for user mode, which every process has as [vectors]',
    start: toAddress(0xffff_0000),
    end: 0xffff_1000n,
  },
  { kind: 'vectors', name: 'the stubs of the exception vectors', start: toAddress(0xffff_1000), end: 0xffff_2000n },
];
