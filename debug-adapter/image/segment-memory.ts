/** Physical memory that lies in a file as plain runs: PT_LOAD segments, LiME records, raw ranges. */
import { errors, UserError } from '../base/errors.ts';
import { findRange, mergeRanges } from '../base/range.ts';
import type { NumberRange } from '../base/range.ts';
import { appendHole } from '../memory/hole.ts';
import type { Hole, HoleReason } from '../memory/hole.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import type { ChunkCache } from './chunk-cache.ts';

/** A run of RAM [start, end) in bytes, of which the first `fileSize` bytes stand at `fileOffset`. */
export interface FileSegment extends NumberRange {
  readonly fileOffset: number;
  readonly fileSize: number;
}

const notRam: HoleReason = { kind: 'not-ram', message: 'no RAM that the dump knows lies at this physical address' };
const notWritten: HoleReason = {
  kind: 'excluded',
  message: 'the dump holds no data for it (an ELF dump cannot tell excluded pages from pages of zeros)',
};

export class SegmentMemory implements PhysicalMemory {
  readonly ranges: readonly NumberRange[];
  readonly #segments: readonly FileSegment[];
  readonly #file: ChunkCache;
  #last: FileSegment | undefined;

  /** Segments that overlap earlier ones are cut; what the file is too short for is told in `warnings`. */
  constructor(file: ChunkCache, segments: readonly FileSegment[], warnings: string[]) {
    this.#file = file;
    this.#segments = disjoint(segments);
    this.ranges = mergeRanges(this.#segments);
    const missing = this.#segments.filter(({ fileOffset, fileSize }) => fileOffset + fileSize > file.source.size);
    if (missing.length > 0) {
      const bytes = missing.reduce((sum, one) => sum + one.fileSize - Math.max(0, file.source.size - one.fileOffset), 0);
      const first = missing[0];
      const from = first === undefined ? 0 : first.start + Math.max(0, file.source.size - first.fileOffset);
      warnings.push(
        `the file is cut short: ${bytes} bytes of memory are missing, from physical 0x${from.toString(16)} on; copy the dump again if it is longer elsewhere`,
      );
    }
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const start = frameNumber * frameSize;
    let segment = this.#last;
    if (segment === undefined || start < segment.start || start >= segment.end) {
      segment = this.#segments[findRange(this.#segments, start)];
      if (segment === undefined) return undefined;
      this.#last = segment;
    }
    const inSegment = start - segment.start;
    if (inSegment + frameSize > segment.fileSize) return segment.end < start + frameSize ? this.#joined(frameNumber) : undefined;
    const bytes = this.#file.bytes(segment.fileOffset + inSegment, frameSize);
    return bytes.length === frameSize ? bytes : undefined;
  }

  /** A frame that two adjoining segments share. */
  #joined(frameNumber: number): Uint8Array | undefined {
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
      const found = findRange(this.#segments, at);
      const segment = this.#segments[found];
      if (segment === undefined) {
        const next = this.#segments[~found];
        const until = Math.min(end, next?.start ?? end);
        appendHole(holes, { offset: at - start, length: until - at, reason: notRam });
        at = until;
        continue;
      }
      const until = Math.min(end, segment.end);
      this.#copy(segment, { at, until, start, bytes, holes });
      at = until;
    }
    return { bytes, holes };
  }

  #copy(segment: FileSegment, to: { at: number; until: number; start: number; bytes: Uint8Array; holes: Hole[] }): void {
    const { at, until, start, bytes, holes } = to;
    const dataEnd = Math.min(until, segment.start + segment.fileSize);
    if (dataEnd > at) {
      const offset = segment.fileOffset + at - segment.start;
      try {
        const data = this.#file.bytes(offset, dataEnd - at);
        bytes.set(data, at - start);
        const readableEnd = at + data.length;
        if (readableEnd < dataEnd) {
          const message = `the file ends at byte ${this.#file.source.size}, before this memory`;
          appendHole(holes, { offset: readableEnd - start, length: dataEnd - readableEnd, reason: { kind: 'truncated', message } });
        }
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        appendHole(holes, { offset: at - start, length: dataEnd - at, reason: { kind: 'io-error', message: error.message } });
      }
    }
    if (until > Math.max(dataEnd, at)) {
      const from = Math.max(dataEnd, at);
      appendHole(holes, { offset: from - start, length: until - from, reason: notWritten });
    }
  }
}

function disjoint(segments: readonly FileSegment[]): FileSegment[] {
  const sorted = [...segments].sort((a, b) => a.start - b.start);
  const result: FileSegment[] = [];
  for (const segment of sorted) {
    const end = result.at(-1)?.end ?? 0;
    if (segment.end <= end) continue;
    const cut = Math.max(0, end - segment.start);
    result.push({
      start: segment.start + cut,
      end: segment.end,
      fileOffset: segment.fileOffset + cut,
      fileSize: Math.max(0, segment.fileSize - cut),
    });
  }
  if (result.length > 4_000_000) throw errors.limit('the dump has more than 4,000,000 memory segments');
  return result;
}
