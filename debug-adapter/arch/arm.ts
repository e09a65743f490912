/**
 * Paging of 32-bit arm: the short descriptors of ARMv6 and later (Arm ARM DDI 0406C, B3.5; arch/arm/include/asm/
 * pgtable-2level*.h), with the kernel's own entries beside the hardware's, and the long ones (LPAE, B3.6; pgtable-3level*.h).
 */
import type { Address } from '../base/address.ts';
import { entryKind } from './paging-mode.ts';
import type { CompanionEntries, EntryKind, PagingLevel, PagingMode, Rights } from './paging-mode.ts';
import { bitNames, TableMode } from './table-mode.ts';
import { describeSwapEntry } from './swap-entry.ts';
import type { SwapEntry } from './swap-entry.ts';

/** What both forms of ARM tables have in common: where the kernel's half begins, and in which byte order. */
export interface ArmOptions {
  /** CONFIG_PAGE_OFFSET, where the direct map starts. */
  readonly pageOffset: bigint;
  /** First address that user mode does not use; 16 MiB below `pageOffset` (for modules) unless KASAN lowers it. */
  readonly taskSize?: bigint | undefined;
  /** Byte order of the tables (SCTLR.EE); true unless it is given. */
  readonly littleEndian?: boolean | undefined;
}

/** Short descriptors, of kernels without CONFIG_ARM_LPAE (arch/arm/include/asm/pgtable-2level.h). */
export interface ArmShortOptions extends ArmOptions {
  /** SCTLR.TRE: memory types are an index TEX[0],C,B. Linux sets it on ARMv7, not on ARMv6. True unless it is given. */
  readonly texRemap?: boolean | undefined;
}

/** Short descriptors: pgd (1 MiB an entry), pte (256 entries of the hardware). */
export function armShort(options: ArmShortOptions): PagingMode {
  return new ArmShortMode(options);
}

/** Long descriptors: pgd (4 entries), pmd, pte. */
export function armLpae(options: ArmOptions): PagingMode {
  return new ArmLpaeMode(options);
}

/** Modules lie between user mode and the direct map (arch/arm/include/asm/memory.h). */
const moduleSpace = 0x100_0000n;

abstract class ArmMode extends TableMode {
  readonly #taskSize: bigint;

  constructor(name: string, levels: readonly PagingLevel[], options: ArmOptions) {
    const littleEndian = options.littleEndian ?? true;
    super({ name, levels, pageShift: 12, littleEndian, virtualBits: 32, addressBits: 32, split: 'shared' });
    this.#taskSize = options.taskSize ?? options.pageOffset - moduleSpace;
  }

  override isUserAddress(address: Address): boolean {
    return address < this.#taskSize;
  }
}

/** The kernel's names of L_PTE_MT_*, bits 2-5 of its own entry, and what ptdump calls them (arch/arm/mm/dump.c). */
const memoryTypes: readonly (readonly [name: string, cacheType: string] | undefined)[] = [
  ['MT_UNCACHED', 'SO/UNCACHED'],
  ['MT_BUFFERABLE', 'MEM/BUFFERABLE/WC'],
  ['MT_WRITETHROUGH', 'MEM/CACHED/WT'],
  ['MT_WRITEBACK', 'MEM/CACHED/WBRA'],
  ['MT_DEV_SHARED', 'DEV/SHARED'],
  undefined,
  ['MT_MINICACHE', 'MEM/MINICACHE'],
  ['MT_WRITEALLOC', 'MEM/CACHED/WBWA'],
  undefined,
  ['MT_DEV_WC', 'DEV/WC'],
  undefined,
  ['MT_DEV_CACHED', 'DEV/CACHED'],
  ['MT_DEV_NONSHARED', 'DEV/NONSHARED'],
  undefined,
  undefined,
  ['MT_VECTORS', 'MEM/CACHED/WBRA'],
];

