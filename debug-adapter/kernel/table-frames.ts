/** Which frames are page tables of the kernel, with the level and the first address that each serves. */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { entryKind } from '../arch/paging-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PageTable } from '../pagetable/page-table.ts';
import type { Kernel } from './kernel.ts';

export interface TableFrame {
  /** The kernel's name of the table's level: `pgd` … `pte`. */
  readonly level: string;
  /** First address that the table serves; a table that is used more than once is told for its first use. */
  readonly virtualBase: Address;
}

/** Keyed by 4 KiB frame number. Each table is read once, however often it is used. */
export function kernelTableFrames(kernel: Kernel): ReadonlyMap<number, TableFrame> {
  return kernel.once(find);
}

function find(kernel: Kernel): Map<number, TableFrame> {
  const { pageTable } = kernel.root;
  const frames = new Map<number, TableFrame>();
  collect(pageTable, frames, { level: 0, table: pageTable.root, virtualBase: 0n });
  return frames;
}

function collect(pageTable: PageTable, frames: Map<number, TableFrame>, at: { level: number; table: number; virtualBase: bigint }): void {
  const { mode } = pageTable;
  const shape = mode.levels[at.level];
  const frame = Math.floor(at.table / frameSize);
  const view = pageTable.tableView(frame);
  if (shape === undefined || view === undefined || frames.has(frame)) return;
  const signed = BigInt.asIntN(mode.virtualBits, at.virtualBase);
  frames.set(frame, { level: shape.name, virtualBase: toAddress(signed) });
  if (at.level === mode.levels.length - 1) return;
  const swap = shape.entrySize === 8 && !mode.littleEndian ? 4 : 0;
  for (let index = 0; index < 2 ** shape.indexBits; index++) {
    const offset = (at.table + index * shape.entrySize) % frameSize;
    if (offset + shape.entrySize > frameSize) return;
    const low = view.getUint32(offset + swap, mode.littleEndian);
    const high = shape.entrySize === 8 ? view.getUint32(offset + 4 - swap, mode.littleEndian) : 0;
    if (mode.kind(at.level, low, high) !== entryKind.table) continue;
    const virtualBase = at.virtualBase + (BigInt(index) << BigInt(shape.shift));
    collect(pageTable, frames, { level: at.level + 1, table: mode.tableAddress(at.level, low, high), virtualBase });
  }
}
