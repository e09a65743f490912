/** Physical memory as a picture needs it: pieces of about equal size, each with how much of it is RAM and how much the file has. */
import { formatAddress } from '../base/address.ts';
import { overlapWith } from '../base/range.ts';
import type { NumberRange } from '../base/range.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { MemoryMapPiece } from '../protocol/machine-state.ts';

/** No page of a supported machine is larger; a piece never ends within one. */
const smallestPiece = 65_536;
const mostPieces = 1024;
/** Pieces that RAM without gaps is cut into, at most. */
const wantedPieces = 512;

/** Ascending pieces, all of one power-of-two size in bytes, and a bounded number of them; addresses without RAM have none. */
export function memoryMap(memory: PhysicalMemory): MemoryMapPiece[] {
  const bytes = memory.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  let size = smallestPiece;
  while (size * wantedPieces < bytes) size *= 2;
  // Scattered ranges touch more pieces than they fill.
  let pieces = piecesOf(memory.ranges, size);
  while (pieces.length > mostPieces) {
    size *= 2;
    pieces = piecesOf(memory.ranges, size);
  }
  return pieces.map(({ start, end }) => ({
    start: formatAddress(start),
    end: formatAddress(end),
    ram: overlapWith(memory.ranges, { start, end }),
    stored: memory.storedBytes?.(start, end) ?? null,
  }));
}

/** The windows of `size` bytes that have RAM, without what has none at their ends. */
function piecesOf(ranges: readonly NumberRange[], size: number): NumberRange[] {
  const pieces: { start: number; end: number }[] = [];
  for (const range of ranges) {
    for (let start = range.start; start < range.end;) {
      const window = start - (start % size);
      const end = Math.min(window + size, range.end);
      const last = pieces.at(-1);
      if (last !== undefined && last.start >= window) last.end = end;
      else pieces.push({ start, end });
      start = end;
      if (pieces.length > mostPieces) return pieces;
    }
  }
  return pieces;
}
