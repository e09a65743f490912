/**
 * The kernel's page walk over a process's memory areas (mm/pagewalk.c: walk_page_range), as pagemap and PAGEMAP_SCAN use it.
 * Addresses pass as numbers of base pages, entries as two halves; nothing is allocated for an entry.
 */
import { entryKind } from '../../arch/paging-mode.ts';
import type { EntryKind, PagingLevel, PagingMode } from '../../arch/paging-mode.ts';
import { throwIfCancelled } from '../../base/cancellation.ts';
import type { CancellationToken } from '../../base/cancellation.ts';
import { formatAddress } from '../../base/address.ts';
import { wholeEntry } from '../../arch/table-mode.ts';
import type { PhysicalMemory } from '../../memory/physical-memory.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { PageTable } from '../../pagetable/page-table.ts';
import { highHalf, lowHalf } from '../../pagetable/table-view.ts';
import { firstVmaEndingAfter, vmFlag } from '../processes/mm.ts';
import type { Vma } from '../processes/mm.ts';

/** Ranges are in base pages, half-open. What gives a boolean ends the walk with `true`. */
export interface PagemapVisitor {
  /** Memory that belongs to no area. */
  outside(start: number, end: number): boolean;
  /** Before an area: whether to walk it, pass it over, or end. */
  enter(vma: Vma, start: number, end: number): 'walk' | 'skip' | 'end';
  /** Nothing is mapped, and no page table is there. */
  hole(vma: Vma, start: number, end: number): boolean;
  /** A pmd that is a huge page, or is not present; the range lies within it. */
  huge(vma: Vma, start: number, end: number, entry: WalkedEntry): boolean;
  /** An entry of hugetlbfs; the range lies within its page. */
  hugetlb(vma: Vma, start: number, end: number, entry: WalkedEntry): boolean;
  /** An entry of a page table, of whatever kind. */
  page(vma: Vma, page: number, entry: WalkedEntry): boolean;
  /** A table of the way could not be read; `reason` is a phrase. */
  missing(vma: Vma, start: number, end: number, reason: string): boolean;
}

/** The entry at hand: one object for the whole walk. */
export interface WalkedEntry {
  low: number;
  high: number;
  /** Index in `PagingMode.levels`. */
  level: number;
  kind: EntryKind;
  /** Present to the kernel: valid for the hardware, or PROT_NONE. */
  present: boolean;
  /** First frame that it maps, in base pages; for entries that are present. */
  frame: number;
  /** First base page that the whole entry covers, and how many. */
  first: number;
  pages: number;
  /** 4 KiB frame of the table that holds it. */
  tableFrame: number;
}

/** What a walk over a process's pages is told of the process. */
export interface WalkContext {
  readonly pageTable: PageTable;
  readonly areas: readonly Vma[];
  /** Whether an empty entry of hugetlbfs is a hole: huge_pte_offset() of powerpc finds none there. */
  readonly emptyHugetlbIsHole?: boolean;
  /** Bytes of a page of hugetlbfs in an area. */
  readonly hugePageSize: (vma: Vma) => number;
  readonly token: CancellationToken;
}

/** Walks [start, end); returns whether the visitor ended it. */
export function walkAreas(context: WalkContext, range: { readonly start: number; readonly end: number }, visitor: PagemapVisitor): boolean {
  return new AreaWalk(context, visitor).run(range.start, range.end);
}

