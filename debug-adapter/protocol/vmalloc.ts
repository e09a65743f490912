/** The vmalloc space: areas in every state, blocks, queues and counters; whole, in parts, and counted. Types only. */
import type { Hex } from './facts.ts';

/** State of a vmap_block, counted in pages. */
export interface VmallocBlockFacts {
  readonly address: Hex;
  readonly free: number;
  readonly dirty: number;
  readonly dirtyMin: number;
  readonly dirtyMax: number;
  /** Runs of used pages as [first page, count]; null where the kernel has no used_map and it cannot be known. */
  readonly used: readonly (readonly [number, number])[] | null;
  /** Pages in the block. */
  readonly pages: number;
  /** CPU whose free list holds the block; null where the kernel does not record it. */
  readonly cpu: number | null;
  /** CPU on whose free list it was found; null where on none, as is a block that has nothing free. */
  readonly freeListCpu: number | null;
  /** Its key in the kernel's array of blocks, and the CPU whose array that is; null where there is one array. */
  readonly index: Hex;
  readonly arrayCpu: number | null;
}

/** One vmap_area; `size` in bytes, its guard page included. */
export interface VmallocAreaFacts {
  readonly start: Hex;
  readonly end: Hex;
  readonly size: number;
  /** vmap_area flags by name: `VM_RAM`, `VM_BLOCK`. */
  readonly flags: readonly string[];
  /** Address of the vmap_area. */
  readonly address: Hex;
  readonly vm: Hex | null;
  readonly vmFlags: readonly string[];
  readonly caller: string | null;
  readonly pages: number | null;
  readonly physical: Hex | null;
  /** Order of the blocks that a huge vmalloc got its pages in, else 0; null without a vm_struct. */
  readonly pageOrder: number | null;
  /** vmap node, 0 where the kernel has one tree. */
  readonly node: number;
  readonly block: VmallocBlockFacts | null;
}

/** Free address space; `address` is null for gaps that the kernel does not record (before 5.2). */
export interface VmallocFreeFacts {
  readonly start: Hex;
  readonly end: Hex;
  readonly size: Hex;
  readonly address: Hex | null;
}

/** Each CPU's vmap_block_queue: vmap_blocks in the order in which they are tried. */
export interface VmallocQueueFacts {
  readonly cpu: number;
  readonly address: Hex;
  readonly free: readonly Hex[];
}

/** What an area in use is for. */
export type VmallocKind = 'vm_map_ram block' | 'vm_map_ram' | 'vmalloc' | 'vmap' | 'ioremap';

/** A list of areas, by its name in `VmallocFacts`. */
export type VmallocList = 'areas' | 'lazy' | 'purging' | 'pooled';

/** A part of one list, by address where it is of those in use. */
export interface VmallocPartFacts {
  readonly areas: readonly VmallocAreaFacts[];
  /** Free address space, where that is the list asked for. */
  readonly free: readonly VmallocFreeFacts[];
  /** Whether the list goes on behind it. */
  readonly more: boolean;
}

/** How many areas there are in each list, and of each kind in use. */
export interface VmallocCountFacts {
  /** Kinds that there are. `bytes`: the address space that they take, guard pages included. */
  readonly kinds: readonly { readonly kind: VmallocKind; readonly count: number; readonly bytes: number }[];
  readonly areas: number;
  readonly lazy: number;
  readonly purging: number;
  readonly pooled: number;
  readonly free: number;
  readonly queues: readonly VmallocQueueFacts[];
  readonly purge: VmallocPurgeFacts;
  readonly warnings: readonly string[];
}

/** The answer of `vmalloc`: areas in use, and those that are freed and wait. */
export interface VmallocFacts {
  /** In use, vmap node by vmap node; ascending in each. */
  readonly areas: readonly VmallocAreaFacts[];
  readonly lazy: readonly VmallocAreaFacts[];
  /** Taken from the lazy list by a purge that was under way. */
  readonly purging: readonly VmallocAreaFacts[];
  /** Kept by size for the next allocation. */
  readonly pooled: readonly VmallocAreaFacts[];
  /** Ascending. */
  readonly free: readonly VmallocFreeFacts[];
  readonly queues: readonly VmallocQueueFacts[];
  readonly purge: VmallocPurgeFacts;
  readonly warnings: readonly string[];
}

/** How far lazy freeing has come; in pages. null where the kernel does not tell. */
export interface VmallocPurgeFacts {
  /** vmap_lazy_nr. */
  readonly lazyPages: number | null;
  /** Pages of the areas that are lazily freed or being purged. */
  readonly listedPages: number;
  /** More lazily freed pages than this start a purge (lazy_max_pages). */
  readonly threshold: number | null;
  /** nr_vmalloc_pages. */
  readonly vmallocPages: number | null;
  /** Bytes that follow each other in one vmap node; 1 where all is in one. */
  readonly zoneSize: number;
  /** Areas of each vmap node; one entry where the kernel has one tree. */
  readonly nodes: readonly {
    readonly index: number;
    readonly address: Hex | null;
    readonly busy: number;
    readonly lazy: number;
    readonly purging: number;
    readonly pooled: number;
  }[];
}

/** The frames behind one vmap_area. */
export interface VmallocPagesFacts {
  readonly start: Hex;
  readonly end: Hex;
  /** `pages`: vm_struct.pages[]; `page-table`: where the area has no such array, what is mapped. */
  readonly source: 'pages' | 'page-table';
  readonly pageSize: number;
  readonly pageOrder: number;
  /** Pages that the area has room for, its guard page apart. */
  readonly total: number;
  /** Pages without a frame. */
  readonly missing: number;
  /** `page`: first page of the area; `physical`: its address; `node`: NUMA node, null where it cannot be told. */
  readonly runs: readonly { readonly page: number; readonly count: number; readonly physical: Hex; readonly node: number | null }[];
  /** Whether there are more runs than are told. */
  readonly cut: boolean;
}