/** TEX[2:0],C,B without TEX remap (DDI 0406C, table B3-10), in the same words. */
const unmappedTypes: readonly (string | undefined)[] = [
  'SO/UNCACHED',
  'DEV/SHARED',
  'MEM/CACHED/WT',
  'MEM/CACHED/WBRA',
  'MEM/BUFFERABLE/WC',
  undefined,
  undefined,
  'MEM/CACHED/WBWA',
  'DEV/NONSHARED',
];

/** What a short descriptor is; the numbers have no meaning. */
const shape = { fault: 0, table: 1, section: 2, supersection: 3, large: 4, small: 5 } as const;
type Shape = (typeof shape)[keyof typeof shape];

/** Where each shape of leaf has its attributes. */
interface ShortFields {
  readonly shift: number;
  readonly access: number;
  readonly readOnly: number;
  readonly typeExtension: number;
  readonly names: readonly (readonly [mask: number, name: string])[];
}
const sectionFields: ShortFields = {
  shift: 20,
  access: 10,
  readOnly: 15,
  typeExtension: 12,
  names: [
    [0x1, 'PXN'],
    [0x4, 'BUFFERABLE'],
    [0x8, 'CACHEABLE'],
    [0x10, 'XN'],
    [0x400, 'AP_WRITE'],
    [0x800, 'AP_READ'],
    [0x1000, 'TEX0'],
    [0x2000, 'TEX1'],
    [0x4000, 'TEX2'],
    [0x8000, 'APX'],
    [0x1_0000, 'S'],
    [0x2_0000, 'NG'],
    [0x4_0000, 'SUPER'],
    [0x8_0000, 'NS'],
  ],
};
const pageNames = [
  [0x4, 'BUFFERABLE'],
  [0x8, 'CACHEABLE'],
  [0x10, 'AP0'],
  [0x20, 'AP1'],
  [0x200, 'APX'],
  [0x400, 'SHARED'],
  [0x800, 'NG'],
] as const;
const smallNames = [[0x1, 'XN'], ...pageNames.slice(0, 4), [0x40, 'TEX0'], [0x80, 'TEX1'], [0x100, 'TEX2'], ...pageNames.slice(4)] as const;
const largeNames = [...pageNames, [0x1000, 'TEX0'], [0x2000, 'TEX1'], [0x4000, 'TEX2'], [0x8000, 'XN']] as const;
const fieldsOf: Readonly<Partial<Record<Shape, ShortFields>>> = {
  [shape.section]: sectionFields,
  [shape.supersection]: { ...sectionFields, shift: 24 },
  [shape.large]: { shift: 16, access: 4, readOnly: 9, typeExtension: 12, names: largeNames },
  [shape.small]: { shift: 12, access: 4, readOnly: 9, typeExtension: 6, names: smallNames },
};
const shortTableNames = [
  [0x4, 'PXNTABLE'],
  [0x8, 'NS'],
] as const;

class ArmShortMode extends ArmMode {
  readonly companion: CompanionEntries = {
    // The kernel's 512 entries fill the lower half of the page, the hardware's two tables the upper (pgtable-2level.h).
    address: (level, entryAddress) => (this.depthOf(level) === 4 && entryAddress % 4096 >= 2048 ? entryAddress - 2048 : undefined),
    flags: ownFlags,
  };
  readonly #texRemap: boolean;

  constructor(options: ArmShortOptions) {
    const levels: PagingLevel[] = [
      { name: 'pgd', depth: 0, shift: 20, indexBits: 12, entrySize: 4 },
      { name: 'pte', depth: 4, shift: 12, indexBits: 8, entrySize: 4 },
    ];
    super('arm, short descriptors', levels, options);
    this.#texRemap = options.texRemap ?? true;
  }

  kind(level: number, low: number): EntryKind {
    if (low === 0) return entryKind.none;
    const is = this.#shape(level, low);
    if (is === shape.fault) return entryKind.notPresent;
    return is === shape.table ? entryKind.table : entryKind.leaf;
  }

  tableAddress(_level: number, low: number): number {
    return (low & 0xffff_fc00) >>> 0;
  }

