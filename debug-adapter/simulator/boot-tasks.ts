/** init_mm, the idle tasks, and the first two kernel threads (init/init_task.c, init/main.c). */
import type { Core } from './core.ts';
import { addTask } from './task.ts';

/** Fills in init_mm, an idle task for each CPU, init (PID 1) and kthreadd (PID 2), and the list that links them. */
export function bootTasks(core: Core): void {
  const { memory, types, configuration } = core;
  const initMm = core.symbol('init_mm');
  const mm = (path: string): number => initMm + types.offset('mm_struct', path);
  memory.setPointer(mm('pgd'), core.root);
  memory.setU32(mm('mm_users'), 2);
  memory.setU32(mm('mm_count'), 1);
  memory.listInit(mm('mmlist'));
  for (let cpu = 0; cpu < configuration.cpus; cpu++) {
    const at = cpu === 0 ? core.symbol('init_task') : core.caches.task_struct.take();
    const task = addTask(core, { at, pid: 0, comm: `swapper/${cpu}`, mm: 0, parent: core.symbol('init_task'), cpu });
    memory.setPointer(core.perCpu('idle_threads', cpu), task);
    memory.setPointer(core.perCpu('runqueues', cpu) + types.offset('rq', 'curr'), task);
    memory.setPointer(core.perCpu('runqueues', cpu) + types.offset('rq', 'idle'), task);
    if (core.platform.architecture !== 'arm64')
      memory.setPointer(core.perCpu('cpu_tlbstate', cpu) + types.offset('tlb_state', 'loaded_mm'), initMm);
  }
  const kernelThread = 0x0020_0000;
  const parent = core.symbol('init_task');
  addTask(core, { at: core.caches.task_struct.take(), pid: 1, comm: 'init', mm: 0, parent, cpu: 0, flags: kernelThread });
  addTask(core, { at: core.caches.task_struct.take(), pid: 2, comm: 'kthreadd', mm: 0, parent, cpu: 0, flags: kernelThread });
  memory.setU32(core.symbol('simulated_pid'), 3);
}
