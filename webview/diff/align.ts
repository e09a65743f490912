/**
 * Two dumps row by row: lines of both sides that begin at one address stand beside each other, and what the comparison found
 * to differ is attached to the rows that it lies in. Lines that map nothing are left out: where only one side maps something,
 * the other has a gap.
 */
import type { PtdumpChangeFacts } from '../../debug-adapter/protocol/facts.ts';
import { pageOf } from '../ptdump/table.ts';
import type { RegionTable } from '../ptdump/table.ts';

/** Nothing is mapped on this side. */
export const gap = -1;

const rowStates = ['equal', 'changed', 'added', 'removed', 'marker'] as const;
/** How the two sides of a row compare. */
export type RowState = (typeof rowStates)[number];
const equal = rowStates.indexOf('equal');
const marker = rowStates.indexOf('marker');

/** What one side has in a row. */
export interface Cell {
  /** A line of its table, or `gap`. */
  readonly line: number;
  /** Whether the line began in a row above. */
  readonly goesOn: boolean;
}

/** Pages of a change; the last page of the space is the one below `behindAll`. */
interface ChangePages {
  readonly start: number;
  readonly end: number;
}

const behindAll = 2 ** 52;
const goesOnBit = 2 ** 31;
/** Rows between two looks at the clock. */
const stride = 1024;

export class Alignment {
  readonly left: RegionTable;
  readonly right: RegionTable;
  readonly changes: readonly PtdumpChangeFacts[];
  readonly #leftLines: number[] = [];
  readonly #rightLines: number[] = [];
  readonly #states: number[] = [];
  /** First change of each row, and how many lie in it. */
  readonly #firstChange: number[] = [];
  readonly #changeCount: number[] = [];
  readonly #pageOfRow: number[] = [];
  readonly #markers: number[] = [];
  /** Where each run of equal rows begins and ends, ascending. */
  readonly #runStarts: number[] = [];
  readonly #runEnds: number[] = [];

  constructor(left: RegionTable, right: RegionTable, changes: readonly PtdumpChangeFacts[]) {
    this.left = left;
    this.right = right;
    this.changes = changes;
  }

  get length(): number {
    return this.#states.length;
  }

