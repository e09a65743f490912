/** vm_struct.pages[] and the page tables against each other; and what must not be mapped, but is (mm/vmalloc.c). */
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { throwIfCancelled } from '../../base/cancellation.ts';
import type { CancellationToken } from '../../base/cancellation.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { Kernel } from '../kernel.ts';
import { layoutOf } from '../layout/layout.ts';
import { byAddress, idleAreas, mappedSize, vmapAreas, vmFlag } from './vmap-area.ts';
import type { VmapArea, VmStruct } from './vmap-area.ts';
import type { DamageEnd, TellProblem, VmapProblem } from './vmap-check.ts';
import { freeAreas } from './vmap-free.ts';
import { listedFrame, mappedFrame } from './vmap-pages.ts';

/** How to stop the comparison, and where tables are damaged, so that it says nothing there. */
export interface PageCheck {
  readonly token: CancellationToken;
  readonly damageEnd: DamageEnd;
}

/**
 * Tells each problem of an area whose tables are not damaged (`damageEnd`); looks at a bounded number of pages in all. Throws
 * `Cancelled`.
 */
export function checkPages(kernel: Kernel, tellAll: TellProblem, { token, damageEnd }: PageCheck): void {
  let left: number = limits.checkedPages;
  const tell = (problem: VmapProblem): void => {
    if (damageEnd(problem.start) === undefined) tellAll(problem);
  };
  for (const area of vmapAreas(kernel).busy) {
    throwIfCancelled(token);
    const { vm } = area;
    if (vm === undefined || (vm.flags & vmFlag.uninitialized) !== 0 || vm.addr !== area.start) continue;
    if (left <= 0) {
      kernel.warn(`the vmalloc space has more than ${limits.checkedPages} pages; those behind were not compared with their areas`);
      break;
    }
    const pages = Math.max(0, Math.floor(mappedSize(kernel, area) / kernel.pageSize));
    if (vm.pages !== 0n && vm.pageCount > 0) {
      if (vm.pageCount > pages) tellCount(kernel, { area, vm, pages }, tell);
      else checkListed(kernel, { area, vm, pages }, tell);
      left -= pages;
    } else if ((vm.flags & vmFlag.ioremap) !== 0 && vm.physAddr !== 0n) {
      checkDevice(kernel, { area, vm, pages: Math.min(pages, left) }, tell);
      left -= pages;
    }
  }
  checkUnmapped(kernel, tell, { token, damageEnd });
}

interface Backed {
  readonly area: VmapArea;
  readonly vm: VmStruct;
  /** Pages that the area has room for. */
  readonly pages: number;
}

function tellCount(kernel: Kernel, { area, vm, pages }: Backed, tell: TellProblem): void {
  const at = kernel.structs('checking the vmalloc space').get('vm_struct').address(vm.address, 'nr_pages');
  const reason = `its vm_struct has ${vm.pageCount} pages (nr_pages), and the area room for ${pages}`;
  tell({ start: area.start, end: area.end, object: 'vm_struct', at, reason });
}

/** Each page of pages[] is mapped at its place; behind the last one nothing is. */
function checkListed(kernel: Kernel, { area, vm, pages }: Backed, tell: TellProblem): void {
  const wrong = { count: 0, first: 0, what: '' };
  const note = (page: number, what: string): void => {
    if (wrong.count === 0) {
      wrong.first = page;
      wrong.what = what;
    }
    wrong.count++;
  };
  for (let page = 0; page < vm.pageCount; page++) {
    const listed = frameIn(kernel, vm.pages, page);
    if (listed === 'missing') continue;
    const mapped = mappedFrame(kernel, area.start, page);
    if (listed === undefined) note(page, `pages[${page}] is no struct page`);
    else if (mapped === undefined) {
      if (isUnmapped(kernel, area, page)) note(page, `pages[${page}] is frame ${formatAddress(listed)}, and nothing is mapped there`);
    } else if (mapped !== listed)
      note(page, `pages[${page}] is frame ${formatAddress(listed)}, and frame ${formatAddress(mapped)} is mapped there`);
  }
  if (wrong.count > 0) {
    const more = wrong.count > 1 ? `; so it is with ${wrong.count - 1} pages behind it` : '';
    const start = addToAddress(area.start, wrong.first * kernel.pageSize);
    tell({
      start,
      end: area.end,
      object: 'vm_struct',
      at: addToAddress(vm.pages, wrong.first * kernel.memory.pointerSize),
      reason: `${wrong.what}${more}`,
    });
    return;
  }
  // The guard page too: an area with pages[] has one behind its last page.
  const end = Number(area.end - area.start) / kernel.pageSize;
  for (let page = vm.pageCount; page < end; page++) {
    if (mappedFrame(kernel, area.start, page) === undefined) continue;
    const what = page >= pages ? 'the guard page' : `page ${page}`;
    const start = addToAddress(area.start, page * kernel.pageSize);
    const reason = `${what} is mapped, and pages[] ends at ${vm.pageCount} of ${pages}`;
    tell({ start, end: addToAddress(start, kernel.pageSize), object: 'pte', at: undefined, reason });
    return;
  }
}

