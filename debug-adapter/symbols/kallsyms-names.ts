/** The compressed names of kallsyms: for each symbol a length and that many token numbers. */
import { addToAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { partitionPoint } from '../base/partition-point.ts';
import { decodeName } from '../base/text.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

const tokens = 256;
const tokenTableLimit = 64 * 1024;
/** From here on a length has a second byte (6.1+; before, lengths went up to 255 in one byte). */
const longLength = 0x80;
/** FNV-1a, 32 bits. */
const hashStart = 0x811c_9dc5;
const hashFactor = 0x0100_0193;

/**
 * Symbol names by index, in the order of their addresses (scripts/kallsyms.c:write_src;
 * kernel/kallsyms.c:kallsyms_expand_symbol). A name is expanded when it is asked for.
 */
export class CompressedNames {
  readonly #bytes: Uint8Array;
  /** Where each symbol begins, the length byte included. */
  readonly #starts: Uint32Array;
  readonly #tokens: readonly string[];
  readonly #longLengths: boolean;
  /** Symbol indexes in the order of their names (kallsyms_seqs_of_names, 6.2+), when the kernel has them. */
  #order: ((position: number) => number) | undefined;
  #hashed: Int32Array | undefined;

  constructor(parts: { bytes: Uint8Array; starts: Uint32Array; tokens: readonly string[]; longLengths: boolean }) {
    this.#bytes = parts.bytes;
    this.#starts = parts.starts;
    this.#tokens = parts.tokens;
    this.#longLengths = parts.longLengths;
  }

  /** Symbols in the table (kallsyms_num_syms). */
  get count(): number {
    return this.#starts.length;
  }

  /** Reads and indexes the names. Throws `MemoryFault` when a part is missing. */
  static read(memory: AddressSpace, tables: KallsymsTables): CompressedNames | { readonly problem: string } {
    const tokenStrings = readTokens(memory, tables);
    if (tokenStrings === undefined) return { problem: 'the token table of kallsyms is damaged' };
    const distance = tables.tokenTable > tables.names ? Number(tables.tokenTable - tables.names) : limits.symbolNameBytes;
    const bytes = readUpTo(memory, tables.names, Math.min(distance, limits.symbolNameBytes));
    for (const longLengths of [true, false]) {
      const starts = indexNames(bytes, tables.count, longLengths);
      if (starts !== undefined) return new CompressedNames({ bytes, starts, tokens: tokenStrings, longLengths });
    }
    return { problem: 'the names of kallsyms do not fit their table' };
  }

  /** Type letter and name of a symbol. */
  expand(index: number): string {
    const start = this.#starts[index] ?? 0;
    const length = this.#length(start);
    const from = start + length.bytes;
    let text = '';
    for (let at = from; at < from + length.value; at++) text += this.#tokens[this.#bytes[at] ?? 0] ?? '';
    return text;
  }

  #length(start: number): { value: number; bytes: number } {
    const first = this.#bytes[start] ?? 0;
    if (!this.#longLengths || first < longLength) return { value: first, bytes: 1 };
    return { value: (first & 0x7f) | ((this.#bytes[start + 1] ?? 0) << 7), bytes: 2 };
  }

  /** Indexes of all symbols of this name, ascending. */
  indexesOf(name: string): readonly number[] {
    if (this.#order === undefined) return this.#indexesByHash(name);
    const found: number[] = [];
    for (let at = this.#lowerBound(this.#order, name); at < this.count; at++) {
      const index = this.#order(at);
      if (this.expand(index).slice(1) !== name) break;
      found.push(index);
    }
    return found.sort((a, b) => a - b);
  }

  /** Indexes of at most `limit` symbols whose name begins so. */
  withPrefix(prefix: string, limit: number): readonly number[] {
    const found: number[] = [];
    if (this.#order !== undefined) {
      for (let at = this.#lowerBound(this.#order, prefix); at < this.count && found.length < limit; at++) {
        const index = this.#order(at);
        if (!this.expand(index).startsWith(prefix, 1)) break;
        found.push(index);
      }
      return found;
    }
    for (let index = 0; index < this.count && found.length < limit; index++) {
      if (this.expand(index).startsWith(prefix, 1)) found.push(index);
    }
    return found;
  }

  /**
   * Looks for kallsyms_seqs_of_names (three big-endian bytes a symbol), whose place VMCOREINFO does not tell: behind
   * relative_base (6.4+) or before the token table (6.2, 6.3). Taken only when it sorts a sample of names.
   */
  findSortedOrder(memory: AddressSpace, tables: KallsymsTables): void {
    const { count } = tables;
    const word = memory.pointerSize;
    const align = (value: bigint): bigint => ((value + BigInt(word) - 1n) / BigInt(word)) * BigInt(word);
    const candidates: bigint[] = [];
    if (tables.relativeBase !== undefined) candidates.push(align(tables.relativeBase + BigInt(word)));
    if (tables.offsets !== undefined) candidates.push(align(tables.offsets + BigInt(4 * count)));
    candidates.push(tables.tokenTable - align(BigInt(3 * count)));
    for (const candidate of candidates) {
      let bytes: Uint8Array;
      try {
        bytes = memory.bytes(toAddress(candidate), 3 * count);
      } catch (error) {
        if (!(error instanceof MemoryFault)) throw error;
        continue;
      }
      const order = (position: number): number =>
        ((bytes[3 * position] ?? 0) << 16) | ((bytes[3 * position + 1] ?? 0) << 8) | (bytes[3 * position + 2] ?? 0);
      if (this.#sorts(order)) {
        this.#order = order;
        return;
      }
    }
  }

  #sorts(order: (position: number) => number): boolean {
    const samples = Math.min(64, this.count);
    let previous = '';
    const seen = new Set<number>();
    for (let sample = 0; sample < samples; sample++) {
      const index = order(Math.floor((sample * (this.count - 1)) / Math.max(1, samples - 1)));
      if (index >= this.count || seen.has(index)) return false;
      seen.add(index);
      const name = this.expand(index).slice(1);
      if (name < previous) return false;
      previous = name;
    }
    return true;
  }

  #lowerBound(order: (position: number) => number, name: string): number {
    return partitionPoint(this.count, (position) => this.expand(order(position)).slice(1) < name);
  }

  /** Open addressing over the hashes of all names; built in one pass that expands no name. */
  #hashTable(): Int32Array {
    if (this.#hashed !== undefined) return this.#hashed;
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, this.count * 2)));
    const table = new Int32Array(size).fill(-1);
    const letters = this.#tokens.map((token) => Uint16Array.from(token, (letter) => letter.charCodeAt(0)));
    for (let index = 0; index < this.count; index++) {
      let slot = this.#hashOf(index, letters) & (size - 1);
      while (table[slot] !== -1) slot = (slot + 1) & (size - 1);
      table[slot] = index;
    }
    this.#hashed = table;
    return table;
  }

  /** Hash of a symbol's name without its type letter, the first of the expanded text. */
  #hashOf(index: number, letters: readonly Uint16Array[]): number {
    const start = this.#starts[index] ?? 0;
    const length = this.#length(start);
    const from = start + length.bytes;
    let hash = hashStart;
    let first = true;
    for (let at = from; at < from + length.value; at++) {
      const token = letters[this.#bytes[at] ?? 0];
      if (token === undefined) continue;
      for (const letter of token) {
        if (first) first = false;
        else hash = Math.imul(hash ^ letter, hashFactor);
      }
    }
    return hash >>> 0;
  }

  #indexesByHash(name: string): number[] {
    const table = this.#hashTable();
    let hash = hashStart;
    for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), hashFactor);
    const found: number[] = [];
    for (let slot = (hash >>> 0) & (table.length - 1); table[slot] !== -1; slot = (slot + 1) & (table.length - 1)) {
      const index = table[slot] ?? -1;
      if (this.expand(index).slice(1) === name) found.push(index);
    }
    return found.sort((a, b) => a - b);
  }
}

