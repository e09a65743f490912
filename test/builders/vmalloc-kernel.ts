/**
 * The vmalloc structures of x86-64 kernels of five ages, written into a small memory by hand: areas on their lists and in
 * their trees, vm_structs with pages[], vmap_blocks in their array and on the free list, and the page tables of it all.
 */
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { AddressSpace } from '../../debug-adapter/memory/address-space.ts';
import { frameSize } from '../../debug-adapter/memory/physical-memory.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { CombinedSymbols } from '../../debug-adapter/symbols/combined-symbols.ts';
import { SymbolList } from '../../debug-adapter/symbols/symbol-list.ts';
import type { Member, StructType, Type } from '../../debug-adapter/symbols/types.ts';
import { dataSymbols, typeTable } from './kernel-symbols.ts';
import { SparseMemory } from './small-kernel.ts';
import { memoryImage } from './memory-image.ts';

/**
 * `flags`: to 5.1, lazily freed areas among the busy ones, radix tree of blocks. `lockless`: 5.4, free areas in a tree, an
 * llist of lazily freed ones. `purgeList`: 6.1, a list of those. `usedMap`: 6.4, flags and used_map. `nodes`: 6.9 and later.
 */
export type VmallocAge = 'flags' | 'lockless' | 'purgeList' | 'usedMap' | 'nodes';

export const vmallocStart = 0xffff_c900_0000_0000n;
const pageOffset = 0xffff_8880_0000_0000n;
const memoryMap = 0x80_0000;
const pageStructSize = 64;
/** Pages of a block: one word of used_map. */
export const blockBits = 64;

const integer = (size: number): Type => ({ kind: 'integer', name: `u${size * 8}`, size, signed: false, encoding: 'number' });
const array = (element: Type, count: number): Type => ({ kind: 'array', element, count });
const struct = (name: string, size: number, members: readonly (readonly [string, number, Type])[]): StructType => ({
  kind: 'struct',
  name,
  size,
  members: members.map(([one, offset, type]): Member => ({ name: one, type, bitOffset: offset * 8, bitSize: undefined })),
});
const word = integer(8);
const listHead = struct('list_head', 16, [
  ['next', 0, word],
  ['prev', 8, word],
]);
const rbNode = struct('rb_node', 24, [
  ['__rb_parent_color', 0, word],
  ['rb_right', 8, word],
  ['rb_left', 16, word],
]);
const rbRoot = struct('rb_root', 8, [['rb_node', 0, word]]);

/** Offsets within the structs, the same at all ages. */
const at = { start: 0, end: 8, node: 16, list: 40, vm: 56, flags: 64, purge: 72 } as const;
const vmAt = { addr: 8, size: 16, flags: 24, pages: 32, order: 40, count: 44, phys: 48, caller: 56 } as const;
const blockAt = { area: 8, free: 16, dirty: 24, used: 32, min: 40, max: 48, list: 56 } as const;
const nodeSize = 256;

export interface AreaOptions {
  /** In pages from the start of the vmalloc space. */
  readonly page: number;
  readonly pages: number;
  readonly state?: 'busy' | 'lazy' | 'free' | 'pooled' | 'purging';
  readonly flags?: bigint;
  readonly node?: number;
  readonly vm?: {
    readonly flags: number;
    /** pages[], as frames. */
    readonly frames?: readonly number[];
    readonly count?: number;
    readonly size?: number;
    readonly addr?: bigint;
    readonly phys?: bigint;
  };
}

interface Area {
  readonly at: number;
  readonly start: bigint;
  readonly end: bigint;
}

interface Index {
  readonly head: number;
  readonly root: number | undefined;
  readonly areas: Area[];
}

export class VmallocKernel {
  readonly ram = new SparseMemory();
  readonly age: VmallocAge;
  readonly #symbols = new Map<string, bigint>();
  readonly #root: number;
  readonly #busy: Index[];
  readonly #lazy: Index[];
  readonly #free: Index;
  readonly #pooled: Index;
  readonly #purging: Index;
  readonly #lockLess: number[] = [];
  readonly #blocks: { at: number; index: number }[] = [];
  readonly #freeList: number[] = [];
  readonly #array: number;
  readonly #queue: number;
  #lazyPages = 0;
  #next = 0x1000;
  #nextTable = 0x40_0000;

