/**
 * Where vmap_areas stand (mm/vmalloc.c): the tree and list of free ones with the largest area below each node, and for each
 * vmap node those in use, lazily freed, and kept in pools. Areas are physical addresses; start and end are page numbers.
 */
import type { Core } from './core.ts';
import { Fault } from './fault.ts';
import type { KernelMemory } from './kernel-memory.ts';
import { RbTree } from './rb-tree.ts';

/** Bits of vmap_area.flags (mm/vmalloc.c: VMAP_RAM, VMAP_BLOCK). */
export const vmapFlags = { ram: 1, block: 2 } as const;

/** Pools of freed areas that a vmap node keeps, one for each size in pages (mm/vmalloc.c: MAX_VA_SIZE_PAGES). */
export const poolCount = 256;

/** Keeps tree, list and sizes in step as mm/vmalloc.c does; free areas and those of nodes apart. */
export class VmapSpace {
  readonly core: Core;
  readonly memory: KernelMemory;
  readonly at: Readonly<Record<'start' | 'end' | 'rb' | 'list' | 'vm' | 'flags', number>>;
  readonly node: Readonly<Record<'size' | 'busyRoot' | 'busyHead' | 'lazyRoot' | 'lazyHead' | 'purge' | 'skip' | 'poolLength', number>>;
  readonly hasFlags: boolean;
  readonly #free: RbTree;
  readonly #plain: RbTree;
  readonly #freeRoot: number;
  readonly #freeHead: number;
  readonly #poolSize: number;
  readonly #poolLength: number;

