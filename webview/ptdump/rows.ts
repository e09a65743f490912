/** Which rows the list has: lines, runs of holes folded into one row, marker groups that are closed. */
import type { RegionTable } from './table.ts';

/** What is folded and closed. */
export interface Folding {
  /** Whether every hole has its own row. */
  readonly holes: boolean;
  /** First lines of runs of holes that are open. */
  readonly openRuns: ReadonlySet<number>;
  /** Marker lines whose state is the opposite of what it is at first. */
  readonly turned: ReadonlySet<number>;
}

/** Groups that the kernel fills with one shadow page over and over are closed at first. */
const closedAtFirst = /kasan|kmsan/i;

/** A line, or `foldedRow(line)` for a run of holes that begins there. */
export type Row = number;

/** The row that stands for the run of holes that begins at `line`. */
export function foldedRow(line: number): Row {
  return -1 - line;
}

/** Whether the row stands for a run of holes. */
export function isFolded(row: Row): boolean {
  return row < 0;
}

/** The line of a row, or the first of its run; counted from 0. */
export function lineOf(row: Row): number {
  return row < 0 ? -1 - row : row;
}

/** Whether the lines below a marker are hidden: some are so until they are opened. */
export function isClosed(table: RegionTable, marker: number, folding: Folding): boolean {
  return closedAtFirst.test(table.texts[marker] ?? '') !== folding.turned.has(marker);
}

/** First line behind the run of holes that begins at `line`. */
export function endOfRun(table: RegionTable, line: number): number {
  let end = line;
  while (table.isHole(end)) end++;
  return end;
}

/**
 * Appends the rows of lines `from` to `to`, and of a run of holes that reaches beyond; gives the first line that is not yet in:
 * where the lines are not `complete`, a run at their end may go on.
 */
export function unfilteredRows(
  table: RegionTable,
  folding: Folding,
  rows: Row[],
  part: { from: number; to: number; complete: boolean },
): number {
  const { from, to, complete } = part;
  let closed = false;
  const marker = table.markerOf(from);
  if (marker >= 0 && marker < from) closed = isClosed(table, marker, folding);
  let line = from;
  while (line < to) {
    if (table.isMarker(line)) {
      closed = isClosed(table, line, folding);
      rows.push(line++);
    } else if (closed) line++;
    else if (folding.holes || !table.isHole(line)) rows.push(line++);
    else {
      const end = endOfRun(table, line);
      if (folding.openRuns.has(line)) while (line < end) rows.push(line++);
      else if (end === table.length && !complete) return line;
      else rows.push(end - line > 1 ? foldedRow(line) : line);
      line = end;
    }
  }
  return line;
}

/** Appends what fits of lines `from` to `to`, each under its marker; gives the marker that none fits under yet, and how many fit. */
function filteredRows(
  table: RegionTable,
  fits: (line: number) => boolean,
  rows: Row[],
  part: { from: number; to: number; marker: number },
): { marker: number; regions: number } {
  let { marker } = part;
  let regions = 0;
  for (let line = part.from; line < part.to; line++) {
    if (table.isMarker(line)) marker = line;
    else if (fits(line)) {
      if (marker >= 0) rows.push(marker);
      marker = -1;
      rows.push(line);
      regions++;
    }
  }
  return { marker, regions };
}

/** Lines between two looks at the clock. */
const stride = 2000;

/** Appends the rows of all lines; yields the share that is done, gives the first line that is not yet in. */
export function* allRows(table: RegionTable, folding: Folding, rows: Row[], complete: boolean): Generator<number, number> {
  let from = 0;
  for (;;) {
    const to = Math.min(table.length, from + stride);
    const next = unfilteredRows(table, folding, rows, { from, to, complete });
    // Nothing more, or a run of holes at the end that may go on.
    if (next === from) return next;
    from = next;
    yield from / table.length;
  }
}

/** Appends the rows of all lines that fit; `found` hears how many more they are. Yields the share that is done. */
export function* fittingRows(
  table: RegionTable,
  fits: (line: number) => boolean,
  rows: Row[],
  found: (regions: number) => void,
): Generator<number, void> {
  let marker = -1;
  for (let from = 0; from < table.length; from += stride) {
    const to = Math.min(table.length, from + stride);
    const step = filteredRows(table, fits, rows, { from, to, marker });
    marker = step.marker;
    found(step.regions);
    yield to / table.length;
  }
}

/** The lines behind rows: those in folded runs, and those of a group whose marker stands for all of it, among them. */
export function* linesOf(table: RegionTable, rows: readonly Row[], isWhole: (marker: number) => boolean): Generator<number> {
  for (const row of rows) {
    const first = lineOf(row);
    const whole = table.isMarker(first) && isWhole(first);
    const end = isFolded(row) ? endOfRun(table, first) : whole ? table.endOfGroup(first) : first + 1;
    for (let line = first; line < end; line++) yield line;
  }
}
