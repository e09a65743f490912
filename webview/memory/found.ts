/** Where a search found its pattern, asked for every row that is drawn, however many places there are. */
import type { HostToMemory } from '../../debug-adapter/protocol/memory-panel.ts';

export class Found {
  /** Ascending. */
  readonly #starts: readonly bigint[];
  readonly #length: bigint;

  /** `physical`: whether the page shows physical memory. */
  constructor({ hits, length }: Extract<HostToMemory, { kind: 'hits' }>, physical: boolean) {
    const starts = hits.flatMap((hit) => (physical ? hit.physical : hit.virtual) ?? []);
    this.#starts = [...BigUint64Array.from(starts, BigInt).sort()];
    this.#length = BigInt(length);
  }

  /** Whether any of the bytes [from, to) was found. */
  covers(from: bigint, to: bigint): boolean {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0n) + this.#length <= from) low = middle + 1;
      else high = middle;
    }
    const first = this.#starts[low];
    return first !== undefined && first < to;
  }
}
