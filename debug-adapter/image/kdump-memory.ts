/** Physical memory in one kdump-compressed file, or in one member of a split set. */
import { RankedBitmap } from '../base/bitmap.ts';
import { BoundedCache } from '../base/bounded-cache.ts';
import { UserError } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import type { NumberRange } from '../base/range.ts';
import type { PackedPage, Unpacker } from '../codec/unpacker.ts';
import type { HoleReason } from '../memory/hole.ts';
import { frameSize, missingFrame } from '../memory/physical-memory.ts';
import type { MemoryBlock, PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import { ChunkCache } from './chunk-cache.ts';
import type { KdumpHeader, KdumpSubHeader } from './kdump-header.ts';
import { KdumpPages, pageName } from './kdump-pages.ts';

/** A reading that would take more than this share of the cache, and no less than so many bytes, keeps none of its pages. */
const keptShare = 1 / 64;
const longReading = 64 * 1024;
/** Bytes of pages that are unpacked together, and of those that a pass over all memory gives at once. */
const windowBytes = 2 * 1024 * 1024;
const passBytes = 256 * 1024;
const rememberedDamage = 8192;
/** Pages asked for one after the other from which on those behind are unpacked ahead by threads, and how many at most. */
const streak = 16;
const mostAhead = 64;

/** One opened file of a dump. */
export interface KdumpFile {
  readonly source: ByteSource;
  readonly header: KdumpHeader;
  readonly sub: KdumpSubHeader;
  readonly memory: KdumpMemory;
  /** Text of VMCOREINFO by the sub-header; empty when it tells none. */
  readonly vmcoreinfo: string;
}

/** What is known of a page before its data is looked for. */
type PageState = 'not-ram' | 'excluded' | 'dumped';

/**
 * Frames through the file's two bitmaps and its page descriptors, decompressed when they are asked for. A frame that is not
 * there says why: not RAM, excluded by the dump level, truncated, corrupt with its place in the file.
 */
export class KdumpMemory implements PhysicalMemory {
  /** RAM by the first bitmap. */
  readonly ranges: readonly NumberRange[];
  /** Pages whose data this file holds: all, but for a member of a split set. */
  readonly pages: NumberRange;
  readonly blockSize: number;
  /** Bytes of a reading from which on it is a long one, which keeps none of its pages. */
  readonly longReading: number;
  /** Pages that exist, and pages that the writer kept, of the whole dump. */
  readonly ram: RankedBitmap;
  readonly dumped: RankedBitmap;
  readonly warnings: string[] = [];
  readonly #pages: KdumpPages;
  readonly #unpacker: Unpacker;
  readonly #dumpLevel: number | undefined;
  readonly #rankOfFirst: number;
  readonly #cache: BoundedCache<number, Uint8Array>;
  /** Pages that long readings found damaged: the next ones end before them, and do not unpack what lies behind again. */
  readonly #damaged = new BoundedCache<number, true>(rememberedDamage);
  /** As many pages that were copied and not kept, each at its number modulo the length: who asks for one again has it kept. */
  readonly #copied: Float64Array;
  readonly #framesPerPage: number;
  readonly #mostAhead: number;
  /** The page behind the one that was loaded last, and how many were loaded one after the other. */
  #next = -1;
  #streak = 0;

  /** `cacheBytes`: most bytes of decompressed pages that are kept. Counts the bitmaps once; keeps none of their bytes. */
  constructor(source: ByteSource, from: { header: KdumpHeader; sub: KdumpSubHeader; unpacker: Unpacker; cacheBytes: number }) {
    const { header, sub, unpacker, cacheBytes } = from;
    const { blockSize, bitmapOffset, bitmapBytes, maxFrame } = header;
    this.#pages = new KdumpPages(new ChunkCache(source, cacheBytes), header, unpacker);
    this.#unpacker = unpacker;
    this.#dumpLevel = sub.dumpLevel;
    this.#cache = new BoundedCache(Math.floor(cacheBytes / blockSize));
    this.#copied = new Float64Array(Math.max(1, Math.floor(cacheBytes / blockSize))).fill(-1);
    this.#mostAhead = Math.min(mostAhead, Math.floor(cacheBytes / blockSize / 8));
    this.longReading = Math.max(longReading, cacheBytes * keptShare);
    this.blockSize = blockSize;
    this.#framesPerPage = blockSize / frameSize;
    const two = maxFrame <= bitmapBytes * 4;
    const half = bitmapBytes / 2;
    const bitmapAt = (start: number): RankedBitmap => {
      const size = two ? half : bitmapBytes;
      return new RankedBitmap((offset, length) => source.read(start + offset, Math.max(0, Math.min(length, size - offset))), maxFrame);
    };
    this.ram = bitmapAt(bitmapOffset);
    this.dumped = two ? bitmapAt(bitmapOffset + half) : this.ram;
    const { start, end } = sub.split ?? { start: 0, end: maxFrame };
    this.pages = { start: Math.min(start, maxFrame), end: Math.max(Math.min(start, maxFrame), Math.min(end, maxFrame)) };
    this.#rankOfFirst = this.dumped.rank(this.pages.start);
    this.ranges = this.#ramRanges();
    const cut = this.#pages.truncation(this.dumped.rank(this.pages.end) - this.#rankOfFirst);
    if (cut !== undefined) this.warnings.push(cut);
  }

  /** Codecs that the header names and those met so far. */
  get compression(): readonly string[] {
    return this.#pages.compression;
  }

  /** By the two bitmaps; `page` counts pages of `blockSize` bytes. */
  stateOf(page: number): PageState {
    if (this.dumped.has(page)) return 'dumped';
    return this.ram.has(page) ? 'excluded' : 'not-ram';
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const page = Math.floor(frameNumber / this.#framesPerPage);
    const known = this.#cache.get(page) ?? this.#loadInTurn(page);
    if (!(known instanceof Uint8Array)) return undefined;
    if (known.length === frameSize) return known;
    const offset = (frameNumber % this.#framesPerPage) * frameSize;
    return known.subarray(offset, offset + frameSize);
  }

  partialFrame(frameNumber: number): PartialFrame {
    const loaded = this.#load(Math.floor(frameNumber / this.#framesPerPage));
    return missingFrame(loaded instanceof Uint8Array ? { kind: 'io-error', message: 'the page became readable' } : loaded);
  }

  storedBytes(start: number, end: number): number {
    const first = Math.max(this.pages.start, Math.floor(start / this.blockSize));
    const last = Math.min(this.pages.end, Math.ceil(end / this.blockSize));
    return last <= first ? 0 : (this.dumped.rank(last) - this.dumped.rank(first)) * this.blockSize;
  }

  *blocks(from: number): Generator<MemoryBlock> {
    const first = Math.floor(from / this.blockSize);
    const most = Math.max(1, passBytes / this.blockSize);
    for (const run of this.dumped.runs()) {
      const end = Math.min(run.end, this.pages.end);
      for (let page = Math.max(run.start, first, this.pages.start); page < end;) {
        const bytes = new Uint8Array(Math.min(most, end - page) * this.blockSize);
        const start = page * this.blockSize;
        const got = this.fill(start, bytes);
        if (got > 0) yield { start, bytes: bytes.subarray(0, got) };
        // What could not be read is gone over.
        page += got / this.blockSize + (got < bytes.length ? 1 : 0);
      }
    }
  }

  readRun(address: number, into: Uint8Array): number {
    return into.length < this.longReading ? this.#copyLonePage(address, into) : this.fill(address, into);
  }

  /** Fills `into` from physical `address` on, up to the first page that is not there; gives how many bytes. Keeps none of the pages. */
  fill(address: number, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const wanted = Math.min(into.length - done, windowBytes);
      const got = this.#fillWindow(address + done, into.subarray(done, done + wanted));
      done += got;
      if (got < wanted) break;
    }
    return done;
  }

  #fillWindow(address: number, into: Uint8Array): number {
    const { blockSize } = this;
    const inPage = address % blockSize;
    const first = (address - inPage) / blockSize;
    let end = into.length;
    const place = (page: number, bytes: Uint8Array): void => {
      const at = (page - first) * blockSize - inPage;
      if (at < 0) into.set(bytes.subarray(-at, Math.min(blockSize, into.length - at)));
      else into.set(at + blockSize <= into.length ? bytes : bytes.subarray(0, into.length - at), at);
    };
    const packed: PackedPage[] = [];
    const numbers: number[] = [];
    let index = this.dumped.rank(first) - this.#rankOfFirst;
    for (let page = first; (page - first) * blockSize - inPage < end; page++) {
      const found = this.#atHand(page, index++);
      if (found === undefined) end = (page - first) * blockSize - inPage;
      else if (found instanceof Uint8Array) place(page, found);
      else {
        packed.push(found);
        numbers.push(page);
      }
    }
    this.#unpacker.unpackAll(packed, (nth, bytes) => {
      const page = numbers[nth] ?? 0;
      if (bytes !== undefined) place(page, bytes);
      else {
        this.#damaged.set(page, true);
        end = Math.min(end, (page - first) * blockSize - inPage);
      }
    });
    return Math.max(0, end);
  }

  /**
   * The one page at `address`, where nobody asked for it lately or for the one before: it is copied and not kept, so that reading
   * here and there leaves nothing behind to collect. Gives the bytes of the page, or 0 for `frame` to see to it.
   */
  #copyLonePage(address: number, into: Uint8Array): number {
    const { blockSize } = this;
    if (address % blockSize !== 0 || into.length < blockSize) return 0;
    const page = address / blockSize;
    const slot = page % this.#copied.length;
    if (page === this.#next || this.#copied[slot] === page || this.#cache.get(page) !== undefined) return 0;
    this.#copied[slot] = page;
    if (page < this.pages.start || page >= this.pages.end || !this.dumped.has(page)) return 0;
    this.#next = page + 1;
    this.#streak = 0;
    try {
      const bytes = this.#pages.borrow(page, this.dumped.rank(page) - this.#rankOfFirst);
      if (bytes === undefined) return 0;
      into.set(bytes);
      return blockSize;
    } catch (error) {
      if (error instanceof UserError) return 0;
      throw error;
    }
  }

  /** A page that is kept, or is to be unpacked; undefined where it is missing or damaged. */
  #atHand(page: number, index: number): PackedPage | Uint8Array | undefined {
    const kept = this.#cache.get(page);
    if (kept !== undefined) return kept;
    if (page < this.pages.start || page >= this.pages.end || !this.dumped.has(page) || this.#damaged.get(page) === true) return undefined;
    try {
      return this.#pages.packed(page, index);
    } catch (error) {
      if (error instanceof UserError) return undefined;
      throw error;
    }
  }

  #ramRanges(): NumberRange[] {
    const ranges: { start: number; end: number }[] = [];
    for (const { start, end } of this.ram.runs()) {
      if (ranges.length === limits.memoryRanges) {
        const last = ranges.at(-1);
        if (last !== undefined) last.end = this.ram.length * this.blockSize;
        this.warnings.push(`the dump claims more than ${limits.memoryRanges} ranges of RAM; the last ones are listed as one`);
        break;
      }
      ranges.push({ start: start * this.blockSize, end: end * this.blockSize });
    }
    return ranges;
  }

  /** A page that is not kept, and where it goes on a streak, those behind it too. */
  #loadInTurn(page: number): Uint8Array | HoleReason {
    this.#streak = page === this.#next ? this.#streak + 1 : 0;
    this.#next = page + 1;
    if (this.#streak < streak || this.#mostAhead < streak || !this.#unpacker.shares) return this.#load(page);
    this.#loadAhead(page);
    return this.#cache.get(page) ?? this.#load(page);
  }

  #loadAhead(first: number): void {
    const packed: PackedPage[] = [];
    const numbers: number[] = [];
    let index = this.dumped.rank(first) - this.#rankOfFirst;
    let page = first;
    for (; page < first + this.#mostAhead; page++) {
      const found = this.#atHand(page, index++);
      if (found === undefined) break;
      if (found instanceof Uint8Array) continue;
      packed.push(found);
      numbers.push(page);
    }
    this.#next = Math.max(page, first + 1);
    this.#unpacker.unpackAll(packed, (nth, bytes) => {
      if (bytes !== undefined) this.#cache.set(numbers[nth] ?? first, this.#pages.own(bytes));
    });
  }

  #load(page: number): Uint8Array | HoleReason {
    try {
      const state = this.stateOf(page);
      if (state === 'not-ram') return { kind: 'not-ram', message: 'no RAM that the dump knows lies at this physical address' };
      if (state === 'excluded') {
        const level = this.#dumpLevel === undefined ? '' : ` (dump level ${this.#dumpLevel})`;
        return { kind: 'excluded', message: `${pageName(page)} was left out of the dump by its writer${level}` };
      }
      const loaded = this.#pages.page(page, this.dumped.rank(page) - this.#rankOfFirst, this.#streak > 0);
      if (loaded instanceof Uint8Array) this.#cache.set(page, loaded);
      return loaded;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { kind: 'io-error', message: error.message };
    }
  }
}
