/**
 * A scenario under a debugger: runs, stops, goes back, and tells where it stands. Long ways are generators, which yield now
 * and then: whoever drives them may do other things in between, or ask for a pause.
 */
import { limits } from '../base/limits.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { errors, UserError } from '../base/errors.ts';
import type { Image } from '../image/image.ts';
import { messageOf } from '../protocol/error-message.ts';
import type { Statement } from '../scenario/generated/ast.ts';
import type { ParsedScenario } from '../scenario/parse-scenario.ts';
import { contentsOf } from '../scenario/program.ts';
import { evaluateFully, evaluateQuestion, parseExpression } from '../scenario/expression-text.ts';
import { headRange } from '../scenario/scenario-run.ts';
import type { Failure, ScenarioRun, Stop } from '../scenario/scenario-run.ts';
import { rangeOf } from '../scenario/scenario-error.ts';
import type { TextRange } from '../scenario/scenario-error.ts';
import type { OperationValue } from '../simulator/operation.ts';
import type { RamPlace } from '../simulator/ram.ts';
import { scenarioCatalogue, startScenario } from './scenario.ts';
import type { StartedScenario } from './scenario.ts';
import { Breakpoints, placeInFrame, Trigger } from './scenario-breakpoints.ts';
import type { BreakpointWishes, PlacedBreakpoint } from './scenario-breakpoints.ts';
import { callsOf, framesOf, labelOf } from './scenario-frames.ts';
import { haltOfHits, stepHalt } from './scenario-hits.ts';
import type { Hits } from './scenario-hits.ts';
import { Moments } from './scenario-moments.ts';
import { exceptionFacts, exceptionFilters, viewOf } from './scenario-stop.ts';
import type { ExceptionFacts, Halt, ScenarioFrame, ValueView } from './scenario-stop.ts';
import type { WatchWish } from './scenario-watch.ts';
import { tooManyWatches, Watches } from './scenario-watches.ts';
import type { ClientWatch } from './scenario-watches.ts';

/** How far a step goes: past calls, into one, out of one, or to the very next event. */
export type Step = 'over' | 'in' | 'out' | 'one';

/** Yields while it is under way. */
export type Way = Generator<undefined, Halt | undefined>;

/** Stops between two yields. */
const slice = 64;

/** Where the run stands, how it goes on and back, and what it printed. Failures of the scenario are stops, not errors. */
export class ScenarioDebugger {
  readonly breakpoints: Breakpoints;
  readonly watches: Watches;
  readonly moments: Moments;
  readonly #started: StartedScenario;
  readonly #statements: readonly Statement[];
  readonly #names: readonly string[];
  #filters: ReadonlySet<string> = new Set(exceptionFilters.map(({ filter }) => filter));
  /** `after`: how much was printed before it. */
  #logged: { readonly text: string; readonly line: number; readonly after: number }[] = [];
  #told = 0;
  #version = 0;
  /** Where the run failed, innermost first, by the time of the failure. */
  #failed: { readonly time: number; readonly frames: readonly ScenarioFrame[] } | undefined;
  #calls: readonly unknown[] = [];

  /** `statements`: all of the scenario's; `names`: its variables. */
  constructor(started: StartedScenario, of: { readonly statements: readonly Statement[]; readonly names: readonly string[] }) {
    this.#started = started;
    this.#statements = of.statements;
    this.#names = of.names;
    this.breakpoints = new Breakpoints(of.statements, of.names, scenarioCatalogue);
    const { machine, engine, run } = started;
    this.watches = new Watches(machine.memory, () => {
      engine.changed();
      return engine.session;
    });
    this.moments = new Moments(machine, () => run.place.snapshots);
  }

