/**
 * AVML's compressed files (github.com/microsoft/avml, src/image.rs): records as in LiME's format, of version 2 and at most
 * 16 MiB (early releases: of any size), each a header, its bytes as Snappy frames, and the length of those frames. Records
 * of nothing but zeros are left out.
 */
import { BoundedCache } from '../base/bounded-cache.ts';
import { errors, UserError } from '../base/errors.ts';
import type { ByteSource, Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import { findRange, mergeRanges } from '../base/range.ts';
import type { NumberRange } from '../base/range.ts';
import { codecFor } from '../codec/codec.ts';
import type { PageCodec } from '../codec/codec.ts';
import { appendHole } from '../memory/hole.ts';
import type { Hole, HoleReason } from '../memory/hole.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { MemoryBlock, PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import { messageOf } from '../protocol/error-message.ts';
import type { Image } from './image.ts';
import type { ImageOptions } from './image-format.ts';
import { avmlMagic, imageOfRecords, readRecordHeader, recordHeaderSize } from './lime.ts';
import type { RecordHeader } from './lime.ts';
import { chunkHeadSize, decodeChunk, readChunkHead } from './snappy-frames.ts';
import type { SnappyChunk } from './snappy-frames.ts';

const kind = { magic: avmlMagic, version: 2 } as const;
const lengthSize = 8;
const chunkData = 65_536;
/** Decompressed bytes that are kept where nothing is said. */
const keptBytes = 24 * 1024 * 1024;

const notRam: HoleReason = {
  kind: 'not-ram',
  message: 'no record holds this physical address: there is no RAM, or a block of zeros, which AVML leaves out',
};

/** Whether a file begins with a compressed AVML record (version 2); `head` needs 32 bytes. */
export function isAvml(head: Uint8Array): boolean {
  return readRecordHeader(head, kind) !== undefined;
}

/** Opens an AVML file; takes ownership of `source`. */
export function openAvml(host: Host, source: ByteSource, { cacheBytes = keptBytes }: ImageOptions): Image {
  const warnings: string[] = [];
  const records = recordsFromEnd(source) ?? recordsFromStart(source, warnings);
  const memory = new AvmlMemory(source, records, { decompress: codecFor('snappy', host.codecs), cacheBytes });
  return imageOfRecords(source, { format: 'AVML', compression: ['snappy'], memory, warnings });
}

interface FrameRecord extends RecordHeader {
  /** Physical address of the first byte in its frames. */
  readonly first: number;
  /** File offset of its first chunk. */
  readonly frames: number;
  /** File offset behind its last chunk, as far as it is known. */
  readonly framesEnd: number;
}

/** Along the lengths behind the records, which costs two reads for each; undefined when they do not lead to the file's start. */
function recordsFromEnd(source: ByteSource): FrameRecord[] | undefined {
  const records: FrameRecord[] = [];
  let end = source.size;
  while (end > 0) {
    const framesEnd = end - lengthSize;
    const length = readLength(source, framesEnd);
    const at = length === undefined ? -1 : framesEnd - length - recordHeaderSize;
    const header = at < 0 ? undefined : readRecordHeader(source.read(at, recordHeaderSize), kind);
    if (header === undefined || records.length === limits.programHeaders) return undefined;
    records.push({ ...header, first: header.start, frames: at + recordHeaderSize, framesEnd });
    end = at;
  }
  return records.reverse();
}

function readLength(source: ByteSource, at: number): number | undefined {
  if (at < 0) return undefined;
  const bytes = source.read(at, lengthSize);
  if (bytes.length < lengthSize) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset, lengthSize).getBigUint64(0, true);
  return length > BigInt(at) ? undefined : Number(length);
}

