/** Page-table entries that had other bytes before: the tables of now are walked, and those on changed memory looked into. */
import { formatAddress } from '../base/address.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { entryKind } from '../arch/paging-mode.ts';
import { wholeEntry } from '../arch/table-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { ChangedEntryFacts } from '../protocol/scenario.ts';
import type { PageTable } from './page-table.ts';
import { virtualOf } from './table-entries.ts';
import { highHalf, lowHalf, viewFrame } from './table-view.ts';

/** What is asked of a comparison of page-table entries between two states of memory. */
export interface ChangedTables {
  /** Memory as it was. */
  readonly before: PhysicalMemory;
  /** Frames in which anything differs. */
  readonly frames: ReadonlySet<number>;
  readonly token: CancellationToken;
  /** Most entries to find. */
  readonly most: number;
}

/** Finds each entry once, whatever tables have it. */
export class EntryChanges {
  readonly found: ChangedEntryFacts[] = [];
  readonly #asked: ChangedTables;
  readonly #visited = new Set<string>();
  #truncated = false;

  constructor(asked: ChangedTables) {
    this.#asked = asked;
  }

  /** Whether a bound ended the search: there may be more changes. */
  get truncated(): boolean {
    return this.#truncated;
  }

  /** Throws `UserError('limit')` after more tables than a kernel has, and `Cancelled`. */
  add(pageTable: PageTable, space: { readonly mm: string; readonly user: boolean }): void {
    this.#table(pageTable, space, { level: 0, table: pageTable.root, base: pageTable.virtualBase });
  }

  #table(
    pageTable: PageTable,
    space: { readonly mm: string; readonly user: boolean },
    at: { readonly level: number; readonly table: number; readonly base: bigint },
  ): void {
    const { level, table, base } = at;
    const { mode } = pageTable;
    const shape = mode.levels[level];
    const key = `${level} ${table}`;
    if (shape === undefined || this.#visited.has(key)) return;
    this.#visited.add(key);
    throwIfCancelled(this.#asked.token);
    if (this.#visited.size > limits.comparedTables)
      throw errors.limit(`there are more than ${limits.comparedTables} page tables, which no kernel has`);
    for (let index = 0; index < 2 ** shape.indexBits; index++) {
      const address = table + index * shape.entrySize;
      const frame = Math.floor(address / frameSize);
      const view = pageTable.tableView(frame);
      if (view === undefined) continue;
      const offset = address % frameSize;
      const low = lowHalf(view, offset, shape, mode);
      const high = highHalf(view, offset, shape, mode);
      const start = virtualOf(base + BigInt(index) * 2n ** BigInt(shape.shift), mode, level);
      if (this.#asked.frames.has(frame)) {
        const old = viewFrame(this.#asked.before, frame);
        const oldLow = old === undefined ? 0 : lowHalf(old, offset, shape, mode);
        const oldHigh = old === undefined ? 0 : highHalf(old, offset, shape, mode);
        if (oldLow !== low || oldHigh !== high) {
          this.#add({
            ...space,
            level: shape.name,
            start: formatAddress(start),
            end: formatAddress(BigInt.asUintN(mode.addressBits, start + 2n ** BigInt(shape.shift))),
            entryAddress: formatAddress(address),
            length: shape.entrySize,
            before: formatAddress(wholeEntry(oldLow, oldHigh)),
            after: formatAddress(wholeEntry(low, high)),
            flags: mode.flags(level, low, high),
          });
        }
      }
      if (mode.kind(level, low, high) === entryKind.table)
        this.#table(pageTable, space, { level: level + 1, table: mode.tableAddress(level, low, high), base: start });
    }
  }

  #add(entry: ChangedEntryFacts): void {
    if (this.found.length >= this.#asked.most) this.#truncated = true;
    else this.found.push(entry);
  }
}
