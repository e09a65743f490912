/**
 * Page tables of any shape in memory, written entry by entry from a list of levels that a test takes from an architecture's
 * manual. It shares nothing with the decoders: it knows neither flags nor address fields.
 */
import { frameSize, missingFrame } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';

export interface LevelLayout {
  /** Lowest address bit of the index. */
  readonly shift: number;
  /** Index bits. */
  readonly bits: number;
  /** Bytes of an entry; 8 unless given. */
  readonly entry?: 4 | 8;
}

export interface TableMemoryOptions {
  /** Root first. */
  readonly levels: readonly LevelLayout[];
  readonly littleEndian: boolean;
  /** The entry of `levels[depth]` that points to a table at physical `address`. */
  readonly pointer: (address: bigint, depth: number) => bigint;
  /** Physical address of the first table, below all others; unless given, one with bit 31 and (of 8-byte entries) bit 32 set. */
  readonly base?: bigint;
  /** Least alignment of a table in bytes, a multiple of 4096; 4096 unless given. */
  readonly alignment?: number;
}

export class TableMemory implements PhysicalMemory {
  readonly ranges: { start: number; end: number }[];
  readonly root: bigint;
  readonly #options: TableMemoryOptions;
  readonly #frames = new Map<bigint, Uint8Array>();
  readonly #children = new Map<bigint, bigint>();
  #next: bigint;

  constructor(options: TableMemoryOptions) {
    this.#options = options;
    this.#next = options.base ?? (options.levels.some(({ entry }) => entry === 4) ? 0x9000_0000n : 0x1_9000_0000n);
    this.ranges = [{ start: Number(this.#next), end: Number(this.#next) + 0x1000_0000 }];
    this.root = this.table(0);
  }

  /** A fresh table of `levels[depth]`, aligned to its size; its physical address. */
  table(depth: number): bigint {
    const { bits, entry } = this.#level(depth);
    const bytes = BigInt(Math.max(this.#options.alignment ?? frameSize, 2 ** bits * (entry ?? 8)));
    const address = ((this.#next + bytes - 1n) / bytes) * bytes;
    this.#next = address + bytes;
    for (let at = address; at < this.#next; at += 4096n) this.#frames.set(at / 4096n, new Uint8Array(frameSize));
    return address;
  }

  /** Physical address of the entry for `address` in a table of `levels[depth]`. */
  entryAddress(table: bigint, address: bigint, depth: number): bigint {
    const { shift, bits, entry } = this.#level(depth);
    return table + ((address >> BigInt(shift)) & ((1n << BigInt(bits)) - 1n)) * BigInt(entry ?? 8);
  }

  /** Writes `size` bytes at a physical address that lies in a table. */
  write(at: bigint, value: bigint, size: 4 | 8 = 8): void {
    const frame = this.#frames.get(at / 4096n);
    if (frame === undefined) throw new Error(`no table at 0x${at.toString(16)}`);
    const view = new DataView(frame.buffer);
    const offset = Number(at % 4096n);
    if (size === 8) view.setBigUint64(offset, BigInt.asUintN(64, value), this.#options.littleEndian);
    else view.setUint32(offset, Number(BigInt.asUintN(32, value)), this.#options.littleEndian);
  }

  /** Tables down to `levels[depth]`, whose entry for `address` becomes `entry`; the entry's physical address. */
  map(address: bigint, entry: bigint, depth = this.#options.levels.length - 1): bigint {
    let table = this.root;
    for (let level = 0; level < depth; level++) {
      const at = this.entryAddress(table, address, level);
      let next = this.#children.get(at);
      if (next === undefined) {
        next = this.table(level + 1);
        this.#children.set(at, next);
        this.write(at, this.#options.pointer(next, level), this.#level(level).entry);
      }
      table = next;
    }
    const at = this.entryAddress(table, address, depth);
    this.write(at, entry, this.#level(depth).entry);
    return at;
  }

  frame(frameNumber: number): Uint8Array | undefined {
    return this.#frames.get(BigInt(frameNumber));
  }

  partialFrame(): ReturnType<PhysicalMemory['partialFrame']> {
    return missingFrame({ kind: 'not-ram', message: 'no RAM in this test' });
  }

  #level(depth: number): LevelLayout {
    const level = this.#options.levels[depth];
    if (level === undefined) throw new Error(`no level ${depth}`);
    return level;
  }
}

/** Numbers of the bits that are set, as a value: `bit(0, 3)` is 9. */
export function bit(...numbers: readonly number[]): bigint {
  return numbers.reduce((value, number) => value | (1n << BigInt(number)), 0n);
}

/** The halves of an entry, as decoders take them. */
export function halves(entry: bigint): [low: number, high: number] {
  return [Number(BigInt.asUintN(32, entry)), Number(BigInt.asUintN(32, entry >> 32n))];
}

/** Numbers of the bits of `base` whose change alone changes what `decode` says. */
export function decidingBits(base: bigint, decode: (low: number, high: number) => unknown, width: 32 | 64 = 64): number[] {
  const plain = JSON.stringify(decode(...halves(base)));
  return Array.from({ length: width }, (_, number) => number).filter(
    (number) => JSON.stringify(decode(...halves(base ^ bit(number)))) !== plain,
  );
}

/** The name that each bit adds to `base` when it is set alone: `[bit, name]` for those that add one. */
export function namedBits(
  base: bigint,
  flags: (low: number, high: number) => readonly string[],
  width: 32 | 64 = 64,
): (readonly [number, string])[] {
  const plain = flags(...halves(base));
  return Array.from({ length: width }, (_, number) => number)
    .filter((number) => (base & bit(number)) === 0n)
    .flatMap((number) =>
      flags(...halves(base | bit(number)))
        .filter((name) => !plain.includes(name))
        .map((name) => [number, name] as const),
    );
}

/** Bit numbers from `first` to `last`. */
export function span(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
