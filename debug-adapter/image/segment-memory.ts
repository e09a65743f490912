/** Physical memory that lies in a file as plain runs: PT_LOAD segments, LiME records, raw ranges. */
import { UserError } from '../base/errors.ts';
import type { NumberRange } from '../base/range.ts';
import { appendHole } from '../memory/hole.ts';
import type { Hole, HoleReason } from '../memory/hole.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { MemoryBlock, PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';
import type { ChunkCache } from './chunk-cache.ts';
import { PieceTable, pieceState } from './piece-table.ts';

/** A run of RAM [start, end) in bytes, of which the first `fileSize` bytes stand at `fileOffset`. */
export interface FileSegment extends NumberRange {
  readonly fileOffset: number;
  readonly fileSize: number;
}

const notRam: HoleReason = { kind: 'not-ram', message: 'no RAM that the dump knows lies at this physical address' };
const notWritten: HoleReason = {
  kind: 'zero-filled',
  message:
    'zero-filled by the writer: its ELF segment has memory here and no bytes in the file, which cannot tell excluded pages from pages of zeros',
};
/** The bytes of a frame of which nothing is there; they mean nothing, and nobody writes to them. */
const nothing = new Uint8Array(frameSize);
/** Bytes that a pass over all memory reads at once. */
const blockSize = 256 * 1024;
/** Ranges named in one warning. */
const toldRanges = 4;

/**
 * Frames borrowed from the file where one run holds them whole; frames that several runs share are put together. Bytes that a
 * segment promises behind the file's end are `truncated`.
 */
export class SegmentMemory implements PhysicalMemory {
  readonly ranges: readonly NumberRange[];
  /** Bytes of RAM that the writer left out. */
  readonly notWritten: number;
  readonly #pieces: PieceTable;
  readonly #file: ChunkCache;
  readonly #truncated: HoleReason;
  #last = 0;

