/**
 * Paging of 64-bit mips (arch/mips/include/asm/pgtable-64.h, pgtable-bits.h, addrspace.h). Software fills the TLB: a pte is
 * EntryLo shifted up over the kernel's own bits, whose places the configuration decides, and upper entries are the virtual
 * addresses of the next table, in a window that needs none (MIPS64 Architecture vol. III, 4.2).
 */
import type { Address } from '../base/address.ts';
import { InvalidTables } from './invalid-tables.ts';
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, PagingMode, Rights } from './paging-mode.ts';
import { bitNames, TableMode, wholeEntry } from './table-mode.ts';
import { explainPlainAbsence } from './swap-entry.ts';

/** Of a swap entry: type in bits 16-22, exclusive in 23, offset from 24 up. */
const swapTypeShift = 16;

/** What a MIPS64 kernel was configured with; its tables are walked by software, so that this alone tells their shape. */
export interface Mips64Options {
  /** log2 of CONFIG_PAGE_SIZE_*. */
  readonly pageShift: 12 | 13 | 14 | 15 | 16;
  /** CONFIG_MIPS_VA_BITS_48: 4 levels with 4K pages, 3 with 16K and 64K. False unless it is given. */
  readonly vaBits48?: boolean | undefined;
  readonly littleEndian: boolean;
  /** CONFIG_CPU_HAS_RIXI (MIPS64 R2 and later). True unless it is given. */
  readonly rixi?: boolean | undefined;
  /** CONFIG_MIPS_HUGE_TLB_SUPPORT (hugetlb or transparent huge pages). True unless it is given. */
  readonly huge?: boolean | undefined;
  /** CONFIG_ARCH_HAS_PTE_SPECIAL (since 5.1). True unless it is given. */
  readonly special?: boolean | undefined;
  /** CONFIG_HAVE_ARCH_SOFT_DIRTY. False unless it is given. */
  readonly softDirty?: boolean | undefined;
  /** Addresses of the kernel's invalid_p?d_table and invalid_pte_table, where they are known. */
  readonly invalidTables?: readonly bigint[] | undefined;
}

/** The paging of one mips64 kernel; page size, levels and the places of the software bits are its configuration's. */
export function mips64(options: Mips64Options): PagingMode {
  return new Mips64Mode(options);
}

/** XKSEG, which the kernel's root maps; CKSSEG and CKSEG3 come round to the root's last entries. */
const mappedKernel = 0xc000_0000_0000_0000n;
const physicalWindows = 0x8000_0000_0000_0000n;
const compatibilityStart = 0xffff_ffff_8000_0000n;

/** CCA, bits 3-5 of EntryLo. */
const cacheTypes = [
  'CACHABLE_NO_WA',
  'CACHABLE_WA',
  'UNCACHED',
  'CACHABLE_NONCOHERENT',
  'CACHABLE_CE',
  'CACHABLE_COW',
  'CACHABLE_CUW',
  'UNCACHED_ACCELERATED',
] as const;

function levelsOf(pageShift: number, vaBits48: boolean): PagingLevel[] {
  const bits = pageShift - 3;
  const level = (name: string, depth: number, up: number, indexBits = bits): PagingLevel => ({
    name,
    depth,
    shift: pageShift + up * bits,
    indexBits,
    entrySize: 8,
  });
  const pte = level('pte', 4, 0);
  if (pageShift === 16 && !vaBits48) return [level('pgd', 0, 1), pte];
  const pmd = level('pmd', 3, 1);
  if (pageShift === 12 && vaBits48) return [level('pgd', 0, 3), level('pud', 2, 2), pmd, pte];
  const doubled = (pageShift === 12 && !vaBits48) || (pageShift === 14 && vaBits48);
  return [level('pgd', 0, 2, doubled ? bits + 1 : bits), pmd, pte];
}

