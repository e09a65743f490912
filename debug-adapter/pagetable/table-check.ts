/**
 * Looks for what is wrong in page tables: memory both writable and executable, table pointers that lead nowhere, to
 * something else or back, and entries that no kernel writes. Each distinct table is read once, however many entries point
 * to it (KASAN's zero shadow), level by level, so that no loop is endless and the cost grows with distinct tables.
 */
import { formatAddress, toAddress, toPhysAddr } from '../base/address.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken, ProgressReporter } from '../base/cancellation.ts';
import type { PagingLevel, PagingMode } from '../arch/paging-mode.ts';
import { wholeEntry } from '../arch/table-mode.ts';
import type { HoleReason } from '../memory/hole.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { PageTable } from './page-table.ts';
import { pageOf } from './reverse-map.ts';
import { allRights, CheckNodes, half } from './table-check-nodes.ts';
import type { Half, MetTable } from './table-check-nodes.ts';
import { TableScan } from './table-check-scan.ts';
import type { EntryRun } from './table-check-scan.ts';

const frameBits = 12;
/** Tables between two looks at the cancellation token and two reports of progress. */
const checkEvery = 64;
const reportEvery = 1024;
/** So many impossible entries, and as many as possible ones, and a page is no table. */
const garbageEntries = 16;
/** Problems kept, as a multiple of those told: each process may repeat the kernel's. */
const copiesKept = 8;

/** What can be wrong with an entry by itself, in `check`'s words. */
export type TableProblemKind = 'writable-executable' | 'wild-table' | 'table-loop' | 'reserved-bits';

/** An entry that is wrong, and where it stands. */
export interface TableProblem {
  readonly kind: TableProblemKind;
  /** Index, in the list of roots, of the one under which it was met first. */
  readonly root: number;
  /** First virtual page (address / 4096) that it concerns, and how many. */
  readonly page: number;
  readonly pages: number;
  /** Whether the addresses are user mode's. */
  readonly user: boolean;
  /** The level whose entry it is. */
  readonly level: string;
  readonly entryAddress: number;
  readonly entry: bigint;
  /** Further entries behind the first that are in the same state. */
  readonly more: number;
  /** One phrase: what is wrong with the entry. */
  readonly reason: string;
  /** Whether it is a matter of rights, and thus of what the address belongs to. */
  readonly rights: boolean;
  /** Addresses of the first root at which the entry serves: more than one where tables are shared. 0 under other roots. */
  readonly addresses: number;
}

/** A page that is marked as a page table, or certainly is none but what `other` says; undefined where it is not known. */
export type PageUse = 'table' | { readonly other: string } | undefined;

/** What the check is told from outside the tables, and how to stop it. */
export interface TableCheckOptions {
  /** What is known of the page at physical `address`; asked once a table. `depth` is the kernel's number of the table's level. */
  readonly pageUse?: ((address: number, as: { depth: number; root: number; user: boolean }) => PageUse) | undefined;
  /** Kernel pages (address / 4096) that the architecture means to be `writable-executable` or open to `user` mode. */
  readonly intended?: ((page: number, what: 'writable-executable' | 'user') => boolean) | undefined;
  /** False on a machine that cannot forbid execution: then nothing is told as writable and executable. */
  readonly noExecute?: boolean | undefined;
  /** Whether the kernel's own check (DEBUG_WX) counts an entry of the first root; `above` are the rights left by upper levels. */
  readonly kernelCounts?: ((entry: { level: number; low: number; high: number; above: number; page: number }) => boolean) | undefined;
  readonly token: CancellationToken;
  readonly progress?: ProgressReporter | undefined;
  readonly bounds: { readonly tables: number; readonly findings: number };
}

/** What the check of all tables found, and how much it read. */
export interface TableReport {
  readonly problems: readonly TableProblem[];
  /** Distinct tables that were read. */
  readonly tables: number;
  /** Pages (4 KiB) that the kernel's own check would count under the first root. */
  readonly kernelCount: number;
  /** In words, what could not be checked. */
  readonly warnings: readonly string[];
}

