/**
 * A paging mode as data: what the one generic walker (pagetable/) needs to know of an architecture's tables. Entries pass
 * as two 32-bit halves (`low`, `high`; `high` is 0 for 4-byte entries), so that loops over tables allocate nothing.
 */
import type { Address } from '../base/address.ts';

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

export type EntryKind = (typeof entryKind)[keyof typeof entryKind];

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
  /** Whether the hardware would translate this address at all (x86: canonical; arm64: in either half…). */
  isCanonical(address: Address): boolean;
  /** Classifies an entry of `levels[level]`. */
  kind(level: number, low: number, high: number): EntryKind;
  /** Physical address (bytes) of the next table, of a `table` entry. */
  tableAddress(level: number, low: number, high: number): number;
  /** Physical address (bytes) of the first byte that a `leaf` (or a notPresent entry that keeps its frame) maps. */
  leafAddress(level: number, low: number, high: number): number;
  /** The kernel's names of the set flag bits, lowest bit first, e.g. `PRESENT RW USER ACCESSED DIRTY`. */
  flags(level: number, low: number, high: number): readonly string[];
  /** Cache type in the architecture's words (`WB`, `UC-`, `MEM/NORMAL`…); undefined for tables and unmapped entries. */
  cacheType(level: number, low: number, high: number): string | undefined;
  /** Rights that a leaf or table entry gives by itself. The effective right is the conjunction over all levels. */
  rights(level: number, low: number, high: number): Rights;
  /**
   * Whether a `notPresent` entry still holds its frame in memory (PROT_NONE, an invalidated large page), so that the bytes
   * behind it can be read although no access is allowed.
   */
  keepsFrame(level: number, low: number, high: number): boolean;
  /** In words, why a `notPresent` or `malformed` entry ends the walk, e.g. `swap type 0, offset 0x1234`. */
  explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string;
}

export interface Rights {
  readonly write: boolean;
  readonly execute: boolean;
  readonly user: boolean;
}
