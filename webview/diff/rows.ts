/** Which rows of an alignment are listed: runs of equal rows are folded into one, groups without rows are left out. */
import type { Alignment } from './align.ts';

/** A row of the alignment, or `foldedRow(first)` for a run of equal rows. */
export type ListRow = number;

export function foldedRow(first: number): ListRow {
  return -1 - first;
}

export function isFolded(row: ListRow): boolean {
  return row < 0;
}

export function firstOf(row: ListRow): number {
  return row < 0 ? -1 - row : row;
}

export interface Listing {
  readonly onlyChanges: boolean;
  /** First rows of runs that are open. */
  readonly open: ReadonlySet<number>;
}

/** Equal rows that stay beside a change. */
const context = 1;
/** A shorter run is not worth folding. */
const leastFolded = 3;

export interface Listed {
  readonly rows: readonly ListRow[];
  /** How many rows a folded run stands for, by its first. */
  readonly folded: ReadonlyMap<number, number>;
}

export function listedRows(alignment: Alignment, { onlyChanges, open }: Listing): Listed {
  const rows: ListRow[] = [];
  const folded = new Map<number, number>();
  const { length } = alignment;
  let marker = -1;
  const show = (from: number, to: number): void => {
    if (marker >= 0 && to > from) {
      rows.push(marker);
      marker = -1;
    }
    for (let row = from; row < to; row++) rows.push(row);
  };
  for (let row = 0; row < length;) {
    if (alignment.isMarker(row)) marker = row++;
    else if (!alignment.isEqual(row)) show(row, ++row);
    else {
      let end = row;
      while (end < length && alignment.isEqual(end)) end++;
      const from = row + (row > 0 && !alignment.isMarker(row - 1) ? context : 0);
      const to = end - (end < length && !alignment.isMarker(end) ? context : 0);
      if (onlyChanges) {
        row = end;
        continue;
      }
      if (to - from < leastFolded) show(row, end);
      else {
        show(row, from);
        if (marker >= 0) rows.push(marker);
        marker = -1;
        rows.push(foldedRow(from));
        folded.set(from, to - from);
        if (open.has(from)) show(from, to);
        show(to, end);
      }
      row = end;
    }
  }
  return { rows, folded };
}
