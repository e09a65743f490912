/** The pages of one kdump-compressed file by their position among the dumped ones: descriptor, data, decompression. */
import { BoundedCache } from '../base/bounded-cache.ts';
import { UserError } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';
import { Slab } from '../base/slab.ts';
import type { CodecName } from '../codec/codec.ts';
import type { PackedPage, Unpacker } from '../codec/unpacker.ts';
import type { HoleReason } from '../memory/hole.ts';
import { messageOf } from '../protocol/error-message.ts';
import type { ChunkCache } from './chunk-cache.ts';
import { kdumpStatus } from './kdump-header.ts';
import type { KdumpHeader } from './kdump-header.ts';

/** Bits of a page descriptor's flags, and of the header's status, that name the compression. */
const compressionBits: readonly (readonly [bit: number, codec: CodecName])[] = [
  [0x1, 'zlib'],
  [0x2, 'lzo'],
  [0x4, 'snappy'],
  [0x20, 'zstd'],
];
/** offset u64, size u32, flags u32, page_flags u64. */
const descriptorSize = 24;
/** Descriptors that are read together, and such groups that are kept: 3 MiB. */
const groupSize = 256;
const keptGroups = 512;
const sampledDescriptors = 4096;
/** Bytes of the longest data of which it is remembered what it unpacks to: the writer gives all pages of zeros one place. */
const sharedSize = 64;
const sharedPages = 64;

/** Bytes that unpackers have behind a page: one does for them to tell that there is more, and eight keep pages aligned. */
const roomBehind = 8;

/** What the file says of a page. */
interface PageDescriptor {
  /** The page's number, and where its descriptor and its data lie in the file. */
  readonly page: number;
  readonly at: number;
  readonly offset: number;
  /** Bytes of its data. */
  readonly size: number;
  readonly flags: number;
}

/** Gives pages of `header.blockSize` bytes, or why they are not there. What reading the file throws is passed on. */
export class KdumpPages {
  readonly #file: ChunkCache;
  readonly #header: KdumpHeader;
  readonly #unpacker: Unpacker;
  /** Where the first descriptor lies in the file. */
  readonly #descriptors: number;
  /** Codecs met so far. */
  readonly #met = new Set<CodecName>();
  /** Pages by the place of their data. */
  readonly #shared = new BoundedCache<number, Uint8Array>(sharedPages);
  readonly #slab = new Slab();
  /** Groups of descriptors by number; the last one may be short. */
  readonly #groups = new BoundedCache<number, DataView>(keptGroups);

  constructor(file: ChunkCache, header: KdumpHeader, unpacker: Unpacker) {
    this.#file = file;
    this.#header = header;
    this.#unpacker = unpacker;
    this.#descriptors = header.bitmapOffset + header.bitmapBytes;
  }

