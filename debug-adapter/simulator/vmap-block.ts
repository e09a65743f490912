/** vm_map_ram() and the vmap_blocks that serve its small requests, function by function as in mm/vmalloc.c. */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { mapKernelPages, needPages, unmapKernelPages } from './kernel-mapping.ts';
import { kernelProtection } from './protection.ts';
import { addressOfText, allocVmapArea, freeVmapAreaNoflush, purgeVmapAreaLazy } from './vmap-area.ts';
import { vmapFlags, vmapSpace } from './vmap-space.ts';
import { xaEntries, xaErase, xaInsert, xaLoad } from './xarray.ts';

interface BlockOffsets {
  readonly va: number;
  readonly free: number;
  readonly dirty: number;
  readonly usedMap: number | undefined;
  readonly dirtyMin: number;
  readonly dirtyMax: number;
  readonly freeList: number;
  readonly purge: number;
  readonly cpu: number;
  readonly queueFree: number;
  readonly queueBlocks: number;
}

/** Byte offsets in struct vmap_block and vmap_block_queue, found once a machine. */
export function blockOffsets(core: Core): BlockOffsets {
  return core.once(findOffsets);
}

function findOffsets({ types }: Core): BlockOffsets {
  const member = (name: string): number => types.offset('vmap_block', name);
  return {
    va: member('va'),
    free: member('free'),
    dirty: member('dirty'),
    usedMap: types.has('vmap_block', 'used_map') ? member('used_map') : undefined,
    dirtyMin: member('dirty_min'),
    dirtyMax: member('dirty_max'),
    freeList: member('free_list'),
    purge: member('purge'),
    cpu: member('cpu'),
    queueFree: types.offset('vmap_block_queue', 'free'),
    queueBlocks: types.offset('vmap_block_queue', 'vmap_blocks'),
  };
}

/** VMAP_MAX_ALLOC: larger requests have an area of their own. */
export function mostBlockPages(core: Core): number {
  return core.memory.pointerSize * 8;
}

/** Pages behind one another: their frames by index. */
export interface Frames {
  readonly count: number;
  readonly frame: (index: number) => number;
}

/** vm_map_ram(): maps pages, out of a block where they are few. Gives the page number of the address. Throws `Fault`. */
export function* vmMapRam(core: Core, frames: Frames): Steps<number> {
  core.enter('vm_map_ram', () => ({ count: BigInt(frames.count) }));
  try {
    needPages(core, 0);
    let page: number;
    if (frames.count <= mostBlockPages(core)) page = yield* vbAlloc(core, frames.count);
    else {
      const { start, end } = core.platform.vmalloc;
      const area = yield* allocVmapArea(core, {
        pages: frames.count,
        align: 1,
        start,
        end,
        flags: vmapFlags.ram,
        reclaim: purgeFragmentedBlocksAllCpus,
      });
      page = vmapSpace(core).start(area);
    }
    yield* mapKernelPages(core, '__vmap_pages_range_noflush', {
      page,
      pages: frames.count,
      address: (index) => frames.frame(index) * 4096,
      bits: kernelProtection.data,
    });
    return page;
  } finally {
    core.leave();
  }
}

/** vm_unmap_ram(): `count` as it was given to vm_map_ram(). Throws `Fault`. */
export function* vmUnmapRam(core: Core, page: number, count: number): Steps {
  const address = addressOfPage(core, page);
  core.enter('vm_unmap_ram', () => ({ mem: address, count: BigInt(count) }));
  try {
    if (page < core.platform.vmalloc.start || page >= core.platform.vmalloc.end) {
      throw new Fault('bug', `kernel BUG at mm/vmalloc.c: vm_unmap_ram() of ${addressOfText(core, page)}, which is no vmalloc address`, {
        address,
      });
    }
    if (count <= mostBlockPages(core)) {
      yield* vbFree(core, page, count);
      return;
    }
    const space = vmapSpace(core);
    const area = space.findBusy(page);
    if (area === undefined || space.start(area) !== page) {
      throw new Fault('warning', `WARNING: vm_unmap_ram: there is no vmap_area at ${addressOfText(core, page)}`, { address });
    }
    yield core.step(() => 'take the vmap_area out of the busy tree');
    space.removeBusy(area);
    yield* unmapKernelPages(core, 'vunmap_range_noflush', { page, pages: space.end(area) - page });
    yield* freeVmapAreaNoflush(core, area);
  } finally {
    core.leave();
  }
}

