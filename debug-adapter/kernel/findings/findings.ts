/**
 * What is wrong in the page tables of one kernel: the check of the tables (pagetable/table-check.ts) with what only the
 * kernel can tell, namely what a page is, what an address belongs to, and what its own check would have counted.
 */
import { formatAddress, toAddress, toPhysAddr } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { neverCancelled } from '../../base/cancellation.ts';
import type { LongWork } from '../../base/cancellation.ts';
import { UserError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { NumberRange } from '../../base/range.ts';
import { checkTables } from '../../pagetable/table-check.ts';
import type { TableProblem } from '../../pagetable/table-check.ts';
import type { PageTable } from '../../pagetable/page-table.ts';
import type { FindingFacts, FindingsFacts } from '../../protocol/facts.ts';
import { pageUseOf } from './findings-pages.ts';
import { intendedRights, kernelCheck, mayForbidExecution } from './findings-wx.ts';
import { identify } from '../identify/identify.ts';
import type { Kernel } from '../kernel.ts';
import { rootSync } from './root-sync.ts';
import type { RootDifference } from './root-sync.ts';
import type { Task } from '../processes/task.ts';
import { vmallocFindings } from '../vmalloc/vmap-findings.ts';

/** A page table to be checked. */
export interface CheckedSpace {
  /** `kernel`, `efi`, a PID or a root's address, as `--mm` takes it. */
  readonly mm: string;
  /** The half that user mode sees (page-table isolation). */
  readonly user: boolean;
  readonly pageTable: PageTable;
  readonly task: Task | undefined;
}

/** With what was not checked for want of type information, in words. */
export type CheckedFindings = FindingsFacts & { readonly untyped: readonly string[] };

/** Checks the page tables of `spaces`, of which the kernel's, where it is among them, is the first. Throws `Cancelled`. */
export function findings(kernel: Kernel, spaces: readonly CheckedSpace[], options: LongWork): CheckedFindings {
  const ofKernel = spaces[0]?.mm === 'kernel';
  const check = ofKernel ? kernelCheck(kernel) : undefined;
  const report = checkTables(
    spaces.map(({ pageTable }) => pageTable),
    {
      pageUse: (address, { depth, root, user }) => pageUseOf(kernel, address, { depth, process: user && spaces[root]?.task !== undefined }),
      intended: intendedRights(kernel),
      noExecute: mayForbidExecution(kernel),
      kernelCounts: check?.counts,
      token: options.token ?? neverCancelled,
      progress: options.progress,
      bounds: { tables: limits.checkedTables, findings: limits.findings },
    },
  );
  const sync = outOfSync(kernel, spaces, options);
  const typed = kernel.types !== undefined;
  const vmalloc =
    ofKernel && typed ? vmallocFindings(kernel, { ...options, damaged: damagedPages(report.problems) }) : { findings: [], warnings: [] };
  return {
    findings: [...report.problems.map((problem) => findingFacts(kernel, spaces, problem)), ...sync.findings, ...vmalloc.findings],
    tables: report.tables,
    spaces: spaces.length,
    debugWx: check === undefined ? null : { pages: report.kernelCount / (kernel.pageSize / 4096), note: check.blind },
    rootSync: sync.told,
    warnings: [...report.warnings, ...sync.warnings, ...vmalloc.warnings],
    untyped: ofKernel && !typed ? ['the vmalloc space'] : [],
  };
}

/** Virtual pages that the kernel's page table maps otherwise than the kernel meant it. */
function damagedPages(problems: readonly TableProblem[]): NumberRange[] {
  return problems
    .filter(({ root, kind }) => root === 0 && kind !== 'writable-executable')
    .map(({ page, pages }) => ({ start: page, end: page + pages }));
}

interface OutOfSync {
  readonly findings: readonly FindingFacts[];
  readonly told: FindingsFacts['rootSync'];
  readonly warnings: readonly string[];
}

/** Copies of the kernel's entries that are not in step; of `spaces` alone, where they are not all there are. */
function outOfSync(kernel: Kernel, spaces: readonly CheckedSpace[], { token, progress }: LongWork): OutOfSync {
  progress?.('comparing page-table roots', 0, 1);
  try {
    const { applies, reason, differences, warnings } = rootSync(kernel, token ?? neverCancelled);
    const all = spaces[0]?.mm === 'kernel' && spaces.length > 1;
    const told = differences.flatMap((difference) => {
      if (difference.routine) return [];
      const space = spaces.find(({ pageTable }) => pageTable.root === difference.root);
      return space === undefined && !all ? [] : [differenceFacts(kernel, difference, space)];
    });
    return { findings: told, told: { applies, reason }, warnings };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { findings: [], told: null, warnings: [`page-table roots were not compared: ${error.message}`] };
  }
}

const syncReasons: Readonly<Record<RootDifference['kind'], string>> = {
  missing: 'lacks what init_mm maps',
  stale: 'maps what init_mm no longer does',
  different: 'maps otherwise than init_mm',
};

function differenceFacts(kernel: Kernel, difference: RootDifference, space: CheckedSpace | undefined): FindingFacts {
  return {
    kind: 'root-out-of-sync',
    virtual: formatAddress(difference.start),
    end: formatAddress(BigInt.asUintN(kernel.root.mode.addressBits, difference.end)),
    entryAddress: formatAddress(difference.entryAddress),
    entry: formatAddress(difference.entry),
    level: difference.level,
    mm: space?.mm ?? formatAddress(difference.root),
    user: space?.user ?? false,
    comm: space?.task?.comm ?? null,
    reason: syncReasons[difference.kind],
    message: difference.message,
    owner: null,
  };
}

function findingFacts(kernel: Kernel, spaces: readonly CheckedSpace[], problem: TableProblem): FindingFacts {
  const space = spaces[problem.root];
  if (space === undefined) throw new RangeError(`there is no page table ${problem.root}`);
  const virtual = toAddress(BigInt(problem.page) << 12n);
  const end = toAddress(BigInt.asUintN(kernel.root.mode.addressBits, virtual + (BigInt(problem.pages) << 12n)));
  const owner = problem.rights ? ownerOf(kernel, virtual, space) : null;
  const reason = reasonOf(problem, owner?.summary);
  return {
    kind: problem.kind,
    virtual: formatAddress(virtual),
    end: formatAddress(end),
    entryAddress: formatAddress(toPhysAddr(problem.entryAddress)),
    entry: formatAddress(problem.entry),
    level: problem.level,
    mm: space.mm,
    user: space.user,
    comm: space.task?.comm ?? null,
    reason,
    message: `${problem.level} entry ${formatAddress(problem.entry)} at ${formatAddress(toPhysAddr(problem.entryAddress))}: ${reason}`,
    owner,
  };
}

function ownerOf(kernel: Kernel, virtual: Address, { pageTable, task }: CheckedSpace): FindingFacts['owner'] {
  const { kind, summary } = identify(kernel, virtual, { pageTable, task });
  return { kind, summary };
}

/** In a few words, what is wrong: of rights, first what it is about. */
function reasonOf(problem: TableProblem, owner: string | undefined): string {
  const { reason, more, addresses, kind, pages } = problem;
  const rights = kind === 'writable-executable';
  const others = more > 0 && !rights ? `; so do ${more} entries behind it` : '';
  const shared = addresses > 1 ? `; the table is shared, and the entry serves ${addresses} addresses` : '';
  const about = owner === undefined ? '' : `${owner}; `;
  return `${rights ? `${sizeText(pages)} writable and executable: ` : ''}${about}${reason}${others}${shared}`;
}

function sizeText(pages: number): string {
  if (pages % 2 ** 18 === 0) return `${pages / 2 ** 18}G`;
  return pages % 256 === 0 ? `${pages / 256}M` : `${pages * 4}K`;
}