  constructor(age: VmallocAge) {
    this.age = age;
    this.#root = this.#table();
    this.#array = age === 'usedMap' || age === 'nodes' ? 0 : this.variable(age === 'purgeList' ? 'vmap_blocks' : 'vmap_block_tree', 16);
    this.#queue = this.variable('vmap_block_queue', 40);
    this.ram.write(this.variable('mem_map', 8), this.virtual(memoryMap), 8);
    const index = (head: number, root?: number): Index => ({ head, root, areas: [] });
    if (age === 'nodes') {
      const nodes = this.#allocate(2 * nodeSize);
      this.ram.write(this.variable('vmap_nodes', 8), this.virtual(nodes), 8);
      this.ram.write(this.variable('nr_vmap_nodes', 4), 2n, 4);
      this.ram.write(this.variable('vmap_zone_size', 4), 0x1_0000n, 4);
      this.#busy = [0, 1].map((node) => index(nodes + node * nodeSize + 104, nodes + node * nodeSize + 96));
      this.#lazy = [0, 1].map((node) => index(nodes + node * nodeSize + 136, nodes + node * nodeSize + 128));
      this.#purging = index(nodes + 160);
      // The pool of areas with two pages.
      this.#pooled = index(nodes + 24);
    } else {
      this.#busy = [index(this.variable('vmap_area_list', 16), this.variable('vmap_area_root', 8))];
      this.#lazy = ['purgeList', 'usedMap'].includes(age)
        ? [index(this.variable('purge_vmap_area_list', 16), this.variable('purge_vmap_area_root', 8))]
        : [];
      this.#purging = index(0);
      this.#pooled = index(0);
    }
    this.#free = age === 'flags' ? index(0) : index(this.variable('free_vmap_area_list', 16), this.variable('free_vmap_area_root', 8));
  }

  virtual(physical: number): bigint {
    return pageOffset + BigInt(physical);
  }

  /** Memory for a variable; its physical address. */
  variable(name: string, size: number): number {
    const place = this.#allocate(size);
    this.#symbols.set(name, this.virtual(place));
    return place;
  }