/** vb_alloc(): pages of a block of the CPU that has enough left, or of a new one. */
export function* vbAlloc(core: Core, pages: number): Steps<number> {
  core.enter('vb_alloc', () => ({ size: BigInt(pages) * 4096n }));
  try {
    const { memory } = core;
    const at = blockOffsets(core);
    const taken = 2 ** orderOf(pages);
    for (const link of memory.list(core.perCpu('vmap_block_queue', core.cpu) + at.queueFree)) {
      const block = link - at.freeList;
      const free = memory.word(block + at.free);
      if (free < taken) continue;
      const offset = core.configuration.blockPages - free;
      yield core.step(() => `take pages ${offset} to ${offset + taken - 1} of the vmap_block: free ${free} -> ${free - taken}`);
      memory.setWord(block + at.free, free - taken);
      markUsed(core, block, { first: offset, count: taken, used: true });
      if (free === taken) memory.listDelete(link);
      return vmapSpace(core).start(memory.pointer(block + at.va)) + offset;
    }
    return yield* newVmapBlock(core, taken);
  } finally {
    core.leave();
  }
}

/** new_vmap_block(): a block whose first pages are taken at once. */
export function* newVmapBlock(core: Core, taken: number): Steps<number> {
  core.enter('new_vmap_block', () => ({ order: BigInt(Math.log2(taken)) }));
  try {
    const { memory, configuration } = core;
    const { blockPages } = configuration;
    const at = blockOffsets(core);
    const { start, end } = core.platform.vmalloc;
    const flags = vmapFlags.ram + vmapFlags.block;
    const area = yield* allocVmapArea(core, {
      pages: blockPages,
      align: blockPages,
      start,
      end,
      flags,
      reclaim: purgeFragmentedBlocksAllCpus,
    });
    const page = vmapSpace(core).start(area);
    const block = core.caches.vmap_block.take();
    yield core.step(() => `fill in the vmap_block: ${taken} pages used, ${blockPages - taken} free`);
    memory.setPointer(block + at.va, area);
    memory.setWord(block + at.free, blockPages - taken);
    memory.setWord(block + at.dirty, 0);
    memory.setWord(block + at.dirtyMin, blockPages);
    memory.setWord(block + at.dirtyMax, 0);
    markUsed(core, block, { first: 0, count: taken, used: true });
    memory.listInit(block + at.freeList);
    memory.setU32(block + at.cpu, core.cpu);
    const { array, index } = blockPlace(core, page);
    yield core.step(() => `store the vmap_block under index ${index}, and put it on the free list of CPU ${core.cpu}`);
    xaInsert(core, array, { index, entry: block });
    memory.listAddTail(block + at.freeList, core.perCpu('vmap_block_queue', core.cpu) + at.queueFree);
    return page;
  } finally {
    core.leave();
  }
}

/** vb_free(): pages are never used again before their block is purged. */
export function* vbFree(core: Core, page: number, pages: number): Steps {
  core.enter('vb_free', () => ({ addr: addressOfPage(core, page), size: BigInt(pages) * 4096n }));
  try {
    const { memory, configuration } = core;
    const { blockPages } = configuration;
    const at = blockOffsets(core);
    const taken = 2 ** orderOf(pages);
    const block = findBlock(core, page);
    if (block === undefined) {
      throw new Fault('page-fault', 'BUG: kernel NULL pointer dereference, address: 0000000000000000 (vb_free: no vmap_block there)', {
        address: addressOfPage(core, page),
      });
    }
    const first = page % blockPages;
    const free = memory.word(block + at.free);
    if (first + taken > blockPages - free || (at.usedMap !== undefined && !isUsed(core, block, { first, count: taken }))) {
      throw new Fault(
        'invalid-access',
        `BUG: KASAN: double-free in vb_free: pages ${first} to ${first + taken - 1} of the vmap_block are not in use`,
        {
          address: addressOfPage(core, page),
        },
      );
    }
    yield core.step(() => `clear bits ${first} to ${first + taken - 1} of used_map`);
    markUsed(core, block, { first, count: taken, used: false });
    yield* unmapKernelPages(core, 'vunmap_range_noflush', { page, pages });
    const dirty = memory.word(block + at.dirty) + taken;
    yield core.step(() => `dirty ${dirty - taken} -> ${dirty}`);
    memory.setWord(block + at.dirtyMin, Math.min(memory.word(block + at.dirtyMin), first));
    memory.setWord(block + at.dirtyMax, Math.max(memory.word(block + at.dirtyMax), first + taken));
    memory.setWord(block + at.dirty, dirty);
    if (dirty === blockPages) yield* freeVmapBlock(core, block);
  } finally {
    core.leave();
  }
}

/** free_vmap_block() */
function* freeVmapBlock(core: Core, block: number): Steps {
  core.enter('free_vmap_block', () => ({ vb: core.memory.virtual(block) }));
  try {
    const space = vmapSpace(core);
    const area = core.memory.pointer(block + blockOffsets(core).va);
    const { array, index } = blockPlace(core, space.start(area));
    yield core.step(() => `erase index ${index}, and take the vmap_area out of the busy tree`);
    xaErase(core, array, index);
    space.removeBusy(area);
    yield* freeVmapAreaNoflush(core, area);
    core.caches.vmap_block.give(block);
  } finally {
    core.leave();
  }
}

