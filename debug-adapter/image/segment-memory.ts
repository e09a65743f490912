/** Physical memory that lies in a file as plain runs: PT_LOAD segments, LiME records, raw ranges. */
import { UserError } from '../base/errors.ts';
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

/** A run of RAM of which the file has either everything or nothing. */
interface Piece extends NumberRange {
  readonly state: 'present' | 'truncated' | 'not-written';
  readonly fileOffset: number;
}

const notRam: HoleReason = { kind: 'not-ram', message: 'no RAM that the dump knows lies at this physical address' };
const notWritten: HoleReason = {
  kind: 'excluded',
  message: 'the dump holds no data for it (an ELF dump cannot tell excluded pages from pages of zeros)',
};
/** Ranges named in one warning. */
const toldRanges = 4;

export class SegmentMemory implements PhysicalMemory {
  readonly ranges: readonly NumberRange[];
  /** Bytes of RAM that the writer left out. */
  readonly notWritten: number;
  readonly #pieces: readonly Piece[];
  readonly #file: ChunkCache;
  #last: Piece | undefined;

  /** Where segments overlap, one that has data in the file goes before one that has not; what is missing is told in `warnings`. */
  constructor(file: ChunkCache, segments: readonly FileSegment[], warnings: string[]) {
    this.#file = file;
    this.#pieces = disjointPieces(segments, file.source.size);
    this.ranges = mergeRanges(this.#pieces);
    this.notWritten = this.#pieces.reduce((sum, { start, end, state }) => (state === 'not-written' ? sum + end - start : sum), 0);
    const missing = mergeRanges(this.#pieces.filter(({ state }) => state === 'truncated'));
    if (missing.length > 0) warnings.push(truncationWarning(missing));
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const start = frameNumber * frameSize;
    let piece = this.#last;
    if (piece === undefined || start < piece.start || start >= piece.end) {
      piece = this.#pieces[findRange(this.#pieces, start)];
      if (piece === undefined) return undefined;
      this.#last = piece;
    }
    if (piece.state !== 'present') return undefined;
    if (start + frameSize > piece.end) return this.#joined(frameNumber);
    try {
      const bytes = this.#file.bytes(piece.fileOffset + start - piece.start, frameSize);
      return bytes.length === frameSize ? bytes : undefined;
    } catch (error) {
      // An I/O error is a hole with that reason, which `partialFrame` tells.
      if (error instanceof UserError) return undefined;
      throw error;
    }
  }

  /** A frame that adjoining segments share. */
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
      const found = findRange(this.#pieces, at);
      const piece = this.#pieces[found];
      const until = Math.min(end, piece?.end ?? this.#pieces[~found]?.start ?? end);
      if (piece?.state === 'present') this.#copy(piece, { at, until, start, bytes, holes });
      else appendHole(holes, { offset: at - start, length: until - at, reason: this.#reason(piece) });
      at = until;
    }
    return { bytes, holes };
  }

  #reason(piece: Piece | undefined): HoleReason {
    if (piece === undefined) return notRam;
    return piece.state === 'truncated' ? this.#truncated() : notWritten;
  }

  #truncated(): HoleReason {
    return { kind: 'truncated', message: `the file ends at byte ${this.#file.source.size}, before this memory` };
  }

  #copy(piece: Piece, to: { at: number; until: number; start: number; bytes: Uint8Array; holes: Hole[] }): void {
    const { at, until, start, bytes, holes } = to;
    try {
      const data = this.#file.bytes(piece.fileOffset + at - piece.start, until - at);
      bytes.set(data, at - start);
      const readable = at + data.length;
      if (readable < until) appendHole(holes, { offset: readable - start, length: until - readable, reason: this.#truncated() });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      appendHole(holes, { offset: at - start, length: until - at, reason: { kind: 'io-error', message: error.message } });
    }
  }
}

function truncationWarning(missing: readonly NumberRange[]): string {
  const bytes = missing.reduce((sum, { start, end }) => sum + end - start, 0);
  const told = missing.slice(0, toldRanges).map(({ start, end }) => `0x${start.toString(16)}-0x${end.toString(16)}`);
  const rest = missing.length > toldRanges ? ` and ${missing.length - toldRanges} more ranges` : '';
  return `the file is cut short: ${bytes} bytes of memory are missing, from physical ${told.join(', ')}${rest}; copy the dump again if it is longer elsewhere`;
}

/** Pieces in ascending order: first what the file has, then what it is too short for, then what was never written. */
function disjointPieces(segments: readonly FileSegment[], size: number): Piece[] {
  const states: Piece['state'][] = ['present', 'truncated', 'not-written'];
  const pieces = segments.flatMap(({ start, end, fileOffset, fileSize }): Piece[] => {
    const written = Math.min(end, start + fileSize);
    const present = Math.min(written, start + Math.max(0, size - fileOffset));
    return [
      { start, end: present, state: 'present', fileOffset },
      { start: present, end: written, state: 'truncated', fileOffset: fileOffset + present - start },
      { start: written, end, state: 'not-written', fileOffset: 0 },
    ];
  });
  let result: Piece[] = [];
  for (const state of states) {
    const more = pieces.filter((piece) => piece.state === state && piece.end > piece.start).sort((a, b) => a.start - b.start);
    if (more.length > 0) result = fillGaps(result, more);
  }
  return result;
}

/** `have`, ascending and disjoint, and of `more`, ascending, what lies in its gaps. */
function fillGaps(have: readonly Piece[], more: readonly Piece[]): Piece[] {
  const result = [...have];
  let index = 0;
  let covered = 0;
  for (const piece of more) {
    let at = Math.max(piece.start, covered);
    while (at < piece.end) {
      for (let next = have[index]; next !== undefined && next.end <= at; next = have[index]) index++;
      const next = have[index];
      const until = Math.min(piece.end, Math.max(at, next?.start ?? piece.end));
      if (until > at) result.push({ start: at, end: until, state: piece.state, fileOffset: piece.fileOffset + at - piece.start });
      at = next === undefined || until === piece.end ? until : next.end;
    }
    covered = Math.max(covered, piece.end);
  }
  return result.sort((a, b) => a.start - b.start);
}