class Mips64Mode extends TableMode {
  readonly #names: readonly (readonly [mask: number, name: string])[];
  readonly #invalid: InvalidTables;
  readonly #write: number;
  readonly #huge: number;
  readonly #noExecute: number;
  readonly #noRead: number;
  readonly #global: number;
  readonly #dirty: number;
  readonly #cacheShift: number;
  /** Bits of an entry below those of a physical address from 4 KiB up. */
  readonly #addressShift: number;

  constructor(options: Mips64Options) {
    const levels = levelsOf(options.pageShift, options.vaBits48 ?? false);
    const top = levels[0];
    super({
      name: `mips64, ${2 ** (options.pageShift - 10)}K pages, ${levels.length} levels`,
      levels,
      pageShift: options.pageShift,
      littleEndian: options.littleEndian,
      virtualBits: top === undefined ? 0 : top.shift + top.indexBits,
      addressBits: 64,
      split: 'halves',
      kernelBase: mappedKernel,
    });
    const rixi = options.rixi ?? true;
    // The order of enum pgtable_bits for r4k systems.
    const order = [
      'PRESENT',
      ...(rixi ? [] : ['NO_READ']),
      'WRITE',
      'ACCESSED',
      'MODIFIED',
      ...((options.huge ?? true) ? ['HUGE'] : []),
      ...((options.special ?? true) ? ['SPECIAL'] : []),
      ...((options.softDirty ?? false) ? ['SOFT_DIRTY'] : []),
      ...(rixi ? ['NO_EXEC', 'NO_READ'] : []),
      'GLOBAL',
      'VALID',
      'DIRTY',
    ];
    const bit = (name: string): number => (order.includes(name) ? 1 << order.indexOf(name) : 0);
    this.#names = order.map((name) => [bit(name), name] as const);
    this.#invalid = new InvalidTables(options.invalidTables);
    this.#write = bit('WRITE');
    this.#huge = bit('HUGE');
    this.#noExecute = bit('NO_EXEC');
    this.#noRead = bit('NO_READ');
    this.#global = bit('GLOBAL');
    this.#dirty = bit('DIRTY');
    this.#cacheShift = order.length;
    this.#addressShift = order.length + 3;
  }

  override isCanonical(address: Address): boolean {
    if (address >= compatibilityStart) return true;
    if (address >= mappedKernel) return address - mappedKernel < 1n << BigInt(this.virtualBits);
    if (address >= physicalWindows) return this.directWindow(address) !== undefined;
    return address < 1n << BigInt(this.virtualBits);
  }

  override isUserAddress(address: Address): boolean {
    return address < physicalWindows;
  }

  override directWindow(address: Address): number | undefined {
    if (address < physicalWindows) return undefined;
    return windowAddress(Number(BigInt.asUintN(32, address)), Number(address >> 32n));
  }

