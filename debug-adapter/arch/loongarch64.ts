/**
 * Paging of 64-bit loongarch (LoongArch Reference Manual vol. 1, 5.4; arch/loongarch/include/asm/pgtable-bits.h, pgtable.h).
 * Upper entries are the virtual addresses of the next table, in a window that needs none.
 */
import type { Address } from '../base/address.ts';
import { InvalidTables } from './invalid-tables.ts';
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, PagingMode, Rights } from './paging-mode.ts';
import { bitNames, TableMode, wholeEntry } from './table-mode.ts';
import { explainPlainAbsence } from './swap-entry.ts';

/** Of a swap entry: type in bits 16-22, exclusive in 23, offset from 24 up. */
const swapTypeShift = 16;

/** What a LoongArch kernel was configured with, and its CPU's width of virtual addresses. */
export interface Loongarch64Options {
  /** log2 of CONFIG_PAGE_SIZE_*: 4K, 16K, 64K. */
  readonly pageShift: 12 | 14 | 16;
  /** CONFIG_PGTABLE_*LEVEL. */
  readonly levels: 2 | 3 | 4;
  /** Bits of virtual addresses that the CPU has (VALEN): kernel mappings start at -2^(VALEN-1). 48 unless it is given. */
  readonly virtualBits?: number | undefined;
  /** Addresses of the kernel's invalid_p?d_table and invalid_pte_table, where they are known. */
  readonly invalidTables?: readonly bigint[] | undefined;
}

/**
 * The paging of one loongarch kernel; page size and levels are its configuration's (CONFIG_PGTABLE_LEVELS, CONFIG_PAGE_SIZE_*).
 */
export function loongarch64(options: Loongarch64Options): PagingMode {
  return new Loongarch64Mode(options);
}

const valid = 0x1;
const dirty = 0x2;
/** Bit 6: GLOBAL of a pte, HUGE of an upper entry. */
const globalOrHuge = 0x40;
const present = 0x80;
const writable = 0x100;
const protNone = 0x400;
const noExecuteHigh = 0x4000_0000;
const kernelHalf = 0x8000_0000_0000_0000n;
const windowBits = 48n;
/** The windows that the kernel sets up (CSR_DMW0-2): strongly ordered, cached, weakly ordered. */
const windowSegments: readonly bigint[] = [0x8000n, 0x9000n, 0xa000n];

/** MAT, bits 4-5. */
const cacheTypes: readonly (string | undefined)[] = ['SUC', 'CC', 'WUC'];
const lowNames = [
  [0x80, 'PRESENT'],
  [0x100, 'WRITE'],
  [0x200, 'MODIFIED'],
  [0x400, 'PROTNONE'],
  [0x800, 'SPECIAL'],
] as const;
const highNames = [
  [0x0800_0000, 'DEVMAP'],
  [0x1000_0000, 'PRESENT_INVALID'],
  [0x2000_0000, 'NO_READ'],
  [0x4000_0000, 'NO_EXEC'],
  [0x8000_0000, 'RPLV'],
] as const;

function levelsOf(pageShift: number, count: number): PagingLevel[] {
  const bits = pageShift - 3;
  return [
    { name: 'pgd', depth: 0, up: count - 1 },
    { name: 'pud', depth: 2, up: 2 },
    { name: 'pmd', depth: 3, up: 1 },
    { name: 'pte', depth: 4, up: 0 },
  ]
    .filter(({ depth, up }) => depth === 0 || up < count - 1)
    .map(({ name, depth, up }) => ({ name, depth, shift: pageShift + up * bits, indexBits: bits, entrySize: 8 }));
}

class Loongarch64Mode extends TableMode {
  readonly #invalid: InvalidTables;
  readonly #tableBits: bigint;
  /** First address that tables map in the kernel's half (vm_map_base). */
  readonly #mapBase: bigint;

  constructor(options: Loongarch64Options) {
    const virtualBits = options.virtualBits ?? 48;
    const tableBits = options.pageShift + options.levels * (options.pageShift - 3);
    const mapBase = BigInt.asUintN(64, -1n << BigInt(virtualBits - 1));
    super({
      name: `loongarch64, ${2 ** (options.pageShift - 10)}K pages, ${options.levels} levels`,
      levels: levelsOf(options.pageShift, options.levels),
      pageShift: options.pageShift,
      littleEndian: true,
      virtualBits,
      addressBits: 64,
      split: 'halves',
      kernelBase: (mapBase >> BigInt(tableBits)) << BigInt(tableBits),
    });
    this.#invalid = new InvalidTables(options.invalidTables);
    this.#tableBits = BigInt(tableBits);
    this.#mapBase = mapBase;
  }

