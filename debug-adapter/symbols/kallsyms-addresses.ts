/** The address tables of kallsyms in every encoding that kernels have used (scripts/kallsyms.c). */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { partitionPoint } from '../base/partition-point.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

/**
 * Addresses as distances from a base, in a plain array: image sizes fit a number exactly. The first `absoluteCount`
 * symbols are absolute values (per-CPU offsets on x86-64 before 6.15).
 */
export class SymbolAddresses {
  readonly base: bigint;
  readonly absoluteCount: number;
  readonly #distances: Float64Array;

  constructor(base: bigint, distances: Float64Array, absoluteCount: number) {
    this.base = base;
    this.#distances = distances;
    this.absoluteCount = absoluteCount;
  }

  /** Run-time address of symbol number `index`. */
  addressOf(index: number): Address {
    const distance = BigInt(this.#distances[index] ?? 0);
    return toAddress(index < this.absoluteCount ? distance : this.base + distance);
  }

  /** Index of the last symbol at or below `address` among those of the image; `absoluteCount - 1` when there is none. */
  lastAtOrBelow(address: Address): number {
    const distance = Number(address - this.base);
    const first = this.absoluteCount;
    return first + partitionPoint(this.#distances.length - first, (index) => (this.#distances[first + index] ?? 0) <= distance) - 1;
  }

  /** The first of the symbols that share `index`'s address. */
  firstAlias(index: number): number {
    let first = index;
    while (first > this.absoluteCount && this.#distances[first - 1] === this.#distances[index]) first--;
    return first;
  }

  /** The next symbol with a higher address, or undefined. */
  nextHigher(index: number): number | undefined {
    const here = this.#distances[index] ?? 0;
    const end = index < this.absoluteCount ? this.absoluteCount : this.#distances.length;
    for (let next = index + 1; next < end; next++) if ((this.#distances[next] ?? 0) > here) return next;
    return undefined;
  }
}

/** Reads the table that the kernel has. Throws `MemoryFault` when it is not readable. */
export function decodeAddresses(memory: AddressSpace, tables: KallsymsTables): SymbolAddresses | { readonly problem: string } {
  if (tables.offsets !== undefined) return relative(memory, tables, tables.offsets);
  if (tables.addresses !== undefined) return absolute(memory, tables, tables.addresses);
  return { problem: 'kallsyms has neither offsets nor addresses' };
}

/**
 * Offsets of 32 bits. Which encoding it is shows in the values, since symbols are sorted by address: with per-CPU
 * absolutes the image's entries are negative and fall; place-relative ones are signed and rise once their own place is
 * added; base-relative ones are unsigned and rise. Kernels without a base have addresses there where those have 32 bits.
 */
function relative(memory: AddressSpace, tables: KallsymsTables, offsets: Address): SymbolAddresses | { readonly problem: string } {
  const { count } = tables;
  const raw = signedTable(memory, offsets, count);
  if (tables.relativeBase === undefined) {
    const plain = memory.pointerSize === 4 ? Float64Array.from(raw, (value) => value >>> 0) : undefined;
    if (plain !== undefined && rises(plain, 0)) return new SymbolAddresses(0n, plain, 0);
    const placed = Float64Array.from(raw, (value, index) => value + 4 * index);
    return rises(placed, 0) ? new SymbolAddresses(offsets, placed, 0) : { problem: 'the place-relative offsets of kallsyms do not rise' };
  }
  const base = memory.word(tables.relativeBase);
  const lastNegative = (raw[count - 1] ?? 0) < 0;
  const firstNegative = raw.findIndex((value) => value < 0);
  if (lastNegative && firstNegative >= 0) {
    const distances = Float64Array.from(raw, (value, index) => (index < firstNegative ? value : -1 - value));
    if (rises(distances, firstNegative)) return new SymbolAddresses(base, distances, firstNegative);
  }
  const unsigned = Float64Array.from(raw, (value) => value >>> 0);
  return rises(unsigned, 0) ? new SymbolAddresses(base, unsigned, 0) : { problem: 'the offsets of kallsyms do not rise' };
}

function absolute(memory: AddressSpace, tables: KallsymsTables, address: Address): SymbolAddresses | { readonly problem: string } {
  const { count } = tables;
  const { pointerSize, littleEndian } = memory;
  const bytes = memory.bytes(address, count * pointerSize);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const distances = new Float64Array(count);
  if (pointerSize === 4) {
    for (let index = 0; index < count; index++) distances[index] = view.getUint32(index * 4, littleEndian);
    return sorted(new SymbolAddresses(0n, distances, 0), distances);
  }
  const half = 1n << 63n;
  let absoluteCount = 0;
  while (absoluteCount < count && view.getBigUint64(absoluteCount * 8, littleEndian) < half) {
    distances[absoluteCount] = Number(view.getBigUint64(absoluteCount * 8, littleEndian));
    absoluteCount++;
  }
  // A kernel in the lower half (s390): nothing tells absolute values from addresses.
  if (absoluteCount === count) return sorted(new SymbolAddresses(0n, distances, 0), distances);
  const base = view.getBigUint64(absoluteCount * 8, littleEndian);
  for (let index = absoluteCount; index < count; index++) distances[index] = Number(view.getBigUint64(index * 8, littleEndian) - base);
  return sorted(new SymbolAddresses(base, distances, absoluteCount), distances);
}

function sorted(addresses: SymbolAddresses, distances: Float64Array): SymbolAddresses | { readonly problem: string } {
  return rises(distances, addresses.absoluteCount) ? addresses : { problem: 'the addresses of kallsyms do not rise' };
}

function signedTable(memory: AddressSpace, address: Address, count: number): Int32Array {
  const bytes = memory.bytes(address, count * 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = new Int32Array(count);
  for (let index = 0; index < count; index++) table[index] = view.getInt32(index * 4, memory.littleEndian);
  return table;
}

function rises(values: Float64Array, from: number): boolean {
  for (let index = from + 1; index < values.length; index++) {
    if ((values[index] ?? 0) < (values[index - 1] ?? 0)) return false;
  }
  return true;
}