  kind(level: number, low: number, high: number): EntryKind {
    if (((low & ~this.#global) | high) === 0) return entryKind.none;
    if (this.#isPage(level, low)) {
      if ((low & 1) === 0 || this.#isProtNone(low)) return entryKind.notPresent;
      return this.#isBeyond(high) ? entryKind.malformed : entryKind.leaf;
    }
    if (this.#invalid.has(low, high)) return entryKind.none;
    const target = windowAddress(low, high);
    if (target !== undefined && target % 2 ** this.pageShift === 0) return entryKind.table;
    // A large page of hugetlb that was swapped or migrated has nothing in its low 16 bits.
    return this.#isLargeLevel(level) && (low & 0xffff) === 0 ? entryKind.notPresent : entryKind.malformed;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return windowAddress(low, high) ?? 0;
  }

  leafAddress(level: number, low: number, high: number): number {
    const physical = this.#physical(low, high);
    return physical - (physical % 2 ** (this.levels[level]?.shift ?? this.pageShift));
  }

  override keepsFrame(level: number, low: number, high: number): boolean {
    if (this.kind(level, low, high) !== entryKind.notPresent) return false;
    return (low & 1) !== 0 || (this.depthOf(level) < 4 && (low & this.#huge) !== 0);
  }

  flags(level: number, low: number, high: number): readonly string[] {
    return this.kind(level, low, high) === entryKind.leaf || this.keepsFrame(level, low, high) ? bitNames(low, this.#names) : [];
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    return this.kind(level, low, high) === entryKind.leaf ? cacheTypes[(low >>> this.#cacheShift) & 7] : undefined;
  }

  rights(level: number, low: number, high: number, userAddress: boolean): Rights {
    if (this.kind(level, low, high) === entryKind.table) return { write: true, execute: true, user: true };
    // No bit tells user pages: the address does.
    return { write: (low & this.#write) !== 0, execute: (low & this.#noExecute) === 0, user: userAddress };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) {
      if (this.#isPage(level, low)) return `the ${entry} entry's physical address is above 2^53, where no machine has memory`;
      return `the ${entry} entry 0x${wholeEntry(low, high).toString(16)} is no address of a table: tables lie in XKPHYS or CKSEG0, on a page's start`;
    }
    if (this.keepsFrame(level, low, high)) {
      const what = (low & 1) !== 0 ? 'PROT_NONE' : 'a large page that was invalidated';
      return `the ${entry} entry is ${what} (its frame is at 0x${this.leafAddress(level, low, high).toString(16)})`;
    }
    return explainPlainAbsence(entry, { low, high, shift: swapTypeShift }, context);
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return this.explain(level, low, high, { userAddress: false });
    if (kind !== entryKind.leaf) return undefined;
    const shift = this.levels[level]?.shift ?? this.pageShift;
    const inside = this.#physical(low, high) % 2 ** shift;
    if (inside !== 0) return `the leaf is not aligned to its ${2 ** (shift - 10)} KiB: address bits 0x${inside.toString(16)} are set`;
    if ((low & this.#dirty) !== 0 && (low & this.#write) === 0) return 'the TLB may write (DIRTY) what the kernel may not (no WRITE)';
    return undefined;
  }

  /** The level above the ptes, whatever it is called, and pud where there is one. */
  #isLargeLevel(level: number): boolean {
    return level === this.levels.length - 2 || this.depthOf(level) === 2;
  }

  /** Whether an entry maps (or mapped) memory rather than point to a table: a pte, or an upper entry with HUGE. */
  #isPage(level: number, low: number): boolean {
    return this.depthOf(level) === 4 || ((low & this.#huge) !== 0 && this.#isLargeLevel(level));
  }

  /** Whether the physical address lies above 2^53. */
  #isBeyond(high: number): boolean {
    return high >>> (9 + this.#addressShift) !== 0;
  }

  /** Neither read nor written: every mapping that allows anything has WRITE or lacks NO_READ (arch/mips/mm/cache.c). */
  #isProtNone(low: number): boolean {
    return (low & (1 | this.#noRead | this.#write)) === (1 | this.#noRead);
  }

  /** The physical address, to 4 KiB; what lies above 2^53 is cut off. */
  #physical(low: number, high: number): number {
    const upper = high & (2 ** (9 + this.#addressShift) - 1);
    return upper * 2 ** (44 - this.#addressShift) + (low >>> this.#addressShift) * 4096;
  }
}

/** Physical address of an address in XKPHYS, CKSEG0 or CKSEG1, in bytes; undefined elsewhere and from 2^53 up. */
function windowAddress(low: number, high: number): number | undefined {
  if (high >>> 0 === 0xffff_ffff) return low >>> 30 === 2 ? low & 0x1fff_ffff : undefined;
  // Bits 59-61 of XKPHYS choose the cache type.
  const upper = high & 0x07ff_ffff;
  return high >>> 30 === 2 && upper < 2 ** 21 ? upper * 0x1_0000_0000 + (low >>> 0) : undefined;
}
