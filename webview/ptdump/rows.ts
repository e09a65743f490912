/** Which rows the list has: lines, runs of holes folded into one row, marker groups that are closed. */
import type { RegionTable } from './table.ts';

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

export function foldedRow(line: number): Row {
  return -1 - line;
}

export function isFolded(row: Row): boolean {
  return row < 0;
}

export function lineOf(row: Row): number {
  return row < 0 ? -1 - row : row;
}

export function isClosed(table: RegionTable, marker: number, folding: Folding): boolean {
  return closedAtFirst.test(table.texts[marker] ?? '') !== folding.turned.has(marker);
}

/** First line behind the run of holes that begins at `line`. */
export function endOfRun(table: RegionTable, line: number): number {
  let end = line;
  while (table.isHole(end)) end++;
  return end;
}

/** Appends the rows of lines from `from` on; gives the first line that is not yet in: a run of holes may go on. */
export function unfilteredRows(table: RegionTable, folding: Folding, rows: Row[], part: { from: number; complete: boolean }): number {
  const { from, complete } = part;
  let closed = false;
  const marker = table.markerOf(from);
  if (marker >= 0 && marker < from) closed = isClosed(table, marker, folding);
  for (let line = from; line < table.length;) {
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
  return table.length;
}

/** Appends what fits of lines `from` to `to`, each under its marker; gives the marker that none fits under yet, and how many fit. */
export function filteredRows(
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
