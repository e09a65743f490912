/**
 * A run of a scenario, stop by stop, forwards and back. Before each statement the state is kept: a number, the variables, and
 * a snapshot of the machine, which costs what the statement then changes. Inside an operation, going back is going to the
 * start of its statement and repeating all steps but the last: operations do the same each time.
 */
import type { CancellationToken } from '../base/cancellation.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import { Fault } from '../simulator/fault.ts';
import type { OperationValue, Step } from '../simulator/operation.ts';
import { CallFailure } from './evaluation.ts';
import type { ScenarioWorld, Steps } from './evaluation.ts';
import type { Statement } from './generated/ast.ts';
import { execute } from './instructions.ts';
import { compile } from './program.ts';
import type { Instruction, Program } from './program.ts';
import type { Scenario } from './generated/ast.ts';
import type { RunState } from './run-state.ts';
import { firstState } from './run-state.ts';
import { rangeOf, ScenarioError, wholeText } from './scenario-error.ts';
import type { ScenarioErrorKind, TextRange } from './scenario-error.ts';

/** Why a scenario stopped before its end. */
export interface Failure {
  readonly kind: ScenarioErrorKind | 'fault' | 'question';
  /** What the kernel said, or what is wrong; without the place. */
  readonly message: string;
  readonly range: TextRange;
  /** Of kind `fault`: what the machine stopped at. */
  readonly fault: Fault | undefined;
}

/** Where a run stands. */
export type Stop =
  /** Before a statement. */
  | { readonly kind: 'statement'; readonly node: Statement; readonly range: TextRange }
  /** Before a step of an operation that the statement called. */
  | { readonly kind: 'step'; readonly node: Statement; readonly range: TextRange; readonly step: Step }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly range: TextRange }
  | { readonly kind: 'end'; readonly range: TextRange };

/** Statements whose states are kept; the oldest are forgotten first. */
const longestHistory = 200_000;

interface Kept {
  readonly state: RunState;
  readonly machine: unknown;
  /** Steps that the statement took; of the last one, that it has taken so far. */
  steps: number;
}

export class ScenarioRun {
  readonly #world: ScenarioWorld;
  readonly #program: Program;
  #state: RunState = firstState;
  #history: Kept[] = [];
  /** The statement under way; undefined before one. */
  #running: Steps<RunState> | undefined;
  #step: Step | undefined;
  #failure: Failure | undefined;

  constructor(scenario: Scenario, world: ScenarioWorld) {
    this.#world = world;
    this.#program = compile(scenario);
    this.#settle();
  }

