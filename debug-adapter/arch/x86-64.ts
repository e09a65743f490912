/**
 * x86-64 paging with 4 or 5 levels (Intel SDM vol. 3, 4.5; arch/x86/include/asm/pgtable_types.h, pgtable_64.h).
 * Entries pass as two 32-bit halves: `low` has bits 0-31, `high` bits 32-63.
 */
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, PagingMode, Rights } from './paging-mode.ts';
import { TableMode, wholeEntry } from './table-mode.ts';
import { describeSwapEntry } from './swap-entry.ts';
import type { SwapEntry } from './swap-entry.ts';

const present = 0x1;
const writable = 0x2;
const user = 0x4;
const pageSize = 0x80;
/** Bit 8: GLOBAL when present; PROT_NONE when not. */
const protNone = 0x100;
const largePat = 0x1000;
/** Accessed and dirty do not count when the kernel asks whether an entry is none (an erratum of Knights Landing). */
const noneIgnores = 0x60;
/** Address bits 32-51. */
const highAddress = 0x000f_ffff;
const noExecuteHigh = 0x8000_0000;

/** Flag names of low bits, as the kernel calls them. */
const lowNames: readonly (readonly [bit: number, leaf: string, table: string | undefined])[] = [
  [0x1, 'PRESENT', 'PRESENT'],
  [0x2, 'RW', 'RW'],
  [0x4, 'USER', 'USER'],
  [0x8, 'PWT', 'PWT'],
  [0x10, 'PCD', 'PCD'],
  [0x20, 'ACCESSED', 'ACCESSED'],
  [0x40, 'DIRTY', 'DIRTY'],
  [0x100, 'GLOBAL', 'GLOBAL'],
  [0x200, 'SPECIAL', 'SOFTW1'],
  [0x400, 'UFFD_WP', 'SOFTW2'],
  [0x800, 'SOFT_DIRTY', 'SOFTW3'],
];

/** Tables of four or five levels (Intel SDM volume 3, 4.5), and what memory encryption takes of an address. */
export interface X8664Options {
  readonly levels: 4 | 5;
  /** SME C-bit (vmcoreinfo sme_mask): taken out of every address. 0 without memory encryption. */
  readonly encryptionMask: bigint;
  /** MAXPHYADDR, where it is known: address bits above it are reserved. Asked only for entries with high address bits. */
  readonly physicalBits?: (() => number | undefined) | undefined;
}

const levelNames = ['pgd', 'p4d', 'pud', 'pmd', 'pte'] as const;

/** 4 or 5 levels of 512 entries. `encryptionMask` is taken out of every physical address; 0 without memory encryption. */
export function x8664Mode(options: X8664Options): PagingMode {
  const levels: PagingLevel[] = levelNames
    .map((name, depth) => ({ name, depth, shift: 12 + 9 * (4 - depth), indexBits: 9, entrySize: 8 as const }))
    .filter(({ name }) => options.levels === 5 || name !== 'p4d')
    // With 4 levels the p4d is folded into the pgd, which then covers 2^39 bytes an entry.
    .map((level) => (level.name === 'pgd' && options.levels === 4 ? { ...level, shift: 39 } : level));
  return new X8664Mode(options, levels);
}

class X8664Mode extends TableMode {
  readonly #lowMask: number;
  readonly #highMask: number;
  readonly #encryption: bigint;
  readonly #physicalBits: () => number | undefined;

  constructor(options: X8664Options, levels: readonly PagingLevel[]) {
    super({
      name: `x86-64, ${options.levels} levels`,
      levels,
      pageShift: 12,
      littleEndian: true,
      virtualBits: options.levels === 5 ? 57 : 48,
      addressBits: 64,
      split: 'shared',
    });
    this.#encryption = options.encryptionMask;
    this.#physicalBits = options.physicalBits ?? ((): undefined => undefined);
    this.#lowMask = Number(~options.encryptionMask & 0xffff_f000n) >>> 0;
    this.#highMask = (highAddress & Number(BigInt.asUintN(32, ~(options.encryptionMask >> 32n)))) >>> 0;
  }

