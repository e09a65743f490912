/**
 * 64-bit powerpc with the radix MMU of POWER9 and later, 4K and 64K pages (Power ISA 3.0B Book III, 5.7.10;
 * arch/powerpc/include/asm/book3s/64/pgtable.h, radix-4k.h, radix-64k.h). Entries are big-endian in memory whatever the
 * kernel's byte order, and pass as two 32-bit halves.
 */
import type { Address } from '../base/address.ts';
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, Rights } from './paging-mode.ts';
import { describeSwapEntry } from './swap-entry.ts';
import { bitNames, TableMode, wholeEntry } from './table-mode.ts';

const presentHigh = 0x8000_0000;
/** Bit 62: the entry is a leaf (_PAGE_PTE). */
const leafHigh = 0x4000_0000;
/** Software bit: invalid for a moment while access flags change; present to Linux. */
const invalidHigh = 0x2000_0000;
const execute = 0x1;
const write = 0x2;
const privileged = 0x8;
const cacheMask = 0x30;
/** Physical addresses have 53 bits (_PAGE_PA_MAX), of the 56 that an entry has room for. */
const addressHigh = 0x001f_ffff;
const beyondHigh = 0x00e0_0000;
const referencedOrChanged = 0x180;

const names: readonly (readonly [mask: number, name: string])[] = [
  [execute, 'EXEC'],
  [write, 'WRITE'],
  [0x4, 'READ'],
  [privileged, 'PRIVILEGED'],
  [0x80, 'DIRTY'],
  [0x100, 'ACCESSED'],
  [0x200, 'SOFT_DIRTY'],
  [0x400, 'SPECIAL'],
  [0x800, 'DEVMAP'],
];

/** Index bits and shifts, root first (radix-64k.h, radix-4k.h). */
const shapes = {
  12: [
    ['pgd', 0, 39, 13],
    ['pud', 2, 30, 9],
    ['pmd', 3, 21, 9],
    ['pte', 4, 12, 9],
  ],
  16: [
    ['pgd', 0, 39, 13],
    ['pud', 2, 30, 9],
    ['pmd', 3, 21, 9],
    ['pte', 4, 16, 5],
  ],
} as const;

/** Radix paging with pages of 4K (`pageShift` 12) or 64K (16): levels of 13, 9, 9 and 9 or 5 index bits, root first. */
export function powerpcRadixMode(pageShift: 12 | 16): PowerpcRadixMode {
  return new PowerpcRadixMode(pageShift);
}

class PowerpcRadixMode extends TableMode {
  constructor(pageShift: 12 | 16) {
    super({
      name: `ppc64 radix, ${2 ** (pageShift - 10)}K pages`,
      levels: shapes[pageShift].map(([name, depth, shift, indexBits]): PagingLevel => ({ name, depth, shift, indexBits, entrySize: 8 })),
      pageShift,
      littleEndian: false,
      virtualBits: 52,
      addressBits: 64,
      split: 'halves',
      kernelBase: 0xc000_0000_0000_0000n,
    });
  }

  /** Quadrant 0 is the process's, quadrant 3 the kernel's; 52 bits of each are translated. */
  override isCanonical(address: Address): boolean {
    const top = address >> 52n;
    return top === 0n || top === 0xc00n;
  }

  override isUserAddress(address: Address): boolean {
    return address >> 62n === 0n;
  }

  kind(level: number, low: number, high: number): EntryKind {
    if ((low | high) === 0) return entryKind.none;
    // The hardware may write its bits into an empty pte still (radix__pte_none()).
    if (this.depthOf(level) === 4 && ((low & ~referencedOrChanged) | high) === 0) return entryKind.none;
    const isPage = (high & leafHigh) !== 0;
    if ((high & presentHigh) === 0) return isPage && (high & invalidHigh) !== 0 ? entryKind.leaf : entryKind.notPresent;
    if (this.depthOf(level) === 4) return isPage ? entryKind.leaf : entryKind.malformed;
    if (!isPage) return entryKind.table;
    return this.depthOf(level) >= 2 ? entryKind.leaf : entryKind.malformed;
  }

