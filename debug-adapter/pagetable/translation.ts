/** The result of walking one address through a page table: every level is kept, whatever the end. */
import type { Address, PhysAddr } from '../base/address.ts';
import type { HoleReason } from '../memory/hole.ts';
import type { Rights } from '../arch/paging-mode.ts';

/** One table on the way from a virtual address to memory, and the entry that was taken. */
export interface TranslationLevel {
  /** The kernel's name: `pgd` … `pte`. */
  readonly level: string;
  readonly tableAddress: PhysAddr;
  readonly index: number;
  /** Lowest address bit of the index, and how many there are. */
  readonly shift: number;
  readonly indexBits: number;
  readonly entryAddress: PhysAddr;
  /** The raw entry as the CPU would load it. */
  readonly entry: bigint;
  readonly flags: readonly string[];
  readonly leaf: boolean;
  readonly rights: Rights;
  /** What is wrong with the entry although the hardware takes it; see PagingMode.defect. */
  readonly defect: string | undefined;
  /** The kernel's own entry beside the hardware's, where the architecture has both. */
  readonly companion: { readonly entryAddress: PhysAddr; readonly entry: bigint; readonly flags: readonly string[] } | undefined;
}

/** A virtual address followed through the tables, to memory or to the entry where the way ends. */
export interface Translation {
  readonly virtual: Address;
  /** Undefined when nothing is mapped; then `reason` says why. */
  readonly physical: PhysAddr | undefined;
  /** Bytes of the page that the last level maps, or that the entry which ends the walk covers. */
  readonly pageSize: number;
  readonly levels: readonly TranslationLevel[];
  readonly reason: HoleReason | undefined;
  /** Rights through all levels, and which level took each missing one away. Undefined when nothing is mapped. */
  readonly effective: EffectiveRights | undefined;
  /** Cache type of the leaf, in the architecture's words. */
  readonly cacheType: string | undefined;
}

/** What the entries of all levels together allow. */
export interface EffectiveRights extends Rights {
  /** Name of the level whose entry withholds the right; absent when the right is there. */
  readonly writeLostAt: string | undefined;
  readonly executeLostAt: string | undefined;
  readonly userLostAt: string | undefined;
}