function frameIn(kernel: Kernel, pages: Address, index: number): number | 'missing' | undefined {
  try {
    return listedFrame(kernel, pages, index);
  } catch (error) {
    if (error instanceof MemoryFault) return 'missing';
    throw error;
  }
}

/** Whether the tables say that nothing is mapped: a table that the dump lacks says nothing. */
function isUnmapped(kernel: Kernel, area: VmapArea, page: number): boolean {
  return kernel.memory.explain(addToAddress(area.start, page * kernel.pageSize)).kind === 'not-mapped';
}

/** ioremap() maps physical memory in a row from phys_addr on. */
function checkDevice(kernel: Kernel, { area, vm, pages }: Backed, tell: TellProblem): void {
  const first = Number(vm.physAddr) / kernel.pageSize;
  if (!Number.isInteger(first)) return;
  for (let page = 0; page < pages; page++) {
    const mapped = mappedFrame(kernel, area.start, page);
    if (mapped === undefined || mapped === first + page) continue;
    const start = addToAddress(area.start, page * kernel.pageSize);
    const at = kernel.structs('checking the vmalloc space').get('vm_struct').address(vm.address, 'phys_addr');
    const reason = `frame ${formatAddress(mapped)} is mapped there, and by phys_addr it is ${formatAddress(first + page)}`;
    tell({ start, end: addToAddress(start, kernel.pageSize), object: 'vm_struct', at, reason });
    return;
  }
}

/** What is freed was unmapped before. Free space counts between the areas of a region: outside of them lies what is no vmalloc. */
function checkUnmapped(kernel: Kernel, tell: TellProblem, { token, damageEnd }: PageCheck): void {
  const { lazy, sorted } = vmapAreas(kernel);
  const { purging, pooled } = idleAreas(kernel);
  const free = freeAreas(kernel);
  const ranges = byAddress([
    ...lazy.map((area) => ({ ...area, name: 'the lazily freed area' })),
    ...purging.map((area) => ({ ...area, name: 'the purged area' })),
    ...pooled.map((area) => ({ ...area, name: 'the pooled area' })),
    ...(free.recorded ? free.areas.map((area) => ({ ...area, name: 'the free range' })) : []),
  ]);
  for (const region of layoutOf(kernel).regions) {
    if (region.kind !== 'vmalloc-space' && region.kind !== 'module-space') continue;
    const inside = sorted.filter(({ start, end }) => start >= region.start && end <= region.end);
    const from = inside[0]?.start;
    const to = inside.at(-1)?.end;
    if (from === undefined || to === undefined) continue;
    for (const range of ranges) {
      const start = range.start > from ? range.start : from;
      const end = range.end < to ? range.end : to;
      if (start >= end) continue;
      throwIfCancelled(token);
      const found = firstMappedIn(kernel, { start, end, damageEnd });
      if (found === undefined) continue;
      const reason = `${range.name} ${formatAddress(range.start)}-${formatAddress(range.end)} is mapped at ${formatAddress(found)}`;
      tell({ start: found, end: addToAddress(found, kernel.pageSize), object: 'vmap_area', at: range.address, reason });
    }
  }
}

/** The first address of [start, end) that is mapped; what an upper level leaves out is passed in one step. */
function firstMappedIn(
  kernel: Kernel,
  { start, end, damageEnd }: { readonly start: Address; readonly end: Address; readonly damageEnd: DamageEnd },
): Address | undefined {
  const { pageTable } = kernel.root;
  let at: bigint = start;
  for (let steps = 0; at < end; steps++) {
    if (steps >= limits.checkedPages) {
      kernel.warn(`${formatAddress(start)}-${formatAddress(end)} was not looked through: it has too many tables`);
      break;
    }
    const address = toAddress(at);
    const damaged = damageEnd(at);
    if (damaged !== undefined) {
      at = damaged;
      continue;
    }
    if (kernel.memory.frameOf(Number(at >> 12n)) >= 0) return address;
    const covered = BigInt(Math.max(pageTable.translate(address).pageSize, frameSize));
    at = (at / covered + 1n) * covered;
  }
  return undefined;
}
