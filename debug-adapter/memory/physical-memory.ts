/**
 * Physical memory as a dump or a simulator holds it. The unit is the 4 KiB frame whatever the machine's page size: every
 * supported page size and block size is a multiple of it.
 */
import type { NumberRange } from '../base/range.ts';
import type { PhysAddr } from '../base/address.ts';
import { appendHole } from './hole.ts';
import type { Hole, HoleReason, MemoryRead } from './hole.ts';

/** Bytes of a frame: memory is handed on in these pieces, whatever the machine's page size. */
export const frameSize = 4096;

/** A frame of which not every byte is there. */
export interface PartialFrame {
  /** `frameSize` bytes; those inside `holes` mean nothing. */
  readonly bytes: Uint8Array;
  /** At least one; offsets are within the frame. */
  readonly holes: readonly Hole[];
}

/** Bytes that follow each other in physical memory. */
export interface MemoryBlock {
  /** Physical address of the first byte. */
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** A machine's RAM by physical address, whoever holds it: a dump file, an overlay, a simulated machine. */
export interface PhysicalMemory {
  /** RAM as the file describes it, in bytes: ascending and disjoint. Pages in it may still be excluded. */
  readonly ranges: readonly NumberRange[];
  /**
   * The 4096 bytes of frame `frameNumber` (physical address / 4096), borrowed: never write to them. `undefined` when any
   * byte of it is missing. The result stays valid for as long as it is referenced.
   */
  frame(frameNumber: number): Uint8Array | undefined;
  /** What there is of a frame for which `frame` gave `undefined`, with the reasons for what is missing. */
  partialFrame(frameNumber: number): PartialFrame;
  /**
   * Where many bytes lie in the file one behind the other: fills `into` with those from physical `address` on, up to the first
   * that is not there so, and gives how many; maybe none, and then it must be asked frame by frame.
   */
  readRun?(address: number, into: Uint8Array): number;
  /**
   * For passes over all memory, where there is a faster way than frame by frame: what is there from physical address `from`
   * on, ascending and disjoint, in pieces of any size; what is missing is left out.
   */
  blocks?(from: number): Iterable<MemoryBlock>;
  /**
   * Bytes from physical `start` up to `end` (multiples of the page) that the file has by its own tables, which reads none of
   * them: those that are damaged count. Absent where the tables do not tell.
   */
  storedBytes?(start: number, end: number): number;
}

/** Bytes from which on a run is worth a reading of its own: shorter ones mostly come in numbers from one frame. */
const longRun = 4096;

/** A partial frame with nothing in it. */
export function missingFrame(reason: HoleReason): PartialFrame {
  return { bytes: new Uint8Array(frameSize), holes: [{ offset: 0, length: frameSize, reason }] };
}

/** Reads `length` bytes from physical `address`; missing bytes come back as holes. */
export function readPhysical(memory: PhysicalMemory, address: PhysAddr, length: number): MemoryRead {
  const bytes = new Uint8Array(length);
  const holes: Hole[] = [];
  const inFrame = address % frameSize;
  copyPhysical(memory, { frame: (address - inFrame) / frameSize, inFrame }, { bytes, from: 0, to: length, holes });
  return { bytes, holes };
}

/**
 * Copies from byte `inFrame` of frame `frame` on to `bytes` from `from` to `to`; what is missing is zeros there, and holes
 * relative to the start of `bytes`. Frames may be numbered beyond what has an exact address as a number.
 */
export function copyPhysical(
  memory: PhysicalMemory,
  { frame, inFrame }: { readonly frame: number; readonly inFrame: number },
  share: { readonly bytes: Uint8Array; readonly from: number; readonly to: number; readonly holes: Hole[] },
): void {
  const { bytes, from, to, holes } = share;
  let done = from;
  // Where a run ends, frame by frame tells why; behind what is missing the next one begins.
  let asRun = memory.readRun !== undefined;
  while (done < to) {
    if (asRun && to - done >= longRun) {
      const into = to - done === bytes.length ? bytes : bytes.subarray(done, to);
      done += memory.readRun?.(frame * frameSize + inFrame + done - from, into) ?? 0;
      if (done === to) return;
    }
    const offset = inFrame + done - from;
    const start = offset % frameSize;
    const part = Math.min(frameSize - start, to - done);
    asRun = !copyFromFrame(memory, frame + (offset - start) / frameSize, { inFrame: start, part, bytes, done, holes });
    done += part;
  }
}

/** Copies one frame's share of a read into `bytes` at `done`, and its holes (relative to the read) into `holes`; false where it has some. */
function copyFromFrame(
  memory: PhysicalMemory,
  frameNumber: number,
  share: { inFrame: number; part: number; bytes: Uint8Array; done: number; holes: Hole[] },
): boolean {
  const { inFrame, part, bytes, done, holes } = share;
  const frame = memory.frame(frameNumber);
  if (frame !== undefined) {
    bytes.set(part === frameSize ? frame : frame.subarray(inFrame, inFrame + part), done);
    return true;
  }
  const partial = memory.partialFrame(frameNumber);
  bytes.set(partial.bytes.subarray(inFrame, inFrame + part), done);
  for (const hole of partial.holes) {
    const start = Math.max(hole.offset, inFrame);
    const end = Math.min(hole.offset + hole.length, inFrame + part);
    if (start >= end) continue;
    const offset = done + start - inFrame;
    bytes.fill(0, offset, offset + end - start);
    appendHole(holes, { offset, length: end - start, reason: hole.reason });
  }
  return false;
}
