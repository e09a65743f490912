/** Allocation, lazy freeing and purging of vmalloc address space, function by function as in mm/vmalloc.c. */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { vmapSpace } from './vmap-space.ts';

/** What alloc_vmap_area() is asked for. */
export interface AreaRequest {
  readonly pages: number;
  /** In pages, a power of two. */
  readonly align: number;
  /** Page numbers [start, end) within which the area must lie. */
  readonly start: number;
  readonly end: number;
  /** VMAP_RAM and VMAP_BLOCK. */
  readonly flags: number;
  /** Frees address space that is kept for small mappings: asked where none is left. */
  readonly reclaim: (core: Core) => Steps;
}

/** alloc_vmap_area(): a vmap_area in use, from a pool of the CPU's node or from the free areas. Throws `Fault`. */
export function* allocVmapArea(core: Core, request: AreaRequest): Steps<number> {
  core.enter('alloc_vmap_area', () => ({
    size: BigInt(request.pages) * 4096n,
    align: BigInt(request.align) * 4096n,
    va_flags: BigInt(request.flags),
  }));
  try {
    const space = vmapSpace(core);
    const { pages, align } = request;
    const whole = request.start === core.platform.vmalloc.start && request.end === core.platform.vmalloc.end;
    let flags = request.flags;
    let area: number | undefined;
    if (whole && space.nodes > 1) {
      const node = core.cpu % space.nodes;
      flags += (node + 1) * 256;
      yield core.step(() => `look into the pool of vmap_node ${node} for an area of ${pages} pages`);
      area = space.takePooled(node, pages, align);
    }
    if (area === undefined) {
      let found = freePlace(core, request);
      if (found === undefined) {
        yield core.step(() => 'no free address space: purge what was freed lazily');
        yield* request.reclaim(core);
        yield* purgeVmapAreaLazy(core, true);
        found = freePlace(core, request);
      }
      if (found === undefined) {
        throw new Fault('out-of-memory', `vmap allocation for size ${pages * 4096} failed: use vmalloc=<size> to increase size`);
      }
      const { start, area: free } = found;
      yield core.step(() => `take ${addressOfText(core, start)} out of the free areas`);
      space.clip(free, start, pages);
      area = core.caches.vmap_area.take();
      space.setRange(area, start, start + pages);
    }
    space.setVm(area, 0);
    space.setFlags(area, flags);
    const made = area;
    yield core.step(() => `insert the vmap_area into the busy tree of vmap_node ${space.nodeOf(space.start(made))}`);
    space.insertBusy(area);
    return area;
  } finally {
    core.leave();
  }
}

function freePlace(core: Core, request: AreaRequest): { area: number; start: number } | undefined {
  const found = vmapSpace(core).findFree(request.pages, request.align, request.start);
  return found !== undefined && found.start + request.pages <= request.end ? found : undefined;
}

/** The virtual address of a page number, as `0x…`. */
export function addressOfText(core: Core, page: number): string {
  return `0x${addressOfPage(core, page).toString(16)}`;
}

/** lazy_max_pages(): more than this many lazily freed pages start a purge. */
function lazyMaxPages(core: Core): number {
  return (32 - Math.clz32(core.configuration.cpus)) * ((32 * 2 ** 20) / 4096);
}

/** free_vmap_area_noflush(): the area, out of use and unmapped, waits for the next purge. */
export function* freeVmapAreaNoflush(core: Core, area: number): Steps {
  core.enter('free_vmap_area_noflush', () => ({ va_start: addressOfPage(core, vmapSpace(core).start(area)) }));
  try {
    const space = vmapSpace(core);
    const { memory } = core;
    const counter = core.symbol('vmap_lazy_nr');
    const lazy = memory.word(counter) + space.end(area) - space.start(area);
    yield core.step(() => `put the vmap_area into the lazy tree of its node; ${lazy} pages wait for a purge`);
    memory.setWord(counter, lazy);
    space.insertLazy(area);
    if (lazy > lazyMaxPages(core)) yield* purgeVmapAreaLazy(core, false);
  } finally {
    core.leave();
  }
}

/** __purge_vmap_area_lazy(): what was freed lazily goes to the pools, and else to the free areas. */
export function* purgeVmapAreaLazy(core: Core, full: boolean): Steps {
  core.enter('__purge_vmap_area_lazy', () => ({ full_pool_decay: full }));
  try {
    const space = vmapSpace(core);
    const purged: number[] = [];
    for (let index = 0; index < space.nodes; index++) {
      core.memory.setU8(space.nodeAt(index) + space.node.skip, full ? 1 : 0);
      yield core.step(() => `give ${full ? 'the whole' : 'a quarter'} of each pool of vmap_node ${index} back`);
      space.decayPools(index, full);
      if (space.beginPurge(index)) purged.push(index);
    }
    if (purged.length === 0) return;
    yield core.step(() => 'flush the TLBs of all CPUs');
    for (const index of purged) {
      for (const area of [...space.purging(index)]) {
        yield core.step(() => `${addressOfText(core, space.start(area))} is free again`);
        reclaim(core, area, full);
      }
    }
  } finally {
    core.leave();
  }
}

function reclaim(core: Core, area: number, full: boolean): void {
  const space = vmapSpace(core);
  const counter = core.symbol('vmap_lazy_nr');
  core.memory.setWord(counter, core.memory.word(counter) - (space.end(area) - space.start(area)));
  core.memory.listDelete(area + space.at.list);
  const pool = space.poolNode(area);
  if (pool !== undefined && !full && space.addPooled(pool, area)) return;
  space.addFree(area);
}
