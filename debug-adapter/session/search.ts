/**
 * Searches memory for a pattern. Physical memory is searched frame by frame. Virtual memory is what the page tables map, in
 * the order of its addresses; a frame that is mapped more than once is searched once, where it says most: the direct map,
 * which maps everything, comes after every other place.
 */
import { formatAddress, parseAddress, toAddress, toPhysAddr } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { neverCancelled, throwIfCancelled } from '../base/cancellation.ts';
import { errors, UserError } from '../base/errors.ts';
import { FrameSet } from '../base/frame-set.ts';
import { limits } from '../base/limits.ts';
import { findRange } from '../base/range.ts';
import type { NumberRange } from '../base/range.ts';
import { describeFrame } from '../kernel/identify/identify-frame.ts';
import { identify } from '../kernel/identify/identify.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { layoutOf } from '../kernel/layout/layout.ts';
import { allSymbols } from '../kernel/modules/module.ts';
import { frameSize } from '../memory/physical-memory.ts';
import { PatternScanner } from '../memory/search-scan.ts';
import type { SearchPattern } from '../memory/search-pattern.ts';
import { MappedRuns, mappedRuns } from '../pagetable/mapped-runs.ts';
import type { PageTable } from '../pagetable/page-table.ts';
import { windowAddresses } from '../pagetable/reverse-map.ts';
import type { SearchFacts, SearchHit, SearchPatternFacts, SearchPatternQuestion, SearchQuestion } from '../protocol/search.ts';
import { searchPattern } from './search-pattern.ts';
import type { SearchOptions } from './session-face.ts';
import type { Space, Spaces } from './spaces.ts';

/** Frames between two looks at the cancellation token. */
const askEvery = 1024;
const pageBits = 12n;

/** How a pattern is understood. Throws `UserError` for one that is none. */
export function searchPatternFacts(kernel: Kernel, asked: SearchPatternQuestion): SearchPatternFacts {
  return factsOf(patternOf(kernel, asked));
}

function patternOf(kernel: Kernel, asked: SearchPatternQuestion): SearchPattern {
  const { littleEndian, pointerSize } = kernel.memory;
  return searchPattern(asked, { symbols: allSymbols(kernel), littleEndian, pointerSize });
}

