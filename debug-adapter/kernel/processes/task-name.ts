/** What /proc/PID/comm calls a task: kernel threads by their whole name, workers with what they last did (fs/proc/array.c: proc_task_name). */
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from './task.ts';
import type { Structs } from '../structs.ts';

/** include/linux/sched.h. */
const pfWorker = 0x20;
const pfKernelThread = 0x20_0000;
/** Longest name that fits: TASK_COMM_LEN and its like in kernel/workqueue.c and kernel/kthread.c. */
const nameBytes = 63;

/** task_struct.comm where no more is known. */
export function taskName(kernel: Kernel, task: Task): string {
  if ((task.flags & (pfKernelThread | pfWorker)) === 0) return task.comm;
  const structs = kernel.structs('naming a kernel thread');
  try {
    const thread = threadOf(structs, task);
    if (thread === undefined) return task.comm;
    const worker = (task.flags & pfWorker) === 0 ? undefined : workerName(structs, thread, task.comm);
    return (worker ?? fullName(structs, thread) ?? task.comm).slice(0, nameBytes);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return task.comm;
  }
}

/** Its struct kthread; before 5.17 its address was kept as set_child_tid. */
function threadOf(structs: Structs, task: Task): Address | undefined {
  const shape = structs.get('task_struct');
  if (structs.find('kthread') === undefined) return undefined;
  const place = ['worker_private', 'set_child_tid'].find((path) => shape.has(path));
  const thread = place === undefined ? 0n : shape.pointer(task.address, place);
  return thread === 0n ? undefined : toAddress(thread);
}

function fullName(structs: Structs, thread: Address): string | undefined {
  const shape = structs.get('kthread');
  const name = shape.has('full_name') ? shape.pointer(thread, 'full_name') : 0n;
  return name === 0n ? undefined : structs.memory.cString(toAddress(name), nameBytes);
}

/** wq_worker_comm() of kernel/workqueue.c. */
function workerName(structs: Structs, thread: Address, comm: string): string | undefined {
  const worker = structs.find('worker');
  const pools = structs.find('worker_pool');
  if (worker?.has('pool') !== true || pools === undefined) return undefined;
  const at = structs.get('kthread').pointer(thread, 'data');
  if (at === 0n) return undefined;
  const pool = worker.pointer(at, 'pool');
  if (pool === 0n) return undefined;
  const base = workerBase(structs, at, pool, comm);
  const done = worker.has('desc') ? worker.text(at, 'desc') : '';
  if (done === '') return base;
  return `${base}${worker.pointer(at, 'current_work') === 0n ? '-' : '+'}${done}`;
}

/** format_worker_id() of kernel/workqueue.c. */
function workerBase(structs: Structs, at: Address, pool: Address, comm: string): string {
  const worker = structs.get('worker');
  const pools = structs.get('worker_pool');
  const queue = worker.has('rescue_wq') ? worker.pointer(at, 'rescue_wq') : 0n;
  // Workers that rescue were named after their queue alone before 6.9.
  if (queue !== 0n)
    return comm.startsWith('kworker/R-') ? `kworker/R-${structs.get('workqueue_struct').text(toAddress(queue), 'name')}` : comm;
  const cpu = pools.number(pool, 'cpu');
  const id = worker.number(at, 'id');
  if (cpu < 0) return `kworker/u${pools.number(pool, 'id')}:${id}`;
  const nice = structs.get('workqueue_attrs').number(pools.pointer(pool, 'attrs'), 'nice');
  return `kworker/${cpu}:${id}${nice < 0 ? 'H' : ''}`;
}
