/**
 * A machine with very many vmap_areas, of which each is made when its frame is first read: one in each 4 KiB with its vm_struct.
 * They stand on their lists by address and in balanced trees. Some are vmap_blocks, which lie behind them all.
 */
import { memoryImage } from './memory-image.ts';
import { PlainKernel } from './plain-kernel.ts';
import { SparseMemory } from './small-kernel.ts';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { Session } from '../../debug-adapter/session/session.ts';

const base = 0xffff_8880_0000_0000n;
const vmallocStart = 0xffff_c900_0000_0000n;
const textStart = 0xffff_ffff_8100_0000n;
const frameBytes = 4096;

const areaAt = { start: 0, end: 8, node: 16, list: 40, vm: 56, flags: 64 } as const;
const vmAt = { addr: 8, size: 16, flags: 24, pages: 32, order: 40, count: 44, phys: 48, caller: 56 } as const;
const blockAt = { area: 8, free: 16, dirty: 24, used: 32, min: 40, max: 48, list: 56 } as const;
/** Of the vm_struct within the frame of its area. */
const vmStruct = 256;

/** From one area to the next, and what one has: two pages and the guard page. */
const [step, areaBytes] = [0x1_0000n, 0x3000n];
/** Areas that lie in one zone, and so in one vmap node: addresses are dealt out to nodes by MiB. */
const areasOfZone = 16;
const nodeCount = 4;
const blockBytes = 0x8000n;
const blockSlots = 64;

/** Where the globals lie in frame 0. */
const at0 = { nodes: 0, nodeTotal: 8, zone: 16, head: 24, root: 40, array: 48, queue: 64, nodeArray: 256, xarray: 2048 } as const;
const nodeSize = 256;
const nodeAt = { root: 96, head: 104, lazyRoot: 128, lazyHead: 136, purge: 160 } as const;

/** How the kernel keeps its areas: over vmap nodes (6.9 and later), or on one list and in one tree. */
export type AreaKeeping = 'nodes' | 'one list';

/** The vm_struct.flags and physical address of an area, by its number. */
const kinds = [
  { flags: 0x2n, phys: 0n, caller: 'module_alloc' },
  { flags: 0x2n, phys: 0n, caller: 'dup_task_struct' },
  { flags: 0x4n, phys: 0n, caller: 'drm_gem_vmap' },
  { flags: 0x1n, phys: 0xfed0_0000n, caller: 'pci_iomap_range' },
] as const;

/** Every 17th of the first areas is a vmap_block. */
const stepOfBlocks = 17;
const blockOf = (area: number): number | undefined =>
  area % stepOfBlocks === stepOfBlocks - 1 && area < stepOfBlocks * blockSlots ? Math.floor(area / stepOfBlocks) : undefined;

/** Places in the list of a node, and numbers of areas by address, from each other. */
class Order {
  readonly areas: number;
  readonly #nodes: number;

  constructor(areas: number, nodes: number) {
    this.areas = areas;
    this.#nodes = nodes;
  }

  nodeOf(area: number): number {
    return Math.floor(area / areasOfZone) % this.#nodes;
  }

