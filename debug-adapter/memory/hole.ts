/** Why bytes are not there. Missing memory is a value with one of these, never zeros and never an exception in a read. */
export type HoleKind =
  /** No RAM at this physical address, or none that the dump knows. */
  | 'not-ram'
  /** RAM that the dump's writer left out (makedumpfile's dump level). */
  | 'excluded'
  /** The writer gives memory here and no bytes, which stands for zeros: of zeros, or left out (ELF: p_memsz above p_filesz). */
  | 'zero-filled'
  /** The file ends before these bytes. */
  | 'truncated'
  /** The file's data for these bytes is damaged. */
  | 'corrupt'
  /** Reading the file failed. */
  | 'io-error'
  /** The page tables map nothing here. */
  | 'not-mapped'
  /** A page table leads outside readable memory. */
  | 'wild-table'
  /** Not a valid address in this paging mode. */
  | 'non-canonical';

/** Why bytes are missing: a kind for programs, and words for people. */
export interface HoleReason {
  readonly kind: HoleKind;
  /** One phrase without a full stop, e.g. `page 0x1234 was excluded from the dump (level 31)`. */
  readonly message: string;
  /** What the page was by its struct page, where that is there: makedumpfile's category. */
  readonly category?: string;
  /** Of damage: where the data or its description stands in the file, in bytes. */
  readonly fileOffset?: number;
}

/** A run of missing bytes inside a read: offsets are relative to the read's start. */
export interface Hole {
  readonly offset: number;
  readonly length: number;
  readonly reason: HoleReason;
}

/** What a read gives: all bytes asked for (zero where missing; do not use those) and the holes, ascending and disjoint. */
export interface MemoryRead {
  readonly bytes: Uint8Array;
  readonly holes: readonly Hole[];
}

/** Adds a hole to `holes`, joining it to the last one where they touch and say the same. */
export function appendHole(holes: Hole[], hole: Hole): void {
  const last = holes.at(-1);
  if (
    last !== undefined &&
    last.offset + last.length === hole.offset &&
    last.reason.kind === hole.reason.kind &&
    last.reason.message === hole.reason.message
  ) {
    holes[holes.length - 1] = { offset: last.offset, length: last.length + hole.length, reason: last.reason };
  } else holes.push(hole);
}
