/** A set of frame numbers (integers from 0 below 2^41), as bits in blocks that come into being when they are needed. */
const blockWords = 1024;
const blockFrames = blockWords * 32;

/**
 * Costs 4 KiB for each 32,768 frames (128 MiB of memory) of which one is in it; it has no bound of its own, so what adds to it
 * needs one.
 */
export class FrameSet {
  readonly #blocks = new Map<number, Uint32Array>();
  #lastNumber = -1;
  #last: Uint32Array | undefined;

  /** Adding a frame that is there already changes nothing. */
  add(frame: number): void {
    const inBlock = frame % blockFrames;
    const number = (frame - inBlock) / blockFrames;
    let block = this.#block(number);
    if (block === undefined) {
      block = new Uint32Array(blockWords);
      this.#blocks.set(number, block);
      this.#last = block;
    }
    block[inBlock >>> 5] = (block[inBlock >>> 5] ?? 0) | (1 << (inBlock & 31));
  }

  /** False for numbers that no frame has. */
  has(frame: number): boolean {
    const inBlock = frame % blockFrames;
    const block = this.#block((frame - inBlock) / blockFrames);
    return block !== undefined && (((block[inBlock >>> 5] ?? 0) >>> (inBlock & 31)) & 1) === 1;
  }

  #block(number: number): Uint32Array | undefined {
    if (number !== this.#lastNumber) {
      this.#lastNumber = number;
      this.#last = this.#blocks.get(number);
    }
    return this.#last;
  }
}