/** Checks all tables of `roots`, of which the first is the kernel's. Throws `Cancelled`. */
export function checkTables(roots: readonly PageTable[], options: TableCheckOptions): TableReport {
  const checks = new Map<string, ModeCheck>();
  // Address spaces of one machine may differ in their levels (s390).
  roots.forEach((pageTable, index) => {
    let check = checks.get(pageTable.mode.name);
    if (check === undefined) {
      check = new ModeCheck(roots, pageTable, options);
      checks.set(pageTable.mode.name, check);
    }
    check.addRoot(index);
  });
  const all = [...checks.values()];
  for (const check of all) check.run();
  const warnings = all.flatMap((check) => check.warnings);
  const met = all.flatMap((check) => check.problems);
  // Where no kernel memory at all is kept from execution, the machine cannot do it, or the kernel does not want it.
  const forbids = options.noExecute !== false && all.some((check) => check.forbidsExecution);
  const problems = withoutRepeats(forbids ? met : met.filter(({ kind }) => kind !== 'writable-executable'));
  if (!forbids && met.some(({ kind }) => kind === 'writable-executable')) {
    warnings.push('no kernel memory is kept from execution on this machine: writable memory is executable, and none of it is told');
  }
  const found = problems.length + all.reduce((sum, check) => sum + check.leftOut, 0);
  if (found > options.bounds.findings) {
    warnings.push(`there are ${found} findings in page tables; the first ${options.bounds.findings} are told`);
  }
  return {
    problems: problems.slice(0, options.bounds.findings),
    tables: all.reduce((sum, check) => sum + check.tables, 0),
    kernelCount: all.reduce((sum, check) => sum + check.kernelCount, 0),
    warnings,
  };
}

/** What becomes of a table pointer. */
type Fate =
  | { readonly what: 'table' }
  | { readonly what: 'problem'; readonly kind: TableProblemKind; readonly reason: string }
  | { readonly what: 'unreadable'; readonly reason: string };

const isTable: Fate = { what: 'table' };

class ModeCheck {
  readonly problems: TableProblem[] = [];
  kernelCount = 0;
  /** Problems that were not kept. */
  leftOut = 0;
  readonly #roots: readonly PageTable[];
  readonly #mode: PagingMode;
  readonly #physical: PhysicalMemory;
  readonly #options: TableCheckOptions;
  readonly #nodes = new CheckNodes();
  /** What was found of pages that entries of each level point to. */
  readonly #fates: readonly Map<number, Fate>[];
  readonly #scan: TableScan;
  /** Tables that hold none, with what their bytes show. */
  readonly #garbage = new Map<number, string>();
  readonly #warnings: string[] = [];
  #unreadable = 0;
  #firstUnreadable = '';
  #leftOut = false;

  constructor(roots: readonly PageTable[], { mode, physical }: PageTable, options: TableCheckOptions) {
    this.#roots = roots;
    this.#mode = mode;
    this.#physical = physical;
    this.#options = options;
    this.#fates = mode.levels.map(() => new Map<number, Fate>());
    this.#scan = new TableScan(physical, mode);
  }

  get tables(): number {
    return this.#nodes.tables;
  }

  /** Whether some writable kernel memory may not be executed. */
  get forbidsExecution(): boolean {
    return this.#scan.forbidsExecution;
  }

