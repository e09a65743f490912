/**
 * Paging of arc with an MMU of version 3 or 4 (arch/arc/include/asm/pgtable-levels.h, pgtable-bits-arcv2.h). Software fills
 * the TLB. The MMU translates only the lower 2 GiB: user mode up to 0x60000000 and the kernel's vmalloc space below
 * 0x80000000, of which every root has a copy (arch/arc/mm/fault.c). From there on an address is its own physical address.
 */
import type { Address } from '../base/address.ts';
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, PagingMode, Rights } from './paging-mode.ts';
import { bitNames, TableMode } from './table-mode.ts';
import { describeSwapEntry } from './swap-entry.ts';
import type { SwapEntry } from './swap-entry.ts';

/** What an ARC kernel was configured with (arch/arc/include/asm/pgtable-levels.h). */
export interface ArcOptions {
  /** log2 of CONFIG_ARC_PAGE_SIZE_*. */
  readonly pageShift: 12 | 13 | 14;
  /** CONFIG_PGTABLE_LEVELS. 2 unless it is given. */
  readonly levels?: 2 | 3 | 4 | undefined;
  /** With 2 levels, log2 of what a pgd entry covers: 21, 22 (the default with 4K pages) or 24 (CONFIG_ARC_HUGEPAGE_16M). */
  readonly directoryShift?: 21 | 22 | 24 | undefined;
  /** CONFIG_ARC_HAS_PAE40: ptes of 8 bytes, physical addresses of 40 bits. */
  readonly pae40?: boolean | undefined;
  readonly littleEndian?: boolean | undefined;
}

/**
 * The paging of one arc kernel; page size and table sizes are its configuration's (CONFIG_ARC_PAGE_SIZE_*,
 * CONFIG_PGTABLE_LEVELS).
 */
export function arc(options: ArcOptions): PagingMode {
  return new ArcMode(options);
}

const taskSize = 0x6000_0000n;
const untranslated = 0x8000_0000;

const execute = 0x2;
const write = 0x4;
const read = 0x8;
const globalBit = 0x100;
const present = 0x200;
/** HW_SZ: a large page (MMU version 4). */
const size = 0x400;
const names = [
  [0x1, 'CACHEABLE'],
  [0x2, 'EXECUTE'],
  [0x4, 'WRITE'],
  [0x8, 'READ'],
  [0x10, 'ACCESSED'],
  [0x20, 'DIRTY'],
  [0x40, 'SPECIAL'],
  [0x100, 'GLOBAL'],
  [0x200, 'PRESENT'],
  [0x400, 'HW_SZ'],
] as const;

function levelsOf(options: ArcOptions): PagingLevel[] {
  const shifts: readonly (readonly [name: string, depth: number, shift: number])[] =
    (options.levels ?? 2) === 2
      ? [['pgd', 0, options.directoryShift ?? (options.pageShift === 12 ? 22 : 21)]]
      : options.levels === 3
        ? [
            ['pgd', 0, 28],
            ['pmd', 3, 21],
          ]
        : [
            ['pgd', 0, 28],
            ['pud', 2, 25],
            ['pmd', 3, 21],
          ];
  const upper = shifts.map(([name, depth, shift], index): PagingLevel => {
    const above = shifts[index - 1]?.[2] ?? 32;
    return { name, depth, shift, indexBits: above - shift, entrySize: 4 };
  });
  const covered = shifts.at(-1)?.[2] ?? 32;
  const pte = { name: 'pte', depth: 4, shift: options.pageShift, indexBits: covered - options.pageShift };
  return [...upper, { ...pte, entrySize: options.pae40 === true ? 8 : 4 }];
}

class ArcMode extends TableMode {
  constructor(options: ArcOptions) {
    const levels = levelsOf(options);
    super({
      name: `arc, ${2 ** (options.pageShift - 10)}K pages, ${levels.length} levels${options.pae40 === true ? ', PAE40' : ''}`,
      levels,
      pageShift: options.pageShift,
      littleEndian: options.littleEndian ?? true,
      virtualBits: 32,
      addressBits: 32,
      split: 'shared',
      windowPages: { start: untranslated / 4096, end: 2 ** 20 },
    });
  }

