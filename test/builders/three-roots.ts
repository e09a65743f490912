/** Roots of init_mm and two processes to compare, and what a comparison found in short lines. */
import { formatAddress } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { rootSync } from '../../debug-adapter/kernel/findings/root-sync.ts';
import type { RootSyncReport } from '../../debug-adapter/kernel/findings/root-sync.ts';
import { SmallKernel } from './small-kernel.ts';
import type { SmallKernelOptions } from './small-kernel.ts';

export function report(kernel: SmallKernel): RootSyncReport {
  return rootSync(kernel.open(), neverCancelled);
}

/** The differences in short: `missing 0x…-0x… pgd heals: pid 2 (b)`. */
export function short({ differences }: RootSyncReport): string[] {
  return differences.map(
    (one) =>
      `${one.kind} ${formatAddress(one.start)}-${formatAddress(one.end)} ${one.level}${one.heals ? ' heals' : ''}: ${one.owners.join(', ')}`,
  );
}

/** A kernel whose init_mm and processes `a` (pid 1) and `b` (pid 2) have equal roots with these entries. */
export function threeRoots(
  options: SmallKernelOptions,
  shape: { readonly rootSize: number; readonly entrySize: 4 | 8; readonly entries: readonly (readonly [index: number, entry: bigint])[] },
): { kernel: SmallKernel; init: number; a: number; b: number; mmA: number; mmB: number } {
  const kernel = new SmallKernel(options);
  const [init = 0, a = 0, b = 0] = [0, 1, 2].map(() => kernel.table(shape.rootSize));
  for (const root of [init, a, b]) for (const [index, entry] of shape.entries) kernel.entry(root, index, entry, shape.entrySize);
  kernel.initRoot(init);
  const mmA = kernel.mm(a);
  const mmB = kernel.mm(b);
  kernel.task(1, 'a', mmA);
  kernel.task(2, 'b', mmB);
  return { kernel, init, a, b, mmA, mmB };
}
