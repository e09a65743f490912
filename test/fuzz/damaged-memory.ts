/** The memory of an open image with words changed, and sessions on it that cost next to nothing to open. */
import type { Image } from '../../debug-adapter/image/image.ts';
import { openKernel } from '../../debug-adapter/kernel/opening/open-kernel.ts';
import { frameSize } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { Session } from '../../debug-adapter/session/session.ts';

/** Memory whose frames can be changed, and that remembers which were read. */
export class DamagedMemory implements PhysicalMemory {
  readonly ranges: PhysicalMemory['ranges'];
  /** Frame numbers. */
  readonly read = new Set<number>();
  readonly #changed = new Map<number, Uint8Array>();
  readonly #below: PhysicalMemory;

  constructor(below: PhysicalMemory) {
    this.#below = below;
    this.ranges = below.ranges;
  }

  frame(number: number): Uint8Array | undefined {
    this.read.add(number);
    return this.#changed.get(number) ?? this.#below.frame(number);
  }

  partialFrame(number: number): ReturnType<PhysicalMemory['partialFrame']> {
    return this.#below.partialFrame(number);
  }

  /** The frame's bytes, to be changed; undefined for one that the image lacks. */
  change(number: number): Uint8Array | undefined {
    const bytes = this.#changed.get(number) ?? this.#below.frame(number)?.slice();
    if (bytes !== undefined) this.#changed.set(number, bytes);
    return bytes;
  }

  /** The bytes at a physical address up to the end of its frame, to be changed. */
  changeAt(at: number): DataView | undefined {
    const bytes = this.change(Math.floor(at / frameSize));
    return bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset + (at % frameSize), frameSize - (at % frameSize));
  }
}

/** A session on `image` with `memory` in its place. With `whole`, its names and types are taken instead of being read again. */
export function sessionOn(image: Image, memory: PhysicalMemory, whole?: Session): Session {
  const damaged: Image = { ...image, memory, close: () => {} };
  const outside =
    whole === undefined
      ? { symbols: undefined, types: undefined }
      : { symbols: () => whole.kernel.symbols, types: () => whole.kernel.types };
  return new Session(damaged, openKernel(damaged, outside));
}