  get warnings(): readonly string[] {
    const found = [...this.#warnings];
    if (this.#unreadable > 0) {
      const many = this.#unreadable === 1 ? 'a page table is' : `${this.#unreadable} page tables are`;
      found.push(`${many} not in the dump, and what they map was not checked; the first is ${this.#firstUnreadable}`);
    }
    if (this.#leftOut) found.push(`there are more than ${this.#options.bounds.tables} page tables; the others were not checked`);
    return found;
  }

  addRoot(index: number): void {
    const pageTable = this.#root(index);
    const met: MetTable = {
      level: 0,
      address: pageTable.root,
      half: this.#halfOf(index, 0, this.#span(0) * 2 ** (this.#mode.levels[0]?.indexBits ?? 0)),
      rights: allRights,
      root: index,
      page: 0,
      parent: -1,
    };
    const place = this.#nodes.place(met);
    if (index === 0) this.#nodes.addPaths(place, 1);
  }

  run(): void {
    const { token, progress } = this.#options;
    for (let place = 0; place < this.#nodes.length; place++) {
      if (place % checkEvery === 0) throwIfCancelled(token);
      if (place % reportEvery === 0) progress?.('checking page tables', place, this.#nodes.length);
      this.#table(place);
    }
    this.#tellGarbage();
  }

  #root(index: number): PageTable {
    const root = this.#roots[index];
    if (root === undefined) throw new RangeError(`there is no root ${index}`);
    return root;
  }

  /** 4 KiB pages that an entry of a level covers. */
  #span(level: number): number {
    return 2 ** ((this.#mode.levels[level]?.shift ?? frameBits) - frameBits);
  }

  #virtualPage(root: number, page: number): number {
    return pageOf(this.#mode, Number(this.#root(root).virtualBase >> BigInt(frameBits)), page);
  }

  #isUser(root: number, page: number): boolean {
    return this.#root(root).isUserAddress(toAddress(BigInt(this.#virtualPage(root, page)) << BigInt(frameBits)));
  }

  #halfOf(root: number, page: number, pages: number): Half {
    const first = this.#isUser(root, page);
    if (first !== this.#isUser(root, page + pages - 1)) return half.mixed;
    return first ? half.user : half.kernel;
  }

  #table(place: number): void {
    const table = this.#nodes.at(place);
    const shape = this.#mode.levels[table.level];
    if (shape === undefined) return;
    const scan = this.#scan;
    const span = this.#span(table.level);
    const paths = this.#nodes.paths(place);
    const { kernelCounts } = this.#options;
    let counted = 0;
    const whole = scan.read(table, {
      userAt: table.half === half.mixed ? (index) => this.#isUser(table.root, table.page + index * span) : undefined,
      count:
        paths === 0 || kernelCounts === undefined
          ? undefined
          : (index, low, high) => {
              const page = this.#virtualPage(table.root, table.page + index * span);
              if (kernelCounts({ level: table.level, low, high, above: table.rights, page })) counted++;
            },
    });
    if (!whole) this.#noteUnreadable(shape, table.address);
    const fates = scan.pointers.map((run) => this.#fateOf(place, table, run));
    const wild = scan.pointers.reduce((sum, run, at) => sum + (fates[at]?.what === 'problem' ? run.count : 0), 0);
    const bad = scan.impossible + wild;
    if (bad >= garbageEntries && bad * 2 >= scan.valid) {
      this.#garbage.set(place, `${bad} of the ${scan.valid} valid entries in it are impossible`);
      return;
    }
    this.kernelCount += counted * span * paths;
    for (const run of scan.defects) this.#tell('reserved-bits', place, run, run.reason);
    scan.pointers.forEach((run, at) => {
      this.#follow(place, table, run, fates[at] ?? isTable);
    });
    this.#tellRights(place, table);
  }

  #tellRights(place: number, table: MetTable): void {
    const above = table.level === 0 ? '' : ', and no level above takes either right away';
    for (const run of this.#unintended(table, this.#scan.writableExecutable, 'writable-executable')) {
      this.#tell('writable-executable', place, run, `allows the kernel both writing and execution${above}`);
    }
    if (this.#mode.split === 'spaces') return;
    for (const run of this.#unintended(table, this.#scan.openToUser, 'user')) {
      this.#tell('reserved-bits', place, run, 'opens a kernel address to user mode, and so does every level above');
    }
  }

  /** Runs without the entries of which the architecture means what they allow. */
  #unintended(table: MetTable, runs: readonly EntryRun[], what: 'writable-executable' | 'user'): readonly EntryRun[] {
    const { intended } = this.#options;
    if (intended === undefined) return runs;
    const span = this.#span(table.level);
    const left: EntryRun[] = [];
    for (const run of runs) {
      let last: EntryRun | undefined;
      for (let index = run.first; index < run.first + run.count; index++) {
        if (intended(this.#virtualPage(table.root, table.page + index * span), what)) last = undefined;
        else if (last !== undefined) last.count++;
        else {
          last = { ...run, ...this.#scan.entryAt(table, index), first: index, count: 1 };
          left.push(last);
        }
      }
    }
    return left;
  }

  #follow(place: number, table: MetTable, run: EntryRun, fate: Fate): void {
    if (fate.what === 'problem') {
      this.#tell(fate.kind, place, run, fate.reason);
      return;
    }
    if (fate.what === 'unreadable') {
      this.#unreadable++;
      if (this.#unreadable === 1) this.#firstUnreadable = fate.reason;
      return;
    }
    const known = this.#nodes.tables < this.#options.bounds.tables || this.#nodes.uppermostLevel(run.target) !== undefined;
    if (!known) {
      this.#leftOut = true;
      return;
    }
    const span = this.#span(table.level);
    const page = table.page + run.first * span;
    const childHalf = table.half === half.mixed ? this.#halfOf(table.root, page, span) : table.half;
    const child = this.#nodes.place({
      level: table.level + 1,
      address: run.target,
      half: childHalf,
      // Of user addresses no right is looked at: one visit is enough.
      rights: childHalf === half.user ? allRights : table.rights & run.rights,
      root: table.root,
      page,
      parent: place,
    });
    this.#nodes.link({ child, holder: place, first: run.first, count: run.count });
    const paths = this.#nodes.paths(place);
    if (paths > 0) this.#nodes.addPaths(child, paths * run.count);
  }

  #fateOf(place: number, table: MetTable, run: EntryRun): Fate {
    const { target } = run;
    const name = this.#mode.levels[table.level]?.name ?? 'entry';
    const next = this.#mode.levels[table.level + 1];
    if (next === undefined) return isTable;
    if (this.#nodes.isOnPath(place, target)) {
      const which = target === table.address ? `the ${name} table that it stands in` : 'a table on the way to it';
      return { what: 'problem', kind: 'table-loop', reason: `points back to ${which}, at physical ${hex(target)}` };
    }
    const fates = this.#fates[table.level];
    let fate = fates?.get(target);
    if (fate === undefined) {
      fate = this.#judge(table, { target, next, user: run.user });
      fates?.set(target, fate);
    }
    return fate;
  }

  #judge(table: MetTable, of: { target: number; next: PagingLevel; user: boolean }): Fate {
    const { target, next, user } = of;
    const wild = (what: string): Fate => ({
      what: 'problem',
      kind: 'wild-table',
      reason: `points to a ${next.name} table at physical ${hex(target)}, ${what}`,
    });
    const upper = this.#nodes.uppermostLevel(target);
    if (upper !== undefined && upper <= table.level) return wild(`which is in use as a ${this.#mode.levels[upper]?.name ?? ''} table`);
    const frame = Math.floor(target / frameSize);
    const readable = this.#scan.view(frame) !== undefined;
    const hole = readable ? undefined : this.#holeOf(frame);
    const use = this.#options.pageUse?.(target, { depth: next.depth, root: table.root, user });
    // Memory that was added late may be missing from the dump's own list: what the kernel has marked is there.
    if (hole?.kind === 'not-ram' && use !== 'table') return wild('where the dump knows of no RAM');
    if (typeof use === 'object') return wild(`which is ${use.other}`);
    if (readable) return isTable;
    return { what: 'unreadable', reason: `the ${next.name} table at physical ${hex(target)}: ${hole?.message ?? ''}` };
  }

