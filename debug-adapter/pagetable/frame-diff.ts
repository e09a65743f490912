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
import { highHalf, lowHalf } from './table-view.ts';

/** Longest list of runs kept for a pair of tables that may be met again. */
const keptRuns = 512;
/** Entries of a table, which work is counted in. */
const tableEntries = 512;
/** Above all numbers of tables. */
const tableNumbers = 2 ** 22;
const noRuns: readonly NumberRange[] = [];

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
  /** The tables met on each side, numbered, by physical address. */
  readonly #numbers: readonly [Map<number, number>, Map<number, number>] = [new Map(), new Map()];
  /** By level and both tables' numbers, the runs (relative to the table's first page) that differ: a table that is shared is walked once. */
  readonly #known = new Map<number, readonly NumberRange[]>();
  #compared = 0;
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
    const window = this.#a.windowPages ?? { start: end, end };
    for (const part of [
      { start, end: Math.min(end, window.start) },
      { start: Math.max(start, window.end), end },
    ])
      if (part.start < part.end) this.#tables(0, { table: this.#a.root }, { table: this.#b.root }, { ...part, found });
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
    const key = (level * tableNumbers + this.#number(0, a.table)) * tableNumbers + this.#number(1, b.table);
    let runs = this.#known.get(key);
    if (runs === undefined) {
      const found: NumberRange[] = [];
      this.#entries(level, a, b, { start: on.start, end: on.end, found });
      runs = found.length === 0 ? noRuns : found.map((run) => ({ start: run.start - on.start, end: run.end - on.start }));
      if (runs.length <= keptRuns) this.#known.set(key, runs);
    }
    for (const run of runs) this.#append(on.found, on.start + run.start, on.start + run.end);
  }

  #number(side: 0 | 1, table: number): number {
    const numbers = this.#numbers[side];
    let number = numbers.get(table);
    if (number === undefined) {
      if (numbers.size >= limits.comparedTables)
        throw errors.limit(
          `comparing frames met more than ${limits.comparedTables} tables, which no kernel has; compare a part with --range START-END`,
        );
      number = numbers.size;
      numbers.set(table, number);
    }
    return number;
  }

  /** Tables that lead to each other in all ways are met in more pairs than there is time for. */
  #count(entries: number): void {
    throwIfCancelled(this.#token);
    this.#compared += entries;
    const tables = this.#numbers[0].size + this.#numbers[1].size;
    if (this.#compared > (tables * limits.comparedOver + limits.comparedAgain) * tableEntries)
      throw errors.limit(
        `the same page tables are met in more places than in any kernel (${tables} tables, more than ${limits.comparedOver} times each); compare a part with --range START-END`,
      );
  }

  #entries(level: number, a: Side, b: Side, on: { start: number; end: number; found: NumberRange[] }): void {
    const shape = this.#a.mode.levels[level];
    if (shape === undefined) return;
    const span = 2 ** (shape.shift - 12);
    let page = on.start;
    let index = indexOf(shape, page);
    const behindLast = 2 ** shape.indexBits;
    const entries = Math.min(behindLast - index, Math.ceil((on.end - on.start) / span));
    if (entries === behindLast) {
      if ('table' in a) this.#number(0, a.table);
      if ('table' in b) this.#number(1, b.table);
    }
    this.#count(entries);
    const inA = 'table' in a ? new EntryReader(this.#a, level, shape) : undefined;
    const inB = 'table' in b ? new EntryReader(this.#b, level, shape) : undefined;
    while (page < on.end && index < behindLast) {
      const next = Math.min(on.end, (Math.floor(page / span) + 1) * span);
      const hasA = inA?.read(a, index) !== false;
      const hasB = inB?.read(b, index) !== false;
      if (hasA && hasB && !(inA !== undefined && inB !== undefined && inA.mapsAs(inB))) {
        // A line can reach over addresses that are none: the lower half's last goes on to where the upper half is walked.
        const exists = level > 0 || this.#a.mode.isCanonical(toAddress(BigInt(page) << 12n));
        const first = inA === undefined ? behind(a, page - on.start) : inA.side(page);
        const second = inB === undefined ? behind(b, page - on.start) : inB.side(page);
        if (exists && first !== undefined && second !== undefined) {
          if ('frame' in first && 'frame' in second) {
            if (first.frame !== second.frame) this.#append(on.found, page, next);
          } else this.#tables(level + 1, first, second, { start: page, end: next, found: on.found });
        }
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

/** Reads entries of one table one behind the other. */
class EntryReader {
  readonly #of: PageTable;
  readonly #level: number;
  readonly #shape: PagingLevel;
  #frame = -1;
  #view: DataView | undefined;
  #low = 0;
  #high = 0;

  constructor(of: PageTable, level: number, shape: PagingLevel) {
    this.#of = of;
    this.#level = level;
    this.#shape = shape;
  }

  /** Takes an entry of the table; false where it cannot be read. */
  read(side: Side, index: number): boolean {
    const at = ('table' in side ? side.table : 0) + index * this.#shape.entrySize;
    const frame = Math.floor(at / frameSize);
    if (frame !== this.#frame) {
      this.#frame = frame;
      this.#view = this.#of.tableView(frame);
    }
    if (this.#view === undefined) return false;
    const offset = at - frame * frameSize;
    this.#low = lowHalf(this.#view, offset, this.#shape, this.#of.mode);
    this.#high = highHalf(this.#view, offset, this.#shape, this.#of.mode);
    return true;
  }

  /** Whether both took the same entry, and it leads to no table: then frames are the same. */
  mapsAs(other: EntryReader): boolean {
    return (
      this.#low === other.#low && this.#high === other.#high && this.#of.mode.kind(this.#level, this.#low, this.#high) !== entryKind.table
    );
  }

  /** What the entry gives for `page`: a table or a frame; undefined when it maps nothing. */
  side(page: number): Side | undefined {
    const { mode } = this.#of;
    const kind = mode.kind(this.#level, this.#low, this.#high);
    if (kind === entryKind.table) return { table: mode.tableAddress(this.#level, this.#low, this.#high) };
    if (kind !== entryKind.leaf) return undefined;
    const pages = 2 ** (mode.leafShift(this.#level, this.#low, this.#high) - 12);
    return { frame: mode.leafAddress(this.#level, this.#low, this.#high) / frameSize + (page % pages) };
  }
}

function behind(side: Side, pages: number): Side | undefined {
  return 'frame' in side ? { frame: side.frame + pages } : undefined;
}