  get stop(): Stop {
    if (this.#failure !== undefined) return { kind: 'failed', failure: this.#failure, range: this.#failure.range };
    const instruction = this.#program[this.#state.at];
    const node = instruction === undefined ? undefined : nodeOf(instruction);
    if (node === undefined) return { kind: 'end', range: wholeText };
    const range = headRange(node);
    return this.#step === undefined ? { kind: 'statement', node, range } : { kind: 'step', node, range, step: this.#step };
  }

  get variables(): ReadonlyMap<string, OperationValue> {
    return this.#state.variables;
  }

  /** What was printed so far, an element a `print`. */
  get output(): readonly string[] {
    return this.outputFrom(0);
  }

  /** What was printed behind the first `count` elements; costs what it gives. */
  outputFrom(count: number): readonly string[] {
    const lines: string[] = [];
    for (let printed = this.#state.printed; printed !== undefined && printed.count > count; printed = printed.before)
      lines.push(printed.text);
    return lines.reverse();
  }

  /** Elements of `output`. */
  get printedCount(): number {
    return this.#state.printed?.count ?? 0;
  }

  /** Stops that can be gone back to. */
  get canStepBack(): boolean {
    return this.#history.length > 0;
  }

  /** Goes to the next stop: the next step of an operation, or the next statement. At the end, and once failed, it stays. */
  advance(): Stop {
    if (this.#failure !== undefined || this.#state.at >= this.#program.length) return this.stop;
    const running = this.#running ?? this.#begin();
    this.#running = running;
    try {
      const next = running.next();
      if (next.done !== true) {
        this.#step = next.value;
        const kept = this.#history.at(-1);
        if (kept !== undefined) kept.steps++;
        return this.stop;
      }
      this.#state = next.value;
      this.#settle();
    } catch (error) {
      this.#failure = failureOf(error, this.#program[this.#state.at]);
    }
    this.#running = undefined;
    this.#step = undefined;
    return this.stop;
  }

  /** Goes to the next statement, past the steps of this one. */
  stepOver(token?: CancellationToken): Stop {
    let count = 0;
    for (;;) {
      const stop = this.advance();
      if (stop.kind !== 'step') return stop;
      if ((++count & 0xff) === 0 && token !== undefined) throwIfCancelled(token);
    }
  }

  /**
   * Runs until it fails or ends. Throws `Cancelled`, between steps: the run can go on then. `mostStops` bounds statements and
   * steps together; beyond them the run fails with kind `limit`.
   */
  runToEnd(options: { readonly token?: CancellationToken | undefined; readonly mostStops?: number | undefined } = {}): Stop {
    const most = options.mostStops ?? Number.POSITIVE_INFINITY;
    for (let count = 0; ; count++) {
      if ((count & 0xff) === 0 && options.token !== undefined) throwIfCancelled(options.token);
      const stop = this.advance();
      if (stop.kind === 'failed' || stop.kind === 'end') return stop;
      if (count >= most) {
        this.#failure = { kind: 'limit', message: `the scenario did not end within ${most} steps`, range: stop.range, fault: undefined };
        return this.stop;
      }
    }
  }

  /** Goes to the stop before this one; undefined at the first. */
  stepBack(): Stop | undefined {
    const kept = this.#history.at(-1);
    if (kept === undefined) return undefined;
    const wasFailed = this.#failure !== undefined;
    // A statement that failed stopped last before the step that failed; one that is over, before its last step.
    const steps = wasFailed || this.#running === undefined ? kept.steps : kept.steps - 1;
    return this.#goTo(kept, steps);
  }

  /** Goes to the start of this statement, or of the one before where this is a start; undefined at the first. */
  stepBackOver(): Stop | undefined {
    const kept = this.#history.at(-1);
    return kept === undefined ? undefined : this.#goTo(kept, 0);
  }

  /** Goes back to the first stop that is kept. */
  rewind(): Stop {
    const kept = this.#history[0];
    if (kept === undefined) return this.stop;
    this.#history = [kept];
    return this.#goTo(kept, 0);
  }

  #begin(): Steps<RunState> {
    const instruction = this.#program[this.#state.at];
    if (instruction === undefined) throw new RangeError('the run has ended');
    if (this.#history.length >= longestHistory) this.#history = this.#history.slice(longestHistory / 4);
    this.#history.push({ state: this.#state, machine: this.#world.machine.snapshot(), steps: 0 });
    return execute(instruction, this.#state, this.#world);
  }

  /** Restores what was kept and repeats steps of its statement. */
  #goTo(kept: Kept, steps: number): Stop {
    this.#history.pop();
    this.#world.machine.restore(kept.machine);
    this.#world.engine.changed();
    this.#state = kept.state;
    this.#running = undefined;
    this.#step = undefined;
    this.#failure = undefined;
    for (let count = 0; count < steps; count++) this.advance();
    return this.stop;
  }

  /** Carries out what nobody stops at. */
  #settle(): void {
    for (;;) {
      const instruction = this.#program[this.#state.at];
      if (instruction?.kind === 'jump') this.#state = { ...this.#state, at: instruction.to };
      else if (instruction?.kind === 'end-as')
        this.#state = { ...this.#state, at: this.#state.at + 1, processes: this.#state.processes?.outer };
      else return;
    }
  }
}

function nodeOf(instruction: Instruction): Statement | undefined {
  return instruction.kind === 'jump' || instruction.kind === 'end-as' ? undefined : instruction.node;
}

/** A statement without the blocks that it may have. */
function headRange(node: Statement): TextRange {
  const range = rangeOf(node);
  const body = node.$type === 'If' ? node.then : 'body' in node ? node.body : undefined;
  return body === undefined ? range : { start: range.start, end: rangeOf(body).start };
}

function failureOf(error: unknown, instruction: Instruction | undefined): Failure {
  if (error instanceof ScenarioError) return { kind: error.kind, message: error.message, range: error.range, fault: undefined };
  if (error instanceof CallFailure) {
    const { cause, place } = error;
    const isFault = cause instanceof Fault;
    return { kind: isFault ? 'fault' : 'question', message: cause.message, range: rangeOf(place), fault: isFault ? cause : undefined };
  }
  if (error instanceof Fault) {
    const node = instruction === undefined ? undefined : nodeOf(instruction);
    return { kind: 'fault', message: error.message, range: node === undefined ? wholeText : rangeOf(node), fault: error };
  }
  throw error;
}
