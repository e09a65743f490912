/**
 * What cannot be in the vmalloc space of a kernel that works (mm/vmalloc.c): areas that overlap, trees and lists that hold
 * different areas, a vm_struct that is not its area's, counters that miscount. States that are legal for a moment, such as an
 * area without a vm_struct, are none.
 */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../containers/list.ts';
import { walkRbTree } from '../containers/rb-tree.ts';
import { byAddress, hasVmapRamFlags, idleAreas, vmapAreas, vmapFlag } from './vmap-area.ts';
import type { VmapArea } from './vmap-area.ts';
import { freeAreas } from './vmap-free.ts';
import { nodeOfAddress, vmapPlaces } from './vmap-places.ts';
import type { AreaIndex } from './vmap-places.ts';
import { purgeState } from './vmap-purge.ts';

/** Two of the kernel's structures that contradict each other about the vmalloc space. */
export interface VmapProblem {
  /** Addresses of the vmalloc space that it concerns: [start, end). */
  readonly start: Address;
  readonly end: Address;
  /** The structure that is wrong, or that tells it, by name: `vmap_area`, `vm_struct`, `vmap_block`, `pte`. */
  readonly object: string;
  /** Virtual address of the word that is wrong; undefined where none is. */
  readonly at: Address | undefined;
  /** A phrase. */
  readonly reason: string;
}

/** Hears each problem as it is found. */
export type TellProblem = (problem: VmapProblem) => void;

/** The end of the damage in page tables that an address lies in, which is told already; undefined where tables can be trusted. */
export type DamageEnd = (address: bigint) => bigint | undefined;

const purpose = 'checking the vmalloc space';

/** What is wrong with areas, lists and counters; see vmap-check-pages.ts and vmap-check-blocks.ts for the rest. */
export function checkAreas(kernel: Kernel, tell: TellProblem): void {
  checkOverlaps(kernel, tell);
  checkIndexes(kernel, tell);
  const { busy, lazy } = vmapAreas(kernel);
  for (const area of [...busy, ...lazy]) checkRange(kernel, area, tell);
  for (const area of busy) checkBusy(kernel, area, tell);
  checkCounter(kernel, tell);
}

/** A range of the space with what it is, for sentences. */
interface NamedRange {
  readonly start: Address;
  readonly end: Address;
  readonly address: Address;
  readonly name: string;
}

function checkOverlaps(kernel: Kernel, tell: TellProblem): void {
  const { busy, lazy } = vmapAreas(kernel);
  const { purging, pooled } = idleAreas(kernel);
  const free = freeAreas(kernel);
  const named = (areas: readonly { start: Address; end: Address; address: Address | undefined }[], name: string): NamedRange[] =>
    areas.flatMap(({ start, end, address }) => (address === undefined || start >= end ? [] : [{ start, end, address, name }]));
  const ranges = byAddress([
    ...named(busy, 'busy'),
    ...named(lazy, 'lazily freed'),
    ...named(purging, 'purged'),
    ...named(pooled, 'pooled'),
    ...(free.recorded ? named(free.areas, 'free') : []),
  ]);
  let last: NamedRange | undefined;
  for (const range of ranges) {
    if (last !== undefined && range.start < last.end) {
      const end = range.end < last.end ? range.end : last.end;
      const same = last.address === range.address;
      const other = `the ${last.name} area ${formatAddress(last.start)}-${formatAddress(last.end)} (vmap_area ${formatAddress(last.address)})`;
      const reason = same
        ? `the same vmap_area is listed as ${last.name} and as ${range.name}`
        : `the ${range.name} area ${formatAddress(range.start)}-${formatAddress(range.end)} overlaps ${other}`;
      tell({ start: range.start, end, object: 'vmap_area', at: range.address, reason });
    }
    if (last === undefined || range.end > last.end) last = range;
  }
}

/** Each list against its tree: the same areas in the same order; and each list against itself. */
function checkIndexes(kernel: Kernel, tell: TellProblem): void {
  const { nodes, free, sharded } = vmapPlaces(kernel);
  for (const { index, busy, lazy } of nodes) {
    const of = sharded ? ` of node ${index}` : '';
    checkIndex(kernel, busy, { name: `busy areas${of}`, tell });
    if (lazy !== undefined) checkIndex(kernel, lazy, { name: `lazily freed areas${of}`, tell });
  }
  if (free !== undefined) {
    checkIndex(kernel, free, { name: 'free areas', tell });
    checkLargest(kernel, free, tell);
  }
}

