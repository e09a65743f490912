/** Chooses the kernel's root table among candidates: one counts only when it maps what the kernel's root must map. */
import { formatAddress, toAddress, toPhysAddr } from '../../base/address.ts';
import { errors } from '../../base/errors.ts';
import type { PagingMode } from '../../arch/paging-mode.ts';
import type { Image } from '../../image/image.ts';
import { PageTable } from '../../pagetable/page-table.ts';
import type { Vmcoreinfo } from '../../symbols/vmcoreinfo.ts';
import type { ImageLocation } from './image-location.ts';
import type { Finding, Kernel, KernelRoot } from '../kernel.ts';

/** What a root finder may look at. */
export interface RootContext {
  readonly image: Image;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  /** Where the kernel image lies, by its symbol table found in RAM: for dumps that say nothing. Slow; asked for last. */
  readonly locate: () => ImageLocation | undefined;
  /** The kernel, once it is opened: for what only its symbols can tell. */
  readonly opened: () => Kernel | undefined;
}

/** A table that may be the kernel's root, and how its entries would be read. */
export interface RootCandidate {
  /** Physical address of the table, in bytes. */
  readonly root: bigint;
  /** How it was found, in words. */
  readonly source: string;
  readonly mode: PagingMode;
  readonly modeSource: string;
}

const missingKinds: readonly string[] = ['truncated', 'excluded', 'zero-filled', 'corrupt', 'io-error'];

interface Rejection {
  readonly message: string;
  readonly candidate: RootCandidate;
  /** The tables lie in RAM that the dump lacks: the root may well be right. */
  readonly missing: boolean;
}

/** What the kernel's root must show to be believed. */
export interface RootCheck {
  /** An address that the kernel's root maps: _stext where its address is known. */
  readonly mustMap: bigint | undefined;
  /** For dumps that do not tell such an address. */
  readonly mapsKernel: (table: PageTable) => boolean;
}

/** The first candidate that maps the kernel's text, which the notes or the symbols in RAM tell, or throws `no-page-table`. */
export function chooseRootByText(
  context: RootContext,
  candidates: (context: RootContext, text: bigint | undefined) => Iterable<RootCandidate>,
): KernelRoot {
  const text = context.vmcoreinfo?.symbol('_stext') ?? context.locate()?.symbols.find('_stext')?.address;
  return chooseRoot(context.image, candidates(context, text), { mustMap: text, mapsKernel: () => false });
}

/** The first candidate that passes, or throws `no-page-table`. */
export function chooseRoot(image: Image, candidates: Iterable<RootCandidate>, check: RootCheck): KernelRoot {
  const rejected: Rejection[] = [];
  for (const candidate of candidates) {
    const problem = rejection(image, candidate, check);
    if (problem !== undefined) {
      rejected.push(problem);
      continue;
    }
    const warnings = rejected.map(({ message }) => `page table root: ${message}; ${candidate.source} was taken instead`);
    return rootOf(image, candidate, warnings);
  }
  const [first] = rejected;
  if (first?.missing !== true)
    throw errors.noPageTable(first?.message ?? 'the dump has neither VMCOREINFO nor control registers', image.warnings);
  // The tables lie in memory that the file no longer has: what is left can still be read by physical address.
  const left =
    image.virtualMemory === undefined
      ? 'kernel addresses cannot be read, physical ones can'
      : "kernel addresses are read by the file's own segments, which hold zeros where nothing is mapped";
  return rootOf(image, first.candidate, [`page tables are missing from the dump: ${first.message}; ${left}`]);
}

function rootOf(image: Image, candidate: RootCandidate, warnings: readonly string[]): KernelRoot {
  const { mode, root } = candidate;
  const findings: Finding[] = [
    { quantity: 'pageTableRoot', value: root, source: candidate.source },
    { quantity: 'pagingLevels', value: BigInt(mode.levels.length), source: candidate.modeSource },
  ];
  return { mode, pageTable: new PageTable(image.memory, mode, toPhysAddr(root)), findings, warnings };
}

/** Why a root cannot be the kernel's, or undefined when it maps what it must. */
function rejection(image: Image, candidate: RootCandidate, check: RootCheck): Rejection | undefined {
  const reject = (what: string, missing = false): Rejection => ({
    message: `${candidate.source} gives ${formatAddress(candidate.root)}, which ${what}`,
    candidate,
    missing,
  });
  if (candidate.root < 0n || candidate.root >= 1n << 52n) return reject('is no physical address');
  const table = new PageTable(image.memory, candidate.mode, toPhysAddr(candidate.root));
  if (check.mustMap === undefined) return check.mapsKernel(table) ? undefined : reject('maps no kernel text');
  const found = table.translate(toAddress(check.mustMap));
  if (found.physical !== undefined && found.levels.length > 0) return undefined;
  const { reason } = found;
  // A file that has memory by virtual address need not have that of the tables.
  const kinds = image.virtualMemory === undefined ? missingKinds : [...missingKinds, 'wild-table', 'not-ram'];
  const missing = reason !== undefined && kinds.includes(reason.kind);
  return reject(`does not map _stext (${reason?.message ?? 'no reason'})`, missing);
}
