/**
 * Where the kernel image lies in physical memory, found without any note: the symbol table is recognised by its shape in
 * RAM, and the banner's address in it, beside the place where the banner's text stands, gives virtual less physical. The
 * image is contiguous in physical memory on every architecture.
 */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { findRange } from '../base/range.ts';
import type { Image, MachineHint } from '../image/image.ts';
import { AddressSpace } from '../memory/address-space.ts';
import type { Translator } from '../memory/address-space.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { openKallsyms } from '../symbols/kallsyms.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';

export interface ImageLocation {
  /** The kernel's symbols, read from physical memory. */
  readonly symbols: SymbolTable;
  /** Virtual address less physical address of the image, modulo 2^64. */
  readonly offset: bigint;
}

/** Physical memory under its own addresses. */
class IdentityTranslator implements Translator {
  readonly #physical: PhysicalMemory;

  constructor(physical: PhysicalMemory) {
    this.#physical = physical;
  }

  frameOf(page: number): number {
    return findRange(this.#physical.ranges, page * frameSize) >= 0 ? page : -1;
  }

  explain(): { kind: 'not-ram'; message: string } {
    return { kind: 'not-ram', message: 'no RAM lies there' };
  }

  untag(address: Address): Address {
    return address;
  }
}

/** Undefined when RAM holds no symbol table that fits, or no banner where its symbols put it. */
export function locateKernelImage(image: Image, machine: MachineHint): ImageLocation | undefined {
  const memory = new AddressSpace(image.memory, new IdentityTranslator(image.memory), machine);
  const symbols = openKallsyms(memory, {
    scan: () => image.memory.ranges.map(({ start, end }) => ({ start: toAddress(start), end: toAddress(end) })),
  });
  if ('problem' in symbols) return undefined;
  const banner = symbols.find('linux_banner')?.address;
  const first = symbols.find('_text')?.address ?? symbols.find('_stext')?.address;
  if (banner === undefined || first === undefined) return undefined;
  for (const physical of textsAt(image.memory, Number(banner % BigInt(frameSize)))) {
    const offset = BigInt.asUintN(64, banner - BigInt(physical));
    const start = BigInt.asUintN(64, first - offset);
    if (start < 1n << 52n && findRange(image.memory.ranges, Number(start)) >= 0) return { symbols, offset };
  }
  return undefined;
}

const bannerStart = Array.from('Linux version ', (letter) => letter.charCodeAt(0));

/** Physical addresses at `offset` of a frame where a banner stands. */
function* textsAt(memory: PhysicalMemory, offset: number): Generator<number> {
  for (const { start, end } of memory.ranges) {
    for (let frame = Math.floor(start / frameSize); frame * frameSize < end; frame++) {
      const bytes = memory.frame(frame);
      if (bytes !== undefined && bannerStart.every((byte, index) => bytes[offset + index] === byte)) yield frame * frameSize + offset;
    }
  }
}
