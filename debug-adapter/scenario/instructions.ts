/** Carries out one instruction. */
import { UserError } from '../base/errors.ts';
import { Fault } from '../simulator/fault.ts';
import type { OperationValue } from '../simulator/operation.ts';
import { CallFailure, evaluate } from './evaluation.ts';
import type { EvaluationPlace, ScenarioWorld, Steps } from './evaluation.ts';
import type { Expect, Expression, For } from './generated/ast.ts';
import { applyBinary, truthOf } from './operators.ts';
import type { Instruction, SimpleStatement } from './program.ts';
import type { Loop, RunState } from './run-state.ts';
import { rangeOf, ScenarioError, textOf } from './scenario-error.ts';
import { formatValue, isList, isSpan, kindOf } from './scenario-value.ts';

/** Yields the steps of the operations in it and gives the state behind it. Throws as `evaluate`. */
export function* execute(instruction: Instruction, state: RunState, world: ScenarioWorld): Steps<RunState> {
  const { variables, snapshots } = state;
  const place: EvaluationPlace = { ...world, variables, snapshots, process: state.processes?.pid };
  const next = { ...state, at: state.at + 1 };
  switch (instruction.kind) {
    case 'simple':
      return yield* simple(instruction.node, next, place);
    case 'jump':
      return { ...state, at: instruction.to };
    case 'branch': {
      const { condition } = instruction.node;
      const holds = truthOf(yield* evaluate(condition, place), rangeOf(condition));
      return holds ? next : { ...state, at: instruction.otherwise };
    }
    case 'begin-for': {
      const values = yield* evaluate(instruction.node.values, place);
      return { ...next, loops: loopOver(values, instruction.node, state.loops) };
    }
    case 'next': {
      const { loops } = state;
      if (loops === undefined || loops.taken >= loops.count) return { ...state, at: instruction.end, loops: loops?.outer };
      return {
        ...next,
        variables: withValue(variables, instruction.node.name, loops.value(loops.taken)),
        loops: { ...loops, taken: loops.taken + 1 },
      };
    }
    case 'begin-as': {
      const pid = yield* evaluate(instruction.node.process, place);
      if (typeof pid === 'bigint') return { ...next, processes: { pid, outer: state.processes } };
      throw new ScenarioError('evaluation', `as takes a process, not ${kindOf(pid)}`, rangeOf(instruction.node.process));
    }
    case 'end-as':
      return { ...next, processes: state.processes?.outer };
  }
}

function* simple(node: SimpleStatement, next: RunState, place: EvaluationPlace): Steps<RunState> {
  switch (node.$type) {
    case 'Let':
      return { ...next, variables: withValue(next.variables, node.name, yield* evaluate(node.value, place)) };
    case 'Assign':
      return { ...next, variables: withValue(next.variables, node.variable.$refText, yield* evaluate(node.value, place)) };
    case 'Print': {
      const texts: string[] = [];
      for (const value of node.values) texts.push(formatValue(yield* evaluate(value, place)));
      return withText(next, node, texts.join(' '));
    }
    case 'Perform': {
      const value = yield* evaluate(node.value, place);
      if (node.value.$type !== 'Diff') return next;
      return withText(next, node, isList(value) ? value.map((one) => formatValue(one)).join('\n') || 'no difference' : formatValue(value));
    }
    case 'Expect':
      if (node.fails) yield* expectFailure(node, place);
      else yield* expectTruth(node.value, place);
      return next;
    case 'TakeSnapshot':
      return { ...next, snapshots: new Map(next.snapshots).set(node.name, place.machine.snapshot()) };
    case 'Restore': {
      const snapshot = next.snapshots.get(node.moment.$refText);
      if (snapshot === undefined) {
        throw new ScenarioError('evaluation', `the snapshot ${node.moment.$refText} was not taken before this`, rangeOf(node));
      }
      place.machine.restore(snapshot);
      place.engine.changed();
      return next;
    }
  }
}

function withValue(variables: RunState['variables'], name: string, value: OperationValue): RunState['variables'] {
  return new Map(variables).set(name, value);
}

function withText(state: RunState, node: SimpleStatement, text: string): RunState {
  const { line } = rangeOf(node).start;
  return { ...state, printed: { text, line, before: state.printed, count: (state.printed?.count ?? 0) + 1 } };
}

function* expectTruth(value: Expression, place: EvaluationPlace): Steps<void> {
  const range = rangeOf(value);
  if (value.$type === 'Binary' && ['==', '!=', '<', '<=', '>', '>=', 'in'].includes(value.operator)) {
    const one = yield* evaluate(value.left, place);
    const other = yield* evaluate(value.right, place);
    if (applyBinary(value.operator, one, other, range) === true) return;
    const sides = `the left side is ${formatValue(one)}, the right side ${formatValue(other)}`;
    throw new ScenarioError('expectation', `expected ${textOf(value)}; ${sides}`, range);
  }
  const found = yield* evaluate(value, place);
  if (!truthOf(found, range)) throw new ScenarioError('expectation', `expected ${textOf(value)}; it is false`, range);
}

/** `expect vfree(a) fails "words"`: the machine stays as the kernel would leave it. */
function* expectFailure(node: Expect, place: EvaluationPlace): Steps<void> {
  const range = rangeOf(node);
  const wanted = node.words === undefined ? '' : formatValue(yield* evaluate(node.words, place));
  let value: OperationValue;
  try {
    value = yield* evaluate(node.value, place);
  } catch (error) {
    if (!(error instanceof CallFailure || error instanceof Fault || error instanceof UserError)) throw error;
    if (error.message.includes(wanted)) return;
    throw new ScenarioError('expectation', `expected a failure with "${wanted}"; it failed with: ${error.message}`, range);
  }
  throw new ScenarioError('expectation', `expected ${textOf(node.value)} to fail; it gave ${formatValue(value)}`, range);
}

function loopOver(values: OperationValue, node: For, outer: Loop | undefined): Loop {
  if (isList(values)) return { value: (index) => values[index], count: values.length, taken: 0, outer };
  if (isSpan(values)) {
    const { start, end } = values;
    return { value: (index) => start + BigInt(index), count: end > start ? Number(end - start) : 0, taken: 0, outer };
  }
  throw new ScenarioError('evaluation', `for goes over a range or a list, not ${kindOf(values)}`, rangeOf(node.values));
}
