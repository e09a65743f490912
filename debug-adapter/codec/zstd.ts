/**
 * zstd decompression, from RFC 8878. Every step is bounded by the bytes that a page may have; dictionaries are not
 * supported, and checksums, which pages do not have, are not verified.
 */
import { BackwardBits, constantTable, decodeHuffman, makeFseTable, readFseTable, readHuffmanTable } from './zstd-entropy.ts';
import type { FseTable, HuffmanTable } from './zstd-entropy.ts';

const frameMagic = 0xfd2f_b528;
/** Sixteen magic numbers of frames to skip. */
const skippableMagic = 0x184d_2a50;
const mostBlockBytes = 128 * 1024;

type Kind = 'literalLengths' | 'offsets' | 'matchLengths';

/** Section 3.1.1.3.2.1: for each code its base value and how many bits are added; tables that blocks need not bring. */
const literalBits = [...Array<number>(16).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const matchBits = [...Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const literalBase = basesOf(literalBits, 0);
const matchBase = basesOf(matchBits, 3);
const kinds: Readonly<Record<Kind, { log: number; symbol: number; counts: readonly number[]; defaultLog: number }>> = {
  literalLengths: {
    log: 9,
    symbol: 35,
    defaultLog: 6,
    counts: [4, 3, ...Array<number>(11).fill(2), 1, 1, 1, ...Array<number>(9).fill(2), 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
  },
  offsets: {
    log: 8,
    symbol: 31,
    defaultLog: 5,
    counts: [...Array<number>(6).fill(1), 2, 2, 2, ...Array<number>(15).fill(1), -1, -1, -1, -1, -1],
  },
  matchLengths: {
    log: 9,
    symbol: 52,
    defaultLog: 6,
    counts: [1, 4, 3, ...Array<number>(6).fill(2), ...Array<number>(37).fill(1), -1, -1, -1, -1, -1, -1, -1],
  },
};

function basesOf(bits: readonly number[], first: number): number[] {
  let base = first;
  return bits.map((count) => {
    const own = base;
    base += 2 ** count;
    return own;
  });
}

const defaults = new Map<Kind, FseTable>();

function defaultTable(kind: Kind): FseTable {
  let table = defaults.get(kind);
  if (table === undefined) {
    table = makeFseTable(kinds[kind].counts, kinds[kind].defaultLog);
    defaults.set(kind, table);
  }
  return table;
}

/** What a block leaves to the next one of its frame. */
interface FrameState {
  readonly start: number;
  readonly tables: Map<Kind, FseTable>;
  readonly recent: [number, number, number];
  huffman: HuffmanTable | undefined;
}

/** Decompresses all frames to at most `size` bytes, in `room` where that is given. Throws `RangeError` on malformed input. */
export function decompressZstd(input: Uint8Array, size: number, room?: Uint8Array): Uint8Array {
  const decoder = new Decoder(input, room?.subarray(0, size) ?? new Uint8Array(size));
  return decoder.run();
}

class Decoder {
  readonly #input: Uint8Array;
  readonly #output: Uint8Array;
  #at = 0;
  #to = 0;

  constructor(input: Uint8Array, output: Uint8Array) {
    this.#input = input;
    this.#output = output;
  }

  run(): Uint8Array {
    while (this.#at < this.#input.length) {
      const magic = this.#little(4);
      if (magic === frameMagic) this.#frame();
      else if ((magic & ~15) >>> 0 === skippableMagic) this.#take(this.#little(4));
      else throw new RangeError('it has no zstd frame');
    }
    return this.#to === this.#output.length ? this.#output : this.#output.subarray(0, this.#to);
  }

  #take(count: number): Uint8Array {
    const start = this.#at;
    if (count > this.#input.length - start) throw new RangeError('the zstd data ends too early');
    this.#at = start + count;
    return this.#input.subarray(start, this.#at);
  }

  /** An unsigned number of `count` bytes, low byte first. */
  #little(count: number): number {
    return this.#take(count).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  #frame(): void {
    const descriptor = this.#little(1);
    const single = (descriptor & 0x20) !== 0;
    if ((descriptor & 8) !== 0) throw new RangeError('the zstd frame has a reserved bit');
    if (!single) this.#take(1);
    const dictionarySize = [0, 1, 2, 4][descriptor & 3] ?? 0;
    if (this.#little(dictionarySize) !== 0) throw new RangeError('the zstd frame needs a dictionary');
    const sizeField = descriptor >>> 6;
    const known = single || sizeField > 0;
    const claimed = sizeField === 0 ? (single ? this.#little(1) : 0) : this.#little(2 ** sizeField) + (sizeField === 1 ? 256 : 0);
    if (known && claimed > this.#output.length - this.#to) throw new RangeError(`the zstd frame claims ${claimed} bytes`);
    const state: FrameState = { start: this.#to, tables: new Map(), recent: [1, 4, 8], huffman: undefined };
    let last = false;
    while (!last) {
      const header = this.#little(3);
      last = (header & 1) === 1;
      this.#block((header >>> 1) & 3, header >>> 3, state);
    }
    if ((descriptor & 4) !== 0) this.#take(4);
    const produced = this.#to - state.start;
    if (known && produced !== claimed) throw new RangeError(`the zstd frame claims ${claimed} bytes and holds ${produced}`);
  }

  #block(type: number, size: number, state: FrameState): void {
    if (type === 0) this.#append(this.#take(size));
    else if (type === 1) {
      const byte = this.#little(1);
      this.#room(size);
      this.#output.fill(byte, this.#to, this.#to + size);
      this.#to += size;
    } else if (type === 2) {
      const block = this.#take(size);
      const { literals, end } = this.#literals(block, state);
      this.#sequences(block.subarray(end), { literals, state });
    } else throw new RangeError('a zstd block has a reserved type');
  }

  #room(count: number): void {
    if (count > this.#output.length - this.#to) throw new RangeError(`it unpacks to more than ${this.#output.length} bytes`);
  }

  #append(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#output.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** Section 3.1.1.3.1. */
  #literals(block: Uint8Array, state: FrameState): { literals: Uint8Array; end: number } {
    const header = block[0];
    if (header === undefined) throw new RangeError('a zstd block is empty');
    const type = header & 3;
    const format = (header >>> 2) & 3;
    const field = (bytes: number, shift: number): number => {
      if (bytes > block.length) throw new RangeError('a zstd block is cut off');
      let value = 0;
      for (let index = bytes - 1; index >= 0; index--) value = value * 256 + (block[index] ?? 0);
      return Math.floor(value / 2 ** shift);
    };
    if (type < 2) {
      const headerSize = (format & 1) === 0 ? 1 : format === 1 ? 2 : 3;
      const size = field(headerSize, headerSize === 1 ? 3 : 4);
      this.#room(size);
      const stored = type === 0 ? size : 1;
      const end = headerSize + stored;
      if (end > block.length) throw new RangeError('zstd literals are cut off');
      return { literals: type === 0 ? block.subarray(headerSize, end) : new Uint8Array(size).fill(block[headerSize] ?? 0), end };
    }
    const width = [10, 10, 14, 18][format] ?? 0;
    const headerSize = [3, 3, 4, 5][format] ?? 0;
    const sizes = field(headerSize, 4);
    const size = sizes % 2 ** width;
    const end = headerSize + Math.floor(sizes / 2 ** width);
    this.#room(size);
    if (size > mostBlockBytes || end > block.length) throw new RangeError('zstd literals are cut off');
    let at = headerSize;
    if (type === 2) ({ table: state.huffman, end: at } = readHuffmanTable(block.subarray(0, end), at));
    if (state.huffman === undefined) throw new RangeError('zstd literals need a table that no block brought');
    const literals = new Uint8Array(size);
    decodeLiterals(block.subarray(at, end), { table: state.huffman, literals, streams: format === 0 ? 1 : 4 });
    return { literals, end };
  }

  /** Section 3.1.1.3.2; literals that no sequence takes come last. */
  #sequences(part: Uint8Array, from: { literals: Uint8Array; state: FrameState }): void {
    const { literals, state } = from;
    const byte = (index: number): number => {
      const value = part[index];
      if (value === undefined) throw new RangeError('zstd sequences are cut off');
      return value;
    };
    let count = byte(0);
    let at = 1;
    if (count === 255) {
      count = byte(1) + byte(2) * 256 + 0x7f00;
      at = 3;
    } else if (count > 127) {
      count = (count - 128) * 256 + byte(1);
      at = 2;
    }
    if (count === 0) {
      this.#append(literals);
      return;
    }
    const modes = byte(at++);
    if ((modes & 3) !== 0) throw new RangeError('zstd sequences have reserved modes');
    const tableOf = (kind: Kind, mode: number): FseTable => {
      let table: FseTable | undefined;
      if (mode === 0) table = defaultTable(kind);
      else if (mode === 1) table = constantTable(byte(at++));
      else if (mode === 2) ({ table, end: at } = readFseTable(part, at, kinds[kind]));
      else table = state.tables.get(kind);
      if (table === undefined) throw new RangeError('zstd sequences need a table that no block brought');
      if (mode === 1 && (table.symbols[0] ?? 0) > kinds[kind].symbol) throw new RangeError('a zstd sequence has an unknown code');
      state.tables.set(kind, table);
      return table;
    };
    const tables = {
      literalLengths: tableOf('literalLengths', modes >>> 6),
      offsets: tableOf('offsets', (modes >>> 4) & 3),
      matchLengths: tableOf('matchLengths', (modes >>> 2) & 3),
    };
    const taken = this.#execute(count, { bits: new BackwardBits(part.subarray(at)), tables, literals, state });
    this.#append(literals.subarray(taken));
  }

  /** Runs the sequences; gives how many literals they took. */
  #execute(
    count: number,
    from: { bits: BackwardBits; tables: Readonly<Record<Kind, FseTable>>; literals: Uint8Array; state: FrameState },
  ): number {
    const { bits, literals, state } = from;
    const { literalLengths, offsets, matchLengths } = from.tables;
    let literalState = bits.read(literalLengths.log);
    let offsetState = bits.read(offsets.log);
    let matchState = bits.read(matchLengths.log);
    let taken = 0;
    for (let left = count; left > 0; left--) {
      const offsetCode = offsets.symbols[offsetState] ?? 0;
      const matchCode = matchLengths.symbols[matchState] ?? 0;
      const literalCode = literalLengths.symbols[literalState] ?? 0;
      // No page is so large that more than 24 bits of an offset are needed.
      if (offsetCode > 24) throw new RangeError('a zstd offset is too far');
      const offsetValue = 2 ** offsetCode + bits.read(offsetCode);
      const matchLength = (matchBase[matchCode] ?? 0) + bits.read(matchBits[matchCode] ?? 0);
      const literalLength = (literalBase[literalCode] ?? 0) + bits.read(literalBits[literalCode] ?? 0);
      if (left > 1) {
        literalState = (literalLengths.base[literalState] ?? 0) + bits.read(literalLengths.bits[literalState] ?? 0);
        matchState = (matchLengths.base[matchState] ?? 0) + bits.read(matchLengths.bits[matchState] ?? 0);
        offsetState = (offsets.base[offsetState] ?? 0) + bits.read(offsets.bits[offsetState] ?? 0);
      }
      if (bits.position < 0) throw new RangeError('zstd sequences are cut off');
      if (literalLength > literals.length - taken) throw new RangeError('a zstd sequence takes more literals than there are');
      this.#append(literals.subarray(taken, taken + literalLength));
      taken += literalLength;
      this.#match(offsetOf(offsetValue, literalLength, state.recent), { length: matchLength, start: state.start });
    }
    if (bits.position !== 0) throw new RangeError('zstd sequences have another length than they say');
    return taken;
  }

  #match(offset: number, from: { length: number; start: number }): void {
    const { length } = from;
    const output = this.#output;
    const to = this.#to;
    if (offset < 1 || offset > to - from.start) throw new RangeError('a zstd offset is too far');
    this.#room(length);
    if (offset >= length) output.copyWithin(to, to - offset, to - offset + length);
    else for (let index = to; index < to + length; index++) output[index] = output[index - offset] ?? 0;
    this.#to = to + length;
  }
}

/** Section 3.1.1.5: values up to 3 name one of the last three offsets, another one where there are no literals. */
function offsetOf(value: number, literalLength: number, recent: [number, number, number]): number {
  const [first, second, third] = recent;
  const choice = value > 3 ? 4 : value + (literalLength === 0 ? 1 : 0);
  if (choice === 1) return first;
  const offset = value > 3 ? value - 3 : choice === 2 ? second : choice === 3 ? third : first - 1;
  recent[2] = choice === 2 ? third : second;
  recent[1] = first;
  recent[0] = offset;
  return offset;
}

function decodeLiterals(bytes: Uint8Array, into: { table: HuffmanTable; literals: Uint8Array; streams: 1 | 4 }): void {
  const { table, literals } = into;
  if (into.streams === 1) {
    decodeHuffman(bytes, table, literals);
    return;
  }
  const part = Math.ceil(literals.length / 4);
  if (bytes.length < 6 || part * 3 > literals.length) throw new RangeError('zstd literals are cut off');
  let at = 6;
  for (let stream = 0; stream < 4; stream++) {
    const size = (bytes[stream * 2] ?? 0) + (bytes[stream * 2 + 1] ?? 0) * 256;
    const end = stream === 3 ? bytes.length : at + size;
    if (end > bytes.length) throw new RangeError('zstd literals are cut off');
    decodeHuffman(bytes.subarray(at, end), table, literals.subarray(part * stream, Math.min(literals.length, part * (stream + 1))));
    at = end;
  }
}
