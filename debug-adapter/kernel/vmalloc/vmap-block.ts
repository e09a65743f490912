/**
 * vmap_blocks (mm/vmalloc.c): areas of VMAP_BLOCK_SIZE out of which vm_map_ram() serves small requests. No pointer leads
 * from a vmap_area to its block; blocks are found in the kernel's xarrays, one for each CPU since 6.4, one global before.
 */
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../containers/list.ts';
import { perCpuAddress, possibleCpus } from '../per-cpu.ts';
import type { StructShape, Structs } from '../structs.ts';
import type { VmapArea } from './vmap-area.ts';
import { walkXarray } from '../containers/xarray.ts';

/** A vmap_block, of which vm_map_ram() hands out small pieces; numbers count pages. */
export interface VmapBlock {
  readonly address: Address;
  /** The vmap_area that the block carves up. */
  readonly area: Address;
  /** Pages never handed out: those from `pages - free` on. */
  readonly free: number;
  /** Pages handed out and freed again, waiting for the purge. */
  readonly dirty: number;
  /** Pending dirty range [dirtyMin, dirtyMax) in pages; dirtyMin > dirtyMax when none is pending. */
  readonly dirtyMin: number;
  readonly dirtyMax: number;
  /** Bit n set: page n is handed out. Undefined before 6.3, when the kernel did not record it. */
  readonly usedMap: readonly bigint[] | undefined;
  readonly wordBits: number;
  /** CPU whose free list holds the block (6.10+). */
  readonly cpu: number | undefined;
  /** Its key in the kernel's array of blocks, and the CPU whose array that is; undefined where there is one array. */
  readonly index: bigint;
  readonly arrayCpu: number | undefined;
}

/** State of one page of a block, as far as the block tells. */
export type BlockPageState = 'used' | 'dirty' | 'free' | 'used or dirty';

/** All blocks, array by array; read once for each kernel. */
export function vmapBlockList(kernel: Kernel): readonly VmapBlock[] {
  return kernel.once(readVmapBlocks);
}

/** All blocks by the address of their vmap_area. */
export function vmapBlocks(kernel: Kernel): ReadonlyMap<Address, VmapBlock> {
  return kernel.once(blocksByArea);
}

function blocksByArea(kernel: Kernel): ReadonlyMap<Address, VmapBlock> {
  return new Map(vmapBlockList(kernel).map((block) => [block.area, block]));
}

/** The block of an area that vm_map_ram() made; undefined for any other area and where no xarray has one. */
export function blockOf(kernel: Kernel, area: VmapArea): VmapBlock | undefined {
  return area.ram ? vmapBlocks(kernel).get(area.address) : undefined;
}

/** Pages of the block: the area's size in pages. */
export function blockPages(kernel: Kernel, area: VmapArea): number {
  return Number(area.end - area.start) / kernel.pageSize;
}

/** Whether page `page` (from 0 within the block) is in use by the block's used_map; false in kernels without that map. */
export function isUsed(block: VmapBlock, page: number): boolean {
  const word = block.usedMap?.[Math.floor(page / block.wordBits)] ?? 0n;
  return ((word >> BigInt(page % block.wordBits)) & 1n) === 1n;
}

/**
 * State of page `page` of a block of `pages`. Pages from `pages - free` on were never handed out (the allocator only moves
 * forward). Without used_map, what lies below is used or dirty, and only the counters bound which.
 */
export function blockPageState(block: VmapBlock, page: number, pages: number): BlockPageState {
  if (block.usedMap !== undefined && isUsed(block, page)) return 'used';
  if (page >= pages - block.free) return 'free';
  if (block.usedMap !== undefined || block.dirty >= pages - block.free) return 'dirty';
  return block.dirty === 0 ? 'used' : 'used or dirty';
}

/** Runs of used pages as [first page, count]; null where the kernel does not record them. */
export function usedRuns(block: VmapBlock, pages: number): (readonly [number, number])[] | null {
  if (block.usedMap === undefined) return null;
  const runs: (readonly [number, number])[] = [];
  // A damaged area may claim any size; the bitmap has an end.
  const end = Math.min(pages, block.usedMap.length * block.wordBits);
  for (let page = 0; page < end;) {
    if (!isUsed(block, page)) {
      page++;
      continue;
    }
    const first = page;
    while (page < end && isUsed(block, page)) page++;
    runs.push([first, page - first]);
  }
  return runs;
}

