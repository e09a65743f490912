/** What is inconsistent in the vmalloc space, in the shape of all findings. */
import { formatAddress, toAddress } from '../../base/address.ts';
import { neverCancelled } from '../../base/cancellation.ts';
import type { LongWork } from '../../base/cancellation.ts';
import { UserError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { findRange, mergeRanges } from '../../base/range.ts';
import type { NumberRange } from '../../base/range.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { FindingFacts } from '../../protocol/facts.ts';
import type { Kernel } from '../kernel.ts';
import { vmapAreas } from './vmap-area.ts';
import { checkBlocks } from './vmap-check-blocks.ts';
import { checkPages } from './vmap-check-pages.ts';
import { checkAreas } from './vmap-check.ts';
import type { VmapProblem } from './vmap-check.ts';

/** Problems of the vmalloc space in the form that all findings have, and what could not be checked. */
export interface VmallocFindings {
  readonly findings: readonly FindingFacts[];
  readonly warnings: readonly string[];
}

/** How to stop the check, who hears how far it is, and what is known to be damaged already. */
export interface VmallocCheckOptions extends LongWork {
  /** Virtual pages (address / 4096) whose tables are damaged, as is told already; none by default. */
  readonly damaged?: readonly NumberRange[];
}

/** Checks areas, blocks and pages. What cannot be checked is a warning. Throws `Cancelled`. */
export function vmallocFindings(kernel: Kernel, { token, progress, damaged = [] }: VmallocCheckOptions): VmallocFindings {
  progress?.('checking the vmalloc space', 0, 3);
  const found: FindingFacts[] = [];
  const warnings: string[] = [];
  const tell = (problem: VmapProblem): void => {
    if (found.length < limits.findings) found.push(facts(kernel, problem));
  };
  const ranges = mergeRanges(damaged);
  const damageEnd = (address: bigint): bigint | undefined => {
    const range = ranges[findRange(ranges, Number(address >> 12n))];
    return range === undefined ? undefined : BigInt(range.end) << 12n;
  };
  const checks = [
    (): void => {
      checkAreas(kernel, tell);
    },
    (): void => {
      checkBlocks(kernel, tell, damageEnd);
    },
    (): void => {
      checkPages(kernel, tell, { token: token ?? neverCancelled, damageEnd });
    },
  ];
  try {
    // Without types or symbols there is one reason for all.
    vmapAreas(kernel);
    checks.forEach((check, index) => {
      attempt(check, warnings);
      progress?.('checking the vmalloc space', index + 1, checks.length);
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    warnings.push(`the vmalloc space was not checked: ${error.message}`);
  }
  if (found.length >= limits.findings) warnings.push(`only the first ${limits.findings} findings of the vmalloc space are told`);
  return { findings: found, warnings };
}

function attempt(check: () => void, warnings: string[]): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    warnings.push(`the vmalloc space was not checked in whole: ${error.message}`);
  }
}

function facts(kernel: Kernel, { start, end, object, at, reason }: VmapProblem): FindingFacts {
  const place = at ?? start;
  const physical = kernel.root.pageTable.translate(place).physical;
  return {
    kind: 'vmalloc-inconsistent',
    virtual: formatAddress(start),
    end: formatAddress(end),
    entryAddress: formatAddress(physical ?? toAddress(0n)),
    entry: formatAddress(entryOf(kernel, { at, start })),
    level: object,
    mm: 'kernel',
    user: false,
    comm: null,
    reason,
    message: `${at === undefined ? '' : `${object} at ${formatAddress(at)}: `}${reason}`,
    owner: null,
  };
}

/** The word that is wrong, or the last level's entry. */
function entryOf(kernel: Kernel, { at, start }: Pick<VmapProblem, 'at' | 'start'>): bigint {
  if (at === undefined) return kernel.root.pageTable.translate(start).levels.at(-1)?.entry ?? 0n;
  return optionalRead(() => kernel.memory.word(at)) ?? 0n;
}
