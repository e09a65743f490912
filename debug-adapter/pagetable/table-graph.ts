/**
 * The tables of several roots of one paging mode as a graph: each distinct table is read once, however many entries point
 * to it (KASAN's zero shadow is pointed to tens of thousands of times), and knows the entries that point to it, so that
 * virtual addresses are found by going up. A table is distinct by its level and address: one that points to itself is
 * walked once a level, as the CPU would, and no loop is endless.
 */
import { formatAddress } from '../base/address.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken, ProgressReporter } from '../base/cancellation.ts';
import { entryKind } from '../arch/paging-mode.ts';
import type { PagingLevel, PagingMode } from '../arch/paging-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { indexColumn, numberColumn, RunCollector } from './run-index.ts';
import type { RunIndex } from './run-index.ts';
import { viewFrame } from './table-view.ts';

const frameBits = 12;
/** Tables between two reports of progress. */
const reportEvery = 1024;
/** Most frames of a run that neighbouring leaves make. */
const longestRun = 0xffff_ffff;

/** How much of wild tables is read before the rest is left out and told. */
export interface GraphBounds {
  /** Most distinct tables read. */
  readonly tables: number;
  /** Most runs of leaves kept. */
  readonly runs: number;
}

/** What the entries of a root point to, by index: the address (leaves: its complement), NaN where nothing. */
type RootTargets = Float64Array;

/**
 * Takes roots (`addRoot`), then reads everything below them once (`build`); bounded by `GraphBounds`, with a warning in words
 * where a bound was met.
 */
export class TableGraph {
  readonly mode: PagingMode;
  readonly #physical: PhysicalMemory;
  readonly #bounds: GraphBounds;
  /** Of each table: its level and its physical address. Tables stand in order of level. */
  readonly #levels = indexColumn();
  readonly #addresses = numberColumn();
  readonly #known: readonly Map<number, number>[];
  /** Of each run of neighbouring entries with one target: the target's table, the table of the entries, the first, how many. */
  readonly #children = indexColumn();
  readonly #parents = indexColumn();
  readonly #firsts = indexColumn();
  readonly #counts = indexColumn();
  readonly #owners = new Map<number, number[]>();
  /** Roots whose equal entries are left out of a table of level 0. */
  readonly #others = new Map<number, readonly RootTargets[]>();
  readonly #collector: RunCollector;
  #unreadable = 0;
  #firstUnreadable: string | undefined;
  #tablesLeftOut = false;

  #runs: RunIndex | undefined;
  /** Entry runs by child: those of table n are `#entries` from `#entriesOf[n]` up to `#entriesOf[n + 1]`. */
  #entriesOf = new Uint32Array(1);
  #entries = new Uint32Array(0);
  #paths = new Float64Array(0);

  constructor(physical: PhysicalMemory, mode: PagingMode, bounds: GraphBounds) {
    this.#physical = physical;
    this.mode = mode;
    this.#bounds = bounds;
    this.#known = mode.levels.map(() => new Map<number, number>());
    this.#collector = new RunCollector(bounds.runs);
  }

  /** Distinct tables. */
  get tables(): number {
    return this.#levels.length;
  }

  /** Tables of which not every byte could be read. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Runs of mapped memory found so far. */
  get runs(): number {
    return this.#collector.size;
  }

