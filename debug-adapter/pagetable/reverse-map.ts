/**
 * From a physical address to every virtual address that maps it, in any number of page tables: an index that is built
 * once and costs what there are distinct tables (table-graph.ts, run-index.ts).
 */
import { toAddress } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { neverCancelled, throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken, LongWork } from '../base/cancellation.ts';
import { limits } from '../base/limits.ts';
import type { PagingMode } from '../arch/paging-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PageTable } from './page-table.ts';
import { TableGraph } from './table-graph.ts';
import type { GraphBounds } from './table-graph.ts';

/** One address space whose mappings are gathered. */
export interface ReverseMapRoot {
  readonly pageTable: PageTable;
  /**
   * Roots (indexes in the list of roots) of which this one repeats mappings, as a process's root repeats the kernel's where
   * roots are shared: what they map at the same address to the same frame is theirs and not told again.
   */
  readonly repeats: readonly number[];
}

/** One of the virtual addresses that lead to a physical one. */
export interface ReverseMapping {
  /** Index of the root in the list of roots. */
  readonly root: number;
  readonly virtual: Address;
}

/** Who maps a physical address, as far as it is told. */
export interface ReverseMappings {
  /** Ascending by root, then by address. */
  readonly mappings: readonly ReverseMapping[];
  /** Addresses there are, repeated ones left out; where not all are told, repeated ones count. */
  readonly total: number;
  /** Whether every address is told. */
  readonly complete: boolean;
}

/** How to stop the reading of all tables, who hears how far it is, and how many are read. */
export interface ReverseMapOptions extends LongWork {
  readonly bounds?: GraphBounds | undefined;
}

/** Builds the index. Throws `Cancelled`. */
export function buildReverseMap(roots: readonly ReverseMapRoot[], options: ReverseMapOptions = {}): ReverseMap {
  const bounds = options.bounds ?? { tables: limits.pageTables, runs: limits.mappedRuns };
  // Address spaces of one machine may differ in their levels (s390).
  const graphs = new Map<string, TableGraph>();
  roots.forEach(({ pageTable, repeats }, owner) => {
    const { mode, physical, root } = pageTable;
    let graph = graphs.get(mode.name);
    if (graph === undefined) {
      graph = new TableGraph(physical, mode, bounds);
      graphs.set(mode.name, graph);
    }
    const repeated = mode.split === 'shared' ? repeats.flatMap((index) => roots[index]?.pageTable ?? []) : [];
    graph.addRoot(
      root,
      owner,
      repeated.filter((other) => other.mode.name === mode.name).map((other) => other.root),
    );
  });
  for (const graph of graphs.values()) graph.build(options.token ?? neverCancelled, options.progress);
  return new ReverseMap(roots, [...graphs.values()]);
}

/**
 * An index of one moment of memory, made by `buildReverseMap`. What it lacks because tables could not be read is in `warnings`.
 */
export class ReverseMap {
  readonly #roots: readonly ReverseMapRoot[];
  readonly #graphs: readonly TableGraph[];

  constructor(roots: readonly ReverseMapRoot[], graphs: readonly TableGraph[]) {
    this.#roots = roots;
    this.#graphs = graphs;
  }

  /** Distinct tables that were read. */
  get tables(): number {
    return this.#graphs.reduce((sum, graph) => sum + graph.tables, 0);
  }

  /** Tables that could not be read, at least in part. */
  get unreadableTables(): number {
    return this.#graphs.reduce((sum, graph) => sum + graph.unreadable, 0);
  }

  /** Runs of mapped memory in the index. */
  get runs(): number {
    return this.#graphs.reduce((sum, graph) => sum + graph.runs, 0);
  }

  /** In words, what is missing from the index. */
  get warnings(): readonly string[] {
    return this.#graphs.flatMap((graph) => graph.warnings);
  }

  /** Where `physical` is mapped, at most `most` addresses. Throws `Cancelled`. */
  lookup(physical: PhysAddr, most: number, token: CancellationToken = neverCancelled): ReverseMappings {
    const frame = Math.floor(physical / frameSize);
    const offset = BigInt(physical % frameSize);
    const found: ReverseMapping[] = [];
    let total = 0;
    // Repeated mappings are found and dropped: they must not keep the search going for ever either.
    let steps = limits.mappingSteps;
    const look = (graph: TableGraph, leaf: { table: number; page: number }): boolean =>
      graph.addressesOf(leaf.table, leaf.page, (owner, page) => {
        if (found.length >= most || steps-- <= 0) return false;
        if (steps % frameSize === 0) throwIfCancelled(token);
        const virtualPage = pageOf(graph.mode, this.#basePage(owner), page);
        if (!this.#isTranslated(owner, virtualPage) || this.#repeated(owner, virtualPage, frame)) return true;
        found.push({ root: owner, virtual: toAddress((BigInt(virtualPage) << 12n) + offset) });
        return true;
      });
    let complete = true;
    for (const graph of this.#graphs) {
      for (const leaf of graph.leavesOf(frame)) {
        total += leaf.paths;
        if (complete) complete = look(graph, leaf);
      }
    }
    found.sort((a, b) => a.root - b.root || (a.virtual < b.virtual ? -1 : 1));
    return { mappings: found, total: complete ? found.length : total, complete };
  }

  #basePage(root: number): number {
    return Number((this.#roots[root]?.pageTable.virtualBase ?? 0n) >> 12n);
  }

  /** Whether the page's address exists, and the hardware looks into tables for it. */
  #isTranslated(root: number, virtualPage: number): boolean {
    const { mode, windowPages } = this.#roots[root]?.pageTable ?? {};
    const inWindow = windowPages !== undefined && virtualPage >= windowPages.start && virtualPage < windowPages.end;
    return !inWindow && mode?.isCanonical(toAddress(BigInt(virtualPage) << 12n)) === true;
  }

  #repeated(root: number, virtualPage: number, frame: number): boolean {
    const own = this.#roots[root];
    if (own?.pageTable.mode.split !== 'shared') return false;
    return own.repeats.some((other) => this.#roots[other]?.pageTable.frameOf(virtualPage) === frame);
  }
}

/** Virtual page (address / 4096) of a page that lies `page` pages behind the first that the root serves. */
export function pageOf(mode: PagingMode, base: number, page: number): number {
  const extended = mode.split === 'shared' && mode.addressBits === 64 && page >= 2 ** (mode.virtualBits - 13);
  return base + page + (extended ? 2 ** 52 - 2 ** (mode.virtualBits - 12) : 0);
}

/**
 * Addresses in the hardware's direct windows (mips KSEG0 and XKPHYS, loongarch DMW…) that reach `physical` without any
 * table. A mode only tells where an address leads, so each place where a window can begin is tried: every value of an
 * address's top byte, and every value of the top four bits of 32-bit addresses (sign-extended on 64-bit machines).
 */
export function windowAddresses(mode: PagingMode, physical: PhysAddr): Address[] {
  const bases: bigint[] = [];
  for (let high = 0n; high < 16n; high++) bases.push((mode.addressBits === 64 ? 0xffff_ffff_0000_0000n : 0n) + (high << 28n));
  if (mode.addressBits === 64) for (let top = 0n; top < 256n; top++) bases.push(top << 56n);
  const found = new Set<Address>();
  for (const base of bases) {
    const virtual = base + BigInt(physical);
    if (virtual >> BigInt(mode.addressBits) !== 0n) continue;
    if (mode.directWindow(toAddress(virtual)) === physical) found.add(toAddress(virtual));
  }
  return [...found].sort((a, b) => (a < b ? -1 : 1));
}
