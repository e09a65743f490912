/** The task that a CPU was running: rq->curr of its run queue (kernel/sched/sched.h), which every architecture keeps. */
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { perCpuAddress, possibleCpus } from '../per-cpu.ts';

/** PID and name; undefined when the run queue cannot be found or read. PID 0 is the CPU's idle task. */
export function currentTask(kernel: Kernel, cpu: number): { readonly pid: number; readonly comm: string } | undefined {
  if (kernel.types === undefined || !possibleCpus(kernel).includes(cpu)) return undefined;
  const queues = kernel.addressOf('runqueues');
  const structs = kernel.structs('the running task');
  const queue = structs.find('rq');
  const task = structs.find('task_struct');
  if (queues === undefined || queue?.has('curr') !== true || task === undefined) return undefined;
  try {
    const current = queue.pointer(perCpuAddress(kernel, queues, cpu), 'curr');
    return { pid: task.number(current, 'pid'), comm: task.text(current, 'comm') };
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`the task that CPU ${cpu} ran cannot be read: ${error.reason}`);
    return undefined;
  }
}
