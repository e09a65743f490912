/** Steps of a scenario's operations as a debugger sees them: the operation itself is the outermost frame, and a step of its own. */
import type { Call } from '../simulator/core.ts';
import type { Machine } from '../simulator/machine.ts';
import type { Arguments, OperationValue, Step } from '../simulator/operation.ts';
import { Fault } from '../simulator/fault.ts';

/** An operation that is under way, with the arguments that the scenario gave it. */
interface OpenOperation {
  readonly name: string;
  readonly variables: Arguments;
}

/** Presents an operation's step to the run, with the calls that are open as frames. */
export class OperationStep implements Step {
  readonly #operation: OpenOperation;
  readonly #step: Step | undefined;
  readonly #calls: readonly Call[];

  /** Without a step of the operation's own: the call of the operation. */
  constructor(operation: OpenOperation, calls: readonly Call[], step?: Step) {
    this.#operation = operation;
    this.#calls = calls;
    this.#step = step;
  }

  get what(): string {
    return this.#step?.what ?? `call ${this.#operation.name}`;
  }

  get depth(): number {
    return this.#step === undefined ? 0 : this.#calls.length - (this.#isOutermost ? 1 : 0);
  }

  get frames(): Step['frames'] {
    const inner = this.#step?.frames ?? [];
    return this.#step !== undefined && this.#isOutermost ? inner : [this.#operation, ...inner];
  }

  /** The calls behind the frames, outermost first: each is the same object for as long as the call is open. */
  get calls(): readonly { readonly name: string }[] {
    if (this.#step === undefined) return [this.#operation];
    return [this.#operation, ...(this.#isOutermost ? this.#calls.slice(1) : this.#calls)];
  }

  /** Most operations begin with a call of the kernel function that they are named after. */
  get #isOutermost(): boolean {
    return this.#calls[0]?.name === this.#operation.name;
  }
}

/** Begins an operation. Throws `Fault` where the machine does not have it. */
export function* operationSteps(machine: Machine, name: string, given: Arguments): Generator<Step, OperationValue> {
  const operation = machine.operations.get(name);
  if (operation === undefined) throw new Fault('argument', `the machine has no ${name}`);
  const open = { name, variables: given };
  const { calls } = machine.core;
  yield new OperationStep(open, calls);
  const steps = operation.run(machine, given);
  for (;;) {
    const next = steps.next();
    if (next.done === true) return next.value;
    yield new OperationStep(open, calls, next.value);
  }
}
