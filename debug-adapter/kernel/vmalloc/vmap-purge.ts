/** How far the lazy freeing of vmalloc address space has come (mm/vmalloc.c:__purge_vmap_area_lazy), by the kernel's counters. */
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { idleAreas, vmapAreas } from './vmap-area.ts';
import type { VmapArea } from './vmap-area.ts';
import { vmapPlaces } from './vmap-places.ts';

/** How much freed address space waits for the TLBs to be flushed (mm/vmalloc.c:__purge_vmap_area_lazy). */
export interface PurgeState {
  /** vmap_lazy_nr, in pages; undefined where the symbol is missing or cannot be read. */
  readonly lazyPages: number | undefined;
  /** Pages of the areas that are lazily freed or being purged. */
  readonly listedPages: number;
  /** lazy_max_pages(): more lazily freed pages than this start a purge. */
  readonly threshold: number | undefined;
  /** nr_vmalloc_pages; undefined where the kernel counts otherwise (NR_VMALLOC) or does not tell. */
  readonly vmallocPages: number | undefined;
  readonly nodes: readonly VmapNodeState[];
  /** Bytes that follow each other in one node; 1 where all is in node 0. */
  readonly zoneSize: number;
}

/** How many areas a node has, by what has become of them. */
export interface VmapNodeState {
  readonly index: number;
  readonly address: Address | undefined;
  readonly busy: number;
  readonly lazy: number;
  readonly purging: number;
  readonly pooled: number;
}

/** 32 MiB for each bit of the number of online CPUs (mm/vmalloc.c:lazy_max_pages). */
const lazyBytes = 32 * 2 ** 20;

/** Counts of areas, and of pages of the kernel's page size; a counter that cannot be read is undefined. */
export function purgeState(kernel: Kernel): PurgeState {
  const { busy, lazy } = vmapAreas(kernel);
  const { purging, pooled } = idleAreas(kernel);
  const { nodes, zoneSize } = vmapPlaces(kernel);
  const counts = { busy: countByNode(busy), lazy: countByNode(lazy), purging: countByNode(purging), pooled: countByNode(pooled) };
  const cpus = onlineCpus(kernel);
  return {
    lazyPages: counter(kernel, 'vmap_lazy_nr'),
    listedPages: pagesOf(kernel, lazy) + pagesOf(kernel, purging),
    threshold: cpus === undefined ? undefined : (32 - Math.clz32(cpus)) * (lazyBytes / kernel.pageSize),
    vmallocPages: counter(kernel, 'nr_vmalloc_pages'),
    zoneSize,
    nodes: nodes.map(({ index, address }) => ({
      index,
      address,
      busy: counts.busy.get(index) ?? 0,
      lazy: counts.lazy.get(index) ?? 0,
      purging: counts.purging.get(index) ?? 0,
      pooled: counts.pooled.get(index) ?? 0,
    })),
  };
}

/** Pages that the areas cover. */
export function pagesOf(kernel: Kernel, areas: readonly VmapArea[]): number {
  return areas.reduce((sum, { start, end }) => sum + Number(end - start) / kernel.pageSize, 0);
}

function countByNode(areas: readonly VmapArea[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { node } of areas) counts.set(node, (counts.get(node) ?? 0) + 1);
  return counts;
}

/** An atomic_t (before 5.0) or atomic_long_t of mm/vmalloc.c; no machine has 2^32 pages of it. */
function counter(kernel: Kernel, name: string): number | undefined {
  const at = kernel.addressOf(name);
  if (at === undefined) return undefined;
  try {
    const { memory } = kernel;
    if (memory.littleEndian || memory.pointerSize === 4) return memory.u32(at);
    const word = memory.word(at);
    return Number(word >> 32n === 0n ? word : word >> 32n);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return undefined;
  }
}

function onlineCpus(kernel: Kernel): number | undefined {
  try {
    const counted = kernel.addressOf('__num_online_cpus');
    if (counted !== undefined) return kernel.memory.u32(counted);
    const mask = kernel.addressOf('__cpu_online_mask');
    const bytes = kernel.types?.struct('cpumask')?.size;
    if (mask === undefined || bytes === undefined) return undefined;
    let count = 0;
    for (let offset = 0; offset < bytes; offset += kernel.memory.pointerSize) {
      for (let word = kernel.memory.word(addToAddress(mask, offset)); word !== 0n; word &= word - 1n) count++;
    }
    return count;
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return undefined;
  }
}