  /** Entries that point to pages which hold no table. */
  #tellGarbage(): void {
    for (const [place, why] of this.#garbage) {
      const { parent, root, address } = this.#nodes.at(place);
      if (parent < 0) {
        const at = formatAddress(this.#root(root).virtualBase);
        this.#warnings.push(`the root table at physical ${hex(address)} (addresses from ${at}) is no page table: ${why}`);
      }
    }
    this.#nodes.eachLink(new Set(this.#garbage.keys()), (child, holder, first, count) => {
      const { level, address } = this.#nodes.at(child);
      const name = this.#mode.levels[level]?.name ?? '';
      const at = this.#nodes.at(holder);
      const reason = `points to a ${name} table at physical ${hex(address)}, which is no table: ${this.#garbage.get(child) ?? ''}`;
      const { low, high } = this.#scan.entryAt(at, first);
      const user = at.half === half.mixed ? this.#isUser(at.root, at.page + first * this.#span(at.level)) : at.half === half.user;
      this.#tell('wild-table', holder, { first, count, low, high, user, target: address, reason }, reason);
    });
  }

  #tell(kind: TableProblemKind, place: number, run: Omit<EntryRun, 'rights'>, reason: string): void {
    const table = this.#nodes.at(place);
    const shape = this.#mode.levels[table.level];
    if (shape === undefined) return;
    const span = this.#span(table.level);
    if (this.problems.length >= this.#options.bounds.findings * copiesKept) {
      this.leftOut++;
      return;
    }
    this.problems.push({
      kind,
      root: table.root,
      page: this.#virtualPage(table.root, table.page + run.first * span),
      pages: run.count * span,
      user: run.user,
      level: shape.name,
      entryAddress: table.address + run.first * shape.entrySize,
      entry: wholeEntry(run.low, run.high),
      more: run.count - 1,
      reason,
      rights: run.reason === '' && run.target === 0,
      addresses: this.#nodes.paths(place),
    });
  }

  #holeOf(frame: number): HoleReason {
    const nowhere: HoleReason = { kind: 'not-ram', message: 'no machine has memory there' };
    return Number.isSafeInteger(frame) ? (this.#physical.partialFrame(frame).holes[0]?.reason ?? nowhere) : nowhere;
  }

  #noteUnreadable(shape: PagingLevel, address: number): void {
    this.#unreadable++;
    if (this.#unreadable === 1) this.#firstUnreadable = `the ${shape.name} table at physical ${hex(address)}, of which a part is missing`;
  }
}

