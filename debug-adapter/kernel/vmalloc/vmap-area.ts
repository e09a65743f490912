/**
 * The vmalloc space as the kernel keeps it (mm/vmalloc.c): every vmap_area that is in use, waits to be purged, or is kept
 * for the next allocation, with its vm_struct.
 */
import { addToAddress, compareAddresses, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { BoundedCache } from '../../base/bounded-cache.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { LazyList, merged } from '../containers/lazy-list.ts';
import { walkList, walkLockLessList } from '../containers/list.ts';
import { layoutOf, regionAt } from '../layout/layout.ts';
import type { StructShape, Structs } from '../structs.ts';
import { vmapPlaces } from './vmap-places.ts';
import type { VmapPlaces } from './vmap-places.ts';
import { findInTrees } from './vmap-tree.ts';

const purpose = 'listing the vmalloc areas';

/** vmap_area.flags of kernels since 6.3 (mm/vmalloc.c). Higher bits hold a node number since 6.9. */
export const vmapFlag = { ram: 1, block: 2 } as const;

/** vm_struct.flags (include/linux/vmalloc.h), lowest bit first. */
export const vmFlagNames: readonly (readonly [bit: number, name: string])[] = [
  [0x1, 'VM_IOREMAP'],
  [0x2, 'VM_ALLOC'],
  [0x4, 'VM_MAP'],
  [0x8, 'VM_USERMAP'],
  [0x10, 'VM_DMA_COHERENT'],
  [0x20, 'VM_UNINITIALIZED'],
  [0x40, 'VM_NO_GUARD'],
  [0x80, 'VM_KASAN'],
  [0x100, 'VM_FLUSH_RESET_PERMS'],
  [0x200, 'VM_MAP_PUT_PAGES'],
  [0x400, 'VM_ALLOW_HUGE_VMAP'],
  [0x800, 'VM_DEFER_KMEMLEAK'],
  [0x1000, 'VM_SPARSE'],
];

/** Bits of vm_struct.flags (include/linux/vmalloc.h: VM_IOREMAP, VM_ALLOC…). */
export const vmFlag = {
  ioremap: 0x1,
  alloc: 0x2,
  map: 0x4,
  usermap: 0x8,
  dmaCoherent: 0x10,
  uninitialized: 0x20,
  noGuard: 0x40,
  sparse: 0x1000,
} as const;

/** A vm_struct: what an allocation in the vmalloc space was made for. */
export interface VmStruct {
  readonly address: Address;
  readonly addr: Address;
  /** Bytes, guard page included unless VM_NO_GUARD. */
  readonly size: number;
  readonly flags: number;
  /** The pages array, or 0. */
  readonly pages: Address;
  readonly pageCount: number;
  /** Allocation order of the pages of a huge vmalloc, else 0. */
  readonly pageOrder: number;
  readonly physAddr: bigint;
  readonly caller: Address;
}

/** What has become of an area; `free` ones are told by kernel/vmap-free.ts. */
export type VmapState = 'busy' | 'lazy' | 'purging' | 'pooled';

/** A vmap_area: addresses [start, end) in bytes, its guard page included. */
export interface VmapArea {
  /** Of the vmap_area itself. */
  readonly address: Address;
  readonly start: Address;
  readonly end: Address;
  readonly state: VmapState;
  /** Raw flags word, 0 where the kernel has none. */
  readonly flags: number;
  /** vmap_area made by vm_map_ram(): an own mapping, or a block that is carved up. */
  readonly ram: boolean;
  readonly block: boolean;
  /** The raw vm pointer of a busy area; 0 where it has none. */
  readonly vmPointer: Address;
  readonly vm: VmStruct | undefined;
  /** Index of the vmap node that lists it; 0 where the kernel has one list. */
  readonly node: number;
}

/** Every vmap_area that the kernel's lists hold, by what has become of it. */
export interface VmapAreas {
  /** In the kernel's own order: node by node, ascending in each. */
  readonly busy: readonly VmapArea[];
  /** Freed, not yet flushed from the TLBs. Their stale vm_struct pointers are not followed. */
  readonly lazy: readonly VmapArea[];
  /** The busy areas by address, for look-up. */
  readonly sorted: readonly VmapArea[];
  /** Whether lazily freed areas stand among the busy ones in the kernel's own list (up to 5.3). */
  readonly mixed: boolean;
}

/** Areas that are neither in use nor waiting for a purge, yet not free either (6.9+). */
export interface IdleAreas {
  /** Taken from the lazy list by a purge that was under way. */
  readonly purging: readonly VmapArea[];
  /** Kept by size for the next allocation. */
  readonly pooled: readonly VmapArea[];
}

/** Whether this kernel marks vm_map_ram areas in vmap_area.flags (since 6.3, with vmap_block.used_map). */
export function hasVmapRamFlags(structs: Structs): boolean {
  return structs.has('vmap_area', 'flags') && structs.has('vmap_block', 'used_map');
}

/** All areas; read once for each kernel. */
export function vmapAreas(kernel: Kernel): VmapAreas {
  return kernel.once(busyLists).whole();
}

/** `count` areas in use behind the first `start` by address, as the kernel's lists have them; those behind are not read. */
export function vmapAreasFrom(kernel: Kernel, start: number, count: number): readonly VmapArea[] {
  return kernel.once(busyLists).byAddress.part(start, count);
}

/** What `vmapAreas` has as lazy; of those in use none is read, unless they stand on the same list. */
export function lazyAreas(kernel: Kernel): readonly VmapArea[] {
  return kernel.once(busyLists).lazy;
}

/** Areas in pools and in a purge; read once for each kernel. */
export function idleAreas(kernel: Kernel): IdleAreas {
  return kernel.once(readIdleAreas);
}

/** The busy area that holds `address`, guard page included. Where the trees tell, the lists are not read. */
export function findVmapArea(kernel: Kernel, address: Address): VmapArea | undefined {
  const lists = kernel.once(busyLists);
  const found = lists.areRead ? 'unknown' : lists.findByTree(address);
  if (found === 'unknown') return areaAt(lists.whole().sorted, address);
  return found?.state === 'busy' ? found : undefined;
}

/** The area that holds `address` and is freed, in whatever state. Where the trees have them too, the lists are not read. */
export function findFreedArea(kernel: Kernel, address: Address): VmapArea | undefined {
  const lists = kernel.once(busyLists);
  const found = lists.areMixed && !lists.areRead ? lists.findByTree(address) : 'unknown';
  if (found === 'unknown') return areaAt(kernel.once(freedByAddress), address);
  return found?.state === 'lazy' ? found : undefined;
}

function freedByAddress(kernel: Kernel): readonly VmapArea[] {
  const { purging, pooled } = idleAreas(kernel);
  return byAddress([...lazyAreas(kernel), ...purging, ...pooled]);
}

function isElsewhere(kernel: Kernel, address: Address): boolean {
  const region = regionAt(layoutOf(kernel), address);
  return region !== undefined && region.kind !== 'vmalloc-space' && region.kind !== 'module-space';
}

/** The area of ascending, disjoint `areas` that holds `address`. */
export function areaAt(areas: readonly VmapArea[], address: Address): VmapArea | undefined {
  let low = 0;
  let high = areas.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const area = areas[middle];
    if (area === undefined) return undefined;
    if (address < area.start) high = middle;
    else if (address >= area.end) low = middle + 1;
    else return area;
  }
  return undefined;
}

