/**
 * arm64 stage 1 translation as Linux uses it: 4K, 16K and 64K granules, 48-bit and 52-bit descriptors (Arm ARM DDI 0487,
 * D8.3; arch/arm64/include/asm/pgtable-hwdef.h, pgtable-prot.h). Entries pass as two 32-bit halves.
 */
import type { Address } from '../base/address.ts';
import { toAddress } from '../base/address.ts';
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, Rights } from './paging-mode.ts';
import { describeSwapEntry } from './swap-entry.ts';
import { bitNames, TableMode, wholeEntry } from './table-mode.ts';

/** How an arm64 kernel's translation tables are shaped: granule, address bits, and where attributes stand (Arm ARM, D8.3). */
export interface Arm64Options {
  /** log2 of the granule: 12, 14 or 16. */
  readonly pageShift: 12 | 14 | 16;
  /** Bits of an address that the root table translates (64 - T1SZ; VA_BITS with the 64K granule). */
  readonly virtualBits: number;
  /** Address bits above 47 in descriptors: none, FEAT_LPA's (64K granule), FEAT_LPA2's (4K and 16K). */
  readonly wideAddresses: 'none' | 'lpa' | 'lpa2';
  /** Names of the memory attribute indexes, in the order that this kernel programs MAIR_EL1. */
  readonly memoryTypes: readonly (string | undefined)[];
  /** Bit that marks PROT_NONE in an invalid entry: 11 (nG) since 6.11, 58 before. Asked when an invalid entry is met. */
  readonly protNoneBit: () => 11 | 58;
}

/** MT_* of Linux since 5.10 or so (arch/arm64/include/asm/memory.h), under the names of its ptdump. */
export const currentMemoryTypes = ['MEM/NORMAL', 'MEM/NORMAL-TAGGED', 'MEM/NORMAL-NC', 'DEVICE/nGnRnE', 'DEVICE/nGnRE'] as const;
/** Before: device types first. */
export const formerMemoryTypes = ['DEVICE/nGnRnE', 'DEVICE/nGnRE', 'DEVICE/GRE', 'MEM/NORMAL-NC', 'MEM/NORMAL'] as const;

const valid = 0x1;
const tableOrPage = 0x2;
const user = 0x40;
const readOnly = 0x80;
const shareable = 0x300;
const notGlobal = 0x800;
// Bits of the upper half.
const guarded = 0x0004_0000;
const dirtyModifier = 0x0008_0000;
const contiguous = 0x0010_0000;
const privilegedNoExecute = 0x0020_0000;
const userNoExecute = 0x0040_0000;
const tablePrivilegedNoExecute = 0x0800_0000;
const tableUserNoExecute = 0x1000_0000;
const tableNoUser = 0x2000_0000;
const tableReadOnly = 0x4000_0000;

const leafHighNames: readonly (readonly [mask: number, name: string])[] = [
  [guarded, 'GP'],
  [dirtyModifier, 'DBM'],
  [contiguous, 'CONT'],
  [privilegedNoExecute, 'PXN'],
  [userNoExecute, 'UXN'],
  [0x0080_0000, 'DIRTY'],
  [0x0100_0000, 'SPECIAL'],
  [0x0200_0000, 'DEVMAP'],
];
/** Bit 58: UFFD_WP where PROT_NONE is bit 11, PROT_NONE of an invalid entry before. */
const softwareHigh = 0x0400_0000;
/** Bit 59 of an invalid block (PMD_PRESENT_INVALID), where PROT_NONE is bit 58: a large page while it is split. */
const invalidatedHigh = 0x0800_0000;
/** POIndex, bits 60-62 (FEAT_S1POE). */
const overlayNames: readonly (readonly [mask: number, name: string])[] = [
  [0x1000_0000, 'PO_IDX_0'],
  [0x2000_0000, 'PO_IDX_1'],
  [0x4000_0000, 'PO_IDX_2'],
];

