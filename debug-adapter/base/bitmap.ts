/**
 * A bitmap that stays where it is (a file, mostly) with fast rank: bytes in least-significant-bit-first order (bit n is bit
 * n mod 8 of byte n/8), as makedumpfile writes its page bitmaps. Kept in memory: one number for each 4 KiB of it, and a
 * bounded number of those blocks, each with 64 ranks of its own. A machine of 1 TiB has 32 MiB of bits and 64 KiB of ranks.
 */
import { BoundedCache } from './bounded-cache.ts';

const blockBytes = 4096;
const blockBits = blockBytes * 8;
const blocksPerRead = 64;
const keptBlocks = 256;
/** Bits between two ranks within a block. */
const strideBits = 512;

/** A block's bits, and of each of its strides the number of set bits before it in the block. */
interface Block {
  readonly words: Uint32Array;
  readonly ranks: Uint16Array;
}

/** Bits numbered from 0 below `length`; a `rank` costs at most the counting of one stride once its block is read. */
export class RankedBitmap {
  /** Number of bits; a safe integer. */
  readonly length: number;
  /** Number of set bits. */
  readonly population: number;
  readonly #read: (offset: number, length: number) => Uint8Array;
  readonly #ranks: Float64Array;
  readonly #blocks = new BoundedCache<number, Block>(keptBlocks);
  #last: Block | undefined;
  #lastNumber = -1;

  /**
   * Counts all bits once. `read` gives bytes of the bitmap, fewer or none past its end (those bits are clear); what it throws
   * is passed on. The bytes must not change afterwards.
   */
  constructor(read: (offset: number, length: number) => Uint8Array, length: number) {
    this.#read = read;
    this.length = length;
    const blocks = Math.ceil(length / blockBits);
    this.#ranks = new Float64Array(blocks + 1);
    let total = 0;
    for (let first = 0; first < blocks; first += blocksPerRead) {
      const words = wordsOf(read(first * blockBytes, blocksPerRead * blockBytes), blocksPerRead * blockBytes);
      const end = Math.min(blocks, first + blocksPerRead);
      for (let block = first; block < end; block++) {
        this.#ranks[block] = total;
        total += count(words, (block - first) * blockBits, (block - first) * blockBits + Math.min(blockBits, length - block * blockBits));
      }
    }
    this.#ranks[blocks] = total;
    this.population = total;
  }

  /** Whether bit `bit` is set; false outside of the bitmap. */
  has(bit: number): boolean {
    if (!(bit >= 0 && bit < this.length)) return false;
    const inBlock = bit % blockBits;
    const { words } = this.#block((bit - inBlock) / blockBits);
    return (((words[inBlock >>> 5] ?? 0) >>> (inBlock & 31)) & 1) === 1;
  }

  /** Number of set bits below `bit`. */
  rank(bit: number): number {
    const bounded = Math.min(Math.max(bit, 0), this.length);
    const inBlock = bounded % blockBits;
    const block = (bounded - inBlock) / blockBits;
    const below = this.#ranks[block] ?? this.population;
    if (inBlock === 0) return below;
    const { words, ranks } = this.#block(block);
    const stride = Math.floor(inBlock / strideBits);
    return below + (ranks[stride] ?? 0) + count(words, stride * strideBits, inBlock);
  }

  /** The runs of set bits, ascending, as [start, end) pairs. */
  *runs(): Generator<{ start: number; end: number }> {
    const blocks = Math.ceil(this.length / blockBits);
    let start = -1;
    for (let block = 0; block < blocks; block++) {
      const base = block * blockBits;
      const bits = Math.min(blockBits, this.length - base);
      const set = (this.#ranks[block + 1] ?? 0) - (this.#ranks[block] ?? 0);
      if (set === 0) {
        if (start >= 0) yield { start, end: base };
        start = -1;
        continue;
      }
      if (set === bits) {
        if (start < 0) start = base;
        continue;
      }
      const { words } = this.#block(block);
      for (let bit = 0; bit < bits; bit++) {
        const word = words[bit >>> 5] ?? 0;
        if ((bit & 31) === 0 && bit + 32 <= bits && word === (start < 0 ? 0 : 0xffff_ffff)) {
          bit += 31;
          continue;
        }
        const on = ((word >>> (bit & 31)) & 1) === 1;
        if (on && start < 0) start = base + bit;
        else if (!on && start >= 0) {
          yield { start, end: base + bit };
          start = -1;
        }
      }
    }
    if (start >= 0) yield { start, end: this.length };
  }

  /** Whether both have the same number of bits set in every 4 KiB block. */
  resembles(other: RankedBitmap): boolean {
    return this.length === other.length && this.#ranks.every((rank, index) => rank === other.#ranks[index]);
  }

  #block(number: number): Block {
    if (number === this.#lastNumber && this.#last !== undefined) return this.#last;
    let block = this.#blocks.get(number);
    if (block === undefined) {
      const words = wordsOf(this.#read(number * blockBytes, blockBytes), blockBytes);
      block = { words, ranks: ranksOf(words) };
      this.#blocks.set(number, block);
    }
    this.#last = block;
    this.#lastNumber = number;
    return block;
  }
}

const littleEndianHost = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The bytes as words of 32 bits whose lowest is the first; `length` bytes, zeros where `bytes` has fewer. */
function wordsOf(bytes: Uint8Array, length: number): Uint32Array {
  if (littleEndianHost && bytes.length === length && bytes.byteOffset % 4 === 0)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, length / 4);
  const whole = new Uint8Array(length);
  whole.set(bytes.subarray(0, length));
  if (littleEndianHost) return new Uint32Array(whole.buffer);
  const view = new DataView(whole.buffer);
  return Uint32Array.from({ length: length / 4 }, (_, index) => view.getUint32(index * 4, true));
}

function ranksOf(words: Uint32Array): Uint16Array {
  const ranks = new Uint16Array(blockBits / strideBits);
  for (let stride = 1; stride < ranks.length; stride++)
    ranks[stride] = (ranks[stride - 1] ?? 0) + count(words, (stride - 1) * strideBits, stride * strideBits);
  return ranks;
}

/** Set bits in [from, to); `from` is a multiple of 32. */
function count(words: Uint32Array, from: number, to: number): number {
  let total = 0;
  const last = to >>> 5;
  for (let index = from >>> 5; index < last; index++) {
    const word = words[index] ?? 0;
    if (word !== 0) total += population(word);
  }
  const rest = to & 31;
  if (rest !== 0) total += population((words[last] ?? 0) & (2 ** rest - 1));
  return total;
}

function population(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
