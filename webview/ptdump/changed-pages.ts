/** The pages that entries of the page tables map which are not as they were. */
import { pageOf } from './table.ts';

const behindAll = 2 ** 52;

export class ChangedPages {
  /** Ascending by start; `#ends[i]`: the last end of those up to i. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  constructor(entries: readonly { readonly start: string; readonly end: string }[]) {
    const ranges = entries
      .map(({ start, end }) => ({ start: pageOf(start), end: pageOf(end) === 0 ? behindAll : pageOf(end) }))
      .sort((one, other) => one.start - other.start);
    for (const { start, end } of ranges) {
      this.#starts.push(start);
      this.#ends.push(Math.max(end, this.#ends.at(-1) ?? 0));
    }
  }

  get count(): number {
    return this.#starts.length;
  }

  /** Whether any of the pages [from, to) is among them. */
  covers(from: number, to: number): boolean {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) < to) low = middle + 1;
      else high = middle;
    }
    return low > 0 && (this.#ends[low - 1] ?? 0) > from;
  }
}
