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

/**
 * Where the kernel keeps its own bits of segment and region-third entries: `current` kernels mark present entries and have
 * swap entries at these levels (_SEGMENT_ENTRY_PRESENT, _SEGMENT_ENTRY_COMM), `former` ones (6.12 and before) do not.
 */
export type SegmentBits = 'former' | 'current';

const segmentRead: Readonly<Record<SegmentBits, number>> = { former: 0x1, current: 0x4000 };
/** Of `current` entries. */
const segmentPresent = 0x1;
const segmentWrite = 0x8000;

const largeNames: Readonly<Record<SegmentBits, readonly (readonly [mask: number, name: string])[]>> = {
  former: [
    [0x1, 'READ'],
    [0x2, 'WRITE'],
    [upperInvalid, 'INVALID'],
    [noExecute, 'NOEXEC'],
    [protect, 'PROTECT'],
    [large, 'LARGE'],
    [0x1000, 'YOUNG'],
    [0x2000, 'DIRTY'],
    [0x4000, 'SOFT_DIRTY'],
  ],
  current: [
    [segmentPresent, 'PRESENT'],
    [0x2, 'SOFT_DIRTY'],
    [upperInvalid, 'INVALID'],
    [noExecute, 'NOEXEC'],
    [protect, 'PROTECT'],
    [large, 'LARGE'],
    [0x1000, 'YOUNG'],
    [0x2000, 'DIRTY'],
    [0x4000, 'READ'],
    [segmentWrite, 'WRITE'],
  ],
};

/** Which bits the kernel uses, by a valid entry of a segment table; undefined where it does not tell. */
export function segmentBitsOf(entry: bigint): SegmentBits | undefined {
  const low = Number(BigInt.asUintN(32, entry));
  if ((low & (upperInvalid | typeMask)) !== 0) return undefined;
  if ((low & large) === 0) return (low & segmentPresent) === 0 ? 'former' : 'current';
  if ((low & segmentWrite) !== 0) return 'current';
  return (low & 0x4000) === 0 ? 'former' : undefined;
}

const allLevels: readonly PagingLevel[] = [
  { name: 'pgd', depth: 0, shift: 53, indexBits: 11, entrySize: 8 },
  { name: 'p4d', depth: 1, shift: 42, indexBits: 11, entrySize: 8 },
  { name: 'pud', depth: 2, shift: 31, indexBits: 11, entrySize: 8 },
  { name: 'pmd', depth: 3, shift: 20, indexBits: 11, entrySize: 8 },
  { name: 'pte', depth: 4, shift: 12, indexBits: 8, entrySize: 8 },
];

const modes = new Map<string, S390Mode>();

/** The paging mode of address spaces whose root table is of `type`: 3 region-first … 0 segment. */
export function s390Mode(type: DesignationType, segmentBits: SegmentBits = 'former'): S390Mode {
  const key = `${type} ${segmentBits}`;
  let mode = modes.get(key);
  if (mode === undefined) {
    mode = new S390Mode(type, segmentBits);
    modes.set(key, mode);
  }
  return mode;
}

class S390Mode extends TableMode {
  readonly #segmentBits: SegmentBits;

  constructor(type: DesignationType, segmentBits: SegmentBits) {
    super({
      name: `s390x, ${type + 2} levels`,
      levels: allLevels.slice(3 - type),
      pageShift: 12,
      littleEndian: false,
      virtualBits: 31 + 11 * type,
      addressBits: 64,
      split: 'spaces',
    });
    this.#segmentBits = segmentBits;
  }

  override isCanonical(address: Address): boolean {
    return address >> BigInt(this.virtualBits) === 0n;
  }

