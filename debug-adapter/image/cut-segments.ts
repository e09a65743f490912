/**
 * PT_LOADs that QEMU cut short: with paging it ends a segment's bytes where a memory backend ends (dump/dump.c,
 * get_offset_range), though the next backend's memory follows in the file without a gap, as it does in the machine.
 */
import { limits } from '../base/limits.ts';
import type { ProgramHeader } from './elf-headers.ts';

interface Cut {
  readonly load: ProgramHeader;
  /** First physical address without bytes, and the end of the memory. */
  readonly tail: bigint;
  readonly end: bigint;
  /** Whether another segment has bytes where they would continue, and from where on one says otherwise. */
  shown: boolean;
  limit: bigint;
}

/**
 * The bytes of the file that belong to cut segments, by file offset of the segment: all of them where another segment, which maps
 * some of the missing memory again, has its bytes at the very place where they would continue, and up to where a segment has other
 * memory or other bytes there.
 */
export function continuedSizes(loads: () => Iterable<ProgramHeader>): ReadonlyMap<bigint, bigint> {
  const cuts: Cut[] = [];
  for (const load of loads()) {
    if (load.fileSize === 0n || load.fileSize >= load.memorySize) continue;
    // So many are of a writer that leaves pages out (makedumpfile -E): QEMU cuts at the ends of memory backends, which are few.
    if (cuts.length === limits.cutSegments) return new Map();
    const [tail, end] = [load.physical + load.fileSize, load.physical + load.memorySize];
    cuts.push({ load, tail, end, shown: false, limit: end });
  }
  if (cuts.length > 0) for (const load of loads()) for (const cut of cuts) witness(cut, load);
  return new Map(cuts.flatMap(({ load, tail, shown, limit }) => (shown && limit > tail ? [[load.offset, limit - load.physical]] : [])));
}

function witness(cut: Cut, { physical, fileSize, offset }: ProgramHeader): void {
  if (fileSize === 0n) return;
  // Where these bytes would be, if the segment went on to them.
  const place = cut.load.physical + offset - cut.load.offset;
  if (place === physical) {
    if (physical >= cut.tail && physical < cut.end) cut.shown = true;
    return;
  }
  for (const other of [physical, place]) if (other + fileSize > cut.tail && other < cut.limit) cut.limit = other;
}
