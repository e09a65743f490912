/** Page frames and their struct pages (include/asm-generic/memory_model.h). */
import { addToAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import type { Kernel } from './kernel.ts';
import { variable } from './layout-witnesses.ts';
import { layoutX8664 } from './layout-x86-64.ts';

/** Where struct pages lie: an array at `base` whose element 0 describes frame `firstFrame`. */
export interface MemoryMap {
  readonly base: Address;
  readonly firstFrame: number;
  /** sizeof(struct page) in bytes. */
  readonly pageStructSize: number;
  /** In words: `vmemmap`, `mem_map`. */
  readonly name: string;
}

/** The kernel's memory map; undefined where it is neither virtual nor flat, or cannot be found. */
export function memoryMap(kernel: Kernel): MemoryMap | undefined {
  return kernel.once(findMemoryMap);
}

function findMemoryMap(kernel: Kernel): MemoryMap | undefined {
  const pageStructSize = kernel.vmcoreinfo?.size('page') ?? kernel.types?.struct('page')?.size;
  if (pageStructSize === undefined || pageStructSize < 32 || pageStructSize > 4096) return undefined;
  // mem_map also exists, empty, in sparse kernels without NUMA: those have mem_section.
  const flat = kernel.addressOf('mem_section') === undefined ? kernel.addressOf('mem_map') : undefined;
  if (flat !== undefined) {
    const base = kernel.memory.pointer(flat);
    const startFrame = kernel.types === undefined ? 0 : flatFirstFrame(kernel, base, pageStructSize);
    return { base, firstFrame: startFrame, pageStructSize, name: 'mem_map' };
  }
  const virtual = kernel.vmcoreinfo?.symbol('vmemmap');
  if (virtual !== undefined) return { base: toAddress(virtual), firstFrame: 0, pageStructSize, name: 'vmemmap' };
  if (kernel.machine.architecture === 'x86-64')
    return { base: layoutX8664(kernel).vmemmapStart, firstFrame: 0, pageStructSize, name: 'vmemmap' };
  // powerpc and s390 keep the address in a variable of this name.
  const base = variable(kernel, 'vmemmap');
  return base === undefined || base === 0n ? undefined : { base: toAddress(base), firstFrame: 0, pageStructSize, name: 'vmemmap' };
}

/**
 * ARCH_PFN_OFFSET of a flat memory map: its first element's frame. node_mem_map belongs to the first frame of the one node,
 * behind mem_map where that begins at an aligned frame below (mm/mm_init.c:alloc_node_mem_map).
 */
function flatFirstFrame(kernel: Kernel, base: Address, pageStructSize: number): number {
  const node = kernel.addressOf('contig_page_data');
  if (node === undefined) return 0;
  const shape = kernel.structs('the memory map').get('pglist_data');
  const start = shape.number(node, 'node_start_pfn');
  const before = shape.has('node_mem_map') ? Number(shape.pointer(node, 'node_mem_map') - base) / pageStructSize : 0;
  return Number.isInteger(before) && before > 0 && before <= start ? start - before : start;
}

/** Frame number that a struct page describes; undefined for an address that is no struct page. */
export function pageFrameOf(kernel: Kernel, page: Address): number | undefined {
  const map = memoryMap(kernel);
  if (map === undefined || page < map.base) return undefined;
  const offset = Number(page - map.base);
  return offset % map.pageStructSize === 0 ? map.firstFrame + offset / map.pageStructSize : undefined;
}

/** Address of the struct page of a frame. */
export function pageOfFrame(kernel: Kernel, frame: number): Address | undefined {
  const map = memoryMap(kernel);
  return map === undefined ? undefined : addToAddress(map.base, (frame - map.firstFrame) * map.pageStructSize);
}
