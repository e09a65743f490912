/**
 * Kernel addresses of a file that has memory by virtual address (/proc/kcore): through the page tables, and by the file's
 * segments where these cannot be followed. Where the tables say that nothing is mapped, nothing is: the file gives zeros there.
 */
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { VirtualMemory } from '../../image/image.ts';
import type { Translator } from '../../memory/address-space.ts';
import type { HoleReason } from '../../memory/hole.ts';
import type { PhysicalMemory } from '../../memory/physical-memory.ts';

const pageBits = 12n;

/** Page tables first, then the file's segments; frames are physical address / 4096, and -1 is none. */
export class SegmentTranslator implements Translator {
  readonly #tables: Translator;
  readonly #segments: VirtualMemory;
  readonly #physical: PhysicalMemory;

  constructor(tables: Translator, from: { segments: VirtualMemory; physical: PhysicalMemory }) {
    this.#tables = tables;
    this.#segments = from.segments;
    this.#physical = from.physical;
  }

  frameOf(virtualPage: number): number {
    const frame = this.#tables.frameOf(virtualPage);
    if (frame >= 0 && this.#physical.frame(frame) !== undefined) return frame;
    if (frame < 0) {
      const { kind } = this.#tables.explain(toAddress(BigInt(virtualPage) << pageBits));
      if (kind === 'not-mapped' || kind === 'non-canonical') return -1;
    }
    const inFile = this.#segments.frameOf(virtualPage);
    return inFile >= 0 && this.#physical.frame(inFile) !== undefined ? inFile : frame;
  }

  explain(address: Address): HoleReason {
    return this.#tables.explain(address);
  }

  untag(address: Address): Address {
    return this.#tables.untag(address);
  }
}