  get #run(): ScenarioRun {
    return this.#started.run;
  }

  /** Where the run stands. */
  get stop(): Stop {
    return this.#run.stop;
  }

  /** The machine as a dump would show it now. Open it anew when `version` has changed. */
  get image(): Image {
    return this.#started.machine.image;
  }

  /** Rises whenever the machine may have changed. */
  get version(): number {
    return this.#version;
  }

  /** Whether the run can go on. */
  get isOver(): boolean {
    const { kind } = this.stop;
    return kind === 'end' || kind === 'failed';
  }

  /** False where nothing has run yet. */
  get canGoBack(): boolean {
    return this.#run.canStepBack;
  }

  /** PID of the `as` around the statement. */
  get process(): bigint | undefined {
    return this.#run.place.process;
  }

  /** What was printed and logged since it was asked last, with lines counted from 0. What is printed again is told again. */
  takeOutput(): readonly { readonly text: string; readonly line: number }[] {
    const { printedCount } = this.#run;
    const from = Math.min(this.#told, printedCount);
    const printed = this.#run.printedFrom(from).map((one, index) => ({ ...one, after: from + index }));
    this.#told = printedCount;
    const logged = this.#logged;
    this.#logged = [];
    // What was logged stands before what was printed after it.
    return [...logged, ...printed].sort((one, other) => one.after - other.after).map(({ text, line }) => ({ text, line }));
  }

  set exceptionFilters(filters: Iterable<string>) {
    this.#filters = new Set(filters);
  }

  // Going forward.

  /** To the first stop: the first statement, or, with `running`, a breakpoint from there on. */
  *start(running: boolean, token: CancellationToken): Way {
    if (!running) return this.#halt({ reason: 'entry', description: 'Start of the scenario' });
    const here = this.#hitsHere();
    return here === undefined ? yield* this.#forward(() => false, token) : this.#halt(here);
  }

  /** To the next breakpoint or failure, or the end. Undefined where the run is over: there is nowhere to go. */
  *continue(token: CancellationToken): Way {
    return this.isOver ? undefined : yield* this.#forward(() => false, token);
  }

  /** One step forward: over a statement, or inside an operation over what is called; `one` goes to the very next stop. */
  *step(how: Step, token: CancellationToken): Way {
    if (this.isOver) return this.#halt(this.#overHalt());
    const from = this.stop;
    const depth = from.kind === 'step' ? from.step.depth : -1;
    return yield* this.#forward((stop) => {
      if (how === 'in' || how === 'one' || stop.kind !== 'step') return true;
      return how === 'over' ? stop.step.depth <= depth : stop.step.depth < depth;
    }, token);
  }

  *#forward(isDone: (stop: Stop) => boolean, token: CancellationToken): Way {
    for (let count = 1; ; count++) {
      const stop = this.#advance();
      if (stop.kind === 'failed' || stop.kind === 'end') return this.#halt(this.#overHalt());
      const hit = this.#hitsHere();
      if (hit !== undefined) return this.#halt(hit);
      if (isDone(stop)) return this.#halt(stepHalt(stop));
      if (count % slice === 0) {
        this.#changed();
        yield;
        if (token.cancelled) return this.#halt({ reason: 'pause', description: 'Paused', text: stepHalt(stop).text });
      }
    }
  }

  #advance(): Stop {
    this.#calls = this.breakpoints.haveFunctions ? callsOf(this.stop) : [];
    return this.#run.advance();
  }

  // Going back.

  /** To the stop before, over what is called; `one` goes to the very stop before. */
  *back(how: 'over' | 'one', token: CancellationToken): Way {
    const run = this.#run;
    if (!run.canStepBack) return this.#halt({ reason: 'entry', description: 'Start of the scenario' });
    const { stop } = this;
    const { statementTime, time } = run;
    if (how === 'one' || run.isEdited || stop.kind === 'failed') run.stepBack();
    else if (stop.kind !== 'step') run.stepBackOver();
    else {
      const { depth } = stop.step;
      let best = statementTime;
      run.goTo(statementTime);
      for (let count = 1; run.time < time - 1; count++) {
        const at = run.advance();
        if (at.kind === 'step' && at.step.depth <= depth) best = run.time;
        if (count % slice === 0) yield;
        if (token.cancelled) break;
      }
      run.goTo(best);
    }
    return this.#arrived(stepHalt(this.stop));
  }

  /** To the last breakpoint that the run came by, or the start. */
  *reverse(token: CancellationToken): Way {
    const run = this.#run;
    const now = run.time;
    for (let end = now; ;) {
      const start = run.statementTimeBefore(end);
      if (start === undefined) break;
      run.goTo(start);
      this.watches.reset();
      const found: { last: { time: number; halt: Halt } | undefined } = { last: undefined };
      const look = (): void => {
        const halt = this.#hitsHere({ silently: true, dataOnly: run.time === end });
        if (halt !== undefined && run.time < now) found.last = { time: run.time, halt };
      };
      look();
      for (let count = 1; run.time < end; count++) {
        this.#advance();
        look();
        if (count % slice === 0) yield;
      }
      if (found.last !== undefined) {
        run.goTo(found.last.time);
        return this.#arrived(found.last.halt);
      }
      run.goTo(start);
      end = start;
      yield;
      if (token.cancelled) return this.#arrived({ reason: 'pause', description: 'Paused' });
    }
    return this.#arrived({ reason: 'entry', description: 'Start of the scenario' });
  }

  /** To where a frame, counted from the innermost one, was entered. */
  restartFrame(index: number): Halt {
    const run = this.#run;
    const { stop } = this;
    const { statementTime, time } = run;
    const frame = stop.kind === 'step' ? callsOf(stop).length - 1 - index : -1;
    let entered = statementTime;
    if (frame >= 0) {
      let before: readonly unknown[] = [];
      run.goTo(statementTime);
      while (run.time < time) {
        const calls = callsOf(run.advance());
        if (calls[frame] !== before[frame]) entered = run.time;
        before = calls;
      }
    }
    run.goTo(entered);
    return this.#arrived({ reason: 'restart', description: 'Frame restarted', text: stepHalt(this.stop).text });
  }

  /** To the start of the whole run. */
  restart(): void {
    this.#run.rewind();
    this.#arrived({ reason: 'restart', description: 'Restarted' });
  }

  /** Statements on a line, counted from 0, that can be made the next one. */
  jumpTargets(line: number): readonly { readonly id: number; readonly label: string; readonly line: number }[] {
    return this.#run
      .jumpTargets()
      .filter((node) => headRange(node).start.line === line)
      .map((node) => ({ id: this.#statements.indexOf(node), label: labelOf(node), line }));
  }

  /** Makes a statement the next one. Throws `UserError` where it cannot be. */
  jump(id: number): Halt {
    const target = this.#statements[id];
    if (target === undefined || !this.#run.jump(target))
      throw errors.badArgument('this statement cannot be the next one: it stands in a loop, or in an as, that is not under way');
    return this.#arrived({ reason: 'goto', description: 'Moved' });
  }

  // What a debugger shows and changes.

  /** Innermost first; the statement comes last. */
  frames(): readonly ScenarioFrame[] {
    const { stop } = this;
    if (stop.kind === 'failed' && this.#failed?.time === this.#run.time) return this.#failed.frames;
    const last = this.#statements.at(-1);
    if (stop.kind !== 'end' || last === undefined) return framesOf(stop);
    const { end } = rangeOf(last);
    return [{ kind: 'statement', name: 'end of the scenario', range: { start: end, end }, variables: {} }];
  }

  /** Of a failed run: what it failed at. */
  exception(): ExceptionFacts | undefined {
    const { stop } = this;
    return stop.kind === 'failed' ? exceptionFacts(stop.failure, this.frames()) : undefined;
  }

  /** The scenario's variables as a tree of values. */
  variables(): readonly ValueView[] {
    return [...this.#run.variables].map(([name, value]) => viewOf(name, value));
  }

  /** Arguments of a frame, counted from the innermost one. */
  arguments(index: number): readonly ValueView[] {
    return Object.entries(this.frames()[index]?.variables ?? {}).map(([name, value]) => viewOf(name, value));
  }

  /** Whether a name is one that the language gives a value to here. */
  knows(name: string, frame: number): boolean {
    return this.#run.variables.has(name) || Object.hasOwn(this.frames()[frame]?.variables ?? {}, name);
  }

  /** Whether a breakpoint on this name can ever be hit as an operation or function of scenarios. */
  hasFunction(name: string): boolean {
    return scenarioCatalogue.find(name) !== undefined;
  }

  /** Whether a function of the language changes the machine. */
  isOperation(name: string): boolean {
    const found = scenarioCatalogue.find(name);
    return found !== undefined && found.call === undefined;
  }

  /** What can be named here: variables, and functions of the language. */
  names(): readonly string[] {
    return [...this.#run.variables.keys(), ...scenarioCatalogue.callables.keys()];
  }

  /** For each group of places, the statement that made any of them what it is; undefined where none did since the start. */
  causes(groups: readonly (readonly RamPlace[])[]): (TextRange | undefined)[] {
    const statements = this.#run.statementsBySnapshot;
    return this.#started.machine.core.memory.lastChanges(groups, statements).map((snapshot) => {
      const node = statements.get(snapshot);
      return node === undefined ? undefined : headRange(node);
    });
  }

  /** Lines on which statements begin, counted from 0, among `first` to `last`. */
  statementLines(first: number, last: number): readonly number[] {
    const lines = new Set(this.#statements.map((node) => headRange(node).start.line));
    return [...lines].filter((line) => line >= first && line <= last).sort((one, other) => one - other);
  }

  /** Exchanges the client's breakpoints on data; without a wish is one that cannot be understood. */
  async setDataBreakpoints(
    wanted: readonly { readonly wishes: BreakpointWishes; readonly watch: WatchWish | undefined }[],
  ): Promise<readonly PlacedBreakpoint[]> {
    const made: ClientWatch[] = [];
    const placed: PlacedBreakpoint[] = [];
    for (const { wishes, watch } of wanted) {
      const id = this.breakpoints.newId();
      let problem: string | undefined;
      try {
        if (watch === undefined) throw errors.badArgument('this breakpoint is of another kind of session');
        if (made.length >= limits.watches) throw tooManyWatches();
        const trigger = await Trigger.create(id, wishes, this.#names, scenarioCatalogue);
        made.push({ id, watch: this.watches.make(watch), trigger });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        problem = error.message;
      }
      placed.push({ id, line: undefined, problem });
    }
    this.watches.set(made);
    return placed;
  }

  /**
   * Evaluates a text of the language in a frame, counted from the innermost one. `perform`: operations in it are run, which
   * going back undoes. Rejects with `UserError`.
   */
  async evaluate(text: string, options: { readonly frame: number; readonly perform?: boolean }): Promise<ValueView> {
    const variables = this.frames()[options.frame]?.variables ?? {};
    const expression = await parseExpression(text, [...this.#names, ...Object.keys(variables)], scenarioCatalogue);
    const place = placeInFrame(this.#run.place, variables);
    if (options.perform !== true) return viewOf(text, evaluateQuestion(expression, place));
    if (this.stop.kind === 'step') throw errors.badArgument('another operation is under way; step out of it first');
    let value: OperationValue;
    this.#run.edit(() => {
      value = evaluateFully(expression, place);
    });
    this.#arrived(undefined);
    return viewOf(text, value);
  }

  /** Gives a variable another value, an expression of the language. Rejects with `UserError`. */
  async setVariable(name: string, text: string): Promise<ValueView> {
    const expression = await parseExpression(text, this.#names, scenarioCatalogue);
    const value = evaluateQuestion(expression, this.#run.place);
    if (!this.#run.setVariable(name, value))
      throw errors.badArgument(`${name} cannot be set here: only a variable that has a value can be, and only between two statements`);
    this.#arrived(undefined);
    return viewOf(name, value);
  }

  /** Writes to RAM; going back undoes it. Throws `UserError` for what is not RAM, and writes nothing then. */
  write(pieces: readonly { readonly address: number; readonly bytes: Uint8Array }[]): void {
    const { memory } = this.#started.machine.core;
    for (const { address, bytes } of pieces) {
      for (const at of [address, address + Math.max(0, bytes.length - 1)])
        if (!memory.isRam(at)) throw errors.badArgument(`physical 0x${at.toString(16)} is not RAM, so it cannot be written`);
    }
    this.#run.edit(() => {
      for (const { address, bytes } of pieces) memory.write(address, bytes);
    });
    this.#arrived(undefined);
  }

  // Stops.

  #changed(): void {
    this.#version++;
    this.#started.engine.changed();
  }

  #halt(halt: Halt): Halt {
    this.#changed();
    this.moments.stopped();
    return halt;
  }

  /** The run was moved: what is watched is what is there now. */
  #arrived<Where extends Halt | undefined>(halt: Where): Where {
    this.#changed();
    this.watches.reset();
    if (halt !== undefined) this.moments.stopped();
    return halt;
  }

  #overHalt(): Halt {
    const { stop } = this;
    if (stop.kind !== 'failed') return { reason: 'end', description: 'End of the scenario' };
    this.#rememberFailure();
    const { id, message, filter } = exceptionFacts(stop.failure, this.frames());
    const isWanted = this.#filters.has(filter);
    return { reason: isWanted ? 'exception' : 'end', description: isWanted ? id : `Failed: ${id}`, text: message };
  }

  /** The calls that were under way are over when a failure is told: the step before is gone back to, and done again. */
  #rememberFailure(): void {
    const { time } = this.#run;
    if (this.#failed?.time === time) return;
    const before = this.#run.goTo(time - 1);
    this.#failed = { time, frames: before === undefined ? [] : framesOf(before) };
    if (before !== undefined) this.#run.advance();
  }

  /** The breakpoints at this stop, and what is logged by them. */
  #hitsHere(how: { readonly silently?: boolean; readonly dataOnly?: boolean } = {}): Halt | undefined {
    const hits: Hits = { lines: [], functions: [], data: [], words: [] };
    for (const { id, words, trigger } of this.watches.changes()) {
      const before = hits.data.length;
      if (trigger === undefined) hits.data.push(id);
      else this.#try(trigger, hits.data, { silently: how.silently });
      if (hits.data.length > before) hits.words.push(words);
    }
    const { stop } = this;
    if (how.dataOnly !== true) {
      if (stop.kind === 'statement' && !stop.again) {
        for (const trigger of this.breakpoints.ofStatement(stop.node)) this.#try(trigger, hits.lines, { silently: how.silently });
      } else if (stop.kind === 'step' && this.breakpoints.haveFunctions) this.#functionHits(stop, hits, how.silently);
    }
    return haltOfHits(hits, stop);
  }

  /** Calls that were not open at the stop before. */
  #functionHits(stop: Stop & { kind: 'step' }, hits: Hits, silently: boolean | undefined): void {
    const calls = callsOf(stop);
    for (const [index, call] of calls.entries()) {
      if (call === this.#calls[index]) continue;
      for (const trigger of this.breakpoints.ofFunction(call.name)) {
        this.#try(trigger, hits.functions, { silently, variables: stop.step.frames[index]?.variables });
      }
    }
    this.#calls = calls;
  }

  #try(
    trigger: Trigger,
    hits: number[],
    how: { readonly silently: boolean | undefined; readonly variables?: Readonly<Record<string, OperationValue>> | undefined },
  ): void {
    const { line } = this.stop.range.start;
    const after = this.#run.printedCount;
    const place = placeInFrame(this.#run.place, how.variables ?? {});
    let hit;
    try {
      hit = trigger.hit(this.#run.time, place);
    } catch (error) {
      // A condition that makes no sense here stops the run, and says so.
      this.#logged.push({ text: `a breakpoint stops here: ${messageOf(error)}`, line, after });
      hits.push(trigger.id);
      return;
    }
    if (hit === 'stop') hits.push(trigger.id);
    else if (hit !== 'passed' && how.silently !== true) this.#logged.push({ text: hit.text, line, after });
  }
}

/** Builds the machine of a scenario without problems, and stops before its first statement. */
export function debugScenario(parsed: ParsedScenario): ScenarioDebugger | Failure {
  const started = startScenario(parsed);
  return 'run' in started ? new ScenarioDebugger(started, contentsOf(parsed.scenario)) : started;
}
