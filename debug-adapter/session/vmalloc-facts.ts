import { formatAddress } from '../base/address.ts';
import { vmFlagsOf } from '../kernel/identify-vmalloc.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { vmapAreas } from '../kernel/vmap-area.ts';
import type { VmapArea } from '../kernel/vmap-area.ts';
import { blockOf, blockPages, usedRuns } from '../kernel/vmap-block.ts';
import { formatCaller } from '../kernel/vmallocinfo.ts';
import type { VmallocAreaFacts, VmallocBlockFacts, VmallocFacts } from '../protocol/facts.ts';

/** The vmalloc space in the shape of `vmalloc --json`. */
export function vmallocFacts(kernel: Kernel): VmallocFacts {
  const { busy, lazy } = vmapAreas(kernel);
  const areas = busy.map((area) => areaFacts(kernel, area));
  return { areas, lazy: lazy.map((area) => areaFacts(kernel, area)), warnings: [...kernel.warnings] };
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
    node: area.node,
    block: blockFacts(kernel, area),
  };
}

function blockFacts(kernel: Kernel, area: VmapArea): VmallocBlockFacts | null {
  const block = blockOf(kernel, area);
  if (block === undefined) return null;
  const pages = blockPages(kernel, area);
  return {
    address: formatAddress(block.address),
    free: block.free,
    dirty: block.dirty,
    dirtyMin: block.dirtyMin,
    dirtyMax: block.dirtyMax,
    used: usedRuns(block, pages),
    pages,
    cpu: block.cpu ?? null,
  };
}