  /** A vmap_area; its physical address. */
  area({ page, pages, state = 'busy', flags = 0n, node, vm }: AreaOptions): number {
    const place = this.#allocate(96);
    const start = vmallocStart + BigInt(page) * 4096n;
    const end = start + BigInt(pages) * 4096n;
    this.ram.write(place + at.start, start, 8);
    this.ram.write(place + at.end, end, 8);
    if (this.age !== 'lockless' && this.age !== 'purgeList')
      this.ram.write(place + at.flags, this.#flagsOf(flags, state, vm !== undefined), 8);
    if (vm !== undefined) this.ram.write(place + at.vm, this.virtual(this.#vmStruct(vm, { start, size: pages * 4096 })), 8);
    const area = { at: place, start, end };
    const zone = node ?? (this.age === 'nodes' ? Math.floor(page / 16) % 2 : 0);
    if (state === 'free') this.#free.areas.push(area);
    else if (state === 'pooled') this.#pooled.areas.push(area);
    else if (state === 'purging') this.#purging.areas.push(area);
    else if (state === 'busy' || this.age === 'flags') this.#busy[zone]?.areas.push(area);
    else if (this.age === 'lockless') this.#lockLess.push(place);
    else this.#lazy[zone]?.areas.push(area);
    if (state === 'lazy' || state === 'purging') this.#lazyPages += pages;
    return place;
  }

  /** The vmap_block of an area at `page`; its physical address. */
  block(of: { area: number; page: number; free: number; dirty: number; used: bigint; index?: number; listed?: boolean }): number {
    const { area, page, free, dirty, used, index = page / blockBits, listed = free > 0 } = of;
    const place = this.#allocate(128);
    this.ram.write(place + blockAt.area, this.virtual(area), 8);
    this.ram.write(place + blockAt.free, BigInt(free), 8);
    this.ram.write(place + blockAt.dirty, BigInt(dirty), 8);
    this.ram.write(place + blockAt.used, used, 8);
    this.#blocks.push({ at: place, index });
    if (listed) this.#freeList.push(place);
    return place;
  }

  /** Maps a page of the vmalloc space to a frame; without one, nothing. Each frame's first word is its own address. */
  map(page: number, frame: number | undefined): void {
    const virtual = vmallocStart + BigInt(page) * 4096n;
    let table = this.#root;
    for (const shift of [39n, 30n, 21n]) {
      const entryAt = table + Number((virtual >> shift) & 511n) * 8;
      let entry = this.#read(entryAt);
      if (entry === 0n) {
        entry = BigInt(this.#table()) | 0x67n;
        this.ram.write(entryAt, entry, 8);
      }
      table = Number(entry & 0xf_ffff_ffff_f000n);
    }
    this.ram.write(
      table + Number((virtual >> 12n) & 511n) * 8,
      frame === undefined ? 0n : (BigInt(frame) << 12n) | 0x8000_0000_0000_0163n,
      8,
    );
    if (frame === undefined) return;
    this.ram.clear(frame * frameSize, frameSize);
    this.ram.write(frame * frameSize, BigInt(frame * frameSize), 8);
  }

  /** Sets a word of an area, vm_struct or block after it was made. */
  poke(place: number, value: bigint): void {
    this.ram.write(place, value, 8);
  }

  open(): Kernel {
    this.#link();
    const mode = x8664Mode({ levels: 4, encryptionMask: 0n });
    const pageTable = new PageTable(this.ram, mode, toPhysAddr(this.#root));
    const first = Number(pageOffset >> 12n);
    const memory = new AddressSpace(
      this.ram,
      {
        frameOf: (page) => (page >= first && page - first < 0x1_0000 ? page - first : pageTable.frameOf(page)),
        explain: (address) => pageTable.explain(address),
        untag: (address) => address,
      },
      { littleEndian: true, pointerSize: 8 },
    );
    const structs = this.#structs();
    const machine = { architecture: 'x86-64', littleEndian: true, pointerSize: 8 } as const;
    return new Kernel({
      image: memoryImage('vmalloc kernel', machine, this.ram),
      machine,
      vmcoreinfo: undefined,
      root: { mode, pageTable, findings: [], warnings: [] },
      memory,
      sources: {
        openSymbols: () => new CombinedSymbols(new SymbolList('test', dataSymbols(this.#symbols))),
        openTypes: () => typeTable({ struct: (name) => structs.get(name) }),
      },
    });
  }

  /** Address of a page of the vmalloc space. */
  static address(page: number, offset = 0): Address {
    return toAddress(vmallocStart + BigInt(page * 4096 + offset));
  }

  #flagsOf(flags: bigint, state: string, hasVm: boolean): bigint {
    if (this.age !== 'flags') return flags;
    return flags | (state === 'lazy' ? 2n : hasVm ? 4n : 0n);
  }

  #vmStruct(vm: NonNullable<AreaOptions['vm']>, of: { start: bigint; size: number }): number {
    const place = this.#allocate(64);
    this.ram.write(place + vmAt.addr, vm.addr ?? of.start, 8);
    this.ram.write(place + vmAt.size, BigInt(vm.size ?? of.size), 8);
    this.ram.write(place + vmAt.flags, BigInt(vm.flags), 8);
    this.ram.write(place + vmAt.phys, vm.phys ?? 0n, 8);
    const { frames } = vm;
    if (frames === undefined) return place;
    const pages = this.#allocate(frames.length * 8);
    frames.forEach((frame, index) => {
      this.ram.write(pages + index * 8, this.virtual(memoryMap + frame * pageStructSize), 8);
    });
    this.ram.write(place + vmAt.pages, this.virtual(pages), 8);
    this.ram.write(place + vmAt.count, BigInt(vm.count ?? frames.length), 4);
    return place;
  }

  /** Writes lists, trees, the array of blocks, and counters. */
  #link(): void {
    for (const index of [...this.#busy, ...this.#lazy, this.#free]) if (index.head !== 0) this.#linkIndex(index);
    // The purge list of node 1 and one pool are never initialized, as kmalloc_array() leaves them.
    for (const index of [this.#pooled, this.#purging]) if (index.head !== 0) this.#linkIndex(index);
    this.ram.write(this.variable('vmap_lazy_nr', 8), BigInt(this.#lazyPages), 8);
    if (this.age === 'flags' || this.age === 'lockless') {
      let link = this.variable('vmap_purge_list', 8);
      const offset = this.age === 'flags' ? at.purge : at.vm;
      const lazy = this.age === 'flags' ? [] : this.#lockLess;
      for (const place of lazy) {
        this.ram.write(link, this.virtual(place + offset), 8);
        link = place + offset;
      }
    }
    this.#linkList(this.#queue + 8, this.#freeList, blockAt.list);
    const arrayAt = this.#array === 0 ? this.#queue + 24 : this.#array;
    if (this.#blocks.length === 0) return;
    const node = this.#allocate(16 + 64 * 8);
    for (const { at: place, index } of this.#blocks) this.ram.write(node + 16 + index * 8, this.virtual(place), 8);
    // The low bits tell a node: 10 in an XArray, 01 in a radix tree.
    this.ram.write(arrayAt + 8, this.virtual(node) + (this.age === 'flags' ? 1n : 2n), 8);
  }

  #linkIndex({ head, root, areas }: Index): void {
    const sorted = [...areas].sort((a, b) => (a.start < b.start ? -1 : 1));
    this.#linkList(
      head,
      sorted.map((area) => area.at),
      at.list,
    );
    if (root === undefined) return;
    // A chain to the right is a tree too.
    let link = root;
    let largest = 0n;
    for (const area of sorted) {
      this.ram.write(link, this.virtual(area.at + at.node), 8);
      link = area.at + at.node + 8;
    }
    if (root !== this.#free.root) return;
    for (const area of sorted.reverse()) {
      const size = area.end - area.start;
      largest = size > largest ? size : largest;
      this.ram.write(area.at + at.vm, largest, 8);
    }
  }

  #linkList(head: number, places: readonly number[], offset: number): void {
    const nodes = [head, ...places.map((place) => place + offset)];
    nodes.forEach((node, index) => {
      const next = nodes[(index + 1) % nodes.length] ?? head;
      this.ram.write(node, this.virtual(next), 8);
      this.ram.write(next + 8, this.virtual(node), 8);
    });
  }

  #structs(): ReadonlyMap<string, StructType> {
    const { age } = this;
    const newer = age === 'usedMap' || age === 'nodes';
    const area: (readonly [string, number, Type])[] = [
      ['va_start', at.start, word],
      ['va_end', at.end, word],
      ['rb_node', at.node, rbNode],
      ['list', at.list, listHead],
      ['vm', at.vm, word],
    ];
    if (age !== 'flags') area.push(['subtree_max_size', at.vm, word]);
    if (age === 'flags') area.push(['purge_list', at.purge, word]);
    if (age === 'lockless') area.push(['purge_list', at.vm, word]);
    if (age === 'flags' || newer) area.push(['flags', at.flags, word]);
    const block: (readonly [string, number, Type])[] = [
      ['va', blockAt.area, word],
      ['free', blockAt.free, word],
      ['dirty', blockAt.dirty, word],
      ['dirty_min', blockAt.min, word],
      ['dirty_max', blockAt.max, word],
      ['free_list', blockAt.list, listHead],
    ];
    if (newer) block.push(['used_map', blockAt.used, array(word, 1)]);
    const queue: (readonly [string, number, Type])[] = [['free', 8, listHead]];
    if (newer) queue.push(['vmap_blocks', 24, word]);
    const slots = array(word, 64);
    const found = [
      listHead,
      rbNode,
      rbRoot,
      struct('vmap_area', 80, area),
      struct('vmap_block', 72, block),
      struct('vmap_block_queue', 40, queue),
      struct('page', pageStructSize, [['flags', 0, word]]),
      struct('vm_struct', 64, [
        ['addr', vmAt.addr, word],
        ['size', vmAt.size, word],
        ['flags', vmAt.flags, word],
        ['pages', vmAt.pages, word],
        ['page_order', vmAt.order, integer(4)],
        ['nr_pages', vmAt.count, integer(4)],
        ['phys_addr', vmAt.phys, word],
        ['caller', vmAt.caller, word],
      ]),
      ...(age === 'flags'
        ? [
            struct('radix_tree_root', 16, [['rnode', 8, word]]),
            struct('radix_tree_node', 528, [
              ['shift', 0, integer(1)],
              ['slots', 16, slots],
            ]),
          ]
        : [
            struct('xarray', 16, [['xa_head', 8, word]]),
            struct('xa_node', 528, [
              ['shift', 0, integer(1)],
              ['slots', 16, slots],
            ]),
          ]),
    ];
    if (age === 'nodes') {
      const pool = struct('vmap_pool', 24, [
        ['head', 0, listHead],
        ['len', 16, word],
      ]);
      const list = struct('rb_list', 32, [
        ['root', 0, rbRoot],
        ['head', 8, listHead],
      ]);
      found.push(
        struct('vmap_node', nodeSize, [
          ['pool', 0, array(pool, 4)],
          ['busy', 96, list],
          ['lazy', 128, list],
          ['purge_list', 160, listHead],
        ]),
      );
    }
    return new Map(found.map((one) => [one.name, one]));
  }

  #read(place: number): bigint {
    const bytes = this.ram.frame(Math.floor(place / frameSize));
    if (bytes === undefined) throw new Error(`no memory at ${place.toString(16)}`);
    return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(place % frameSize, true);
  }

  #table(): number {
    const place = this.#nextTable;
    this.#nextTable += frameSize;
    this.ram.clear(place, frameSize);
    return place;
  }

  /** Never across a frame's end, so that a word never is. */
  #allocate(size: number): number {
    const rounded = Math.ceil(size / 64) * 64;
    if (Math.floor(this.#next / frameSize) !== Math.floor((this.#next + rounded - 1) / frameSize)) {
      this.#next = Math.ceil(this.#next / frameSize) * frameSize;
    }
    const place = this.#next;
    this.#next += rounded;
    this.ram.clear(place, rounded);
    return place;
  }
}