/** Bytes that an area maps: its size less the guard page (get_vm_area_size; vm_map_ram areas have no guard page). */
export function mappedSize(kernel: Kernel, area: VmapArea): number {
  if (area.vm === undefined) return Number(area.end - area.start);
  return area.vm.size - ((area.vm.flags & vmFlag.noGuard) === 0 ? kernel.pageSize : 0);
}

interface Reader {
  readonly kernel: Kernel;
  readonly area: StructShape;
  readonly vm: StructShape;
  readonly ramFlags: boolean;
  /** vmap_area.flags of kernels up to 5.3: vm is valid only with VM_VM_AREA (4). */
  readonly oldFlags: boolean;
}

/** vmap_area.flags up to 5.3: VM_LAZY_FREE is 2, before 4.8 1 with VM_LAZY_FREEING 2. */
const oldFlag = { lazy: 3, vmArea: 4 } as const;

function readerOf(kernel: Kernel): Reader {
  const structs = kernel.structs(purpose);
  const ramFlags = hasVmapRamFlags(structs);
  return {
    kernel,
    area: structs.get('vmap_area'),
    vm: structs.get('vm_struct'),
    ramFlags,
    oldFlags: !ramFlags && structs.has('vmap_area', 'flags'),
  };
}

function busyLists(kernel: Kernel): BusyLists {
  return new BusyLists(readerOf(kernel));
}

