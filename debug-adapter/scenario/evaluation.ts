/** What expressions give. Operations in them run step by step: an evaluation yields each step before it is done. */
import { limits } from '../base/limits.ts';
import { UserError } from '../base/errors.ts';
import { Fault } from '../simulator/fault.ts';
import type { Arguments, OperationValue, Step } from '../simulator/operation.ts';
import { parameterOf } from './call-place.ts';
import type { Callable, Catalogue } from './catalogue.ts';
import { mayBeLeftOut } from './catalogue.ts';
import type { ScenarioEngine } from './engine.ts';
import type { CallableParameter } from './engine-functions.ts';
import type { Argument, Binary, Call, Diff, Expression, Text } from './generated/ast.ts';
import { applyBinary, applyUnary, truthOf } from './operators.ts';
import { rangeOf, ScenarioError } from './scenario-error.ts';
import { formatValue, isList, isNumberFormat, isRecord, isSpan, kindOf } from './scenario-value.ts';

/** The machine as a scenario sees it. `start` gives the steps of an operation; they throw `Fault`. */
export interface ScenarioMachine<Snapshot = unknown> {
  /**
   * Begins an operation; it has done nothing before the first step is taken. Throws `Fault` for arguments that it cannot take.
   */
  start(operation: string, given: Arguments): Generator<Step, OperationValue>;
  /** The machine as it is now; costs what is written after it. */
  snapshot(): Snapshot;
  /** Brings the machine to one of its snapshots, earlier or later. */
  restore(snapshot: Snapshot): void;
  /** Gives up the states before a snapshot, where that saves memory. */
  forgetBefore?(snapshot: Snapshot): void;
}

/** What a scenario runs on. */
export interface ScenarioWorld {
  readonly machine: ScenarioMachine;
  readonly engine: ScenarioEngine;
  readonly catalogue: Catalogue;
}

/** Where an expression stands in a run. */
export interface EvaluationPlace extends ScenarioWorld {
  readonly variables: ReadonlyMap<string, OperationValue>;
  readonly snapshots: ReadonlyMap<string, unknown>;
  /** PID of the `as` block around it. */
  readonly process: bigint | undefined;
}

/** A computation that pauses at each step of the machine, so that a debugger can stop in it. */
export type Steps<Result> = Generator<Step, Result>;

/** A fault or an error with the place of the call that met it. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  readonly place: Call | Diff;
  override readonly cause: Fault | UserError;

  constructor(place: Call | Diff, cause: Fault | UserError) {
    super(cause.message);
    this.place = place;
    this.cause = cause;
  }
}

/** Throws `ScenarioError`, and `CallFailure` for what a call met. */
export function* evaluate(expression: Expression, place: EvaluationPlace): Steps<OperationValue> {
  switch (expression.$type) {
    case 'Quantity':
      return expression.value;
    case 'Truth':
      return expression.value === 'true';
    case 'Text':
      return yield* textOfTemplate(expression, place);
    case 'Name':
      return nameValue(expression.variable.$refText, place, expression);
    case 'List': {
      const items: OperationValue[] = [];
      for (const item of expression.items) items.push(yield* evaluate(item, place));
      return items;
    }
    case 'Unary':
      return applyUnary(expression.operator, yield* evaluate(expression.operand, place), rangeOf(expression));
    case 'Binary':
      return yield* binary(expression, place);
    case 'Member':
      return member(yield* evaluate(expression.receiver, place), expression.member, expression);
    case 'Index':
      return element(yield* evaluate(expression.receiver, place), yield* evaluate(expression.index, place), expression);
    case 'Call':
      return yield* call(expression, place);
    case 'Diff':
      return difference(expression, place);
  }
}

function* binary(expression: Binary, place: EvaluationPlace): Steps<OperationValue> {
  const { operator } = expression;
  const one = yield* evaluate(expression.left, place);
  // The right side of && and || runs where the left does not decide.
  if (operator === '&&' || operator === '||') {
    if (truthOf(one, rangeOf(expression.left)) === (operator === '||')) return one;
    return truthOf(yield* evaluate(expression.right, place), rangeOf(expression.right));
  }
  return applyBinary(operator, one, yield* evaluate(expression.right, place), rangeOf(expression));
}

function* textOfTemplate(text: Text, place: EvaluationPlace): Steps<string> {
  let whole = text.head;
  for (const [index, hole] of text.holes.entries()) {
    const value = yield* evaluate(hole.value, place);
    const format = hole.format !== undefined && isNumberFormat(hole.format) ? hole.format : undefined;
    whole += formatValue(value, format) + (text.between[index] ?? text.tail ?? '');
    if (whole.length > limits.scenarioTextCharacters)
      throw new ScenarioError('limit', `a text has at most ${limits.scenarioTextCharacters} characters`, rangeOf(text));
  }
  return whole;
}

function nameValue(name: string, place: EvaluationPlace, node: Expression): OperationValue {
  if (place.variables.has(name)) return place.variables.get(name);
  if (place.catalogue.flags.has(name)) return name;
  throw new ScenarioError('evaluation', `${name} has no value yet`, rangeOf(node));
}

function member(value: OperationValue, name: string, node: Expression): OperationValue {
  if (isRecord(value)) {
    if (Object.hasOwn(value, name)) return value[name];
    throw new ScenarioError('evaluation', `there is no ${name} in it; there are ${Object.keys(value).join(', ')}`, rangeOf(node));
  }
  throw new ScenarioError('evaluation', `${kindOf(value)} has no members, so no ${name}`, rangeOf(node));
}