  /** Bits 8-55 hold the next table's address; tables may be as small as 256 bytes. */
  tableAddress(_level: number, low: number, high: number): number {
    return (high & 0x00ff_ffff) * 0x1_0000_0000 + ((low & 0xffff_ff00) >>> 0);
  }

  leafAddress(level: number, low: number, high: number): number {
    const size = 2 ** (this.levels[level]?.shift ?? this.pageShift);
    return Math.floor(((high & addressHigh) * 0x1_0000_0000 + ((low & 0xffff_f000) >>> 0)) / size) * size;
  }

  flags(level: number, low: number, high: number): readonly string[] {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return [];
    const found = (high & presentHigh) === 0 ? [] : ['PRESENT'];
    if (kind === entryKind.table) return [...found, `SIZE_2^${low & 0x1f}`];
    if ((high & leafHigh) !== 0) found.push('PTE');
    if ((high & invalidHigh) !== 0) found.push('INVALID');
    if (kind === entryKind.notPresent) return found;
    found.push(...bitNames(low, names));
    const cache = (low & cacheMask) >> 4;
    if (cache !== 0) found.push(['', 'SAO', 'NON_IDEMPOTENT', 'TOLERANT'][cache] ?? '');
    return found;
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    if (this.kind(level, low, high) !== entryKind.leaf) return undefined;
    return ['normal', 'strong access order', 'non-idempotent I/O', 'tolerant I/O'][(low & cacheMask) >> 4];
  }

  rights(level: number, low: number, high: number): Rights {
    if (this.kind(level, low, high) === entryKind.table) return { write: true, execute: true, user: true };
    return { write: (low & write) !== 0, execute: (low & execute) !== 0, user: (low & privileged) === 0 };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) {
      return (high & leafHigh) === 0
        ? `the ${entry} entry is no leaf, which the last level must be`
        : `the ${entry} entry is a leaf, which this level does not have`;
    }
    if (!context.userAddress || (high & leafHigh) === 0) return `the ${entry} entry is not present`;
    // Type in bits 0-4, offset in the RPN field (bits 52 down to the page size), exclusive in 5, soft-dirty in 9 (book3s/64/pgtable.h).
    const offset = (wholeEntry(low, high) & 0x001f_ffff_ffff_ffffn) >> BigInt(this.pageShift);
    const swap = { type: low & 0x1f, offset, softDirty: (low & 0x200) !== 0, uffdWp: false, exclusive: (low & 0x20) !== 0 };
    return `the ${entry} entry is ${describeSwapEntry(swap)}`;
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return this.explain(level, low, high, { userAddress: false });
    if (kind === entryKind.table) {
      // RADIX_PMD_BAD_BITS and its like (arch/powerpc/include/asm/book3s/64/radix.h).
      const bad = wholeEntry(low & 0xe0, high & invalidHigh);
      if (bad !== 0n) return `bits 0x${bad.toString(16)} are reserved in an entry that points to a table`;
      const bits = this.levels[level + 1]?.indexBits;
      return (low & 0x1f) === bits ? undefined : `the entry says that the next table has 2^${low & 0x1f} entries, not 2^${bits ?? 0}`;
    }
    if (kind !== entryKind.leaf) return undefined;
    const reserved = wholeEntry(low & 0x40, high & beyondHigh);
    if (reserved !== 0n) return `bits 0x${reserved.toString(16)} are reserved or lie above the 53 bits of a physical address`;
    const shift = this.levels[level]?.shift ?? this.pageShift;
    const inside = ((low & 0xffff_f000) >>> 0) % 2 ** shift;
    return inside === 0 ? undefined : `the leaf is not aligned to its size: address bits 0x${inside.toString(16)} are set`;
  }
}
