/**
 * Compares the kernel part of one root with that of init_mm's, entry by entry. Tables below are compared too where roots
 * may have copies of their own (x86-32 PAE without shared kernel PMDs, arm LPAE's modules); elsewhere they are shared, and
 * an entry must point to the same one.
 */
import { toAddress, toPhysAddr } from '../../base/address.ts';
import type { Address, PhysAddr } from '../../base/address.ts';
import { entryKind } from '../../arch/paging-mode.ts';
import type { EntryKind, PagingLevel, PagingMode } from '../../arch/paging-mode.ts';
import { wholeEntry } from '../../arch/table-mode.ts';
import { readPhysical } from '../../memory/physical-memory.ts';
import type { PhysicalMemory } from '../../memory/physical-memory.ts';
import { highHalf, lowHalf } from '../../pagetable/table-view.ts';

/** `missing`: only init_mm has it. `stale`: only this root has it. `different`: both, and not the same. */
export type DifferenceKind = 'missing' | 'stale' | 'different';

/** One entry that differs. */
export interface EntryDifference {
  readonly kind: DifferenceKind;
  readonly start: Address;
  /** First byte behind what the entry covers; up to 2^64. */
  readonly end: bigint;
  /** The kernel's name of the entry's level. */
  readonly level: string;
  readonly entryAddress: PhysAddr;
  readonly entry: bigint;
  /** 0 where init_mm has no table there at all. */
  readonly referenceEntry: bigint;
  /** What makes a `different` entry so, e.g. `it points to the table at 0x…, init_mm's to the one at 0x…`; empty otherwise. */
  readonly contrast: string;
}

/** Where tables cannot be read, and what a difference is told to. */
export interface ComparisonOutput {
  readonly difference: (difference: EntryDifference) => void;
  /** `table` (physical address) of `level` could not be read, or not all of it. */
  readonly unreadable: (table: PhysAddr, level: string, reason: string) => void;
}

interface Table {
  readonly address: number;
  readonly view: DataView;
  /** Whether any byte is missing; then `holds` says it of an entry. */
  readonly whole: boolean;
  readonly holds: (offset: number) => boolean;
}

/** One for a group of roots that are copies of the same one. */
export class RootComparison {
  readonly #physical: PhysicalMemory;
  readonly #mode: PagingMode;
  readonly #reference: PhysAddr;
  readonly #tables = new Map<number, Table | string>();
  /** First kernel address, as a distance into what the root covers (without sign extension). */
  readonly #kernelStart: bigint;
  /** Top-level indexes at which some root points to init_mm's own table: there it is shared by rule. */
  readonly #shared = new Set<number>();
  /** Whether roots may have tables of their own below the top level. */
  readonly #mayCopy: boolean;

  constructor(physical: PhysicalMemory, mode: PagingMode, reference: PhysAddr) {
    this.#physical = physical;
    this.#mode = mode;
    this.#reference = reference;
    this.#kernelStart = kernelStart(mode);
    // Roots of four entries only (x86-32 PAE, arm LPAE): an entry covers 1 GiB, so that the parts that must be private or
    // are synchronised lazily lie one level lower.
    this.#mayCopy = mode.levels[0]?.indexBits === 2 && mode.levels.length > 2;
  }

  /** Learns from a root, before any is compared, which of init_mm's tables are shared by rule. */
  learn(root: PhysAddr): void {
    if (!this.#mayCopy || root === this.#reference) return;
    this.#eachPair({ level: 0, base: 0n }, { own: root, reference: this.#reference }, (pair) => {
      if (pair.kind === entryKind.table && pair.referenceKind === entryKind.table && this.#sameTable(0, pair)) this.#shared.add(pair.index);
    });
  }

  /** Whether every kernel entry of every learnt root points to init_mm's own tables below a root of four entries. */
  get allShared(): boolean {
    if (!this.#mayCopy) return false;
    let all = true;
    this.#eachPair({ level: 0, base: 0n }, { own: this.#reference, reference: this.#reference }, (pair) => {
      if (pair.referenceKind === entryKind.table && !this.#shared.has(pair.index)) all = false;
    });
    return all;
  }

