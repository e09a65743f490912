/**
 * The buddy allocator (mm/page_alloc.c) of a simulated kernel: free blocks stand in their zones' free_area lists and are marked
 * in struct page. One migrate type, no per-CPU lists: a freed page is free at once.
 */
import { Fault } from './fault.ts';
import type { KernelMemory } from './kernel-memory.ts';
import { pageFlags, pageTypes } from './kernel-types.ts';
import type { PageFlag } from './kernel-types.ts';
import type { CTypes } from './c-declarations.ts';

const mostOrder = 10;
const noType = 0xffff_ffff;

/** A zone whose free lists the allocator keeps. */
export interface ZonePlace {
  /** Physical address of the struct zone. */
  readonly at: number;
  readonly node: number;
  /** Frames [start, end). */
  readonly start: number;
  readonly end: number;
}

/** From frames to their struct pages, and back; both are physical addresses or frame numbers. */
export interface MemoryMapPlace {
  /** Physical address of the struct page of a frame, for frames that have one. */
  readonly pageAt: (frame: number) => number;
  readonly frameOf: (page: number) => number;
}

/**
 * Frames are physical address / 4096; an order is log2 of pages. Throws `Fault('out-of-memory')` when no block is left,
 * `Fault('bug')` for a page that is freed twice.
 */
export class PageAllocator {
  readonly #memory: KernelMemory;
  readonly #map: MemoryMapPlace;
  /** Best zone first. */
  readonly #zones: readonly ZonePlace[];
  readonly #offsets: Readonly<Record<'lru' | 'mapping' | 'index' | 'private' | 'type' | 'count', number>>;
  readonly #areaAt: number;
  readonly #areaSize: number;
  readonly #freeAt: number;

