/**
 * The order in which the kernel's generic page walk meets entries when it dumps tables without VMAs (mm/pagewalk.c:
 * walk_page_range_novma; mm/ptdump.c). Addresses pass as virtual page numbers (address / 4096), entries as two halves:
 * nothing is allocated for an entry. A table whose entries are all the same, such as KASAN's zero shadow, is walked once.
 */
import { throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { limits } from '../base/limits.ts';
import { entryKind } from '../arch/paging-mode.ts';
import type { PagingLevel } from '../arch/paging-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import { indexOf } from './page-table.ts';
import type { PageTable } from './page-table.ts';

/** What an architecture's dump does with each entry. `depth` is the kernel's level number, 0 pgd … 4 pte. */
export interface PtdumpVisitor {
  /** Every entry that is not a hole, before anything else. */
  enter(depth: number, low: number, high: number): void;
  /** Whether the kernel's p?d_leaf() calls it a leaf. */
  isLeaf(level: number, low: number, high: number): boolean;
  /** Whether the live kernel would call the table entry bad, clear it and see a hole. */
  isBad(level: number, low: number, high: number): boolean;
  /**
   * Bits of an entry that matter to `enter` and `note`, besides whether it is zero: an entry that has them all in common
   * with the one before it in its table, is no table, and has no marker before it, is not told.
   */
  readonly compared: { readonly low: number; readonly high: number };
  /** Where the kernel keeps the entries of a last table that its dump shows, if not in the hardware's table (arm). */
  keptTable?(table: number): number;
  /** A leaf, a pte of any kind, or (with zero halves) a hole at `depth`. */
  note(virtualPage: number, depth: number, low: number, high: number): void;
  /** First virtual page of the next marker: a note at or behind it begins a new line. Infinity behind the last. */
  nextMarkerPage(): number;
  /** A table that is not walked, at physical address `at`; `depth` is of the entry that points to it. Its range is a hole. */
  unwalked(virtualPage: number, depth: number, at: number, why: UnwalkedReason): void;
}

/** `unreadable`: no bytes; `loop`: the table is on the way to itself; `budget`: more tables than the machine can hold. */
export type UnwalkedReason = 'unreadable' | 'loop' | 'budget';

/** KASAN's shared tables: an entry that points to one is noted as the shared pte and not walked (mm/ptdump.c:note_kasan_page_table). */
export interface SharedShadow {
  /** Physical address of the shared table by the depth of the entry that points to it. */
  readonly tables: ReadonlyMap<number, number>;
  readonly low: number;
  readonly high: number;
}

/** Which tables are walked, over which pages. */
export interface PtdumpWalkOptions {
  readonly pageTable: PageTable;
  /** [start, end) in virtual pages, where the tables' own (sign-extended) numbering of pages counts. */
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
  readonly shadow: SharedShadow | undefined;
  readonly token: CancellationToken;
}

/** Walks the ranges in order. The result is the number of entries that were read; those of tables that repeat are not. */
export function walkForPtdump(options: PtdumpWalkOptions, visitor: PtdumpVisitor): number {
  const walk = new Walk(options, visitor);
  const { root } = options.pageTable;
  for (const { start, end } of options.ranges) {
    if (options.pageTable.tableView(Math.floor(root / frameSize)) === undefined) visitor.unwalked(start, 0, root, 'unreadable');
    else walk.table(0, root, start, end);
  }
  return walk.entriesRead;
}

/** A table, and the pages [start, end) of it that are walked; `span` pages to an entry. */
interface TableSlice {
  readonly table: number;
  readonly start: number;
  readonly end: number;
  readonly span: number;
}

/** Entries of a table that lie in one frame: from `offset`, at physical `address`. */
interface FramePiece {
  readonly view: DataView | undefined;
  readonly offset: number;
  readonly bytes: number;
  readonly address: number;
}

/** Entries of a last table that read alike, from number `index` on. */
interface Run {
  readonly index: number;
  readonly low: number;
  readonly high: number;
}

const mostRuns = 256;

/** How a table with equal entries ends, to be repeated where it is met again. */
interface Uniform {
  /** Entries on the way down, for `enter`: depth, low, high, one after the other. */
  readonly entered: readonly number[];
  /** The note; undefined where the kernel makes none. */
  readonly note: { readonly depth: number; readonly low: number; readonly high: number } | undefined;
}

const entriesBetweenChecks = 64;

class Walk {
  readonly #pageTable: PageTable;
  readonly #visitor: PtdumpVisitor;
  readonly #shadow: SharedShadow | undefined;
  readonly #token: CancellationToken;
  /** Uniform tables by level and address; null for others. */
  readonly #known: readonly Map<number, Uniform | null>[];
  /** What was told of a last table that was met twice, by its address; null where that is too much to keep. */
  readonly #runs = new Map<number, readonly Run[] | null>();
  #recording: Run[] | undefined;
  readonly #path: number[] = [];
  #budget: number;
  #sinceCheck = 0;
  entriesRead = 0;
  /** Whether the entry handled last ended in a note of its own level, so that one like it adds nothing. */
  #ended = false;

  constructor(options: PtdumpWalkOptions, visitor: PtdumpVisitor) {
    this.#pageTable = options.pageTable;
    this.#visitor = visitor;
    this.#shadow = options.shadow;
    this.#token = options.token;
    this.#known = options.pageTable.mode.levels.map(() => new Map<number, Uniform | null>());
    const { ranges } = options.pageTable.physical;
    this.#budget = limits.tableVisits + ranges.reduce((sum, { start, end }) => sum + Math.ceil((end - start) / frameSize), 0);
  }

  /** Entries of one table from page `start` up to, not including, page `end`; says whether it is uniform. */
  table(level: number, table: number, start: number, end: number): Uniform | null {
    const { mode } = this.#pageTable;
    const shape = mode.levels[level];
    if (shape === undefined) return null;
    if (++this.#sinceCheck >= entriesBetweenChecks) {
      this.#sinceCheck = 0;
      throwIfCancelled(this.#token);
    }
    const span = 2 ** (shape.shift - 12);
    const whole = end - start === span * 2 ** shape.indexBits;
    const memory = this.#known[level];
    const known = whole ? memory?.get(table) : undefined;
    if (known !== undefined && known !== null && this.#visitor.nextMarkerPage() >= end) {
      this.#repeat(known, start);
      return known;
    }
    const last = shape.depth === 4;
    if (known === null && last && this.#repeatRuns(table, { start, end, span })) return null;
    this.#budget--;
    this.#path.push(table);
    // A last table that is met again is worth remembering; most are met once.
    this.#recording = known === null && last && !this.#runs.has(table) ? [] : undefined;
    const uniform = this.#entries(level, { table, start, end, span });
    if (this.#recording !== undefined) this.#runs.set(table, this.#recording.length <= mostRuns ? this.#recording : null);
    this.#recording = undefined;
    this.#path.pop();
    if (whole) memory?.set(table, uniform);
    return whole ? uniform : null;
  }

  /** Tells a last table that is remembered, where no marker lies inside. */
  #repeatRuns(table: number, at: { start: number; end: number; span: number }): boolean {
    const runs = this.#runs.get(table);
    if (runs === undefined || runs === null || this.#visitor.nextMarkerPage() < at.end) return false;
    for (const { index, low, high } of runs) {
      this.#visitor.enter(4, low, high);
      this.#visitor.note(at.start + index * at.span, 4, low, high);
    }
    return true;
  }

  #entries(level: number, at: TableSlice): Uniform | null {
    const { mode } = this.#pageTable;
    const shape = mode.levels[level];
    if (shape === undefined) return null;
    if (shape.depth === 4) return this.#lastEntries(shape, at);
    const { start, end, span } = at;
    const swap = shape.entrySize === 8 && !mode.littleEndian ? 4 : 0;
    const highAt = shape.entrySize === 8 ? 4 - swap : -1;
    const visitor = this.#visitor;
    const { low: lowMask, high: highMask } = visitor.compared;
    let marker = visitor.nextMarkerPage();
    let first: Uniform | null = null;
    let firstLow = 0;
    let firstHigh = 0;
    let lastLow = 0;
    let lastHigh = 0;
    let uniform = true;
    let page = start;
    let next = (Math.floor(start / span) + 1) * span;
    for (const { view, offset: from, bytes, address } of this.#frames(shape, at)) {
      if (view === undefined) {
        visitor.unwalked(page, shape.depth, address, 'unreadable');
        uniform = false;
        page = next + (bytes / shape.entrySize - 1) * span;
        next = page + span;
        continue;
      }
      for (let offset = from; offset < from + bytes; offset += shape.entrySize) {
        const low = view.getUint32(offset + swap, mode.littleEndian);
        const high = highAt < 0 ? 0 : view.getUint32(offset + highAt, mode.littleEndian);
        if (page === start) {
          firstLow = low;
          firstHigh = high;
        } else if (low !== firstLow || high !== firstHigh) uniform = false;
        const zero = (low | high) === 0;
        const alike =
          this.#ended &&
          page < marker &&
          page !== start &&
          ((low ^ lastLow) & lowMask) === 0 &&
          ((high ^ lastHigh) & highMask) === 0 &&
          zero === ((lastLow | lastHigh) === 0) &&
          (zero || mode.kind(level, low, high) === mode.kind(level, lastLow, lastHigh));
        if (!alike) {
          const same = this.#entry(level, page, { next: Math.min(next, end), low, high, wanted: page === start });
          if (page === start) first = same;
          lastLow = low;
          lastHigh = high;
          marker = visitor.nextMarkerPage();
        }
        page = next;
        next += span;
      }
    }
    return uniform ? first : null;
  }

  /** The part of a table that serves a range, in pieces that lie in one frame. */
  *#frames(shape: PagingLevel, at: TableSlice): Generator<FramePiece> {
    const { entrySize } = shape;
    let address = at.table + indexOf(shape, at.start) * entrySize;
    const stop = address + Math.ceil((at.end - at.start) / at.span) * entrySize;
    while (address < stop) {
      const frame = Math.floor(address / frameSize);
      const offset = address - frame * frameSize;
      const bytes = Math.min(frameSize - offset, stop - address);
      this.entriesRead += bytes / entrySize;
      yield { view: this.#pageTable.tableView(frame), offset, bytes, address };
      address += bytes;
    }
  }

  /** The entries of a table of the last level, which are most of all: neighbours that read alike cost a comparison. */
  #lastEntries(shape: PagingLevel, at: TableSlice): Uniform | null {
    const { start, span } = at;
    const visitor = this.#visitor;
    const { littleEndian } = this.#pageTable.mode;
    const { entrySize } = shape;
    const swap = entrySize === 8 && !littleEndian ? 4 : 0;
    const highAt = entrySize === 8 ? 4 - swap : -1;
    const { low: lowMask, high: highMask } = visitor.compared;
    let marker = visitor.nextMarkerPage();
    let page = start;
    let firstLow = 0;
    let firstHigh = 0;
    let lastLow = 0;
    let lastHigh = 0;
    let uniform = true;
    const slice = visitor.keptTable === undefined ? at : { ...at, table: visitor.keptTable(at.table) };
    for (const { view, offset: from, bytes, address } of this.#frames(shape, slice)) {
      if (view === undefined) {
        visitor.unwalked(page, shape.depth, address, 'unreadable');
        uniform = false;
        lastLow = 0;
        lastHigh = 0;
        this.#recording = undefined;
        page += (bytes / entrySize) * span;
        continue;
      }
      for (let offset = from; offset < from + bytes; offset += entrySize, page += span) {
        const low = view.getUint32(offset + swap, littleEndian);
        const high = highAt < 0 ? 0 : view.getUint32(offset + highAt, littleEndian);
        if (page === start) {
          firstLow = low;
          firstHigh = high;
        } else {
          if (low !== firstLow || high !== firstHigh) uniform = false;
          const alike =
            ((low ^ lastLow) & lowMask) === 0 &&
            ((high ^ lastHigh) & highMask) === 0 &&
            ((low | high) === 0) === ((lastLow | lastHigh) === 0);
          if (alike && page < marker) continue;
        }
        lastLow = low;
        lastHigh = high;
        this.#recording?.push({ index: (page - start) / span, low, high });
        visitor.enter(4, low, high);
        visitor.note(page, 4, low, high);
        marker = visitor.nextMarkerPage();
      }
    }
    return uniform ? { entered: [4, firstLow, firstHigh], note: { depth: 4, low: firstLow, high: firstHigh } } : null;
  }

  /** Handles one entry; where `wanted`, says how it would be repeated. */
  #entry(level: number, page: number, at: { next: number; low: number; high: number; wanted: boolean }): Uniform | null {
    const { next, low, high, wanted } = at;
    const { mode } = this.#pageTable;
    const visitor = this.#visitor;
    const depth = mode.levels[level]?.depth ?? 4;
    this.#ended = true;
    const kind = mode.kind(level, low, high);
    if (kind === entryKind.none || visitor.isBad(level, low, high)) {
      visitor.note(page, depth, 0, 0);
      return wanted ? { entered: [], note: { depth, low: 0, high: 0 } } : null;
    }
    this.#ended = false;
    const shadow = this.#shadow?.tables.get(depth);
    if (kind === entryKind.table && shadow !== undefined && mode.tableAddress(level, low, high) === shadow) {
      this.#noteShadow(page, depth, next);
      return null;
    }
    visitor.enter(depth, low, high);
    if (visitor.isLeaf(level, low, high)) {
      this.#ended = true;
      visitor.note(page, depth, low, high);
      return wanted ? { entered: [depth, low, high], note: { depth, low, high } } : null;
    }
    // Neither none, leaf nor table: the kernel makes no note, so the range joins the line before it.
    if (kind !== entryKind.table) return wanted ? { entered: [depth, low, high], note: undefined } : null;
    const table = mode.tableAddress(level, low, high);
    const why = this.#refusal(table);
    if (why !== undefined) {
      visitor.unwalked(page, depth, table, why);
      return null;
    }
    const below = this.table(level + 1, table, page, next);
    this.#ended = false;
    return wanted && below !== null ? { entered: [depth, low, high, ...below.entered], note: below.note } : null;
  }

  #refusal(table: number): UnwalkedReason | undefined {
    if (this.#path.includes(table)) return 'loop';
    if (this.#budget <= 0) return 'budget';
    return this.#pageTable.tableView(Math.floor(table / frameSize)) === undefined ? 'unreadable' : undefined;
  }

  #repeat(uniform: Uniform, page: number): void {
    const { entered, note } = uniform;
    for (let index = 0; index + 2 < entered.length; index += 3) {
      this.#visitor.enter(entered[index] ?? 0, entered[index + 1] ?? 0, entered[index + 2] ?? 0);
    }
    if (note !== undefined) this.#visitor.note(page, note.depth, note.low, note.high);
  }

  /**
   * One note at the entry. Above the pud the kernel's walk goes on down to the puds, which make the same note at each;
   * that shows only where a marker is passed.
   */
  #noteShadow(page: number, depth: number, end: number): void {
    const shadow = this.#shadow;
    if (shadow === undefined) return;
    this.#visitor.note(page, 4, shadow.low, shadow.high);
    const pud = this.#pageTable.mode.levels.find((level) => level.depth === 2);
    if (depth >= 2 || pud === undefined) return;
    const span = 2 ** (pud.shift - 12);
    for (let at = page + span; at < end; at += span) {
      const next = this.#visitor.nextMarkerPage();
      if (next >= end) return;
      at = Math.max(at, Math.ceil(next / span) * span);
      if (at < end) this.#visitor.note(at, 4, shadow.low, shadow.high);
    }
  }
}
