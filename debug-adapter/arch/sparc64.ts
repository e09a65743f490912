/**
 * Paging of 64-bit sparc: 8K pages, 4 levels, big-endian (arch/sparc/include/asm/pgtable_64.h). Software or the hypervisor
 * fills the TLB with the pte itself, a TTE, whose layout the machine decides: sun4u (UltraSPARC Architecture 2005, 14.2) or
 * sun4v. User mode and the kernel have a whole address space each: the kernel's mappings start at low addresses too.
 */
import type { Address } from '../base/address.ts';
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, PagingMode, Rights } from './paging-mode.ts';
import { bitNames, TableMode, wholeEntry } from './table-mode.ts';
import { explainPlainAbsence } from './swap-entry.ts';

/** Of a swap entry: type in bits 13-19, exclusive in 20, offset from 21 up. */
const swapTypeShift = 13;

/** Which of the two layouts of translation table entries the machine has, and the width of its addresses. */
export interface Sparc64Options {
  /** Layout of the entries: `sun4v` on machines with a hypervisor (UltraSPARC T1 and later). */
  readonly tte: 'sun4u' | 'sun4v';
  /** Bits of virtual addresses that the CPU has, at most 53: addresses between the halves are a hole. 53 unless given. */
  readonly virtualBits?: number | undefined;
  /**
   * The kernel's image from KERNBASE (0x400000) on, which locked TLB entries map and no table: physical address (kern_base)
   * and bytes. Left out of a process's mode, where these addresses are the process's own.
   */
  readonly image?: { readonly physical: number; readonly size: number } | undefined;
}

/** The paging of one sparc64 machine; `options` say whether its TTEs are sun4u's or sun4v's. */
export function sparc64(options: Sparc64Options): PagingMode {
  return new Sparc64Mode(options);
}

const imageStart = 0x40_0000n;
const pageBits = 13;
const indexBits = 10;
const levels: readonly PagingLevel[] = ['pgd', 'pud', 'pmd', 'pte'].map((name, index) => ({
  name,
  depth: index === 0 ? 0 : index + 1,
  shift: pageBits + indexBits * (3 - index),
  indexBits,
  entrySize: 8,
}));

const validHigh = 0x8000_0000;
/** _PAGE_PMD_HUGE and _PAGE_PUD_HUGE, bit 56. */
const hugeHigh = 0x0100_0000;

/** Where a layout has what; masks of one half of an entry. */
interface Layout {
  readonly lowNames: readonly (readonly [mask: number, name: string])[];
  readonly highNames: readonly (readonly [mask: number, name: string])[];
  readonly addressHigh: number;
  readonly present: number;
  /** The software's read bit, of the half that has it; an entry without it is PROT_NONE. */
  readonly readLow: number;
  readonly readHigh: number;
  /** What allows writing: the TLB's bit and the software's. */
  readonly writeLow: number;
  readonly writeHigh: number;
  readonly execute: number;
  readonly privileged: number;
  readonly sideEffect: number;
  readonly cachedPhysically: number;
  readonly cachedVirtually: number;
  readonly reservedLow: number;
  readonly reservedHigh: number;
  /** Index into `sizeShifts` of the page that the TLB gets. */
  readonly sizeCode: (low: number, high: number) => number;
}

/** log2 of the bytes of each size code: 8K, 64K, 512K, 4M, 32M, 256M, 2G, 16G. */
const sizeShifts = [13, 16, 19, 22, 25, 28, 31, 34] as const;

