/**
 * Whether the copies of the kernel's top-level entries, which architectures with one root for both halves keep in every
 * process, are in step with init_mm's. Where a kernel mapping was added or taken away and a copy did not follow, a process
 * faults on the mapping or still sees what is gone (arch/x86/mm/fault.c:vmalloc_sync_one).
 */
import { limits } from '../../base/limits.ts';
import { formatAddress, toPhysAddr } from '../../base/address.ts';
import type { Address, PhysAddr } from '../../base/address.ts';
import { throwIfCancelled } from '../../base/cancellation.ts';
import type { CancellationToken } from '../../base/cancellation.ts';
import type { Kernel } from '../kernel.ts';
import { pageTableRoots } from '../processes/page-table-roots.ts';
import type { PageTableRoot } from '../processes/page-table-roots.ts';
import { RootComparison } from './root-sync-compare.ts';
import type { DifferenceKind, EntryDifference } from './root-sync-compare.ts';
import { rootSyncRules } from './root-sync-rules.ts';
import type { Remedy, RootSyncRules } from './root-sync-rules.ts';
import { hasPageTableIsolation } from '../x86-cpu.ts';

/** Neighbouring entries of one root that differ in the same way. */
export interface RootDifference {
  readonly kind: DifferenceKind;
  readonly start: Address;
  /** First byte behind the range; up to 2^64. */
  readonly end: bigint;
  /** The kernel's name of the level at which they differ. */
  readonly level: string;
  /** Physical address of the root. */
  readonly root: PhysAddr;
  /** Physical address of the first entry, it, and init_mm's in its place (0 where init_mm has no table there). */
  readonly entryAddress: PhysAddr;
  readonly entry: bigint;
  readonly referenceEntry: bigint;
  /** How many entries. */
  readonly count: number;
  /** `pid 35 (name)`; for a root without a process, its other names. */
  readonly owners: readonly string[];
  /** Whether the kernel itself brings it in step before it does harm (a fault that copies init_mm's entry). */
  readonly heals: boolean;
  /** Faults are how this kernel brings the entry to processes: that it is missing is no sign of anything wrong. */
  readonly routine: boolean;
  /** One sentence without a full stop. */
  readonly message: string;
}

/** A range of one root that differs by right. */
export interface PrivateRange {
  readonly start: Address;
  readonly end: bigint;
  readonly root: PhysAddr;
  readonly owners: readonly string[];
  readonly reason: string;
}

/** What the comparison of all root tables with init_mm's came to. */
export interface RootSyncReport {
  /** Whether roots were compared. */
  readonly applies: boolean;
  /** Why not, or what was compared, in words. */
  readonly reason: string;
  /** Every root found, halves of page-table isolation apart, whether compared or not. */
  readonly roots: readonly { readonly root: PhysAddr; readonly owners: readonly string[] }[];
  readonly differences: readonly RootDifference[];
  readonly privateRanges: readonly PrivateRange[];
  /** What could not be read or was left out, one sentence each. */
  readonly warnings: readonly string[];
}

/** Under page-table isolation the user half's root is the page behind the kernel's (arch/x86/include/asm/pgtable.h). */
const userHalfOffset = 4096;

