/** Kernel stacks in the shape that scripts, views and the debug adapter's threads get. */
import { addToAddress, formatAddress } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { allSymbols } from '../kernel/modules/module.ts';
import { everyTask, taskOfCpu, traceOfCpu, traceOfTask } from '../kernel/stacks/stack.ts';
import type { TaskTrace } from '../kernel/stacks/stack.ts';
import { cpuPlaces } from '../kernel/stacks/stack-start.ts';
import { findTask } from '../kernel/processes/task.ts';
import type { StackFrame } from '../kernel/stacks/unwind.ts';
import type { CpuFacts, FrameFacts, StackFacts } from '../protocol/stacks.ts';

/** Whose stacks: what every CPU or one CPU ran, one task, or every task. */
export type StackChoice =
  | { readonly kind: 'cpus' }
  | { readonly kind: 'cpu'; readonly cpu: number }
  | { readonly kind: 'task'; readonly pid: number }
  | { readonly kind: 'all' };

/**
 * One entry a stack, innermost frame first; a stack that ends early says why. Throws `UserError` for a process or CPU that does
 * not exist.
 */
export function stackFacts(kernel: Kernel, choice: StackChoice): StackFacts[] {
  return traces(kernel, choice).map((trace) => factsOf(kernel, trace));
}

/** Every CPU that ran, with what it ran. */
export function cpuFacts(kernel: Kernel): CpuFacts[] {
  return cpuPlaces(kernel).map((place) => {
    const task = taskOfCpu(kernel, place);
    return { cpu: place.cpu, pid: task?.pid ?? null, comm: task?.comm ?? null, registers: place.state !== undefined };
  });
}

function traces(kernel: Kernel, choice: StackChoice): TaskTrace[] {
  switch (choice.kind) {
    case 'cpus':
      return cpuPlaces(kernel).map((place) => traceOfCpu(kernel, place));
    case 'cpu': {
      const places = cpuPlaces(kernel);
      const place = places.find(({ cpu }) => cpu === choice.cpu);
      if (place === undefined) {
        throw errors.badArgument(
          `CPU ${choice.cpu} did not run when the dump was taken; those that did: ${places.map(({ cpu }) => cpu).join(' ')}`,
        );
      }
      return [traceOfCpu(kernel, place)];
    }
    case 'task': {
      // PID 0 is the idle task of every CPU.
      const found = choice.pid === 0 ? everyTask(kernel).filter(({ pid }) => pid === 0) : [findTask(kernel, choice.pid)];
      return found.map((task) => {
        if (task === undefined) throw errors.unknownProcess(String(choice.pid));
        return traceOfTask(kernel, task);
      });
    }
    case 'all':
      return everyTask(kernel).map((task) => traceOfTask(kernel, task));
  }
}

function factsOf(kernel: Kernel, trace: TaskTrace): StackFacts {
  const { task, runningOn } = trace;
  return {
    pid: task?.pid ?? 0,
    comm: task?.comm ?? '',
    task: task === undefined ? null : formatAddress(task.address),
    cpu: runningOn ?? task?.cpu ?? null,
    running: runningOn !== undefined,
    frames: trace.frames.map((frame) => frameFacts(kernel, frame)),
    problem: trace.problem ?? null,
  };
}

function frameFacts(kernel: Kernel, frame: StackFrame): FrameFacts {
  // A call that never returns may be a function's last instruction: its return address is behind it, the call is inside.
  const inside = frame.exact ? frame.pc : addToAddress(frame.pc, -1);
  const hit = frame.user ? undefined : allSymbols(kernel).resolve(inside);
  return {
    pc: formatAddress(frame.pc),
    sp: formatAddress(frame.sp),
    symbol: hit?.symbol.name ?? null,
    offset: hit === undefined ? 0 : Number(frame.pc - hit.symbol.address),
    size: hit?.symbol.size ?? 0,
    module: hit?.symbol.module ?? null,
    certain: frame.certain,
    interrupted: frame.exact,
    user: frame.user,
    stack: frame.stack?.name ?? null,
    registers: Object.fromEntries([...frame.registers].map(([name, value]) => [name, formatAddress(value)])),
  };
}