/** What the trees told of the addresses [start, end), without a bound below or above all areas. */
interface TreeAnswer {
  readonly start: bigint | undefined;
  readonly end: bigint | undefined;
  /** Undefined where no area is. */
  readonly area: VmapArea | undefined;
}

/** Answers of the trees that are remembered, by 4 KiB page. */
const rememberedPages = 2048;

/** The areas in use, as far as anybody asked for them, with those that were lazily freed. */
class BusyLists {
  readonly #reader: Reader;
  readonly #places: VmapPlaces;
  /** One for each vmap node. */
  readonly #lists: readonly LazyList<VmapArea>[];
  /** Those in use by address, as each list ascends. */
  readonly byAddress: LazyList<VmapArea>;
  readonly #answers = new BoundedCache<number, TreeAnswer>(rememberedPages);
  #whole: VmapAreas | undefined;
  #lazy: readonly VmapArea[] | undefined;

  constructor(reader: Reader) {
    const { kernel, oldFlags } = reader;
    this.#reader = reader;
    this.#places = vmapPlaces(kernel);
    this.#lists = this.#places.nodes.map(
      ({ index, busy }) => new LazyList(readList(reader, { head: busy.head, node: index, state: 'busy' })),
    );
    const inUse = oldFlags ? this.#lists.map((list) => new LazyList(busyOf(list.items()))) : this.#lists;
    this.byAddress = new LazyList(merged(inUse, (one, other) => one.start < other.start));
  }

  whole(): VmapAreas {
    this.#whole ??= this.#readAll();
    return this.#whole;
  }

  get areRead(): boolean {
    return this.#whole !== undefined;
  }

  /** Whether lazily freed areas stand among those in use, in trees and on lists. */
  get areMixed(): boolean {
    return this.#reader.oldFlags;
  }

  /** The area that holds `address`, undefined where none does; `unknown` where only the lists tell. */
  findByTree(address: Address): VmapArea | undefined | 'unknown' {
    const page = Number(address >> 12n);
    const known = this.#answers.get(page);
    if (known !== undefined && holds(known, address)) return known.area;
    const answer = this.#askTrees(address);
    if (answer === 'unknown') return answer;
    this.#answers.set(page, answer);
    return answer.area;
  }

  #askTrees(address: Address): TreeAnswer | 'unknown' {
    const reader = this.#reader;
    const found = findInTrees(reader.kernel, reader.area, address);
    if (found === 'unknown') return found;
    if (!('object' in found)) {
      // In the vmalloc space an area that is on a list alone is told too.
      return found.alsoOnLists || isElsewhere(reader.kernel, address) ? { start: found.start, end: found.end, area: undefined } : 'unknown';
    }
    const [area] = readAreas(reader, [found.object], { node: found.node, state: 'busy' });
    return area === undefined ? 'unknown' : { start: area.start, end: area.end, area };
  }

  get lazy(): readonly VmapArea[] {
    this.#lazy ??= this.#readLazy();
    return this.#lazy;
  }

  #readLazy(): readonly VmapArea[] {
    const reader = this.#reader;
    const { kernel } = reader;
    if (reader.oldFlags) return this.#lists.flatMap((list) => list.first().filter(({ state }) => state === 'lazy'));
    const lazy: VmapArea[] = [];
    for (const { index, lazy: freed } of this.#places.nodes) {
      if (freed !== undefined) append(lazy, readList(reader, { head: freed.head, node: index, state: 'lazy' }));
    }
    const { lockLess } = this.#places;
    if (lazy.length === 0 && lockLess !== undefined && reader.area.has('purge_list')) {
      const areas = walkLockLessList(kernel.memory, lockLess, reader.area.offset('purge_list'), (message) => {
        kernel.warn(`vmalloc: ${message}`);
      });
      append(lazy, readAreas(reader, areas, { node: 0, state: 'lazy' }));
    }
    return lazy;
  }

  #readAll(): VmapAreas {
    const busy: VmapArea[] = [];
    for (const list of this.#lists) append(busy, busyOf(list.items()));
    return { busy, lazy: this.lazy, sorted: byAddress(busy), mixed: this.#reader.oldFlags };
  }
}

