/**
 * The PAGEMAP_SCAN ioctl on a process of a dump (fs/proc/task_mmu.c: do_pagemap_scan, 6.7 and later, as its stable kernels
 * have it): same checks, same errors, same regions. The dump is only read: what PM_SCAN_WP_MATCHING would write-protect is
 * told instead.
 */
import type { CancellationToken } from '../../base/cancellation.ts';
import { allCategories, scanFlag } from './pagemap-category.ts';
import { isDead, taskSize } from './pagemap-process.ts';
import type { PagemapProcess } from './pagemap-process.ts';
import { ScanOutput } from './pagemap-scan-output.ts';
import type { ScanRegion } from './pagemap-scan-output.ts';
import { PagemapScanVisitor } from './pagemap-scan-visitor.ts';
import { walkAreas } from './pagemap-walk.ts';

/** struct pm_scan_arg; 64-bit values as they stand. */
export interface PagemapScanArguments {
  /** Bytes of the structure: 96. */
  readonly size: bigint;
  readonly flags: bigint;
  readonly start: bigint;
  readonly end: bigint;
  /** Whether `vec` points anywhere; a pointer that cannot be written to is not part of a dump. */
  readonly vec: boolean;
  readonly vecLen: bigint;
  readonly maxPages: bigint;
  readonly categoryInverted: bigint;
  readonly categoryMask: bigint;
  readonly categoryAnyofMask: bigint;
  readonly returnMask: bigint;
}

/** The errors that PAGEMAP_SCAN can end with (fs/proc/task_mmu.c:do_pagemap_scan). */
export type ScanError = 'EINVAL' | 'EFAULT' | 'EPERM' | 'ESRCH';

/** What the ioctl would return, and what it would have written to the caller's memory. */
export interface PagemapScanResult {
  /** Why the ioctl returns -1, with a phrase; undefined when it succeeds. */
  readonly error: { readonly name: ScanError; readonly why: string } | undefined;
  /** Regions that were copied to the caller, also on EPERM; their pages are virtual page numbers. */
  readonly regions: readonly ScanRegion[];
  /** Address; undefined where the kernel writes none back. */
  readonly walkEnd: bigint | undefined;
  /** What the call would have write-protected, in virtual pages. */
  readonly protects: readonly { readonly start: number; readonly end: number }[];
  /** Pages of which the dump does not tell what they are. */
  readonly missing: readonly { readonly start: number; readonly end: number; readonly reason: string }[];
}

const sizeOfArguments = 96n;
const most64 = (1n << 64n) - 1n;

/** Throws `Cancelled`. */
export function pagemapScan(process: PagemapProcess, asked: PagemapScanArguments, token: CancellationToken): PagemapScanResult {
  const error = refusal(process, asked);
  if (error !== undefined) return { error, regions: [], walkEnd: undefined, protects: [], missing: [] };
  const { mode } = process.kernel.root;
  const start = untag(process, asked.start);
  const pageSize = BigInt(process.kernel.pageSize);
  const end = BigInt.asUintN(64, untag(process, asked.end) + pageSize - 1n) & ~(pageSize - 1n);
  const output = new ScanOutput({
    vecLen: Number(asked.vecLen),
    maxPages: asked.maxPages === 0n || asked.maxPages >= 1n << 53n ? Infinity : Number(asked.maxPages),
    gathered: process.pmdPages,
    stopsWithoutRoom: process.scanRules.stopsWithoutRoom && asked.vec,
    backsOutToPrevious: process.scanRules.isVersion29,
  });
  const visitor = new PagemapScanVisitor(process, output, asked);
  const shift = BigInt(mode.pageShift);
  const last = Number(end >> shift);
  let walkEnd = 0n;
  // Version 29 kept where it had come to in a variable of its own, and went on at the walk_end that the caller had set: 0.
  const next = (): number => (process.scanRules.isVersion29 ? 0 : Number(walkEnd >> shift));
  for (let from = Number(start >> shift); from < last; from = next()) {
    visitor.begin();
    walkAreas(process.walkContext(token), { start: from, end: last }, visitor);
    if (output.stoppedAt !== undefined) walkEnd = BigInt(output.stoppedAt) << shift;
    output.copyOut();
    if (visitor.refused !== undefined || !visitor.full || !output.open) break;
  }
  return {
    error: visitor.refused,
    regions: output.regions,
    walkEnd: walkEnd === 0n ? end : walkEnd,
    protects: visitor.protects,
    missing: visitor.unknown,
  };
}

/** pagemap_scan_get_args(): the checks in the kernel's order. */
function refusal(process: PagemapProcess, asked: PagemapScanArguments): PagemapScanResult['error'] {
  const { kernel } = process;
  if (isDead(kernel, process.mm)) return { name: 'ESRCH', why: 'the process is exiting: its address space has no users left' };
  if (asked.size !== sizeOfArguments) return { name: 'EINVAL', why: `the size is ${asked.size}, not ${sizeOfArguments}` };
  const invalid = (why: string): PagemapScanResult['error'] => ({ name: 'EINVAL', why });
  if ((asked.flags & ~BigInt(scanFlag.wpMatching | scanFlag.checkWpAsync)) !== 0n) return invalid('a flag is set that does not exist');
  const masks = asked.categoryInverted | asked.categoryMask | asked.categoryAnyofMask | asked.returnMask;
  if ((masks & ~BigInt(allCategories(process))) !== 0n) return invalid('a mask has a category that this kernel does not know');
  const start = untag(process, asked.start);
  if (start % BigInt(kernel.pageSize) !== 0n) return invalid(`the start is not a multiple of the page size (${kernel.pageSize})`);
  if (!isAccessible(process, start, untag(process, asked.end))) {
    return { name: 'EFAULT', why: 'the end lies before the start, or above the addresses that a process can have' };
  }
  if (!asked.vec && asked.vecLen !== 0n) return invalid('there is a vec_len but no vec');
  if (kernel.memory.pointerSize === 4 && asked.vecLen > 0xffff_ffffn) return invalid('vec_len does not fit a 32-bit machine');
  return undefined;
}

/** access_ok(start, end - start) with the difference taken without sign. */
function isAccessible(process: PagemapProcess, start: bigint, end: bigint): boolean {
  const { kernel } = process;
  const { architecture } = kernel.machine;
  // Their kernels have an address space of their own: any address may be a process's.
  if (architecture === 's390x' || architecture === 'sparc64') return true;
  const wide = kernel.memory.pointerSize === 8;
  const size = wide ? BigInt.asUintN(64, end - start) : BigInt.asUintN(32, end - start);
  const limit = addressLimit(process);
  return size <= limit && start <= limit - size;
}

/** TASK_SIZE_MAX: the first address that no process can have. */
export function addressLimit(process: PagemapProcess): bigint {
  const { kernel } = process;
  const { mode } = kernel.root;
  if (kernel.machine.architecture === 'x86-64') return (1n << BigInt(mode.virtualBits - 1)) - 4096n;
  if (kernel.machine.architecture === 'arm64') return 1n << BigInt(mode.virtualBits);
  return taskSize(kernel, process.mm) ?? most64;
}

/** untagged_addr(): arm64 ignores the top byte of a process's addresses. */
function untag(process: PagemapProcess, address: bigint): bigint {
  const plain = BigInt.asUintN(64, address);
  if (process.kernel.machine.architecture !== 'arm64') return plain;
  return plain & BigInt.asUintN(64, BigInt.asIntN(56, plain));
}