  /** Name of the lowest level at which entries are compared. */
  get lowestLevel(): string {
    const { levels } = this.#mode;
    return (this.#mayCopy && !this.allShared ? levels[1] : levels[0])?.name ?? 'pgd';
  }

  /** Tells `output` each difference between `root` and init_mm's root, in the order of addresses. */
  compare(root: PhysAddr, output: ComparisonOutput): void {
    if (root !== this.#reference) this.#compareTables({ level: 0, base: 0n }, { own: root, reference: this.#reference }, output);
  }

  #compareTables(at: Place, tables: Tables, output: ComparisonOutput): void {
    const { levels } = this.#mode;
    const shape = levels[at.level];
    if (shape === undefined) return;
    for (const one of [tables.own, tables.reference]) {
      const read = one === undefined ? undefined : this.#table(one, shape);
      if (one !== undefined && (typeof read === 'string' || read?.whole === false)) {
        output.unreadable(toPhysAddr(one), shape.name, typeof read === 'string' ? read : 'a part of it is missing from the dump');
      }
    }
    this.#eachPair(at, tables, (pair) => {
      if (pair.low === pair.referenceLow && pair.high === pair.referenceHigh) return;
      const base = at.base + (BigInt(pair.index) << BigInt(shape.shift));
      const descend = (own: number, referenceTable: number | undefined): void => {
        this.#compareTables({ level: at.level + 1, base }, { own, reference: referenceTable }, output);
      };
      const below = pair.kind === entryKind.table ? this.#mode.tableAddress(at.level, pair.low, pair.high) : undefined;
      const referenceBelow =
        pair.referenceKind === entryKind.table ? this.#mode.tableAddress(at.level, pair.referenceLow, pair.referenceHigh) : undefined;
      if (base < this.#kernelStart) {
        // The entry serves user addresses too, so that each process has its own.
        if (below !== undefined) descend(below, referenceBelow);
        else if (referenceBelow !== undefined && pair.kind === entryKind.none) this.#report(at, pair, output);
        return;
      }
      const copies = at.level === 0 && this.#mayCopy && !this.#shared.has(pair.index);
      if (copies && below !== undefined && referenceBelow !== undefined && below !== referenceBelow) descend(below, referenceBelow);
      else this.#report(at, pair, output);
    });
  }

  #report(at: Place, pair: Pair, output: ComparisonOutput): void {
    const { level } = at;
    const shape = this.#mode.levels[level];
    if (shape === undefined) return;
    const mapped = this.#maps(level, pair.kind, pair.low, pair.high);
    const referenceMapped = this.#maps(level, pair.referenceKind, pair.referenceLow, pair.referenceHigh);
    if (!mapped && !referenceMapped) return;
    const contrast = mapped && referenceMapped ? this.#contrast(level, pair) : '';
    if (mapped && referenceMapped && contrast === '') return;
    const base = at.base + (BigInt(pair.index) << BigInt(shape.shift));
    const end = base + (1n << BigInt(shape.shift));
    const start = this.#signExtended(base < this.#kernelStart ? this.#kernelStart : base);
    if (this.#mode.directWindow(start) !== undefined) return;
    output.difference({
      kind: !mapped ? 'missing' : referenceMapped ? 'different' : 'stale',
      start,
      end: this.#signExtended(end - 1n) + 1n,
      level: shape.name,
      entryAddress: toPhysAddr(pair.entryAddress),
      entry: wholeEntry(pair.low, pair.high),
      referenceEntry: wholeEntry(pair.referenceLow, pair.referenceHigh),
      contrast,
    });
  }

  /** In words, what differs between two entries that both map something; empty when only bits that do not matter do. */
  #contrast(level: number, pair: Pair): string {
    const mode = this.#mode;
    const own = { low: pair.low, high: pair.high, kind: pair.kind };
    const other = { low: pair.referenceLow, high: pair.referenceHigh, kind: pair.referenceKind };
    const target = this.#target(level, own);
    const referenceTarget = this.#target(level, other);
    if (target !== referenceTarget) return `it ${target}, init_mm's ${referenceTarget}`;
    const rights = mode.rights(level, own.low, own.high, false);
    const referenceRights = mode.rights(level, other.low, other.high, false);
    const gained: string[] = [];
    const lost: string[] = [];
    for (const right of ['write', 'execute', 'user'] as const) {
      if (rights[right] === referenceRights[right]) continue;
      (rights[right] ? gained : lost).push(right === 'user' ? 'access from user mode' : right);
    }
    if (gained.length === 0 && lost.length === 0) return '';
    const parts = [
      ...(gained.length === 0 ? [] : [`allows ${gained.join(' and ')}, which init_mm's does not`]),
      ...(lost.length === 0 ? [] : [`denies ${lost.join(' and ')}, which init_mm's allows`]),
    ];
    return `it ${parts.join(', and ')}`;
  }

  #target(level: number, of: { readonly low: number; readonly high: number; readonly kind: EntryKind }): string {
    const mode = this.#mode;
    if (of.kind === entryKind.table) return `points to the table at 0x${mode.tableAddress(level, of.low, of.high).toString(16)}`;
    const size = 2 ** mode.leafShift(level, of.low, of.high);
    const what = `${size / 1024} KiB at 0x${mode.leafAddress(level, of.low, of.high).toString(16)}`;
    return of.kind === entryKind.notPresent ? `keeps ${what} without being present` : `maps ${what}`;
  }

  #maps(level: number, kind: EntryKind, low: number, high: number): boolean {
    if (kind === entryKind.none) return false;
    // An invalidated large page counts as present to the kernel (pmd_present), and keeps its frame.
    return kind !== entryKind.notPresent || this.#mode.keepsFrame(level, low, high);
  }

  #sameTable(level: number, pair: Pair): boolean {
    const mode = this.#mode;
    return mode.tableAddress(level, pair.low, pair.high) === mode.tableAddress(level, pair.referenceLow, pair.referenceHigh);
  }

  /** Calls `visit` for the kernel's entries that are readable in both tables and not zero in both. */
  #eachPair(at: Place, tables: Tables, visit: (pair: Pair) => void): void {
    const mode = this.#mode;
    const shape = mode.levels[at.level];
    if (shape === undefined) return;
    const own = this.#table(tables.own, shape);
    const other = tables.reference === undefined ? undefined : this.#table(tables.reference, shape);
    if (typeof own === 'string' || typeof other === 'string') return;
    const first = at.base >= this.#kernelStart ? 0 : Number((this.#kernelStart - at.base) >> BigInt(shape.shift));
    for (let index = first; index < 2 ** shape.indexBits; index++) {
      const offset = index * shape.entrySize;
      if (!own.holds(offset) || other?.holds(offset) === false) continue;
      const low = lowHalf(own.view, offset, shape, mode);
      const high = highHalf(own.view, offset, shape, mode);
      const referenceLow = other === undefined ? 0 : lowHalf(other.view, offset, shape, mode);
      const referenceHigh = other === undefined ? 0 : highHalf(other.view, offset, shape, mode);
      if ((low | high | referenceLow | referenceHigh) === 0) continue;
      visit({
        index,
        entryAddress: tables.own + offset,
        low,
        high,
        referenceLow,
        referenceHigh,
        kind: mode.kind(at.level, low, high),
        referenceKind: mode.kind(at.level, referenceLow, referenceHigh),
      });
    }
  }

  /** The bytes of a table, or why none of them can be read. Init_mm's are kept; there are few. */
  #table(address: number, shape: PagingLevel): Table | string {
    const known = this.#tables.get(address);
    if (known !== undefined) return known;
    const length = 2 ** shape.indexBits * shape.entrySize;
    if (!Number.isSafeInteger(address + length)) return 'no machine has memory there';
    const { bytes, holes } = readPhysical(this.#physical, toPhysAddr(address), length);
    const missing = holes.reduce((sum, hole) => sum + hole.length, 0);
    const table: Table | string =
      missing >= length
        ? (holes[0]?.reason.message ?? 'it is missing')
        : {
            address,
            view: new DataView(bytes.buffer, bytes.byteOffset, length),
            whole: missing === 0,
            holds: (offset) =>
              missing === 0 || !holes.some((hole) => offset + shape.entrySize > hole.offset && offset < hole.offset + hole.length),
          };
    if (this.#tables.size >= keptTables) this.#tables.clear();
    this.#tables.set(address, table);
    return table;
  }

  #signExtended(address: bigint): Address {
    const { addressBits, virtualBits } = this.#mode;
    return toAddress(addressBits === 32 ? address : BigInt.asIntN(virtualBits, address));
  }
}

const keptTables = 64;

/** Physical addresses of a table and of init_mm's for the same place; undefined where init_mm has none. */
interface Tables {
  readonly own: number;
  readonly reference: number | undefined;
}

/** Where a table's entries begin. */
interface Place {
  readonly level: number;
  /** Distance of the first address that the table serves into what the root covers. */
  readonly base: bigint;
}

interface Pair {
  readonly index: number;
  readonly entryAddress: number;
  readonly low: number;
  readonly high: number;
  readonly referenceLow: number;
  readonly referenceHigh: number;
  readonly kind: EntryKind;
  readonly referenceKind: EntryKind;
}

/** First address of the kernel, as a distance into what the root covers; user mode has all below it. */
function kernelStart(mode: PagingMode): bigint {
  const top = mode.levels[0];
  if (top === undefined) return 0n;
  const extend = (flat: bigint): Address => toAddress(mode.addressBits === 32 ? flat : BigInt.asIntN(mode.virtualBits, flat));
  let low = -1n;
  let high = 1n << BigInt(top.shift + top.indexBits);
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (mode.isUserAddress(extend(middle))) low = middle;
    else high = middle;
  }
  return high;
}
