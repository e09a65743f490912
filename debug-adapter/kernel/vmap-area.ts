/**
 * The vmalloc space as the kernel keeps it (mm/vmalloc.c): every vmap_area that is in use or waits to be purged, with its
 * vm_struct. Kernels since 6.9 shard the areas over `vmap_nodes`, older ones have one list.
 */
import { addToAddress, formatAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import type { Kernel } from './kernel.ts';
import { walkList, walkLockLessList } from './list.ts';
import type { StructShape, Structs } from './structs.ts';

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

export interface VmapArea {
  /** Of the vmap_area itself. */
  readonly address: Address;
  readonly start: Address;
  readonly end: Address;
  /** Raw flags word, 0 where the kernel has none. */
  readonly flags: number;
  /** vmap_area made by vm_map_ram(): an own mapping, or a block that is carved up. */
  readonly ram: boolean;
  readonly block: boolean;
  readonly vm: VmStruct | undefined;
  /** Index of the vmap node that lists it; 0 where the kernel has one list. */
  readonly node: number;
}

export interface VmapAreas {
  /** In the kernel's own order: node by node, ascending in each. */
  readonly busy: readonly VmapArea[];
  /** Freed, not yet flushed from the TLBs. Their stale vm_struct pointers are not followed. */
  readonly lazy: readonly VmapArea[];
  /** The busy areas by address, for look-up. */
  readonly sorted: readonly VmapArea[];
}

/** Whether this kernel marks vm_map_ram areas in vmap_area.flags (since 6.3, with vmap_block.used_map). */
export function hasVmapRamFlags(structs: Structs): boolean {
  return structs.has('vmap_area', 'flags') && structs.has('vmap_block', 'used_map');
}

/** All areas; read once for each kernel. */
export function vmapAreas(kernel: Kernel): VmapAreas {
  return kernel.once(readVmapAreas);
}

/** The busy area that holds `address`, guard page included. */
export function findVmapArea(kernel: Kernel, address: Address): VmapArea | undefined {
  return areaAt(vmapAreas(kernel).sorted, address);
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

function readVmapAreas(kernel: Kernel): VmapAreas {
  const structs = kernel.structs(purpose);
  const ramFlags = hasVmapRamFlags(structs);
  const reader: Reader = {
    kernel,
    area: structs.get('vmap_area'),
    vm: structs.get('vm_struct'),
    ramFlags,
    oldFlags: !ramFlags && structs.has('vmap_area', 'flags'),
  };
  const lists = structs.find('vmap_node') === undefined ? singleList(reader) : nodeLists(reader, structs);
  const sorted = [...lists.busy].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  return { ...lists, sorted };
}

function nodeLists(reader: Reader, structs: Structs): { busy: VmapArea[]; lazy: VmapArea[] } {
  const { kernel } = reader;
  const node = structs.get('vmap_node');
  const nodes = kernel.addressOf('vmap_nodes');
  const countAt = kernel.addressOf('nr_vmap_nodes');
  // On 32-bit and !SMP kernels the compiler may turn the variables into constants: then there is the one static node.
  const first = nodes === undefined ? kernel.needAddressOf('single', purpose) : kernel.memory.pointer(nodes);
  const count = countAt === undefined ? 1 : Math.min(Math.max(kernel.memory.u32(countAt), 1), 4096);
  const busy: VmapArea[] = [];
  const lazy: VmapArea[] = [];
  for (let index = 0; index < count; index++) {
    const at = addToAddress(first, index * node.size);
    busy.push(...readList(reader, { head: node.address(at, 'busy.head'), node: index, live: true }));
    lazy.push(...readList(reader, { head: node.address(at, 'lazy.head'), node: index, live: false }));
  }
  return { busy, lazy };
}

function singleList(reader: Reader): { busy: VmapArea[]; lazy: VmapArea[] } {
  const { kernel } = reader;
  const all = readList(reader, { head: kernel.needAddressOf('vmap_area_list', purpose), node: 0, live: true });
  if (reader.oldFlags) {
    const lazyFree = 1;
    return {
      busy: all.filter((area) => (area.flags & lazyFree) === 0),
      lazy: all.filter((area) => (area.flags & lazyFree) !== 0),
    };
  }
  const purgeList = kernel.addressOf('purge_vmap_area_list');
  if (purgeList !== undefined) return { busy: all, lazy: readList(reader, { head: purgeList, node: 0, live: false }) };
  const lockLess = kernel.addressOf('vmap_purge_list');
  if (lockLess === undefined || !reader.area.has('purge_list')) return { busy: all, lazy: [] };
  const areas = walkLockLessList(kernel.memory, lockLess, reader.area.offset('purge_list'), (message) => {
    kernel.warn(`vmalloc: ${message}`);
  });
  return { busy: all, lazy: readAreas(reader, areas, { node: 0, live: false }) };
}

function readList(reader: Reader, from: { head: Address; node: number; live: boolean }): VmapArea[] {
  const { kernel, area } = reader;
  const objects = walkList(kernel.memory, from.head, area.offset('list'), (message) => {
    kernel.warn(`vmalloc: ${message}; areas behind it are missing`);
  });
  return readAreas(reader, objects, from);
}

function readAreas(reader: Reader, objects: Iterable<Address>, from: { node: number; live: boolean }): VmapArea[] {
  const areas: VmapArea[] = [];
  for (const object of objects) {
    try {
      areas.push(readArea(reader, object, from));
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      reader.kernel.warn(`vmalloc: the vmap_area at ${formatAddress(object)} cannot be read: ${error.reason}`);
    }
  }
  return areas;
}

function readArea(reader: Reader, object: Address, from: { node: number; live: boolean }): VmapArea {
  const { area } = reader;
  const flags = area.has('flags') ? Number(area.unsigned(object, 'flags') & 0xffff_ffffn) : 0;
  const vmPointer = from.live ? area.pointer(object, 'vm') : toAddress(0n);
  const vmValid = vmPointer !== 0n && (!reader.oldFlags || (flags & 4) !== 0);
  const vm = vmValid ? readVm(reader, vmPointer) : undefined;
  return {
    address: object,
    start: area.pointer(object, 'va_start'),
    end: area.pointer(object, 'va_end'),
    flags,
    ram: reader.ramFlags ? (flags & vmapFlag.ram) !== 0 : from.live && !vmValid,
    block: reader.ramFlags && (flags & vmapFlag.block) !== 0,
    vm,
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
