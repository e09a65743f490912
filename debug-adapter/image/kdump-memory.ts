/** Physical memory in one kdump-compressed file, or in one member of a split set. */
import { RankedBitmap } from '../base/bitmap.ts';
import { BoundedCache } from '../base/bounded-cache.ts';
import { UserError } from '../base/errors.ts';
import type { ByteSource, Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import type { NumberRange } from '../base/range.ts';
import { codecFor } from '../codec/codec.ts';
import type { CodecName, PageCodec } from '../codec/codec.ts';
import type { HoleReason } from '../memory/hole.ts';
import { frameSize, missingFrame } from '../memory/physical-memory.ts';
import type { MemoryBlock, PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import { messageOf } from '../protocol/error-message.ts';
import { ChunkCache } from './chunk-cache.ts';
import { kdumpStatus } from './kdump-header.ts';
import type { KdumpHeader, KdumpSubHeader } from './kdump-header.ts';

/** Bits of a page descriptor's flags, and of the header's status, that name the compression. */
const compressionBits: readonly (readonly [bit: number, codec: CodecName])[] = [
  [0x1, 'zlib'],
  [0x2, 'lzo'],
  [0x4, 'snappy'],
  [0x20, 'zstd'],
];
/** offset u64, size u32, flags u32, page_flags u64. */
const descriptorSize = 24;
const sampledDescriptors = 4096;
/** Bytes of the longest data of which it is remembered what it unpacks to: the writer gives all pages of zeros one place. */
const sharedSize = 64;
const sharedPages = 64;

/** Makes the reason for a page that is damaged; it is told where, by default at its descriptor. */
type Corrupt = (why: string, fileOffset?: number) => HoleReason;

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
  /** Pages that exist, and pages that the writer kept, of the whole dump. */
  readonly ram: RankedBitmap;
  readonly dumped: RankedBitmap;
  readonly warnings: string[] = [];
  readonly #host: Host;
  readonly #file: ChunkCache;
  readonly #header: KdumpHeader;
  readonly #dumpLevel: number | undefined;
  readonly #descriptors: number;
  readonly #rankOfFirst: number;
  readonly #cache: BoundedCache<number, Uint8Array>;
  /** Pages by the place of their data. */
  readonly #shared = new BoundedCache<number, Uint8Array>(sharedPages);
  readonly #codecs = new Map<CodecName, PageCodec>();
  readonly #framesPerPage: number;

  /** `cacheBytes`: most bytes of decompressed pages that are kept. Counts the bitmaps once; keeps none of their bytes. */
  constructor(host: Host, source: ByteSource, from: { header: KdumpHeader; sub: KdumpSubHeader; cacheBytes: number }) {
    const { header, sub, cacheBytes } = from;
    const { blockSize, bitmapOffset, bitmapBytes, maxFrame } = header;
    this.#host = host;
    this.#file = new ChunkCache(source, cacheBytes);
    this.#header = header;
    this.#dumpLevel = sub.dumpLevel;
    this.#cache = new BoundedCache(Math.floor(cacheBytes / blockSize));
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
    this.#descriptors = bitmapOffset + bitmapBytes;
    const { start, end } = sub.split ?? { start: 0, end: maxFrame };
    this.pages = { start: Math.min(start, maxFrame), end: Math.max(Math.min(start, maxFrame), Math.min(end, maxFrame)) };
    this.#rankOfFirst = this.dumped.rank(this.pages.start);
    this.ranges = this.#ramRanges();
    const cut = this.#truncation();
    if (cut !== undefined) this.warnings.push(cut);
  }

  /** Codecs that the header names and those met so far. */
  get compression(): readonly string[] {
    const named = compressionBits.filter(([bit]) => (this.#header.status & bit) !== 0).map(([, name]) => name);
    return [...new Set([...named, ...this.#codecs.keys()])];
  }

  /** By the two bitmaps; `page` counts pages of `blockSize` bytes. */
  stateOf(page: number): PageState {
    if (this.dumped.has(page)) return 'dumped';
    return this.ram.has(page) ? 'excluded' : 'not-ram';
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const page = Math.floor(frameNumber / this.#framesPerPage);
    const known = this.#cache.get(page) ?? this.#load(page);
    if (!(known instanceof Uint8Array)) return undefined;
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
    for (const { start, end } of this.dumped.runs()) {
      for (let page = Math.max(start, first, this.pages.start); page < Math.min(end, this.pages.end); page++) {
        const bytes = this.#cache.get(page) ?? this.#load(page, false);
        if (bytes instanceof Uint8Array) yield { start: page * this.blockSize, bytes };
      }
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

  /** In words, what a file that ends too early lacks; the writer puts pages in order, so the last ones tell. */
  #truncation(): string | undefined {
    const population = this.dumped.rank(this.pages.end) - this.#rankOfFirst;
    const { source } = this.#file;
    if (population === 0 || (this.#header.status & kdumpStatus.incomplete) !== 0) return undefined;
    // Pages of zeros share the first one's data, so the last descriptor alone does not tell.
    const sampled = Math.min(population, sampledDescriptors);
    const tail = source.read(this.#descriptors + (population - sampled) * descriptorSize, sampled * descriptorSize);
    if (tail.length === sampled * descriptorSize) {
      const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
      let end = 0;
      for (let at = 0; at < tail.length; at += descriptorSize) {
        end = Math.max(end, Number(view.getBigUint64(at, this.#header.littleEndian)) + view.getUint32(at + 8, this.#header.littleEndian));
      }
      if (end <= source.size) return undefined;
    }
    return `${source.name} is cut short at ${source.size} bytes: pages whose data lay behind are missing; copy the dump again if it is longer elsewhere`;
  }

  #load(page: number, keep = true): Uint8Array | HoleReason {
    const name = `page 0x${page.toString(16)}`;
    try {
      const state = this.stateOf(page);
      if (state === 'not-ram') return { kind: 'not-ram', message: 'no RAM that the dump knows lies at this physical address' };
      if (state === 'excluded') {
        const level = this.#dumpLevel === undefined ? '' : ` (dump level ${this.#dumpLevel})`;
        return { kind: 'excluded', message: `${name} was left out of the dump by its writer${level}` };
      }
      const loaded = this.#readPage(page, name);
      if (keep && loaded instanceof Uint8Array) this.#cache.set(page, loaded);
      return loaded;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { kind: 'io-error', message: error.message };
    }
  }

  #readPage(page: number, name: string): Uint8Array | HoleReason {
    const { size: fileSize } = this.#file.source;
    const at = this.#descriptors + (this.dumped.rank(page) - this.#rankOfFirst) * descriptorSize;
    const descriptor = this.#file.bytes(at, descriptorSize);
    if (descriptor.length < descriptorSize) {
      return { kind: 'truncated', message: `the file ends at byte ${fileSize}, before the descriptor of ${name}` };
    }
    const { littleEndian } = this.#header;
    const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptorSize);
    const offset = Number(view.getBigUint64(0, littleEndian));
    const size = view.getUint32(8, littleEndian);
    const corrupt: Corrupt = (why, fileOffset = at) => ({
      kind: 'corrupt',
      message: `${name} is damaged in the file (descriptor at file offset 0x${at.toString(16)}): ${why}`,
      fileOffset,
    });
    // The header lies at 0: no page does. Descriptors that were never written are zeros.
    if (offset === 0) {
      return this.#endedEarly
        ? { kind: 'truncated', message: `the dump was ended before ${name} was written` }
        : corrupt('its descriptor is empty');
    }
    if (size > this.blockSize) return corrupt(`it claims ${size} bytes for a page of ${this.blockSize}`);
    if (offset + size > fileSize)
      return { kind: 'truncated', message: `the file ends at byte ${fileSize}, before the data of ${name} (at ${offset})` };
    const shared = size <= sharedSize ? this.#shared.get(offset) : undefined;
    if (shared !== undefined) return shared;
    const data = this.#file.bytes(offset, size);
    if (data.length < size) return { kind: 'truncated', message: `the file ends before the data of ${name}` };
    const unpacked = this.#unpacked(data, view.getUint32(12, littleEndian), (why) =>
      corrupt(`data at file offset 0x${offset.toString(16)} ${why}`, offset),
    );
    if (size <= sharedSize && unpacked instanceof Uint8Array) this.#shared.set(offset, unpacked);
    return unpacked;
  }

  /** Whether pages may be missing because the writer stopped, and the file says so. */
  get #endedEarly(): boolean {
    return (this.#header.status & kdumpStatus.incomplete) !== 0 || this.#file.source.incomplete === true;
  }

  /** The page that `data` holds, by the flags of its descriptor. */
  #unpacked(data: Uint8Array, flags: number, corrupt: (why: string) => HoleReason): Uint8Array | HoleReason {
    const { blockSize } = this;
    const codec = compressionBits.find(([bit]) => (flags & bit) !== 0)?.[1];
    if (codec === undefined) {
      return data.length === blockSize
        ? data.slice()
        : corrupt(`has ${data.length} bytes and no compression that is known (flags 0x${flags.toString(16)})`);
    }
    let bytes: Uint8Array;
    try {
      bytes = this.#codec(codec)(data, blockSize);
    } catch (error) {
      return corrupt(`is no ${codec} data of a page (${messageOf(error)})`);
    }
    return bytes.length === blockSize ? bytes : corrupt(`unpacks to ${bytes.length} bytes, not ${blockSize}`);
  }

  #codec(name: CodecName): PageCodec {
    let codec = this.#codecs.get(name);
    if (codec === undefined) {
      codec = codecFor(name, this.#host.codecs);
      this.#codecs.set(name, codec);
    }
    return codec;
  }
}
