/** The vmalloc space in the shape of `vmalloc --json`, and the frames behind one of its areas. */
import { formatAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors, MemoryFault } from '../base/errors.ts';
import { vmFlagsOf } from '../kernel/identify/identify-vmalloc.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { findVmapArea, idleAreas, lazyAreas, vmapAreas, vmapAreasFrom, vmFlag } from '../kernel/vmalloc/vmap-area.ts';
import type { VmapArea } from '../kernel/vmalloc/vmap-area.ts';
import { blockOf, blockPages, usedRuns, vmapBlockQueues } from '../kernel/vmalloc/vmap-block.ts';
import { freeAreas } from '../kernel/vmalloc/vmap-free.ts';
import type { FreeArea } from '../kernel/vmalloc/vmap-free.ts';
import { areaPages } from '../kernel/vmalloc/vmap-pages.ts';
import { purgeState } from '../kernel/vmalloc/vmap-purge.ts';
import { formatCaller } from '../kernel/vmalloc/vmallocinfo.ts';
import type {
  VmallocAreaFacts,
  VmallocBlockFacts,
  VmallocCountFacts,
  VmallocFacts,
  VmallocFreeFacts,
  VmallocKind,
  VmallocList,
  VmallocPagesFacts,
  VmallocPartFacts,
} from '../protocol/vmalloc.ts';
import type { ListPart } from './list-part.ts';

/** What `VmallocFacts` has, each list made while it is gone through; what comes behind the lists is read last. */
export interface VmallocStream {
  readonly lists: Readonly<Record<VmallocList, Iterable<VmallocAreaFacts>>>;
  readonly free: Iterable<VmallocFreeFacts>;
  readonly rest: () => Pick<VmallocFacts, 'purge' | 'queues' | 'warnings'>;
}

/** Addresses as `"0x…"`, sizes in bytes, counters in pages of the kernel's size, as VmallocFacts has them. */
export function vmallocStream(kernel: Kernel): VmallocStream {
  const { busy, lazy } = vmapAreas(kernel);
  const { purging, pooled } = idleAreas(kernel);
  const all = (areas: readonly VmapArea[]): Iterable<VmallocAreaFacts> => mapped(areas, (area) => vmallocAreaFacts(kernel, area));
  return {
    lists: { areas: all(busy), lazy: all(lazy), purging: all(purging), pooled: all(pooled) },
    free: mapped(freeAreas(kernel).areas, freeFacts),
    rest: () => ({ ...stateFacts(kernel), warnings: [...kernel.warnings] }),
  };
}

/** All of it at once. */
export function vmallocFacts(kernel: Kernel): VmallocFacts {
  const { lists, free, rest } = vmallocStream(kernel);
  const { areas, lazy, purging, pooled } = lists;
  const facts = { areas: [...areas], lazy: [...lazy], purging: [...purging], pooled: [...pooled], free: [...free] };
  return { ...facts, ...rest() };
}

function* mapped<Item, Facts>(items: readonly Item[], make: (item: Item) => Facts): Generator<Facts> {
  for (const item of items) yield make(item);
}

/** Which list a part is of; of those in use, `kind` takes one kind alone. */
export interface VmallocQuestion extends ListPart {
  readonly list: VmallocList | 'free';
  readonly kind?: VmallocKind | undefined;
}

/** A part of one list: of those in use no area behind it is read but the next, unless a kind is asked for. */
export function vmallocPartFacts(kernel: Kernel, { list, kind, start, count }: VmallocQuestion): VmallocPartFacts {
  const wanted = <Item>(items: readonly Item[]): readonly Item[] => items.slice(start, start + count + 1);
  if (list === 'free') {
    const ranges = wanted(freeAreas(kernel).areas);
    return { areas: [], free: ranges.slice(0, count).map(freeFacts), more: ranges.length > count };
  }
  const areas =
    list === 'lazy'
      ? wanted(lazyAreas(kernel))
      : list !== 'areas'
        ? wanted(idleAreas(kernel)[list])
        : kind === undefined
          ? vmapAreasFrom(kernel, start, count + 1)
          : wanted(kernel.once(areasByKind).get(kind) ?? []);
  return { areas: areas.slice(0, count).map((area) => vmallocAreaFacts(kernel, area)), free: [], more: areas.length > count };
}

/** How many there are of each list and kind. Reads all areas, but no symbol and no frame. */
export function vmallocCountFacts(kernel: Kernel): VmallocCountFacts {
  const { busy, lazy } = vmapAreas(kernel);
  const { purging, pooled } = idleAreas(kernel);
  return {
    kinds: [...kernel.once(areasByKind)].map(([kind, areas]) => ({
      kind,
      count: areas.length,
      bytes: areas.reduce((sum, { start, end }) => sum + Number(end - start), 0),
    })),
    areas: busy.length,
    lazy: lazy.length,
    purging: purging.length,
    pooled: pooled.length,
    free: freeAreas(kernel).areas.length,
    ...stateFacts(kernel),
    warnings: [...kernel.warnings],
  };
}