function readTokens(memory: AddressSpace, tables: KallsymsTables): string[] | undefined {
  const index = memory.bytes(tables.tokenIndex, tokens * 2);
  const view = new DataView(index.buffer, index.byteOffset, index.byteLength);
  const bytes = readUpTo(memory, tables.tokenTable, tokenTableLimit);
  const found: string[] = [];
  for (let token = 0; token < tokens; token++) {
    const start = view.getUint16(token * 2, memory.littleEndian);
    const end = bytes.indexOf(0, start);
    if (start >= bytes.length || end < 0) return undefined;
    found.push(decodeName(bytes.subarray(start, end)));
  }
  return found;
}

/** The readable bytes from `address` on, at most `length`. Throws `MemoryFault` when not even the first page is there. */
function readUpTo(memory: AddressSpace, address: Address, length: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let done = 0;
  while (done < length) {
    const { bytes, holes } = memory.read(addToAddress(address, done), Math.min(limits.readBytes, length - done));
    const end = holes[0]?.offset ?? bytes.length;
    parts.push(bytes.subarray(0, end));
    done += end;
    if (end < bytes.length) break;
  }
  const [first] = parts;
  if (done === 0) throw new MemoryFault(address, memory.explain(address).message);
  if (parts.length === 1 && first !== undefined) return first;
  const joined = new Uint8Array(done);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Starts of all names, or undefined when they run out of `bytes`. */
function indexNames(bytes: Uint8Array, count: number, longLengths: boolean): Uint32Array | undefined {
  const starts = new Uint32Array(count);
  let at = 0;
  for (let index = 0; index < count; index++) {
    starts[index] = at;
    const first = bytes[at];
    if (first === undefined || first === 0) return undefined;
    at += longLengths && first >= longLength ? 2 + ((first & 0x7f) | ((bytes[at + 1] ?? 0) << 7)) : 1 + first;
  }
  return at <= bytes.length ? starts : undefined;
}
