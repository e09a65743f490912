/** Tasks and their memory areas, in the shapes that scripts and views get. */
import { formatAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors, MemoryFault } from '../base/errors.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { mmUsage } from '../kernel/processes/mm-usage.ts';
import { taskName } from '../kernel/processes/task-name.ts';
import { findTask, taskAt, tasksOf } from '../kernel/processes/task.ts';
import type { Task } from '../kernel/processes/task.ts';
import { mapsEntries, mapsLine } from '../kernel/processes/vma-maps.ts';
import type { MapsFacts, TaskFacts } from '../protocol/facts.ts';
import type { ListPart } from './list-part.ts';

/** Every task, or a part of their list: those behind it are not read. `pgd` is the kernel's virtual pointer. */
export function taskFacts(kernel: Kernel, part: ListPart = { start: 0, count: Number.POSITIVE_INFINITY }): TaskFacts[] {
  const structs = kernel.structs('listing the tasks');
  const mmStruct = structs.get('mm_struct');
  const taskStruct = structs.get('task_struct');
  // The idle task, which is the first process's parent, is on no list.
  const parentOf = (task: Task): number =>
    told(kernel, `the parent of task ${task.pid}`, () => taskStruct.number(task.parent, 'tgid')) ?? 0;
  return tasksOf(kernel, part.start, part.count).map((task) => {
    const { mm } = task;
    const who = `the mm_struct of process ${task.pid}`;
    const pgd = mm === undefined ? undefined : told(kernel, who, () => mmStruct.pointer(mm, 'pgd'));
    const usage = mm === undefined ? undefined : told(kernel, who, () => mmUsage(kernel, mm));
    const kib = kernel.pageSize / 1024;
    return {
      pid: task.pid,
      tgid: task.tgid,
      comm: task.comm,
      task: formatAddress(task.address),
      mm: mm === undefined ? null : formatAddress(mm),
      pgd: pgd === undefined ? null : formatAddress(pgd),
      stack: task.stack === 0n ? null : formatAddress(task.stack),
      cpu: task.cpu ?? null,
      ppid: parentOf(task),
      state: task.state,
      name: taskName(kernel, task),
      vsz: usage === undefined ? null : usage.totalPages * kib,
      rss: usage === undefined ? null : usage.residentPages * kib,
    };
  });
}

/** The tasks one by one, of which nothing but their numbers is told. */
export function* eachTask(kernel: Kernel): Generator<{ readonly id: string }> {
  for (let index = 0; ; index++) {
    const task = taskAt(kernel, index);
    if (task === undefined) return;
    yield { id: String(task.pid) };
  }
}

function told<Value>(kernel: Kernel, what: string, look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`${what} cannot be read: ${error.reason}`);
    return undefined;
  }
}

/** The task of a PID, and its mm_struct. Throws `UserError` where there is none. */
export function processOf(kernel: Kernel, pid: number): { readonly task: Task; readonly mm: Address } {
  const task = findTask(kernel, pid);
  if (task === undefined) throw errors.unknownProcess(String(pid));
  const { mm } = task;
  if (mm === undefined) {
    throw errors.badArgument(
      `task ${pid} (${task.comm}) has no address space (a kernel thread, or it has exited); list the tasks with: pagewalk ps IMAGE`,
    );
  }
  return { task, mm };
}

/** /proc/PID/maps. */
export function mapsFacts(kernel: Kernel, pid: number): MapsFacts {
  const { task, mm } = processOf(kernel, pid);
  const before = new Set(kernel.warnings);
  const areas = mapsEntries(kernel, mm).map((entry) => {
    const { vma, file, name, offset } = entry;
    const text = mapsLine(entry, kernel.memory.pointerSize).slice(0, -1);
    return {
      start: formatAddress(vma.start),
      end: formatAddress(vma.end),
      rights: text.split(' ')[1] ?? '',
      offset: formatAddress(offset),
      device: `${file?.device.major ?? 0}:${file?.device.minor ?? 0}`,
      inode: formatAddress(file?.inode ?? 0n),
      name: name ?? null,
      vma: formatAddress(vma.address),
      vmFlags: formatAddress(vma.flags),
      text,
    };
  });
  const about = `VMAs of the mm at ${formatAddress(mm)}`;
  return {
    pid,
    comm: task.comm,
    areas,
    warnings: [...kernel.warnings].filter((warning) => !before.has(warning) || warning.startsWith(about)),
  };
}