  /** In words, what is missing from the graph. */
  get warnings(): readonly string[] {
    const found: string[] = [];
    if (this.#unreadable > 0) {
      found.push(
        `${this.#unreadable} page tables cannot be read, and what they map is not known; the first is ${this.#firstUnreadable ?? ''}`,
      );
    }
    if (this.#tablesLeftOut) found.push(`there are more than ${this.#bounds.tables} page tables; what the others map is left out`);
    if (this.#collector.dropped > 0) {
      found.push(`there are more than ${this.#bounds.runs} runs of mapped memory; ${this.#collector.dropped} frames are left out`);
    }
    return found;
  }

  /**
   * Adds a root table, to be called before `build`; `owner` is what `addressesOf` calls it. Entries that point to what the
   * entry of the same index in one of the roots `besides` points to are that root's, and left out of this one.
   */
  addRoot(root: number, owner: number, besides: readonly number[]): void {
    const known = this.#known[0]?.get(root);
    if (known !== undefined) {
      this.#owners.get(known)?.push(owner);
      return;
    }
    const table = this.#table(0, root);
    if (table === undefined) return;
    this.#owners.set(table, [owner]);
    const others = besides.filter((other) => other !== root).map((other) => this.#targets(other));
    if (others.length > 0) this.#others.set(table, others);
  }

  /** Reads all tables. Throws `Cancelled`. */
  build(token: CancellationToken, progress: ProgressReporter | undefined): void {
    for (let table = 0; table < this.tables; table++) {
      throwIfCancelled(token);
      if (table % reportEvery === 0) progress?.('reading page tables', table, this.tables);
      this.#scan(table);
    }
    progress?.('sorting what they map', this.tables, this.tables);
    this.#runs = this.#collector.finish(token);
    this.#linkParents();
  }

  /**
   * Leaf entries that map `frame` (physical address / 4096): the table, the frame's distance (in frames) from the first
   * address that the table serves, and at how many addresses the table stands. The rarest first.
   */
  leavesOf(frame: number): { readonly table: number; readonly page: number; readonly paths: number }[] {
    const found: { table: number; page: number; paths: number }[] = [];
    this.#runs?.covering(frame, (table, index, framesBefore) => {
      const span = this.#span(this.#levels.at(table));
      const page = (index + Math.floor(framesBefore / span)) * span + (framesBefore % span);
      found.push({ table, page, paths: this.#paths[table] ?? 0 });
    });
    return found.sort((a, b) => a.paths - b.paths);
  }

  /**
   * Every address of page `page` of a table, told as its root's owner and the page's distance from the first address that
   * the root serves. `found` gives false to end the search; the result is false where it did.
   */
  addressesOf(table: number, page: number, found: (owner: number, page: number) => boolean): boolean {
    if (this.#levels.at(table) === 0) return (this.#owners.get(table) ?? []).every((owner) => found(owner, page));
    const end = this.#entriesOf[table + 1] ?? 0;
    for (let at = this.#entriesOf[table] ?? end; at < end; at++) {
      const run = this.#entries[at] ?? 0;
      const parent = this.#parents.at(run);
      const span = this.#span(this.#levels.at(parent));
      const first = this.#firsts.at(run);
      for (let index = first; index < first + this.#counts.at(run); index++) {
        if (!this.addressesOf(parent, page + index * span, found)) return false;
      }
    }
    return true;
  }

  /** Frames that an entry of a level covers. */
  #span(level: number): number {
    return 2 ** ((this.mode.levels[level]?.shift ?? frameBits) - frameBits);
  }

  /** The table at an address, new or known; undefined when there are too many. */
  #table(level: number, address: number): number | undefined {
    const known = this.#known[level];
    const found = known?.get(address);
    if (found !== undefined || known === undefined) return found;
    if (this.tables >= this.#bounds.tables) {
      this.#tablesLeftOut = true;
      return undefined;
    }
    const table = this.tables;
    known.set(address, table);
    this.#levels.push(level);
    this.#addresses.push(address);
    return table;
  }

  /** Calls `entry` for each entry of a table that can be read; false when some cannot. */
  #eachEntry(shape: PagingLevel, address: number, entry: (index: number, low: number, high: number) => void): boolean {
    const { littleEndian } = this.mode;
    const wide = shape.entrySize === 8;
    const lowAt = wide && !littleEndian ? 4 : 0;
    const entries = 2 ** shape.indexBits;
    let view: DataView | undefined;
    let viewed = -1;
    let whole = true;
    for (let index = 0; index < entries; index++) {
      const at = address + index * shape.entrySize;
      const frame = Math.floor(at / frameSize);
      if (frame !== viewed) {
        view = viewFrame(this.#physical, frame);
        viewed = frame;
      }
      if (view === undefined) {
        whole = false;
        continue;
      }
      const offset = at % frameSize;
      entry(index, view.getUint32(offset + lowAt, littleEndian), wide ? view.getUint32(offset + 4 - lowAt, littleEndian) : 0);
    }
    return whole;
  }

  #scan(table: number): void {
    const { mode } = this;
    const level = this.#levels.at(table);
    const address = this.#addresses.at(table);
    const shape = mode.levels[level];
    if (shape === undefined) return;
    const last = level === mode.levels.length - 1;
    const others = this.#others.get(table);
    const entries = new EntryRuns();
    const leaves = new LeafRuns(this.#collector, table);
    const whole = this.#eachEntry(shape, address, (index, low, high) => {
      const kind = mode.kind(level, low, high);
      if (kind === entryKind.none) return;
      if (kind === entryKind.table) {
        if (last) return;
        const target = mode.tableAddress(level, low, high);
        if (others?.some((targets) => targets[index] === target) !== true) entries.add(target, index);
      } else if (kind === entryKind.leaf || (kind === entryKind.notPresent && mode.keepsFrame(level, low, high))) {
        const target = mode.leafAddress(level, low, high);
        if (others?.some((targets) => targets[index] === -1 - target) === true) return;
        // A leaf of several equal entries holds the address of the whole: this entry's part is where it stands in it.
        const leafFrames = 2 ** (mode.leafShift(level, low, high) - frameBits);
        const span = 2 ** (shape.shift - frameBits);
        leaves.add(Math.floor(target / frameSize) + ((index * span) % leafFrames), span, index);
      }
    });
    leaves.end();
    for (const { target, first, count } of entries.found) {
      const child = this.#table(level + 1, target);
      if (child === undefined) continue;
      this.#children.push(child);
      this.#parents.push(table);
      this.#firsts.push(first);
      this.#counts.push(count);
    }
    if (!whole) this.#noteUnreadable(shape, address);
  }

  #noteUnreadable(shape: PagingLevel, address: number): void {
    this.#unreadable++;
    if (this.#firstUnreadable !== undefined) return;
    const end = address + 2 ** shape.indexBits * shape.entrySize;
    let frame = Math.floor(address / frameSize);
    while (frame * frameSize < end && viewFrame(this.#physical, frame) !== undefined) frame++;
    const reason = Number.isSafeInteger(frame) ? this.#physical.partialFrame(frame).holes[0]?.reason.message : undefined;
    this.#firstUnreadable = `the ${shape.name} table at ${formatAddress(address)}: ${reason ?? 'no machine has memory there'}`;
  }

  #targets(root: number): RootTargets {
    const [shape] = this.mode.levels;
    if (shape === undefined) return new Float64Array(0);
    const targets = new Float64Array(2 ** shape.indexBits).fill(NaN);
    this.#eachEntry(shape, root, (index, low, high) => {
      const kind = this.mode.kind(0, low, high);
      if (kind === entryKind.table) targets[index] = this.mode.tableAddress(0, low, high);
      else if (kind === entryKind.leaf) targets[index] = -1 - this.mode.leafAddress(0, low, high);
    });
    return targets;
  }

  /** Sorts the entry runs by child, and counts the ways from the roots to each table. */
  #linkParents(): void {
    const { tables } = this;
    const runs = this.#children.length;
    const starts = new Uint32Array(tables + 2);
    for (let run = 0; run < runs; run++) {
      const at = this.#children.at(run) + 2;
      starts[at] = (starts[at] ?? 0) + 1;
    }
    for (let table = 2; table < starts.length; table++) starts[table] = (starts[table] ?? 0) + (starts[table - 1] ?? 0);
    const entries = new Uint32Array(runs);
    for (let run = 0; run < runs; run++) {
      const child = this.#children.at(run) + 1;
      const place = starts[child] ?? 0;
      entries[place] = run;
      starts[child] = place + 1;
    }
    this.#entries = entries;
    this.#entriesOf = starts;
    const paths = new Float64Array(tables);
    // Parents stand before their children, for tables are in order of level.
    for (let table = 0; table < tables; table++) {
      let sum = this.#owners.get(table)?.length ?? 0;
      for (let at = starts[table] ?? 0; at < (starts[table + 1] ?? 0); at++) {
        const run = entries[at] ?? 0;
        sum += (paths[this.#parents.at(run)] ?? 0) * this.#counts.at(run);
      }
      paths[table] = sum;
    }
    this.#paths = paths;
  }
}

/** Neighbouring entries of one table that point to the same table. */
class EntryRuns {
  readonly found: { readonly target: number; readonly first: number; count: number }[] = [];

  add(target: number, index: number): void {
    const last = this.found.at(-1);
    if (last?.target === target && last.first + last.count === index) last.count++;
    else this.found.push({ target, first: index, count: 1 });
  }
}

/** Neighbouring leaves of one table whose memory is one piece. */
class LeafRuns {
  readonly #collector: RunCollector;
  readonly #table: number;
  #start = 0;
  #frames = 0;
  #first = 0;
  #next = -1;

  constructor(collector: RunCollector, table: number) {
    this.#collector = collector;
    this.#table = table;
  }

  add(start: number, frames: number, index: number): void {
    if (index === this.#next && start === this.#start + this.#frames && this.#frames + frames <= longestRun) {
      this.#frames += frames;
      this.#next++;
      return;
    }
    this.end();
    this.#start = start;
    this.#frames = frames;
    this.#first = index;
    this.#next = index + 1;
  }

  end(): void {
    if (this.#frames > 0) this.#collector.add(this.#start, this.#frames, this.#table, this.#first);
    this.#frames = 0;
    this.#next = -1;
  }
}
