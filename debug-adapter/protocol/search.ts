/** What a search asks, and what it finds. Types only. */
import type { Hex } from './facts.ts';

/** A place where a pattern was found. */
export interface SearchHit {
  /** Null where a physical address has no kernel address that is known. */
  readonly virtual: Hex | null;
  /** Of its first byte. */
  readonly physical: Hex;
  /** `identify`'s answer. */
  readonly what: { readonly kind: string; readonly summary: string };
}

/** The answer of `search`, with how its pattern was understood. */
export interface SearchFacts {
  /** Ascending. */
  readonly hits: readonly SearchHit[];
  /** Whether every hit is told. */
  readonly complete: boolean;
  readonly pattern: SearchPatternFacts;
  /** Bytes that were searched, each once. */
  readonly searched: number;
  /** Bytes of RAM that were to be searched and are not in the dump. */
  readonly missing: number;
  readonly warnings: readonly string[];
}

/** The bytes that are looked for and the bits of them that count (null: all), in hexadecimal digits. */
export interface SearchPatternFacts {
  readonly bytes: string;
  readonly mask: string | null;
  readonly align: number;
}

/** What to look for. */
export interface SearchPatternQuestion {
  /** A number (`0x…` or decimal), a symbol's name, pairs of hexadecimal digits with `??`, or text in double quotes; see `string`. */
  readonly pattern: string;
  /** The pattern is text as it stands. */
  readonly string?: boolean | undefined;
  /** Bytes of the number; the machine's word by default. */
  readonly size?: number | undefined;
  /** Bits of the number that may be anything. */
  readonly mask?: Hex | undefined;
  /** Only addresses that are multiples of it; a number's own size by default, else 1. */
  readonly align?: number | undefined;
}

/** What to look for, and where. */
export interface SearchQuestion extends SearchPatternQuestion {
  /** Memory by physical addresses, whoever maps it. */
  readonly physical?: boolean | undefined;
  /** The address space: `kernel` by default; of a process, what user mode maps. */
  readonly mm?: string | undefined;
  /** Addresses [start, end), physical ones with `physical`. */
  readonly range?: { readonly start: Hex; readonly end: Hex } | undefined;
  /** Most hits told; 1000 by default. */
  readonly limit?: number | undefined;
}

/** What the event `pagewalk/searchHits` tells while a search goes on: hits that are new, in order. */
export interface SearchHitsEvent {
  /** The request's own `search`. */
  readonly search: string;
  readonly hits: readonly SearchHit[];
}
