/** Breakpoints of a scenario: where they can be, and whether a stop is one. No protocol's words, no time of day. */
import { errors, UserError } from '../base/errors.ts';
import type { Catalogue } from '../scenario/catalogue.ts';
import type { EvaluationPlace } from '../scenario/evaluation.ts';
import { evaluateQuestion, parseExpression, templateOf } from '../scenario/expression-text.ts';
import type { Expression, Statement } from '../scenario/generated/ast.ts';
import { headRange } from '../scenario/scenario-run.ts';
import { formatValue } from '../scenario/scenario-value.ts';
import type { OperationValue } from '../simulator/operation.ts';

/** What a breakpoint asks before it stops the run. */
export interface BreakpointWishes {
  /** An expression of the language; true stops. */
  readonly condition?: string | undefined;
  /** `5`: from the fifth time on; `== 5`, `> 5`, `% 5`… */
  readonly hitCondition?: string | undefined;
  /** Written instead of stopping; `{expression}` in it is evaluated. */
  readonly logMessage?: string | undefined;
}

/** What a client wants of a line. */
export interface LineBreakpoint extends BreakpointWishes {
  /** Counted from 0. */
  readonly line: number;
}

/** What a client wants of an operation, by the operation's name. */
export interface FunctionBreakpoint extends BreakpointWishes {
  readonly name: string;
}

/** What became of a breakpoint. */
export interface PlacedBreakpoint {
  readonly id: number;
  /** Where it stops, counted from 0; undefined where it never does, or is no line's. */
  readonly line: number | undefined;
  /** Why it never stops. */
  readonly problem: string | undefined;
}

/** What a stop does to a breakpoint: nothing, stop the run, or write a text. */
export type Hit = 'passed' | 'stop' | { readonly text: string };

/** Times of hits that are kept for going back; older ones are only counted. */
const keptHits = 100_000;

/** A breakpoint's wishes, understood, and how often the run came to it. */
export class Trigger {
  readonly id: number;
  readonly #condition: Expression | undefined;
  readonly #message: Expression | undefined;
  readonly #count: (hits: number) => boolean;
  /** Times of the run at which it was hit, ascending: going back and forth counts no time twice. */
  #times: number[] = [];
  #older = 0;

  private constructor(
    id: number,
    wishes: { condition?: Expression | undefined; message?: Expression | undefined },
    count: (hits: number) => boolean,
  ) {
    this.id = id;
    this.#condition = wishes.condition;
    this.#message = wishes.message;
    this.#count = count;
  }

  /** `names`: the variables that expressions may name. Rejects with `UserError`. */
  static async create(id: number, wishes: BreakpointWishes, names: Iterable<string>, catalogue: Catalogue): Promise<Trigger> {
    const parse = (text: string | undefined): Promise<Expression> | undefined =>
      text === undefined || text.trim() === '' ? undefined : parseExpression(text, names, catalogue);
    const message = wishes.logMessage === undefined || wishes.logMessage === '' ? undefined : templateOf(wishes.logMessage);
    return new Trigger(
      id,
      { condition: await parse(wishes.condition), message: await parse(message) },
      hitCondition(wishes.hitCondition?.trim() ?? ''),
    );
  }

