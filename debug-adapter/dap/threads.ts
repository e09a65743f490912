/**
 * The threads of a session: CPUs first, then tasks. A thread's stack is unwound when it is first asked for. Ids are the
 * numbers that a client keeps: threads of CPUs count from 1, those of tasks are told by their PID; a thread's innermost frame
 * has the thread's id.
 */
import { limits } from '../base/limits.ts';
import { BoundedCache } from '../base/bounded-cache.ts';
import { errors, UserError } from '../base/errors.ts';
import type { FrameFacts, StackFacts } from '../protocol/stacks.ts';
import type { SessionFace } from '../session/session-face.ts';
import { stackChange } from '../session/stack-text.ts';
import type { StackChoice } from '../session/stack-facts.ts';
import type { Adapter } from './adapter.ts';

/** What a client is told as a thread: a CPU, or a task that ran on none. */
export interface KernelThread {
  readonly id: number;
  readonly name: string;
  /** Number of the CPU, for threads that are CPUs. */
  readonly cpu: number | undefined;
  readonly pid: number | undefined;
  readonly choice: StackChoice;
}

/** What a client shows as one frame: a frame, or words between frames (a change of stacks, why the stack ends early). */
export type StackRow = { readonly frame: FrameFacts; readonly label?: undefined } | { readonly label: string; readonly frame?: undefined };

/** Tasks' threads lie above those of CPUs, and frames that are not innermost above both (PIDs are below 2^22). */
const firstTask = 1_000_000;
const firstFrame = 8_000_000;

const keptStacks = 256;

const known = new WeakMap<SessionFace, Threads>();

/** The threads of the opened image. */
export function threadsOf({ session }: Adapter): Threads {
  let threads = known.get(session);
  if (threads === undefined) {
    threads = new Threads(session);
    known.set(session, threads);
  }
  return threads;
}

/** Thread and frame ids stay the same for as long as the session is open. */
export class Threads {
  readonly #session: SessionFace;
  readonly #stacks = new BoundedCache<number, StackFacts>(keptStacks);
  readonly #frames: { readonly thread: KernelThread; readonly row: number }[] = [];
  readonly #frameIds = new Map<string, number>();
  #all: ReadonlyMap<number, KernelThread> | undefined;
  #areCut = false;

  constructor(session: SessionFace) {
    this.#session = session;
  }

  /** CPUs first, then tasks, as many as have room. */
  all(): readonly KernelThread[] {
    return [...this.#table().values()];
  }

  /** Whether tasks have no thread, because they are too many. */
  get areCut(): boolean {
    this.#table();
    return this.#areCut;
  }

  /** Throws `UserError` for an id that no thread has. */
  thread(id: number): KernelThread {
    const found = this.#table().get(id);
    if (found === undefined) throw errors.badArgument(`thread ${id} does not exist; ask for the threads first`);
    return found;
  }

  /** Undefined where the dump has no registers of that CPU. */
  ofCpu(cpu: number): KernelThread | undefined {
    return this.all().find((thread) => thread.cpu === cpu);
  }

  /** Unwound at the first question. Throws `UserError` where there is none. */
  stack(thread: KernelThread): StackFacts {
    let stack = this.#stacks.get(thread.id);
    if (stack === undefined) {
      [stack] = this.#session.stacks(thread.choice);
      if (stack === undefined) throw errors.badArgument(`thread ${thread.id} has no stack`);
      this.#stacks.set(thread.id, stack);
    }
    return stack;
  }

  /** Frames, with a label where the stack changes or the trace ends early. */
  rows(thread: KernelThread): readonly StackRow[] {
    const { frames, problem } = this.stack(thread);
    const rows = frames.flatMap((frame, index): StackRow[] => {
      const change = stackChange(frames, index);
      return [...(change === undefined || index === 0 ? [] : [{ label: change }]), { frame }];
    });
    return problem === null ? rows : [...rows, { label: problem }];
  }

  /** Stays the same for as long as the session is open. */
  frameId(thread: KernelThread, row: number): number {
    if (row === 0) return thread.id;
    const key = `${thread.id} ${row}`;
    let id = this.#frameIds.get(key);
    if (id === undefined) {
      id = firstFrame + this.#frames.push({ thread, row });
      this.#frameIds.set(key, id);
    }
    return id;
  }

  /** The thread and the frame behind a frame's id; the frame is undefined where the stack shows none at that place. */
  frame(id: number): { readonly thread: KernelThread; readonly frame: FrameFacts | undefined } {
    const place = id > firstFrame ? this.#frames[id - firstFrame - 1] : undefined;
    if (place === undefined && !this.#table().has(id)) {
      throw errors.badArgument(`thread or frame ${id} does not exist; ask for the threads first`);
    }
    const { thread, row } = place ?? { thread: this.thread(id), row: 0 };
    return { thread, frame: this.rows(thread)[row]?.frame };
  }

  #table(): ReadonlyMap<number, KernelThread> {
    if (this.#all !== undefined) return this.#all;
    const threads: KernelThread[] = this.#session.cpuFacts().map(({ cpu, pid, comm, registers }, index) => ({
      id: index + 1,
      name: pid === null && !registers ? 'image (no CPU state in the dump)' : `CPU ${cpu}${pid === null ? '' : `: ${comm ?? ''} (${pid})`}`,
      cpu,
      pid: pid ?? undefined,
      choice: { kind: 'cpu', cpu },
    }));
    const tasks = this.#tasks();
    this.#areCut = tasks.length > limits.taskThreads;
    for (const { pid, comm } of tasks.slice(0, limits.taskThreads)) {
      threads.push({ id: firstTask + pid, name: `${comm} (${pid})`, cpu: undefined, pid, choice: { kind: 'task', pid } });
    }
    this.#all = new Map(threads.map((thread) => [thread.id, thread]));
    return this.#all;
  }

  #tasks(): readonly { readonly pid: number; readonly comm: string }[] {
    try {
      return this.#session.firstTasks(limits.taskThreads + 1).filter(({ pid }) => pid > 0 && pid < firstFrame - firstTask);
    } catch (error) {
      // Without types or symbols there are the CPUs alone.
      if (error instanceof UserError) return [];
      throw error;
    }
  }
}
