/**
 * s390x dynamic address translation: region and segment tables (z/Architecture Principles of Operation, chapter 3;
 * arch/s390/include/asm/pgtable.h). Entries are big-endian and pass as two 32-bit halves; all flags lie in the low one.
 */
import type { Address } from '../base/address.ts';
import { entryKind } from './paging-mode.ts';
import type { EntryKind, PagingLevel, Rights } from './paging-mode.ts';
import { describeSwapEntry } from './swap-entry.ts';
import { bitNames, TableMode, wholeEntry } from './table-mode.ts';

/** Designation type of an address-space-control element, bits 2-3: the type of its root table. */
export type DesignationType = 0 | 1 | 2 | 3;

const pteInvalid = 0x400;
const ptePresent = 0x1;
const pteRead = 0x10;
const protect = 0x200;
const noExecute = 0x100;
/** Format control: the entry of a segment or third region table maps memory itself. */
const large = 0x400;
const upperInvalid = 0x20;
const typeMask = 0xc;

const pteNames: readonly (readonly [mask: number, name: string])[] = [
  [ptePresent, 'PRESENT'],
  [0x2, 'SOFT_DIRTY'],
  [0x4, 'YOUNG'],
  [0x8, 'DIRTY'],
  [pteRead, 'READ'],
  [0x20, 'WRITE'],
  [0x40, 'SPECIAL'],
  [0x80, 'UNUSED'],
  [noExecute, 'NOEXEC'],
  [protect, 'PROTECT'],
  [pteInvalid, 'INVALID'],
  [0x800, 'LARGE'],
];

const largeNames: readonly (readonly [mask: number, name: string])[] = [
  [0x1, 'WRITE'],
  [0x2, 'READ'],
  [upperInvalid, 'INVALID'],
  [noExecute, 'NOEXEC'],
  [protect, 'PROTECT'],
  [large, 'LARGE'],
  [0x1000, 'YOUNG'],
  [0x2000, 'DIRTY'],
  [0x4000, 'SOFT_DIRTY'],
];

const allLevels: readonly PagingLevel[] = [
  { name: 'pgd', depth: 0, shift: 53, indexBits: 11, entrySize: 8 },
  { name: 'p4d', depth: 1, shift: 42, indexBits: 11, entrySize: 8 },
  { name: 'pud', depth: 2, shift: 31, indexBits: 11, entrySize: 8 },
  { name: 'pmd', depth: 3, shift: 20, indexBits: 11, entrySize: 8 },
  { name: 'pte', depth: 4, shift: 12, indexBits: 8, entrySize: 8 },
];

const modes = new Map<DesignationType, S390Mode>();

/** The paging mode of address spaces whose root table is of `type`: 3 region-first … 0 segment. */
export function s390Mode(type: DesignationType): S390Mode {
  let mode = modes.get(type);
  if (mode === undefined) {
    mode = new S390Mode(type);
    modes.set(type, mode);
  }
  return mode;
}

class S390Mode extends TableMode {
  constructor(type: DesignationType) {
    super({
      name: `s390x, ${type + 2} levels`,
      levels: allLevels.slice(3 - type),
      pageShift: 12,
      littleEndian: false,
      virtualBits: 31 + 11 * type,
      addressBits: 64,
      split: 'spaces',
    });
  }

  override isCanonical(address: Address): boolean {
    return address >> BigInt(this.virtualBits) === 0n;
  }

  kind(level: number, low: number, high: number): EntryKind {
    const depth = this.depthOf(level);
    if (depth === 4) {
      if ((low & pteInvalid) === 0) return entryKind.leaf;
      if (high === 0 && (low === 0 || low === pteInvalid)) return entryKind.none;
      // A page that was not touched of late is invalid to the hardware, so that the next access is noticed: still mapped.
      return (low & (ptePresent | pteRead)) === (ptePresent | pteRead) ? entryKind.leaf : entryKind.notPresent;
    }
    if ((low & upperInvalid) !== 0) {
      if (high === 0 && (low & ~typeMask) === upperInvalid) return entryKind.none;
      return depth === 3 && (low & large) !== 0 && (low & 0x2) !== 0 ? entryKind.leaf : entryKind.notPresent;
    }
    if ((low | high) === 0) return entryKind.none;
    if ((low & typeMask) >> 2 !== (depth === 3 ? 0 : 3 - depth)) return entryKind.malformed;
    if ((low & large) === 0) return entryKind.table;
    return depth === 3 || depth === 2 ? entryKind.leaf : entryKind.malformed;
  }

  tableAddress(level: number, low: number, high: number): number {
    // A page table has 256 entries and may begin at the half of a page.
    const origin = this.depthOf(level) === 3 ? 0xffff_f800 : 0xffff_f000;
    return (high >>> 0) * 0x1_0000_0000 + ((low & origin) >>> 0);
  }

  leafAddress(level: number, low: number, high: number): number {
    const size = 2 ** (this.levels[level]?.shift ?? 12);
    const address = (high >>> 0) * 0x1_0000_0000 + ((low & 0xffff_f000) >>> 0);
    return Math.floor(address / size) * size;
  }

  override keepsFrame(level: number, low: number): boolean {
    return this.depthOf(level) === 4 && (low & (pteInvalid | ptePresent)) === (pteInvalid | ptePresent);
  }

  flags(level: number, low: number, high: number): readonly string[] {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return [];
    if (this.depthOf(level) === 4) return kind === entryKind.notPresent && (low & ptePresent) === 0 ? ['INVALID'] : bitNames(low, pteNames);
    if (kind === entryKind.leaf) return bitNames(low, largeNames);
    return [
      ...bitNames(low, [
        [noExecute, 'NOEXEC'],
        [protect, 'PROTECT'],
        [upperInvalid, 'INVALID'],
        [large, 'LARGE'],
      ]),
      this.depthOf(level) === 3 ? 'SEGMENT' : `REGION${this.depthOf(level) + 1}`,
    ];
  }

  /** The architecture has no cache types: memory is what storage keys and channels make it. */
  cacheType(): undefined {
    return undefined;
  }

  rights(level: number, low: number, high: number): Rights {
    const table = this.kind(level, low, high) === entryKind.table;
    // Which space the root belongs to decides about user mode; no entry does.
    return { write: (low & protect) === 0, execute: table || (low & noExecute) === 0, user: true };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) return `the ${entry} entry is of another table type than its table`;
    if (this.keepsFrame(level, low)) {
      return `the ${entry} entry is PROT_NONE (its frame is at 0x${this.leafAddress(level, low, high).toString(16)})`;
    }
    if (this.depthOf(level) < 4 || !context.userAddress) return `the ${entry} entry is invalid`;
    // Offset in bits 12-63 (51 of them), type in bits 2-6, exclusive in bit 7 (arch/s390/include/asm/pgtable.h).
    const entryBits = wholeEntry(low, high);
    const swap = {
      type: (low >> 2) & 0x1f,
      offset: entryBits >> 12n,
      softDirty: (low & 0x2) !== 0,
      uffdWp: false,
      exclusive: (low & 0x80) !== 0,
    };
    return `the ${entry} entry is ${describeSwapEntry(swap)}`;
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) {
      return `the entry's table type ${(low & typeMask) >> 2} does not fit a ${this.nameOf(level)} table`;
    }
    if (kind !== entryKind.leaf || (low & pteInvalid) !== 0) return undefined;
    const depth = this.depthOf(level);
    if (depth === 4) return (low & 0x800) === 0 ? undefined : 'bit 52 (0x800) of a page-table entry must be zero';
    return undefined;
  }
}