function holds({ start, end }: TreeAnswer, address: Address): boolean {
  return (start === undefined || address >= start) && (end === undefined || address < end);
}

function* busyOf(areas: Iterable<VmapArea>): Generator<VmapArea, undefined> {
  for (const area of areas) if (area.state === 'busy') yield area;
  return undefined;
}

function readIdleAreas(kernel: Kernel): IdleAreas {
  const reader = readerOf(kernel);
  const purging: VmapArea[] = [];
  const pooled: VmapArea[] = [];
  for (const { index, purging: head, pools } of vmapPlaces(kernel).nodes) {
    if (head !== undefined && isListHead(kernel, head)) append(purging, readList(reader, { head, node: index, state: 'purging' }));
    for (const pool of pools) {
      if (isListHead(kernel, pool.head)) append(pooled, readList(reader, { head: pool.head, node: index, state: 'pooled' }));
    }
  }
  return { purging, pooled };
}

/** Whether a list_head was initialized: the first node points back to it. */
function isListHead(kernel: Kernel, head: Address): boolean {
  try {
    const first = kernel.memory.pointer(head);
    return first !== 0n && kernel.memory.pointer(addToAddress(first, kernel.memory.pointerSize)) === head;
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return false;
  }
}

/** Ascending by address. */
export function byAddress<Area extends { readonly start: Address }>(areas: readonly Area[]): Area[] {
  return [...areas].sort((a, b) => compareAddresses(a.start, b.start));
}

/** Lists may have millions of areas: more than a call takes as arguments. */
function append(to: VmapArea[], areas: Iterable<VmapArea>): void {
  for (const area of areas) to.push(area);
}

function readList(reader: Reader, from: { head: Address; node: number; state: VmapState }): Generator<VmapArea, undefined> {
  const { kernel, area } = reader;
  const objects = walkList(kernel.memory, from.head, area.offset('list'), (message) => {
    kernel.warn(`vmalloc: ${message}; areas behind it are missing`);
  });
  return readAreas(reader, objects, from);
}

/** Those that can be read, each when it is asked for. */
function* readAreas(reader: Reader, objects: Iterable<Address>, from: { node: number; state: VmapState }): Generator<VmapArea, undefined> {
  for (const object of objects) {
    let area: VmapArea;
    try {
      area = readArea(reader, object, from);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      reader.kernel.warn(`vmalloc: the vmap_area at ${formatAddress(object)} cannot be read: ${error.reason}`);
      continue;
    }
    yield area;
  }
  return undefined;
}

function readArea(reader: Reader, object: Address, from: { node: number; state: VmapState }): VmapArea {
  const { area } = reader;
  const flags = area.has('flags') ? Number(area.unsigned(object, 'flags') & 0xffff_ffffn) : 0;
  const state = reader.oldFlags && (flags & oldFlag.lazy) !== 0 ? 'lazy' : from.state;
  const live = state === 'busy';
  const valid = live && (!reader.oldFlags || (flags & oldFlag.vmArea) !== 0);
  const vmPointer = valid ? area.pointer(object, 'vm') : toAddress(0n);
  return {
    address: object,
    start: area.pointer(object, 'va_start'),
    end: area.pointer(object, 'va_end'),
    state,
    flags,
    ram: reader.ramFlags ? (flags & vmapFlag.ram) !== 0 : live && vmPointer === 0n,
    block: reader.ramFlags && (flags & vmapFlag.block) !== 0,
    vmPointer,
    vm: vmPointer === 0n ? undefined : readVm(reader, vmPointer),
    node: from.node,
  };
}

function readVm(reader: Reader, address: Address): VmStruct | undefined {
  const { vm } = reader;
  try {
    return {
      address,
      addr: vm.pointer(address, 'addr'),
      size: Number(vm.unsigned(address, 'size')),
      flags: Number(vm.unsigned(address, 'flags') & 0xffff_ffffn),
      pages: vm.pointer(address, 'pages'),
      pageCount: vm.number(address, 'nr_pages'),
      pageOrder: vm.has('page_order') ? vm.number(address, 'page_order') : 0,
      physAddr: vm.unsigned(address, 'phys_addr'),
      caller: vm.pointer(address, 'caller'),
    };
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    reader.kernel.warn(`vmalloc: the vm_struct at ${formatAddress(address)} cannot be read: ${error.reason}`);
    return undefined;
  }
}
