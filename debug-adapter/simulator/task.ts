/** task_struct (include/linux/sched.h) of a simulated machine. */
import type { Core } from './core.ts';

/** What a task_struct is filled with. */
export interface NewTask {
  /** Memory for the task_struct; its physical address. */
  readonly at: number;
  readonly pid: number;
  readonly comm: string;
  /** Physical address of the mm_struct; 0 for a kernel thread. */
  readonly mm: number;
  readonly parent: number;
  readonly cpu: number;
  /** PF_*. */
  readonly flags?: number;
}

const stackOrder = 2;
const interruptibleSleep = 1;

/** Fills in a task and puts it on the list of tasks; idle tasks (PID 0) are on none. */
export function addTask(core: Core, of: NewTask): number {
  const { memory, types } = core;
  const task = of.at;
  const member = (path: string): number => task + types.offset('task_struct', path);
  memory.setU32(member('pid'), of.pid);
  memory.setU32(member('tgid'), of.pid);
  memory.setText(member('comm'), of.comm, 16);
  memory.setPointer(member('mm'), of.mm);
  memory.setPointer(member('active_mm'), of.mm === 0 ? core.symbol('init_mm') : of.mm);
  memory.setPointer(member('stack'), core.pages.takeZeroed(stackOrder) * 4096);
  memory.setU32(member('thread_info.cpu'), of.cpu);
  memory.setU32(member('flags'), of.flags ?? 0);
  memory.setU32(member('__state'), of.pid === 0 ? 0 : interruptibleSleep);
  memory.setPointer(member('real_parent'), of.parent);
  memory.setPointer(member('parent'), of.parent);
  memory.setPointer(member('group_leader'), task);
  memory.listInit(member('children'));
  memory.listInit(member('sibling'));
  const signal = task === core.symbol('init_task') ? core.symbol('init_signals') : core.caches.signal_cache.take();
  memory.setPointer(member('signal'), signal);
  memory.setU32(signal + types.offset('signal_struct', 'nr_threads'), 1);
  memory.listInit(signal + types.offset('signal_struct', 'thread_head'));
  memory.listAddTail(member('thread_node'), signal + types.offset('signal_struct', 'thread_head'));
  if (of.pid === 0) memory.listInit(member('tasks'));
  else {
    memory.listAddTail(member('tasks'), core.symbol('init_task') + types.offset('task_struct', 'tasks'));
    memory.listAddTail(member('sibling'), of.parent + types.offset('task_struct', 'children'));
  }
  return task;
}

/** Takes a task off all lists and frees it. */
export function removeTask(core: Core, task: number): void {
  const { memory, types, caches, pages } = core;
  const member = (path: string): number => task + types.offset('task_struct', path);
  const initTask = core.symbol('init_task');
  for (const link of memory.list(member('children'))) {
    const child = link - types.offset('task_struct', 'sibling');
    memory.listDelete(link);
    const heir = findTask(core, 1) ?? initTask;
    memory.setPointer(child + types.offset('task_struct', 'real_parent'), heir);
    memory.setPointer(child + types.offset('task_struct', 'parent'), heir);
    memory.listAddTail(link, heir + types.offset('task_struct', 'children'));
  }
  memory.listDelete(member('sibling'));
  memory.listDelete(member('tasks'));
  pages.give(memory.pointer(member('stack')) / 4096, stackOrder);
  caches.signal_cache.give(memory.pointer(member('signal')));
  caches.task_struct.give(task);
}

/** Physical address of the task_struct of a PID; undefined where there is none. */
export function findTask(core: Core, pid: number): number | undefined {
  for (const task of taskList(core)) if (core.memory.u32(task + core.types.offset('task_struct', 'pid')) === pid) return task;
  return undefined;
}

/** All tasks but the idle ones. */
export function* taskList(core: Core): Generator<number> {
  const offset = core.types.offset('task_struct', 'tasks');
  for (const link of core.memory.list(core.symbol('init_task') + offset)) yield link - offset;
}
