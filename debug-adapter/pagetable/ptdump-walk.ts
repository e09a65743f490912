/**
 * The order in which the kernel's generic page walk meets entries when it dumps tables without VMAs (mm/pagewalk.c:
 * walk_page_range_novma; mm/ptdump.c). Addresses pass as virtual page numbers, entries as two halves: nothing is
 * allocated for an entry.
 */
import { throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { entryKind } from '../arch/paging-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import { indexOf } from './page-table.ts';
import type { PageTable } from './page-table.ts';

/** What an architecture's dump does with each entry. `depth` is the kernel's level number, 0 pgd … 4 pte. */
export interface PtdumpVisitor {
  /** Every entry that is not a hole, before anything else; a result of `skip` ends its handling (KASAN's shared shadow). */
  enter(virtualPage: number, depth: number, low: number, high: number): 'walk' | 'skip';
  /** Whether the kernel's p?d_leaf() calls it a leaf. */
  isLeaf(depth: number, low: number, high: number): boolean;
  /** Whether the live kernel would call the table entry bad, clear it and see a hole. */
  isBad(depth: number, low: number, high: number): boolean;
  /** A leaf, a pte of any kind, or (with zero halves) a hole at `depth`. */
  note(virtualPage: number, depth: number, low: number, high: number): void;
  /** A table that cannot be read: `at` is its physical address. */
  unreadable(virtualPage: number, depth: number, at: number): void;
}

/** Ranges are [start, end) in virtual pages, where the tables' own (sign-extended) numbering of pages counts. */
export function walkForPtdump(
  pageTable: PageTable,
  ranges: readonly { readonly start: number; readonly end: number }[],
  visitor: PtdumpVisitor,
  token: CancellationToken,
): void {
  const walk = new Walk(pageTable, visitor, token);
  for (const { start, end } of ranges) walk.table(0, pageTable.root, start, end);
}

class Walk {
  readonly #pageTable: PageTable;
  readonly #visitor: PtdumpVisitor;
  readonly #token: CancellationToken;

  constructor(pageTable: PageTable, visitor: PtdumpVisitor, token: CancellationToken) {
    this.#pageTable = pageTable;
    this.#visitor = visitor;
    this.#token = token;
  }

  /** Entries of one table from page `start` up to, not including, page `end`. */
  table(level: number, table: number, start: number, end: number): void {
    const { mode } = this.#pageTable;
    const visitor = this.#visitor;
    const shape = mode.levels[level];
    if (shape === undefined) return;
    throwIfCancelled(this.#token);
    const { depth, entrySize } = shape;
    const span = 2 ** (shape.shift - 12);
    const swap = entrySize === 8 && !mode.littleEndian ? 4 : 0;
    let page = start;
    let index = indexOf(shape, start);
    while (page < end) {
      const next = Math.min(end, (Math.floor(page / span) + 1) * span);
      const at = table + index * entrySize;
      const view = this.#pageTable.tableView(Math.floor(at / frameSize));
      if (view === undefined) {
        visitor.unreadable(page, depth, at);
        return;
      }
      const offset = at % frameSize;
      const low = view.getUint32(offset + swap, mode.littleEndian);
      const high = entrySize === 8 ? view.getUint32(offset + 4 - swap, mode.littleEndian) : 0;
      this.#entry(level, { page, next, low, high, depth });
      page = next;
      index++;
    }
  }

  #entry(level: number, at: { page: number; next: number; low: number; high: number; depth: number }): void {
    const { page, next, low, high, depth } = at;
    const { mode } = this.#pageTable;
    const visitor = this.#visitor;
    const kind = mode.kind(level, low, high);
    if (depth === 4) {
      if (visitor.enter(page, depth, low, high) === 'walk') visitor.note(page, depth, low, high);
      return;
    }
    if (kind === entryKind.none || visitor.isBad(depth, low, high)) {
      visitor.note(page, depth, 0, 0);
      return;
    }
    if (visitor.enter(page, depth, low, high) === 'skip') return;
    if (visitor.isLeaf(depth, low, high)) visitor.note(page, depth, low, high);
    else if (kind === entryKind.table) this.table(level + 1, mode.tableAddress(level, low, high), page, next);
    // Neither none, leaf nor table: the kernel makes no note, so the range joins the line before it.
  }
}
