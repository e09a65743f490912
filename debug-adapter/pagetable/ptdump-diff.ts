/** Compares two page-table dumps by address, in one pass over both: linear in the number of regions. */
import { throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import type { NumberRange } from '../base/range.ts';
import { ptdumpSubjects, subjectOfWord } from '../protocol/ptdump-words.ts';
import type { PtdumpSubject } from '../protocol/ptdump-words.ts';

/** One line of a dump. Addresses count in virtual pages of 4 KiB: [start, end). */
export interface PtdumpRegion extends NumberRange {
  /** `pgd` … `pte` in the architecture's own spelling; empty where its text has no level (powerpc, arm). */
  readonly level: string;
  readonly attributes: readonly string[];
  readonly present: boolean;
  /** Physical frame (4 KiB) of the first page, where the line tells it; it says nothing of the pages behind. */
  readonly firstFrame: number | undefined;
}

/** One of the two dumps that are compared; page numbers are addresses / 4096. */
export interface PtdumpDiffSide {
  /** Ascending, disjoint. */
  readonly regions: readonly PtdumpRegion[];
  /** The frame that a virtual page maps, or -1; absent for a dump that is only text. */
  readonly frameOf?: ((virtualPage: number) => number) | undefined;
}

/** What a change shows of one side. */
export interface PtdumpMapping {
  readonly level: string;
  readonly attributes: readonly string[];
  readonly present: boolean;
  /** Frame of the change's first page; undefined when it is not known. */
  readonly firstFrame: number | undefined;
}

/** Virtual pages [start, end) that the two sides map otherwise. */
export interface PtdumpChange extends NumberRange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** At least one; of what is added or removed, `present`. */
  readonly what: readonly PtdumpSubject[];
  readonly before: PtdumpMapping | undefined;
  readonly after: PtdumpMapping | undefined;
}

/** Where to look for changes, and whether frames are compared too. */
export interface PtdumpDiffOptions {
  /** Only changes in these pages, cut at its ends. */
  readonly range?: NumberRange | undefined;
  /**
   * The runs of pages within [start, end), mapped on both sides, that lie in different frames. Without it, frames are
   * compared only where both sides know the frame of a piece's first page.
   */
  readonly frameDifferences?: ((start: number, end: number) => readonly NumberRange[]) | undefined;
  readonly token?: CancellationToken | undefined;
}

/**
 * The changes that make `after` of `before`, ascending and disjoint; neighbours of which the same can be said are one.
 * What maps nothing is the same however it is told: as a hole at any level, or not at all.
 */
export function diffPtdumps(before: PtdumpDiffSide, after: PtdumpDiffSide, options: PtdumpDiffOptions = {}): PtdumpChange[] {
  const diff = new Diff(before, after, options);
  const limit = options.range?.end ?? Number.POSITIVE_INFINITY;
  let at = options.range?.start ?? 0;
  let index = 0;
  let other = 0;
  while (at < limit) {
    const a = before.regions[index];
    const b = after.regions[other];
    if (a !== undefined && a.end <= at) {
      if ((++index & 0xfff) === 0 && options.token !== undefined) throwIfCancelled(options.token);
      continue;
    }
    if (b !== undefined && b.end <= at) {
      other++;
      continue;
    }
    if (a === undefined && b === undefined) break;
    const next = Math.min(nextEdge(a, at), nextEdge(b, at), limit);
    diff.piece({ start: at, end: next }, covering(a, at), covering(b, at));
    at = next;
  }
  return diff.changes;
}

/** Whether a line says that something is mapped, or at least that an entry is there (a PTE without its present bit). */
export function isMapped({ present, attributes }: Pick<PtdumpRegion, 'present' | 'attributes'>): boolean {
  // s390 prints I where nothing is.
  return present || attributes.some((word) => word !== 'I');
}

class Diff {
  readonly changes: PtdumpChange[] = [];
  readonly #before: PtdumpDiffSide;
  readonly #after: PtdumpDiffSide;
  readonly #frameDifferences: PtdumpDiffOptions['frameDifferences'];
  /** What the words of two lines differ in, by the lines: a region that many pieces meet is compared once. */
  #compared: { readonly a: PtdumpRegion; readonly b: PtdumpRegion; readonly what: ReadonlySet<PtdumpSubject> } | undefined;

  constructor(before: PtdumpDiffSide, after: PtdumpDiffSide, options: PtdumpDiffOptions) {
    this.#before = before;
    this.#after = after;
    this.#frameDifferences = options.frameDifferences;
  }

