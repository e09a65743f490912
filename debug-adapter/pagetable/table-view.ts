/** Entries of page tables as they lie in memory. */
import type { PagingLevel, PagingMode } from '../arch/paging-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';

/** The bytes of a frame (physical address / 4096); undefined where it cannot be read whole. */
export function viewFrame(physical: PhysicalMemory, frame: number): DataView | undefined {
  const bytes = Number.isSafeInteger(frame) ? physical.frame(frame) : undefined;
  return bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset, frameSize);
}

/** The low 32 bits of the entry at byte `offset`. */
export function lowHalf(view: DataView, offset: number, { entrySize }: PagingLevel, { littleEndian }: PagingMode): number {
  return view.getUint32(entrySize === 8 && !littleEndian ? offset + 4 : offset, littleEndian);
}

/** The high 32 bits of the entry at byte `offset`; 0 where an entry has 4 bytes. */
export function highHalf(view: DataView, offset: number, { entrySize }: PagingLevel, { littleEndian }: PagingMode): number {
  return entrySize === 8 ? view.getUint32(littleEndian ? offset + 4 : offset, littleEndian) : 0;
}