  override isUserAddress(address: Address): boolean {
    return address < taskSize;
  }

  override directWindow(address: Address): number | undefined {
    return address >= BigInt(untranslated) && address < 1n << 32n ? Number(address) : undefined;
  }

  kind(level: number, low: number, high: number): EntryKind {
    if ((low | high) === 0) return entryKind.none;
    if (level === this.levels.length - 1 || (level === this.levels.length - 2 && (low & size) !== 0)) {
      return (low & present) === 0 || (low & (execute | write | read)) === 0 ? entryKind.notPresent : entryKind.leaf;
    }
    return low >>> 0 >= untranslated ? entryKind.table : entryKind.malformed;
  }

  tableAddress(_level: number, low: number): number {
    return (low & (-1 << this.pageShift)) >>> 0;
  }

  leafAddress(level: number, low: number, high: number): number {
    return (high & 0xff) * 0x1_0000_0000 + ((low & (-1 << (this.levels[level]?.shift ?? this.pageShift))) >>> 0);
  }

  override keepsFrame(level: number, low: number, high: number): boolean {
    if (this.kind(level, low, high) !== entryKind.notPresent) return false;
    return (low & present) !== 0 || this.depthOf(level) < 4;
  }

  flags(level: number, low: number, high: number): readonly string[] {
    return this.kind(level, low, high) === entryKind.leaf || this.keepsFrame(level, low, high) ? bitNames(low, names) : [];
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    if (this.kind(level, low, high) !== entryKind.leaf) return undefined;
    return (low & 1) === 0 ? 'UNCACHED' : 'CACHEABLE';
  }

  rights(level: number, low: number, high: number): Rights {
    if (this.kind(level, low, high) === entryKind.table) return { write: true, execute: true, user: true };
    // Of a GLOBAL page the rights are the kernel's alone (CONV_PTE_TO_TLB in arch/arc/mm/tlbex.S).
    return { write: (low & write) !== 0, execute: (low & execute) !== 0, user: (low & globalBit) === 0 };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) {
      return `the ${entry} entry 0x${(low >>> 0).toString(16)} is no address of a table: tables lie from 0x80000000 on`;
    }
    if (this.keepsFrame(level, low, high)) {
      const what = (low & present) !== 0 ? 'PROT_NONE' : 'a large page that was invalidated';
      return `the ${entry} entry is ${what} (its frame is at 0x${this.leafAddress(level, low, high).toString(16)})`;
    }
    return context.userAddress ? `the ${entry} entry is ${describeSwapEntry(swapOf(low))}` : `the ${entry} entry is not present`;
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return this.explain(level, low, high, { userAddress: false });
    if (kind === entryKind.table) {
      const below = low & (2 ** this.pageShift - 1);
      return below === 0 ? undefined : `bits 0x${below.toString(16)} are set below the address of the table`;
    }
    if (kind !== entryKind.leaf) return undefined;
    if (high >>> 8 !== 0) return 'its physical address has bits above the 40 of PAE40';
    if ((low & read) === 0) return 'it may be written or executed but not read, which Linux never maps';
    const shift = this.levels[level]?.shift ?? this.pageShift;
    if (shift === this.pageShift) return (low & size) === 0 ? undefined : 'the size bit of a large page is set in a pte';
    const inside = low & (2 ** shift - 2 ** this.pageShift);
    return inside === 0 ? undefined : `the leaf is not aligned to its ${2 ** (shift - 20)} MiB: bits 0x${inside.toString(16)} are set`;
  }
}

/** Type in bits 0-4, exclusive in 5, offset from 13 up. */
function swapOf(low: number): SwapEntry {
  return { type: low & 0x1f, offset: BigInt(low >>> 13), softDirty: false, uffdWp: false, exclusive: (low & 0x20) !== 0 };
}
