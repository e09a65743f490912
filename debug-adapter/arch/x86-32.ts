/**
 * Paging of 32-bit x86: with PAE (Intel SDM vol. 3, 4.4: 3 levels, 8-byte entries) and without (4.3: 2 levels, 4-byte
 * entries). Names and software bits: arch/x86/include/asm/pgtable_types.h, pgtable-2level.h, pgtable-3level.h.
 */
import type { Address } from '../base/address.ts';
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, PagingMode, Rights } from './paging-mode.ts';
import { bitNames, TableMode, wholeEntry } from './table-mode.ts';
import { describeSwapEntry } from './swap-entry.ts';
import type { SwapEntry } from './swap-entry.ts';
import { linuxPat, reservedAddressBits } from './x86-64.ts';

const present = 0x1;
const writable = 0x2;
const user = 0x4;
/** Bit 7: a large page in a directory, PAT in a page table; of a swap entry, that it is exclusive. */
const pageSize = 0x80;
/** Bit 8: GLOBAL when present; PROT_NONE when not. */
const protNone = 0x100;
const largePat = 0x1000;
const noExecuteHigh = 0x8000_0000;

const leafNames = [
  [0x1, 'PRESENT'],
  [0x2, 'RW'],
  [0x4, 'USER'],
  [0x8, 'PWT'],
  [0x10, 'PCD'],
  [0x20, 'ACCESSED'],
  [0x40, 'DIRTY'],
  [0x100, 'GLOBAL'],
  [0x200, 'SPECIAL'],
  [0x400, 'SAVED_DIRTY'],
  [0x800, 'SOFTW3'],
] as const;
const notPresentNames = leafNames.map(([bit, name]) => [bit, bit === protNone ? 'PROTNONE' : name] as const);
const tableNames = leafNames.map(([bit, name]) => [bit, bit === 0x200 ? 'SOFTW1' : bit === 0x400 ? 'SOFTW2' : name] as const);
const rootNames = tableNames.map(([bit, name]) => [bit, bit === 0x400 ? 'NOPTISHADOW' : name] as const);
/** Bits 1, 2 and 5-8 of an entry of the PAE root are reserved: they have no names. */
const pointerNames = rootNames.filter(([bit]) => (bit & 0xe19) !== 0);

/** PAE tables: three levels, entries of 8 bytes (Intel SDM volume 3, 4.4). */
export interface X86PaeOptions {
  /** First kernel address (PAGE_OFFSET, which is TASK_SIZE too). */
  readonly pageOffset: bigint;
  /** MAXPHYADDR, where it is known: address bits above it are reserved. Asked only for entries with high address bits. */
  readonly physicalBits?: (() => number | undefined) | undefined;
}

/** Tables of two levels with entries of 4 bytes (Intel SDM volume 3, 4.3). */
export interface X86TwoLevelOptions {
  /** First kernel address (PAGE_OFFSET, which is TASK_SIZE too). */
  readonly pageOffset: bigint;
  /** MAXPHYADDR, where it is known: a 4 MiB page has at most 40 address bits (PSE-36), 32 on a CPU without PSE-36. */
  readonly physicalBits?: number | undefined;
}

/** PAE: pgd (4 entries), pmd, pte. */
export function x86Pae(options: X86PaeOptions): PagingMode {
  return new PaeMode(options);
}

/** Without PAE: pgd (4 MiB an entry), pte. */
export function x86TwoLevel(options: X86TwoLevelOptions): PagingMode {
  return new TwoLevelMode(options);
}

abstract class X8632Mode extends TableMode {
  readonly #pageOffset: bigint;

  constructor(name: string, levels: readonly PagingLevel[], pageOffset: bigint) {
    super({ name, levels, pageShift: 12, littleEndian: true, virtualBits: 32, addressBits: 32, split: 'shared' });
    this.#pageOffset = pageOffset;
  }

  override isUserAddress(address: Address): boolean {
    return address < this.#pageOffset;
  }

  override keepsFrame(level: number, low: number): boolean {
    if ((low & present) !== 0) return false;
    return (low & protNone) !== 0 || (this.isLargeLevel(level) && (low & pageSize) !== 0);
  }