const sun4v: Layout = {
  lowNames: [
    [0x10, 'PRESENT'],
    [0x40, 'W'],
    [0x80, 'EXEC'],
    [0x100, 'P'],
    [0x200, 'CV/MCD'],
    [0x400, 'CP'],
    [0x800, 'E'],
    [0x1000, 'IE'],
  ],
  highNames: [
    [0x0100_0000, 'HUGE'],
    [0x0200_0000, 'SPECIAL'],
    [0x0400_0000, 'WRITE'],
    [0x0800_0000, 'READ'],
    [0x1000_0000, 'ACCESSED'],
    [0x2000_0000, 'MODIFIED'],
    [0x4000_0000, 'NFO'],
    [0x8000_0000, 'VALID'],
  ],
  addressHigh: 0x00ff_ffff,
  present: 0x10,
  readLow: 0,
  readHigh: 0x0800_0000,
  writeLow: 0x40,
  writeHigh: 0x0400_0000,
  execute: 0x80,
  privileged: 0x100,
  sideEffect: 0x800,
  cachedPhysically: 0x400,
  cachedVirtually: 0x200,
  reservedLow: 0x8,
  reservedHigh: 0,
  sizeCode: (low) => low & 7,
};

const sun4u: Layout = {
  lowNames: [
    [0x1, 'G'],
    [0x2, 'W'],
    [0x4, 'P'],
    [0x8, 'E'],
    [0x10, 'CV'],
    [0x20, 'CP'],
    [0x40, 'L'],
    [0x80, 'PRESENT'],
    [0x100, 'WRITE'],
    [0x200, 'READ'],
    [0x400, 'ACCESSED'],
    [0x800, 'MODIFIED'],
    [0x1000, 'EXEC'],
  ],
  highNames: [
    [0x8000, 'SN'],
    [0x0100_0000, 'HUGE'],
    [0x0200_0000, 'SPECIAL'],
    [0x0800_0000, 'IE'],
    [0x1000_0000, 'NFO'],
    [0x8000_0000, 'VALID'],
  ],
  addressHigh: 0x7ff,
  present: 0x80,
  readLow: 0x200,
  readHigh: 0,
  writeLow: 0x102,
  writeHigh: 0,
  execute: 0x1000,
  privileged: 0x4,
  sideEffect: 0x8,
  cachedPhysically: 0x20,
  cachedVirtually: 0x10,
  reservedLow: 0,
  reservedHigh: 0x0002_7800,
  // Bits 61-62, and 48 for the large pages of UltraSPARC IV+.
  sizeCode: (_low, high) => ((high >>> 29) & 3) | ((high >>> 14) & 4),
};

class Sparc64Mode extends TableMode {
  readonly #layout: Layout;
  readonly #image: { readonly physical: number; readonly end: bigint } | undefined;

  constructor(options: Sparc64Options) {
    const virtualBits = options.virtualBits ?? 53;
    const { image } = options;
    const imageEnd = image === undefined ? imageStart : imageStart + BigInt(image.size);
    super({
      name: `sparc64, ${options.tte}`,
      levels,
      pageShift: pageBits,
      littleEndian: false,
      virtualBits,
      addressBits: 64,
      split: 'spaces',
      windowPages: image === undefined ? undefined : { start: Number(imageStart >> 12n), end: Number(imageEnd >> 12n) },
    });
    this.#layout = options.tte === 'sun4v' ? sun4v : sun4u;
    this.#image = image === undefined ? undefined : { physical: image.physical, end: imageEnd };
  }

  override directWindow(address: Address): number | undefined {
    const image = this.#image;
    if (image === undefined || address < imageStart || address >= image.end) return undefined;
    return image.physical + Number(address - imageStart);
  }

