/** Tasks (include/linux/sched.h): every process and thread, with its stack and address space. */
import { formatAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import type { Kernel } from './kernel.ts';
import { walkList } from './list.ts';
import type { StructShape } from './structs.ts';

const purpose = 'listing the tasks';

export interface Task {
  readonly address: Address;
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
  /** Of the mm_struct; undefined for kernel threads. */
  readonly mm: Address | undefined;
  /** Lowest address of the kernel stack. */
  readonly stack: Address;
  /** CPU on which it runs or last ran; undefined where the kernel does not record it. */
  readonly cpu: number | undefined;
}

/** All tasks but the idle ones, each process followed by its other threads; read once. */
export function tasks(kernel: Kernel): readonly Task[] {
  return kernel.once(readTasks);
}

export function findTask(kernel: Kernel, pid: number): Task | undefined {
  return tasks(kernel).find((task) => task.pid === pid);
}

function readTasks(kernel: Kernel): Task[] {
  const structs = kernel.structs(purpose);
  const shape = structs.get('task_struct');
  const init = kernel.needAddressOf('init_task', purpose);
  const found: Task[] = [];
  const problem = (message: string): void => {
    kernel.warn(`tasks: ${message}; tasks behind it are missing`);
  };
  const signal = structs.find('signal_struct');
  const byThreadNode = shape.has('thread_node') && signal?.has('thread_head') === true;
  for (const leader of walkList(kernel.memory, shape.address(init, 'tasks'), shape.offset('tasks'), problem)) {
    push(kernel, found, shape, leader);
    let others: Iterable<Address> = [];
    try {
      if (byThreadNode) {
        const head = signal.address(shape.pointer(leader, 'signal'), 'thread_head');
        others = walkList(kernel.memory, head, shape.offset('thread_node'), problem);
      } else if (shape.has('thread_group')) {
        others = walkList(kernel.memory, shape.address(leader, 'thread_group'), shape.offset('thread_group'), problem);
      }
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      problem(error.message);
    }
    for (const thread of others) if (thread !== leader) push(kernel, found, shape, thread);
  }
  return found;
}

function push(kernel: Kernel, found: Task[], shape: StructShape, address: Address): void {
  try {
    found.push(readTask(shape, address));
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`the task_struct at ${formatAddress(address)} cannot be read: ${error.reason}`);
  }
}

function readTask(shape: StructShape, address: Address): Task {
  const mm = shape.pointer(address, 'mm');
  const cpuMember = ['thread_info.cpu', 'cpu'].find((path) => shape.has(path));
  return {
    address,
    pid: shape.number(address, 'pid'),
    tgid: shape.number(address, 'tgid'),
    comm: shape.text(address, 'comm'),
    mm: mm === 0n ? undefined : mm,
    stack: shape.pointer(address, 'stack'),
    cpu: cpuMember === undefined ? undefined : shape.number(address, cpuMember),
  };
}
