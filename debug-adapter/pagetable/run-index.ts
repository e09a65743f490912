/**
 * Runs of physical memory that table entries map, sorted for the question which of them cover a frame. Runs may overlap:
 * each has the furthest end among itself and its neighbours beside it, sixteen at a time, in a tree, so that a lookup
 * costs what it finds. All in typed arrays: a large machine has millions of runs.
 */
import { throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';

/** log2 of the children of a node in the tree of ends. */
const fanBits = 4;
const digitBits = 16;
/** Longest run in frames: a longer one is kept as several. */
const longestRun = 0xffff_ffff;

/** A column of numbers that grows. */
class Column<Values extends Float64Array | Uint32Array> {
  values: Values;
  length = 0;
  readonly #make: (length: number) => Values;

  constructor(make: (length: number) => Values) {
    this.#make = make;
    this.values = make(1024);
  }

  push(value: number): void {
    if (this.length === this.values.length) {
      const grown = this.#make(Math.ceil(this.length * 1.5));
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.length++] = value;
  }

  at(index: number): number {
    return this.values[index] ?? 0;
  }
}

/** A growing column of 64-bit floats: addresses and page numbers up to 2^53. */
export function numberColumn(): Column<Float64Array> {
  return new Column((length) => new Float64Array(length));
}

/** A growing column of unsigned 32-bit numbers: indexes and counts. */
export function indexColumn(): Column<Uint32Array> {
  return new Column((length) => new Uint32Array(length));
}

/** Collects runs; `finish` makes them searchable. */
export class RunCollector {
  readonly #capacity: number;
  readonly #starts = numberColumn();
  readonly #lengths = indexColumn();
  readonly #tables = indexColumn();
  readonly #indexes = indexColumn();
  /** Frames that were left out because there was no room. */
  dropped = 0;

  /** `capacity`: most runs kept. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Runs collected so far. */
  get size(): number {
    return this.#starts.length;
  }

  /** A run of `frames` 4 KiB frames from `start` that entries of `table` from `index` on map. */
  add(start: number, frames: number, table: number, index: number): void {
    if (frames <= 0 || frames > longestRun || this.size >= this.#capacity) {
      this.dropped += Math.max(0, frames);
      return;
    }
    this.#starts.push(start);
    this.#lengths.push(frames);
    this.#tables.push(table);
    this.#indexes.push(index);
  }

  /** Sorts what was collected; nothing may be added after. Throws `Cancelled`. */
  finish(token: CancellationToken): RunIndex {
    const order = sortedOrder(this.#starts.values.subarray(0, this.size), token);
    return new RunIndex({
      order,
      starts: this.#starts.values,
      lengths: this.#lengths.values,
      tables: this.#tables.values,
      indexes: this.#indexes.values,
    });
  }
}

interface RunColumns {
  /** Runs by ascending start. */
  readonly order: Uint32Array;
  readonly starts: Float64Array;
  readonly lengths: Uint32Array;
  readonly tables: Uint32Array;
  readonly indexes: Uint32Array;
}

/** Takes the runs' columns as they were collected, in any order; nothing is added later. Frames are physical address / 4096. */
export class RunIndex {
  readonly #columns: RunColumns;
  /** Furthest ends: of each run in order, then of each sixteen, and so on up to one. */
  readonly #ends: readonly Float64Array[];

  constructor(columns: RunColumns) {
    this.#columns = columns;
    const { order, starts, lengths } = columns;
    let below = Float64Array.from(order, (run) => (starts[run] ?? 0) + (lengths[run] ?? 0));
    const ends = [below];
    while (below.length > 1) {
      const above = new Float64Array(Math.ceil(below.length / 2 ** fanBits));
      below.forEach((end, at) => {
        const parent = at >>> fanBits;
        if (end > (above[parent] ?? 0)) above[parent] = end;
      });
      ends.push(above);
      below = above;
    }
    this.#ends = ends;
  }

  /** How many runs can be found. */
  get size(): number {
    return this.#columns.order.length;
  }

  /** Every run that covers `frame`: `found` gets its table, the index of its first entry, and frames before `frame` in it. */
  covering(frame: number, found: (table: number, index: number, framesBefore: number) => void): void {
    const bound = this.#startsUpTo(frame);
    const { order, starts, tables, indexes } = this.#columns;
    const descend = (level: number, at: number): void => {
      if ((this.#ends[level]?.[at] ?? 0) <= frame) return;
      if (level === 0) {
        const run = order[at] ?? 0;
        found(tables[run] ?? 0, indexes[run] ?? 0, frame - (starts[run] ?? 0));
        return;
      }
      const below = level - 1;
      const last = Math.min((at + 1) << fanBits, this.#ends[below]?.length ?? 0);
      for (let child = at << fanBits; child < last; child++) {
        if (child * 2 ** (fanBits * below) >= bound) return;
        descend(below, child);
      }
    };
    if (bound > 0) descend(this.#ends.length - 1, 0);
  }

  /** How many runs start at `frame` or before. */
  #startsUpTo(frame: number): number {
    const { order, starts } = this.#columns;
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[order[middle] ?? 0] ?? 0) <= frame) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Indexes of `keys` by ascending key: a radix sort, for comparing millions of keys one by one is slow. */
function sortedOrder(keys: Float64Array, token: CancellationToken): Uint32Array {
  let order = Uint32Array.from(keys, (_key, index) => index);
  let spare = new Uint32Array(order.length);
  const largest = keys.reduce((most, key) => Math.max(most, key), 0);
  for (let unit = 1; unit <= largest; unit *= 2 ** digitBits) {
    throwIfCancelled(token);
    const places = new Uint32Array(2 ** digitBits + 1);
    const digit = (index: number): number => Math.floor((keys[index] ?? 0) / unit) % 2 ** digitBits;
    for (const index of order) {
      const next = digit(index) + 1;
      places[next] = (places[next] ?? 0) + 1;
    }
    for (let value = 0; value < 2 ** digitBits; value++) places[value + 1] = (places[value + 1] ?? 0) + (places[value] ?? 0);
    for (const index of order) {
      const value = digit(index);
      const place = places[value] ?? 0;
      spare[place] = index;
      places[value] = place + 1;
    }
    [order, spare] = [spare, order];
  }
  return order;
}
