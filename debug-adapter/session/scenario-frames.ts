/** The frames of a stop: the statement, and the calls of the operation that it runs. */
import type { Statement } from '../scenario/generated/ast.ts';
import { textOf } from '../scenario/scenario-error.ts';
import type { Stop } from '../scenario/scenario-run.ts';
import { OperationStep } from './operation-step.ts';
import type { ScenarioFrame } from './scenario-stop.ts';

/** Calls that are open at a stop, outermost first: the same objects for as long as they are. */
export function callsOf(stop: Stop): readonly { readonly name: string }[] {
  return stop.kind === 'step' && stop.step instanceof OperationStep ? stop.step.calls : [];
}

/** Innermost first. */
export function framesOf(stop: Stop): readonly ScenarioFrame[] {
  const { range } = stop;
  const calls = stop.kind === 'step' ? stop.step.frames : [];
  const name = stop.kind === 'end' ? 'end of the scenario' : stop.kind === 'failed' ? 'failed' : labelOf(stop.node);
  return [
    ...calls.map((frame): ScenarioFrame => ({ kind: 'call', name: frame.name, range, variables: frame.variables })).reverse(),
    { kind: 'statement', name, range, variables: {} },
  ];
}

/** Characters of a statement's text that a frame shows. */
const longestLabel = 60;

/** The first line of a statement, as it is written. */
export function labelOf(node: Statement): string {
  const [line = ''] = textOf(node).split(/\r?\n/);
  return line.length > longestLabel ? `${line.slice(0, longestLabel)}…` : line;
}
