/** Which bytes of memory differ between two moments. */
import { formatAddress } from '../base/address.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';

/** Ranges of bytes that differ, to the byte, with what they were before; `most` of them, and how many bytes in all. */
export function changedRanges(
  now: PhysicalMemory,
  pieces: ReadonlyMap<number, Uint8Array>,
  most: number,
): { readonly ranges: readonly { readonly start: string; readonly end: string }[]; readonly bytes: number; readonly truncated: boolean } {
  const ranges: { start: number; end: number }[] = [];
  let count = 0;
  let truncated = false;
  for (const [address, before] of pieces) {
    const frame = now.frame(Math.floor(address / frameSize));
    for (let index = 0; index < before.length; index++) {
      if (frame?.[(address % frameSize) + index] === before[index]) continue;
      count++;
      const last = ranges.at(-1);
      if (last?.end === address + index) last.end++;
      else if (ranges.length < most) ranges.push({ start: address + index, end: address + index + 1 });
      else truncated = true;
    }
  }
  return {
    ranges: ranges.map(({ start: from, end }) => ({ start: formatAddress(from), end: formatAddress(end) })),
    bytes: count,
    truncated,
  };
}
