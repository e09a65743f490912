/**
 * Free pages that CPUs keep for their next allocations (struct per_cpu_pages, mm/page_alloc.c): they are in no buddy block and
 * bear no mark, so only the lists tell them.
 */
import { limits } from '../../base/limits.ts';
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../containers/list.ts';
import { memoryNodes } from './numa.ts';
import { pageFrameOf } from './page-frame.ts';
import { perCpuAddress, possibleCpus } from '../per-cpu.ts';
import type { StructShape } from '../structs.ts';

/** A free block that a CPU keeps to itself (struct per_cpu_pages). */
export interface CpuFreePage {
  readonly cpu: number;
  /** First frame of the free memory on the list, and how many frames it has as a power of two. */
  readonly head: number;
  readonly order: number;
}

/** Migration types that have lists of their own (MIGRATE_PCPTYPES), and orders that do (0 to PAGE_ALLOC_COSTLY_ORDER). */
const listsOfOrder = 3;
const lowOrders = 4;

/** Who keeps frame `pfn` as free; undefined where no CPU does, or the lists cannot be read. */
export function cpuFreePage(kernel: Kernel, pfn: number): CpuFreePage | undefined {
  return kernel.once(cpuFreePages).get(pfn);
}

function cpuFreePages(kernel: Kernel): ReadonlyMap<number, CpuFreePage> {
  const found = new Map<number, CpuFreePage>();
  const structs = kernel.structs('the free pages of CPUs');
  const node = structs.find('pglist_data');
  const zone = structs.find('zone');
  const lists = structs.find('per_cpu_pages');
  const page = structs.get('page');
  // Until 5.14 the lists lay in a struct per_cpu_pageset.
  const member = ['per_cpu_pageset', 'pageset'].find((name) => zone?.has(name));
  if (node?.has('node_zones') !== true || zone === undefined || lists?.has('lists') !== true || member === undefined) return found;
  const outer = member === 'pageset' ? (structs.find('per_cpu_pageset')?.offset('pcp') ?? 0) : 0;
  const link = page.offset(page.has('pcp_list') ? 'pcp_list' : 'lru');
  for (const at of memoryNodes(kernel)) {
    for (let index = 0; index < node.arrayLength('node_zones'); index++) {
      const pages = optionalRead(() => zone.pointer(node.address(at, `node_zones[${index}]`), member));
      if (pages === undefined || pages === 0n) continue;
      for (const cpu of possibleCpus(kernel)) {
        const own = optionalRead(() => toAddress(perCpuAddress(kernel, pages, cpu) + BigInt(outer)));
        if (own !== undefined) collect(kernel, { shape: lists, at: own, cpu, link }, found);
      }
    }
  }
  return found;
}

function collect(
  kernel: Kernel,
  of: { readonly shape: StructShape; readonly at: Address; readonly cpu: number; readonly link: number },
  found: Map<number, CpuFreePage>,
): void {
  const count = of.shape.arrayLength('lists');
  // Longer lists than those of single pages came in 5.13; the last ones are of huge pages.
  const hugeOrder = (kernel.root.mode.levels.at(-2)?.shift ?? kernel.root.mode.pageShift) - kernel.root.mode.pageShift;
  for (let index = 0; index < count; index++) {
    const order = index < listsOfOrder * lowOrders ? Math.floor(index / listsOfOrder) : hugeOrder;
    for (const page of walkList(kernel.memory, of.shape.address(of.at, `lists[${index}]`), of.link, () => undefined)) {
      const head = pageFrameOf(kernel, page);
      // What leads to no struct page is no list of free pages any more.
      if (head === undefined) break;
      if (found.size >= limits.cpuFreePages) {
        kernel.warn(`CPUs keep more than ${limits.cpuFreePages} free pages; the others are not told as such`);
        return;
      }
      for (let pfn = head; pfn < head + 2 ** order; pfn++) found.set(pfn, { cpu: of.cpu, head, order });
    }
  }
}