  leafAddress(level: number, low: number): number {
    const is = this.#shape(level, low);
    const base = (low & (-1 << (fieldsOf[is]?.shift ?? 12))) >>> 0;
    // A supersection has bits 32-35 of the address in bits 20-23 and 36-39 in 5-8.
    return is === shape.supersection ? base + (((low >>> 20) & 0xf) | ((low >>> 1) & 0xf0)) * 0x1_0000_0000 : base;
  }

  override leafShift(level: number, low: number): number {
    return fieldsOf[this.#shape(level, low)]?.shift ?? super.leafShift(level, low, 0);
  }

  flags(level: number, low: number): readonly string[] {
    const is = this.#shape(level, low);
    if (is === shape.table) return [...bitNames(low, shortTableNames), ...domainName(low)];
    const names = bitNames(low, fieldsOf[is]?.names ?? []);
    return is === shape.section ? [...names, ...domainName(low)] : names;
  }

  cacheType(level: number, low: number): string | undefined {
    const fields = fieldsOf[this.#shape(level, low)];
    if (fields === undefined) return undefined;
    const type = (((low >>> fields.typeExtension) & 7) << 2) | ((low >>> 2) & 3);
    if (this.#texRemap) return (type & 7) === 6 ? undefined : memoryTypes[type & 7]?.[1];
    return type < 16 ? unmappedTypes[type] : cachedType(type);
  }

  rights(level: number, low: number, _high: number, userAddress: boolean): Rights {
    const is = this.#shape(level, low);
    const fields = fieldsOf[is];
    if (fields === undefined) return { write: true, execute: userAddress || is !== shape.table || (low & 0x4) === 0, user: true };
    const access = (low >>> fields.access) & 3;
    const user = access >= 2;
    const readable = userAddress ? user : access !== 0;
    const write = ((low >>> fields.readOnly) & 1) === 0 && (userAddress ? access === 3 : access !== 0);
    return { write, execute: readable && !neverExecuted(is, low, userAddress), user };
  }

  explain(level: number, low: number): string {
    const entry = this.nameOf(level);
    if (this.depthOf(level) === 4 && low === 0) {
      return "the hardware's pte entry is empty; the kernel's own entry beside it tells whether the page is old, PROT_NONE or swapped out";
    }
    return low === 0 ? `the ${entry} entry is empty` : `the ${entry} entry is of type 0, a fault`;
  }

  override defect(level: number, low: number): string | undefined {
    const is = this.#shape(level, low);
    if (is === shape.table) {
      return (low & 0x800) !== 0 ? undefined : "the table lies in its page's lower half, where Linux keeps its own entries";
    }
    const fields = fieldsOf[is];
    if (fields === undefined) return undefined;
    if (((low >>> fields.access) & 3) === 0 && ((low >>> fields.readOnly) & 1) !== 0) return 'its access permissions (AP 100) are reserved';
    const reserved = is === shape.large ? low & 0x1c0 : 0;
    return reserved === 0 ? undefined : `bits 0x${reserved.toString(16)} are reserved in a large page`;
  }

  #shape(level: number, low: number): Shape {
    const type = low & 3;
    if (type === 0) return shape.fault;
    if (this.depthOf(level) === 4) return type === 1 ? shape.large : shape.small;
    if (type === 1) return shape.table;
    return (low & 0x4_0000) === 0 ? shape.section : shape.supersection;
  }
}

function neverExecuted(is: Shape, low: number, userAddress: boolean): boolean {
  if (is === shape.small) return (low & 0x1) !== 0;
  if (is === shape.large) return (low & 0x8000) !== 0;
  return (low & 0x10) !== 0 || (!userAddress && (low & 0x1) !== 0);
}

function domainName(low: number): string[] {
  return [`DOMAIN${(low >>> 5) & 0xf}`];
}

/** TEX 1BB and C,B: the outer and the inner cache's policy apart. */
function cachedType(type: number): string {
  const policies = ['non-cacheable', 'WBWA', 'WT', 'WBRA'];
  return `MEM/outer ${policies[(type >>> 2) & 3] ?? ''}/inner ${policies[type & 3] ?? ''}`;
}

const ownNames = [
  [0x40, 'DIRTY'],
  [0x80, 'RDONLY'],
  [0x100, 'USER'],
  [0x200, 'XN'],
  [0x400, 'SHARED'],
  [0x800, 'NONE'],
] as const;

/** The kernel's own entry (L_PTE_*); of a swap-type one, which has no flags, what it says. */
function ownFlags(entry: number): readonly string[] {
  if (entry === 0) return [];
  if ((entry & 1) === 0) return [describeSwapEntry(armSwap(entry))];
  const type = memoryTypes[(entry >>> 2) & 0xf]?.[0] ?? `MT_${(entry >>> 2) & 0xf}`;
  return ['VALID', ...((entry & 2) === 0 ? [] : ['YOUNG']), type, ...bitNames(entry, ownNames)];
}

/** Type in bits 2-6, exclusive in 7, offset in 8-31; the same with LPAE (arch/arm/include/asm/pgtable.h). */
function armSwap(low: number): SwapEntry {
  return { type: (low >>> 2) & 0x1f, offset: BigInt(low >>> 8), softDirty: false, uffdWp: false, exclusive: (low & 0x80) !== 0 };
}

const longLowNames = [
  [0x1, 'VALID'],
  [0x40, 'USER'],
  [0x80, 'AP2'],
] as const;
const longMiddleNames = [
  [0x400, 'AF'],
  [0x800, 'NG'],
] as const;
const longHighNames = [
  [0x0010_0000, 'CONT'],
  [0x0020_0000, 'PXN'],
  [0x0040_0000, 'XN'],
  [0x0080_0000, 'DIRTY'],
  [0x0100_0000, 'SPECIAL'],
  [0x0200_0000, 'NONE'],
  [0x0400_0000, 'RDONLY'],
] as const;
const longTableNames = [
  [0x0800_0000, 'PXNTABLE'],
  [0x1000_0000, 'XNTABLE'],
  [0x2000_0000, 'APTABLE0'],
  [0x4000_0000, 'APTABLE1'],
  [0x8000_0000, 'NSTABLE'],
] as const;
/** SH, bits 8-9. */
const shareability = ['', 'SH_RESERVED', 'OUTER_SHARED', 'SHARED'] as const;
const longPxn = 0x0020_0000;
const longXn = 0x0040_0000;
const longNone = 0x0200_0000;

class ArmLpaeMode extends ArmMode {
  constructor(options: ArmOptions) {
    const levels: PagingLevel[] = [
      { name: 'pgd', depth: 0, shift: 30, indexBits: 2, entrySize: 8 },
      { name: 'pmd', depth: 3, shift: 21, indexBits: 9, entrySize: 8 },
      { name: 'pte', depth: 4, shift: 12, indexBits: 9, entrySize: 8 },
    ];
    super('arm, LPAE', levels, options);
  }

  kind(level: number, low: number, high: number): EntryKind {
    if ((low | high) === 0) return entryKind.none;
    if ((low & 1) === 0) return entryKind.notPresent;
    const table = (low & 2) !== 0;
    if (this.depthOf(level) === 4) return table ? entryKind.leaf : entryKind.malformed;
    return table ? entryKind.table : entryKind.leaf;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return (high & 0xff) * 0x1_0000_0000 + ((low & 0xffff_f000) >>> 0);
  }

  leafAddress(level: number, low: number, high: number): number {
    return (high & 0xff) * 0x1_0000_0000 + ((low & (-1 << (this.levels[level]?.shift ?? 12))) >>> 0);
  }

  override keepsFrame(level: number, low: number, high: number): boolean {
    const depth = this.depthOf(level);
    if ((low & 1) !== 0 || depth === 0) return false;
    // PROT_NONE and an invalidated block lose only VALID. A page keeps bit 1, which a swap entry never has; a block keeps
    // PXN, which every user mapping has and a swap entry, of 32 bits, has not.
    return depth === 4 ? (low & 2) !== 0 : (high & longPxn) !== 0;
  }

  /** pmd_present() asks for VALID alone, pte_present() for either of the two lowest bits (pgtable-3level.h). */
  override countsAsPresent(level: number, low: number, high: number): boolean {
    return this.depthOf(level) === 4 && this.keepsFrame(level, low, high);
  }

  flags(level: number, low: number, high: number): readonly string[] {
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return [];
    if (kind === entryKind.table) {
      const swapper = this.depthOf(level) === 0 && (high & 0x0080_0000) !== 0 ? ['SWAPPER'] : [];
      return ['VALID', 'TABLE', ...swapper, ...bitNames(high, longTableNames)];
    }
    if (kind === entryKind.notPresent && !this.keepsFrame(level, low, high)) return [];
    const type = (low >>> 2) & 7;
    const shared = shareability[(low >>> 8) & 3] ?? '';
    return [
      ...bitNames(low, longLowNames.slice(0, 1)),
      longType(type)?.[0] ?? `MT_${type}`,
      ...bitNames(low, longLowNames.slice(1)),
      ...(shared === '' ? [] : [shared]),
      ...bitNames(low, longMiddleNames),
      ...bitNames(high, longHighNames),
    ];
  }

  cacheType(level: number, low: number, high: number): string | undefined {
    return this.kind(level, low, high) === entryKind.leaf ? longType((low >>> 2) & 7)?.[1] : undefined;
  }

  rights(level: number, low: number, high: number, userAddress: boolean): Rights {
    if (this.kind(level, low, high) === entryKind.table) {
      return {
        write: (high & 0x4000_0000) === 0,
        execute: (high & 0x1000_0000) === 0 && (userAddress || (high & 0x0800_0000) === 0),
        user: (high & 0x2000_0000) === 0,
      };
    }
    return {
      write: (low & 0x80) === 0,
      execute: (high & longXn) === 0 && (userAddress || (high & longPxn) === 0),
      user: (low & 0x40) !== 0,
    };
  }

  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string {
    const entry = this.nameOf(level);
    const kind = this.kind(level, low, high);
    if (kind === entryKind.none) return `the ${entry} entry is empty`;
    if (kind === entryKind.malformed) return `the ${entry} entry is of type 1, which is reserved at this level`;
    const frame = `0x${this.leafAddress(level, low, high).toString(16)}`;
    if (this.keepsFrame(level, low, high)) {
      const what = (high & longNone) !== 0 ? 'PROT_NONE' : this.depthOf(level) === 4 ? 'not valid' : 'a large page that was invalidated';
      return `the ${entry} entry is ${what} (its frame is at ${frame})`;
    }
    if (!context.userAddress || this.depthOf(level) === 0) return `the ${entry} entry is not valid`;
    if (high !== 0) return `the ${entry} entry is not valid, and no swap entry either, which has 32 bits`;
    return `the ${entry} entry is ${describeSwapEntry(armSwap(low))}`;
  }

  override defect(level: number, low: number, high: number): string | undefined {
    const kind = this.kind(level, low, high);
    if (kind !== entryKind.leaf && kind !== entryKind.table) return undefined;
    const above = high & 0x000f_ff00;
    if (above !== 0) return `bits 0x${(BigInt(above) << 32n).toString(16)} lie above the 40 bits of a physical address`;
    if (kind === entryKind.table) return undefined;
    if (this.depthOf(level) === 0) return 'it is a block of 1 GiB, which Linux never maps';
    const inside = this.depthOf(level) === 3 ? low & 0x001f_f000 : 0;
    if (inside !== 0) return `the leaf is not aligned to its 2 MiB: bits 0x${inside.toString(16)} are set`;
    if (longType((low >>> 2) & 7) === undefined) return `memory type ${(low >>> 2) & 7} is one that Linux never sets up`;
    return (low & 0x300) === 0x100 ? 'its shareability (SH 01) is reserved' : undefined;
  }
}

/** AttrIndx by Linux's MAIR (arch/arm/mm/proc-v7-3level.S): the same as the kernel's own types, with 5 and 6 unused. */
function longType(index: number): readonly [name: string, cacheType: string] | undefined {
  return index === 6 ? undefined : memoryTypes[index];
}
