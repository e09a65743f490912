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
  collect(pageTable, frames, { level: 0, table: pageTable.root, virtualBase: pageTable.virtualBase });
  return frames;
}

/** `virtualBase` without sign extension where roots are shared. */
function collect(pageTable: PageTable, frames: Map<number, TableFrame>, at: { level: number; table: number; virtualBase: bigint }): void {
  const { mode } = pageTable;
  const { level, table } = at;
  const shape = mode.levels[level];
  if (shape === undefined || frames.has(Math.floor(table / frameSize))) return;
  const swap = shape.entrySize === 8 && !mode.littleEndian ? 4 : 0;
  const entries = 2 ** shape.indexBits;
  let index = 0;
  while (index < entries) {
    const first = table + index * shape.entrySize;
    const frame = Math.floor(first / frameSize);
    const last = Math.min(entries, index + Math.max(1, Math.floor(((frame + 1) * frameSize - first) / shape.entrySize)));
    const view = pageTable.tableView(frame);
    if (view === undefined) return;
    const base = at.virtualBase + (BigInt(index) << BigInt(shape.shift));
    const virtual = mode.split === 'shared' ? BigInt.asIntN(mode.virtualBits, base) : base;
    frames.set(frame, { level: shape.name, virtualBase: toAddress(BigInt.asUintN(mode.addressBits, virtual)) });
    for (; index < last; index++) {
      if (level === mode.levels.length - 1) continue;
      const offset = (table + index * shape.entrySize) % frameSize;
      const low = view.getUint32(offset + swap, mode.littleEndian);
      const high = shape.entrySize === 8 ? view.getUint32(offset + 4 - swap, mode.littleEndian) : 0;
      if (mode.kind(level, low, high) !== entryKind.table) continue;
      const virtualBase = at.virtualBase + (BigInt(index) << BigInt(shape.shift));
      collect(pageTable, frames, { level: level + 1, table: mode.tableAddress(level, low, high), virtualBase });
    }
  }
}
