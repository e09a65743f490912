/** Tasks (include/linux/sched.h): every process and thread, with its stack and address space. */
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { initTask } from './init-task.ts';
import type { Kernel } from '../kernel.ts';
import { LazyList } from '../containers/lazy-list.ts';
import { walkList } from '../containers/list.ts';
import type { StructShape } from '../structs.ts';

const purpose = 'listing the tasks';

/** A task_struct: what every list of tasks shows; `address` is that of the structure. */
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
  /** PF_*. */
  readonly flags: number;
  /** The letter that /proc/PID/stat shows: R, S, D, T, t, X, Z, P or I. */
  readonly state: string;
  /** The task that started it, or inherited it: task_struct.real_parent. */
  readonly parent: Address;
}

/** All tasks but the idle ones, each process followed by its other threads; read once. */
export function tasks(kernel: Kernel): readonly Task[] {
  return kernel.once(taskList).first();
}

/** The first `count` of them, or all where there are fewer; those behind are not read. Throws as `tasks` does. */
export function firstTasks(kernel: Kernel, count: number): readonly Task[] {
  return kernel.once(taskList).first(count);
}

/** `count` of them behind the first `start`; those behind are not read. Throws as `tasks` does. */
export function tasksOf(kernel: Kernel, start: number, count: number): readonly Task[] {
  return kernel.once(taskList).part(start, count);
}

/** One of them by its place in the list; undefined behind the last. Throws as `tasks` does. */
export function taskAt(kernel: Kernel, index: number): Task | undefined {
  return kernel.once(taskList).at(index);
}

/** The task with this pid (task_struct.pid: a thread's own), undefined where no list has it. Throws as `tasks` does. */
export function findTask(kernel: Kernel, pid: number): Task | undefined {
  return kernel.once(taskList).find((task) => task.pid === pid);
}

/** Symbols and types are looked for at once, so that a list that cannot be read throws whenever it is asked for. */
function taskList(kernel: Kernel): LazyList<Task> {
  const structs = kernel.structs(purpose);
  const shape = structs.get('task_struct');
  const init = initTask(kernel) ?? kernel.needAddressOf('init_task', purpose);
  const head = shape.address(init, 'tasks');
  const signal = structs.find('signal_struct');
  return new LazyList(readTasks(kernel, { shape, signal, head }));
}

interface TaskShapes {
  readonly shape: StructShape;
  readonly signal: StructShape | undefined;
  /** Of the list of processes. */
  readonly head: Address;
}

function* readTasks(kernel: Kernel, { shape, signal, head }: TaskShapes): Generator<Task, undefined> {
  const problem = (message: string): void => {
    kernel.warn(`tasks: ${message}; tasks behind it are missing`);
  };
  const byThreadNode = shape.has('thread_node') && signal?.has('thread_head') === true;
  for (const leader of readLeaders(kernel, { shape, head }, problem)) {
    yield* readOne(kernel, shape, leader);
    let others: Iterable<Address> = [];
    try {
      if (byThreadNode) {
        const threads = signal.address(shape.pointer(leader, 'signal'), 'thread_head');
        others = walkList(kernel.memory, threads, shape.offset('thread_node'), problem);
      } else if (shape.has('thread_group')) {
        others = walkList(kernel.memory, shape.address(leader, 'thread_group'), shape.offset('thread_group'), problem);
      }
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      problem(error.message);
    }
    for (const thread of others) if (thread !== leader) yield* readOne(kernel, shape, thread);
  }
  return undefined;
}

/** The processes, and behind the place where their list is broken those that its links back lead to. */
function* readLeaders(
  kernel: Kernel,
  { shape, head }: { readonly shape: StructShape; readonly head: Address },
  problem: (message: string) => void,
): Generator<Address> {
  const leaders = new Set<Address>();
  let broken = false;
  const ended = (message: string): void => {
    broken = true;
    problem(message);
  };
  for (const leader of walkList(kernel.memory, head, shape.offset('tasks'), ended)) {
    leaders.add(leader);
    yield leader;
  }
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- set by the walk above, which a reader of the code cannot see
  if (broken) yield* backwards(kernel, head, shape.offset('tasks'), leaders);
}

/** Of a list that is broken, what its links back lead to from its end, in list order, up to where it is broken or known. */
function backwards(kernel: Kernel, head: Address, memberOffset: number, known: ReadonlySet<Address>): Address[] {
  const { memory } = kernel;
  const found = new Set<Address>();
  try {
    for (let node = head; found.size < limits.listNodes;) {
      node = memory.pointer(addToAddress(node, memory.pointerSize));
      const object = addToAddress(node, -memberOffset);
      if (node === 0n || node === head || known.has(object) || found.has(object)) break;
      // The next link is read first: an object of which nothing is there is none.
      memory.pointer(node);
      found.add(object);
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
  }
  return [...found].reverse();
}

/** The task at an address, or nothing where it cannot be read. */
function* readOne(kernel: Kernel, shape: StructShape, address: Address): Generator<Task> {
  let task: Task;
  try {
    task = readTask(shape, address);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`the task_struct at ${formatAddress(address)} cannot be read: ${error.reason}`);
    return;
  }
  yield task;
}

/** Reads one task_struct. Throws `MemoryFault`. */
export function readTask(shape: StructShape, address: Address): Task {
  const mm = shape.pointer(address, 'mm');
  const cpuMember = ['thread_info.cpu', 'cpu'].find((path) => shape.has(path));
  const number = (path: string): number => (shape.has(path) ? shape.number(address, path) : 0);
  return {
    address,
    pid: shape.number(address, 'pid'),
    tgid: shape.number(address, 'tgid'),
    comm: shape.text(address, 'comm'),
    mm: mm === 0n ? undefined : mm,
    stack: shape.pointer(address, 'stack'),
    cpu: cpuMember === undefined ? undefined : shape.number(address, cpuMember),
    flags: number('flags') >>> 0,
    state: stateLetter(number(shape.has('__state') ? '__state' : 'state'), number('exit_state')),
    parent: shape.has('real_parent') ? shape.pointer(address, 'real_parent') : address,
  };
}

/** TASK_UNINTERRUPTIBLE | TASK_NOLOAD: asleep without counting as load. */
const taskIdle = 0x402;
/** TASK_RTLOCK_WAIT and TASK_FROZEN show as uninterruptible. */
const shownAsSleep = 0x1000 | 0x8000;
const taskReport = 0x7f;

/** task_state_index() of include/linux/sched.h and the letters of fs/proc/array.c. */
function stateLetter(state: number, exitState: number): string {
  let shown = (state | exitState) & taskReport;
  if ((state & taskIdle) === taskIdle) shown = 0x80;
  else if ((state & shownAsSleep) !== 0) shown = 2;
  return 'RSDTtXZPI'.charAt(shown === 0 ? 0 : 32 - Math.clz32(shown));
}