  kind(level: number, low: number, high: number): EntryKind {
    const depth = this.depthOf(level);
    if (depth === 4) {
      if (high === 0 && low === pteInvalid) return entryKind.none;
      // A page that was not touched of late is invalid to the hardware, so that the next access is noticed: still mapped.
      const old = (low & (ptePresent | pteRead)) === (ptePresent | pteRead);
      // Also where no machine has memory: boot code keeps places free with INVALID_PHYS_ADDR (arch/s390/boot/vmem.c).
      if ((low & pteInvalid) !== 0 && (!old || isBeyond(high))) return entryKind.notPresent;
      return isBeyond(high) ? entryKind.malformed : entryKind.leaf;
    }
    const type = depth === 3 ? 0 : 3 - depth;
    const mayBeLarge = depth === 3 || depth === 2;
    if ((low & upperInvalid) !== 0) {
      if (high === 0 && (low & ~typeMask) === upperInvalid) return entryKind.none;
      const old = mayBeLarge && (low & typeMask) >> 2 === type && (low & large) !== 0 && (low & segmentRead[this.#segmentBits]) !== 0;
      if (!old || this.#isSwap(low)) return entryKind.notPresent;
      return isBeyond(high) ? entryKind.malformed : entryKind.leaf;
    }
    if ((low | high) === 0) return entryKind.none;
    if ((low & typeMask) >> 2 !== type) return entryKind.malformed;
    if ((low & large) === 0) return entryKind.table;
    return mayBeLarge && !isBeyond(high) ? entryKind.leaf : entryKind.malformed;
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

  /** PROT_NONE: there to the kernel, not readable, invalid to the hardware. */
  override keepsFrame(level: number, low: number, high: number): boolean {
    if (this.kind(level, low, high) !== entryKind.notPresent) return false;
    if (this.depthOf(level) === 4) return (low & ptePresent) !== 0 && !isBeyond(high);
    return (low & large) !== 0 && !this.#isSwap(low);
  }

  flags(level: number, low: number, high: number): readonly string[] {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return [];
    if (this.depthOf(level) === 4) return kind === entryKind.notPresent && (low & ptePresent) === 0 ? ['INVALID'] : bitNames(low, pteNames);
    if (kind === entryKind.leaf || this.keepsFrame(level, low, high)) return bitNames(low, largeNames[this.#segmentBits]);
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

  rights(level: number, low: number, high: number, userAddress: boolean): Rights {
    const table = this.kind(level, low, high) === entryKind.table;
    // Which space the root belongs to decides about user mode; no entry does.
    return { write: (low & protect) === 0, execute: table || (low & noExecute) === 0, user: userAddress };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) return `the ${entry} entry ${this.#malformation(level, low)}`;
    if (this.keepsFrame(level, low, high)) {
      return `the ${entry} entry is PROT_NONE (its frame is at 0x${this.leafAddress(level, low, high).toString(16)})`;
    }
    const upper = this.depthOf(level) < 4;
    if (!context.userAddress || (upper && !this.#isSwap(low))) return `the ${entry} entry is invalid`;
    // Offset from bit 12, type from bit 2 (pte) or 6, soft-dirty in 1, exclusive in 11 (arch/s390/include/asm/pgtable.h).
    const swap = {
      type: (low >> (upper ? 6 : 2)) & 0x1f,
      offset: wholeEntry(low, high) >> 12n,
      softDirty: (low & 0x2) !== 0,
      uffdWp: false,
      exclusive: !upper && (low & 0x800) !== 0,
    };
    return `the ${entry} entry is ${describeSwapEntry(swap)}`;
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.malformed) return `the ${this.nameOf(level)} entry ${this.#malformation(level, low)}`;
    const depth = this.depthOf(level);
    if (kind === entryKind.table) {
      // What pmd_bad(), pud_bad(), p4d_bad() and pgd_bad() ask.
      const bad = low & (depth === 3 ? 0x1c0 : 0xdd0);
      if (bad !== 0) return `bits 0x${bad.toString(16)} are set, which Linux never sets in an entry that points to a table`;
      if (depth < 3 && (low & 3) !== 3) return `it says that the next table is ${(low & 3) + 1} of 4 parts long; Linux has only whole ones`;
      return undefined;
    }
    if (kind !== entryKind.leaf) return undefined;
    if (depth === 4) return (low & (pteInvalid | 0x800)) === 0x800 ? 'bit 52 (0x800) of a page-table entry must be zero' : undefined;
    // Bits 44-46 of a segment's and 33-46 of a region's entry (counted from the top) are no address and reserved.
    const inside = (low & (depth === 3 ? 0x000e_0000 : 0x7ffe_0000)) >>> 0;
    if (inside === 0) return undefined;
    return `the leaf is not aligned to its ${depth === 3 ? '1 MiB' : '2 GiB'}: address bits 0x${inside.toString(16)} are set`;
  }

  /** Of an invalid entry above the ptes. */
  #isSwap(low: number): boolean {
    return this.#segmentBits === 'current' && (low & 0x11) === 0x10;
  }

  #malformation(level: number, low: number): string {
    const depth = this.depthOf(level);
    const type = (low & typeMask) >> 2;
    if (depth < 4 && type !== (depth === 3 ? 0 : 3 - depth))
      return `is of table type ${type}, which does not fit a ${this.nameOf(level)} table`;
    if (depth < 2) return 'has the bit of a large page, which this level does not have';
    return 'has a physical address above 2^53, where no machine has memory';
  }
}

function isBeyond(high: number): boolean {
  return high >>> 0 >= 2 ** 21;
}