const tableHighNames: readonly (readonly [mask: number, name: string])[] = [
  [tablePrivilegedNoExecute, 'PXNTABLE'],
  [tableUserNoExecute, 'UXNTABLE'],
  [tableNoUser, 'APTABLE_NOUSER'],
  [tableReadOnly, 'APTABLE_RDONLY'],
  [0x8000_0000, 'NSTABLE'],
];

/** Levels by their number, root first, under the kernel's names. */
const namesByCount: Readonly<Record<number, readonly (readonly [name: string, depth: number])[]>> = {
  2: [
    ['pgd', 0],
    ['pte', 4],
  ],
  3: [
    ['pgd', 0],
    ['pmd', 3],
    ['pte', 4],
  ],
  4: [
    ['pgd', 0],
    ['pud', 2],
    ['pmd', 3],
    ['pte', 4],
  ],
  5: [
    ['pgd', 0],
    ['p4d', 1],
    ['pud', 2],
    ['pmd', 3],
    ['pte', 4],
  ],
};

/**
 * The paging of one arm64 kernel. `virtualBits` (36 to 52) and `pageShift` (12, 14, 16) decide the levels: bits above the page
 * offset, pageShift - 3 to each level, the rest at the top (arch/arm64/include/asm/pgtable-hwdef.h:ARM64_HW_PGTABLE_LEVELS).
 */
export function arm64Mode(options: Arm64Options): Arm64Mode {
  const { pageShift, virtualBits } = options;
  const bitsPerLevel = pageShift - 3;
  const count = Math.max(2, Math.ceil((virtualBits - pageShift) / bitsPerLevel));
  const levels = (namesByCount[count] ?? []).map(([name, depth], index): PagingLevel => {
    const shift = pageShift + (count - 1 - index) * bitsPerLevel;
    return { name, depth, shift, indexBits: index === 0 ? virtualBits - shift : bitsPerLevel, entrySize: 8 };
  });
  return new Arm64Mode(options, levels);
}

/**
 * Descriptors of stage 1 with what Linux keeps in their software bits. One mode serves both halves: TTBR0's tables and TTBR1's
 * have the same shape.
 */
export class Arm64Mode extends TableMode {
  readonly options: Arm64Options;

  constructor(options: Arm64Options, levels: readonly PagingLevel[]) {
    super({
      name: `arm64, ${2 ** (options.pageShift - 10)}K pages, ${options.virtualBits}-bit addresses, ${levels.length} levels`,
      levels,
      pageShift: options.pageShift,
      littleEndian: true,
      virtualBits: options.virtualBits,
      addressBits: 64,
      split: 'halves',
      kernelBase: (1n << 64n) - (1n << BigInt(options.virtualBits)),
    });
    this.options = options;
  }

  /** Bits 63 to `virtualBits` all equal: the lower range is TTBR0's, the upper one TTBR1's. */
  override isCanonical(address: Address): boolean {
    const top = address >> BigInt(this.virtualBits);
    return top === 0n || top === (1n << BigInt(64 - this.virtualBits)) - 1n;
  }

  override isUserAddress(address: Address): boolean {
    return address >> 63n === 0n;
  }

  /** Without the tag in bits 56-63 (top byte ignore): bit 55 chooses the half. */
  override untag(address: Address): Address {
    return toAddress(BigInt.asUintN(64, BigInt.asIntN(56, address)));
  }

  kind(level: number, low: number, high: number): EntryKind {
    if ((low & valid) === 0) return (low | high) === 0 ? entryKind.none : entryKind.notPresent;
    const depth = this.depthOf(level);
    if (depth === 4) return (low & tableOrPage) === 0 ? entryKind.malformed : entryKind.leaf;
    if ((low & tableOrPage) !== 0) return entryKind.table;
    return this.#allowsBlock(level) ? entryKind.leaf : entryKind.malformed;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return this.#address(low, high, this.pageShift);
  }

