/** Addresses in the vmalloc space and the module area: area, block, page, task stack, guard page. */
import { formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import { formatSymbolHit } from '../../symbols/symbol-table.ts';
import type { Kernel } from '../kernel.ts';
import { allSymbols, findModule } from '../modules/module.ts';
import { moduleSection } from '../modules/module-section.ts';
import { tasks } from '../processes/task.ts';
import { formatCaller } from '../vmalloc/vmallocinfo.ts';
import { findFreedArea, findVmapArea, mappedSize, vmFlag, vmFlagNames } from '../vmalloc/vmap-area.ts';
import type { VmapArea, VmapState } from '../vmalloc/vmap-area.ts';
import { blockOf, blockPages, blockPageState, isUsed } from '../vmalloc/vmap-block.ts';
import type { VmapBlock } from '../vmalloc/vmap-block.ts';
import { vreadByte } from '../vmalloc/vread.ts';

/** Names of the set bits of vm_struct.flags, lowest first; unknown bits as one hexadecimal number. */
export function vmFlagsOf(flags: number): string[] {
  const names = vmFlagNames.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  const known = vmFlagNames.reduce((sum, [bit]) => sum | bit, 0);
  const rest = (flags & ~known) >>> 0;
  return rest === 0 ? names : [...names, formatAddress(rest)];
}

/** Details for an address that a vmap_area covers; none for any other. */
export function describeVmallocAddress(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  if (kernel.types === undefined) return [];
  const area = findVmapArea(kernel, address);
  if (area === undefined) {
    const freed = findFreedArea(kernel, address);
    return freed === undefined ? [] : [freedDetail(freed)];
  }
  const block = blockOf(kernel, area);
  if (block !== undefined) return [blockDetail(kernel, address, { area, block }), areaDetail(kernel, address, area)];
  const detail = areaDetail(kernel, address, area);
  try {
    const stack = stackDetail(kernel, address, area);
    return stack === undefined ? [detail] : [stack, detail];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [detail, { kind: 'note', summary: error.message }];
  }
}

const freedWords: Readonly<Record<Exclude<VmapState, 'busy'>, string>> = {
  lazy: 'not yet purged',
  purging: 'in a purge that was under way',
  pooled: 'kept for the next allocation of its size',
};

function freedDetail({ start, end, state, node }: VmapArea): IdentifyDetail {
  const words = state === 'busy' ? '' : `, ${freedWords[state]}`;
  return {
    kind: 'vmalloc-freed',
    summary: `freed vmalloc area ${formatAddress(start)}-${formatAddress(end)}${words}`,
    state,
    node,
    start: formatAddress(start),
    end: formatAddress(end),
  };
}

/** What a read of this byte from the kernel's own /proc/kcore gives, where that is not what memory holds; else null. */
function kcoreNote(kernel: Kernel, address: Address, area: VmapArea): string | null {
  const part = vreadByte(kernel, address, area);
  if (part?.why === undefined || part.source === address) return null;
  return part.source === undefined ? `zeros: ${part.why}` : `${formatAddress(part.source)} instead: ${part.why}`;
}

function blockDetail(kernel: Kernel, address: Address, of: { area: VmapArea; block: VmapBlock }): IdentifyDetail {
  const { area, block } = of;
  const pages = blockPages(kernel, area);
  const page = Math.floor(Number(address - area.start) / kernel.pageSize);
  const state = blockPageState(block, page, pages);
  const run = state === 'used' && block.usedMap !== undefined ? usedRunAround(block, page, pages) : undefined;
  const inRun = run === undefined ? '' : `, in the run of used pages ${run.first}-${run.first + run.count - 1}`;
  return {
    kind: 'vmap-block',
    summary: `${state} page ${page} of ${pages} of a vm_map_ram block${inRun}`,
    block: formatAddress(block.address),
    page,
    pages,
    state,
    run: run ?? null,
    free: block.free,
    dirty: block.dirty,
    dirtyMin: block.dirtyMin,
    dirtyMax: block.dirtyMax,
    cpu: block.cpu ?? null,
    kcore: kcoreNote(kernel, address, area),
    start: formatAddress(area.start),
    end: formatAddress(area.end),
  };
}

function usedRunAround(block: VmapBlock, page: number, pages: number): { first: number; count: number } {
  let first = page;
  let end = page + 1;
  while (first > 0 && isUsed(block, first - 1)) first--;
  while (end < pages && isUsed(block, end)) end++;
  return { first, count: end - first };
}

/** Kind names of INTERFACES.md by what made the area. */
function kindOf(area: VmapArea): string {
  if (area.vm === undefined) return area.ram ? 'vm-map-ram' : 'vmalloc';
  if ((area.vm.flags & vmFlag.ioremap) !== 0) return 'ioremap';
  return (area.vm.flags & vmFlag.map) === 0 ? 'vmalloc' : 'vmap';
}

function areaDetail(kernel: Kernel, address: Address, area: VmapArea): IdentifyDetail {
  const kind = kindOf(area);
  const offset = Number(address - area.start);
  const guard = area.vm !== undefined && offset >= mappedSize(kernel, area);
  const caller = area.vm === undefined || area.vm.caller === 0n ? null : formatCaller(kernel, area.vm.caller);
  const by = caller === null ? '' : ` of ${caller}`;
  const word = kind === 'vm-map-ram' ? 'vm_map_ram' : kind;
  const range = `${formatAddress(area.start)}-${formatAddress(area.end)}`;
  return {
    kind,
    summary: `${guard ? 'guard page' : `byte 0x${offset.toString(16)}`} of the ${word} area ${range}${by}`,
    guard,
    offset,
    page: Math.floor(offset / kernel.pageSize),
    start: formatAddress(area.start),
    end: formatAddress(area.end),
    vmapArea: formatAddress(area.address),
    vm: area.vm === undefined ? null : formatAddress(area.vm.address),
    vmFlags: area.vm === undefined ? [] : vmFlagsOf(area.vm.flags),
    caller,
    pages: area.vm?.pageCount ?? null,
    physical: area.vm === undefined || area.vm.physAddr === 0n ? null : formatAddress(area.vm.physAddr),
    kcore: kcoreNote(kernel, address, area),
  };
}

function stackDetail(kernel: Kernel, address: Address, area: VmapArea): IdentifyDetail | undefined {
  const mapped = mappedSize(kernel, area);
  const task = kernel.once(tasksByStack).get(area.start);
  if (task === undefined) return undefined;
  const depth = mapped - Number(address - area.start);
  return {
    kind: 'task-stack',
    summary:
      depth > 0
        ? `kernel stack of task ${task.pid} (${task.comm}), 0x${depth.toString(16)} bytes below its top`
        : `guard page above the kernel stack of task ${task.pid} (${task.comm})`,
    pid: task.pid,
    comm: task.comm,
    task: formatAddress(task.address),
    depth,
  };
}

function tasksByStack(kernel: Kernel): ReadonlyMap<Address, { pid: number; comm: string; address: Address }> {
  return new Map(tasks(kernel).map((task) => [task.stack, task]));
}

/** The part of a loaded module that holds the address, with its symbol. */
export function describeModule(kernel: Kernel, address: Address): IdentifyDetail[] {
  const found = findModule(kernel, address);
  if (found === undefined) return [];
  const { module, part } = found;
  const offset = Number(address - part.start);
  const hit = allSymbols(kernel).resolve(address);
  const section = moduleSection(kernel, found, address);
  const symbol = hit?.symbol.module === module.name ? `${formatSymbolHit(hit)}, in ` : '';
  return [
    {
      kind: 'module',
      summary: `${symbol}${part.kind} of module ${module.name}, byte 0x${offset.toString(16)}${section === undefined ? '' : `, section ${section}`}`,
      module: module.name,
      section: section ?? null,
      part: part.kind,
      offset,
      start: formatAddress(part.start),
      end: formatAddress(part.end),
      moduleAddress: formatAddress(module.address),
    },
  ];
}