  override isCanonical(address: Address): boolean {
    if (address >= this.#mapBase) return address - this.kernelBase < 1n << this.#tableBits;
    if (address >= kernelHalf) return this.directWindow(address) !== undefined;
    return address < 1n << this.#tableBits && address < 1n << BigInt(this.virtualBits - 1);
  }

  override isUserAddress(address: Address): boolean {
    return address < kernelHalf;
  }

  override directWindow(address: Address): number | undefined {
    return windowSegments.includes(address >> windowBits) ? Number(BigInt.asUintN(48, address)) : undefined;
  }

  kind(level: number, low: number, high: number): EntryKind {
    if (((low & ~globalOrHuge) | high) === 0) return entryKind.none;
    if (this.depthOf(level) === 4 || ((low & globalOrHuge) !== 0 && this.#isLargeLevel(level))) {
      return (low & present) === 0 ? entryKind.notPresent : entryKind.leaf;
    }
    if (this.#invalid.has(low, high)) return entryKind.none;
    if (isWindow(high) && (low & (2 ** this.pageShift - 1)) === 0) return entryKind.table;
    // A large page of hugetlb that was swapped or migrated has nothing in its low 16 bits.
    return this.#isLargeLevel(level) && (low & 0xffff) === 0 ? entryKind.notPresent : entryKind.malformed;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return (high & 0xffff) * 0x1_0000_0000 + (low >>> 0);
  }

  leafAddress(level: number, low: number, high: number): number {
    const physical = physicalOf(low, high);
    return physical - (physical % 2 ** (this.levels[level]?.shift ?? this.pageShift));
  }

  override keepsFrame(level: number, low: number, high: number): boolean {
    if (this.kind(level, low, high) !== entryKind.notPresent) return false;
    if ((low & protNone) !== 0) return true;
    // A large page keeps its other flags while it is split (and is marked PRESENT_INVALID, by newer kernels); a swap entry has
    // nothing but HUGE in its low 16 bits.
    return this.depthOf(level) < 4 && (low & globalOrHuge) !== 0 && (low & 0xffff & ~globalOrHuge) !== 0;
  }

  flags(level: number, low: number, high: number): readonly string[] {
    if (this.kind(level, low, high) !== entryKind.leaf && !this.keepsFrame(level, low, high)) return [];
    const huge = this.depthOf(level) < 4;
    const names: string[] = [];
    if ((low & valid) !== 0) names.push('VALID');
    if ((low & dirty) !== 0) names.push('DIRTY');
    names.push(`PLV${(low >>> 2) & 3}`);
    if ((low & globalOrHuge) !== 0) names.push(huge ? 'HUGE' : 'GLOBAL');
    names.push(...bitNames(low, lowNames));
    if (huge && (low & 0x1000) !== 0) names.push('HGLOBAL');
    return [...names, ...bitNames(high, highNames)];
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    return this.kind(level, low, high) === entryKind.leaf ? cacheTypes[(low >>> 4) & 3] : undefined;
  }

  rights(level: number, low: number, high: number): Rights {
    if (this.kind(level, low, high) === entryKind.table) return { write: true, execute: true, user: true };
    return { write: (low & writable) !== 0, execute: (high & noExecuteHigh) === 0, user: (low & 0xc) === 0xc };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) {
      return `the ${entry} entry 0x${wholeEntry(low, high).toString(16)} is no address of a table: tables lie in a direct window, on a page's start`;
    }
    if (this.keepsFrame(level, low, high)) {
      const what = (low & protNone) !== 0 ? 'PROT_NONE' : 'a large page that was invalidated';
      return `the ${entry} entry is ${what} (its frame is at 0x${this.leafAddress(level, low, high).toString(16)})`;
    }
    return explainPlainAbsence(entry, { low, high, shift: swapTypeShift }, context);
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return this.explain(level, low, high, { userAddress: false });
    if (kind !== entryKind.leaf) return undefined;
    const reserved = high & 0x07ff_0000;
    if (reserved !== 0) return `bits 0x${(BigInt(reserved) << 32n).toString(16)} are reserved`;
    const shift = this.levels[level]?.shift ?? this.pageShift;
    // Bit 12 of a large page is HGLOBAL, no address.
    const inside = physicalOf(this.depthOf(level) < 4 ? low & ~0x1000 : low, high) % 2 ** shift;
    if (inside !== 0) return `the leaf is not aligned to its ${2 ** (shift - 10)} KiB: address bits 0x${inside.toString(16)} are set`;
    if ((low & 0x30) === 0x30) return 'its memory access type (MAT 3) is reserved';
    if ((low & dirty) !== 0 && (low & writable) === 0) return 'the TLB may write (DIRTY) what the kernel may not (no WRITE)';
    return undefined;
  }

  /** The level above the ptes, whatever it is called, and pud where there is one. */
  #isLargeLevel(level: number): boolean {
    return level === this.levels.length - 2 || this.depthOf(level) === 2;
  }
}

/** Bits 12-47. */
function physicalOf(low: number, high: number): number {
  return (high & 0xffff) * 0x1_0000_0000 + ((low & 0xffff_f000) >>> 0);
}

function isWindow(high: number): boolean {
  const segment = high >>> 16;
  return segment === 0x8000 || segment === 0x9000 || segment === 0xa000;
}