  placeOf(area: number): number {
    return Math.floor(area / (areasOfZone * this.#nodes)) * areasOfZone + (area % areasOfZone);
  }

  areaOf(node: number, place: number): number {
    return (Math.floor(place / areasOfZone) * this.#nodes + node) * areasOfZone + (place % areasOfZone);
  }

  /** Areas of one node. */
  lengthOf(node: number): number {
    const round = areasOfZone * this.#nodes;
    const rest = (this.areas % round) - node * areasOfZone;
    return Math.floor(this.areas / round) * areasOfZone + Math.min(areasOfZone, Math.max(0, rest));
  }
}

class AreaMemory extends SparseMemory {
  readonly #order: Order;
  readonly #nodes: number;
  readonly #keeping: AreaKeeping;
  readonly #offTree: number | undefined;
  /** Numbers of the areas that were asked for. */
  readonly read = new Set<number>();

  constructor(areas: number, keeping: AreaKeeping, offTree: number | undefined) {
    super();
    this.#offTree = offTree;
    this.#keeping = keeping;
    this.#nodes = keeping === 'nodes' ? nodeCount : 1;
    this.#order = new Order(areas, this.#nodes);
  }

  /** Frame 0 holds the globals, frame n+1 the area n, those behind a vmap_block each. */
  override frame(frameNumber: number): Uint8Array | undefined {
    const { areas } = this.#order;
    if (frameNumber > areas + blockSlots) return undefined;
    const bytes = new Uint8Array(frameBytes);
    const view = new DataView(bytes.buffer);
    if (frameNumber === 0) this.#writeGlobals(view);
    else if (frameNumber > areas) this.#writeBlock(view, frameNumber - areas - 1);
    else {
      this.read.add(frameNumber - 1);
      this.#writeArea(view, frameNumber - 1);
    }
    return bytes;
  }

  #virtual(area: number, offset: number): bigint {
    return base + BigInt((area + 1) * frameBytes + offset);
  }

  #headOf(node: number): bigint {
    return base + BigInt(this.#keeping === 'nodes' ? at0.nodeArray + node * nodeSize + nodeAt.head : at0.head);
  }

  /** The list_head of a place in a node's list, which is its head before the first and behind the last. */
  #link(node: number, place: number): bigint {
    if (place < 0 || place >= this.#order.lengthOf(node)) return this.#headOf(node);
    return this.#virtual(this.#order.areaOf(node, place), areaAt.list);
  }

  /** The rb_node in the middle of some places of a node's list. */
  #middle(node: number, first: number, behind: number): bigint {
    const area = this.#order.areaOf(node, Math.floor((first + behind) / 2));
    return first >= behind || area === this.#offTree ? 0n : this.#virtual(area, areaAt.node);
  }

  #writeGlobals(view: DataView): void {
    const put = (offset: number, value: bigint): void => {
      view.setBigUint64(offset, value, true);
    };
    put(at0.nodes, base + BigInt(at0.nodeArray));
    put(at0.nodeTotal, BigInt(this.#nodes));
    put(at0.zone, step * BigInt(areasOfZone));
    const emptyList = (head: number): void => {
      put(head, base + BigInt(head));
      put(head + 8, base + BigInt(head));
    };
    for (let node = 0; node < this.#nodes; node++) {
      const head = Number(this.#headOf(node) - base);
      const length = this.#order.lengthOf(node);
      put(head, this.#link(node, 0));
      put(head + 8, this.#link(node, length - 1));
      put(this.#keeping === 'nodes' ? head - 8 : at0.root, this.#middle(node, 0, length));
      if (this.#keeping === 'nodes') emptyList(at0.nodeArray + node * nodeSize + nodeAt.lazyHead);
    }
    emptyList(at0.queue + 8);
    const array = this.#keeping === 'nodes' ? at0.queue + 24 : at0.array;
    put(array + 8, base + BigInt(at0.xarray) + 2n);
    for (let block = 0; (block + 1) * stepOfBlocks <= this.#order.areas && block < blockSlots; block++)
      put(at0.xarray + 16 + block * 8, this.#virtual(this.#order.areas + block, 0));
  }

  /** Of eight pages: two in use, two freed, four that were never handed out. */
  #writeBlock(view: DataView, block: number): void {
    view.setBigUint64(blockAt.area, this.#virtual(block * stepOfBlocks + stepOfBlocks - 1, 0), true);
    view.setBigUint64(blockAt.free, 4n, true);
    view.setBigUint64(blockAt.dirty, 2n, true);
    view.setBigUint64(blockAt.used, 0b11n, true);
  }

  #writeArea(view: DataView, area: number): void {
    const put = (offset: number, value: bigint): void => {
      view.setBigUint64(offset, value, true);
    };
    const start = vmallocStart + BigInt(area) * step;
    const isBlock = blockOf(area) !== undefined;
    put(areaAt.start, start);
    put(areaAt.end, start + (isBlock ? blockBytes : areaBytes));
    const node = this.#order.nodeOf(area);
    const place = this.#order.placeOf(area);
    put(areaAt.list, this.#link(node, place + 1));
    put(areaAt.list + 8, this.#link(node, place - 1));
    let [first, behind, parent] = [0, this.#order.lengthOf(node), 0n];
    for (;;) {
      const middle = Math.floor((first + behind) / 2);
      if (middle === place) break;
      parent = this.#middle(node, first, behind);
      if (place < middle) behind = middle;
      else first = middle + 1;
    }
    put(areaAt.node, parent | 1n);
    put(areaAt.node + 8, this.#middle(node, place + 1, behind));
    put(areaAt.node + 16, this.#middle(node, first, place));
    if (isBlock) {
      if (this.#keeping === 'nodes') put(areaAt.flags, 3n);
      return;
    }
    const kind = kinds[area % kinds.length] ?? kinds[0];
    put(areaAt.vm, this.#virtual(area, vmStruct));
    put(vmStruct + vmAt.addr, start);
    put(vmStruct + vmAt.size, areaBytes);
    put(vmStruct + vmAt.flags, kind.flags);
    put(vmStruct + vmAt.phys, kind.phys);
    put(vmStruct + vmAt.caller, textStart + BigInt((area % kinds.length) * 0x100 + 0x1a));
  }
}

export interface ManyAreas {
  readonly kernel: Kernel;
  readonly session: Session;
  /** Numbers of the areas of which anything was read, by address from 0. */
  readonly read: ReadonlySet<number>;
}

/** Address in the area of a number. */
export function areaAddress(area: number, offset = 0): Address {
  return toAddress(vmallocStart + BigInt(area) * step + BigInt(offset));
}

/** `offTree`: an area that stands on its list, and is taken off its tree with all below it. */
export function manyAreas(areas: number, keeping: AreaKeeping, { offTree }: { readonly offTree?: number } = {}): ManyAreas {
  const ram = new AreaMemory(areas, keeping, offTree);
  const plain = new PlainKernel({ architecture: 'x86-64', base, ram })
    .struct('list_head', 16, { next: [0, 8], prev: [8, 8] })
    .struct('rb_node', 24, { __rb_parent_color: [0, 8], rb_right: [8, 8], rb_left: [16, 8] })
    .struct('rb_root', 8, { rb_node: [0, 8] })
    .struct('vm_struct', 64, {
      addr: [vmAt.addr, 8],
      size: [vmAt.size, 8],
      flags: [vmAt.flags, 8],
      pages: [vmAt.pages, 8],
      page_order: [vmAt.order, 4],
      nr_pages: [vmAt.count, 4],
      phys_addr: [vmAt.phys, 8],
      caller: [vmAt.caller, 8],
    })
    .struct('xarray', 16, { xa_head: [8, 8] })
    .struct('xa_node', 528, { shift: [0, 1], slots: [16, 8, blockSlots] });
  const area = {
    va_start: [areaAt.start, 8],
    va_end: [areaAt.end, 8],
    rb_node: [areaAt.node, 'rb_node'],
    list: [areaAt.list, 'list_head'],
    vm: [areaAt.vm, 8],
  } as const;
  const block = {
    va: [blockAt.area, 8],
    free: [blockAt.free, 8],
    dirty: [blockAt.dirty, 8],
    dirty_min: [blockAt.min, 8],
    dirty_max: [blockAt.max, 8],
    free_list: [blockAt.list, 'list_head'],
  } as const;
  kinds.forEach(({ caller }, index) => plain.symbol(caller, textStart + BigInt(index * 0x100), 0x94, 'T'));
  plain.symbol('vmap_block_queue', base + BigInt(at0.queue));
  if (keeping === 'nodes') {
    plain
      .struct('vmap_area', 72, { ...area, flags: [areaAt.flags, 8] })
      .struct('vmap_block', 72, { ...block, used_map: [blockAt.used, 8, 1] })
      .struct('vmap_block_queue', 40, { free: [8, 'list_head'], vmap_blocks: [24, 'xarray'] })
      .struct('rb_list', 32, { root: [0, 'rb_root'], head: [8, 'list_head'] })
      .struct('vmap_node', nodeSize, {
        busy: [nodeAt.root, 'rb_list'],
        lazy: [nodeAt.lazyRoot, 'rb_list'],
        purge_list: [nodeAt.purge, 'list_head'],
      })
      .symbol('vmap_nodes', base + BigInt(at0.nodes))
      .symbol('nr_vmap_nodes', base + BigInt(at0.nodeTotal))
      .symbol('vmap_zone_size', base + BigInt(at0.zone));
  } else {
    plain
      .struct('vmap_area', 64, area)
      .struct('vmap_block', 72, block)
      .struct('vmap_block_queue', 40, { free: [8, 'list_head'] })
      .symbol('vmap_area_list', base + BigInt(at0.head))
      .symbol('vmap_area_root', base + BigInt(at0.root))
      .symbol('vmap_blocks', base + BigInt(at0.array));
  }
  const machine = { architecture: 'x86-64', littleEndian: true, pointerSize: 8 } as const;
  const kernel = plain.open();
  return { kernel, session: new Session(memoryImage('many areas', machine, ram), kernel), read: ram.read };
}
