/**
 * A run of a scenario, stop by stop, forwards and back. Before each statement the state is kept: a number, the variables, and
 * a snapshot of the machine, which costs what the statement then changes. Inside an operation, going back is going to the
 * start of its statement and repeating all steps but the last: operations do the same each time.
 */
import type { CancellationToken } from '../base/cancellation.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import { partitionPoint } from '../base/partition-point.ts';
import { limits } from '../base/limits.ts';
import { Fault } from '../simulator/fault.ts';
import type { OperationValue, Step } from '../simulator/operation.ts';
import { CallFailure } from './evaluation.ts';
import type { EvaluationPlace, ScenarioWorld, Steps } from './evaluation.ts';
import type { Statement } from './generated/ast.ts';
import { execute } from './instructions.ts';
import { compile, surroundings } from './program.ts';
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
  /** Before a statement; `again`: before the next round of a `for`. */
  | { readonly kind: 'statement'; readonly node: Statement; readonly range: TextRange; readonly again: boolean }
  /** Before a step of an operation that the statement called. */
  | { readonly kind: 'step'; readonly node: Statement; readonly range: TextRange; readonly step: Step }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly range: TextRange }
  | { readonly kind: 'end'; readonly range: TextRange };

/** What was done to the machine from outside before the steps of a statement went on. */
interface Edit {
  /** Steps that the statement had taken. */
  readonly after: number;
  readonly apply: () => void;
}

/** A statement, or a change from outside before one. */
interface Kept {
  /** Stops before this one, in the whole run. */
  readonly time: number;
  readonly state: RunState;
  readonly machine: unknown;
  /** Whether the change came from outside, and not from the statement that is next. */
  readonly outside: boolean;
  /** Steps that the statement took; of the last one, that it has taken so far. */
  steps: number;
  edits: readonly Edit[];
}

const noEdits: readonly Edit[] = [];

/**
 * A run that stands at a statement, or inside an operation at one of its steps; all ways to go are generators that yield each
 * step before it is done.
 */
export class ScenarioRun {
  readonly #world: ScenarioWorld;
  readonly #program: Program;
  #state: RunState = firstState;
  #history: Kept[] = [];
  /** The statement under way; undefined before one. */
  #running: Steps<RunState> | undefined;
  #step: Step | undefined;
  #failure: Failure | undefined;
  #time = 0;

  constructor(scenario: Scenario, world: ScenarioWorld) {
    this.#world = world;
    this.#program = compile(scenario);
    this.#settle();
  }

