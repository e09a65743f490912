/**
 * How far the linear map of a 32-bit kernel goes (`high_memory`), as its page tables have it: kernels whose kallsyms has
 * functions alone (without CONFIG_KALLSYMS_ALL) do not name the variable.
 */
import { neverCancelled } from '../../base/cancellation.ts';
import { mappedRuns } from '../../pagetable/mapped-runs.ts';
import type { Kernel } from '../kernel.ts';

const pageShift = 12n;
/** Of a 32-bit address space, in pages of 4 KiB. */
const pages = 2 ** 20;

/**
 * The first address behind the pages from `start` on that lie where virtual = physical + `offset`, up to the first that lies
 * elsewhere: behind a gap the vmalloc space begins. Pages that are not mapped (CONFIG_DEBUG_PAGEALLOC, reserved memory) do not
 * end it. Undefined where not even the first is mapped so.
 */
export function endByPageTables(
  kernel: Kernel,
  { start, offset }: { readonly start: bigint; readonly offset: bigint },
): bigint | undefined {
  const range = { start: Number(start >> pageShift), end: pages };
  const { runs } = mappedRuns(kernel.root.pageTable, { range, user: false, token: neverCancelled });
  const distance = Number(offset >> pageShift);
  let end: number | undefined;
  for (let index = 0; index < runs.length && runs.page(index) - runs.frame(index) === distance; index++) {
    end = runs.page(index) + runs.pages(index);
  }
  return end === undefined ? undefined : BigInt(end) << pageShift;
}