/** Compares every root with init_mm's. What is damaged is told and left out; cancelling throws `Cancelled`. */
export function rootSync(kernel: Kernel, token: CancellationToken): RootSyncReport {
  const found = pageTableRoots(kernel, token);
  const isolated = kernel.root.mode.split === 'shared' && hasPageTableIsolation(kernel);
  const { roots, userHalves } = isolated ? splitHalves(found.roots) : { roots: found.roots, userHalves: [] };
  const report: Report = {
    roots: [...roots, ...userHalves].map(({ root, owners }) => ({ root, owners })),
    differences: [],
    privateRanges: [],
    warnings: new Set(found.warnings),
  };
  const refuse = (reason: string): RootSyncReport => finished(report, { applies: false, reason });
  const separate = separateRoot(kernel);
  if (separate !== undefined) return refuse(separate);
  const { reference } = found;
  const untyped = kernel.types === undefined ? '; without type information the processes cannot be listed' : '';
  if (reference === undefined) return refuse(`init_mm's root cannot be found (it takes the symbol init_mm or swapper_pg_dir)${untyped}`);
  const rules = rootSyncRules(kernel);
  const others = roots.filter(({ root }) => root !== reference);
  const compared = others.filter((root) => isCopy(root, rules, report));
  if (compared.length === 0) return refuse(`no root but init_mm's was found to compare it with${untyped}`);

  const comparison = new RootComparison(kernel.physical, kernel.root.mode, reference);
  compareAll(comparison, compared, { rules, report, token, userHalf: false });
  const level = comparison.lowestLevel;
  if (comparison.allShared && report.differences.length === 0 && userHalves.length === 0) {
    return refuse(
      `all ${compared.length} roots point to init_mm's own kernel tables below the ${level} (shared kernel PMDs): they have no copies that could fall behind`,
    );
  }
  const words = [
    `the kernel's ${level} entries of ${compared.length} ${compared.length === 1 ? 'root' : 'roots'} were compared with those of init_mm's root at ${formatAddress(reference)}`,
  ];
  // Only a process ever runs in its user half: that of an mm of the kernel's own is as old as the mm, which may have been
  // made before init_mm's was finished (arch/x86/mm/pti.c:pti_finalize).
  const halves = userHalves.filter(({ processes, root }) => processes.length > 0 && root !== reference + userHalfOffset);
  if (halves.length > 0) {
    const userReference = toPhysAddr(reference + userHalfOffset);
    compareAll(new RootComparison(kernel.physical, kernel.root.mode, userReference), halves, { rules, report, token, userHalf: true });
    words.push(`the halves that user mode sees (page-table isolation) with that of init_mm at ${formatAddress(userReference)}`);
  }
  for (const root of others) {
    const foreign = rules.foreignReason(root);
    if (foreign !== undefined) words.push(`not compared was the root at ${formatAddress(root.root)}: ${foreign}`);
  }
  return finished(report, { applies: true, reason: words.join('; ') });
}

interface Report {
  readonly roots: RootSyncReport['roots'];
  readonly differences: RootDifference[];
  readonly privateRanges: PrivateRange[];
  readonly warnings: Set<string>;
}

function finished(report: Report, verdict: { readonly applies: boolean; readonly reason: string }): RootSyncReport {
  return { ...verdict, ...report, warnings: [...report.warnings] };
}

/** Why no process has a copy of the kernel's entries; undefined where each has. */
function separateRoot(kernel: Kernel): string | undefined {
  const { mode } = kernel.root;
  if (mode.split === 'halves') {
    return `${mode.name}: kernel addresses are translated by the kernel's own root; processes' roots serve user addresses only and have no copies of its entries`;
  }
  if (mode.split === 'spaces') {
    return `${mode.name}: the kernel has an address space of its own; processes' roots have no copies of its entries`;
  }
  return undefined;
}

/** Roots of kernel halves, and for each the half that user mode sees; a register that holds a user half's root names that one. */
function splitHalves(roots: readonly PageTableRoot[]): { roots: PageTableRoot[]; userHalves: PageTableRoot[] } {
  const kernelHalves = new Set(roots.filter(({ mms }) => mms.length > 0).map(({ root }) => root));
  const isUserHalf = ({ root, mms }: PageTableRoot): boolean =>
    mms.length === 0 && kernelHalves.has(toPhysAddr(Math.max(0, root - userHalfOffset)));
  const named = new Map(roots.filter(isUserHalf).map((root) => [root.root, root.owners]));
  const plain = roots.filter((root) => !isUserHalf(root));
  const userHalves = plain
    .filter(({ root }) => kernelHalves.has(root))
    .map((root) => {
      const at = toPhysAddr(root.root + userHalfOffset);
      const half = (name: string): string => `${name}, user half`;
      return {
        root: at,
        processes: root.processes.map(half),
        // A register tells of the half that it holds only.
        owners: [...root.owners.filter((owner) => !isRegister(owner)).map(half), ...(named.get(at) ?? [])],
        mms: root.mms,
      };
    });
  return { roots: plain, userHalves };
}

