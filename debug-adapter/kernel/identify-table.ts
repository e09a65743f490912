/** Whose page table a frame is, at which level, and for which addresses: of processes, and of the kernel through them. */
import { formatAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { entryKind } from '../arch/paging-mode.ts';
import { UserError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { frameSize } from '../memory/physical-memory.ts';
import { PageTable } from '../pagetable/page-table.ts';
import type { Kernel } from './kernel.ts';
import { pgdOf } from './mm.ts';
import { kernelTableFrames } from './table-frames.ts';
import { tasks } from './task.ts';
import type { Task } from './task.ts';

interface ProcessTable {
  readonly task: Task;
  readonly level: string;
  readonly virtualBase: Address;
  readonly entrySize: number;
}

/** The table that holds the byte `offset` of frame `pfn`, in a sentence and as facts; undefined where no process's tables have it. */
export function tableOwner(
  kernel: Kernel,
  pfn: number,
  offset: number,
): { readonly text: string; readonly facts: Record<string, unknown> } | undefined {
  const table = kernel.once(processTables).get(Math.floor((pfn * kernel.pageSize + offset) / frameSize));
  if (table === undefined) return undefined;
  const { task, level, virtualBase, entrySize } = table;
  const entry = Math.floor((offset % frameSize) / entrySize);
  return {
    text: `${level} table of process ${task.pid} (${task.comm}), for addresses from ${formatAddress(virtualBase)}; this is entry ${entry}`,
    facts: { level, pid: task.pid, comm: task.comm, virtualBase: formatAddress(virtualBase), entry, mm: formatAddress(task.mm ?? 0n) },
  };
}

/** By 4 KiB frame; a table that several processes share is told for the first. The kernel's own tables are not among them. */
function processTables(kernel: Kernel): ReadonlyMap<number, ProcessTable> {
  const found = new Map<number, ProcessTable>();
  const own = kernelTableFrames(kernel);
  const seen = new Set<Address>();
  try {
    for (const task of tasks(kernel)) {
      if (task.mm === undefined || seen.has(task.mm)) continue;
      seen.add(task.mm);
      collectProcess(kernel, { task, mm: task.mm, own, found });
    }
  } catch (error) {
    // The tasks cannot be listed: what was found is told.
    if (!(error instanceof UserError)) throw error;
  }
  return found;
}

interface Collection {
  readonly task: Task;
  readonly own: ReadonlyMap<number, unknown>;
  readonly found: Map<number, ProcessTable>;
}

function collectProcess(kernel: Kernel, of: Collection & { readonly mm: Address }): void {
  let root: ReturnType<typeof pgdOf>;
  try {
    root = pgdOf(kernel, of.mm);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return;
  }
  const mode = kernel.root.modeOfRoot?.(root) ?? kernel.root.mode;
  const pageTable = new PageTable(kernel.physical, mode, root, { half: 'user', kernel: kernel.root.pageTable });
  collect(pageTable, of, { level: 0, table: pageTable.root, base: 0n });
}

function collect(pageTable: PageTable, of: Collection, at: { level: number; table: number; base: bigint }): void {
  const { mode } = pageTable;
  const shape = mode.levels[at.level];
  if (shape === undefined) return;
  const swap = shape.entrySize === 8 && !mode.littleEndian ? 4 : 0;
  const entries = 2 ** shape.indexBits;
  for (let index = 0; index < entries;) {
    const first = at.table + index * shape.entrySize;
    const frame = Math.floor(first / frameSize);
    if (of.found.size >= limits.pageTables || of.found.has(frame) || of.own.has(frame)) return;
    const view = pageTable.tableView(frame);
    if (view === undefined) return;
    const reached = at.base + (BigInt(index) << BigInt(shape.shift));
    const virtual = BigInt.asUintN(mode.addressBits, mode.split === 'shared' ? BigInt.asIntN(mode.virtualBits, reached) : reached);
    of.found.set(frame, { task: of.task, level: shape.name, virtualBase: toAddress(virtual), entrySize: shape.entrySize });
    const last = Math.min(entries, index + Math.max(1, Math.floor(((frame + 1) * frameSize - first) / shape.entrySize)));
    for (; index < last; index++) {
      if (at.level === mode.levels.length - 1) continue;
      const offset = (at.table + index * shape.entrySize) % frameSize;
      const low = view.getUint32(offset + swap, mode.littleEndian);
      const high = shape.entrySize === 8 ? view.getUint32(offset + 4 - swap, mode.littleEndian) : 0;
      if (mode.kind(at.level, low, high) !== entryKind.table) continue;
      const base = at.base + (BigInt(index) << BigInt(shape.shift));
      collect(pageTable, of, { level: at.level + 1, table: mode.tableAddress(at.level, low, high), base });
    }
  }
}
