/**
 * riscv paging: Sv39, Sv48 and Sv57 with Svnapot and Svpbmt, and T-Head's own memory types (RISC-V privileged manual,
 * 12.3-12.6; arch/riscv/include/asm/pgtable-bits.h, pgtable-64.h). Entries pass as two 32-bit halves.
 */
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, Rights } from './paging-mode.ts';
import { describeSwapEntry } from './swap-entry.ts';
import { bitNames, TableMode, wholeEntry } from './table-mode.ts';

/** The width of addresses (Sv39, Sv48, Sv57), and where the CPU has the bits of memory types. */
export interface RiscvOptions {
  /** 39, 48 or 57. */
  readonly virtualBits: 39 | 48 | 57;
  /** Whether the CPU is a T-Head, whose memory types stand in bits 59-63 (XTheadMae) instead of Svpbmt's 61-62. */
  readonly thead: boolean;
}

const present = 0x1;
const read = 0x2;
const write = 0x4;
const execute = 0x8;
const user = 0x10;
const global = 0x20;
const permissions = read | write | execute;
const napot = 0x8000_0000;
/** PPN[3:0] of a 64 KiB NAPOT group. */
const napotPattern = 0x8;
const napotShift = 16;

const lowNames: readonly (readonly [mask: number, name: string])[] = [
  [present, 'PRESENT'],
  [read, 'READ'],
  [write, 'WRITE'],
  [execute, 'EXEC'],
  [user, 'USER'],
  [global, 'GLOBAL'],
  [0x40, 'ACCESSED'],
  [0x80, 'DIRTY'],
  [0x100, 'SPECIAL'],
  [0x200, 'DEVMAP'],
];

const highNames: readonly (readonly [mask: number, name: string])[] = [
  // Software's with Svrsw60t59b.
  [0x0800_0000, 'SOFT_DIRTY'],
  [0x1000_0000, 'UFFD_WP'],
  [napot, 'NAPOT'],
];

const namesByBits = {
  39: [
    ['pgd', 0],
    ['pmd', 3],
    ['pte', 4],
  ],
  48: [
    ['pgd', 0],
    ['pud', 2],
    ['pmd', 3],
    ['pte', 4],
  ],
  57: [
    ['pgd', 0],
    ['p4d', 1],
    ['pud', 2],
    ['pmd', 3],
    ['pte', 4],
  ],
} as const;

/** Sv39, Sv48 or Sv57, with the extensions that `options` name. */
export function riscvMode(options: RiscvOptions): RiscvMode {
  return new RiscvMode(options);
}

class RiscvMode extends TableMode {
  readonly #thead: boolean;

  constructor(options: RiscvOptions) {
    const names = namesByBits[options.virtualBits];
    super({
      name: `riscv64, Sv${options.virtualBits}`,
      levels: names.map(([name, depth], index): PagingLevel => ({
        name,
        depth,
        shift: 12 + 9 * (names.length - 1 - index),
        indexBits: 9,
        entrySize: 8,
      })),
      pageShift: 12,
      littleEndian: true,
      virtualBits: options.virtualBits,
      addressBits: 64,
      split: 'shared',
    });
    this.#thead = options.thead;
  }

  kind(level: number, low: number, high: number): EntryKind {
    if ((low & present) === 0) return (low | high) === 0 ? entryKind.none : entryKind.notPresent;
    if ((low & permissions) === 0) return this.depthOf(level) === 4 ? entryKind.malformed : entryKind.table;
    return (low & (read | write)) === write || isBeyond(high) ? entryKind.malformed : entryKind.leaf;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return frameOf(low, high) * 4096;
  }

  leafAddress(level: number, low: number, high: number): number {
    const size = 2 ** this.leafShift(level, low, high);
    return Math.floor((frameOf(low, high) * 4096) / size) * size;
  }