  /** Where the run stands: before a statement, in an operation's step, at the end, or at a failure. */
  get stop(): Stop {
    if (this.#failure !== undefined) return { kind: 'failed', failure: this.#failure, range: this.#failure.range };
    const instruction = this.#program[this.#state.at];
    const node = instruction === undefined ? undefined : nodeOf(instruction);
    if (node === undefined) return { kind: 'end', range: wholeText };
    const range = headRange(node);
    return this.#step === undefined
      ? { kind: 'statement', node, range, again: instruction?.kind === 'next' }
      : { kind: 'step', node, range, step: this.#step };
  }

  /** Variables of all open blocks, by name. */
  get variables(): ReadonlyMap<string, OperationValue> {
    return this.#state.variables;
  }

  /** Where an expression would stand that came before the next statement. */
  get place(): EvaluationPlace {
    const { variables, snapshots, processes } = this.#state;
    return { ...this.#world, variables, snapshots, process: processes?.pid };
  }

  /** Whether the machine was changed from outside at this step: going back undoes that first. */
  get isEdited(): boolean {
    const kept = this.#history.at(-1);
    return this.#running !== undefined && kept?.edits.at(-1)?.after === kept?.steps;
  }

  /** Stops since the start: the same stop has the same number whenever the run comes to it. */
  get time(): number {
    return this.#time;
  }

  /** The time at which the statement under way began; the present where none is. */
  get statementTime(): number {
    return this.#running === undefined && this.#failure === undefined ? this.#time : (this.#history.at(-1)?.time ?? this.#time);
  }

  /** The first time to which one can go back. */
  get firstTime(): number {
    return this.#history[0]?.time ?? this.#time;
  }

  /** The time at which the statement, or change, before `time` began; undefined where none is kept. */
  statementTimeBefore(time: number): number | undefined {
    const index = this.#lastBefore(time);
    return index < 0 ? undefined : this.#history[index]?.time;
  }

  /** What was printed so far, an element a `print`. */
  get output(): readonly string[] {
    return this.outputFrom(0);
  }

  /** What was printed behind the first `count` elements; costs what it gives. */
  outputFrom(count: number): readonly string[] {
    return this.printedFrom(count).map(({ text }) => text);
  }

  /** As `outputFrom`, with the line of each `print`. */
  printedFrom(count: number): readonly { readonly text: string; readonly line: number }[] {
    const lines: { readonly text: string; readonly line: number }[] = [];
    for (let printed = this.#state.printed; printed !== undefined && printed.count > count; printed = printed.before) lines.push(printed);
    return lines.reverse();
  }

  /** Elements of `output`. */
  get printedCount(): number {
    return this.#state.printed?.count ?? 0;
  }

  /** The statements that the run came by, each by the snapshot of the machine before it, as far back as they are kept. */
  get statementsBySnapshot(): ReadonlyMap<unknown, Statement | undefined> {
    const nodeAt = ({ state, outside }: Kept): Statement | undefined => {
      const instruction = this.#program[state.at];
      return outside || instruction === undefined ? undefined : nodeOf(instruction);
    };
    return new Map(this.#history.map((kept) => [kept.machine, nodeAt(kept)]));
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
    this.#time++;
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

  /** Goes to the stop before this one, or undoes the last edit that was made at it; undefined at the first. */
  stepBack(): Stop | undefined {
    const kept = this.#history.at(-1);
    if (kept === undefined) return undefined;
    if (this.isEdited) return this.#repeat(kept, kept.steps, kept.edits.slice(0, -1));
    return this.goTo(this.#time - 1);
  }

  /** Goes to the start of this statement, or of the one before where this is a start; undefined at the first. */
  stepBackOver(): Stop | undefined {
    const time = this.#history.at(-1)?.time;
    return time === undefined ? undefined : this.goTo(time);
  }

  /** Goes back to the first stop that is kept. */
  rewind(): Stop {
    return this.goTo(this.firstTime) ?? this.stop;
  }

  /** Goes back to a time that lies before now; undefined where it is not kept. */
  goTo(time: number): Stop | undefined {
    const index = this.#lastBefore(time + 1);
    const kept = this.#history[index];
    if (kept === undefined || time >= this.#time) return undefined;
    this.#history.length = index + 1;
    return this.#repeat(kept, time - kept.time, kept.edits);
  }

  /**
   * Changes the machine from outside. Going back undoes it: of its own, or with the step before which it was made, which,
   * when it is repeated, sees what was changed.
   */
  edit(apply: () => void): void {
    const kept = this.#history.at(-1);
    if (this.#running !== undefined && kept !== undefined) kept.edits = [...kept.edits, { after: kept.steps, apply }];
    else this.#change(this.#state);
    apply();
    this.#world.engine.changed();
  }

  /** Gives a variable another value. Only before a statement, of which `false` tells. */
  setVariable(name: string, value: OperationValue): boolean {
    if (this.stop.kind === 'step' || !this.#state.variables.has(name)) return false;
    this.#change({ ...this.#state, variables: new Map(this.#state.variables).set(name, value) });
    return true;
  }

  /** Statements that can be next without what lies between: all that are not inside a loop or `as` which is not under way. */
  jumpTargets(): readonly Statement[] {
    const around = this.#around();
    return [...new Set(this.#program.flatMap((instruction) => nodeOf(instruction) ?? []))].filter((node) =>
      surroundings(node).every((outer, index) => outer === around[index]),
    );
  }

  /** Makes a statement the next one, without those between; what is under way is left. `false` for one that cannot be. */
  jump(target: Statement): boolean {
    if (!this.jumpTargets().includes(target)) return false;
    if (this.#running !== undefined) this.goTo(this.statementTime);
    const around = this.#around();
    let { loops, processes } = this.#state;
    for (const left of around.slice(surroundings(target).length)) {
      if (left.$type === 'For') loops = loops?.outer;
      else processes = processes?.outer;
    }
    const at = this.#program.findIndex((instruction) => nodeOf(instruction) === target);
    this.#change({ ...this.#state, at, loops, processes });
    return true;
  }

  /** Loops and `as` that are under way, outermost first. At the end none is. */
  #around(): readonly Statement[] {
    const instruction = this.#program[this.#state.at];
    const node = instruction === undefined ? undefined : nodeOf(instruction);
    if (node === undefined) return [];
    return instruction?.kind === 'next' ? [...surroundings(node), node] : surroundings(node);
  }

  /** A change from outside, as if it were a statement. */
  #change(to: RunState): void {
    this.#keep(true);
    this.#time++;
    this.#state = to;
    this.#failure = undefined;
  }

  #begin(): Steps<RunState> {
    const instruction = this.#program[this.#state.at];
    if (instruction === undefined) throw new RangeError('the run has ended');
    this.#keep(false);
    return execute(instruction, this.#state, this.#world);
  }

  #keep(outside: boolean): void {
    const { machine } = this.#world;
    if (this.#history.length >= limits.scenarioHistory) {
      this.#history = this.#history.slice(Math.ceil(limits.scenarioHistory / 4));
      const [first] = this.#history;
      // A snapshot of the scenario's own may be older than what is kept.
      if (first?.state.snapshots.size === 0) machine.forgetBefore?.(first.machine);
    }
    this.#history.push({ time: this.#time, state: this.#state, machine: machine.snapshot(), outside, steps: 0, edits: noEdits });
  }

  /** Index of the last of the history that began before `time`; -1 where none did. */
  #lastBefore(time: number): number {
    return partitionPoint(this.#history.length, (index) => (this.#history[index]?.time ?? 0) < time) - 1;
  }

  /** Restores what was kept last, and repeats steps of its statement with the edits that were made between them. */
  #repeat(kept: Kept, steps: number, edits: readonly Edit[]): Stop {
    this.#history.pop();
    this.#world.machine.restore(kept.machine);
    this.#state = kept.state;
    this.#time = kept.time;
    this.#running = undefined;
    this.#step = undefined;
    this.#failure = undefined;
    for (let count = 1; count <= steps; count++) {
      this.advance();
      for (const edit of edits) if (edit.after === count) this.#applyAgain(edit);
    }
    this.#world.engine.changed();
    return this.stop;
  }

  #applyAgain(edit: Edit): void {
    const kept = this.#history.at(-1);
    if (kept === undefined) return;
    edit.apply();
    kept.edits = [...kept.edits, edit];
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

/** Where a statement stands, without the blocks that it may have. */
export function headRange(node: Statement): TextRange {
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