  /** Codecs that the header names and those met so far. */
  get compression(): readonly CodecName[] {
    const named = compressionBits.filter(([bit]) => (this.#header.status & bit) !== 0).map(([, name]) => name);
    return [...new Set([...named, ...this.#met])];
  }

  get #source(): ByteSource {
    return this.#file.source;
  }

  /** Page number `page`, whose descriptor is number `index` of this file, in memory of its own; `more`: those behind it may follow. */
  page(page: number, index: number, more: boolean): Uint8Array | HoleReason {
    const descriptor = this.#descriptor(page, index);
    return 'kind' in descriptor ? descriptor : this.#page(descriptor, more);
  }

  /**
   * The same for a reading of many pages: as it is to be unpacked, or its bytes, borrowed, where there is little to unpack;
   * undefined where `page` gives a reason, or may give one.
   */
  packed(page: number, index: number): PackedPage | Uint8Array | undefined {
    const descriptor = this.#descriptor(page, index);
    if ('kind' in descriptor) return undefined;
    const codec = codecOf(descriptor.flags);
    if (codec === undefined || descriptor.size <= sharedSize) {
      const bytes = this.#page(descriptor, true);
      return bytes instanceof Uint8Array ? bytes : undefined;
    }
    const data = this.#data(descriptor, true);
    if (!(data instanceof Uint8Array)) return undefined;
    this.#met.add(codec);
    return { codec, data };
  }

  /** The page, borrowed until anything else is asked for; undefined where `page` gives a reason, or may give one. */
  borrow(page: number, index: number): Uint8Array | undefined {
    const descriptor = this.#descriptor(page, index);
    if ('kind' in descriptor) return undefined;
    const { size, offset, flags } = descriptor;
    if (size <= sharedSize) {
      const bytes = this.#page(descriptor, false);
      return bytes instanceof Uint8Array ? bytes : undefined;
    }
    const codec = codecOf(flags);
    const data = this.#file.borrow(offset, size);
    if (codec === undefined) return data.length === this.#header.blockSize ? data : undefined;
    if (data.length < size) return undefined;
    this.#met.add(codec);
    return this.#unpacker.whole({ codec, data });
  }

  /** A copy of a page, which may be kept. */
  own(bytes: Uint8Array): Uint8Array {
    const page = this.#slab.take(bytes.length);
    page.set(bytes);
    return page;
  }

  /** In words, what a file that ends too early lacks; the writer puts pages in order, so the last ones tell. */
  truncation(count: number): string | undefined {
    if (count === 0 || (this.#header.status & kdumpStatus.incomplete) !== 0) return undefined;
    // Pages of zeros share the first one's data, so the last descriptor alone does not tell.
    const sampled = Math.min(count, sampledDescriptors);
    const tail = this.#source.read(this.#descriptors + (count - sampled) * descriptorSize, sampled * descriptorSize);
    if (tail.length === sampled * descriptorSize) {
      const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
      let end = 0;
      for (let at = 0; at < tail.length; at += descriptorSize) {
        end = Math.max(end, Number(view.getBigUint64(at, this.#header.littleEndian)) + view.getUint32(at + 8, this.#header.littleEndian));
      }
      if (end <= this.#source.size) return undefined;
    }
    return `${this.#source.name} is cut short at ${this.#source.size} bytes: pages whose data lay behind are missing; copy the dump again if it is longer elsewhere`;
  }

  #descriptor(page: number, index: number): PageDescriptor | HoleReason {
    const { size: fileSize } = this.#source;
    const { blockSize, littleEndian } = this.#header;
    const at = this.#descriptors + index * descriptorSize;
    const { view, start } = this.#groupOf(index);
    if (start + descriptorSize > view.byteLength)
      return { kind: 'truncated', message: `the file ends at byte ${fileSize}, before the descriptor of ${pageName(page)}` };
    const word = (byte: number): number => view.getUint32(start + byte, littleEndian);
    const offset = word(littleEndian ? 0 : 4) + word(littleEndian ? 4 : 0) * 2 ** 32;
    const size = word(8);
    // The header lies at 0: no page does. Descriptors that were never written are zeros.
    if (offset === 0) {
      return this.#endedEarly
        ? { kind: 'truncated', message: `the dump was ended before ${pageName(page)} was written` }
        : corrupt({ page, at }, 'its descriptor is empty');
    }
    if (size > blockSize) return corrupt({ page, at }, `it claims ${size} bytes for a page of ${blockSize}`);
    if (offset + size > fileSize)
      return { kind: 'truncated', message: `the file ends at byte ${fileSize}, before the data of ${pageName(page)} (at ${offset})` };
    return { page, at, offset, size, flags: word(12) };
  }

  /** Where descriptor `index` begins, and in what. */
  #groupOf(index: number): { readonly view: DataView; readonly start: number } {
    const inGroup = index % groupSize;
    const number = (index - inGroup) / groupSize;
    const known = this.#groups.get(number);
    if (known !== undefined) return { view: known, start: inGroup * descriptorSize };
    try {
      const bytes = this.#source.read(this.#descriptors + number * groupSize * descriptorSize, groupSize * descriptorSize);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      this.#groups.set(number, view);
      return { view, start: inGroup * descriptorSize };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // A bad block takes no more with it than what lies on it.
      const bytes = this.#source.read(this.#descriptors + index * descriptorSize, descriptorSize);
      return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), start: 0 };
    }
  }

  /** Borrowed; with `more` for longer than until the next call, and with what lies around it read too. */
  #data({ page, offset, size }: PageDescriptor, more: boolean): Uint8Array | HoleReason {
    const data = more ? this.#file.bytes(offset, size) : this.#file.borrow(offset, size);
    return data.length < size ? { kind: 'truncated', message: `the file ends before the data of ${pageName(page)}` } : data;
  }

  #page(descriptor: PageDescriptor, more: boolean): Uint8Array | HoleReason {
    const { offset, size } = descriptor;
    const shared = size <= sharedSize ? this.#shared.get(offset) : undefined;
    if (shared !== undefined) return shared;
    const data = this.#data(descriptor, more);
    if (!(data instanceof Uint8Array)) return data;
    const bytes = this.#unpacked(descriptor, data);
    if (size <= sharedSize && bytes instanceof Uint8Array) this.#shared.set(offset, bytes);
    return bytes;
  }

  /** The page that `data` holds, by the flags of its descriptor. */
  #unpacked(descriptor: PageDescriptor, data: Uint8Array): Uint8Array | HoleReason {
    const { offset, flags } = descriptor;
    const { blockSize } = this.#header;
    const codec = codecOf(flags);
    const damaged = (why: string): HoleReason => corrupt(descriptor, `data at file offset 0x${offset.toString(16)} ${why}`, offset);
    let bytes = data;
    if (codec !== undefined) {
      this.#met.add(codec);
      const room = this.#slab.take(blockSize + roomBehind);
      try {
        bytes = this.#unpacker.unpack({ codec, data }, room);
      } catch (error) {
        return damaged(`is no ${codec} data of a page (${messageOf(error)})`);
      }
      if (bytes.length !== blockSize) return damaged(`unpacks to ${bytes.length} bytes, not ${blockSize}`);
      if (bytes.buffer === room.buffer) return bytes;
    } else if (data.length !== blockSize) {
      return damaged(`has ${data.length} bytes and no compression that is known (flags 0x${flags.toString(16)})`);
    }
    return this.own(bytes);
  }

  /** Whether pages may be missing because the writer stopped, and the file says so. */
  get #endedEarly(): boolean {
    return (this.#header.status & kdumpStatus.incomplete) !== 0 || this.#source.incomplete === true;
  }
}

/** How messages call a page. */
export function pageName(page: number): string {
  return `page 0x${page.toString(16)}`;
}

function codecOf(flags: number): CodecName | undefined {
  for (const [bit, codec] of compressionBits) if ((flags & bit) !== 0) return codec;
  return undefined;
}

/** The reason for a page that is damaged at `fileOffset`, by default at its descriptor. */
function corrupt({ page, at }: { readonly page: number; readonly at: number }, why: string, fileOffset = at): HoleReason {
  return {
    kind: 'corrupt',
    message: `${pageName(page)} is damaged in the file (descriptor at file offset 0x${at.toString(16)}): ${why}`,
    fileOffset,
  };
}