  leafAddress(level: number, low: number, high: number): number {
    return this.#address(low, high, this.levels[level]?.shift ?? this.pageShift);
  }

  override keepsFrame(level: number, low: number, high: number): boolean {
    return (low & valid) === 0 && (this.#isProtNone(low, high) || this.#isInvalidated(level, low, high));
  }

  flags(level: number, low: number, high: number): readonly string[] {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return [];
    if (kind === entryKind.table) return ['VALID', 'TABLE', ...((low & 0x400) === 0 ? [] : ['AF']), ...bitNames(high, tableHighNames)];
    const names: string[] = [];
    if ((low & valid) !== 0) names.push('VALID', (low & tableOrPage) === 0 ? 'BLOCK' : 'PAGE');
    else if (this.#isProtNone(low, high)) names.push('PROT_NONE');
    else if (this.#isInvalidated(level, low, high)) names.push('PRESENT_INVALID');
    else return [];
    const current = this.options.protNoneBit() === 11;
    if ((low & 0x20) !== 0) names.push('NS');
    if ((low & user) !== 0) names.push('USER');
    if ((low & readOnly) !== 0) names.push('RDONLY');
    if (this.options.wideAddresses !== 'lpa2') {
      const share = (low & shareable) >> 8;
      if (share !== 0) names.push(share === 3 ? 'SH_INNER' : share === 2 ? 'SH_OUTER' : 'SH_RESERVED');
    }
    if ((low & 0x400) !== 0) names.push('AF');
    if ((low & notGlobal) !== 0 && ((low & valid) !== 0 || !current)) names.push('NG');
    names.push(...bitNames(high, leafHighNames));
    if (current && (high & softwareHigh) !== 0) names.push('UFFD_WP');
    return [...names, ...bitNames(high, overlayNames)];
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    if (this.kind(level, low, high) !== entryKind.leaf) return undefined;
    const index = (low >> 2) & 7;
    return this.options.memoryTypes[index] ?? `MAIR attribute ${index}`;
  }

  rights(level: number, low: number, high: number, userAddress: boolean): Rights {
    if (this.kind(level, low, high) === entryKind.table) {
      return {
        write: (high & tableReadOnly) === 0,
        execute: (high & (userAddress ? tableUserNoExecute : tablePrivilegedNoExecute)) === 0,
        user: (high & tableNoUser) === 0,
      };
    }
    return {
      // A read-only page with the dirty modifier becomes writable at the first write.
      write: (low & readOnly) === 0 || (high & dirtyModifier) !== 0,
      execute: (high & (userAddress ? userNoExecute : privilegedNoExecute)) === 0,
      user: (low & user) !== 0,
    };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) {
      return this.depthOf(level) === 4
        ? `the ${entry} entry is valid but no page descriptor (bit 1 is clear), which is reserved`
        : `the ${entry} entry is a block, which this level does not have`;
    }
    const frame = `0x${this.leafAddress(level, low, high).toString(16)}`;
    if (this.keepsFrame(level, low, high)) {
      const what = this.#isProtNone(low, high) ? 'PROT_NONE' : 'a large page that was invalidated';
      return `the ${entry} entry is ${what} (its frame is at ${frame})`;
    }
    // set_memory_valid() of arch/arm64/mm/pageattr.c takes away nothing but VALID.
    if (!context.userAddress) return `the ${entry} entry is not valid (its frame was at ${frame})`;
    return `the ${entry} entry is ${describeSwapEntry(this.#swap(low, high))}`;
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return this.explain(level, low, high, { userAddress: false });
    if (kind !== entryKind.leaf && kind !== entryKind.table) return undefined;
    const { wideAddresses } = this.options;
    // With LPA2 bits 48 and 49 are address; otherwise they, and bit 50 of a table, are RES0.
    const reserved = high & ((wideAddresses === 'lpa2' ? 0 : 0x0003_0000) | (kind === entryKind.table ? 0x0004_0000 : 0));
    if (reserved !== 0) return `bits 0x${(BigInt(reserved >>> 0) << 32n).toString(16)} are reserved (RES0)`;
    const shift = kind === entryKind.table || this.depthOf(level) === 4 ? this.pageShift : (this.levels[level]?.shift ?? this.pageShift);
    // Bit 16 of a block is nT; bits 12-15 hold address bits 48-51 with LPA.
    const ignored = 0xfff | (this.depthOf(level) < 4 && kind === entryKind.leaf ? 0x1_0000 : 0) | (wideAddresses === 'lpa' ? 0xf000 : 0);
    const lowBits = (low & (2 ** Math.min(shift, 32) - 1) & ~ignored) >>> 0;
    const highBits = (high & (2 ** Math.max(shift - 32, 0) - 1)) >>> 0;
    if (lowBits === 0 && highBits === 0) return undefined;
    return `address bits 0x${wholeEntry(lowBits, highBits).toString(16)} lie below the ${kind === entryKind.table ? "next table's" : "leaf's"} alignment`;
  }

  /** log2 of the bytes that a contiguous group covers at this level, or undefined where the level has none. */
  contiguousShift(level: number): number | undefined {
    const depth = this.depthOf(level);
    const shift = this.levels[level]?.shift ?? this.pageShift;
    if (depth === 4) return shift + (this.pageShift === 12 ? 4 : this.pageShift === 14 ? 7 : 5);
    return depth === 3 ? shift + (this.pageShift === 12 ? 4 : 5) : undefined;
  }

  #allowsBlock(level: number): boolean {
    const shift = this.levels[level]?.shift ?? 0;
    const wide = this.options.wideAddresses !== 'none';
    if (this.pageShift === 12) return shift === 21 || shift === 30 || (shift === 39 && wide);
    if (this.pageShift === 14) return shift === 25 || (shift === 36 && wide);
    return shift === 29 || (shift === 42 && wide);
  }

  #address(low: number, high: number, shift: number): number {
    const { wideAddresses } = this.options;
    const lowBits = shift >= 32 ? 0 : (low & (0xffff_ffff << shift)) >>> 0;
    let top = high & (wideAddresses === 'lpa2' ? 0x3_ffff : 0xffff);
    if (shift > 32) top &= 0xffff_ffff << (shift - 32);
    if (wideAddresses === 'lpa') top |= (low & 0xf000) << 4;
    else if (wideAddresses === 'lpa2') top |= (low & 0x300) << 10;
    return (top >>> 0) * 0x1_0000_0000 + lowBits;
  }

  #isProtNone(low: number, high: number): boolean {
    return this.options.protNoneBit() === 11 ? (low & notGlobal) !== 0 : (high & softwareHigh) !== 0;
  }

  /** In kernels whose PROT_NONE is bit 11, that bit stands for both. */
  #isInvalidated(level: number, low: number, high: number): boolean {
    return this.#allowsBlock(level) && (low & tableOrPage) === 0 && (high & invalidatedHigh) !== 0 && this.options.protNoneBit() === 58;
  }

  /** Since 6.11: type in bits 6-10, offset in 12-61, exclusive 2, uffd-wp 3; before: type in 3-7, offset in 8-57. */
  #swap(low: number, high: number): Parameters<typeof describeSwapEntry>[0] {
    const entry = wholeEntry(low, high);
    const current = this.options.protNoneBit() === 11;
    return {
      type: current ? (low >> 6) & 0x1f : (low >> 3) & 0x1f,
      offset: current ? (entry >> 12n) & ((1n << 50n) - 1n) : (entry >> 8n) & ((1n << 50n) - 1n),
      softDirty: false,
      uffdWp: current && (low & 8) !== 0,
      exclusive: (low & 4) !== 0,
    };
  }
}
