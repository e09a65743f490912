/** What `info` tells of the machine when it stopped: its clock, how its log ends, its memory as a picture. Types only; see facts.ts. */
import type { Hex } from './facts.ts';
import type { DeathFacts } from './stacks.ts';

/** A piece of the physical address space in which there is RAM. All together, ascending, have all of it; at most 1024. */
export interface MemoryMapPiece {
  readonly start: Hex;
  /** First address behind. */
  readonly end: Hex;
  /** Bytes of RAM in it. */
  readonly ram: number;
  /** Of these, bytes that the file has; null where only reading tells. */
  readonly stored: number | null;
}

/** What frames a NUMA node spans. A kernel that does not tell of any has none. */
export interface NodeFacts {
  readonly id: number;
  readonly start: Hex;
  /** First address behind. */
  readonly end: Hex;
}

/** What the kernel's clocks said when it stopped. */
export interface ClockFacts {
  /** Seconds since 1970; null where the clock was never set or cannot be read. */
  readonly stopped: number | null;
  /** Seconds since boot, with those in which the machine was suspended; null where it cannot be read. */
  readonly uptime: number | null;
  /** In words, where the kernel keeps it; or why it is not known. */
  readonly source: string;
}

/** How the kernel log ends, in short. */
export interface LogEndFacts {
  readonly records: number;
  /** Seconds from boot to the last record; null where there is none. */
  readonly last: number | null;
  /** The panic of the log, or else its last oops; null where it has neither. */
  readonly death: DeathFacts | null;
  /** What could not be read; null where all was. */
  readonly problem: string | null;
}
