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
  /** Up to where other segments say that the bytes go on, and from where on one of them says otherwise. */
  shown: bigint;
  limit: bigint;
}

/**
 * The bytes of the file that belong to cut segments, by file offset of the segment: as far as other segments, which map the
 * same memory again, have theirs at the very place where it would continue, and none has other memory or other bytes there.
 */
export function continuedSizes(loads: () => Iterable<ProgramHeader>): ReadonlyMap<bigint, bigint> {
  const cuts: Cut[] = [];
  for (const load of loads()) {
    if (load.fileSize === 0n || load.fileSize >= load.memorySize) continue;
    if (cuts.length === limits.cutSegments) return new Map();
    const [tail, end] = [load.physical + load.fileSize, load.physical + load.memorySize];
    cuts.push({ load, tail, end, shown: tail, limit: end });
  }
  if (cuts.length > 0) for (const load of loads()) for (const cut of cuts) witness(cut, load);
  return new Map(
    cuts.flatMap(({ load, tail, shown, limit }) => {
      const end = shown < limit ? shown : limit;
      return end > tail ? [[load.offset, end - load.physical]] : [];
    }),
  );
}

function witness(cut: Cut, { physical, fileSize, offset }: ProgramHeader): void {
  if (fileSize === 0n) return;
  // Where these bytes would be, if the segment went on to them.
  const place = cut.load.physical + offset - cut.load.offset;
  if (place === physical) {
    if (physical >= cut.tail && physical < cut.end && physical + fileSize > cut.shown) cut.shown = physical + fileSize;
    return;
  }
  for (const other of [physical, place]) if (other + fileSize > cut.tail && other < cut.limit) cut.limit = other;
}
