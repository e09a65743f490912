/** Reads one table for a check: its entries sorted into runs of neighbours that are alike. Nothing is kept of good leaves. */
import { entryKind } from '../arch/paging-mode.ts';
import type { PagingMode } from '../arch/paging-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { allRights, half, right } from './table-check-nodes.ts';
import type { Half } from './table-check-nodes.ts';
import { highHalf, lowHalf, viewFrame } from './table-view.ts';

/** Neighbouring entries; `low` and `high` are the first's. */
export interface EntryRun {
  readonly first: number;
  count: number;
  readonly low: number;
  readonly high: number;
  readonly user: boolean;
  /** Physical address of the next table; 0 where it is none. */
  readonly target: number;
  /** Rights that the entry leaves to the levels below. */
  readonly rights: number;
  /** What is wrong with it; empty where nothing is. */
  readonly reason: string;
}

/** A table with what the entries on the way to it allow; `address` is physical. */
export interface ScannedTable {
  readonly level: number;
  readonly address: number;
  readonly half: Half;
  readonly rights: number;
}

/** What the scan of one table's entries asks, and tells. */
export interface ScanQuestions {
  /** Whether an entry serves user addresses, where the table serves both kinds. */
  readonly userAt: ((index: number) => boolean) | undefined;
  /** Sees each leaf, and each entry that is not present. */
  readonly count: ((index: number, low: number, high: number) => void) | undefined;
}

/** The results of the last table read stand in its fields; runs are of neighbouring entries, by index. */
export class TableScan {
  /** Entries that are not none and not without presence, of which so many are impossible. */
  valid = 0;
  impossible = 0;
  pointers: EntryRun[] = [];
  defects: EntryRun[] = [];
  writableExecutable: EntryRun[] = [];
  openToUser: EntryRun[] = [];
  /** Whether any table read so far has a leaf of the kernel that may be written and not be executed. */
  forbidsExecution = false;
  readonly #physical: PhysicalMemory;
  readonly #mode: PagingMode;

  constructor(physical: PhysicalMemory, mode: PagingMode) {
    this.#physical = physical;
    this.#mode = mode;
  }

  /** A frame (physical address / 4096); not kept, for there may be millions. Undefined when it cannot be read. */
  view(frame: number): DataView | undefined {
    return viewFrame(this.#physical, frame);
  }

  /** Reads a table; false when some of it is missing. What was found before is forgotten. */
  read(table: ScannedTable, questions: ScanQuestions): boolean {
    this.valid = 0;
    this.impossible = 0;
    this.pointers = [];
    this.defects = [];
    this.writableExecutable = [];
    this.openToUser = [];
    const mode = this.#mode;
    const shape = mode.levels[table.level];
    if (shape === undefined) return true;
    const { count, userAt } = questions;
    const entries = 2 ** shape.indexBits;
    const wide = shape.entrySize === 8;
    const lowAt = wide && !mode.littleEndian ? 4 : 0;
    let view: DataView | undefined;
    let viewed = -1;
    let whole = true;
    for (let index = 0; index < entries; index++) {
      const at = table.address + index * shape.entrySize;
      const frame = Math.floor(at / frameSize);
      if (frame !== viewed) {
        view = this.view(frame);
        viewed = frame;
      }
      if (view === undefined) {
        whole = false;
        continue;
      }
      const offset = at % frameSize;
      const low = view.getUint32(offset + lowAt, mode.littleEndian);
      const high = wide ? view.getUint32(offset + 4 - lowAt, mode.littleEndian) : 0;
      const kind = mode.kind(table.level, low, high);
      if (kind === entryKind.none) continue;
      if (kind === entryKind.notPresent) {
        count?.(index, low, high);
        continue;
      }
      this.valid++;
      const user = userAt === undefined ? table.half === half.user : userAt(index);
      if (kind === entryKind.leaf) {
        count?.(index, low, high);
        this.#leaf(table, index, { low, high, user });
      } else if (kind === entryKind.table) this.#pointer(table, index, { low, high, user });
      else {
        const reason = mode.defect(table.level, low, high) ?? mode.explain(table.level, low, high, { userAddress: user });
        this.#impossible(index, { low, high, user, reason });
      }
    }
    return whole;
  }

  /** One entry of a table that can be read. */
  entryAt(table: ScannedTable, index: number): { low: number; high: number } {
    const mode = this.#mode;
    const shape = mode.levels[table.level];
    if (shape === undefined) return { low: 0, high: 0 };
    const at = table.address + index * shape.entrySize;
    const view = this.view(Math.floor(at / frameSize));
    if (view === undefined) return { low: 0, high: 0 };
    const offset = at % frameSize;
    return { low: lowHalf(view, offset, shape, mode), high: highHalf(view, offset, shape, mode) };
  }

  #leaf(table: ScannedTable, index: number, entry: { low: number; high: number; user: boolean }): void {
    const { low, high, user } = entry;
    const reason = this.#mode.defect(table.level, low, high);
    if (reason !== undefined) {
      this.#impossible(index, { low, high, user, reason });
      return;
    }
    if (user) return;
    const rights = table.rights & this.#rights(table.level, entry);
    if ((rights & right.write) !== 0 && (rights & right.execute) === 0) this.forbidsExecution = true;
    if ((rights & (right.write | right.execute)) === (right.write | right.execute)) {
      extend(this.writableExecutable, index, { low, high, user, target: 0, rights, reason: '' });
    }
    if ((rights & right.user) !== 0) extend(this.openToUser, index, { low, high, user, target: 0, rights, reason: '' });
  }

  #pointer(table: ScannedTable, index: number, entry: { low: number; high: number; user: boolean }): void {
    const { low, high, user } = entry;
    const reason = this.#mode.defect(table.level, low, high);
    const target = this.#mode.tableAddress(table.level, low, high);
    if (reason !== undefined) {
      const lost = this.view(Math.floor(target / frameSize)) === undefined;
      const where = lost ? `; its table would lie at physical 0x${target.toString(16)}, where nothing can be read` : '';
      this.#impossible(index, { low, high, user, reason: `${reason}${where}` });
      return;
    }
    const rights = user ? allRights : this.#rights(table.level, entry);
    extend(this.pointers, index, { low, high, user, target, rights, reason: '' });
  }

  #impossible(index: number, entry: { low: number; high: number; user: boolean; reason: string }): void {
    this.impossible++;
    this.defects.push({ first: index, count: 1, target: 0, rights: 0, ...entry });
  }

  #rights(level: number, entry: { low: number; high: number; user: boolean }): number {
    const { write, execute, user } = this.#mode.rights(level, entry.low, entry.high, entry.user);
    return (write ? right.write : 0) | (execute ? right.execute : 0) | (user ? right.user : 0);
  }
}

function extend(runs: EntryRun[], index: number, entry: Omit<EntryRun, 'first' | 'count'>): void {
  const last = runs.at(-1);
  if (last?.target === entry.target && last.first + last.count === index && last.rights === entry.rights && last.user === entry.user) {
    last.count++;
  } else runs.push({ first: index, count: 1, ...entry });
}
