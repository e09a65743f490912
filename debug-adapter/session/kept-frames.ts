/** Memory as it was when it was read: what of a machine that goes on is compared with a later moment. */
import { missingFrame } from '../memory/physical-memory.ts';
import type { PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';

/** A frame of 4 KiB is copied when it is first read. After `end`, frames that nobody read are missing as `excluded`. */
export class KeptFrames implements PhysicalMemory {
  readonly ranges: PhysicalMemory['ranges'];
  readonly #memory: PhysicalMemory;
  readonly #frames = new Map<number, Uint8Array>();
  #isOver = false;

  constructor(memory: PhysicalMemory) {
    this.ranges = memory.ranges;
    this.#memory = memory;
  }

  /** The moment is over: from now on only what was read before is there. */
  end(): void {
    this.#isOver = true;
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const kept = this.#frames.get(frameNumber);
    if (kept !== undefined || this.#isOver) return kept;
    const frame = this.#memory.frame(frameNumber)?.slice();
    if (frame !== undefined) this.#frames.set(frameNumber, frame);
    return frame;
  }

  partialFrame(frameNumber: number): PartialFrame {
    if (!this.#isOver) return this.#memory.partialFrame(frameNumber);
    return missingFrame({ kind: 'excluded', message: `page 0x${frameNumber.toString(16)} was not kept` });
  }
}
