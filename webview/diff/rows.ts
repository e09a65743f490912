/** Which rows of an alignment are listed: runs of equal rows are folded into one, groups without rows are left out. */
import type { Alignment } from './align.ts';

/** A row of the alignment, or `foldedRow(first)` for a run of equal rows. */
export type ListRow = number;

/** The row that stands for the run of equal rows that begins at row `first`. */
export function foldedRow(first: number): ListRow {
  return -1 - first;
}

/** Whether the row stands for a run of them. */
export function isFolded(row: ListRow): boolean {
  return row < 0;
}

/** The row itself, or the first of those that it stands for; counted from 0. */
export function firstOf(row: ListRow): number {
  return row < 0 ? -1 - row : row;
}

/** Which rows are listed. */
export interface Listing {
  readonly onlyChanges: boolean;
  /** First rows of runs that are open. */
  readonly open: ReadonlySet<number>;
}

/** Equal rows that stay beside a change. */
const context = 1;
/** A shorter run is not worth folding. */
const leastFolded = 3;

/** The rows of a run of equal ones that are folded: neither of the two ends that stand beside a change. */
function foldable(alignment: Alignment, start: number, end: number): { from: number; to: number } {
  return {
    from: start + (start > 0 && !alignment.isMarker(start - 1) ? context : 0),
    to: end - (end < alignment.length && !alignment.isMarker(end) ? context : 0),
  };
}

/** How many rows the folded run stands for that begins at `from`. */
export function foldedCount(alignment: Alignment, from: number): number {
  return foldable(alignment, from, alignment.endOfEqual(from)).to - from;
}

/** Rows between two looks at the clock. */
const stride = 1024;

/** Yields the share that is done. */
export function* listedRows(alignment: Alignment, { onlyChanges, open }: Listing): Generator<number, ListRow[]> {
  const rows: ListRow[] = [];
  const { length } = alignment;
  let marker = -1;
  const show = (from: number, to: number): void => {
    if (marker >= 0 && to > from) {
      rows.push(marker);
      marker = -1;
    }
    for (let row = from; row < to; row++) rows.push(row);
  };
  let [row, looked] = [0, 0];
  while (row < length) {
    if (row - looked >= stride) {
      looked = row;
      yield row / length;
    }
    if (alignment.isMarker(row)) marker = row++;
    else if (!alignment.isEqual(row)) show(row, ++row);
    else {
      const end = alignment.endOfEqual(row);
      if (onlyChanges) {
        row = end;
        continue;
      }
      const { from, to } = foldable(alignment, row, end);
      if (to - from < leastFolded) show(row, end);
      else {
        show(row, from);
        if (marker >= 0) rows.push(marker);
        marker = -1;
        rows.push(foldedRow(from));
        if (open.has(from)) show(from, to);
        show(to, end);
      }
      row = end;
    }
  }
  return rows;
}
