/** From a frame back to the vmalloc space: where vmalloc(), vmap(), vm_map_ram(), ioremap() and modules have it mapped. */
import { limits } from '../../base/limits.ts';
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { neverCancelled } from '../../base/cancellation.ts';
import { partitionPoint } from '../../base/partition-point.ts';
import { mappedRuns } from '../../pagetable/mapped-runs.ts';
import type { Kernel } from '../kernel.ts';
import { findVmapArea, vmapAreas, vmFlag } from './vmap-area.ts';
import type { VmapArea } from './vmap-area.ts';

/** Areas closer than this are read together: a page table of the last level reaches as far. */
const together = 2n ** 21n;

/** Runs by frame; `reach` is the furthest end of those up to each, so that overlapping ones are found too. */
interface FrameRuns {
  readonly frames: Float64Array;
  readonly pages: Float64Array;
  readonly lengths: Float64Array;
  readonly reach: Float64Array;
}

/** Virtual addresses in areas in use that map the 4 KiB frame, ascending, at most `most`. Reads their page tables once. */
export function vmallocAddressesOf(kernel: Kernel, frame: number, most: number): Address[] {
  const { frames, pages, lengths, reach } = kernel.once(frameRuns);
  const last = partitionPoint(frames.length, (index) => (frames[index] ?? 0) <= frame) - 1;
  const found: number[] = [];
  for (let index = last; index >= 0 && (reach[index] ?? 0) > frame && found.length < most; index--) {
    const into = frame - (frames[index] ?? 0);
    if (into < (lengths[index] ?? 0)) found.push((pages[index] ?? 0) + into);
  }
  return found.sort((a, b) => a - b).map((page) => toAddress(BigInt(page) << 12n));
}

/** The area of allocated memory, not of a device, that maps the 4 KiB frame. */
export function allocatedAreaOf(kernel: Kernel, frame: number): VmapArea | undefined {
  for (const address of vmallocAddressesOf(kernel, frame, limits.mappings)) {
    const area = findVmapArea(kernel, address);
    if (area !== undefined && !isOfDevice(area)) return area;
  }
  return undefined;
}

function isOfDevice({ vm }: VmapArea): boolean {
  return vm !== undefined && ((vm.flags & vmFlag.ioremap) !== 0 || vm.physAddr !== 0n);
}

function frameRuns(kernel: Kernel): FrameRuns {
  const found: { frame: number; page: number; length: number }[] = [];
  for (const { start, end } of spans(kernel)) {
    const range = { start: Number(start >> 12n), end: Number((end + 0xfffn) >> 12n) };
    const { runs } = mappedRuns(kernel.root.pageTable, { range, user: false, token: neverCancelled });
    for (let index = 0; index < runs.length; index++) {
      if (found.length >= limits.vmallocRuns) {
        kernel.warn(`the vmalloc space maps more than ${limits.vmallocRuns} runs of memory; frames of the others are not told as its own`);
        break;
      }
      found.push({ frame: runs.frame(index), page: runs.page(index), length: runs.pages(index) });
    }
  }
  found.sort((a, b) => a.frame - b.frame || b.page - a.page);
  const reach = new Float64Array(found.length);
  let furthest = 0;
  found.forEach(({ frame, length }, index) => {
    furthest = Math.max(furthest, frame + length);
    reach[index] = furthest;
  });
  return {
    frames: Float64Array.from(found, ({ frame }) => frame),
    pages: Float64Array.from(found, ({ page }) => page),
    lengths: Float64Array.from(found, ({ length }) => length),
    reach,
  };
}

/** What areas in use cover, ascending, neighbours joined. An area of more memory than the machine has twice is damage. */
function spans(kernel: Kernel): { start: Address; end: Address }[] {
  const joined: { start: Address; end: Address }[] = [];
  const most = 2 * kernel.physical.ranges.reduce((sum, { start, end }) => sum + (end - start), 0);
  for (const area of vmapAreas(kernel).sorted) {
    const { start, end } = area;
    if (!isOfDevice(area) && end - start > most) continue;
    const last = joined.at(-1);
    if (last !== undefined && start <= addToAddress(last.end, together)) {
      if (end > last.end) last.end = end;
    } else joined.push({ start, end });
  }
  return joined;
}
