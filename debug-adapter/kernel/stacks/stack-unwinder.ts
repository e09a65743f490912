/** What all unwinders that know how a stack is built have in common. */
import type { Kernel } from '../kernel.ts';
import type { StackRange } from './stack-range.ts';
import type { TracedTask } from './unwind-ftrace.ts';
import { guessCallers } from './unwind-scan.ts';
import type { Unwinder, UnwindState, UnwindStep } from './unwind.ts';

/** The stacks that a trace may lie on, and whose it is. */
export interface TracedStacks {
  readonly ranges: readonly StackRange[];
  readonly task: TracedTask;
}

/** Where a step does not know the caller, the words above are looked through for return addresses. */
export abstract class StackUnwinder implements Unwinder {
  protected readonly kernel: Kernel;
  protected readonly ranges: readonly StackRange[];
  protected readonly task: TracedTask;

  constructor(kernel: Kernel, on: TracedStacks) {
    this.kernel = kernel;
    this.ranges = on.ranges;
    this.task = on.task;
  }

  abstract step(state: UnwindState): UnwindStep;

  guess(state: UnwindState): readonly UnwindState[] {
    return guessCallers(this.kernel, state.sp, this.ranges);
  }
}