function element(value: OperationValue, index: OperationValue, node: Expression): OperationValue {
  if (typeof index !== 'bigint') throw new ScenarioError('evaluation', `an index is a number, not ${kindOf(index)}`, rangeOf(node));
  if (typeof value !== 'string' && !isList(value)) throw new ScenarioError('evaluation', `${kindOf(value)} has no elements`, rangeOf(node));
  const at = index < 0n ? BigInt(value.length) + index : index;
  if (at < 0n || at >= BigInt(value.length)) {
    throw new ScenarioError('evaluation', `there is no element ${index.toString()}; there are ${value.length}`, rangeOf(node));
  }
  return value[Number(at)];
}

function* call(expression: Call, place: EvaluationPlace): Steps<OperationValue> {
  const callable = place.catalogue.find(expression.operation);
  if (callable === undefined) throw new ScenarioError('evaluation', `there is no operation ${expression.operation}`, rangeOf(expression));
  const given = yield* argumentsOf(expression, callable, place);
  try {
    if (callable.call !== undefined) return callable.call({ engine: place.engine, process: place.process }, given);
    try {
      return yield* place.machine.start(callable.name, given);
    } finally {
      place.engine.changed();
    }
  } catch (error) {
    if (error instanceof Fault || error instanceof UserError) throw new CallFailure(expression, error);
    throw error;
  }
}

function* argumentsOf(expression: Call, callable: Callable, place: EvaluationPlace): Steps<Record<string, OperationValue>> {
  const given: Record<string, OperationValue> = {};
  for (const argument of expression.given) {
    const parameter = parameterOf(argument, callable);
    if (parameter === undefined) throw new ScenarioError('evaluation', `${callable.name} has no such parameter`, rangeOf(argument));
    const value = isBareName(argument, parameter) ? argument.value.variable.$refText : yield* evaluate(argument.value, place);
    given[parameter.name] = fitted(value, parameter, argument);
  }
  for (const parameter of callable.parameters) {
    if (Object.hasOwn(given, parameter.name)) continue;
    if (parameter.kind === 'process' && place.process !== undefined) given[parameter.name] = place.process;
    else if (!mayBeLeftOut(parameter, false))
      throw new ScenarioError('evaluation', `${callable.name} lacks ${parameter.name}`, rangeOf(expression));
    else if (parameter.default !== undefined) given[parameter.name] = parameter.default;
  }
  return given;
}

/** A name among those that the parameter takes, that no variable has. */
function isBareName(argument: Argument, { names }: CallableParameter): argument is Argument & { value: { $type: 'Name' } } {
  const { value } = argument;
  return value.$type === 'Name' && value.variable.ref === undefined && names?.includes(value.variable.$refText) === true;
}

const largest = 0xffff_ffff_ffff_ffffn;

/** The value as the parameter takes it. */
function fitted(value: OperationValue, parameter: CallableParameter, argument: Argument): OperationValue {
  const { kind, name } = parameter;
  const wrong = (what: string): ScenarioError => new ScenarioError('evaluation', `${name} ${what}`, rangeOf(argument));
  switch (kind) {
    case 'address':
    case 'size':
    case 'count':
    case 'number':
    case 'process':
      if (typeof value !== 'bigint') throw wrong(`is ${kindOf(value)}; it takes a number`);
      // An address may have been counted down from 0: the machine's arithmetic wraps.
      if (kind === 'address' && value < 0n && value >= -largest) return BigInt.asUintN(64, value);
      if (value < 0n || value > largest) throw wrong(`is ${formatValue(value)}; it takes a number from 0 to 2^64-1`);
      return value;
    case 'flags':
      if (typeof value !== 'bigint' && typeof value !== 'string')
        throw wrong(`is ${kindOf(value)}; it takes flags (NAME|NAME) or a number`);
      return value;
    case 'text':
      if (typeof value !== 'string') throw wrong(`is ${kindOf(value)}; it takes a text`);
      return value;
    case 'switch':
      if (typeof value !== 'boolean') throw wrong(`is ${kindOf(value)}; it takes true or false`);
      return value;
    case 'range':
      if (isSpan(value)) return [value.start, value.end];
      if (isList(value) && value.length === 2) return value;
      throw wrong(`is ${kindOf(value)}; it takes a range (start..end)`);
    case 'list':
    case 'any':
      return value;
  }
}

function difference(expression: Diff, place: EvaluationPlace): OperationValue {
  const { machine, engine } = place;
  const here = machine.snapshot();
  const goTo = ({ moment, now }: Diff['before']): (() => void) => {
    const target = now ? here : place.snapshots.get(moment?.$refText ?? '');
    if (target === undefined) {
      throw new ScenarioError('evaluation', `the snapshot ${moment?.$refText ?? ''} was not taken before this`, rangeOf(expression));
    }
    return () => {
      machine.restore(target);
      engine.changed();
    };
  };
  const moments = { before: goTo(expression.before), after: goTo(expression.after) };
  try {
    return engine.diff(moments, place.process);
  } catch (error) {
    if (error instanceof UserError) throw new CallFailure(expression, error);
    throw error;
  } finally {
    machine.restore(here);
    engine.changed();
  }
}
