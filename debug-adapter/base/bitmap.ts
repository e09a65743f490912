/**
 * A bitmap with constant-time rank, over bytes in least-significant-bit-first order (bit n is bit n mod 8 of byte n/8),
 * as makedumpfile writes its page bitmaps.
 */
const blockBits = 4096;

const popcounts = (() => {
  const counts = new Uint8Array(256);
  for (let value = 1; value < 256; value++) counts[value] = (value & 1) + (counts[value >>> 1] ?? 0);
  return counts;
})();

export class RankedBitmap {
  readonly #bytes: Uint8Array;
  readonly #ranks: Float64Array;
  /** Number of bits. */
  readonly length: number;
  /** Number of set bits. */
  readonly population: number;

  /** Borrows `bytes`; they must not change afterwards. `length`: bits used, at most 8 a byte and below 2^31 (8 TiB of 4 KiB pages). */
  constructor(bytes: Uint8Array, length: number) {
    this.#bytes = bytes;
    this.length = Math.min(length, bytes.length * 8);
    const blocks = Math.ceil(this.length / blockBits);
    this.#ranks = new Float64Array(blocks + 1);
    let total = 0;
    for (let block = 0; block < blocks; block++) {
      this.#ranks[block] = total;
      const end = Math.min(this.length, (block + 1) * blockBits);
      total += this.#count(block * blockBits, end);
    }
    this.#ranks[blocks] = total;
    this.population = total;
  }

  has(bit: number): boolean {
    return bit >= 0 && bit < this.length && (((this.#bytes[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1;
  }

  /** Number of set bits below `bit`. */
  rank(bit: number): number {
    const bounded = Math.min(Math.max(bit, 0), this.length);
    const block = Math.floor(bounded / blockBits);
    return (this.#ranks[block] ?? 0) + this.#count(block * blockBits, bounded);
  }

  /** The runs of set bits, ascending, as [start, end) pairs. */
  *runs(): Generator<{ start: number; end: number }> {
    let bit = 0;
    while (bit < this.length) {
      while (bit < this.length && (bit & 7) === 0 && this.#bytes[bit >>> 3] === 0) bit += 8;
      while (bit < this.length && !this.has(bit)) bit++;
      if (bit >= this.length) return;
      const start = bit;
      while (bit < this.length) {
        if ((bit & 7) === 0 && this.#bytes[bit >>> 3] === 0xff) bit += 8;
        else if (this.has(bit)) bit++;
        else break;
      }
      yield { start, end: Math.min(bit, this.length) };
    }
  }

  /** Set bits in [from, to); `from` is a multiple of 8. */
  #count(from: number, to: number): number {
    let total = 0;
    const lastByte = to >>> 3;
    for (let index = from >>> 3; index < lastByte; index++) total += popcounts[this.#bytes[index] ?? 0] ?? 0;
    const rest = to & 7;
    if (rest !== 0) total += popcounts[(this.#bytes[lastByte] ?? 0) & ((1 << rest) - 1)] ?? 0;
    return total;
  }
}
