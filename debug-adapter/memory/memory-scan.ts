/**
 * Where texts stand in physical memory. All are looked for in one pass over what the dump has of it, in large pieces and
 * only as far as somebody asks: memory of many GiB is read once at most.
 */
import { neverCancelled, throwIfCancelled } from '../base/cancellation.ts';
import type { LongWork } from '../base/cancellation.ts';
import { limits } from '../base/limits.ts';
import { frameSize } from './physical-memory.ts';
import type { MemoryBlock, PhysicalMemory } from './physical-memory.ts';

/** Where `text` begins in `bytes`, from byte `from` on; -1 where it does not. */
export type FindBytes = (bytes: Uint8Array, text: Uint8Array, from: number) => number;

/** How to stop a scan, who hears how far it is, and what an earlier scan of the same memory found. */
export interface ScanOptions extends LongWork {
  /** What the platform has for this (base/host.ts). */
  readonly findBytes?: FindBytes | undefined;
  /** How far another scan of the same memory for the same texts came. */
  readonly known?: ScanState | undefined;
}

/** Plain data, which another thread may give. */
export interface ScanState {
  /** Physical address, in bytes, below which all was looked at. */
  readonly next: number;
  /** Of each text, by its position: physical addresses, ascending. */
  readonly places: readonly (readonly number[])[];
  /** Of each text, by its position: whether it stands at more places than are kept. */
  readonly cut: readonly boolean[];
}

/** Bytes of RAM between two reports of progress. */
const reportedBytes = 64 * 2 ** 20;

/**
 * Where each of a few texts stands, as physical byte addresses, found as far as the questions need. What is missing from the
 * dump is gone over: no text is found across it.
 */
export class MemoryScan {
  readonly #memory: PhysicalMemory;
  readonly #texts: readonly Uint8Array[];
  readonly #places: readonly number[][];
  readonly #cut: boolean[];
  readonly #options: ScanOptions;
  readonly #findBytes: FindBytes;
  readonly #total: number;
  /** One byte less than the longest text: what a text may have in the block before. */
  readonly #overlap: number;
  #next: number;
  #blocks: Iterator<MemoryBlock> | undefined;
  #tail = new Uint8Array();
  #reported = -1;
  /** The range that the scan has come to, and bytes of those below it. */
  #range = 0;
  #below = 0;

  /** Nothing is read before the first question. */
  constructor(memory: PhysicalMemory, texts: readonly string[], options: ScanOptions) {
    this.#memory = memory;
    this.#texts = texts.map((text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
    this.#options = options;
    this.#findBytes = options.findBytes ?? findBytes;
    this.#overlap = Math.max(0, ...this.#texts.map((text) => text.length - 1));
    this.#total = memory.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    this.#next = options.known?.next ?? 0;
    this.#places = texts.map((_, index) => [...(options.known?.places[index] ?? [])]);
    this.#cut = texts.map((_, index) => options.known?.cut[index] ?? false);
  }

  /** How far the scan has come. */
  get state(): ScanState {
    return { next: this.#next, places: this.#places, cut: this.#cut };
  }

  /**
   * Physical addresses at which text number `index` stands whole, ascending; reads on where the next one is not known yet.
   * Throws `Cancelled` when the token fires.
   */
  *places(index: number): Generator<number> {
    const places = this.#places[index] ?? [];
    for (let at = 0; ; at++) {
      while (at >= places.length) if (!this.#advance()) return;
      const place = places[at];
      if (place !== undefined) yield place;
    }
  }

  /** Looks at one more block; false when there is none. */
  #advance(): boolean {
    throwIfCancelled(this.#options.token ?? neverCancelled);
    this.#report(this.#next + this.#tail.length);
    const next = (this.#blocks ??= blocksOf(this.#memory, this.#next)[Symbol.iterator]()).next();
    if (next.done === true) {
      this.#next = Number.POSITIVE_INFINITY;
      return false;
    }
    const { start, bytes } = next.value;
    if (this.#next + this.#tail.length !== start) this.#tail = new Uint8Array();
    this.#seam(start, bytes);
    this.#texts.forEach((text, index) => {
      for (let at = this.#findBytes(bytes, text, 0); at >= 0; at = this.#findBytes(bytes, text, at + 1)) this.#add(index, start + at);
    });
    this.#tail = bytes.slice(Math.max(0, bytes.length - this.#overlap));
    // A text that begins in the tail may end in the next block.
    this.#next = start + bytes.length - this.#tail.length;
    return true;
  }

  /** Texts that begin in the block before and end in this one. */
  #seam(start: number, bytes: Uint8Array): void {
    const tail = this.#tail;
    if (tail.length === 0) return;
    const joined = new Uint8Array(tail.length + Math.min(this.#overlap, bytes.length));
    joined.set(tail);
    joined.set(bytes.subarray(0, this.#overlap), tail.length);
    this.#texts.forEach((text, index) => {
      for (let at = this.#findBytes(joined, text, 0); at >= 0 && at < tail.length; at = this.#findBytes(joined, text, at + 1))
        if (at + text.length > tail.length) this.#add(index, start - tail.length + at);
    });
  }

  #add(index: number, place: number): void {
    const places = this.#places[index];
    // What follows a known state begins a little before its end.
    if (places === undefined || place <= (places.at(-1) ?? -1)) return;
    if (places.length < limits.scannedPlaces) places.push(place);
    else this.#cut[index] = true;
  }

  #report(reached: number): void {
    const { ranges } = this.#memory;
    for (let range = ranges[this.#range]; range !== undefined && range.end <= reached; range = ranges[++this.#range])
      this.#below += range.end - range.start;
    const done = this.#below + Math.max(0, reached - (ranges[this.#range]?.start ?? reached));
    const before = this.#reported;
    this.#reported = Math.floor(done / reportedBytes);
    if (this.#reported !== before) this.#options.progress?.('looking for the kernel in memory', done, this.#total);
  }
}

/** Plain search by the first byte. */
function findBytes(bytes: Uint8Array, text: Uint8Array, from: number): number {
  const first = text[0] ?? 0;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + text.length <= bytes.length && text.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

/** What there is of memory from physical address `from` on. */
function blocksOf(memory: PhysicalMemory, from: number): Iterable<MemoryBlock> {
  return memory.blocks?.(from) ?? frames(memory, from);
}

function* frames(memory: PhysicalMemory, from: number): Generator<MemoryBlock> {
  for (const { start, end } of memory.ranges) {
    for (let frame = Math.floor(Math.max(start, from) / frameSize); frame * frameSize < end; frame++) {
      const bytes = memory.frame(frame);
      if (bytes !== undefined) yield { start: frame * frameSize, bytes };
    }
  }
}
