/** Reads of memory, and what of it is not there. */
import type { Hex } from './facts.ts';

/** Bytes that are not there, and why. */
export interface UnreadableFacts {
  readonly start: Hex;
  /** Behind the last of them; `0x0` at the top of the space. */
  readonly end: Hex;
  readonly reason: string;
  /** The reason's kind: `not-ram`, `excluded`, `zero-filled`, `truncated`, `corrupt`, `io-error`, `not-mapped`, `wild-table`, `non-canonical`. */
  readonly kind: string;
  /** Of pages that the dump's writer left out, where their struct pages are there: `cache`, `cachePrivate`, `user`, `free`… */
  readonly category?: string;
  /** Of damage: where it stands in the file, in bytes. */
  readonly fileOffset?: number;
}

/** A read as /proc/kcore would have answered it. */
export interface KcoreReadFacts {
  readonly address: Hex;
  /** Base64. */
  readonly data: string;
  readonly unreadable: readonly UnreadableFacts[];
  /** Where it is not what memory holds, and why. */
  readonly differences: readonly { readonly start: Hex; readonly end: Hex; readonly reason: string }[];
}