/** Chunk by chunk from the start, for a file whose end is missing or damaged. */
function recordsFromStart(source: ByteSource, warnings: string[]): FrameRecord[] {
  const records: FrameRecord[] = [];
  let at = 0;
  while (at < source.size) {
    if (records.length === limits.programHeaders) throw errors.limit(`${source.name}: has more than ${limits.programHeaders} records`);
    const header = readRecordHeader(source.read(at, recordHeaderSize), kind);
    if (header === undefined) {
      warnings.push(`no AVML record stands at byte 0x${at.toString(16)}, where one should; what follows is left out`);
      return records;
    }
    const record = { ...header, first: header.start, frames: at + recordHeaderSize, framesEnd: source.size };
    const index = new ChunkIndex(source, record);
    const problem = index.complete();
    records.push(problem === undefined ? { ...record, framesEnd: index.end } : record);
    if (problem !== undefined) {
      const from = (header.start + index.dataSize).toString(16);
      warnings.push(
        problem.kind === 'truncated'
          ? `the file is cut short: memory from physical 0x${from} on is missing; copy the dump again if it is longer elsewhere`
          : `memory from physical 0x${from} on cannot be read (${problem.message}); copy the dump again`,
      );
      return records;
    }
    at = index.end + lengthSize;
  }
  return records;
}

function cutShort(source: ByteSource): HoleReason {
  return { kind: 'truncated', message: `the file ends at byte ${source.size}, before this memory` };
}

function damage(what: string, at: number): HoleReason {
  return { kind: 'corrupt', message: `${what}, at byte 0x${at.toString(16)} of the file`, fileOffset: at };
}

interface PlacedChunk extends SnappyChunk {
  readonly at: number;
}

/** Where the chunks of a record lie, found as far as they are asked for. */
class ChunkIndex {
  readonly #source: ByteSource;
  readonly #framesEnd: number;
  readonly #size: number;
  /** Offset within the record of each chunk with data, and the chunk. */
  readonly #starts: number[] = [];
  readonly #chunks: PlacedChunk[] = [];
  #problem: HoleReason | undefined;
  /** File offset behind the chunks found so far. */
  end: number;
  /** Bytes that they stand for. */
  dataSize = 0;

  constructor(source: ByteSource, record: FrameRecord) {
    this.#source = source;
    this.#framesEnd = record.framesEnd;
    this.#size = record.end - record.first;
    this.end = record.frames;
  }

  /** Finds all chunks of the record; why they end too early, if they do. */
  complete(): HoleReason | undefined {
    return this.#reach(this.#size - 1);
  }

  /** The chunk that holds byte `offset` of the record, and where in the record it begins; or why there is none. */
  chunkAt(offset: number): { chunk: PlacedChunk; start: number } | HoleReason {
    const problem = this.#reach(offset);
    if (problem !== undefined && offset >= this.dataSize) return problem;
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const chunk = this.#chunks[low];
    const start = this.#starts[low];
    if (chunk === undefined || start === undefined) return { kind: 'corrupt', message: 'the record holds no data' };
    return { chunk, start };
  }

