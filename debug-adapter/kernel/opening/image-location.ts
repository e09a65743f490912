/**
 * Where the kernel image lies in physical memory, found without any note: the symbol table is recognised by its shape in
 * RAM, and the banner's address in it, beside the place where the banner's text stands, gives virtual less physical. The
 * image is contiguous in physical memory on every architecture.
 */
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { findRange } from '../../base/range.ts';
import type { MachineHint } from '../../image/image.ts';
import { AddressSpace } from '../../memory/address-space.ts';
import type { Translator } from '../../memory/address-space.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { PhysicalMemory } from '../../memory/physical-memory.ts';
import { openKallsyms } from '../../symbols/kallsyms.ts';
import { digitTokens } from '../../symbols/kallsyms-scan.ts';
import type { SymbolTable } from '../../symbols/symbol-table.ts';
import type { Landmarks } from './landmarks.ts';

/** Where the kernel image lies, when nothing but its memory tells. */
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
export function locateKernelImage(landmarks: Landmarks, machine: MachineHint): ImageLocation | undefined {
  const physicalMemory = landmarks.memory;
  const memory = new AddressSpace(physicalMemory, new IdentityTranslator(physicalMemory), machine);
  const symbols = openKallsyms(memory, { scan: () => tokenPlaces(landmarks) });
  if ('problem' in symbols) return undefined;
  const banner = symbols.find('linux_banner')?.address;
  const first = symbols.find('_text')?.address ?? symbols.find('_stext')?.address;
  if (banner === undefined || first === undefined) return undefined;
  for (const physical of landmarks.places('banner')) {
    if (physical % frameSize !== Number(banner % BigInt(frameSize))) continue;
    const offset = BigInt.asUintN(64, banner - BigInt(physical));
    const start = BigInt.asUintN(64, first - offset);
    if (start < 1n << 52n && findRange(physicalMemory.ranges, Number(start)) >= 0) return { symbols, offset };
  }
  return undefined;
}

function* tokenPlaces(landmarks: Landmarks): Generator<{ start: Address; end: Address }> {
  for (const place of landmarks.places('kallsyms')) yield { start: toAddress(place), end: toAddress(place + digitTokens.length) };
}