  constructor(core: Core) {
    const { types, memory } = core;
    this.core = core;
    this.memory = memory;
    this.hasFlags = types.has('vmap_area', 'flags');
    const member = (name: string): number => types.offset('vmap_area', name);
    this.at = {
      start: member('va_start'),
      end: member('va_end'),
      rb: member('rb_node'),
      list: member('list'),
      vm: member('vm'),
      flags: this.hasFlags ? member('flags') : 0,
    };
    const inNode = (name: string): number => types.offset('vmap_node', name);
    this.node = {
      size: types.size('vmap_node'),
      busyRoot: inNode('busy.root'),
      busyHead: inNode('busy.head'),
      lazyRoot: inNode('lazy.root'),
      lazyHead: inNode('lazy.head'),
      purge: inNode('purge_list'),
      skip: inNode('skip_populate'),
      poolLength: types.offset('vmap_pool', 'len'),
    };
    this.#poolSize = types.size('vmap_pool');
    this.#poolLength = this.node.poolLength;
    this.#freeRoot = core.symbol('free_vmap_area_root');
    this.#freeHead = core.symbol('free_vmap_area_list');
    this.#plain = new RbTree(memory);
    this.#free = new RbTree(memory, {
      propagate: (node, stop) => {
        for (let at = node; at !== stop && at !== 0; at = this.#free.parent(at)) if (!this.#computeLargest(at)) break;
      },
      copy: (from, to) => {
        this.#copyLargest(from, to);
      },
      rotate: (lower, upper) => {
        this.#copyLargest(lower, upper);
        this.#computeLargest(lower);
      },
    });
  }

  /** va_start as a page number. */
  start(area: number): number {
    return this.memory.page(area + this.at.start);
  }

  /** va_end as a page number, exclusive. */
  end(area: number): number {
    return this.memory.page(area + this.at.end);
  }

  /** Writes va_start and va_end; `end` is exclusive. */
  setRange(area: number, start: number, end: number): void {
    this.memory.setPage(area + this.at.start, start);
    this.memory.setPage(area + this.at.end, end);
  }

  /** vmap_area.flags; 0 in kernels without that member. */
  flags(area: number): number {
    return this.hasFlags ? this.memory.word(area + this.at.flags) : 0;
  }

  /** Does nothing in kernels without that member. */
  setFlags(area: number, flags: number): void {
    if (this.hasFlags) this.memory.setWord(area + this.at.flags, flags);
  }

  /** The vm_struct's physical address, 0 for none. */
  vm(area: number): number {
    return this.memory.pointer(area + this.at.vm);
  }

  /** 0 for none. The member shares its place with others of a union in struct vmap_area. */
  setVm(area: number, vm: number): void {
    this.memory.setPointer(area + this.at.vm, vm);
  }

  /** nr_vmap_nodes. */
  get nodes(): number {
    return this.memory.u32(this.core.symbol('nr_vmap_nodes'));
  }

  /** Physical address of a vmap_node. */
  nodeAt(index: number): number {
    return this.memory.pointer(this.core.symbol('vmap_nodes')) + index * this.node.size;
  }

  /** addr_to_node_id(). */
  nodeOf(page: number): number {
    const zone = this.memory.u32(this.core.symbol('vmap_zone_size')) / 4096;
    return zone < 1 ? 0 : Math.floor(page / zone) % this.nodes;
  }

  /** encode_vn_id() and decode_vn_id(): the node for whose pools an area was made. */
  poolNode(area: number): number | undefined {
    const id = Math.floor(this.flags(area) / 256) - 1;
    return id >= 0 && id < this.nodes ? id : undefined;
  }

  /** Puts an area into use (insert_vmap_area). */
  insertBusy(area: number): void {
    const at = this.nodeAt(this.nodeOf(this.start(area)));
    this.#insert(area, at + this.node.busyRoot, at + this.node.busyHead);
  }

  /** The area in use that holds a page (find_vmap_area): the nodes are asked in turn, from the address's own on. */
  findBusy(page: number): number | undefined {
    const first = this.nodeOf(page);
    for (let index = 0; index < this.nodes; index++) {
      const found = this.#find(page, this.nodeAt((first + index) % this.nodes) + this.node.busyRoot);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Takes an area out of use (unlink_va). */
  removeBusy(area: number): void {
    this.#remove(area, this.nodeAt(this.nodeOf(this.start(area))) + this.node.busyRoot);
  }

  /** Areas in use, node by node, ascending. */
  *busy(): Generator<number> {
    for (let index = 0; index < this.nodes; index++)
      for (const link of this.memory.list(this.nodeAt(index) + this.node.busyHead)) yield link - this.at.list;
  }

  /** Into the lazy tree and list of the area's node (the one that its pool bits name, else by address). */
  insertLazy(area: number): void {
    const at = this.nodeAt(this.poolNode(area) ?? this.nodeOf(this.start(area)));
    this.#insert(area, at + this.node.lazyRoot, at + this.node.lazyHead);
  }

  /** Moves a node's lazily freed areas to its purge list; whether there were any. */
  beginPurge(index: number): boolean {
    const at = this.nodeAt(index);
    const { memory } = this;
    memory.listInit(at + this.node.purge);
    if (memory.pointer(at + this.node.lazyRoot) === 0) return false;
    memory.setPointer(at + this.node.lazyRoot, 0);
    for (const link of memory.list(at + this.node.lazyHead)) {
      memory.listDelete(link);
      memory.listAddTail(link, at + this.node.purge);
    }
    return true;
  }

  /** Areas that a purge has taken. */
  *purging(index: number): Generator<number> {
    for (const link of this.memory.list(this.nodeAt(index) + this.node.purge)) yield link - this.at.list;
  }

  /** An area of a pool of exactly so many pages at a multiple of `align` pages (node_pool_del_va). */
  takePooled(index: number, pages: number, align: number): number | undefined {
    if (pages > poolCount) return undefined;
    const head = this.nodeAt(index) + (pages - 1) * this.#poolSize;
    const { memory } = this;
    if (memory.listEmpty(head)) return undefined;
    const link = memory.pointer(head);
    const area = link - this.at.list;
    if (this.start(area) % align !== 0) {
      memory.listDelete(link);
      memory.listAddTail(link, head);
      return undefined;
    }
    memory.listDelete(link);
    memory.setWord(head + this.#poolLength, memory.word(head + this.#poolLength) - 1);
    return area;
  }

  /** Keeps an area for the next of its size (node_pool_add_va); false where no pool has that size. */
  addPooled(index: number, area: number): boolean {
    const pages = this.end(area) - this.start(area);
    if (pages > poolCount) return false;
    const head = this.nodeAt(index) + (pages - 1) * this.#poolSize;
    this.memory.listAdd(area + this.at.list, head);
    this.memory.setWord(head + this.#poolLength, this.memory.word(head + this.#poolLength) + 1);
    return true;
  }

  /** Gives a quarter of each pool, or all, back to the free areas (decay_va_pool_node). */
  decayPools(index: number, full: boolean): void {
    const { memory } = this;
    for (let pool = 0; pool < poolCount; pool++) {
      const head = this.nodeAt(index) + pool * this.#poolSize;
      const length = memory.word(head + this.#poolLength);
      let left = full ? length : length >> 2;
      if (left === 0) continue;
      memory.setWord(head + this.#poolLength, length - left);
      for (const link of memory.list(head)) {
        if (left-- === 0) break;
        memory.listDelete(link);
        this.addFree(link - this.at.list);
      }
    }
  }

  /** Joins an area to the free ones (merge_or_add_vmap_area_augment). */
  addFree(freed: number): void {
    const { memory } = this;
    const { list, rb } = this.at;
    let area = freed;
    const links = this.#links(area, this.#freeRoot);
    const next =
      links.parent === 0
        ? this.#freeHead
        : this.#free.rightLink(links.parent) === links.link
          ? memory.pointer(links.parent - rb + list)
          : links.parent - rb + list;
    let merged = false;
    if (next !== this.#freeHead) {
      const sibling = next - list;
      if (this.start(sibling) === this.end(area)) {
        copyWord(memory, area + this.at.start, sibling + this.at.start);
        this.core.caches.vmap_area.give(area);
        area = sibling;
        merged = true;
      }
    }
    const previous = memory.pointer(next + memory.pointerSize);
    if (previous !== this.#freeHead) {
      const sibling = previous - list;
      if (this.end(sibling) === this.start(area)) {
        if (merged) this.#removeFree(area);
        copyWord(memory, area + this.at.end, sibling + this.at.end);
        this.core.caches.vmap_area.give(area);
        area = sibling;
        merged = true;
      }
    }
    if (!merged) this.#link(this.#free, area, { ...links, root: this.#freeRoot, head: this.#freeHead });
    this.#propagate(area);
  }

  /** The first free area, with the page at which so many pages begin; undefined where there is none (find_vmap_lowest_match). */
  findFree(pages: number, align: number, from: number): { readonly area: number; readonly start: number } | undefined {
    const length = align > 1 ? pages + align - 1 : pages;
    const { rb } = this.at;
    const tree = this.#free;
    let least = from;
    let node = this.memory.pointer(this.#freeRoot);
    while (node !== 0) {
      const area = node - rb;
      if (least < this.start(area) && this.#largest(tree.left(node)) >= length) {
        node = tree.left(node);
        continue;
      }
      const start = this.#fits(area, { pages, align, from: least });
      if (start !== undefined) return { area, start };
      if (this.#largest(tree.right(node)) >= length) {
        node = tree.right(node);
        continue;
      }
      for (node = tree.parent(node); node !== 0; node = tree.parent(node)) {
        const above = node - rb;
        const found = this.#fits(above, { pages, align, from: least });
        if (found !== undefined) return { area: above, start: found };
        if (this.#largest(tree.right(node)) >= length && least <= this.start(above)) {
          least = this.start(above) + 1;
          node = tree.right(node);
          break;
        }
      }
    }
    return undefined;
  }

  /** Takes pages out of a free area (va_clip). */
  clip(area: number, start: number, pages: number): void {
    const { memory } = this;
    const atStart = this.start(area) === start && (memory.u32(area + this.at.start) & 0xfff) === 0;
    const atEnd = this.end(area) === start + pages && (memory.u32(area + this.at.end) & 0xfff) === 0;
    if (atStart && atEnd) {
      this.#removeFree(area);
      this.core.caches.vmap_area.give(area);
      return;
    }
    if (atStart) memory.setPage(area + this.at.start, start + pages);
    else if (atEnd) memory.setPage(area + this.at.end, start);
    else {
      const lower = this.core.caches.vmap_area.take();
      copyWord(memory, area + this.at.start, lower + this.at.start);
      memory.setPage(lower + this.at.end, start);
      memory.setPage(area + this.at.start, start + pages);
      this.#propagate(area);
      const links = this.#links(lower, this.#freeRoot);
      this.#link(this.#free, lower, { ...links, root: this.#freeRoot, head: this.#freeHead });
      this.#propagate(lower);
      return;
    }
    this.#propagate(area);
  }

  /** The area [1, ULONG_MAX) that all others come from (vmap_init_free_space). */
  initialize(): void {
    const { memory } = this;
    memory.listInit(this.#freeHead);
    const area = this.core.caches.vmap_area.take();
    memory.setLong(area + this.at.start, 1n);
    memory.setLong(area + this.at.end, (1n << 64n) - 1n);
    this.#link(this.#free, area, { parent: 0, link: this.#freeRoot, root: this.#freeRoot, head: this.#freeHead });
    this.#propagate(area);
  }

  #fits(area: number, of: { readonly pages: number; readonly align: number; readonly from: number }): number | undefined {
    const first = Math.max(this.start(area) + ((this.memory.u32(area + this.at.start) & 0xfff) === 0 ? 0 : 1), of.from);
    const start = Math.ceil(first / of.align) * of.align;
    return start + of.pages <= this.end(area) ? start : undefined;
  }

  /** Pages of the largest area at or below a node. */
  #largest(node: number): number {
    return node === 0 ? 0 : this.memory.page(node - this.at.rb + this.at.vm);
  }

  #copyLargest(from: number, to: number): void {
    copyWord(this.memory, from - this.at.rb + this.at.vm, to - this.at.rb + this.at.vm);
  }

  /** Writes subtree_max_size; whether it changed. */
  #computeLargest(node: number): boolean {
    const { memory } = this;
    const area = node - this.at.rb;
    // In bytes: the ends of the space are no multiples of a page.
    const rest = (memory.u32(area + this.at.end) & 0xfff) - (memory.u32(area + this.at.start) & 0xfff);
    let pages = this.end(area) - this.start(area) - (rest < 0 ? 1 : 0);
    let low = rest < 0 ? rest + 4096 : rest;
    for (const child of [this.#free.left(node), this.#free.right(node)]) {
      if (child === 0) continue;
      const at = child - this.at.rb + this.at.vm;
      const largest = memory.page(at);
      if (largest > pages || (largest === pages && (memory.u32(at) & 0xfff) > low)) {
        pages = largest;
        low = memory.u32(at) & 0xfff;
      }
    }
    const at = area + this.at.vm;
    if (memory.page(at) === pages && (memory.u32(at) & 0xfff) === low) return false;
    memory.setPage(at, pages);
    memory.setU32(at, memory.u32(at) + low);
    return true;
  }

  #propagate(area: number): void {
    for (let node = area + this.at.rb; node !== 0; node = this.#free.parent(node)) if (!this.#computeLargest(node)) break;
  }

  #removeFree(area: number): void {
    this.#free.erase(this.#freeRoot, area + this.at.rb);
    this.memory.listDelete(area + this.at.list);
  }

  #insert(area: number, root: number, head: number): void {
    this.#link(this.#plain, area, { ...this.#links(area, root), root, head });
  }

  #remove(area: number, root: number): void {
    this.#plain.erase(root, area + this.at.rb);
    this.memory.listDelete(area + this.at.list);
  }

  /** The area of a tree that holds a page. */
  #find(page: number, root: number): number | undefined {
    for (let node = this.memory.pointer(root); node !== 0;) {
      const area = node - this.at.rb;
      if (page < this.start(area)) node = this.#plain.left(node);
      else if (page >= this.end(area)) node = this.#plain.right(node);
      else return area;
    }
    return undefined;
  }

  /** Where an area belongs in a tree (find_va_links). */
  #links(area: number, root: number): { parent: number; link: number } {
    const start = this.start(area);
    const end = this.end(area);
    let parent = 0;
    let link = root;
    for (let node = this.memory.pointer(root); node !== 0; node = this.memory.pointer(link)) {
      const other = node - this.at.rb;
      parent = node;
      if (end <= this.start(other)) link = this.#plain.leftLink(node);
      else if (start >= this.end(other)) link = this.#plain.rightLink(node);
      else {
        const text = (page: number): string => `0x${(BigInt(page) << 12n).toString(16)}`;
        throw new Fault(
          'bug',
          `vmalloc bug: ${text(start)}-${text(end)} overlaps with ${text(this.start(other))}-${text(this.end(other))}`,
        );
      }
    }
    return { parent, link };
  }

  #link(
    tree: RbTree,
    area: number,
    to: { readonly parent: number; readonly link: number; readonly root: number; readonly head: number },
  ): void {
    const { memory } = this;
    const { list, rb } = this.at;
    let before = to.head;
    if (to.parent !== 0) {
      before = to.parent - rb + list;
      if (to.link !== tree.rightLink(to.parent)) before = memory.pointer(before + memory.pointerSize);
    }
    if (tree === this.#free) memory.setWord(area + this.at.vm, 0);
    tree.insert(to.root, area + rb, to);
    memory.listAdd(area + list, before);
  }
}

function copyWord(memory: KernelMemory, from: number, to: number): void {
  memory.setU32(to, memory.u32(from));
  if (memory.pointerSize === 8) memory.setU32(to + 4, memory.u32(from + 4));
}

/** The space of this machine; there is one. */
export function vmapSpace(core: Core): VmapSpace {
  return core.once(makeSpace);
}

function makeSpace(core: Core): VmapSpace {
  return new VmapSpace(core);
}
