/**
 * What a run stops at when it changes: bytes of physical memory, bytes behind virtual addresses, page-table entries. What
 * a watched value depends on are a few places in RAM: the entries on its walk and the bytes themselves. Only where one of
 * those differs is the value found anew.
 */
import { limits } from '../base/limits.ts';
import { formatAddress, toAddress, toPhysAddr } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { frameSize, readPhysical } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { Session } from './session.ts';

/** What is to be watched: bytes, or the entry that maps an address. */
export interface WatchWish {
  readonly kind: 'virtual' | 'physical' | 'entry';
  /** Virtual, or physical, address. */
  readonly address: bigint;
  /** Of `virtual` and `physical`: bytes. */
  readonly length: number;
  /** Address space of virtual addresses, as `--mm` takes it. */
  readonly mm: string | undefined;
  /** Of `entry`: the level's name; the last level on the walk by default. */
  readonly level: string | undefined;
}

interface Place {
  readonly start: number;
  readonly bytes: Uint8Array;
}

interface Reading {
  /** Of an entry: it, in words; otherwise, how much of the range is not mapped. */
  readonly words: string;
  /** The watched bytes that are there. */
  readonly bytes: Uint8Array;
  readonly places: readonly Place[];
}

/**
 * One watched place. Physical addresses are bytes; a virtual one is followed through the page tables as they are at each look.
 */
export class Watch {
  readonly wish: WatchWish;
  readonly label: string;
  readonly #memory: PhysicalMemory;
  readonly #session: () => Session;
  #last: Reading;

  /** `session` answers for the machine as it is when asked. Throws `UserError` for what cannot be watched. */
  constructor(wish: WatchWish, memory: PhysicalMemory, session: () => Session) {
    if (wish.kind !== 'entry' && (!Number.isSafeInteger(wish.length) || wish.length < 1 || wish.length > limits.watchedBytes))
      throw errors.badArgument(`a watch has from 1 to ${limits.watchedBytes} bytes, not ${wish.length}`);
    if (wish.kind === 'physical' && wish.address + BigInt(wish.length) > 1n << 53n)
      throw errors.badArgument('physical addresses lie below 2^53');
    this.wish = wish;
    this.label = labelOf(wish);
    this.#memory = memory;
    this.#session = session;
    this.#last = this.#read();
  }

  /** Takes the present value as the one to compare with: the run went elsewhere. */
  reset(): void {
    this.#last = this.#read();
  }

  /** How the value changed since it was asked last, in words; undefined where it did not. */
  change(): string | undefined {
    if (this.#last.places.every((place) => this.#isAsBefore(place))) return undefined;
    const before = this.#last;
    const after = this.#read();
    this.#last = after;
    const from = firstDifference(before.bytes, after.bytes);
    if (from < 0 && before.words === after.words) return undefined;
    const start = after.bytes.length > shownBytes && from > 0 ? from : 0;
    const at = start === 0 ? '' : ` from byte ${start} on`;
    return `${this.label}${at}: ${readingText(before, start)} → ${readingText(after, start)}`;
  }

  #isAsBefore({ start, bytes }: Place): boolean {
    for (let at = 0; at < bytes.length;) {
      const address = start + at;
      const frame = this.#memory.frame(Math.floor(address / frameSize));
      const part = Math.min(bytes.length - at, frameSize - (address % frameSize));
      if (frame !== undefined) {
        const from = address % frameSize;
        for (let index = 0; index < part; index++) if (frame[from + index] !== bytes[at + index]) return false;
      }
      at += part;
    }
    return true;
  }

  #read(): Reading {
    const { kind, address, length, mm, level } = this.wish;
    if (kind === 'physical') {
      const bytes = this.#bytes(Number(address), length);
      return { words: '', bytes, places: [{ start: Number(address), bytes }] };
    }
    if (kind === 'virtual') return this.#readVirtual(toAddress(address), length, mm);
    const { levels } = this.#session().translate(toAddress(address), mm);
    const size = this.#session().pageTable({ mm }).mode.levels[0]?.entrySize ?? 8;
    const places = levels.map(({ entryAddress }) => ({ start: Number(entryAddress), bytes: this.#bytes(Number(entryAddress), size) }));
    const entry = level === undefined ? levels.at(-1) : levels.find((one) => one.level === level);
    if (entry === undefined) return { words: `no ${level ?? ''} entry`, bytes: nothing, places };
    return { words: `${level === undefined ? `${entry.level} ` : ''}${entry.entry}${flagsText(entry.flags)}`, bytes: nothing, places };
  }

  #readVirtual(address: Address, length: number, mm: string | undefined): Reading {
    const session = this.#session();
    const size = session.pageTable({ mm }).mode.levels[0]?.entrySize ?? 8;
    const places: Place[] = [];
    const parts: Uint8Array[] = [];
    let missing = 0;
    for (let at = 0; at < length;) {
      const here = toAddress(BigInt.asUintN(64, address + BigInt(at)));
      const part = Math.min(length - at, frameSize - Number(here & 0xfffn));
      const { physical, levels } = session.translate(here, mm);
      for (const { entryAddress } of levels) places.push({ start: Number(entryAddress), bytes: this.#bytes(Number(entryAddress), size) });
      if (physical === null) missing += part;
      else {
        const bytes = this.#bytes(Number(physical), part);
        places.push({ start: Number(physical), bytes });
        parts.push(bytes);
      }
      at += part;
    }
    const bytes = new Uint8Array(length - missing);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { words: missing === 0 ? '' : `${missing} bytes not mapped`, bytes, places };
  }

  #bytes(address: number, length: number): Uint8Array {
    return readPhysical(this.#memory, toPhysAddr(address), length).bytes;
  }
}

function labelOf({ kind, address, length, level }: WatchWish): string {
  const text = formatAddress(address);
  if (kind === 'entry') return `${level ?? 'page-table'} entry of ${text}`;
  const what = `${length} byte${length === 1 ? '' : 's'} at`;
  return kind === 'physical' ? `${what} physical ${text}` : `${what} ${text}`;
}

function flagsText(flags: readonly string[]): string {
  return flags.length === 0 ? '' : ` (${flags.join(' ')})`;
}

/** Bytes of a change that are written out. */
const shownBytes = 16;

const nothing = new Uint8Array(0);

function readingText({ bytes, words }: Reading, start: number): string {
  const shown = Array.from(bytes.subarray(start, start + shownBytes), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return [shown, words].filter((part) => part !== '').join(', ');
}

function firstDifference(one: Uint8Array, other: Uint8Array): number {
  const length = Math.max(one.length, other.length);
  for (let index = 0; index < length; index++) if (one[index] !== other[index]) return index;
  return -1;
}
