/** Which frames are page tables, with the level and the first address that each serves. */
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { entryKind } from '../../arch/paging-mode.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { PageTable } from '../../pagetable/page-table.ts';
import type { Kernel } from '../kernel.ts';

/** A frame that serves as a page table, and for what. */
export interface TableFrame {
  /** The kernel's name of the table's level: `pgd` … `pte`. */
  readonly level: string;
  /** First address that the table serves; a table that is used more than once is told for its first use. */
  readonly virtualBase: Address;
  /** Bytes of an entry. */
  readonly entrySize: number;
}

/** Those of the kernel's own page table, by 4 KiB frame number. Each table is read once, however often it is used. */
export function kernelTableFrames(kernel: Kernel): ReadonlyMap<number, TableFrame> {
  return kernel.once(findKernelTables);
}

function findKernelTables(kernel: Kernel): Map<number, TableFrame> {
  const frames = new Map<number, TableFrame>();
  eachTableFrame(kernel.root.pageTable, (frame, table) => {
    if (frames.has(frame)) return false;
    frames.set(frame, table);
    return true;
  });
  return frames;
}

/** Hears of a frame that holds a table or a part of one; false where neither it nor what it leads to is wanted. */
type Visit = (frame: number, table: TableFrame) => boolean;

/** Every table of a page table, from its root down. Ends only where `visit` refuses frames that it has met. */
export function eachTableFrame(pageTable: PageTable, visit: Visit): void {
  descend(pageTable, visit, { level: 0, table: pageTable.root, base: pageTable.virtualBase });
}

/** `base`: the first address that the table serves, without sign extension where roots are shared. */
function descend(pageTable: PageTable, visit: Visit, at: { level: number; table: number; base: bigint }): void {
  const { mode } = pageTable;
  const { level, table } = at;
  const shape = mode.levels[level];
  if (shape === undefined) return;
  const swap = shape.entrySize === 8 && !mode.littleEndian ? 4 : 0;
  const entries = 2 ** shape.indexBits;
  for (let index = 0; index < entries;) {
    const first = table + index * shape.entrySize;
    const frame = Math.floor(first / frameSize);
    const view = pageTable.tableView(frame);
    if (view === undefined) return;
    const base = at.base + (BigInt(index) << BigInt(shape.shift));
    const extended = mode.split === 'shared' ? BigInt.asIntN(mode.virtualBits, base) : base;
    const virtualBase = toAddress(BigInt.asUintN(mode.addressBits, extended));
    if (!visit(frame, { level: shape.name, virtualBase, entrySize: shape.entrySize })) return;
    const last = Math.min(entries, index + Math.max(1, Math.floor(((frame + 1) * frameSize - first) / shape.entrySize)));
    for (; index < last; index++) {
      if (level === mode.levels.length - 1) continue;
      const offset = (table + index * shape.entrySize) % frameSize;
      const low = view.getUint32(offset + swap, mode.littleEndian);
      const high = shape.entrySize === 8 ? view.getUint32(offset + 4 - swap, mode.littleEndian) : 0;
      if (mode.kind(level, low, high) !== entryKind.table) continue;
      const next = at.base + (BigInt(index) << BigInt(shape.shift));
      descend(pageTable, visit, { level: level + 1, table: mode.tableAddress(level, low, high), base: next });
    }
  }
}