  override leafShift(level: number, low: number, high: number): number {
    if (this.#isNapot(level, low, high)) return napotShift;
    return this.levels[level]?.shift ?? 12;
  }

  /** PROT_NONE (the GLOBAL bit without PRESENT), or a large page that lost PRESENT while it is split. */
  override keepsFrame(level: number, low: number): boolean {
    return (low & (present | global)) === global || this.#isInvalidated(level, low);
  }

  flags(level: number, low: number, high: number): readonly string[] {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return [];
    if (kind === entryKind.notPresent && !this.keepsFrame(level, low)) return [];
    const names = bitNames(
      low,
      kind === entryKind.notPresent ? lowNames.map(([mask, name]) => [mask, mask === global ? 'PROT_NONE' : name] as const) : lowNames,
    );
    const type = kind === entryKind.leaf ? this.#memoryType(high) : undefined;
    if (type !== undefined && type !== 'PMA') names.push(type);
    if (!this.#thead) names.push(...bitNames(high, highNames));
    return names;
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    return this.kind(level, low, high) === entryKind.leaf ? this.#memoryType(high) : undefined;
  }

  /** A table gives every right: only leaves restrict. */
  rights(level: number, low: number, high: number): Rights {
    if (this.kind(level, low, high) === entryKind.table) return { write: true, execute: true, user: true };
    return { write: (low & write) !== 0, execute: (low & execute) !== 0, user: (low & user) !== 0 };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) {
      if ((low & permissions) !== 0 && isBeyond(high))
        return `the ${entry} entry's physical address is above 2^53, where no machine has memory`;
      return this.depthOf(level) === 4 && (low & permissions) === 0
        ? `the ${entry} entry points to a further table, which the last level cannot`
        : `the ${entry} entry is writable but not readable, which is reserved`;
    }
    if (this.keepsFrame(level, low)) {
      const what = (low & global) !== 0 ? 'PROT_NONE' : 'a large page that was invalidated';
      return `the ${entry} entry is ${what} (its frame is at 0x${this.leafAddress(level, low, high).toString(16)})`;
    }
    if (!context.userAddress) return `the ${entry} entry is not present`;
    // Type in bits 7-11, offset from bit 12, exclusive in 6, soft-dirty in 3, uffd-wp in 4 (arch/riscv/include/asm/pgtable.h).
    const swap = {
      type: (low >> 7) & 0x1f,
      offset: wholeEntry(low, high) >> 12n,
      softDirty: (low & execute) !== 0,
      uffdWp: (low & user) !== 0,
      exclusive: (low & 0x40) !== 0,
    };
    return `the ${entry} entry is ${describeSwapEntry(swap)}`;
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return this.explain(level, low, high, { userAddress: false });
    if (kind !== entryKind.leaf && kind !== entryKind.table) return undefined;
    // Bits 59 and 60 are software's with Svrsw60t59b.
    const reserved = (high & (!this.#thead && kind === entryKind.table ? 0xe7c0_0000 : 0x07c0_0000)) >>> 0;
    if (reserved !== 0) return `bits 0x${(BigInt(reserved) << 32n).toString(16)} are reserved`;
    if (kind === entryKind.table) {
      const meant = low & 0xd0;
      return meant === 0 ? undefined : `bits 0x${meant.toString(16)} (U, A, D) are reserved in a table pointer`;
    }
    if (!this.#thead && (high & 0x6000_0000) >>> 0 === 0x6000_0000) return 'memory type 3 (Svpbmt) is reserved';
    if (!this.#thead && (high & napot) !== 0 && !this.#isNapot(level, low, high)) {
      return 'the NAPOT bit stands with a size that is reserved (only 64 KiB groups of ptes are defined)';
    }
    const frames = 2 ** ((this.levels[level]?.shift ?? 12) - 12);
    const inside = frameOf(low, high) % frames;
    return inside === 0 || this.#isNapot(level, low, high)
      ? undefined
      : `the leaf is not aligned to its size: PPN bits 0x${inside.toString(16)} are set`;
  }

  /** A swap entry has neither READ nor WRITE (pmd_present() of arch/riscv/include/asm/pgtable.h). */
  #isInvalidated(level: number, low: number): boolean {
    return this.depthOf(level) < 4 && (low & present) === 0 && (low & (read | write)) !== 0;
  }

  #isNapot(level: number, low: number, high: number): boolean {
    return !this.#thead && (high & napot) !== 0 && this.depthOf(level) === 4 && ((low >> 10) & 0xf) === napotPattern;
  }

  #memoryType(high: number): string | undefined {
    if (this.#thead) {
      const type = high >>> 27;
      return theadTypes.get(type) ?? `T-Head type 0x${type.toString(16)}`;
    }
    return ['PMA', 'NC', 'IO', 'reserved'][(high >>> 29) & 3];
  }
}

/**
 * Bits 59-63: strongly ordered, cacheable, bufferable, shareable, trustable (arch/riscv/include/asm/pgtable-64.h). Kernels
 * before 6.7 wrote NC and IO without "bufferable" and "shareable", and 6.7 wrote NC without "bufferable".
 */
const theadTypes: ReadonlyMap<number, string> = new Map([
  [0b0_1110, 'PMA'],
  [0b0_0110, 'NC'],
  [0b0_0010, 'NC'],
  [0b0_0000, 'NC'],
  [0b1_0010, 'IO'],
  [0b1_0000, 'IO'],
]);

/** Whether the physical address lies above 2^53: PPNs have 44 bits. */
function isBeyond(high: number): boolean {
  return (high & 0x003f_ffff) >= 0x0008_0000;
}

/** PPN in bits 10-53. */
function frameOf(low: number, high: number): number {
  return (high & 0x003f_ffff) * 0x40_0000 + (low >>> 10);
}
