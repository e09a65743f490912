/** What a page table maps, in runs of pages whose frames follow each other. Each distinct table is read once. */
import { toAddress } from '../base/address.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { entryKind } from '../arch/paging-mode.ts';
import { limits } from '../base/limits.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PageTable } from './page-table.ts';
import { pageOf } from './reverse-map.ts';
import { numberColumn } from './run-index.ts';

/** Runs in ascending order, in columns: virtual page (address / 4096), frame, number of 4 KiB pages. */
export class MappedRuns {
  readonly #pages = numberColumn();
  readonly #frames = numberColumn();
  readonly #lengths = numberColumn();

  /** Runs, ascending by virtual page. */
  get length(): number {
    return this.#pages.length;
  }

  /** First virtual page (address / 4096) of run `index`. */
  page(index: number): number {
    return this.#pages.at(index);
  }

  /** Frame (physical address / 4096) of the run's first page. */
  frame(index: number): number {
    return this.#frames.at(index);
  }

  /** Pages of 4 KiB in the run. */
  pages(index: number): number {
    return this.#lengths.at(index);
  }

  /** Adds a run; joined with the last where it goes on in both. */
  add(page: number, frame: number, pages: number): void {
    const last = this.length - 1;
    const length = this.pages(last);
    if (last >= 0 && this.page(last) + length === page && this.frame(last) + length === frame) {
      this.#lengths.values[last] = length + pages;
      return;
    }
    this.#pages.push(page);
    this.#frames.push(frame);
    this.#lengths.push(pages);
  }
}

/** Which mappings are wanted, and how to stop. */
export interface MappedRunsOptions {
  /** Virtual pages [start, end) that are wanted. */
  readonly range: { readonly start: number; readonly end: number };
  /** Only what user mode uses. */
  readonly user: boolean;
  readonly token: CancellationToken;
}

/** The runs of one table, without those in the hardware's direct windows; and what could not be told, in words. Throws `Cancelled`. */
export function mappedRuns(
  table: PageTable,
  options: MappedRunsOptions,
): { readonly runs: MappedRuns; readonly warnings: readonly string[] } {
  const walk = new Walk(table, options);
  walk.table(0, table.root, 0);
  return { runs: walk.runs, warnings: walk.warnings() };
}

class Walk {
  readonly runs = new MappedRuns();
  readonly #of: PageTable;
  readonly #options: MappedRunsOptions;
  readonly #base: number;
  /** Tables by level that were met: what a second entry for one maps has been told. */
  readonly #met: Set<number>[];
  #unreadable = 0;
  #repeated = 0;
  #left = 0;

  constructor(of: PageTable, options: MappedRunsOptions) {
    this.#of = of;
    this.#options = options;
    this.#base = Number(of.virtualBase >> 12n);
    this.#met = of.mode.levels.map(() => new Set());
  }

  warnings(): string[] {
    const told: string[] = [];
    if (this.#unreadable > 0) told.push(`${this.#unreadable} page tables cannot be read; what they map was not searched`);
    if (this.#repeated > 0)
      told.push(`${this.#repeated} table entries lead to tables that were read already; what they map was searched once`);
    if (this.#left > 0) told.push(`more than ${limits.mappedRuns} runs of memory are mapped; ${this.#left} were not searched`);
    return told;
  }

  /** `first`: the page, counted from the first that the root serves, of the table's first entry. */
  table(level: number, address: number, first: number): void {
    const { mode } = this.#of;
    const shape = mode.levels[level];
    const met = this.#met[level];
    if (shape === undefined || met === undefined) return;
    if (met.has(address)) return;
    throwIfCancelled(this.#options.token);
    const { range, user } = this.#options;
    const span = 2 ** (shape.shift - 12);
    const entries = 2 ** shape.indexBits;
    const start = pageOf(mode, this.#base, first);
    // A table of which only a part is wanted may be wanted for the rest elsewhere.
    if (start >= range.start && start + entries * span <= range.end) met.add(address);
    const swap = shape.entrySize === 8 && !mode.littleEndian ? 4 : 0;
    let view: DataView | undefined;
    for (let index = 0; index < entries; index++) {
      const at = address + index * shape.entrySize;
      const offset = at % frameSize;
      if (index === 0 || offset === 0) {
        view = this.#of.tableView(Math.floor(at / frameSize));
        if (view === undefined) this.#unreadable++;
      }
      if (view === undefined) continue;
      const relative = first + index * span;
      const page = pageOf(mode, this.#base, relative);
      if (page >= range.end || page + span <= range.start) continue;
      const low = view.getUint32(offset + swap, mode.littleEndian);
      const high = shape.entrySize === 8 ? view.getUint32(offset + 4 - swap, mode.littleEndian) : 0;
      if (low === 0 && high === 0) continue;
      if (level === 0 && !this.#wanted(page, user)) continue;
      const kind = mode.kind(level, low, high);
      if (kind === entryKind.table) this.table(level + 1, mode.tableAddress(level, low, high), relative);
      else if (kind === entryKind.leaf || (kind === entryKind.notPresent && mode.keepsFrame(level, low, high))) {
        const leafPages = 2 ** (mode.leafShift(level, low, high) - 12);
        this.#leaf(page, mode.leafAddress(level, low, high) / frameSize + (page % leafPages), span);
      }
    }
  }

  /** Whether addresses of a root's entry exist, and belong to the half that is wanted. */
  #wanted(page: number, user: boolean): boolean {
    const { mode } = this.#of;
    const address = toAddress(BigInt(page) << 12n);
    return mode.isCanonical(address) && (!user || this.#of.isUserAddress(address));
  }

  /** Adds what a leaf maps, without what lies in a direct window. */
  #leaf(page: number, frame: number, pages: number): void {
    const window = this.#of.windowPages;
    if (window === undefined || page >= window.end || page + pages <= window.start) {
      this.#run(page, frame, pages);
      return;
    }
    if (page < window.start) this.#run(page, frame, window.start - page);
    if (page + pages > window.end) this.#run(window.end, frame + window.end - page, page + pages - window.end);
  }

  #run(page: number, frame: number, pages: number): void {
    const { range } = this.#options;
    const cut = Math.max(0, range.start - page);
    const length = Math.min(pages, range.end - page) - cut;
    if (length <= 0) return;
    if (!Number.isSafeInteger(frame + pages)) return;
    if (this.runs.length >= limits.mappedRuns) this.#left++;
    else this.runs.add(page + cut, frame + cut, length);
  }
}