class AreaWalk {
  readonly #context: WalkContext;
  readonly #visitor: PagemapVisitor;
  readonly #mode: PagingMode;
  readonly #physical: PhysicalMemory;
  readonly #lastLevel: number;
  /** Of each table met, by its physical address: the first page that it is about, and its level. */
  readonly #places = new Map<number, string>();
  readonly #entry: WalkedEntry = {
    low: 0,
    high: 0,
    level: 0,
    kind: entryKind.none,
    present: false,
    frame: 0,
    first: 0,
    pages: 1,
    tableFrame: 0,
  };

  constructor(context: WalkContext, visitor: PagemapVisitor) {
    this.#context = context;
    this.#visitor = visitor;
    this.#mode = context.pageTable.mode;
    this.#physical = context.pageTable.physical;
    this.#lastLevel = this.#mode.levels.length - 1;
  }

  run(start: number, end: number): boolean {
    const { areas, token } = this.#context;
    const shift = BigInt(this.#mode.pageShift);
    let index = firstVmaEndingAfter(areas, BigInt(start) << shift);
    for (let at = start; at < end;) {
      throwIfCancelled(token);
      const vma = areas[index];
      const first = vma === undefined ? Infinity : Number(vma.start >> shift);
      if (vma === undefined || at < first) {
        const next = Math.min(end, first);
        if (this.#visitor.outside(at, next)) return true;
        at = next;
        continue;
      }
      index++;
      const next = Math.min(end, Number(vma.end >> shift));
      // An area that ends before it (they overlap) is passed over.
      if (next <= at) continue;
      const how = this.#visitor.enter(vma, at, next);
      if (how === 'end') return true;
      if (how === 'walk' && this.#walkArea(vma, at, next)) return true;
      at = next;
    }
    return false;
  }

  /** An area, as far as the root table reaches; behind that nothing is mapped. */
  #walkArea(vma: Vma, start: number, end: number): boolean {
    const top = this.#mode.levels[0];
    const covered = top === undefined ? 0 : 2 ** (top.shift + top.indexBits - this.#mode.pageShift);
    const inside = Math.min(end, covered);
    if (start < inside) {
      const isHugetlb = (vma.flags & vmFlag.hugetlb) !== 0n;
      const range = { start, end: inside };
      const ended = isHugetlb ? this.#walkHugetlb(vma, range) : this.#walkTable(vma, this.#context.pageTable.root, 0, range);
      if (ended) return true;
    }
    return end > covered && this.#visitor.hole(vma, Math.max(start, covered), end);
  }

  #walkTable(vma: Vma, table: number, level: number, range: { start: number; end: number }): boolean {
    const shape = this.#mode.levels[level];
    if (shape === undefined) return false;
    const pages = 2 ** (shape.shift - this.#mode.pageShift);
    const count = 2 ** shape.indexBits;
    const elsewhere = this.#metElsewhere(table, shape, range.start);
    if (elsewhere !== undefined) return this.#visitor.missing(vma, range.start, range.end, elsewhere);
    for (let at = range.start; at < range.end;) {
      const number = Math.floor(at / pages);
      const first = number * pages;
      const position = table + (number % count) * shape.entrySize;
      const problem = this.#read(shape, level, position);
      // What one frame of the table would have told is missing as a whole.
      const entries =
        problem === undefined ? 1 : Math.min(count - (number % count), (frameSize - (position % frameSize)) / shape.entrySize);
      const next = Math.min(range.end, first + entries * pages);
      this.#entry.first = first;
      this.#entry.pages = pages;
      if (problem === undefined ? this.#step(vma, at, next) : this.#visitor.missing(vma, at, next, problem)) return true;
      at = next;
    }
    return false;
  }

  #step(vma: Vma, start: number, end: number): boolean {
    const entry = this.#entry;
    const { level, kind } = entry;
    if (level === this.#lastLevel) return this.#visitor.page(vma, start, entry);
    if (kind === entryKind.none) return this.#visitor.hole(vma, start, end);
    if (kind === entryKind.table)
      return this.#walkTable(vma, this.#mode.tableAddress(level, entry.low, entry.high), level + 1, { start, end });
    if (this.#mode.levels[level]?.depth === 3) return this.#visitor.huge(vma, start, end, entry);
    // pgd_none_or_clear_bad(): an entry that is no table maps nothing. Larger pages than a pmd exist for devices only.
    if (kind === entryKind.leaf || entry.present) return this.#visitor.huge(vma, start, end, entry);
    return this.#visitor.missing(vma, start, end, `the ${this.#mode.levels[level]?.name ?? ''} entry 0x${wholeText(entry)} is no table`);
  }

  /**
   * In words, that a table stands in two places of one process's tables, which only damage does: followed everywhere, a
   * table that leads to itself would be read without end.
   */
  #metElsewhere(table: number, shape: PagingLevel, page: number): string | undefined {
    const covered = 2 ** (shape.shift + shape.indexBits - this.#mode.pageShift);
    const place = `${shape.name} ${Math.floor(page / covered)}`;
    const known = this.#places.get(table);
    if (known === undefined) this.#places.set(table, place);
    if (known === undefined || known === place) return undefined;
    return `the ${shape.name} table at physical ${formatAddress(BigInt(Math.floor(table)))} stands in another place of these page tables too`;
  }

  /** walk_hugetlb_range(): one call for each huge page, at the level whose entries are as large, or a part of it; holes may be longer. */
  #walkHugetlb(vma: Vma, { start, end }: { readonly start: number; readonly end: number }): boolean {
    const { levels, pageShift } = this.#mode;
    const bytes = this.#context.hugePageSize(vma);
    const pages = Math.max(1, bytes / 2 ** pageShift);
    const found = levels.findIndex(({ shift }) => 2 ** shift <= bytes);
    const target = found < 0 ? this.#lastLevel : found;
    for (let at = start; at < end;) {
      const first = Math.floor(at / pages) * pages;
      const reached = this.#findHugetlb(first, target);
      if (reached.level === target && reached.problem === undefined) {
        const next = Math.min(end, first + pages);
        this.#entry.first = first;
        this.#entry.pages = pages;
        const isHole = this.#context.emptyHugetlbIsHole === true && this.#entry.kind === entryKind.none;
        if (isHole ? this.#visitor.hole(vma, at, next) : this.#visitor.hugetlb(vma, at, next, this.#entry)) return true;
        at = next;
        continue;
      }
      // Nothing below the entry that ends the way down.
      const shape = levels[reached.level];
      const span = Math.max(pages, shape === undefined ? 0 : 2 ** (shape.shift - pageShift));
      const next = Math.min(end, Math.floor(at / span) * span + span);
      if (reached.problem === undefined ? this.#visitor.hole(vma, at, next) : this.#visitor.missing(vma, at, next, reached.problem))
        return true;
      at = next;
    }
    return false;
  }

  /** Reads down to the entry for `page` of level `target`, or to the one above that ends the way. */
  #findHugetlb(page: number, target: number): { readonly level: number; readonly problem: string | undefined } {
    const { levels } = this.#mode;
    let table: number = this.#context.pageTable.root;
    for (let level = 0; level < target; level++) {
      const problem = this.#readIn(table, level, page);
      if (problem !== undefined || this.#entry.kind !== entryKind.table) return { level, problem };
      table = this.#mode.tableAddress(level, this.#entry.low, this.#entry.high);
      const shape = levels[level + 1];
      const elsewhere = shape === undefined ? undefined : this.#metElsewhere(table, shape, page);
      if (elsewhere !== undefined) return { level, problem: elsewhere };
    }
    return { level: target, problem: this.#readIn(table, target, page) };
  }

  #readIn(table: number, level: number, page: number): string | undefined {
    const shape = this.#mode.levels[level];
    if (shape === undefined) return undefined;
    const index = Math.floor(page / 2 ** (shape.shift - this.#mode.pageShift)) % 2 ** shape.indexBits;
    return this.#read(shape, level, table + index * shape.entrySize);
  }

  /** Reads the entry at a physical address into `#entry`; in words, why it cannot be. */
  #read(shape: PagingLevel, level: number, at: number): string | undefined {
    const mode = this.#mode;
    const frame = Math.floor(at / frameSize);
    const view = this.#context.pageTable.tableView(frame);
    if (view === undefined) {
      const why = Number.isSafeInteger(at) ? this.#physical.partialFrame(frame).holes[0]?.reason.message : undefined;
      return `the ${shape.name} table at physical ${formatAddress(BigInt(Math.max(0, Math.floor(at))))} cannot be read: ${why ?? 'no machine has memory there'}`;
    }
    const entry = this.#entry;
    const offset = at % frameSize;
    entry.level = level;
    entry.tableFrame = frame;
    entry.low = lowHalf(view, offset, shape, mode);
    entry.high = highHalf(view, offset, shape, mode);
    const own = mode.companion?.address(level, at);
    if (own !== undefined) return this.#readOwn(own);
    entry.kind = mode.kind(level, entry.low, entry.high);
    entry.present =
      entry.kind === entryKind.leaf || (entry.kind === entryKind.notPresent && mode.countsAsPresent(level, entry.low, entry.high));
    entry.frame = entry.present ? Math.floor(mode.leafAddress(level, entry.low, entry.high) / 2 ** mode.pageShift) : 0;
    if (entry.present && mode.leafShift(level, entry.low, entry.high) > shape.shift) {
      // Neighbours that stand for one page hold the address of the whole.
      const pages = 2 ** (mode.leafShift(level, entry.low, entry.high) - mode.pageShift);
      const index = Math.floor((offset / shape.entrySize) * 2 ** (shape.shift - mode.pageShift)) % pages;
      entry.frame = Math.floor(entry.frame / pages) * pages + index;
    }
    return undefined;
  }

  /** 32-bit arm: the kernel keeps an entry of its own, which has PRESENT in bit 0 and the address from bit 12. */
  #readOwn(at: number): string | undefined {
    const entry = this.#entry;
    const view = this.#context.pageTable.tableView(Math.floor(at / frameSize));
    if (view === undefined) return `the kernel's own entry at physical ${formatAddress(BigInt(at))} cannot be read`;
    entry.low = view.getUint32(at % frameSize, this.#mode.littleEndian);
    entry.high = 0;
    entry.present = (entry.low & 1) !== 0;
    entry.kind = entry.low === 0 ? entryKind.none : entry.present ? entryKind.leaf : entryKind.notPresent;
    entry.frame = entry.low >>> 12;
    return undefined;
  }
}

function wholeText(entry: WalkedEntry): string {
  return wholeEntry(entry.low, entry.high).toString(16);
}
