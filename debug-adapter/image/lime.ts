/**
 * LiME's own format (LiME documentation, "lime" format, version 1): for each range of RAM a header of 32 bytes with its first and last
 * address, and its bytes. (LiME's `padded` and `raw` formats have no headers: they are raw memory.)
 */
import { ByteReader } from '../base/byte-reader.ts';
import type { ByteSource } from '../base/host.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { ChunkCache } from './chunk-cache.ts';
import type { Image } from './image.ts';
import type { ImageOptions } from './image-format.ts';
import { SegmentMemory } from './segment-memory.ts';
import type { FileSegment } from './segment-memory.ts';

/** Bytes of the header before each range, in LiME and AVML alike. */
export const recordHeaderSize = 32;
const limeMagic = 0x4c69_4d45;
/** `AVML`, read as a little-endian number. */
export const avmlMagic = 0x4c4d_5641;
const physicalEnd = 1n << 53n;

/** The range that a record's bytes stand for. */
export interface RecordHeader {
  /** Physical addresses [start, end) in bytes. */
  readonly start: number;
  readonly end: number;
}

/** Whether a file begins with a LiME range header of version 1; `head` needs 32 bytes. */
export function isLime(head: Uint8Array): boolean {
  return readRecordHeader(head, { magic: limeMagic, version: 1 }) !== undefined;
}

/** A header of this magic and version whose addresses make sense; undefined for anything else. */
export function readRecordHeader(bytes: Uint8Array, kind: { magic: number; version: number }): RecordHeader | undefined {
  if (bytes.length < recordHeaderSize) return undefined;
  const reader = new ByteReader(bytes, { file: '', part: 'record', littleEndian: true });
  if (reader.u32() !== kind.magic || reader.u32() !== kind.version) return undefined;
  const start = reader.u64();
  const last = reader.u64();
  return last < start || last >= physicalEnd ? undefined : { start: Number(start), end: Number(last) + 1 };
}

/** Opens a LiME file; takes ownership of `source`. */
export function openLime(source: ByteSource, { cacheBytes }: ImageOptions): Image {
  const warnings: string[] = [];
  const segments: FileSegment[] = [];
  for (let at = 0; at < source.size;) {
    if (segments.length === limits.programHeaders) throw errors.limit(`${source.name}: has more than ${limits.programHeaders} records`);
    const header = readRecordHeader(source.read(at, recordHeaderSize), { magic: limeMagic, version: 1 });
    if (header === undefined) {
      warnings.push(`no LiME record stands at byte 0x${at.toString(16)}, where one should; what follows is left out`);
      break;
    }
    const size = header.end - header.start;
    segments.push({ ...header, fileOffset: at + recordHeaderSize, fileSize: size });
    at += recordHeaderSize + size;
  }
  return imageOfRecords(source, {
    format: 'LiME',
    compression: [],
    memory: new SegmentMemory(new ChunkCache(source, cacheBytes), segments, warnings),
    warnings,
  });
}

/** An image of a format that says nothing but where memory lay. */
export function imageOfRecords(
  source: Pick<ByteSource, 'name' | 'close'>,
  parts: Pick<Image, 'format' | 'compression' | 'memory' | 'warnings'>,
): Image {
  return {
    name: source.name,
    ...parts,
    machine: undefined,
    vmcoreinfo: undefined,
    cpus: [],
    virtualSegments: [],
    headerFacts: [],
    dumpLevel: undefined,
    eraseInfo: undefined,
    close: () => {
      source.close();
    },
  };
}
