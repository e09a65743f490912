/** Kernel stacks of tasks and CPUs, by whatever this kernel's stacks are built of. */
import { formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { errors, MemoryFault, UserError } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { orcTables } from './orc.ts';
import { cpuPlaces, startOfCpu, startOfTask } from './stack-start.ts';
import type { CpuPlace } from './stack-start.ts';
import { cpuStacks, stackAt, taskStack } from './stack-range.ts';
import type { StackRange } from './stack-range.ts';
import { readTask, tasks } from '../processes/task.ts';
import type { Task } from '../processes/task.ts';
import { Arm64Unwinder } from './unwind-arm64.ts';
import { FrameUnwinder, hasFramePointers } from './unwind-frame-pointer.ts';
import { OrcUnwinder } from './unwind-orc.ts';
import { PowerpcUnwinder } from './unwind-powerpc.ts';
import { RiscvUnwinder } from './unwind-riscv.ts';
import { S390Unwinder } from './unwind-s390.ts';
import { ScanUnwinder } from './unwind-scan.ts';
import type { StackTrace, Unwinder, UnwindState } from './unwind.ts';
import { unwind } from './unwind.ts';

/** A stack with whose it is. */
export interface TaskTrace extends StackTrace {
  /** Undefined where a CPU's run queue cannot be read. */
  readonly task: Task | undefined;
  /** CPU that ran the task when the dump was taken; undefined for tasks that did not run. */
  readonly runningOn: number | undefined;
}

/** The task that a CPU ran; undefined where it cannot be read. */
export function taskOfCpu(kernel: Kernel, { current }: CpuPlace): Task | undefined {
  return current === undefined ? undefined : taskAt(kernel, current);
}

/** The stack of what a CPU ran. */
export function traceOfCpu(kernel: Kernel, place: CpuPlace): TaskTrace {
  const task = taskOfCpu(kernel, place);
  return { ...trace(kernel, task, place), task, runningOn: place.cpu };
}

/** The stack of one task, from its CPU's registers where it ran. */
export function traceOfTask(kernel: Kernel, task: Task): TaskTrace {
  const place = cpuPlaces(kernel).find(({ current }) => current === task.address);
  return { ...trace(kernel, task, place), task, runningOn: place?.cpu };
}

/** The idle tasks of the CPUs, which are on no list, and behind them all other tasks. */
export function everyTask(kernel: Kernel): readonly Task[] {
  const idle = cpuPlaces(kernel).flatMap((place) => (place.idle === undefined ? [] : [taskAt(kernel, place.idle)]));
  return [...idle.filter((task) => task !== undefined), ...tasks(kernel)];
}

function taskAt(kernel: Kernel, address: Address): Task | undefined {
  try {
    return readTask(kernel.structs('the running tasks').get('task_struct'), address);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`the task_struct at ${formatAddress(address)} cannot be read: ${error.reason}`);
    return undefined;
  }
}

function trace(kernel: Kernel, task: Task | undefined, place: CpuPlace | undefined): StackTrace {
  const running = place?.state === undefined ? undefined : startOfCpu(kernel, place.state);
  if (place !== undefined && running === undefined) {
    return { frames: [], problem: `it ran on CPU ${place.cpu}, of which the dump has no registers` };
  }
  if (running === undefined && task?.stack === 0n) return { frames: [], problem: 'it has exited, and its stack is freed' };
  let start: UnwindState | undefined;
  try {
    start = running ?? (task === undefined ? undefined : startOfTask(kernel, task.address));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { frames: [], problem: error instanceof MemoryFault ? `its saved registers cannot be read: ${error.reason}` : error.message };
  }
  if (start === undefined) {
    return { frames: [], problem: `Pagewalk does not know how ${kernel.machine.architecture} kernels save a sleeping task's registers` };
  }
  const ranges = [...(task === undefined || task.stack === 0n ? [] : [taskStack(kernel, task.stack)]), ...cpuStacks(kernel)];
  let unwinder: Unwinder;
  try {
    if (kernel.symbols.count === 0) throw errors.noSymbols('unwinding a stack');
    unwinder = unwinderOf(kernel, { ranges, task: task?.address });
  } catch (error) {
    // Symbols, or a type that unwinding needs, are missing: the innermost frame is all that is known.
    if (!(error instanceof UserError)) throw error;
    return { frames: [{ ...start, stack: stackAt(ranges, start.sp) }], problem: error.message };
  }
  return unwind(start, unwinder, ranges);
}

function unwinderOf(kernel: Kernel, on: { readonly ranges: readonly StackRange[]; readonly task: Address | undefined }): Unwinder {
  switch (kernel.machine.architecture) {
    case 'x86-64':
    case 'x86-32': {
      const tables = orcTables(kernel);
      if (tables !== undefined) return new OrcUnwinder(kernel, tables, on);
      return hasFramePointers(kernel) ? new FrameUnwinder(kernel, on) : new ScanUnwinder(kernel, on.ranges);
    }
    case 'arm64':
      return new Arm64Unwinder(kernel, on);
    case 'riscv64':
      return new RiscvUnwinder(kernel, on);
    case 's390x':
      return new S390Unwinder(kernel, on);
    case 'ppc64':
    case 'ppc64le':
      return new PowerpcUnwinder(kernel, on);
    default:
      return new ScanUnwinder(kernel, on.ranges);
  }
}
