/**
 * A paging mode as data: what the one generic walker (pagetable/) needs to know of an architecture's tables. Entries pass
 * as two 32-bit halves (`low`, `high`; `high` is 0 for 4-byte entries), so that loops over tables allocate nothing.
 */
import type { Address } from '../base/address.ts';
import type { NumberRange } from '../base/range.ts';

/** What an entry is; small integers because loops compare them. */
export const entryKind = {
  /** Maps nothing and says nothing. */
  none: 0,
  /** Points to a table of the next level. */
  table: 1,
  /** Maps memory (at any level). */
  leaf: 2,
  /** Not zero and not valid for the hardware: swap, migration, PROT_NONE, a kernel mapping taken away… */
  notPresent: 3,
  /** Valid for the hardware but not well formed: reserved bits, a page size that the level does not have. */
  malformed: 4,
} as const;

/** One of `entryKind`'s numbers: what hot loops compare. */
export type EntryKind = (typeof entryKind)[keyof typeof entryKind];

/** One level of tables that the hardware, or the kernel's fault handler, walks. */
export interface PagingLevel {
  /** The kernel's name: `pgd`, `p4d`, `pud`, `pmd`, `pte`. */
  readonly name: string;
  /** 0 pgd … 4 pte: the kernel's ptdump level number. */
  readonly depth: number;
  /** Lowest address bit of the index; an entry covers 2^shift bytes. */
  readonly shift: number;
  /** Index bits; the table has 2^indexBits entries. */
  readonly indexBits: number;
  /** Bytes of an entry. */
  readonly entrySize: 4 | 8;
}

/** All that the walker knows of an architecture: the levels, and what the bits of an entry mean at each. */
export interface PagingMode {
  /** For `info`, e.g. `x86-64, 4 levels`. */
  readonly name: string;
  /** Root first, last level last; levels that are folded away are left out. */
  readonly levels: readonly PagingLevel[];
  /** log2 of the base page size. */
  readonly pageShift: number;
  /** Byte order of entries in memory. */
  readonly littleEndian: boolean;
  /** Bits of a virtual address that are translated, e.g. 48. */
  readonly virtualBits: number;
  /** Bits of a pointer. */
  readonly addressBits: 32 | 64;
  /** How kernel and user addresses share roots. */
  readonly split: AddressSplit;
  /** First address that the kernel's root translates where `split` is `halves`; 0 elsewhere. */
  readonly kernelBase: bigint;
  /** The address as the hardware takes it: without a pointer tag, cut to the width of the machine. */
  untag(address: Address): Address;
  /** Whether the hardware would translate this address at all (x86: canonical; arm64: in either half…). */
  isCanonical(address: Address): boolean;
  /** Whether user mode uses this address; false throughout where `split` is `spaces`: there the root tells. */
  isUserAddress(address: Address): boolean;
  /** Physical address of an address that the hardware maps without any table (mips KSEG0, loongarch DMW…). */
  directWindow(address: Address): number | undefined;
  /**
   * The direct window among the addresses that the kernel's root covers, in pages (address / 4096): tables may have entries for
   * it, which the hardware never reads (arc's upper half, the image of sparc64). Undefined where windows lie elsewhere.
   */
  readonly windowPages: NumberRange | undefined;
  /** Classifies an entry of `levels[level]`. */
  kind(level: number, low: number, high: number): EntryKind;
  /** Physical address (bytes) of the next table, of a `table` entry. */
  tableAddress(level: number, low: number, high: number): number;
  /** Physical address (bytes) of the first byte that a `leaf` (or a notPresent entry that keeps its frame) maps. */
  leafAddress(level: number, low: number, high: number): number;
  /**
   * log2 of the bytes that a `leaf` maps. More than the level's shift where equal neighbours stand for one page and each
   * holds the address of the whole (riscv NAPOT, arm large pages); arm64's contiguous entries hold their own address.
   */
  leafShift(level: number, low: number, high: number): number;
  /** The kernel's names of the set flag bits, lowest bit first, e.g. `PRESENT RW USER ACCESSED DIRTY`. */
  flags(level: number, low: number, high: number): readonly string[];
  /** Cache type in the architecture's words (`WB`, `UC-`, `MEM/NORMAL`…); undefined for tables and unmapped entries. */
  cacheType(level: number, low: number, high: number): string | undefined;
  /**
   * Rights that a leaf or table entry gives by itself; the effective right is the conjunction over all levels. `execute`
   * is the right of the mode that the address belongs to: user mode for user addresses, the kernel otherwise.
   */
  rights(level: number, low: number, high: number, userAddress: boolean): Rights;
  /**
   * Whether a `notPresent` entry still holds its frame in memory (PROT_NONE, an invalidated large page), so that the bytes
   * behind it can be read although no access is allowed.
   */
  keepsFrame(level: number, low: number, high: number): boolean;
  /** Whether the kernel takes a `notPresent` entry for present (pte_present(), pmd_present()): most that keep their frame. */
  countsAsPresent(level: number, low: number, high: number): boolean;
  /** In words, why a `notPresent` or `malformed` entry ends the walk, e.g. `swap type 0, offset 0x1234`. */
  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string;
  /**
   * What no kernel would have written into an entry that the hardware takes as valid: reserved or impossible bits, a leaf
   * that is not aligned to its size. One phrase, or undefined. It does not change how the entry is walked.
   */
  defect(level: number, low: number, high: number): string | undefined;
  /** Where the kernel keeps an entry of its own beside the hardware's (arm's short descriptors). */
  readonly companion?: CompanionEntries;
}

/**
 * `shared`: every root has the kernel's half too (x86, riscv, arm short). `halves`: the address chooses between the
 * process's and the kernel's root (arm64, powerpc, mips, loongarch, sparc). `spaces`: user mode and kernel have a whole
 * space each, and only the root tells them apart (s390).
 */
export type AddressSplit = 'shared' | 'halves' | 'spaces';

/** Kernels that keep entries of their own beside the hardware's, as 32-bit ARM does (arch/arm/include/asm/pgtable-2level.h). */
export interface CompanionEntries {
  /** Physical address of the kernel's own entry for the hardware entry at `entryAddress`; undefined at levels without. */
  address(level: number, entryAddress: number): number | undefined;
  /** The kernel's names of the set bits of its own entry. */
  flags(entry: number): readonly string[];
}

/** What one entry allows by itself; levels above may withhold it. */
export interface Rights {
  readonly write: boolean;
  readonly execute: boolean;
  readonly user: boolean;
}