  flags(level: number, low: number, high: number): readonly string[] {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return [];
    const names = bitNames(low, this.namesOf(level, kind));
    if ((low & pageSize) !== 0 && this.depthOf(level) === 4) names.push('PAT');
    if ((low & pageSize) !== 0 && this.isLargeLevel(level)) names.push('PSE');
    if (kind === entryKind.leaf && this.isLargeLevel(level) && (low & largePat) !== 0) names.push('PAT_LARGE');
    return names;
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    if (this.kind(level, low, high) !== entryKind.leaf) return undefined;
    const pat = (low & (this.isLargeLevel(level) ? largePat : pageSize)) === 0 ? 0 : 4;
    return linuxPat[pat | ((low >> 3) & 3)];
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    if (this.kind(level, low, high) === entryKind.none) return `the ${entry} entry is empty`;
    if (!this.isLargeLevel(level) && this.depthOf(level) < 4) return `the ${entry} entry is not present`;
    const { storing } = this;
    const frame = `0x${this.leafAddress(level, low, high).toString(16)}`;
    if ((low & protNone) !== 0) return `the ${entry} entry is PROT_NONE (its frame${storing} is at ${frame})`;
    if (this.isLargeLevel(level) && (low & pageSize) !== 0) {
      return `the ${entry} entry is a large page that was invalidated (its frame${storing} is at ${frame})`;
    }
    if (!context.userAddress) return `the ${entry} entry is not present (its frame${storing} was at ${frame})`;
    return `the ${entry} entry is ${describeSwapEntry(this.swapOf(level, low, high))}`;
  }

  /** For a large leaf that names PAT slot 4 or 6, as a stray address bit would. */
  protected patDefect(low: number): string | undefined {
    // Linux chooses a cache type by its first PAT slot; 4 and 6 repeat 0 and 2 (arch/x86/mm/pat/memtype.c).
    if ((low & largePat) === 0 || (low & 0x8) !== 0) return undefined;
    return 'bit 12 is set, which chooses a PAT slot that Linux never uses; were it an address bit, the leaf would not be aligned';
  }

  protected namesOf(level: number, kind: EntryKind): readonly (readonly [number, string])[] {
    if (kind === entryKind.notPresent) return notPresentNames;
    if (kind === entryKind.leaf) return leafNames;
    return level === 0 ? rootNames : tableNames;
  }

  /** Of a frame's number in an entry that is not present. */
  protected abstract readonly storing: string;
  protected abstract isLargeLevel(level: number): boolean;
  protected abstract swapOf(level: number, low: number, high: number): SwapEntry;
}

class PaeMode extends X8632Mode {
  protected readonly storing = ', stored inverted,';
  readonly #physicalBits: () => number | undefined;

  constructor(options: X86PaeOptions) {
    const levels: PagingLevel[] = [
      { name: 'pgd', depth: 0, shift: 30, indexBits: 2, entrySize: 8 },
      { name: 'pmd', depth: 3, shift: 21, indexBits: 9, entrySize: 8 },
      { name: 'pte', depth: 4, shift: 12, indexBits: 9, entrySize: 8 },
    ];
    super('x86, PAE', levels, options.pageOffset);
    this.#physicalBits = options.physicalBits ?? ((): undefined => undefined);
  }

  kind(level: number, low: number, high: number): EntryKind {
    // Accessed and dirty do not count when the kernel asks whether an entry is none (an erratum of Knights Landing).
    if (((low & ~0x60) | high) === 0) return entryKind.none;
    if ((low & present) === 0) return entryKind.notPresent;
    const depth = this.depthOf(level);
    return depth === 4 || (depth === 3 && (low & pageSize) !== 0) ? entryKind.leaf : entryKind.table;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return (high & 0x000f_ffff) * 0x1_0000_0000 + ((low & 0xffff_f000) >>> 0);
  }

  leafAddress(level: number, low: number, high: number): number {
    // A not-present entry keeps its frame number complemented, against L1TF (arch/x86/include/asm/pgtable-invert.h).
    const flip = (low & present) === 0 ? -1 : 0;
    // Bits between 12 and the page's size are PAT and reserved, no address.
    const keep = this.isLargeLevel(level) ? 0xffe0_0000 : 0xffff_f000;
    return ((high ^ flip) & 0x000f_ffff) * 0x1_0000_0000 + (((low ^ flip) & keep) >>> 0);
  }

