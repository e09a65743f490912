/**
 * The tables that a check has met, in order of level. A table stands here once for each set of rights that the levels above
 * leave it, and once for each half of the address space: what its entries allow is then known without asking for the way.
 * All in typed arrays: a large machine has millions of tables.
 */
import { indexColumn, numberColumn } from './run-index.ts';

/** Which addresses a table serves. `mixed`: both, so that each entry is to be asked. */
export const half = { kernel: 0, user: 1, mixed: 2 } as const;

/** One of `half`'s numbers: which addresses a table serves. */
export type Half = (typeof half)[keyof typeof half];

/** Rights that the levels above leave, as bits. */
export const right = { write: 1, execute: 2, user: 4 } as const;

/** Bits of write, execute and user together: what the root's entries start with. */
export const allRights = 7;

/** A table to be added: `page` is the distance, in 4 KiB pages, of the first address it serves from its root's first one. */
export interface MetTable {
  readonly level: number;
  readonly address: number;
  readonly half: Half;
  readonly rights: number;
  readonly root: number;
  readonly page: number;
  /** Place of the table whose entry points to it; -1 of a root. */
  readonly parent: number;
}

/**
 * Nodes by number, in the order of adding: levels from the root (0) down. Addresses are physical, in bytes; pages are virtual
 * address / 4096.
 */
export class CheckNodes {
  readonly #levels = indexColumn();
  readonly #addresses = numberColumn();
  /** Half, then rights. */
  readonly #kinds = indexColumn();
  readonly #roots = indexColumn();
  readonly #pages = numberColumn();
  readonly #parents = numberColumn();
  readonly #paths = numberColumn();
  /** Places by level and kind, then by address. */
  readonly #known = new Map<number, Map<number, number>>();
  /** The uppermost level at which an address is a table. */
  readonly #uppermost = new Map<number, number>();
  /** Of each run of entries that point to one table: the table, the one that they stand in, the first, how many. */
  readonly #children = indexColumn();
  readonly #holders = indexColumn();
  readonly #firsts = indexColumn();
  readonly #counts = indexColumn();

  /** Nodes met so far; their numbers are below it. */
  get length(): number {
    return this.#levels.length;
  }

  /** Distinct tables, whatever their rights. */
  get tables(): number {
    return this.#uppermost.size;
  }

  /** Place of a table, new or known. */
  place(met: MetTable): number {
    const kind = met.half * (allRights + 1) + met.rights;
    const key = met.level * 32 + kind;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = new Map();
      this.#known.set(key, known);
    }
    const found = known.get(met.address);
    if (found !== undefined) return found;
    const place = this.length;
    known.set(met.address, place);
    if (!this.#uppermost.has(met.address)) this.#uppermost.set(met.address, met.level);
    this.#levels.push(met.level);
    this.#addresses.push(met.address);
    this.#kinds.push(kind);
    this.#roots.push(met.root);
    this.#pages.push(met.page);
    this.#parents.push(met.parent);
    this.#paths.push(0);
    return place;
  }

  /** What is known of node `place`. */
  at(place: number): MetTable {
    const kind = this.#kinds.at(place);
    return {
      level: this.#levels.at(place),
      address: this.#addresses.at(place),
      half: (kind >> 3) as Half,
      rights: kind & allRights,
      root: this.#roots.at(place),
      page: this.#pages.at(place),
      parent: this.#parents.at(place),
    };
  }

  /** The uppermost level (0 is the root's) at which an address was met as a table. */
  uppermostLevel(address: number): number | undefined {
    return this.#uppermost.get(address);
  }

  /** Whether `address` is the table at `place` or one that leads to it. */
  isOnPath(place: number, address: number): boolean {
    for (let at = place; at >= 0; at = this.#parents.at(at)) if (this.#addresses.at(at) === address) return true;
    return false;
  }

  /** At how many addresses of the first root a table stands. Final once all levels above are read. */
  paths(place: number): number {
    return this.#paths.at(place);
  }

  /** Adds to the number of ways that lead from roots to the node. */
  addPaths(place: number, paths: number): void {
    this.#paths.values[place] = this.paths(place) + paths;
  }

  /** Notes that `count` entries of node `holder`, from `first` on, point to node `child`. */
  link(run: { readonly child: number; readonly holder: number; readonly first: number; readonly count: number }): void {
    this.#children.push(run.child);
    this.#holders.push(run.holder);
    this.#firsts.push(run.first);
    this.#counts.push(run.count);
  }

  /** Each run of entries that point to one of the tables `wanted`. */
  eachLink(wanted: ReadonlySet<number>, found: (child: number, holder: number, first: number, count: number) => void): void {
    for (let run = 0; run < this.#children.length; run++) {
      const child = this.#children.at(run);
      if (wanted.has(child)) found(child, this.#holders.at(run), this.#firsts.at(run), this.#counts.at(run));
    }
  }
}
