/** The text of /proc/vmallocinfo, as mm/vmalloc.c:vmalloc_info_show writes it. */
import { addToAddress, formatPaddedAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { formatSymbolHit } from '../../symbols/symbol-table.ts';
import type { Kernel } from '../kernel.ts';
import { allSymbols } from '../modules/module.ts';
import { nodeOfPage, singleNode } from '../pages/numa.ts';
import { byAddress, findVmapArea, hasVmapRamFlags, vmapAreas, vmFlag } from './vmap-area.ts';
import type { VmapArea, VmStruct } from './vmap-area.ts';

/** Words after the addresses, in the kernel's order (not in the order of the flags). */
const words: readonly (readonly [flag: number, word: string])[] = [
  [vmFlag.ioremap, ' ioremap'],
  [vmFlag.sparse, ' sparse'],
  [vmFlag.alloc, ' vmalloc'],
  [vmFlag.map, ' vmap'],
  [vmFlag.usermap, ' user'],
  [vmFlag.dmaCoherent, ' dma-coherent'],
];

/** All lines, each with its newline. Addresses are the real ones (what %pK gives a reader who may see them). */
export function vmallocinfo(kernel: Kernel): string {
  return [...vmallocinfoLines(kernel)].join('');
}

/** The same line by line, each made when it is asked for. */
export function* vmallocinfoLines(kernel: Kernel): Generator<string> {
  const structs = kernel.structs('listing the vmalloc areas');
  const marksRam = hasVmapRamFlags(structs);
  const sparseWord = structs.find('vmap_node') !== undefined;
  const { busy, lazy, mixed } = vmapAreas(kernel);
  for (const area of mixed ? byAddress([...busy, ...lazy]) : busy) {
    const line =
      area.state === 'lazy'
        ? lazyLine(kernel, area)
        : area.vm === undefined
          ? ramLine(kernel, area)
          : vmLine(kernel, area.vm, { marksRam, sparseWord });
    if (line !== undefined) yield `${line}\n`;
  }
  // Before 6.9 the lazy areas are printed behind the last busy one, so not at all without any.
  if (mixed || (busy.length === 0 && !sparseWord)) return;
  for (const area of lazy) yield `${lazyLine(kernel, area)}\n`;
}

/** The caller as %pS prints it: `symbol+0x1a/0x94 [module]`, or the bare address where no symbol covers it. */
export function formatCaller(kernel: Kernel, caller: Address): string {
  const hit = allSymbols(kernel).resolve(caller);
  return hit === undefined ? `0x${caller.toString(16)}` : formatSymbolHit(hit);
}

function range(kernel: Kernel, start: Address, end: Address): string {
  const digits = kernel.memory.pointerSize * 2;
  const size = (end - start).toString().padStart(7);
  return `${formatPaddedAddress(start, digits)}-${formatPaddedAddress(end, digits)} ${size}`;
}

function lazyLine(kernel: Kernel, area: VmapArea): string {
  return `${range(kernel, area.start, area.end)} unpurged vm_area`;
}

function ramLine(kernel: Kernel, area: VmapArea): string | undefined {
  return area.ram ? `${range(kernel, area.start, area.end)} vm_map_ram` : undefined;
}

function vmLine(kernel: Kernel, vm: VmStruct, has: { marksRam: boolean; sparseWord: boolean }): string | undefined {
  if (has.marksRam && (vm.flags & vmFlag.uninitialized) !== 0) return undefined;
  let line = range(kernel, vm.addr, addToAddress(vm.addr, vm.size));
  if (vm.caller !== 0n) line += ` ${formatCaller(kernel, vm.caller)}`;
  if (vm.pageCount !== 0) line += ` pages=${vm.pageCount}`;
  if (vm.physAddr !== 0n) line += ` phys=${formatPaddedAddress(vm.physAddr, physAddrDigits(kernel))}`;
  for (const [flag, word] of words) {
    if ((vm.flags & flag) !== 0 && (flag !== vmFlag.sparse || has.sparseWord)) line += word;
  }
  if (vm.pages !== 0n && findVmapArea(kernel, vm.pages) !== undefined) line += ' vpages';
  return line + numaCounts(kernel, vm);
}

/** Hexadecimal digits of phys_addr_t. */
function physAddrDigits(kernel: Kernel): number {
  const structs = kernel.structs('listing the vmalloc areas');
  return structs.get('vm_struct').memberSize('phys_addr') * 2;
}

/** ` N0=4 N1=2`: small pages on each NUMA node; only where the kernel is built with CONFIG_NUMA. */
function numaCounts(kernel: Kernel, vm: VmStruct): string {
  if (vm.pageCount === 0 || vm.pages === 0n) return '';
  const step = 2 ** Math.min(vm.pageOrder, 20);
  const counts = new Map<number, number>();
  try {
    const only = singleNode(kernel);
    if (only !== undefined) return ` N${only}=${Math.ceil(vm.pageCount / step) * step}`;
    for (let index = 0; index < vm.pageCount; index += step) {
      const page = kernel.memory.pointer(addToAddress(vm.pages, index * kernel.memory.pointerSize));
      const node = nodeOfPage(kernel, page);
      if (node === undefined) return '';
      counts.set(node, (counts.get(node) ?? 0) + step);
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`vmalloc: the pages of the area at 0x${vm.addr.toString(16)} cannot be counted by node: ${error.reason}`);
    return '';
  }
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([node, count]) => ` N${node}=${count}`)
    .join('');
}