function factsOf({ bytes, mask, align }: SearchPattern): SearchPatternFacts {
  const hex = (of: Uint8Array): string => Array.from(of, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { bytes: hex(bytes), mask: mask === undefined ? null : hex(mask), align };
}

/** Answers the question; hits are also given to `options.found` as they are found. Throws `UserError` and `Cancelled`. */
export function search(kernel: Kernel, spaces: Spaces, asked: SearchQuestion, options: SearchOptions): SearchFacts {
  const run = new Search(kernel, { pattern: patternOf(kernel, asked), asked, options, space: spaces.get(asked.mm, { user: false }) });
  return run.answer();
}

class Search {
  readonly #kernel: Kernel;
  readonly #pattern: SearchPattern;
  readonly #asked: SearchQuestion;
  readonly #options: SearchOptions;
  readonly #space: Space;
  readonly #scanner: PatternScanner;
  /** Addresses [start, last]: those of a hit's first and last byte. */
  readonly #start: bigint;
  readonly #last: bigint;
  readonly #limit: number;
  readonly #hits: SearchHit[] = [];
  readonly #warnings: string[] = [];
  /** What was searched: frames, and frames with the frame behind them. */
  readonly #frames = new FrameSet();
  readonly #joins = new FrameSet();
  /** What is mapped elsewhere than in the direct map. */
  readonly #claimed = new FrameSet();
  readonly #claimedJoins = new FrameSet();
  #table: PageTable;
  #complete = true;
  #searched = 0;
  #missing = 0;
  #partial = 0;
  #left: number;
  #done = 0;
  #total = 0;
  #step = 'searching';

  constructor(kernel: Kernel, of: { pattern: SearchPattern; asked: SearchQuestion; options: SearchOptions; space: Space }) {
    this.#kernel = kernel;
    this.#pattern = of.pattern;
    this.#asked = of.asked;
    this.#options = of.options;
    this.#space = of.space;
    this.#table = of.space.pageTable;
    const { range, limit = limits.toldHits } = of.asked;
    if (!(Number.isInteger(limit) && limit > 0 && limit <= limits.hits))
      throw errors.badArgument(`${limit} is no limit; write a number of hits from 1 to ${limits.hits}`);
    this.#limit = limit;
    this.#start = range === undefined ? 0n : boundOf(range.start);
    this.#last = range === undefined ? (1n << 64n) - 1n : boundOf(range.end) - 1n;
    if (this.#last < this.#start) throw errors.badArgument('the range is empty; write START-END with START below END');
    this.#scanner = new PatternScanner(of.pattern, (page, offset) => this.#found(page, offset));
    this.#left =
      limits.searchedOver * this.#kernel.physical.ranges.reduce((sum, { start, end }) => sum + (end - start) / frameSize, 2 ** 20);
  }

  answer(): SearchFacts {
    if (this.#asked.physical === true) this.#physicalMemory();
    else this.#virtualMemory();
    this.#scanner.flush();
    if (this.#partial > 0) this.#warnings.push(`${this.#partial} frames are in the dump in part only; they were not searched`);
    return {
      hits: this.#hits,
      complete: this.#complete,
      pattern: factsOf(this.#pattern),
      searched: this.#searched,
      missing: this.#missing,
      warnings: this.#warnings,
    };
  }

  /** The pages [start, end) that hold the range's bytes. */
  get #pages(): NumberRange {
    return { start: Number(this.#start >> pageBits), end: Number(this.#last >> pageBits) + 1 };
  }

  #physicalMemory(): void {
    const wanted = this.#pages;
    const parts = this.#kernel.physical.ranges
      .map(({ start, end }) => ({
        start: Math.max(wanted.start, Math.floor(start / frameSize)),
        end: Math.min(wanted.end, Math.ceil(end / frameSize)),
      }))
      .filter(({ start, end }) => start < end);
    this.#total = parts.reduce((sum, { start, end }) => sum + end - start, 0);
    for (const { start, end } of parts) {
      for (let frame = start; frame < end && this.#goesOn(); frame++) {
        const bytes = this.#bytes(frame);
        if (bytes === undefined) this.#scanner.flush();
        else this.#scanner.add(frame, bytes);
      }
    }
  }

  #virtualMemory(): void {
    const { token = neverCancelled } = this.#options;
    this.#options.progress?.('reading page tables', 0, 1);
    const user = this.#space.kind === 'process' && this.#asked.range === undefined;
    this.#table = this.#tableOf();
    const { runs, warnings } = mappedRuns(this.#table, { range: this.#pages, user, token });
    this.#warnings.push(...warnings);
    const windows = user ? new MappedRuns() : this.#windowRuns(runs);
    const all = [windows, runs];
    for (const some of all) for (let index = 0; index < some.length; index++) this.#total += some.pages(index);
    this.#step = 'searching';
    for (const some of all) this.#claim(some);
    for (const some of all) for (let index = 0; index < some.length && this.#goesOn(); index++) this.#run(some, index);
  }

  /** The kernel's own table for its half, where halves have separate ones and the range lies there. */
  #tableOf(): PageTable {
    const { pageTable } = this.#space;
    const kernel = this.#kernel.root.pageTable;
    if (pageTable.mode.split !== 'halves' || this.#asked.range === undefined || pageTable.half === 'kernel') return pageTable;
    return pageTable.mode.isUserAddress(toAddress(this.#start)) ? pageTable : kernel;
  }

  /** RAM in the hardware's direct windows, and in the direct map where no table tells anything. */
  #windowRuns(tables: MappedRuns): MappedRuns {
    const runs = new MappedRuns();
    const { mode } = this.#table;
    const { directMap } = layoutOf(this.#kernel);
    if (mode.split === 'shared' && tables.length > 0) return runs;
    const wanted = this.#pages;
    for (const { start, end } of this.#kernel.physical.ranges) {
      const direct = directMap === undefined ? undefined : toAddress(BigInt(start) + directMap.offset);
      const windows = windowAddresses(mode, toPhysAddr(start));
      const window = direct !== undefined && windows.includes(direct) ? direct : windows.at(-1);
      const known = tables.length === 0 && direct !== undefined && this.#isMapped(direct) ? direct : undefined;
      const virtual = window ?? known;
      if (virtual === undefined) continue;
      const page = Number(virtual >> pageBits);
      const first = Math.max(page, wanted.start);
      const last = Math.min(page + Math.ceil((end - start) / frameSize), wanted.end);
      if (first < last) runs.add(first, Math.floor(start / frameSize) + first - page, last - first);
    }
    return runs;
  }

  #isMapped(address: Address): boolean {
    return this.#kernel.memory.frameOf(Number(address >> pageBits)) >= 0;
  }

  /** Notes the frames that are mapped elsewhere than in the direct map. */
  #claim(runs: MappedRuns): void {
    for (let index = 0; index < runs.length; index++) {
      if (this.#isDirect(runs.page(index), runs.frame(index))) continue;
      this.#ram(runs.frame(index), runs.pages(index), (frame, end) => {
        for (; frame < end && this.#spend(); frame++) {
          this.#claimed.add(frame);
          if (frame + 1 < end) this.#claimedJoins.add(frame);
        }
      });
    }
  }

  #isDirect(page: number, frame: number): boolean {
    const { directMap } = layoutOf(this.#kernel);
    if (directMap === undefined) return false;
    const address = BigInt(page) << pageBits;
    return (
      address >= directMap.start &&
      address < directMap.end &&
      address === BigInt.asUintN(64, (BigInt(frame) << pageBits) + directMap.offset)
    );
  }

  /** The parts of a run of frames that are RAM. */
  #ram(frame: number, pages: number, visit: (start: number, end: number) => void): void {
    const { ranges } = this.#kernel.physical;
    const end = frame + pages;
    const found = findRange(ranges, frame * frameSize);
    for (let index = found < 0 ? ~found : found; index < ranges.length; index++) {
      const range = ranges[index];
      if (range === undefined || range.start >= end * frameSize) return;
      const from = Math.max(frame, Math.floor(range.start / frameSize));
      const to = Math.min(end, Math.ceil(range.end / frameSize));
      if (from < to) visit(from, to);
    }
  }

  /** The page that was met last, which the next joins where their addresses do. */
  #previous: { page: number; frame: number; fresh: boolean } | undefined;

  #run(runs: MappedRuns, index: number): void {
    const first = runs.page(index) - runs.frame(index);
    const direct = this.#isDirect(runs.page(index), runs.frame(index));
    const before = this.#done;
    this.#ram(runs.frame(index), runs.pages(index), (start, end) => {
      for (let frame = start; frame < end && this.#goesOn() && this.#spend(); frame++) this.#page(first + frame, frame, direct);
    });
    this.#done = before + runs.pages(index);
  }

  #page(page: number, frame: number, direct: boolean): void {
    const previous = this.#previous;
    const joins = previous !== undefined && previous.page + 1 === page;
    const isFresh = !this.#frames.has(frame) && !(direct && this.#claimed.has(frame));
    if (this.#scanner.overlap === 0 && !isFresh) {
      this.#previous = undefined;
      return;
    }
    const follows = joins && previous.frame + 1 === frame;
    const isNewJoin = joins && !(follows && (this.#joins.has(previous.frame) || (direct && this.#claimedJoins.has(previous.frame))));
    if (follows) this.#joins.add(previous.frame);
    if (isFresh) {
      this.#frames.add(frame);
      const bytes = this.#bytes(frame);
      if (bytes === undefined) {
        this.#scanner.flush();
        this.#previous = undefined;
        return;
      }
      if (isNewJoin && !previous.fresh) this.#edge(page, previous.frame, bytes);
      if (joins && !isNewJoin) this.#scanner.flush();
      this.#scanner.add(page, bytes);
    } else if (isNewJoin) {
      const bytes = this.#kernel.physical.frame(frame);
      if (bytes !== undefined) this.#edge(page, previous.frame, bytes);
    }
    this.#previous = { page, frame, fresh: isFresh };
  }

  #edge(page: number, before: number, bytes: Uint8Array): void {
    const last = this.#kernel.physical.frame(before);
    if (last !== undefined) this.#scanner.addEdge(page, last, bytes);
  }

  /** A frame's bytes, counted. */
  #bytes(frame: number): Uint8Array | undefined {
    const { physical } = this.#kernel;
    const bytes = physical.frame(frame);
    if (bytes !== undefined) {
      this.#searched += frameSize;
      return bytes;
    }
    const { holes } = physical.partialFrame(frame);
    this.#missing += frameSize;
    if (holes.reduce((sum, { length }) => sum + length, 0) < frameSize) this.#partial++;
    return undefined;
  }

  /** Whether the search is to go on with the next page. */
  #goesOn(): boolean {
    if (this.#scanner.ended) return false;
    if (this.#done++ % askEvery === 0) {
      throwIfCancelled(this.#options.token ?? neverCancelled);
      this.#options.progress?.(this.#step, Math.min(this.#done, this.#total), this.#total);
    }
    return true;
  }

  /** Tables of a damaged dump may map the same memory without end. */
  #spend(): boolean {
    if (this.#left-- > 0) return true;
    if (this.#complete) {
      this.#complete = false;
      this.#warnings.push('the page tables map the same memory over and over; not all of their addresses were searched');
    }
    return false;
  }

  #found(page: number, offset: number): boolean {
    const { length } = this.#pattern.bytes;
    const at = (BigInt(page) << pageBits) + BigInt(offset);
    if (at < this.#start || at + BigInt(length) - 1n > this.#last) return true;
    if (this.#hits.length >= this.#limit) {
      this.#complete = false;
      return false;
    }
    const hit = this.#asked.physical === true ? this.#physicalHit(Number(at)) : this.#virtualHit(toAddress(at));
    this.#hits.push(hit);
    this.#options.found?.(hit);
    return true;
  }

  #virtualHit(virtual: Address): SearchHit {
    const { task } = this.#space;
    const { kind, summary } = identify(this.#kernel, virtual, { pageTable: this.#space.pageTable, task });
    const memory = this.#table.frameOf(Number(virtual >> pageBits));
    const frame = memory >= 0 ? memory : this.#kernel.memory.frameOf(Number(virtual >> pageBits));
    return {
      virtual: formatAddress(virtual),
      physical: formatAddress(frame * frameSize + Number(virtual & 0xfffn)),
      what: { kind, summary },
    };
  }

  #physicalHit(physical: number): SearchHit {
    const { directMap } = layoutOf(this.#kernel);
    const direct = directMap === undefined ? undefined : toAddress(BigInt(physical) + directMap.offset);
    if (direct !== undefined && directMap !== undefined && direct >= directMap.start && direct < directMap.end && this.#isMapped(direct)) {
      const { kind, summary } = identify(this.#kernel, direct, { pageTable: this.#kernel.root.pageTable, task: undefined });
      return { virtual: formatAddress(direct), physical: formatAddress(physical), what: { kind, summary } };
    }
    return { virtual: null, physical: formatAddress(physical), what: this.#frameUse(physical) };
  }

  #frameUse(physical: number): SearchHit['what'] {
    const { pageSize } = this.#kernel;
    try {
      const [first] = describeFrame(this.#kernel, Math.floor(physical / pageSize), physical % pageSize);
      return first ?? { kind: 'physical', summary: 'a frame of which nothing is known' };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { kind: 'physical', summary: error.message };
    }
  }
}

function boundOf(text: string): bigint {
  const address = parseAddress(text);
  if (address === undefined) throw errors.badArgument(`${text} is no address; write 0x and hexadecimal digits`);
  return address;
}
