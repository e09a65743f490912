/** Whose page table a frame is, at which level, and for which addresses: of processes, and of the kernel through them. */
import { formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import type { Kernel } from '../kernel.ts';
import { pgdOf } from '../processes/mm.ts';
import { processTable } from '../processes/process-table.ts';
import { eachTableFrame, kernelTableFrames } from '../processes/table-frames.ts';
import type { TableFrame } from '../processes/table-frames.ts';
import { tasks } from '../processes/task.ts';
import type { Task } from '../processes/task.ts';
import { hasPageTableIsolation, userRootOffset } from '../x86-cpu.ts';

interface ProcessTable extends TableFrame {
  readonly task: Task;
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
      const { mm } = task;
      if (mm === undefined || seen.has(mm)) continue;
      seen.add(mm);
      const pageTable = optionalRead(() => processTable(kernel, mm));
      if (pageTable === undefined) continue;
      eachTableFrame(pageTable, (frame, table) => {
        if (found.size >= limits.pageTables || found.has(frame) || own.has(frame)) return false;
        found.set(frame, { task, ...table });
        return true;
      });
    }
  } catch (error) {
    // The tasks cannot be listed: what was found is told.
    if (!(error instanceof UserError)) throw error;
  }
  return found;
}

/** A frame that the kernel's own page table uses as a table, or a process as its root; those may have no mark in their struct page. */
export function describeTable(kernel: Kernel, physical: number): IdentifyDetail[] {
  const frame = Math.floor(physical / frameSize);
  const table = kernelTableFrames(kernel).get(frame);
  if (table === undefined) return describeRoot(kernel, frame);
  const entry = Math.floor((physical % frameSize) / table.entrySize);
  return [
    {
      kind: 'page-table',
      summary: `${table.level} table of the kernel, for addresses from ${formatAddress(table.virtualBase)}; this is entry ${entry}`,
      level: table.level,
      virtualBase: formatAddress(table.virtualBase),
      entry,
    },
  ];
}

interface RootFrame {
  /** Undefined for the kernel's own. */
  readonly task: Task | undefined;
  /** Whether it is the root that user mode runs on (page-table isolation). */
  readonly user: boolean;
}

function describeRoot(kernel: Kernel, frame: number): IdentifyDetail[] {
  if (kernel.types === undefined) return [];
  const root = kernel.once(rootFrames).get(frame);
  if (root === undefined) return [];
  const { task, user } = root;
  const whose = task === undefined ? 'the kernel' : `process ${task.pid} (${task.comm})`;
  const summary = `pgd of ${whose}${user ? ', the half that user mode runs on' : ''}`;
  return [{ kind: 'page-table', summary, level: 'pgd', pid: task?.pid ?? null, comm: task?.comm ?? null, user }];
}

function rootFrames(kernel: Kernel): ReadonlyMap<number, RootFrame> {
  const roots = new Map<number, RootFrame>();
  const isolated = hasPageTableIsolation(kernel);
  const add = (root: number, task: Task | undefined): void => {
    const frame = Math.floor(root / frameSize);
    if (task !== undefined && !roots.has(frame)) roots.set(frame, { task, user: false });
    const user = Math.floor((root + userRootOffset) / frameSize);
    if (isolated && !roots.has(user)) roots.set(user, { task, user: true });
  };
  add(kernel.root.pageTable.root, undefined);
  try {
    for (const task of tasks(kernel)) {
      const { mm } = task;
      const root = mm === undefined ? undefined : optionalRead(() => pgdOf(kernel, mm));
      if (root !== undefined) add(root, task);
    }
  } catch (error) {
    // The tasks cannot be listed: what was found is told.
    if (!(error instanceof UserError)) throw error;
  }
  return roots;
}
