/** Memory with bytes written over it, which only this keeps: what lies below stays as it is. */
import { frameSize } from './physical-memory.ts';
import type { PartialFrame, PhysicalMemory } from './physical-memory.ts';

/** Bytes that are to stand at a physical address. */
export interface WrittenPiece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/**
 * Physical memory as it is with `pieces` over it; each frame written to is a copy of 4 KiB. `ranges` and holes are those of
 * what lies below.
 */
export class WrittenMemory implements PhysicalMemory {
  readonly ranges: PhysicalMemory['ranges'];
  readonly #below: PhysicalMemory;
  readonly #frames = new Map<number, Uint8Array>();

  /** Bytes of `below` that are missing stay missing: what is written to their frames is not kept. */
  constructor(below: PhysicalMemory, pieces: Iterable<WrittenPiece>) {
    this.ranges = below.ranges;
    // Layers do not pile up.
    this.#below = below instanceof WrittenMemory ? below.#below : below;
    if (below instanceof WrittenMemory) for (const [number, frame] of below.#frames) this.#frames.set(number, frame.slice());
    for (const piece of pieces) this.#write(piece);
  }

  frame(frameNumber: number): Uint8Array | undefined {
    return this.#frames.get(frameNumber) ?? this.#below.frame(frameNumber);
  }

  partialFrame(frameNumber: number): PartialFrame {
    return this.#below.partialFrame(frameNumber);
  }

  readRun(address: number, into: Uint8Array): number {
    const got = this.#below.readRun?.(address, into) ?? 0;
    const first = Math.floor(address / frameSize);
    for (let number = first; number * frameSize < address + got; number++) {
      const start = number * frameSize - address;
      const frame = this.#frames.get(number)?.subarray(Math.max(0, -start), Math.min(frameSize, got - start));
      if (frame !== undefined) into.set(frame, Math.max(0, start));
    }
    return got;
  }

  #write({ address, bytes }: WrittenPiece): void {
    for (let done = 0; done < bytes.length;) {
      const inFrame = (address + done) % frameSize;
      const frameNumber = (address + done - inFrame) / frameSize;
      const part = Math.min(bytes.length - done, frameSize - inFrame);
      const frame = this.#frames.get(frameNumber) ?? this.#below.frame(frameNumber)?.slice();
      if (frame !== undefined) {
        frame.set(bytes.subarray(done, done + part), inFrame);
        this.#frames.set(frameNumber, frame);
      }
      done += part;
    }
  }
}