  /** Where segments overlap, one that has data in the file goes before one that has not; what is missing is told in `warnings`. */
  constructor(file: ChunkCache, segments: Iterable<FileSegment>, warnings: string[]) {
    this.#file = file;
    this.#truncated = { kind: 'truncated', message: `the file ends at byte ${file.source.size}, before this memory` };
    this.#pieces = piecesOf(segments, file.source.size);
    this.ranges = [...joinedRuns(this.#pieces, () => true)];
    let left = 0;
    for (const { start, end } of joinedRuns(this.#pieces, (state) => state === pieceState.notWritten)) left += end - start;
    this.notWritten = left;
    const missing = [...joinedRuns(this.#pieces, (state) => state === pieceState.truncated)];
    if (missing.length > 0) warnings.push(truncationWarning(missing));
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const start = frameNumber * frameSize;
    const pieces = this.#pieces;
    let index = this.#last;
    if (start < pieces.start(index) || start >= pieces.end(index)) {
      index = pieces.find(start);
      if (index < 0) return undefined;
      this.#last = index;
    }
    if (pieces.states[index] !== pieceState.present) return undefined;
    if (start + frameSize > pieces.end(index)) return this.#joined(frameNumber);
    try {
      const bytes = this.#file.bytes((pieces.fileOffsets[index] ?? 0) + start - pieces.start(index), frameSize);
      return bytes.length === frameSize ? bytes : undefined;
    } catch (error) {
      // An I/O error is a hole with that reason, which `partialFrame` tells.
      if (error instanceof UserError) return undefined;
      throw error;
    }
  }

  readRun(address: number, into: Uint8Array): number {
    const pieces = this.#pieces;
    const index = pieces.find(address);
    if (index < 0 || pieces.states[index] !== pieceState.present) return 0;
    const within = pieces.end(index) - address;
    const offset = (pieces.fileOffsets[index] ?? 0) + address - pieces.start(index);
    return this.#file.run(offset, within < into.length ? into.subarray(0, within) : into);
  }

  /** A frame that adjoining segments share. */
  #joined(frameNumber: number): Uint8Array | undefined {
    const { bytes, holes } = this.partialFrame(frameNumber);
    return holes.length === 0 ? bytes : undefined;
  }

  partialFrame(frameNumber: number): PartialFrame {
    const start = frameNumber * frameSize;
    const end = start + frameSize;
    const whole = this.#missing(start, end);
    if (whole !== undefined) return { bytes: nothing, holes: [{ offset: 0, length: frameSize, reason: whole }] };
    const bytes = new Uint8Array(frameSize);
    const holes: Hole[] = [];
    let at = start;
    while (at < end) {
      const index = this.#pieces.find(at);
      const state = index < 0 ? undefined : this.#pieces.states[index];
      const until = Math.min(end, index < 0 ? this.#pieces.start(~index) : this.#pieces.end(index));
      if (state === pieceState.present) this.#copy(index, { at, until, start, bytes, holes });
      else appendHole(holes, { offset: at - start, length: until - at, reason: this.#reason(state) });
      at = until;
    }
    return { bytes, holes };
  }

  storedBytes(start: number, end: number): number {
    const pieces = this.#pieces;
    const first = pieces.find(start);
    let sum = 0;
    for (let index = first < 0 ? ~first : first; pieces.start(index) < end; index++) {
      if (pieces.states[index] !== pieceState.present) continue;
      sum += Math.min(end, pieces.end(index)) - Math.max(start, pieces.start(index));
    }
    return sum;
  }

  /** Why nothing is there from `start` to `end`, where it is for one reason: searches go over much missing memory. */
  #missing(start: number, end: number): HoleReason | undefined {
    const index = this.#pieces.find(start);
    if (index < 0) return this.#pieces.start(~index) >= end ? notRam : undefined;
    const state = this.#pieces.states[index];
    return state === pieceState.present || this.#pieces.end(index) < end ? undefined : this.#reason(state);
  }

  *blocks(from: number): Generator<MemoryBlock> {
    const pieces = this.#pieces;
    const first = pieces.find(from);
    for (let index = first < 0 ? ~first : first; index < pieces.count; index++) {
      if (pieces.states[index] !== pieceState.present) continue;
      const end = pieces.end(index);
      const offset = (pieces.fileOffsets[index] ?? 0) - pieces.start(index);
      for (let start = Math.max(from, pieces.start(index)); start < end; start += blockSize)
        yield* this.#readable({ start, length: Math.min(blockSize, end - start), offset: offset + start });
    }
  }

  /** A block without the frames that cannot be read. */
  *#readable(block: { start: number; length: number; offset: number }): Generator<MemoryBlock> {
    const { start, length, offset } = block;
    let bytes: Uint8Array;
    try {
      bytes = this.#file.source.read(offset, length);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (length <= frameSize) return;
      const half = Math.ceil(length / 2 / frameSize) * frameSize;
      yield* this.#readable({ start, length: half, offset });
      yield* this.#readable({ start: start + half, length: length - half, offset: offset + half });
      return;
    }
    if (bytes.length > 0) yield { start, bytes };
  }

  #reason(state: number | undefined): HoleReason {
    if (state === undefined) return notRam;
    return state === pieceState.truncated ? this.#truncated : notWritten;
  }

  #copy(index: number, to: { at: number; until: number; start: number; bytes: Uint8Array; holes: Hole[] }): void {
    const { at, until, start, bytes, holes } = to;
    try {
      const data = this.#file.bytes((this.#pieces.fileOffsets[index] ?? 0) + at - this.#pieces.start(index), until - at);
      bytes.set(data, at - start);
      const readable = at + data.length;
      if (readable < until) appendHole(holes, { offset: readable - start, length: until - readable, reason: this.#truncated });
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

/** First what the file has, then what it is too short for, then what was never written. */
function piecesOf(segments: Iterable<FileSegment>, size: number): PieceTable {
  const present = new PieceTable();
  const truncated = new PieceTable();
  const left = new PieceTable();
  for (const { start, end, fileOffset, fileSize } of segments) {
    const writtenEnd = Math.min(end, start + fileSize);
    const presentEnd = Math.min(writtenEnd, start + Math.max(0, size - fileOffset));
    present.add(start, presentEnd, { state: pieceState.present, fileOffset });
    truncated.add(presentEnd, writtenEnd, { state: pieceState.truncated, fileOffset: 0 });
    left.add(writtenEnd, end, { state: pieceState.notWritten, fileOffset: 0 });
  }
  return new PieceTable().with(present.sorted()).with(truncated.sorted()).with(left.sorted());
}

/** Runs of pieces of the chosen states, joined where they touch. */
function* joinedRuns(pieces: PieceTable, chosen: (state: number) => boolean): Generator<NumberRange> {
  let run: { start: number; end: number } | undefined;
  for (let index = 0; index < pieces.count; index++) {
    if (!chosen(pieces.states[index] ?? 0)) continue;
    if (run?.end === pieces.start(index)) run.end = pieces.end(index);
    else {
      if (run !== undefined) yield run;
      run = { start: pieces.start(index), end: pieces.end(index) };
    }
  }
  if (run !== undefined) yield run;
}
