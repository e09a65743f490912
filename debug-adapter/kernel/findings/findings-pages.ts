/** Which pages are certainly no page tables: what their struct page, or the vmalloc space, says that they are. */
import { formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import { entryKind } from '../../arch/paging-mode.ts';
import type { PagingMode } from '../../arch/paging-mode.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { PageUse } from '../../pagetable/table-check.ts';
import { formatSymbolHit } from '../../symbols/symbol-table.ts';
import { headOf } from '../pages/folio.ts';
import { cacheName } from '../identify/identify-slab.ts';
import type { Kernel } from '../kernel.ts';
import { pgdOf, physicalOf } from '../processes/mm.ts';
import { allSymbols } from '../modules/module.ts';
import { pageOfFrame } from '../pages/page-frame.ts';
import { pageTypeOf } from '../pages/page-type.ts';
import type { PageType } from '../pages/page-type.ts';
import { tasks } from '../processes/task.ts';
import type { VmapArea } from '../vmalloc/vmap-area.ts';
import { allocatedAreaOf } from '../vmalloc/vmalloc-frames.ts';

/** Processes, and tables of each, that are looked at to learn whether this kernel marks its tables. */
const sampledProcesses = 32;
const sampledTables = 64;
/** An unmarked table is wrong where so many are marked, and this many times the unmarked ones. */
const enoughMarked = 4;
const markedToUnmarked = 4;

/** Page types that exclude a page table; the names are the kernel's. */
const otherTypes: readonly string[] = ['offline', 'guard', 'hugetlb', 'zsmalloc', 'unaccepted'];

/** What is known of the page at physical `address`; `process`: as a process's table for user addresses. */
export function pageUseOf(kernel: Kernel, address: number, as: { readonly depth: number; readonly process: boolean }): PageUse {
  try {
    const pfn = Math.floor(address / kernel.pageSize);
    const page = kernel.types === undefined || !kernel.once(knowsPages) ? undefined : pageOfFrame(kernel, pfn);
    if (page === undefined) return undefined;
    const head = headOf(kernel, page);
    const type = pageTypeOf(kernel, head);
    if (type.kind === 'table') return 'table';
    const other = otherUse(kernel, head, type);
    if (other !== undefined) return { other };
    if (type.kind !== 'other') return undefined;
    if (as.process && kernel.once(marksTables).has(as.depth)) return { other: 'a page of the kernel that is not marked as a page table' };
    const area = allocatedAreaOf(kernel, Math.floor(address / frameSize));
    return area === undefined ? undefined : { other: mappedUse(kernel, area) };
  } catch (error) {
    // A struct page that cannot be read says nothing.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Whether struct pages are where they are looked for: the kernel's own text was reserved when the machine started. */
function knowsPages(kernel: Kernel): boolean {
  const text = kernel.addressOf('_stext') ?? kernel.addressOf('_text');
  if (text === undefined) return false;
  try {
    const page = pageOfFrame(kernel, Math.floor(physicalOf(kernel, text) / kernel.pageSize));
    return page !== undefined && pageTypeOf(kernel, page).kind === 'reserved';
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

function otherUse(kernel: Kernel, head: Address, type: PageType): string | undefined {
  switch (type.kind) {
    case 'buddy':
      return `a free page (in a buddy block of order ${type.order})`;
    case 'anonymous':
    case 'merged':
      return 'an anonymous page of a process';
    case 'movable':
      return 'a page of a driver that the kernel may move';
    case 'file':
      return `a page of the page cache (mapping ${formatAddress(type.mapping)})`;
    case 'slab': {
      // Tables smaller than a page, and powerpc's and sparc's upper ones, are slab objects (pgd_cache, pgtable-2^9, pgtable_cache).
      const name = cacheName(kernel, head);
      return /pgd|pgtable|page_table/.test(name) ? undefined : `a slab page${name}`;
    }
    case 'table':
    case 'reserved':
      return undefined;
    case 'other':
      return otherTypes.includes(type.name) ? `a page in other use (${type.name})` : undefined;
  }
}

function mappedUse(kernel: Kernel, area: VmapArea): string {
  const caller = area.vm === undefined ? undefined : allSymbols(kernel).resolve(area.vm.caller);
  const by = caller === undefined ? '' : `, made by ${formatSymbolHit(caller)}`;
  return `a page of the vmalloc area at ${formatAddress(area.start)}${by}`;
}

/** Depths of levels whose tables, for user addresses of processes, this kernel marks in struct page. */
function marksTables(kernel: Kernel): ReadonlySet<number> {
  const counts = new Map<number, { marked: number; unmarked: number }>();
  const seen = new Set<number>();
  for (const task of tasks(kernel)) {
    if (task.mm === undefined || seen.size >= sampledProcesses) continue;
    try {
      const root = pgdOf(kernel, task.mm);
      if (seen.has(root)) continue;
      seen.add(root);
      const mode = kernel.root.modeOfRoot?.(root) ?? kernel.root.mode;
      sample(kernel, mode, { level: 0, table: root, page: 0, left: { tables: sampledTables } }, counts);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return new Set(
    [...counts].flatMap(([depth, { marked, unmarked }]) =>
      marked >= enoughMarked && marked >= unmarked * markedToUnmarked ? [depth] : [],
    ),
  );
}

interface SampledTable {
  readonly level: number;
  readonly table: number;
  /** First virtual page (address / 4096). */
  readonly page: number;
  readonly left: { tables: number };
}

/** Counts marked and unmarked tables of user addresses, depth first. */
function sample(kernel: Kernel, mode: PagingMode, at: SampledTable, counts: Map<number, { marked: number; unmarked: number }>): void {
  const shape = mode.levels[at.level];
  const next = mode.levels[at.level + 1];
  if (shape === undefined || next === undefined) return;
  const swap = shape.entrySize === 8 && !mode.littleEndian ? 4 : 0;
  for (let index = 0; index < 2 ** shape.indexBits && at.left.tables > 0; index++) {
    const page = at.page + index * 2 ** (shape.shift - 12);
    if (at.level === 0 && !isUserPage(mode, page)) return;
    const entryAt = at.table + index * shape.entrySize;
    const bytes = kernel.physical.frame(Math.floor(entryAt / frameSize));
    if (bytes === undefined) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, frameSize);
    const offset = entryAt % frameSize;
    if (offset + shape.entrySize > frameSize) return;
    const low = view.getUint32(offset + swap, mode.littleEndian);
    const high = shape.entrySize === 8 ? view.getUint32(offset + 4 - swap, mode.littleEndian) : 0;
    if (mode.kind(at.level, low, high) !== entryKind.table || mode.defect(at.level, low, high) !== undefined) continue;
    at.left.tables--;
    const table = mode.tableAddress(at.level, low, high);
    const marked = isMarked(kernel, table);
    if (marked === undefined) continue;
    const count = counts.get(next.depth) ?? { marked: 0, unmarked: 0 };
    counts.set(next.depth, count);
    if (marked) count.marked++;
    else count.unmarked++;
    if (marked || next.depth < 4) sample(kernel, mode, { ...at, level: at.level + 1, table, page }, counts);
  }
}

function isUserPage(mode: PagingMode, page: number): boolean {
  return mode.split !== 'shared' || mode.isUserAddress(toAddress(BigInt(page * frameSize)));
}

function isMarked(kernel: Kernel, table: number): boolean | undefined {
  const page = pageOfFrame(kernel, Math.floor(table / kernel.pageSize));
  if (page === undefined) return undefined;
  try {
    return pageTypeOf(kernel, headOf(kernel, page)).kind === 'table';
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
