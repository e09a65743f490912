/** Entropy codes of zstd: the bit streams read backwards, FSE tables, Huffman tables (RFC 8878, section 4). */

/** Bits from the last to the first; below the first they are zeros, and `position` is negative. */
export class BackwardBits {
  /** Bits left. */
  position: number;
  readonly #bytes: Uint8Array;

  /** The stream ends with a byte whose highest set bit is the end mark. Throws `RangeError` when there is none. */
  constructor(bytes: Uint8Array) {
    const last = bytes.at(-1) ?? 0;
    if (last === 0) throw new RangeError('a zstd bit stream has no end mark');
    this.#bytes = bytes;
    this.position = bytes.length * 8 - 8 + highestBit(last);
  }

  /** The next `count` bits, at most 24, as a number; they stay. */
  peek(count: number): number {
    const from = this.position - count;
    if (from >= 0) return this.#at(from) & ((1 << count) - 1);
    return this.position <= 0 ? 0 : (this.#at(0) & ((1 << this.position) - 1)) << -from;
  }

  /** The next `count` bits, at most 24. */
  read(count: number): number {
    const value = this.peek(count);
    this.position -= count;
    return value;
  }

  #at(bit: number): number {
    const at = bit >>> 3;
    const bytes = this.#bytes;
    return (
      (((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> (bit & 7)) >>> 0
    );
  }
}

/** Position of the highest set bit of a positive number; -1 of zero. */
export function highestBit(value: number): number {
  return 31 - Math.clz32(value);
}

/** What each state of an FSE decoder gives, and how the next state is made: `base` plus `bits` bits of the stream. */
export interface FseTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

/** Section 4.1.1: reads the counts of a table at `at`; gives it and the position behind it. */
export function readFseTable(bytes: Uint8Array, at: number, bounds: { log: number; symbol: number }): { table: FseTable; end: number } {
  const bit = (index: number): number => ((bytes[index >>> 3] ?? 0) >>> (index & 7)) & 1;
  let position = at * 8;
  const read = (count: number): number => {
    let value = 0;
    for (let index = 0; index < count; index++) value |= bit(position + index) << index;
    position += count;
    return value;
  };
  const log = read(4) + 5;
  if (log > bounds.log) throw new RangeError('a zstd table has too high an accuracy');
  const counts: number[] = [];
  let left = 1 << log;
  while (left > 0) {
    if (counts.length > bounds.symbol || position > bytes.length * 8) throw new RangeError('a zstd table is damaged');
    // A value up to `left + 1`, in the fewest bits, the small ones with one bit less.
    const width = highestBit(left + 1) + 1;
    const short = (1 << width) - 1 - (left + 1);
    let value = read(width - 1);
    if (value >= short) {
      value |= read(1) << (width - 1);
      if (value >= 1 << (width - 1)) value -= short;
    }
    const count = value - 1;
    counts.push(count);
    left -= Math.abs(count);
    if (count === 0) {
      let zeros: number;
      do {
        zeros = read(2);
        for (let index = 0; index < zeros; index++) counts.push(0);
      } while (zeros === 3 && counts.length <= bounds.symbol);
    }
  }
  if (left !== 0 || counts.length > bounds.symbol + 1) throw new RangeError('a zstd table is damaged');
  const end = Math.ceil(position / 8);
  if (end > bytes.length) throw new RangeError('a zstd table is cut off');
  return { table: makeFseTable(counts, log), end };
}

/** Counts of -1 are symbols less probable than 1: one state each, at the end of the table. The counts fill it exactly. */
export function makeFseTable(counts: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const next = counts.map((count) => Math.abs(count));
  let high = size;
  counts.forEach((count, symbol) => {
    if (count === -1) symbols[--high] = symbol;
  });
  const step = (size >>> 1) + (size >>> 3) + 3;
  let at = 0;
  counts.forEach((count, symbol) => {
    for (let index = 0; index < count; index++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  });
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] ?? 0;
    const number = next[symbol] ?? 1;
    next[symbol] = number + 1;
    const width = log - highestBit(number);
    bits[state] = width;
    base[state] = (number << width) - size;
  }
  return { log, symbols, bits, base };
}

/** A table of one symbol that takes no bits. */
export function constantTable(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: Uint8Array.of(0), base: Uint16Array.of(0) };
}

/** Symbol and length of the code that begins with each `log` bits. */
export interface HuffmanTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly lengths: Uint8Array;
}

const mostHuffmanBits = 11;

/** Section 4.2.1: reads a Huffman tree description at `at`; gives it and the position behind it. */
export function readHuffmanTable(bytes: Uint8Array, at: number): { table: HuffmanTable; end: number } {
  const header = bytes[at];
  if (header === undefined) throw new RangeError('a zstd Huffman table is cut off');
  const direct = header >= 128;
  const size = direct ? (header - 126) >>> 1 : header;
  const end = at + 1 + size;
  if (end > bytes.length) throw new RangeError('a zstd Huffman table is cut off');
  const part = bytes.subarray(at + 1, end);
  const weights = direct
    ? Array.from({ length: header - 127 }, (_, index) => ((part[index >>> 1] ?? 0) >>> (index % 2 === 0 ? 4 : 0)) & 15)
    : readWeights(part);
  return { table: makeHuffmanTable(weights), end };
}

/** Weights coded by two states that take turns, until the stream is used up. */
function readWeights(part: Uint8Array): number[] {
  const { table, end } = readFseTable(part, 0, { log: 6, symbol: 255 });
  const stream = new BackwardBits(part.subarray(end));
  const states = [stream.read(table.log), stream.read(table.log)];
  const weights: number[] = [];
  for (let turn = 0; ; turn ^= 1) {
    const state = states[turn] ?? 0;
    weights.push(table.symbols[state] ?? 0);
    states[turn] = (table.base[state] ?? 0) + stream.read(table.bits[state] ?? 0);
    if (stream.position < 0) {
      weights.push(table.symbols[states[turn ^ 1] ?? 0] ?? 0);
      break;
    }
    if (weights.length > 255) throw new RangeError('a zstd Huffman table has too many weights');
  }
  return weights;
}

/** The last weight is not stored: it makes the sum a power of two. */
function makeHuffmanTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > mostHuffmanBits) throw new RangeError('a zstd Huffman code is too long');
    if (weight > 0) sum += 1 << (weight - 1);
  }
  const log = highestBit(sum) + 1;
  const rest = (1 << log) - sum;
  if (sum === 0 || log > mostHuffmanBits || (rest & (rest - 1)) !== 0 || weights.length > 255)
    throw new RangeError('a zstd Huffman table is damaged');
  const all = [...weights, highestBit(rest) + 1];
  const symbols = new Uint8Array(1 << log);
  const lengths = new Uint8Array(1 << log);
  let at = 0;
  for (let weight = 1; weight <= log; weight++) {
    all.forEach((own, symbol) => {
      if (own !== weight) return;
      const span = 1 << (weight - 1);
      symbols.fill(symbol, at, at + span);
      lengths.fill(log + 1 - weight, at, at + span);
      at += span;
    });
  }
  return { log, symbols, lengths };
}

/** Fills `output` from one stream, which must end with it. */
export function decodeHuffman(bytes: Uint8Array, table: HuffmanTable, output: Uint8Array): void {
  const stream = new BackwardBits(bytes);
  const { log, symbols, lengths } = table;
  for (let index = 0; index < output.length; index++) {
    const code = stream.peek(log);
    output[index] = symbols[code] ?? 0;
    stream.position -= lengths[code] ?? 0;
  }
  if (stream.position !== 0) throw new RangeError('a zstd literal stream has another length than it says');
}