  #reach(offset: number): HoleReason | undefined {
    while (this.#problem === undefined && this.dataSize <= offset) {
      const { end: at } = this;
      if (at >= this.#source.size) this.#problem = cutShort(this.#source);
      else if (at >= this.#framesEnd) this.#problem = damage('the frames of the record end too early', at);
      else if (this.#chunks.length === limits.avmlChunks) this.#problem = damage('the record has too many chunks', at);
      else this.#add(at);
    }
    return this.#problem;
  }

  #add(at: number): void {
    const head = readChunkHead(this.#source.read(at, chunkHeadSize));
    if (typeof head === 'string') {
      const cut = at + chunkHeadSize > this.#source.size;
      this.#problem = cut ? { ...damage(head, at), kind: 'truncated' } : damage(head, at);
      return;
    }
    if (at + head.size > this.#source.size) {
      this.#problem = cutShort(this.#source);
      return;
    }
    if (head.kind !== 'skipped' && head.dataSize > 0) {
      this.#starts.push(this.dataSize);
      this.#chunks.push({ ...head, at });
      this.dataSize += head.dataSize;
    }
    this.end = at + head.size;
  }
}

class AvmlMemory implements PhysicalMemory {
  readonly ranges: readonly NumberRange[];
  readonly #source: ByteSource;
  readonly #records: readonly FrameRecord[];
  readonly #decompress: PageCodec;
  readonly #indexes = new Map<FrameRecord, ChunkIndex>();
  readonly #kept: BoundedCache<number, Uint8Array>;

  constructor(source: ByteSource, records: readonly FrameRecord[], by: { decompress: PageCodec; cacheBytes: number }) {
    this.#source = source;
    this.#decompress = by.decompress;
    this.#kept = new BoundedCache(Math.max(1, Math.floor(by.cacheBytes / chunkData)));
    const sorted = [...records].sort((a, b) => a.start - b.start);
    let covered = 0;
    // Of records that overlap, which no writer makes, the first is taken whole, and of the others what lies behind.
    this.#records = sorted.flatMap((record) => {
      const start = Math.max(covered, record.start);
      covered = Math.max(covered, record.end);
      return start < record.end ? [{ ...record, start }] : [];
    });
    this.ranges = mergeRanges(this.#records);
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const start = frameNumber * frameSize;
    const record = this.#records[findRange(this.#records, start)];
    if (record === undefined) return undefined;
    const found = this.#piece(record, start);
    if (!('bytes' in found)) return undefined;
    if (found.bytes.length >= frameSize) return found.bytes.subarray(0, frameSize);
    const { bytes, holes } = this.partialFrame(frameNumber);
    return holes.length === 0 ? bytes : undefined;
  }

  partialFrame(frameNumber: number): PartialFrame {
    const start = frameNumber * frameSize;
    const end = start + frameSize;
    const bytes = new Uint8Array(frameSize);
    const holes: Hole[] = [];
    let at = start;
    while (at < end) {
      const index = findRange(this.#records, at);
      const record = this.#records[index];
      const found = record === undefined ? notRam : this.#piece(record, at);
      if ('bytes' in found) {
        const part = found.bytes.subarray(0, end - at);
        bytes.set(part, at - start);
        at += part.length;
        continue;
      }
      // A damaged chunk is a hole up to the end of the frame: chunks are larger than frames.
      const until = Math.min(end, record?.end ?? this.#records[~index]?.start ?? end);
      appendHole(holes, { offset: at - start, length: until - at, reason: found });
      at = until;
    }
    return { bytes, holes };
  }

  *blocks(from: number): Generator<MemoryBlock> {
    for (const record of this.#records) {
      for (let start = Math.max(from, record.start); start < record.end;) {
        const found = this.#piece(record, start);
        if ('bytes' in found) yield { start, bytes: found.bytes };
        start += 'bytes' in found ? found.bytes.length : frameSize - (start % frameSize);
      }
    }
  }

  /** The bytes from `address` to the end of their chunk (at least one), or why there are none. */
  #piece(record: FrameRecord, address: number): { readonly bytes: Uint8Array } | HoleReason {
    let index = this.#indexes.get(record);
    if (index === undefined) this.#indexes.set(record, (index = new ChunkIndex(this.#source, record)));
    try {
      const found = index.chunkAt(address - record.first);
      if ('kind' in found) return found;
      const bytes = this.#chunk(found.chunk);
      if (!(bytes instanceof Uint8Array)) return bytes;
      const inChunk = record.first + found.start;
      return { bytes: bytes.subarray(address - inChunk, record.end - inChunk) };
    } catch (error) {
      if (error instanceof UserError) return { kind: 'io-error', message: error.message };
      throw error;
    }
  }

  #chunk(chunk: PlacedChunk): Uint8Array | HoleReason {
    const kept = this.#kept.get(chunk.at);
    if (kept !== undefined) return kept;
    const bytes = this.#source.read(chunk.at, chunk.size);
    if (bytes.length < chunk.size) return cutShort(this.#source);
    try {
      const data = decodeChunk(bytes, chunk, this.#decompress);
      this.#kept.set(chunk.at, data);
      return data;
    } catch (error) {
      const why = messageOf(error);
      return { kind: 'corrupt', message: `Snappy chunk at file offset 0x${chunk.at.toString(16)}: ${why}`, fileOffset: chunk.at };
    }
  }
}