/** In order of roots and addresses; what several roots hold a copy of is told once, and neighbours are joined. */
function withoutRepeats(problems: readonly TableProblem[]): TableProblem[] {
  const sorted = [...problems].sort((a, b) => a.root - b.root || a.page - b.page || a.entryAddress - b.entryAddress);
  const entries = new Set<string>();
  const kept: TableProblem[] = [];
  for (const problem of sorted) {
    // Each process has a copy of the kernel's entries of the upper levels.
    const copy = problem.user ? '' : `${problem.kind} ${problem.page} ${problem.pages} ${problem.entry.toString(16)}`;
    const entry = `${problem.kind} ${problem.entryAddress}`;
    if (entries.has(entry) || entries.has(copy)) continue;
    entries.add(entry);
    if (copy !== '') entries.add(copy);
    const last = kept.at(-1);
    if (last !== undefined && joins(last, problem)) {
      kept[kept.length - 1] = { ...last, pages: last.pages + problem.pages, more: last.more + 1 + problem.more };
    } else kept.push(problem);
  }
  return kept;
}

/** Rights go on from one table to the next; a wrong entry stands for itself. */
function joins(last: TableProblem, next: TableProblem): boolean {
  return (
    last.kind === 'writable-executable' &&
    last.kind === next.kind &&
    last.root === next.root &&
    last.level === next.level &&
    last.page + last.pages === next.page
  );
}

function hex(physical: number): string {
  return Number.isSafeInteger(physical) ? formatAddress(toPhysAddr(physical)) : `0x${physical.toString(16)}`;
}
