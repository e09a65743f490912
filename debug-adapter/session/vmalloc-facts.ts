/** The vmalloc space in the shape of `vmalloc --json`, and the frames behind one of its areas. */
import { formatAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors, MemoryFault } from '../base/errors.ts';
import { vmFlagsOf } from '../kernel/identify/identify-vmalloc.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { findVmapArea, idleAreas, vmapAreas } from '../kernel/vmalloc/vmap-area.ts';
import type { VmapArea } from '../kernel/vmalloc/vmap-area.ts';
import { blockOf, blockPages, usedRuns, vmapBlockQueues } from '../kernel/vmalloc/vmap-block.ts';
import { freeAreas } from '../kernel/vmalloc/vmap-free.ts';
import { areaPages } from '../kernel/vmalloc/vmap-pages.ts';
import { purgeState } from '../kernel/vmalloc/vmap-purge.ts';
import { formatCaller } from '../kernel/vmalloc/vmallocinfo.ts';
import type { VmallocAreaFacts, VmallocBlockFacts, VmallocFacts, VmallocPagesFacts } from '../protocol/facts.ts';
import type { ListPart } from './list-part.ts';

/** Addresses as `"0x…"`, sizes in bytes, counters in pages of the kernel's size, as VmallocFacts has them. */
export function vmallocFacts(kernel: Kernel): VmallocFacts {
  const { busy, lazy } = vmapAreas(kernel);
  const { purging, pooled } = idleAreas(kernel);
  const all = (areas: readonly VmapArea[]): VmallocAreaFacts[] => areas.map((area) => areaFacts(kernel, area));
  const facts = {
    areas: all(busy),
    lazy: all(lazy),
    purging: all(purging),
    pooled: all(pooled),
    free: freeAreas(kernel).areas.map(({ start, end, address }) => ({
      start: formatAddress(start),
      end: formatAddress(end),
      size: formatAddress(end - start),
      address: address === undefined ? null : formatAddress(address),
    })),
    queues: vmapBlockQueues(kernel).map(({ cpu, address, free }) => ({
      cpu,
      address: formatAddress(address),
      free: free.map(formatAddress),
    })),
    purge: purgeFacts(kernel),
  };
  return { ...facts, warnings: [...kernel.warnings] };
}

/** The areas in use, by address: what is told of one is put together for those of the part only. */
export function vmallocAreaFacts(kernel: Kernel, { start, count }: ListPart): VmallocAreaFacts[] {
  return vmapAreas(kernel)
    .busy.slice(start, start + count)
    .map((area) => areaFacts(kernel, area));
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

function areaFacts(kernel: Kernel, area: VmapArea): VmallocAreaFacts {
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