  kind(level: number, low: number, high: number): EntryKind {
    if ((low | high) === 0) return entryKind.none;
    const depth = this.depthOf(level);
    if (depth !== 4 && (depth === 0 || (high & hugeHigh) === 0)) {
      const aligned = (low & 0x1fff) === 0 && high >>> 0 < 2 ** 21;
      return aligned ? entryKind.table : entryKind.malformed;
    }
    // The kernel takes VALID away from a page that it wants to see used again (_PAGE_R is the same bit).
    if ((high & validHigh) === 0 && !(this.#isPresent(low) && this.#isReadable(low, high))) return entryKind.notPresent;
    return this.#isBeyond(high) ? entryKind.malformed : entryKind.leaf;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return high * 0x1_0000_0000 + ((low & 0xffff_e000) >>> 0);
  }

  leafAddress(level: number, low: number, high: number): number {
    const physical = this.#physical(low, high);
    return physical - (physical % 2 ** (this.levels[level]?.shift ?? pageBits));
  }

  override keepsFrame(level: number, low: number, high: number): boolean {
    if (this.kind(level, low, high) !== entryKind.notPresent) return false;
    return this.#isPresent(low) || this.depthOf(level) < 4;
  }

  flags(level: number, low: number, high: number): readonly string[] {
    if (this.kind(level, low, high) !== entryKind.leaf && !this.keepsFrame(level, low, high)) return [];
    return [...bitNames(low, this.#layout.lowNames), ...bitNames(high, this.#layout.highNames)];
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    if (this.kind(level, low, high) !== entryKind.leaf) return undefined;
    const { sideEffect, cachedPhysically, cachedVirtually } = this.#layout;
    if ((low & sideEffect) !== 0) return 'SIDE-EFFECT';
    if ((low & cachedPhysically) === 0) return 'UNCACHED';
    return (low & cachedVirtually) === 0 ? 'CP' : 'CP CV';
  }

  rights(level: number, low: number, high: number): Rights {
    if (this.kind(level, low, high) === entryKind.table) return { write: true, execute: true, user: true };
    const { writeLow, writeHigh, execute, privileged } = this.#layout;
    return {
      write: (low & writeLow) !== 0 || (high & writeHigh) !== 0,
      execute: (low & execute) !== 0,
      user: (low & privileged) === 0,
    };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) {
      if (this.depthOf(level) === 4 || (this.depthOf(level) > 0 && (high & hugeHigh) !== 0)) {
        return `the ${entry} entry's physical address is above 2^53, more than Linux allows`;
      }
      return `the ${entry} entry 0x${wholeEntry(low, high).toString(16)} is no physical address of a table: bits below 13 or above 52 are set`;
    }
    if (this.keepsFrame(level, low, high)) {
      return `the ${entry} entry is PROT_NONE (its frame is at 0x${this.leafAddress(level, low, high).toString(16)})`;
    }
    return explainPlainAbsence(entry, { low, high, shift: swapTypeShift }, context);
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return this.explain(level, low, high, { userAddress: false });
    if (kind !== entryKind.leaf) return undefined;
    const { reservedLow, reservedHigh, sizeCode } = this.#layout;
    const reserved = wholeEntry(low & reservedLow, high & reservedHigh);
    if (reserved !== 0n) return `bits 0x${reserved.toString(16)} are reserved`;
    const shift = this.levels[level]?.shift ?? pageBits;
    const size = sizeShifts[sizeCode(low, high)] ?? pageBits;
    const fits = shift === pageBits ? size < 22 : size >= 22;
    if (!fits) return `its size code, of ${2 ** (size - 10)} KiB, is one that Linux never uses at this level`;
    if (shift === pageBits) return (high & hugeHigh) === 0 ? undefined : 'the bit of a large page is set in a pte';
    const inside = this.#physical(low, high) % 2 ** shift;
    return inside === 0
      ? undefined
      : `the leaf is not aligned to its ${2 ** (shift - 20)} MiB: address bits 0x${inside.toString(16)} are set`;
  }

  #isPresent(low: number): boolean {
    return (low & this.#layout.present) !== 0;
  }

  /** Whether the physical address lies above 2^53 (MAX_PHYS_ADDRESS_BITS). */
  #isBeyond(high: number): boolean {
    return (high & this.#layout.addressHigh) >= 2 ** 21;
  }

  #isReadable(low: number, high: number): boolean {
    return (low & this.#layout.readLow) !== 0 || (high & this.#layout.readHigh) !== 0;
  }

  /** The physical address, to 8 KiB; what lies above 2^53 is cut off. */
  #physical(low: number, high: number): number {
    return (high & this.#layout.addressHigh & 0x1f_ffff) * 0x1_0000_0000 + ((low & 0xffff_e000) >>> 0);
  }
}