function checkIndex(kernel: Kernel, { head, root }: AreaIndex, of: { readonly name: string; readonly tell: TellProblem }): void {
  const { name, tell } = of;
  const structs = kernel.structs(purpose);
  const shape = structs.get('vmap_area');
  const broken: string[] = [];
  const listed = [...walkList(kernel.memory, head, shape.offset('list'), (message) => broken.push(message))];
  const whole = broken.length === 0;
  for (const message of broken) {
    const last = listed.at(-1);
    const range = last === undefined ? undefined : rangeOf(kernel, last);
    const at = toAddress(range?.start ?? 0n);
    // Memory that the dump lacks is no fault of the kernel.
    if (!isMissing(kernel, last ?? head)) {
      tell({
        start: at,
        end: range?.end ?? at,
        object: 'vmap_area',
        at: last ?? head,
        reason: `the list of ${name} is broken: ${message}`,
      });
    }
  }
  checkBackLinks(kernel, { head, listed, name, whole }, tell);
  if (root === undefined || !whole) return;
  const broke = { tree: false };
  const treed = walkRbTree(structs, root, {
    memberOffset: shape.offset('rb_node'),
    problem: (message) => {
      broke.tree = true;
      const at = toAddress(0n);
      tell({ start: at, end: at, object: 'vmap_area', at: root, reason: `the tree of ${name} is broken: ${message}` });
    },
  });
  if (broke.tree) return;
  const inTree = new Set<bigint>(treed);
  const inList = new Set<bigint>(listed);
  const only = (areas: readonly Address[], other: ReadonlySet<bigint>, reason: string): number => {
    const found = areas.filter((area) => !other.has(area));
    for (const area of found) tellArea(kernel, area, { tell, reason });
    return found.length;
  };
  const differences =
    only(listed, inTree, `it is on the list of ${name}, and not in their tree`) +
    only(treed, inList, `it is in the tree of ${name}, and not on their list`);
  if (differences > 0) return;
  const misplaced = listed.findIndex((area, position) => area !== treed[position]);
  const area = listed[misplaced];
  if (area !== undefined) tellArea(kernel, area, { tell, reason: `list and tree of ${name} hold the same areas in different order` });
  checkOrder(kernel, { areas: listed, name }, tell);
}

function checkBackLinks(
  kernel: Kernel,
  of: { readonly head: Address; readonly listed: readonly Address[]; readonly name: string; readonly whole: boolean },
  tell: TellProblem,
): void {
  const { head, listed, name, whole } = of;
  const { memory } = kernel;
  const offset = kernel.structs(purpose).get('vmap_area').offset('list');
  const back = (node: Address): Address | undefined => optionalRead(() => memory.pointer(addToAddress(node, memory.pointerSize)));
  let before = head;
  for (const area of listed) {
    const node = addToAddress(area, offset);
    const found = back(node);
    if (found !== undefined && found !== before) {
      tellArea(kernel, area, { tell, reason: `on the list of ${name}, its prev is ${formatAddress(found)}, not ${formatAddress(before)}` });
      return;
    }
    before = node;
  }
  const found = back(head);
  const last = listed.at(-1);
  if (whole && last !== undefined && found !== undefined && found !== before) {
    tellArea(kernel, last, { tell, reason: `the list of ${name} ends with it, but begins backwards at ${formatAddress(found)}` });
  }
}

function checkOrder(kernel: Kernel, of: { readonly areas: readonly Address[]; readonly name: string }, tell: TellProblem): void {
  let last: bigint | undefined;
  for (const area of of.areas) {
    const start = rangeOf(kernel, area)?.start;
    if (start === undefined) continue;
    if (last !== undefined && start < last) {
      tellArea(kernel, area, { tell, reason: `among the ${of.name}, it does not stand by its address` });
      return;
    }
    last = start;
  }
}

/** subtree_max_size of the tree of free areas: the largest area at and below each node. */
function checkLargest(kernel: Kernel, { root }: AreaIndex, tell: TellProblem): void {
  const structs = kernel.structs(purpose);
  const shape = structs.get('vmap_area');
  const node = structs.find('rb_node');
  if (root === undefined || node === undefined || !shape.has('subtree_max_size')) return;
  const areas = walkRbTree(structs, root, { memberOffset: shape.offset('rb_node'), problem: () => undefined });
  const told = (area: Address): bigint => shape.unsigned(area, 'subtree_max_size');
  for (const area of areas) {
    const wrong = optionalRead(() => {
      let largest = shape.unsigned(area, 'va_end') - shape.unsigned(area, 'va_start');
      for (const side of ['rb_left', 'rb_right']) {
        const child = node.pointer(shape.address(area, 'rb_node'), side);
        if (child === 0n) continue;
        const size = told(addToAddress(child, -shape.offset('rb_node')));
        if (size > largest) largest = size;
      }
      return told(area) === largest ? undefined : { told: told(area), largest };
    });
    if (wrong === undefined) continue;
    const reason = `subtree_max_size of the free area says ${formatAddress(toAddress(wrong.told))}, and the largest below it has ${formatAddress(toAddress(wrong.largest))}`;
    tellArea(kernel, area, { tell, reason });
  }
}