/** purge_fragmented_block(): whether a block of which nothing is in use, but not all was handed out, is to be freed. */
function purgeFragmentedBlock(core: Core, block: number, force: boolean): boolean {
  const { memory, configuration } = core;
  const { blockPages } = configuration;
  const at = blockOffsets(core);
  const free = memory.word(block + at.free);
  const dirty = memory.word(block + at.dirty);
  if (free + dirty !== blockPages || dirty === blockPages) return false;
  if (!force && free >= blockPages / 4) return false;
  memory.setWord(block + at.free, 0);
  memory.setWord(block + at.dirty, blockPages);
  memory.setWord(block + at.dirtyMin, 0);
  memory.setWord(block + at.dirtyMax, blockPages);
  memory.listDelete(block + at.freeList);
  return true;
}

/** purge_fragmented_blocks_allcpus() */
export function* purgeFragmentedBlocksAllCpus(core: Core): Steps {
  core.enter('purge_fragmented_blocks_allcpus');
  try {
    const at = blockOffsets(core);
    for (let cpu = 0; cpu < core.configuration.cpus; cpu++) {
      for (const link of [...core.memory.list(core.perCpu('vmap_block_queue', cpu) + at.queueFree)]) {
        if (purgeFragmentedBlock(core, link - at.freeList, true)) yield* freeVmapBlock(core, link - at.freeList);
      }
    }
  } finally {
    core.leave();
  }
}

/** _vm_unmap_aliases(): blocks that little of is left to be handed out are purged, dirty ranges flushed, lazy areas purged. */
export function* vmUnmapAliases(core: Core): Steps {
  core.enter('_vm_unmap_aliases');
  try {
    const { memory, configuration } = core;
    const at = blockOffsets(core);
    for (let cpu = 0; cpu < configuration.cpus; cpu++) {
      const purged: number[] = [];
      for (const block of [...xaEntries(core, core.perCpu('vmap_block_queue', cpu) + at.queueBlocks)]) {
        yield core.step(() => `look at the vmap_block at 0x${memory.virtual(block).toString(16)}`);
        if (purgeFragmentedBlock(core, block, false)) purged.push(block);
        else if (memory.word(block + at.dirtyMax) !== 0 && memory.word(block + at.dirty) !== configuration.blockPages) {
          memory.setWord(block + at.dirtyMin, configuration.blockPages);
          memory.setWord(block + at.dirtyMax, 0);
        }
      }
      for (const block of purged) yield* freeVmapBlock(core, block);
    }
    yield* purgeVmapAreaLazy(core, false);
  } finally {
    core.leave();
  }
}

/** addr_to_vb_xa() and addr_to_vb_idx() of an area's page number. */
export function blockPlace(core: Core, page: number): { readonly array: number; readonly index: number } {
  const { blockPages, cpus } = core.configuration;
  const cpu = Math.floor(page / blockPages) % cpus;
  const { start } = core.platform.vmalloc;
  return {
    array: core.perCpu('vmap_block_queue', cpu) + blockOffsets(core).queueBlocks,
    index: Math.floor((page - (start - (start % blockPages))) / blockPages),
  };
}

/** The block that holds a page; undefined where there is none. */
export function findBlock(core: Core, page: number): number | undefined {
  const { array, index } = blockPlace(core, page);
  const block = xaLoad(core, array, index);
  return block === 0 ? undefined : block;
}

function markUsed(core: Core, block: number, of: { readonly first: number; readonly count: number; readonly used: boolean }): void {
  const { usedMap } = blockOffsets(core);
  if (usedMap === undefined) return;
  for (let page = of.first; page < of.first + of.count;) {
    const at = block + usedMap + Math.floor(page / 32) * 4;
    const count = Math.min(32 - (page % 32), of.first + of.count - page);
    const mask = count === 32 ? 0xffff_ffff : ((2 ** count - 1) << (page % 32)) >>> 0;
    const word = core.memory.u32(at);
    core.memory.setU32(at, (of.used ? word | mask : word & ~mask) >>> 0);
    page += count;
  }
}

/** Whether pages of a block are all marked as used. */
function isUsed(core: Core, block: number, of: { readonly first: number; readonly count: number }): boolean {
  for (let page = of.first; page < of.first + of.count; page++) if (!pageIsUsed(core, block, page)) return false;
  return true;
}

/** Whether used_map marks a page of a block. */
export function pageIsUsed(core: Core, block: number, page: number): boolean {
  const { usedMap } = blockOffsets(core);
  return usedMap !== undefined && ((core.memory.u32(block + usedMap + Math.floor(page / 32) * 4) >>> (page % 32)) & 1) === 1;
}

/** get_order() */
function orderOf(pages: number): number {
  return pages <= 1 ? 0 : 32 - Math.clz32(pages - 1);
}