/** The areas in use of each kind, by address. */
function areasByKind(kernel: Kernel): ReadonlyMap<VmallocKind, readonly VmapArea[]> {
  const kinds = new Map<VmallocKind, VmapArea[]>();
  for (const area of vmapAreas(kernel).sorted) {
    const kind = kindOf(kernel, area);
    const known = kinds.get(kind);
    if (known === undefined) kinds.set(kind, [area]);
    else known.push(area);
  }
  return kinds;
}

function kindOf(kernel: Kernel, area: VmapArea): VmallocKind {
  if (blockOf(kernel, area) !== undefined) return 'vm_map_ram block';
  if (area.ram) return 'vm_map_ram';
  const flags = area.vm?.flags ?? 0;
  if ((flags & vmFlag.ioremap) !== 0) return 'ioremap';
  return (flags & vmFlag.map) === 0 ? 'vmalloc' : 'vmap';
}

function freeFacts({ start, end, address }: FreeArea): VmallocFreeFacts {
  return {
    start: formatAddress(start),
    end: formatAddress(end),
    size: formatAddress(end - start),
    address: address === undefined ? null : formatAddress(address),
  };
}

function stateFacts(kernel: Kernel): Pick<VmallocFacts, 'purge' | 'queues'> {
  const queues = vmapBlockQueues(kernel).map(({ cpu, address, free }) => ({
    cpu,
    address: formatAddress(address),
    free: free.map(formatAddress),
  }));
  return { queues, purge: purgeFacts(kernel) };
}

/** Throws `UserError` where no busy area holds `address`, or its frames cannot be told. */
export function vmallocPagesFacts(kernel: Kernel, address: Address): VmallocPagesFacts {
  const area = findVmapArea(kernel, address);
  if (area === undefined) {
    throw errors.badArgument(`no vmap_area in use holds ${formatAddress(address)}; list them with: pagewalk vmalloc IMAGE`);
  }
  try {
    const { source, total, runs, missing, cut } = areaPages(kernel, area);
    return {
      start: formatAddress(area.start),
      end: formatAddress(area.end),
      source,
      pageSize: kernel.pageSize,
      pageOrder: area.vm?.pageOrder ?? 0,
      total,
      missing,
      runs: runs.map(({ page, count, frame, node }) => ({
        page,
        count,
        physical: formatAddress(BigInt(frame) * BigInt(kernel.pageSize)),
        node: node ?? null,
      })),
      cut,
    };
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    throw errors.badArgument(`the pages of the area at ${formatAddress(area.start)} cannot be read: ${error.reason}`);
  }
}

function purgeFacts(kernel: Kernel): VmallocFacts['purge'] {
  const { lazyPages, listedPages, threshold, vmallocPages, nodes, zoneSize } = purgeState(kernel);
  return {
    lazyPages: lazyPages ?? null,
    listedPages,
    threshold: threshold ?? null,
    vmallocPages: vmallocPages ?? null,
    zoneSize,
    nodes: nodes.map((node) => ({ ...node, address: node.address === undefined ? null : formatAddress(node.address) })),
  };
}

/** What is told of one area. */
export function vmallocAreaFacts(kernel: Kernel, area: VmapArea): VmallocAreaFacts {
  const { vm } = area;
  const flags: string[] = [];
  if (area.ram) flags.push('VM_RAM');
  if (area.block) flags.push('VM_BLOCK');
  return {
    start: formatAddress(area.start),
    end: formatAddress(area.end),
    size: Number(area.end - area.start),
    flags,
    address: formatAddress(area.address),
    vm: vm === undefined ? null : formatAddress(vm.address),
    vmFlags: vm === undefined ? [] : vmFlagsOf(vm.flags),
    caller: vm === undefined || vm.caller === 0n ? null : formatCaller(kernel, vm.caller),
    pages: vm?.pageCount ?? null,
    physical: vm === undefined || vm.physAddr === 0n ? null : formatAddress(vm.physAddr),
    pageOrder: vm?.pageOrder ?? null,
    node: area.node,
    block: area.state === 'busy' ? blockFacts(kernel, area) : null,
  };
}

function blockFacts(kernel: Kernel, area: VmapArea): VmallocBlockFacts | null {
  const block = blockOf(kernel, area);
  if (block === undefined) return null;
  const pages = blockPages(kernel, area);
  const queue = vmapBlockQueues(kernel).find(({ free }) => free.includes(block.address));
  return {
    address: formatAddress(block.address),
    free: block.free,
    dirty: block.dirty,
    dirtyMin: block.dirtyMin,
    dirtyMax: block.dirtyMax,
    used: usedRuns(block, pages),
    pages,
    cpu: block.cpu ?? null,
    freeListCpu: queue?.cpu ?? null,
    index: formatAddress(block.index),
    arrayCpu: block.arrayCpu ?? null,
  };
}