function checkRange(kernel: Kernel, { address, start, end, state }: VmapArea, tell: TellProblem): void {
  const pageMask = BigInt(kernel.pageSize - 1);
  const name = state === 'busy' ? 'busy' : 'lazily freed';
  if (end <= start)
    tell({ start, end: start, object: 'vmap_area', at: address, reason: `the ${name} area ends where it begins, or before` });
  else if ((start & pageMask) !== 0n || (end & pageMask) !== 0n) {
    tell({ start, end, object: 'vmap_area', at: address, reason: `the ${name} area is not aligned to pages` });
  }
}

/** A busy area's flags, node and vm_struct. */
function checkBusy(kernel: Kernel, area: VmapArea, tell: TellProblem): void {
  const { address, start, end, flags, vm, vmPointer, node } = area;
  const structs = kernel.structs(purpose);
  const places = vmapPlaces(kernel);
  const problem = (reason: string, object = 'vmap_area', at: Address = address): void => {
    tell({ start, end, object, at, reason });
  };
  if (hasVmapRamFlags(structs)) {
    const flagsAt = structs.get('vmap_area').address(address, 'flags');
    if (area.block && !area.ram) problem(`its flags ${formatAddress(flags)} say VMAP_BLOCK without VMAP_RAM`, 'vmap_area', flagsAt);
    else if (area.ram && vmPointer !== 0n) {
      problem(`it is a vm_map_ram area by its flags ${formatAddress(flags)}, and has a vm_struct`, 'vmap_area', flagsAt);
    }
    const pool = flags >>> poolShift;
    if (places.sharded && (flags & ~(vmapFlag.ram | vmapFlag.block) & poolMask) !== 0) {
      problem(`its flags ${formatAddress(flags)} have bits that this kernel does not know`, 'vmap_area', flagsAt);
    } else if (places.sharded && pool > places.nodes.length) {
      problem(`its flags name the pool of node ${pool - 1}, and there are ${places.nodes.length} nodes`, 'vmap_area', flagsAt);
    }
  }
  const expected = nodeOfAddress(places, start);
  if (places.sharded && expected !== node) problem(`it is listed in node ${node}, and belongs to node ${expected} by its address`);
  if (vmPointer === 0n || (area.ram && hasVmapRamFlags(structs))) return;
  if (vm === undefined) {
    if (!isMissing(kernel, vmPointer)) {
      const vmAt = structs.get('vmap_area').address(address, 'vm');
      problem(`its vm_struct pointer ${formatAddress(vmPointer)} leads nowhere`, 'vmap_area', vmAt);
    }
    return;
  }
  const shape = structs.get('vm_struct');
  if (vm.addr !== start) problem(`its vm_struct begins at ${formatAddress(vm.addr)}`, 'vm_struct', shape.address(vm.address, 'addr'));
  else if (BigInt(vm.size) !== end - start) {
    problem(`its vm_struct has ${vm.size} bytes, and the area ${end - start}`, 'vm_struct', shape.address(vm.address, 'size'));
  }
}

/** vmap_area.flags since 6.9: the number of a node, plus one, from bit 8 on. */
const poolShift = 8;
const poolMask = 0xff;

/** vmap_lazy_nr is raised before an area is listed and lowered after it has left: it never counts fewer than there are. */
function checkCounter(kernel: Kernel, tell: TellProblem): void {
  const { lazyPages, listedPages } = purgeState(kernel);
  const at = kernel.addressOf('vmap_lazy_nr');
  if (lazyPages === undefined || at === undefined || lazyPages >= listedPages) return;
  const first = vmapAreas(kernel).lazy[0];
  const start = toAddress(first?.start ?? 0n);
  const reason = `vmap_lazy_nr counts ${lazyPages} lazily freed pages, and ${listedPages} are listed`;
  tell({ start, end: first?.end ?? start, object: 'vmap_lazy_nr', at, reason });
}

function tellArea(kernel: Kernel, area: Address, of: { readonly tell: TellProblem; readonly reason: string }): void {
  const range = rangeOf(kernel, area);
  const start = toAddress(range?.start ?? 0n);
  of.tell({ start, end: range?.end ?? start, object: 'vmap_area', at: area, reason: of.reason });
}

function rangeOf(kernel: Kernel, area: Address): { readonly start: Address; readonly end: Address } | undefined {
  const shape = kernel.structs(purpose).get('vmap_area');
  return optionalRead(() => ({ start: shape.pointer(area, 'va_start'), end: shape.pointer(area, 'va_end') }));
}

/** Whether what lies at `address` is mapped, and only the dump lacks it. */
export function isMissing(kernel: Kernel, address: Address): boolean {
  return (
    optionalRead(() => kernel.memory.u8(address)) === undefined &&
    !['not-mapped', 'wild-table', 'non-canonical', 'not-ram'].includes(kernel.memory.explain(address).kind)
  );
}