  cell(side: 'left' | 'right', row: number): Cell {
    const value = (side === 'left' ? this.#leftLines : this.#rightLines)[row] ?? gap;
    return value >= goesOnBit ? { line: value - goesOnBit, goesOn: true } : { line: value, goesOn: false };
  }

  state(row: number): RowState {
    return rowStates[this.#states[row] ?? 0] ?? 'equal';
  }

  isMarker(row: number): boolean {
    return this.#states[row] === marker;
  }

  isEqual(row: number): boolean {
    return this.#states[row] === equal;
  }

  /** First row behind the run of equal rows that `row` lies in. */
  endOfEqual(row: number): number {
    return this.#runEnds[lastUpTo(this.#runStarts, row)] ?? row;
  }

  /** The changes that lie in a row: the first and how many; `[-1, 0]` for none. */
  changesOf(row: number): readonly [first: number, count: number] {
    return [this.#firstChange[row] ?? -1, this.#changeCount[row] ?? 0];
  }

  /** Page at which a row begins; rows ascend by it. */
  pageOfRow(row: number): number {
    return this.#pageOfRow[row] ?? 0;
  }

  /** The marker under which a row stands, or -1. */
  markerOf(row: number): number {
    return this.#markers[lastUpTo(this.#markers, row)] ?? -1;
  }

  /** Makes the rows, a stretch at a time; yields the share that is done. */
  *build(): Generator<number, void> {
    const { left, right } = this;
    const pages: ChangePages[] = [];
    for (const { start, end } of this.changes) {
      pages.push({ start: pageOf(start), end: pageOf(end) === 0 ? behindAll : pageOf(end) });
      if (pages.length % stride === 0) yield 0;
    }
    let [i, j, change] = [0, 0, 0];
    const mapped = (table: RegionTable, from: number): number => {
      let line = from;
      while (line < table.length && !table.isMarker(line) && !isMapped(table, line)) line++;
      return line;
    };
    // The line of each side that was begun last, which may go on.
    let [leftOn, rightOn] = [gap, gap];
    const total = left.length + right.length;
    for (let steps = 0; ; steps++) {
      i = mapped(left, i);
      j = mapped(right, j);
      if (i >= left.length && j >= right.length) return;
      if (steps % stride === stride - 1) yield (i + j) / total;
      const atLeft = i < left.length ? (left.startPages[i] ?? 0) : Infinity;
      const atRight = j < right.length ? (right.startPages[j] ?? 0) : Infinity;
      const markerLeft = i < left.length && left.isMarker(i);
      const markerRight = j < right.length && right.isMarker(j);
      if (markerLeft && markerRight && left.texts[i] === right.texts[j]) {
        this.#pushMarker(i++, j++, atLeft);
        continue;
      }
      if (markerLeft && atLeft <= atRight) {
        this.#pushMarker(i++, gap, atLeft);
        continue;
      }
      if (markerRight && atRight <= atLeft) {
        this.#pushMarker(gap, j++, atRight);
        continue;
      }
      const page = Math.min(atLeft, atRight);
      const startsLeft = atLeft === page && !markerLeft;
      const startsRight = atRight === page && !markerRight;
      if (startsLeft) leftOn = i++;
      if (startsRight) rightOn = j++;
      const onLeft = leftOn !== gap && (left.endPages[leftOn] ?? 0) > page;
      const onRight = rightOn !== gap && (right.endPages[rightOn] ?? 0) > page;
      // A row reaches to where the next line begins, or to the end of what is mapped.
      const reach = Math.max(onLeft ? (left.endPages[leftOn] ?? 0) : 0, onRight ? (right.endPages[rightOn] ?? 0) : 0);
      const end = Math.min(reach, nextStart(left, mapped(left, i)), nextStart(right, mapped(right, j)));
      while ((pages[change]?.end ?? Infinity) <= page) change++;
      let last = change;
      while ((pages[last]?.start ?? Infinity) < end) last++;
      const differs = last > change;
      const state: RowState = !differs ? 'equal' : !onLeft ? 'added' : !onRight ? 'removed' : 'changed';
      const lineOf = (on: boolean, starts: boolean, line: number): number => (!on ? gap : starts ? line : line + goesOnBit);
      const row = { page, state, first: differs ? change : -1, count: last - change };
      this.#push(lineOf(onLeft, startsLeft, leftOn), lineOf(onRight, startsRight, rightOn), row);
    }
  }

  #pushMarker(left: number, right: number, page: number): void {
    this.#markers.push(this.length);
    this.#push(left, right, { page, state: 'marker', first: -1, count: 0 });
  }

  #push(left: number, right: number, row: { page: number; state: RowState; first: number; count: number }): void {
    if (row.state === 'equal') {
      if (!this.isEqual(this.length - 1)) this.#runStarts.push(this.length);
      this.#runEnds[this.#runStarts.length - 1] = this.length + 1;
    }
    this.#leftLines.push(left);
    this.#rightLines.push(right);
    this.#pageOfRow.push(row.page);
    this.#states.push(rowStates.indexOf(row.state));
    this.#firstChange.push(row.first);
    this.#changeCount.push(row.count);
  }
}

/** Index of the last number that is `most` or less; -1 for none. */
function lastUpTo(ascending: readonly number[], most: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) <= most) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function nextStart(table: RegionTable, line: number): number {
  return line < table.length ? (table.startPages[line] ?? Infinity) : Infinity;
}

/** Whether a line says that something is mapped, or at least that an entry is there; s390 prints I where nothing is. */
function isMapped(table: RegionTable, line: number): boolean {
  const kind = table.kind(line);
  return kind !== undefined && (kind.present || kind.attributes.some((word) => word !== 'I'));
}