function isRegister(owner: string): boolean {
  return / of CPU \d+$/.test(owner);
}

/** Whether a root is an address space's, made by copying init_mm's entries. */
function isCopy(root: PageTableRoot, rules: RootSyncRules, report: Report): boolean {
  const foreign = rules.foreignReason(root);
  if (foreign !== undefined) return false;
  const known = root.mms.length > 0 || root.owners.some((owner) => !isRegister(owner));
  if (!known) {
    report.warnings.add(
      `the root at ${formatAddress(root.root)} (${root.owners.join(', ')}) belongs to no address space that was found; it was not compared`,
    );
  }
  return known;
}

interface Comparing {
  readonly rules: RootSyncRules;
  readonly report: Report;
  readonly token: CancellationToken;
  readonly userHalf: boolean;
}

function compareAll(comparison: RootComparison, roots: readonly PageTableRoot[], of: Comparing): void {
  for (const { root } of roots) {
    throwIfCancelled(of.token);
    comparison.learn(root);
  }
  for (const root of roots) {
    throwIfCancelled(of.token);
    if (of.report.differences.length >= limits.rootDifferences) {
      of.report.warnings.add(`there are more than ${limits.rootDifferences} differences; the rest was not looked for`);
      return;
    }
    compareOne(comparison, root, of);
  }
}

function compareOne(comparison: RootComparison, root: PageTableRoot, of: Comparing): void {
  const { rules, report, userHalf } = of;
  const owners = root.processes.length > 0 ? root.processes : root.owners;
  let run: { readonly first: EntryDifference; readonly remedy: Remedy; last: EntryDifference; count: number } | undefined;
  const flush = (): void => {
    if (run === undefined) return;
    const { first, last, count, remedy } = run;
    const difference = { ...first, end: last.end, count, owners, heals: remedy.heals, routine: remedy.routine === true, root: root.root };
    const { contrast, ...rest } = difference;
    report.differences.push({ ...rest, message: sentence(difference, contrast, remedy) });
    run = undefined;
  };
  comparison.compare(root.root, {
    difference: (difference) => {
      const reason = rules.privateReason(difference, root);
      if (reason !== undefined) {
        report.privateRanges.push({ start: difference.start, end: difference.end, root: root.root, owners, reason });
        return;
      }
      const remedy = rules.remedy(difference, { root, userHalf });
      const joins =
        run?.last.end === difference.start &&
        run.first.kind === difference.kind &&
        run.first.level === difference.level &&
        run.remedy.words === remedy.words;
      if (!joins) flush();
      if (run === undefined) run = { first: difference, remedy, last: difference, count: 1 };
      else {
        run.last = difference;
        run.count++;
      }
    },
    unreadable: (table, level, why) => {
      const whose = owners.length === 0 ? 'a root' : owners.join(' and ');
      report.warnings.add(`${whose}: the ${level} table at ${formatAddress(table)} cannot be compared: ${why}`);
    },
  });
  flush();
}

function sentence(of: Omit<RootDifference, 'message'>, contrast: string, remedy: Remedy): string {
  const whose = of.owners.length === 0 ? `the root at ${formatAddress(of.root)}` : of.owners.join(' and ');
  const range = `${formatAddress(of.start)}-${formatAddress(of.end)}`;
  const entries = of.count === 1 ? `its ${of.level} entry` : `the first of its ${of.count} ${of.level} entries`;
  const values = `${entries} at ${formatAddress(of.entryAddress)} is ${formatAddress(of.entry)}, init_mm's is ${formatAddress(of.referenceEntry)}`;
  const what =
    of.kind === 'missing'
      ? `lacks ${range}, which init_mm maps`
      : of.kind === 'stale'
        ? `still maps ${range}, which init_mm does not`
        : `maps ${range} otherwise than init_mm`;
  return [`${whose} ${what}: ${values}`, ...(contrast === '' ? [] : [contrast]), remedy.words].join('; ');
}
