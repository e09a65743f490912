/** Which pages two page tables map to different frames: both are walked at once, and equal parts are passed over together. */
import { toAddress } from '../base/address.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { NumberRange } from '../base/range.ts';
import { entryKind } from '../arch/paging-mode.ts';
import type { PagingLevel } from '../arch/paging-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import { indexOf } from './page-table.ts';
import type { PageTable } from './page-table.ts';

/** Longest list of runs kept for a pair of tables that may be met again. */
const keptRuns = 512;

/** Where a walk stands on one side: at a table of the level, or within a leaf of a level above. */
type Side = { readonly table: number } | { readonly frame: number };

/** Whether frames can be compared entry by entry: both tables have the same shape and cover the same addresses. */
export function areFramesComparable(a: PageTable, b: PageTable): boolean {
  return a.mode.name === b.mode.name && a.mode.levels.length === b.mode.levels.length && a.virtualBase === b.virtualBase;
}

/** Compares two page tables of one paging mode. Page numbers are virtual addresses / 4096, whatever the page size. */
export class FrameDiff {
  readonly #a: PageTable;
  readonly #b: PageTable;
  readonly #token: CancellationToken;
  /** By level and tables, the runs (relative to the table's first page) that differ: a table that is shared is walked once. */
  readonly #known = new Map<string, readonly NumberRange[]>();
  #visits = 0;
  #runs = 0;

  /** The tables must be comparable. */
  constructor(a: PageTable, b: PageTable, token: CancellationToken) {
    this.#a = a;
    this.#b = b;
    this.#token = token;
  }

  /**
   * Runs of virtual pages (4 KiB) within [start, end) that both map, to different frames. Throws `UserError('limit')` after
   * more tables or runs than a real kernel has.
   */
  differences(start: number, end: number): NumberRange[] {
    const found: NumberRange[] = [];
    const { mode, virtualBase } = this.#a;
    const kernelHalf = start >= 2 ** (mode.addressBits - 13);
    // The other half's addresses stand in another root, which is not compared here.
    if (mode.split === 'halves' && kernelHalf !== virtualBase > 0n) return found;
    this.#tables(0, { table: this.#a.root }, { table: this.#b.root }, { start, end, found });
    return found;
  }

  #tables(level: number, a: Side, b: Side, on: { start: number; end: number; found: NumberRange[] }): void {
    const shape = this.#a.mode.levels[level];
    if (shape === undefined) return;
    const pages = 2 ** (shape.shift + shape.indexBits - 12);
    const whole = level > 0 && on.start % pages === 0 && on.end - on.start === pages;
    if (!('table' in a && 'table' in b)) {
      this.#entries(level, a, b, on);
      return;
    }
    if (a.table === b.table && this.#a.physical === this.#b.physical) return;
    if (!whole) {
      this.#entries(level, a, b, on);
      return;
    }
    const key = `${level} ${a.table} ${b.table}`;
    let runs = this.#known.get(key);
    if (runs === undefined) {
      const found: NumberRange[] = [];
      this.#entries(level, a, b, { start: on.start, end: on.end, found });
      runs = found.map((run) => ({ start: run.start - on.start, end: run.end - on.start }));
      if (runs.length <= keptRuns) this.#known.set(key, runs);
    }
    for (const run of runs) this.#append(on.found, on.start + run.start, on.start + run.end);
  }

  #entries(level: number, a: Side, b: Side, on: { start: number; end: number; found: NumberRange[] }): void {
    const shape = this.#a.mode.levels[level];
    if (shape === undefined) return;
    throwIfCancelled(this.#token);
    if (++this.#visits > limits.comparedTables) {
      throw errors.limit(
        `comparing frames met more than ${limits.comparedTables} tables, which no kernel has; compare a part with --range START-END`,
      );
    }
    const span = 2 ** (shape.shift - 12);
    let page = on.start;
    let index = indexOf(shape, page);
    const behindLast = 2 ** shape.indexBits;
    while (page < on.end && index < behindLast) {
      const next = Math.min(on.end, (Math.floor(page / span) + 1) * span);
      const first =
        'table' in a ? entry(this.#a, { level, shape, at: a.table + index * shape.entrySize }, page) : behind(a, page - on.start);
      const second =
        'table' in b ? entry(this.#b, { level, shape, at: b.table + index * shape.entrySize }, page) : behind(b, page - on.start);
      // A line can reach over addresses that are none: the lower half's last goes on to where the upper half is walked.
      const exists = level > 0 || this.#a.mode.isCanonical(toAddress(BigInt(page) << 12n));
      if (exists && first !== undefined && second !== undefined) {
        if ('frame' in first && 'frame' in second) {
          if (first.frame !== second.frame) this.#append(on.found, page, next);
        } else this.#tables(level + 1, first, second, { start: page, end: next, found: on.found });
      }
      page = next;
      index++;
    }
  }

  /** Adds a run, joined with the last where they touch. */
  #append(runs: NumberRange[], start: number, end: number): void {
    const last = runs.at(-1);
    if (last?.end === start) {
      runs[runs.length - 1] = { start: last.start, end };
      return;
    }
    if (++this.#runs > limits.differentRuns) {
      throw errors.limit(`frames differ in more than ${limits.differentRuns} places; compare a part with --range START-END`);
    }
    runs.push({ start, end });
  }
}

/** What the entry at `at` gives for `page`: a table or a frame; undefined when it maps nothing. */
function entry(of: PageTable, place: { level: number; shape: PagingLevel; at: number }, page: number): Side | undefined {
  const { mode } = of;
  const { level, shape, at } = place;
  const view = of.tableView(Math.floor(at / frameSize));
  if (view === undefined) return undefined;
  const offset = at % frameSize;
  const swap = shape.entrySize === 8 && !mode.littleEndian ? 4 : 0;
  const low = view.getUint32(offset + swap, mode.littleEndian);
  const high = shape.entrySize === 8 ? view.getUint32(offset + 4 - swap, mode.littleEndian) : 0;
  const kind = mode.kind(level, low, high);
  if (kind === entryKind.table) return { table: mode.tableAddress(level, low, high) };
  if (kind !== entryKind.leaf) return undefined;
  const pages = 2 ** (mode.leafShift(level, low, high) - 12);
  return { frame: mode.leafAddress(level, low, high) / frameSize + (page % pages) };
}

function behind(side: { readonly frame: number }, pages: number): Side {
  return { frame: side.frame + pages };
}