  /** The run comes here at `time`. Throws `UserError` where the condition or message cannot be evaluated. */
  hit(time: number, place: EvaluationPlace): Hit {
    if (this.#condition !== undefined) {
      const holds = evaluateQuestion(this.#condition, place);
      if (typeof holds !== 'boolean') throw errors.badArgument(`a condition is true or false, not ${formatValue(holds)}`);
      if (!holds) return 'passed';
    }
    if (!this.#count(this.#hitsAt(time))) return 'passed';
    return this.#message === undefined ? 'stop' : { text: formatValue(evaluateQuestion(this.#message, place)) };
  }

  /** Hits up to this one. */
  #hitsAt(time: number): number {
    while ((this.#times.at(-1) ?? -1) >= time) this.#times.pop();
    this.#times.push(time);
    if (this.#times.length > keptHits) {
      this.#older += keptHits / 2;
      this.#times = this.#times.slice(keptHits / 2);
    }
    return this.#older + this.#times.length;
  }
}

/** Throws `UserError` for what is no such condition. */
function hitCondition(text: string): (hits: number) => boolean {
  if (text === '') return () => true;
  const [, operator = '', digits] = /^(>=|<=|==|=|>|<|%)?\s*(\d+)$/.exec(text) ?? [];
  const count = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(count) || (operator === '%' && count === 0))
    throw errors.badArgument(`a hit count is a number, or one of >= > == < <= % and a number, not ${text}`);
  switch (operator) {
    case '>':
      return (hits) => hits > count;
    case '<':
      return (hits) => hits < count;
    case '<=':
      return (hits) => hits <= count;
    case '==':
    case '=':
      return (hits) => hits === count;
    case '%':
      return (hits) => hits % count === 0;
    default:
      return (hits) => hits >= count;
  }
}

/** The statement that a breakpoint on a line stops before: the innermost there, or else the next one. */
export function statementAt(statements: readonly Statement[], line: number): Statement | undefined {
  let within: Statement | undefined;
  let next: Statement | undefined;
  for (const node of statements) {
    const { start, end } = headRange(node);
    if (start.line <= line && line <= end.line && (within === undefined || start.line > headRange(within).start.line)) within = node;
    if (start.line > line && (next === undefined || start.line < headRange(next).start.line)) next = node;
  }
  return within ?? next;
}

interface Named {
  readonly trigger: Trigger;
  readonly name: string;
}

interface AtStatement {
  readonly trigger: Trigger;
  readonly node: Statement;
}

/**
 * Each kind (lines, functions, data) is exchanged as a whole, as debug adapters are asked to; one that cannot be says why
 * instead of being refused.
 */
export class Breakpoints {
  readonly #statements: readonly Statement[];
  readonly #names: readonly string[];
  readonly #catalogue: Catalogue;
  #lines: readonly AtStatement[] = [];
  #functions: readonly Named[] = [];
  #nextId = 1;

  /** `names`: the variables of the scenario. */
  constructor(statements: readonly Statement[], names: readonly string[], catalogue: Catalogue) {
    this.#statements = statements;
    this.#names = names;
    this.#catalogue = catalogue;
  }

  /** Whether any function has a breakpoint: without, calls need not be looked at. */
  get haveFunctions(): boolean {
    return this.#functions.length > 0;
  }

  /** An id that no other breakpoint has. */
  newId(): number {
    return this.#nextId++;
  }

  /** Exchanges all breakpoints on lines. */
  async setLines(wanted: readonly LineBreakpoint[]): Promise<readonly PlacedBreakpoint[]> {
    const placed: PlacedBreakpoint[] = [];
    const found: AtStatement[] = [];
    for (const one of wanted) {
      const id = this.newId();
      const node = statementAt(this.#statements, one.line);
      const trigger = await this.#trigger(id, one, this.#names);
      if (node === undefined) placed.push({ id, line: undefined, problem: 'There is no statement here or below' });
      else if (typeof trigger === 'string') placed.push({ id, line: undefined, problem: trigger });
      else {
        found.push({ trigger, node });
        placed.push({ id, line: headRange(node).start.line, problem: undefined });
      }
    }
    this.#lines = found;
    return placed;
  }

  /** Exchanges all breakpoints on operations and on functions that they call. */
  async setFunctions(wanted: readonly FunctionBreakpoint[]): Promise<readonly PlacedBreakpoint[]> {
    const placed: PlacedBreakpoint[] = [];
    const found: Named[] = [];
    for (const one of wanted) {
      const id = this.newId();
      const name = one.name.trim().replace(/\(\)$/, '');
      // Arguments of the kernel's functions are known when they are called: any name may be one.
      const words = `${one.condition ?? ''} ${one.logMessage ?? ''}`.match(/[A-Za-z_]\w*/g) ?? [];
      const trigger = /^\w+$/.test(name) ? await this.#trigger(id, one, [...this.#names, ...words]) : `${name} is no function's name`;
      if (typeof trigger !== 'string') found.push({ trigger, name });
      placed.push({ id, line: undefined, problem: typeof trigger === 'string' ? trigger : undefined });
    }
    this.#functions = found;
    return placed;
  }

  /** What a stop at this statement would be for; empty where it has no breakpoint. */
  ofStatement(node: Statement): readonly Trigger[] {
    return this.#lines.length === 0 ? [] : this.#lines.filter((one) => one.node === node).map(({ trigger }) => trigger);
  }

  /** What a stop at a call of this function would be for. */
  ofFunction(name: string): readonly Trigger[] {
    return this.#functions.filter((one) => one.name === name).map(({ trigger }) => trigger);
  }

  async #trigger(id: number, wishes: BreakpointWishes, names: readonly string[]): Promise<Trigger | string> {
    try {
      return await Trigger.create(id, wishes, names, this.#catalogue);
    } catch (error) {
      if (error instanceof UserError) return error.message;
      throw error;
    }
  }
}

/** A place with the arguments of a frame among its variables. */
export function placeInFrame(place: EvaluationPlace, variables: Readonly<Record<string, OperationValue>>): EvaluationPlace {
  return { ...place, variables: new Map([...place.variables, ...Object.entries(variables)]) };
}