  kind(level: number, low: number, high: number): EntryKind {
    if (((low & ~noneIgnores) | high) === 0) return entryKind.none;
    if ((low & present) === 0) return entryKind.notPresent;
    const depth = this.levels[level]?.depth ?? 4;
    if (depth === 4) return entryKind.leaf;
    if ((low & pageSize) === 0) return entryKind.table;
    return depth >= 2 ? entryKind.leaf : entryKind.malformed;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return (high & this.#highMask) * 0x1_0000_0000 + ((low & this.#lowMask) >>> 0);
  }

  leafAddress(level: number, low: number, high: number): number {
    const shift = this.levels[level]?.shift ?? 12;
    // A not-present entry keeps its frame number complemented, against L1TF (arch/x86/include/asm/pgtable-invert.h).
    const inverted = (low & present) === 0;
    const lowBits = inverted ? ~low : low;
    const highBits = inverted ? ~high : high;
    // Bits between 12 and the page's size are PAT and reserved, no address.
    const keep = shift >= 32 ? 0 : ((0xffff_ffff << shift) & this.#lowMask) >>> 0;
    return ((highBits & this.#highMask) >>> 0) * 0x1_0000_0000 + ((lowBits & keep) >>> 0);
  }

  override keepsFrame(level: number, low: number): boolean {
    if ((low & present) !== 0) return false;
    return (low & protNone) !== 0 || (this.levels[level]?.depth === 3 && (low & pageSize) !== 0);
  }

  flags(level: number, low: number, high: number): readonly string[] {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return [];
    const depth = this.levels[level]?.depth ?? 4;
    const table = kind === entryKind.table;
    const names: string[] = [];
    for (const [bit, leafName, tableName] of lowNames) {
      if ((low & bit) === 0) continue;
      const name = bit === protNone && (low & present) === 0 ? 'PROTNONE' : table ? tableName : leafName;
      if (name !== undefined) names.push(name);
    }
    if ((low & pageSize) !== 0) names.push(depth === 4 ? 'PAT' : 'PSE');
    if (kind === entryKind.leaf && depth < 4 && (low & largePat) !== 0) names.push('PAT_LARGE');
    if (this.#encryption !== 0n && ((BigInt(high >>> 0) << 32n) & this.#encryption) !== 0n) names.push('ENC');
    if ((high & 0x0200_0000) !== 0) names.push(table ? 'SOFTW4' : 'DEVMAP');
    if ((high & 0x0400_0000) !== 0) names.push(table ? 'NOPTISHADOW' : 'SAVED_DIRTY');
    if (kind === entryKind.leaf && (low & user) !== 0) {
      const key = (high >>> 27) & 0xf;
      if (key !== 0) names.push(`PKEY${key}`);
    }
    if ((high & noExecuteHigh) !== 0) names.push('NX');
    return names;
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    if (this.kind(level, low, high) !== entryKind.leaf) return undefined;
    const depth = this.levels[level]?.depth ?? 4;
    const pat = (low & (depth === 4 ? pageSize : largePat)) === 0 ? 0 : 4;
    return linuxPat[pat | ((low >> 3) & 3)];
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return `the page-size bit is reserved at the ${this.nameOf(level)} level`;
    if (kind !== entryKind.leaf && kind !== entryKind.table) return undefined;
    const beyond = reservedAddressBits(high & this.#highMask, this.#physicalBits);
    if (beyond !== undefined) return beyond;
    if (kind === entryKind.table || this.depthOf(level) === 4) return undefined;
    const shift = this.levels[level]?.shift ?? 12;
    const inside = (low & ((2 ** Math.min(shift, 32) - 1) & ~0x1fff)) >>> 0;
    if (inside !== 0) return `the leaf is not aligned to its ${2 ** (shift - 20)} MiB: bits 0x${inside.toString(16)} are set`;
    // Linux chooses a cache type by its first PAT slot; 4 and 6 repeat 0 and 2 (arch/x86/mm/pat/memtype.c).
    if ((low & largePat) !== 0 && (low & 0x8) === 0) {
      return 'bit 12 is set, which chooses a PAT slot that Linux never uses; were it an address bit, the leaf would not be aligned';
    }
    return undefined;
  }

  rights(_level: number, low: number, high: number): Rights {
    return { write: (low & writable) !== 0, execute: (high & noExecuteHigh) === 0, user: (low & user) !== 0 };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.levels[level]?.name ?? 'entry';
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return `the ${entry} entry has the page-size bit, which is reserved at this level`;
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    const frame = `0x${this.leafAddress(level, low, high).toString(16)}`;
    if ((low & protNone) !== 0) return `the ${entry} entry is PROT_NONE (its frame, stored inverted, is at ${frame})`;
    if ((this.levels[level]?.depth ?? 4) < 4 && (low & pageSize) !== 0) {
      return `the ${entry} entry is a large page that was invalidated (its frame, stored inverted, is at ${frame})`;
    }
    if (!context.userAddress) return `the ${entry} entry is not present (its frame, stored inverted, was at ${frame})`;
    return `the ${entry} entry is ${describeSwapEntry(swapOf(low, high))}`;
  }
}

/** Every x86 CPU that runs Linux in 64-bit mode has as many physical address bits. */
const leastPhysicalBits = 36;

/** In words, which address bits from 32 up lie above MAXPHYADDR; undefined when none does, or it is not known. */
export function reservedAddressBits(high: number, physicalBits: () => number | undefined): string | undefined {
  const above = (bits: number): number => (high & highAddress & ~(2 ** (bits - 32) - 1)) >>> 0;
  if (above(leastPhysicalBits) === 0) return undefined;
  const bits = physicalBits();
  if (bits === undefined || bits < 32 || bits >= 52) return undefined;
  const reserved = above(bits);
  if (reserved === 0) return undefined;
  return `address bits 0x${(BigInt(reserved) << 32n).toString(16)} are reserved on a CPU with ${bits}-bit physical addresses`;
}

/** Linux's PAT (arch/x86/mm/pat/memtype.c), by PAT, PCD and PWT bits (4, 2 and 1). */
export const linuxPat = ['WB', 'WC', 'UC-', 'UC', 'WB', 'WP', 'UC-', 'WT'] as const;

/** Type in bits 59-63, offset complemented in bits 9-58 (arch/x86/include/asm/pgtable_64.h). */
function swapOf(low: number, high: number): SwapEntry {
  const entry = wholeEntry(low, high);
  return {
    type: Number(entry >> 59n),
    offset: BigInt.asUintN(64, ~entry << 5n) >> 14n,
    softDirty: (low & 2) !== 0,
    uffdWp: (low & 4) !== 0,
    exclusive: (low & 8) !== 0,
  };
}