function readVmapBlocks(kernel: Kernel): VmapBlock[] {
  const structs = kernel.structs('finding the vmap_blocks');
  const block = structs.get('vmap_block');
  const blocks: VmapBlock[] = [];
  for (const { array, cpu } of blockArrays(kernel, structs)) {
    const entries = walkXarray(structs, array, (message) => {
      kernel.warn(`vmap_blocks: ${message}`);
    });
    for (const { index, entry } of entries) {
      try {
        blocks.push(readBlock(kernel, block, { address: entry, index, arrayCpu: cpu }));
      } catch (error) {
        if (!(error instanceof MemoryFault)) throw error;
        kernel.warn(`the vmap_block at ${formatAddress(entry)} cannot be read: ${error.reason}`);
      }
    }
  }
  return blocks;
}

function blockArrays(kernel: Kernel, structs: Structs): { array: Address; cpu: number | undefined }[] {
  const queue = structs.find('vmap_block_queue');
  const queues = kernel.addressOf('vmap_block_queue');
  if (queue?.has('vmap_blocks') === true && queues !== undefined) {
    return possibleCpus(kernel).map((cpu) => ({ array: queue.address(perCpuAddress(kernel, queues, cpu), 'vmap_blocks'), cpu }));
  }
  const global = kernel.addressOf('vmap_blocks') ?? kernel.addressOf('vmap_block_tree');
  return global === undefined ? [] : [{ array: global, cpu: undefined }];
}

/** One CPU's queue: the blocks on its free list, from which its vm_map_ram() calls are served. */
export interface VmapBlockQueue {
  readonly cpu: number;
  readonly address: Address;
  /** Addresses of vmap_blocks, in the list's order. */
  readonly free: readonly Address[];
  /** Whether the list was followed to its end. */
  readonly whole: boolean;
}

/** The queues of all possible CPUs; empty where the kernel's symbols do not tell. Read once for each kernel. */
export function vmapBlockQueues(kernel: Kernel): readonly VmapBlockQueue[] {
  return kernel.once(readQueues);
}

function readQueues(kernel: Kernel): VmapBlockQueue[] {
  const structs = kernel.structs('reading the queues of vmap_blocks');
  const shape = structs.find('vmap_block_queue');
  const block = structs.get('vmap_block');
  const symbol = kernel.addressOf('vmap_block_queue');
  if (shape === undefined || symbol === undefined) return [];
  return possibleCpus(kernel).flatMap((cpu) => {
    try {
      const address = perCpuAddress(kernel, symbol, cpu);
      let whole = true;
      const blocks = walkList(kernel.memory, shape.address(address, 'free'), block.offset('free_list'), (message) => {
        whole = false;
        kernel.warn(`vmap_block_queue of CPU ${cpu}: ${message}`);
      });
      return [{ cpu, address, free: [...blocks], whole }];
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      kernel.warn(`the vmap_block_queue of CPU ${cpu} cannot be read: ${error.reason}`);
      return [];
    }
  });
}

function readBlock(
  kernel: Kernel,
  shape: StructShape,
  of: { readonly address: Address; readonly index: bigint; readonly arrayCpu: number | undefined },
): VmapBlock {
  const { memory } = kernel;
  const { address, index, arrayCpu } = of;
  const wordBits = memory.pointerSize * 8;
  let usedMap: bigint[] | undefined;
  if (shape.has('used_map')) {
    const first = shape.address(address, 'used_map');
    const words = shape.arrayLength('used_map');
    usedMap = Array.from({ length: words }, (_, word) => memory.word(addToAddress(first, word * memory.pointerSize)));
  }
  return {
    address,
    area: shape.pointer(address, 'va'),
    free: shape.number(address, 'free'),
    dirty: shape.number(address, 'dirty'),
    dirtyMin: shape.has('dirty_min') ? shape.number(address, 'dirty_min') : 0,
    dirtyMax: shape.has('dirty_max') ? shape.number(address, 'dirty_max') : 0,
    usedMap,
    wordBits,
    cpu: shape.has('cpu') ? shape.number(address, 'cpu') : undefined,
    index,
    arrayCpu,
  };
}