  constructor(memory: KernelMemory, parts: { readonly types: CTypes; readonly map: MemoryMapPlace; readonly zones: readonly ZonePlace[] }) {
    this.#memory = memory;
    this.#map = parts.map;
    this.#zones = parts.zones;
    const { types } = parts;
    this.#offsets = {
      lru: types.offset('page', 'lru'),
      mapping: types.offset('page', 'mapping'),
      index: types.offset('page', 'index'),
      private: types.offset('page', 'private'),
      type: types.offset('page', 'page_type'),
      count: types.offset('page', '_refcount'),
    };
    this.#areaAt = types.offset('zone', 'free_area');
    this.#areaSize = types.size('free_area');
    this.#freeAt = types.offset('free_area', 'nr_free');
  }

  /** Byte offset of _refcount in struct page. */
  get countOffset(): number {
    return this.#offsets.count;
  }

  /** Physical address of a frame's struct page. */
  pageAt(frame: number): number {
    return this.#map.pageAt(frame);
  }

  /** Frame number of the struct page at physical `page`. */
  frameOf(page: number): number {
    return this.#map.frameOf(page);
  }

  /** Free pages of all zones. */
  get free(): number {
    let pages = 0;
    for (const { at } of this.#zones)
      for (let order = 0; order <= mostOrder; order++) pages += this.#memory.word(this.#area(at, order) + this.#freeAt) << order;
    return pages;
  }

  /** Whether 2^order pages behind one another are free. */
  has(order: number): boolean {
    for (const { at } of this.#zones)
      for (let current = order; current <= mostOrder; current++)
        if (this.#memory.word(this.#area(at, current) + this.#freeAt) > 0) return true;
    return false;
  }

  /** Takes 2^order pages, not compound, each with a count of 1; the first frame. Their bytes are what they were. Throws `Fault`. */
  take(order = 0, node?: number): number {
    const first = node === undefined ? undefined : this.#from(order, node);
    const frame = first ?? this.#from(order, undefined);
    if (frame === undefined) throw new Fault('out-of-memory', `page allocation failure: order:${order}, mode:0xcc0(GFP_KERNEL)`);
    const { count, type } = this.#offsets;
    for (let index = 0; index < 1 << order; index++) {
      const page = this.pageAt(frame + index);
      this.#memory.setU32(page + type, noType);
      this.#memory.setU32(page + count, 1);
    }
    return frame;
  }

  /** As `take`, filled with zeros. */
  takeZeroed(order = 0, node?: number): number {
    const frame = this.take(order, node);
    this.#memory.fill(frame * 4096, 0, 4096 << order);
    return frame;
  }

  /** Gives 2^order pages back, with every mark of their use taken off. */
  give(frame: number, order = 0): void {
    const memory = this.#memory;
    const { lru, mapping, index: indexAt, private: privateAt, type, count } = this.#offsets;
    for (let index = 0; index < 1 << order; index++) {
      const page = this.pageAt(frame + index);
      if (memory.u32(page + type) >>> 24 === pageTypes.buddy)
        throw new Fault('bug', `BUG: Bad page state: pfn:${(frame + index).toString(16)} is free already`);
      this.#resetFlags(page);
      memory.setPointer(page + lru, 0);
      memory.setPointer(page + lru + memory.pointerSize, 0);
      memory.setWord(page + mapping, 0);
      memory.setWord(page + indexAt, 0);
      memory.setWord(page + privateAt, 0);
      memory.setU32(page + type, noType);
      memory.setU32(page + count, 0);
    }
    this.#release(frame, order);
  }

  /** Hands a run of frames to the allocator when the machine starts: as blocks as large as their place allows. */
  seed(start: number, end: number): void {
    for (let frame = start; frame < end;) {
      let order = mostOrder;
      while (frame % (1 << order) !== 0 || frame + (1 << order) > end) order--;
      this.#release(frame, order);
      frame += 1 << order;
    }
  }

  /** One bit of page.flags. */
  flag(frame: number, name: PageFlag): boolean {
    return ((this.#memory.u32(this.pageAt(frame)) >>> pageFlags.indexOf(name)) & 1) === 1;
  }

  /** Sets or clears one bit of page.flags. */
  setFlag(frame: number, name: PageFlag, on = true): void {
    const page = this.pageAt(frame);
    const bit = 1 << pageFlags.indexOf(name);
    const word = this.#memory.u32(page);
    this.#memory.setU32(page, (on ? word | bit : word & ~bit) >>> 0);
  }

  /** Writes page.page_type; undefined takes the type away. */
  setType(frame: number, name: keyof typeof pageTypes | undefined): void {
    this.#memory.setU32(this.pageAt(frame) + this.#offsets.type, name === undefined ? noType : (pageTypes[name] << 24) >>> 0);
  }

  /** Whether page.page_type says PGTY_slab. */
  isSlab(frame: number): boolean {
    return this.#memory.u32(this.pageAt(frame) + this.#offsets.type) >>> 24 === pageTypes.slab;
  }

  /** Whether a frame is free. */
  isFree(frame: number): boolean {
    for (let order = 0; order <= mostOrder; order++) if (this.#isBuddy(frame - (frame % (1 << order)), order)) return true;
    return false;
  }

  #area(zone: number, order: number): number {
    return zone + this.#areaAt + order * this.#areaSize;
  }

  #from(order: number, node: number | undefined): number | undefined {
    for (const zone of this.#zones) {
      if (node !== undefined && zone.node !== node) continue;
      for (let current = order; current <= mostOrder; current++) {
        const area = this.#area(zone.at, current);
        if (this.#memory.word(area + this.#freeAt) === 0) continue;
        const frame = this.frameOf(this.#memory.pointer(area) - this.#offsets.lru);
        this.#unlink(zone.at, frame, current);
        // The upper halves go back (expand()).
        for (let half = current; half > order;) {
          half--;
          this.#link(zone.at, frame + (1 << half), half);
        }
        return frame;
      }
    }
    return undefined;
  }

  #release(freed: number, from: number): void {
    const zone = this.#zones.find(({ start, end }) => freed >= start && freed < end);
    if (zone === undefined) throw new Fault('bug', `BUG: pfn 0x${freed.toString(16)} is in no zone`);
    let frame = freed;
    let order = from;
    for (; order < mostOrder; order++) {
      const buddy = frame % (1 << (order + 1)) === 0 ? frame + (1 << order) : frame - (1 << order);
      if (buddy < zone.start || buddy + (1 << order) > zone.end || !this.#isBuddy(buddy, order)) break;
      this.#unlink(zone.at, buddy, order);
      frame = Math.min(frame, buddy);
    }
    this.#link(zone.at, frame, order);
  }

  #isBuddy(frame: number, order: number): boolean {
    const zone = this.#zones.find(({ start, end }) => frame >= start && frame < end);
    if (zone === undefined) return false;
    const page = this.pageAt(frame);
    return (
      this.#memory.u32(page + this.#offsets.type) === (pageTypes.buddy << 24) >>> 0 &&
      this.#memory.word(page + this.#offsets.private) === order
    );
  }

  #link(zone: number, frame: number, order: number): void {
    const page = this.pageAt(frame);
    const area = this.#area(zone, order);
    this.#memory.setU32(page + this.#offsets.type, (pageTypes.buddy << 24) >>> 0);
    this.#memory.setWord(page + this.#offsets.private, order);
    this.#memory.listAdd(page + this.#offsets.lru, area);
    this.#memory.setWord(area + this.#freeAt, this.#memory.word(area + this.#freeAt) + 1);
  }

  #unlink(zone: number, frame: number, order: number): void {
    const page = this.pageAt(frame);
    const area = this.#area(zone, order);
    this.#memory.listDelete(page + this.#offsets.lru);
    this.#memory.setU32(page + this.#offsets.type, noType);
    this.#memory.setWord(page + this.#offsets.private, 0);
    this.#memory.setWord(area + this.#freeAt, this.#memory.word(area + this.#freeAt) - 1);
  }

  /** Node and zone stay in the upper bits of the word. */
  #resetFlags(page: number): void {
    const mask = (1 << pageFlags.length) - 1;
    this.#memory.setU32(page, (this.#memory.u32(page) & ~mask) >>> 0);
  }
}
