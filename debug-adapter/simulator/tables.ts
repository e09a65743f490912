/** Page tables of a simulated machine: finding, making and writing entries. Pages are virtual page numbers (address / 4096). */
import { entryKind } from '../arch/paging-mode.ts';
import type { EntryKind, PagingMode } from '../arch/paging-mode.ts';
import type { EntryEncoder } from './entry-encoder.ts';
import type { KernelMemory } from './kernel-memory.ts';
import type { Platform } from './platform.ts';

/** kernel_to_user_pgdp(): bytes from a root to its user half, under page-table isolation. */
export const userHalf = 4096;

/** Where a walk ended. */
export interface Place {
  /** 0 is the root's. */
  level: number;
  /** Physical address of the entry. */
  at: number;
}

/** Walks and writes one machine's tables. Levels count from the root (0); addresses of entries are physical, in bytes. */
export class Tables {
  readonly memory: KernelMemory;
  readonly mode: PagingMode;
  readonly encoder: EntryEncoder;
  /** Index of the last level. */
  readonly last: number;
  /** For each level, log2 of the pages that an entry covers. */
  readonly shifts: readonly number[];
  readonly #spans: readonly number[];
  readonly #entries: readonly number[];
  /** Whether roots have user halves. */
  readonly #isolated: boolean;

  constructor(memory: KernelMemory, platform: Platform, isolated: boolean) {
    this.#isolated = isolated;
    this.memory = memory;
    this.mode = platform.mode;
    this.encoder = platform.encoder;
    this.last = this.mode.levels.length - 1;
    this.shifts = this.mode.levels.map(({ shift }) => shift - 12);
    this.#spans = this.shifts.map((shift) => 2 ** shift);
    this.#entries = this.mode.levels.map(({ indexBits }) => 2 ** indexBits);
  }

  /** Pages that an entry of a level covers. */
  span(level: number): number {
    return this.#spans[level] ?? 1;
  }

  /** Entries of a table of a level. */
  entries(level: number): number {
    return this.#entries[level] ?? 512;
  }

  /** The kernel's name of a level: `pgd` … `pte`. */
  name(level: number): string {
    return this.mode.levels[level]?.name ?? '';
  }

  /** The level of that name; undefined where this paging mode has none. */
  levelOf(name: string): number | undefined {
    const level = this.mode.levels.findIndex((one) => one.name === name);
    return level < 0 ? undefined : level;
  }

  /** Index of the entry for virtual page `page` in its table of this level. */
  index(level: number, page: number): number {
    return Math.floor(page / this.span(level)) % this.entries(level);
  }

  /** What the entry at physical `at` is, read as one of this level. */
  kind(level: number, at: number): EntryKind {
    return this.mode.kind(level, this.memory.u32(at), this.memory.u32(at + 4));
  }

  /** Physical address of the table behind an entry that is a table's. */
  tableAt(level: number, at: number): number {
    return this.mode.tableAddress(level, this.memory.u32(at), this.memory.u32(at + 4));
  }

  /** Physical address of the memory behind a leaf, or behind an entry that keeps its frame. */
  leafAt(level: number, at: number): number {
    return this.mode.leafAddress(level, this.memory.u32(at), this.memory.u32(at + 4));
  }

  /** The protection bits of the leaf at physical `at`, in the encoder's own form. */
  bits(level: number, at: number): number {
    return this.encoder.bitsOf(level, this.memory.u32(at), this.memory.u32(at + 4));
  }

  /** Where the walk for a page ends: at an entry that is no table's, or at `deepest`. */
  walk(root: number, page: number, deepest = this.last): Place {
    let table = root;
    for (let level = 0; ; level++) {
      const at = table + this.index(level, page) * 8;
      if (level === deepest || this.kind(level, at) !== entryKind.table) return { level, at };
      table = this.tableAt(level, at);
    }
  }

  /** The entry of a page at `level`, with the tables above it made where they are missing by `make`. */
  ensure(root: number, page: number, to: { readonly level: number; readonly make: (level: number, at: number) => number }): number {
    let table = root;
    for (let level = 0; level < to.level; level++) {
      const at = table + this.index(level, page) * 8;
      table = this.kind(level, at) === entryKind.table ? this.tableAt(level, at) : to.make(level, at);
    }
    return table + this.index(to.level, page) * 8;
  }

  /** Writes a leaf for the memory at physical `to.address`. */
  setLeaf(level: number, at: number, to: { readonly address: number; readonly bits: number }): void {
    this.encoder.leaf(level, to.address, to.bits);
    this.#write(at);
  }

  /** Writes a pointer to the table at physical `to.table`; entries of processes go into both halves under isolation. */
  setTable(level: number, at: number, to: { readonly table: number; readonly user: boolean }): void {
    this.encoder.table(level, to.table, to.user);
    if (level === 0 && to.user && this.#isolated) {
      // pti_set_user_pgtbl(): into both halves; what the kernel's half has of user memory it must not execute.
      this.#write(at + userHalf);
      if (this.last > 2) this.encoder.high = (this.encoder.high | 0x8000_0000) >>> 0;
    }
    this.#write(at);
  }

  /** Writes a swap entry, with its marks. */
  setSwap(
    at: number,
    to: { readonly type: number; readonly offset: number; readonly softDirty: boolean; readonly writeProtected: boolean },
  ): void {
    this.encoder.swap(to.type, to.offset, to);
    this.#write(at);
  }

  /** Makes the entry none. */
  clear(at: number): void {
    this.memory.setU32(at, 0);
    this.memory.setU32(at + 4, 0);
  }

  /** Copies 8 bytes, whatever they mean. */
  copyEntry(to: number, from: number): void {
    this.memory.setU32(to, this.memory.u32(from));
    this.memory.setU32(to + 4, this.memory.u32(from + 4));
  }

  /** The 64 bits at physical `at`. */
  entry(at: number): bigint {
    return (BigInt(this.memory.u32(at + 4)) << 32n) | BigInt(this.memory.u32(at));
  }

  /** Writes 64 bits at physical `at`, whatever they mean. */
  setEntry(at: number, value: bigint): void {
    this.memory.setU32(at, Number(value & 0xffff_ffffn));
    this.memory.setU32(at + 4, Number((value >> 32n) & 0xffff_ffffn));
  }

  #write(at: number): void {
    this.memory.setU32(at, this.encoder.low);
    this.memory.setU32(at + 4, this.encoder.high);
  }
}