  override flags(level: number, low: number, high: number): readonly string[] {
    const names = super.flags(level, low, high);
    return (high & noExecuteHigh) === 0 || this.depthOf(level) === 0 ? names : [...names, 'NX'];
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind !== entryKind.leaf && kind !== entryKind.table) return undefined;
    const root = this.depthOf(level) === 0;
    // Bit 5 is reserved too, but emulated CPUs (QEMU's TCG) mark accessed entries there as in any other level.
    const bits = wholeEntry(low, high) & (root ? 0x8000_0000_0000_01c6n : 0n);
    if (bits !== 0n) return `bits 0x${bits.toString(16)} are reserved in the page-directory-pointer table`;
    // With PAE the bits above the address are reserved, all but XD (SDM vol. 3, tables 4-8 to 4-11).
    const above = (high & 0x7ff0_0000) >>> 0;
    if (above !== 0) return `bits 0x${(BigInt(above) << 32n).toString(16)} are reserved with PAE`;
    const beyond = reservedAddressBits(high, this.#physicalBits);
    if (beyond !== undefined) return beyond;
    if (kind === entryKind.table || !this.isLargeLevel(level)) return undefined;
    const inside = low & 0x001f_e000;
    return inside === 0 ? this.patDefect(low) : `the leaf is not aligned to its 2 MiB: bits 0x${inside.toString(16)} are set`;
  }

  rights(level: number, low: number, high: number): Rights {
    // An entry of the page-directory-pointer table has no rights to withhold: bits 1, 2 and 63 are reserved.
    if (this.depthOf(level) === 0) return { write: true, execute: true, user: true };
    return { write: (low & writable) !== 0, execute: (high & noExecuteHigh) === 0, user: (low & user) !== 0 };
  }

  protected override namesOf(level: number, kind: EntryKind): readonly (readonly [number, string])[] {
    return level === 0 ? pointerNames : super.namesOf(level, kind);
  }

  protected isLargeLevel(level: number): boolean {
    return this.depthOf(level) === 3;
  }

  /** Type in bits 59-63, offset complemented in bits 9-58 (arch/x86/include/asm/pgtable-3level.h). */
  protected swapOf(level: number, low: number, high: number): SwapEntry {
    const entry = wholeEntry(low, high);
    return {
      type: high >>> 27,
      offset: BigInt.asUintN(50, ~entry >> 9n),
      softDirty: false,
      uffdWp: false,
      exclusive: this.depthOf(level) === 4 && (low & pageSize) !== 0,
    };
  }
}

class TwoLevelMode extends X8632Mode {
  protected readonly storing = '';
  readonly #physicalBits: number;

  constructor(options: X86TwoLevelOptions) {
    const levels: PagingLevel[] = [
      { name: 'pgd', depth: 0, shift: 22, indexBits: 10, entrySize: 4 },
      { name: 'pte', depth: 4, shift: 12, indexBits: 10, entrySize: 4 },
    ];
    super('x86, 2 levels', levels, options.pageOffset);
    this.#physicalBits = Math.min(40, Math.max(32, options.physicalBits ?? 40));
  }

  kind(level: number, low: number): EntryKind {
    if (low === 0) return entryKind.none;
    if ((low & present) === 0) return entryKind.notPresent;
    return this.depthOf(level) === 4 || (low & pageSize) !== 0 ? entryKind.leaf : entryKind.table;
  }

  tableAddress(_level: number, low: number): number {
    return (low & 0xffff_f000) >>> 0;
  }

  leafAddress(level: number, low: number): number {
    if (!this.isLargeLevel(level)) return (low & 0xffff_f000) >>> 0;
    // PSE-36: bits 13-20 are the physical address's bits 32-39 (SDM vol. 3, table 4-4), as many as the CPU has.
    const upper = (low >>> 13) & (2 ** (this.#physicalBits - 32) - 1);
    return upper * 0x1_0000_0000 + ((low & 0xffc0_0000) >>> 0);
  }

  override defect(level: number, low: number): string | undefined {
    if (this.kind(level, low) !== entryKind.leaf || !this.isLargeLevel(level)) return undefined;
    const reserved = low & 0x003f_e000 & ~((2 ** (this.#physicalBits - 32) - 1) << 13);
    return reserved === 0 ? this.patDefect(low) : `bits 0x${reserved.toString(16)} of a 4 MiB leaf are reserved on this CPU`;
  }

  rights(_level: number, low: number): Rights {
    return { write: (low & writable) !== 0, execute: true, user: (low & user) !== 0 };
  }

  protected isLargeLevel(level: number): boolean {
    return this.depthOf(level) === 0;
  }

  /** Type in bits 1-5, offset in bits 9-31 (arch/x86/include/asm/pgtable-2level.h). */
  protected swapOf(level: number, low: number): SwapEntry {
    return {
      type: (low >> 1) & 0x1f,
      offset: BigInt(low >>> 9),
      softDirty: false,
      uffdWp: false,
      exclusive: this.depthOf(level) === 4 && (low & pageSize) !== 0,
    };
  }
}