  /** Pages over which neither side has an edge. */
  piece(pages: NumberRange, a: PtdumpRegion | undefined, b: PtdumpRegion | undefined): void {
    if (a === undefined && b === undefined) return;
    if (a === undefined || b === undefined) {
      this.#add({ ...pages, kind: a === undefined ? 'added' : 'removed', what: ['present'], ...this.#mappings(pages.start, a, b) });
      return;
    }
    const what = this.#whatOf(a, b);
    const mapped = a.present && b.present;
    if (mapped && this.#frameDifferences !== undefined) {
      let at = pages.start;
      for (const run of this.#frameDifferences(pages.start, pages.end)) {
        this.#change({ start: at, end: run.start }, { a, b, what, frame: false });
        this.#change(run, { a, b, what, frame: true });
        at = run.end;
      }
      this.#change({ start: at, end: pages.end }, { a, b, what, frame: false });
      return;
    }
    const first = frameAt(this.#before, a, pages.start);
    const second = frameAt(this.#after, b, pages.start);
    this.#change(pages, { a, b, what, frame: mapped && first !== undefined && second !== undefined && first !== second });
  }

  #change(pages: NumberRange, of: { a: PtdumpRegion; b: PtdumpRegion; what: ReadonlySet<PtdumpSubject>; frame: boolean }): void {
    if (pages.start >= pages.end || (of.what.size === 0 && !of.frame)) return;
    const what = ptdumpSubjects.filter((subject) => of.what.has(subject) || (subject === 'frame' && of.frame));
    this.#add({ ...pages, kind: 'changed', what, ...this.#mappings(pages.start, of.a, of.b) });
  }

  #add(change: PtdumpChange): void {
    const last = this.changes.at(-1);
    if (last?.end === change.start && saysTheSame(last, change)) {
      this.changes[this.changes.length - 1] = { ...last, end: change.end };
    } else this.changes.push(change);
  }

  #mappings(page: number, a: PtdumpRegion | undefined, b: PtdumpRegion | undefined): Pick<PtdumpChange, 'before' | 'after'> {
    return { before: mapping(this.#before, a, page), after: mapping(this.#after, b, page) };
  }

  #whatOf(a: PtdumpRegion, b: PtdumpRegion): ReadonlySet<PtdumpSubject> {
    const known = this.#compared;
    if (known?.a === a && known.b === b) return known.what;
    const what = differences(a, b);
    this.#compared = { a, b, what };
    return what;
  }
}

/** The next page above `at` where what `region` says begins or ends. */
function nextEdge(region: PtdumpRegion | undefined, at: number): number {
  if (region === undefined) return Number.POSITIVE_INFINITY;
  return region.start <= at ? region.end : region.start;
}

function covering(region: PtdumpRegion | undefined, at: number): PtdumpRegion | undefined {
  return region !== undefined && region.start <= at && isMapped(region) ? region : undefined;
}

function mapping(side: PtdumpDiffSide, region: PtdumpRegion | undefined, page: number): PtdumpMapping | undefined {
  if (region === undefined) return undefined;
  const { level, attributes, present } = region;
  return { level, attributes, present, firstFrame: frameAt(side, region, page) };
}

function frameAt(side: PtdumpDiffSide, region: PtdumpRegion, page: number): number | undefined {
  if (!region.present) return undefined;
  if (side.frameOf === undefined) return page === region.start ? region.firstFrame : undefined;
  const frame = side.frameOf(page);
  return frame < 0 ? undefined : frame;
}

function differences(a: PtdumpRegion, b: PtdumpRegion): Set<PtdumpSubject> {
  const what = new Set<PtdumpSubject>();
  if (a.present !== b.present) what.add('present');
  if (a.level !== b.level && a.level !== '' && b.level !== '') what.add('size');
  if (sameWords(a.attributes, b.attributes)) return what;
  for (const word of a.attributes) if (!b.attributes.includes(word)) what.add(subjectOfWord(word));
  for (const word of b.attributes) if (!a.attributes.includes(word)) what.add(subjectOfWord(word));
  return what;
}

/** Whether one sentence can tell both changes. Frames may differ: only the first page's is told. */
function saysTheSame(a: PtdumpChange, b: PtdumpChange): boolean {
  return (
    a.kind === b.kind &&
    a.what.length === b.what.length &&
    a.what.every((subject, index) => subject === b.what[index]) &&
    sameMapping(a.before, b.before) &&
    sameMapping(a.after, b.after)
  );
}

function sameMapping(a: PtdumpMapping | undefined, b: PtdumpMapping | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.level === b.level && a.present === b.present && sameWords(a.attributes, b.attributes);
}

/** Whether two lines have the same words. */
export function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((word, index) => word === b[index]));
}
