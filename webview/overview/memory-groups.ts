/** Physical memory as groups that are drawn to scale: wide gaps between them are not. */
import type { MemoryMapPiece } from '../../debug-adapter/protocol/machine-state.ts';

/** Pieces between two wide gaps: physical addresses [start, end). */
export interface MemoryGroup {
  readonly start: bigint;
  readonly end: bigint;
  readonly pieces: readonly MemoryMapPiece[];
  /** Place of its first piece among all. */
  readonly first: number;
}

/** Gaps wider than this share of all memory part two groups. */
const widestGap = 1 / 32;

/** The groups of ascending pieces, in their order. */
export function memoryGroups(pieces: readonly MemoryMapPiece[]): MemoryGroup[] {
  const ram = pieces.reduce((sum, piece) => sum + piece.ram, 0);
  const groups: { start: bigint; end: bigint; pieces: MemoryMapPiece[]; first: number }[] = [];
  pieces.forEach((piece, index) => {
    const start = BigInt(piece.start);
    const end = BigInt(piece.end);
    const last = groups.at(-1);
    if (last === undefined || Number(start - last.end) > ram * widestGap) groups.push({ start, end, pieces: [piece], first: index });
    else {
      last.pieces.push(piece);
      last.end = end;
    }
  });
  return groups;
}

/** Where an address lies in a group, 0 to 1; outside it at its nearer end. */
export function placeIn({ start, end }: MemoryGroup, address: bigint): number {
  const place = Number(address - start) / Number(end - start);
  return Math.min(1, Math.max(0, place));
}

/** Path, in a square of 1000, of columns as high as each piece's share of `of`. */
export function columnsPath(group: MemoryGroup, share: (piece: MemoryMapPiece) => number): string {
  const x = (address: string): string => (placeIn(group, BigInt(address)) * 1000).toFixed(2);
  return group.pieces
    .flatMap((piece) => {
      const height = share(piece);
      return height <= 0 ? [] : [`M${x(piece.start)} 1000V${(1000 * (1 - height)).toFixed(1)}H${x(piece.end)}V1000Z`];
    })
    .join('');
}

/** Path of what is no RAM between the pieces. */
export function gapsPath(group: MemoryGroup): string {
  const x = (address: string): string => (placeIn(group, BigInt(address)) * 1000).toFixed(2);
  return group.pieces
    .flatMap((piece, index) => {
      const next = group.pieces[index + 1];
      return next === undefined || next.start === piece.end ? [] : [`M${x(piece.end)} 0V1000H${x(next.start)}V0Z`];
    })
    .join('');
}
