/** Memory as its page tables have it: the pages of a range with their bytes, and types laid over bytes. Types only. */
import type { Hex } from './facts.ts';
import type { UnreadableFacts } from './reads.ts';

/** A page of memory, or a run of pages of which nothing can be read and of which the same is to be said. */
export interface MemoryPageFacts {
  /** May lie before what was asked for, where the run begins there. */
  readonly start: Hex;
  /** First address behind; `0x0` at the top of the space. */
  readonly end: Hex;
  /** The level whose entry ends the walk; null where none was reached, and for physical memory. */
  readonly level: string | null;
  readonly entry: Hex | null;
  readonly flags: readonly string[];
  /** Of the first byte; null where nothing is mapped. */
  readonly physical: Hex | null;
  /** Over all levels; null where nothing is mapped, and for physical memory. */
  readonly rights: { readonly write: boolean; readonly execute: boolean; readonly user: boolean } | null;
  /** Why nothing is mapped. */
  readonly reason: string | null;
  /** What the page belongs to, as `identify` tells. */
  readonly owner: { readonly kind: string; readonly summary: string };
  /** Where it lies in a vmap_block. `state`: `used`, `dirty` or `free`; `page` is its first page. */
  readonly block: { readonly state: string; readonly page: number; readonly pages: number } | null;
}

/** The bytes of a range; where one is missing, `unreadable` says so and `data` holds a zero. */
export interface MemoryPagesFacts {
  readonly address: Hex;
  /** Base64. */
  readonly data: string;
  readonly unreadable: readonly UnreadableFacts[];
  /** Ascending and without gaps from the page that holds `address` on. */
  readonly pages: readonly MemoryPageFacts[];
  /** Bytes of a page. */
  readonly pageSize: number;
  readonly littleEndian: boolean;
  readonly pointerSize: number;
}

/** Members of a type, flattened: structures and unions are told by what they are made of. */
export interface TypeLayoutFacts {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly members: readonly {
    /** The path from the type: `lru.next`. */
    readonly name: string;
    /** As C declares it. */
    readonly type: string;
    /** Bytes. */
    readonly offset: number;
    readonly size: number;
    /** Of bit-fields: first bit from `offset`, and how many. */
    readonly bits: { readonly first: number; readonly count: number } | null;
    readonly kind: 'integer' | 'signed' | 'pointer' | 'text' | 'other';
  }[];
  /** Whether there are more members than are told. */
  readonly cut: boolean;
}
