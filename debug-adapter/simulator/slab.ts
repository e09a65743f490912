/**
 * Slab caches (mm/slub.c) of a simulated kernel: each slab is a run of pages whose struct page says so, with its free objects in
 * a list inside it. Slabs with free objects stand on the node's partial list; empty ones go back to the page allocator.
 */
import type { CTypes } from './c-declarations.ts';
import type { KernelMemory } from './kernel-memory.ts';
import type { PageAllocator } from './page-allocator.ts';

/** kmem_cache_node.min_partial: empty slabs that are kept. */
const keptEmpty = 5;

/** One kmem_cache. Objects are physical byte addresses; an object that is taken is zeroed. */
export class SlabCache {
  readonly #memory: KernelMemory;
  readonly #pages: PageAllocator;
  readonly #cache: number;
  readonly #order: number;
  readonly #objects: number;
  readonly #partial: number;
  readonly #partialCount: number;
  readonly #offsets: Readonly<Record<'cache' | 'list' | 'free' | 'counters' | 'type' | 'head', number>>;
  readonly #pageSize: number;
  /** Bytes from one object to the next. */
  readonly size: number;
  readonly name: string;

  constructor(
    memory: KernelMemory,
    parts: {
      readonly types: CTypes;
      readonly pages: PageAllocator;
      readonly place: (size: number) => number;
      readonly name: string;
      readonly size: number;
      readonly align?: number;
    },
  ) {
    const { types, name } = parts;
    this.#memory = memory;
    this.#pages = parts.pages;
    this.name = name;
    const align = parts.align ?? memory.pointerSize;
    this.size = Math.ceil(parts.size / align) * align;
    let order = 0;
    while ((4096 << order) / this.size < 8 && order < 3) order++;
    this.#order = order;
    this.#objects = Math.floor((4096 << order) / this.size);
    this.#offsets = {
      cache: types.offset('slab', 'slab_cache'),
      list: types.offset('slab', 'slab_list'),
      free: types.offset('slab', 'freelist'),
      counters: types.offset('slab', 'counters'),
      type: types.offset('slab', '__page_type'),
      head: types.offset('page', 'compound_head'),
    };
    this.#pageSize = types.size('page');
    const at = parts.place(types.size('kmem_cache'));
    this.#cache = at;
    const text = parts.place(32);
    memory.setText(text, name, 32);
    const node = parts.place(types.size('kmem_cache_node'));
    const member = (path: string): number => at + types.offset('kmem_cache', path);
    memory.setU32(member('size'), this.size);
    memory.setU32(member('object_size'), parts.size);
    memory.setU32(member('order'), order);
    memory.setU32(member('objects'), this.#objects);
    memory.setPointer(member('name'), text);
    memory.listInit(member('list'));
    memory.setPointer(member('node'), node);
    this.#partial = node + types.offset('kmem_cache_node', 'partial');
    this.#partialCount = node + types.offset('kmem_cache_node', 'nr_partial');
    memory.listInit(this.#partial);
  }

  /** An object filled with zeros. Throws `Fault`. */
  take(): number {
    const memory = this.#memory;
    const { list, free } = this.#offsets;
    const slab = memory.listEmpty(this.#partial) ? this.#newSlab() : memory.pointer(this.#partial) - list;
    const object = memory.pointer(slab + free);
    const next = memory.pointer(object);
    memory.setPointer(slab + free, next);
    this.#count(slab, 1);
    if (next === 0) {
      memory.listDelete(slab + list);
      this.#countPartial(-1);
    }
    memory.fill(object, 0, this.size);
    return object;
  }

  /** Whether an object of this cache, in use or free, lies at a physical address. */
  holds(at: number): boolean {
    const frame = Math.floor(at / 4096);
    const first = frame - (frame % (1 << this.#order));
    const slab = this.#pages.pageAt(first);
    return (
      this.#pages.isSlab(first) && this.#memory.pointer(slab + this.#offsets.cache) === this.#cache && (at - first * 4096) % this.size === 0
    );
  }

  /** Gives an object back. */
  give(object: number): void {
    const memory = this.#memory;
    const { list, free } = this.#offsets;
    const frame = Math.floor(object / 4096);
    const first = frame - (frame % (1 << this.#order));
    const slab = this.#pages.pageAt(first);
    const next = memory.pointer(slab + free);
    memory.setPointer(object, next);
    memory.setPointer(slab + free, object);
    const used = this.#count(slab, -1);
    if (next === 0) {
      memory.listAddTail(slab + list, this.#partial);
      this.#countPartial(1);
    }
    if (used === 0 && memory.word(this.#partialCount) > keptEmpty) {
      memory.listDelete(slab + list);
      this.#countPartial(-1);
      this.#freeSlab(first);
    }
  }

  /** Adds to slab.inuse, the low 16 bits of its counters. */
  #count(slab: number, by: number): number {
    const at = slab + this.#offsets.counters;
    const word = this.#memory.u32(at) + by;
    this.#memory.setU32(at, word);
    return word & 0xffff;
  }

  #countPartial(by: number): void {
    this.#memory.setWord(this.#partialCount, this.#memory.word(this.#partialCount) + by);
  }

  #newSlab(): number {
    const memory = this.#memory;
    const { cache, list, free, counters, head } = this.#offsets;
    const frame = this.#pages.take(this.#order);
    const slab = this.#pages.pageAt(frame);
    if (this.#order > 0) {
      this.#pages.setFlag(frame, 'head');
      for (let index = 1; index < 1 << this.#order; index++) memory.setPointer(slab + index * this.#pageSize + head, slab + 1);
    }
    memory.setPointer(slab + cache, this.#cache);
    memory.setU32(slab + counters, this.#objects * 0x1_0000);
    for (let index = 0; index < this.#objects; index++) {
      const object = frame * 4096 + index * this.size;
      memory.setPointer(object, index + 1 < this.#objects ? object + this.size : 0);
    }
    memory.setPointer(slab + free, frame * 4096);
    // The type goes last: until then it is a page like any other.
    this.#pages.setType(frame, 'slab');
    memory.listAdd(slab + list, this.#partial);
    this.#countPartial(1);
    return slab;
  }

  #freeSlab(frame: number): void {
    this.#pages.give(frame, this.#order);
  }
}
