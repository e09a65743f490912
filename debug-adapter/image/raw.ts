/** Raw physical memory (QEMU's pmemsave, LiME's raw and padded formats, RAM files): the user says where it lay. */
import { limits } from '../base/limits.ts';
import { errors } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';
import { findRange, mergeRanges } from '../base/range.ts';
import type { NumberRange } from '../base/range.ts';
import { appendHole } from '../memory/hole.ts';
import type { Hole } from '../memory/hole.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { MemoryBlock, PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import { ChunkCache } from './chunk-cache.ts';
import { isElf } from './elf-headers.ts';
import type { Image } from './image.ts';
import type { ImageOptions } from './image-format.ts';
import { imageOfRecords, isLime } from './lime.ts';
import { SegmentMemory } from './segment-memory.ts';
import type { FileSegment } from './segment-memory.ts';

/** Physical memory [start, end) in bytes; without an end it goes to the end of its file. */
export interface RawRange {
  readonly start: number;
  readonly end: number | undefined;
}

const physicalEnd = 2 ** 52;

/**
 * Reads `START[-END][,START[-END]…]`, numbers in hexadecimal with 0x or in decimal: the ranges that lie in one file one after
 * the other, or one range for each of several files.
 */
export function parseRawRanges(text: string): readonly RawRange[] {
  const usage = `${text} is no base of raw memory; write the physical address of its first byte, such as 0x80000000, or ranges such as 0x0-0xc0000000,0x100000000`;
  const parts = text.split(',');
  if (parts.length > limits.rawRanges)
    throw errors.badArgument(`${parts.length} ranges of raw memory are too many (${limits.rawRanges} at most)`);
  return parts.map((part, index) => {
    const [, first, second] = /^\s*(0x[0-9a-f]+|\d+)(?:-(0x[0-9a-f]+|\d+))?\s*$/i.exec(part) ?? [];
    if (first === undefined) throw errors.badArgument(usage);
    const start = Number(first);
    const end = second === undefined ? undefined : Number(second);
    if (start >= physicalEnd || (end ?? 0) > physicalEnd) throw errors.badArgument(`${part} is beyond any machine's physical memory`);
    if (end !== undefined && end <= start) throw errors.badArgument(`${part} is no range: its end is not above its start`);
    if (end === undefined && index < parts.length - 1 && parts.some((other) => other.includes('-'))) {
      throw errors.badArgument(`${part} has no end, so that what follows has no place in the file; write START-END`);
    }
    return { start, end };
  });
}

/** Opens files of raw memory; takes ownership of `sources`. */
export function openRaw(sources: readonly [ByteSource, ...ByteSource[]], { rawRanges: ranges = [], cacheBytes }: ImageOptions): Image {
  const [first] = sources;
  const warnings: string[] = [];
  const head = first.read(0, 64);
  if (isElf(head) || isLime(head)) {
    warnings.push(
      `${first.name}: begins like ${isElf(head) ? 'an ELF' : 'a LiME'} file and is read as raw memory, because a base was given`,
    );
  }
  if (sources.length > 1 && sources.length !== ranges.length) {
    throw errors.badArgument(`${sources.length} files of raw memory are named and ${ranges.length} bases; give one base for each file`);
  }
  if (sources.length === 1 && ranges.slice(0, -1).some(({ end }) => end === undefined)) {
    throw errors.badArgument(
      `${first.name}: is one file and ${ranges.length} bases are given; write ranges that lie in it one after the other, as START-END`,
    );
  }
  const placed =
    sources.length === 1
      ? [segmentsOf(first, ranges, warnings)]
      : sources.map((source, index) => segmentsOf(source, ranges.slice(index, index + 1), warnings));
  const parts = placed.map((segments, index) => new SegmentMemory(new ChunkCache(sources[index] ?? first, cacheBytes), segments, warnings));
  const close = (): void => {
    for (const source of sources) source.close();
  };
  const name = sources.map((source) => source.name).join(',');
  return imageOfRecords({ name, close }, { format: 'raw memory', compression: [], memory: joined(parts), warnings });
}

