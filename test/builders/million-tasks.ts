/** A machine of very many tasks, of which each is made when its frame is first read: one in each 4 KiB, in a ring of list_heads. */
import { memoryImage } from './memory-image.ts';
import { PlainKernel } from './plain-kernel.ts';
import { SparseMemory } from './small-kernel.ts';
import { Session } from '../../debug-adapter/session/session.ts';

const base = 0xffff_8880_0000_0000n;
const frameBytes = 4096;
const members = { tasks: 0, pid: 16, tgid: 20, comm: 24, mm: 40, realParent: 48, stack: 56, state: 64, exitState: 68, flags: 72 };
const mmAt = 1024;

class TaskMemory extends SparseMemory {
  readonly #tasks: number;
  /** Frames of tasks that were asked for. */
  readonly read = new Set<number>();

  constructor(tasks: number) {
    super();
    this.#tasks = tasks;
  }

  /** Frame 0 holds the idle task; frame n the task with PID n. */
  override frame(frameNumber: number): Uint8Array | undefined {
    if (frameNumber > this.#tasks) return undefined;
    this.read.add(frameNumber);
    const bytes = new Uint8Array(frameBytes);
    const view = new DataView(bytes.buffer);
    const at = (frame: number): bigint => base + BigInt(frame * frameBytes);
    view.setBigUint64(members.tasks, at(frameNumber === this.#tasks ? 0 : frameNumber + 1), true);
    view.setBigUint64(members.tasks + 8, at(frameNumber === 0 ? this.#tasks : frameNumber - 1), true);
    view.setUint32(members.pid, frameNumber, true);
    view.setUint32(members.tgid, frameNumber, true);
    new TextEncoder().encodeInto(`task ${frameNumber}`, bytes.subarray(members.comm, members.comm + 15));
    view.setBigUint64(members.realParent, at(0), true);
    if (frameNumber > 0) view.setBigUint64(members.mm, at(frameNumber) + BigInt(mmAt), true);
    view.setBigUint64(mmAt, at(frameNumber), true);
    return bytes;
  }
}

export function manyTasks(tasks: number): { readonly session: Session; readonly read: ReadonlySet<number> } {
  const ram = new TaskMemory(tasks);
  const plain = new PlainKernel({ architecture: 'x86-64', base, ram })
    .struct('list_head', 16, { next: [0, 8], prev: [8, 8] })
    .struct('mm_struct', 64, { pgd: [0, 8], total_vm: [8, 8] })
    .struct('task_struct', 128, {
      tasks: [members.tasks, 'list_head'],
      pid: [members.pid, 4],
      tgid: [members.tgid, 4],
      comm: [members.comm, 1, 16],
      mm: [members.mm, 8],
      real_parent: [members.realParent, 8],
      stack: [members.stack, 8],
      __state: [members.state, 4],
      exit_state: [members.exitState, 4],
      flags: [members.flags, 4],
    })
    .symbol('init_task', base);
  const machine = { architecture: 'x86-64', littleEndian: true, pointerSize: 8 } as const;
  return { session: new Session(memoryImage('many tasks', machine, ram), plain.open()), read: ram.read };
}