/** Ranges one after the other from the start of a file. */
function segmentsOf(source: ByteSource, ranges: readonly RawRange[], warnings: string[]): FileSegment[] {
  const segments: FileSegment[] = [];
  let at = 0;
  for (const { start, end } of ranges) {
    const size = end === undefined ? Math.max(0, source.size - at) : end - start;
    if (start + size > physicalEnd)
      throw errors.badArgument(`${source.name}: would reach beyond any machine's physical memory; check its base`);
    segments.push({ start, end: start + size, fileOffset: at, fileSize: size });
    at += size;
  }
  if (at < source.size) warnings.push(`${source.name}: ${source.size - at} bytes lie behind the ranges that were given; they are left out`);
  return segments;
}

function joined(parts: readonly SegmentMemory[]): PhysicalMemory {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : new JoinedMemory(parts);
}

/** Memory in several files; where they overlap, the first that has a byte gives it. */
class JoinedMemory implements PhysicalMemory {
  readonly ranges: readonly NumberRange[];
  readonly #parts: readonly SegmentMemory[];
  /** The parts by where they begin. */
  readonly #ascending: readonly SegmentMemory[];
  /** Whether no two files have the same byte. */
  readonly #areDisjoint: boolean;

  constructor(parts: readonly SegmentMemory[]) {
    this.#parts = parts;
    this.#ascending = [...parts].sort((a, b) => (a.ranges[0]?.start ?? 0) - (b.ranges[0]?.start ?? 0));
    this.ranges = mergeRanges(parts.flatMap((part) => part.ranges));
    this.#areDisjoint = bytesOf(this.ranges) === parts.reduce((sum, part) => sum + bytesOf(part.ranges), 0);
  }

  frame(frameNumber: number): Uint8Array | undefined {
    for (const part of this.#parts) {
      const bytes = part.frame(frameNumber);
      if (bytes !== undefined) return bytes;
    }
    if (findRange(this.ranges, frameNumber * frameSize) < 0) return undefined;
    // A file that begins in the middle of a frame shares it with the one that ends there.
    const { bytes, holes } = this.partialFrame(frameNumber);
    return holes.length === 0 ? bytes : undefined;
  }

  readRun(address: number, into: Uint8Array): number {
    // Where files overlap, a frame may be the second one's although the first has a part of it.
    if (!this.#areDisjoint) return 0;
    let done = 0;
    while (done < into.length) {
      const part = this.#parts.find(({ ranges }) => findRange(ranges, address + done) >= 0);
      const got = part?.readRun(address + done, into.subarray(done)) ?? 0;
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  *blocks(from: number): Generator<MemoryBlock> {
    // Each byte once: from the file that begins first, and of the others what lies behind.
    let at = from;
    for (const part of this.#ascending) {
      for (const { start, bytes } of part.blocks(at)) {
        yield { start, bytes };
        at = start + bytes.length;
      }
    }
  }

  partialFrame(frameNumber: number): PartialFrame {
    const [first, ...rest] = this.#parts.map((part) => part.partialFrame(frameNumber));
    if (first === undefined) throw new Error('raw memory is in at least one file');
    return rest.reduce(filledFrom, first);
  }
}

function bytesOf(ranges: readonly NumberRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** A frame with what another has of it in its holes. */
function filledFrom(frame: PartialFrame, other: PartialFrame): PartialFrame {
  const bytes = frame.bytes.slice();
  const holes: Hole[] = [];
  for (const { offset, length, reason } of frame.holes) {
    const end = offset + length;
    bytes.set(other.bytes.subarray(offset, end), offset);
    for (const left of other.holes) {
      const from = Math.max(offset, left.offset);
      const to = Math.min(end, left.offset + left.length);
      if (from < to) appendHole(holes, { offset: from, length: to - from, reason: left.reason.kind === 'not-ram' ? reason : left.reason });
    }
  }
  return { bytes, holes };
}
