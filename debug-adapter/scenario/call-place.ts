/** Where in a call something stands. */
import type { AstNode } from 'langium';
import { parametersByPlace } from './catalogue.ts';
import type { Callable, Catalogue } from './catalogue.ts';
import type { CallableParameter } from './engine-functions.ts';
import type { Argument, Binary, Call } from './generated/ast.ts';

/** The parameter that an argument is for. */
export function parameterOf(argument: Argument, callable: Callable | undefined): CallableParameter | undefined {
  if (argument.parameter !== undefined) return callable?.parameters.find(({ name }) => name === argument.parameter);
  if (callable === undefined) return undefined;
  return parametersByPlace(callable, isInsideAs(argument.$container))[argument.$containerIndex ?? 0];
}

/** The parameter whose argument, or a part of it that `|` combines, is `node`. */
export function parameterAt(node: AstNode, catalogue: Catalogue): CallableParameter | undefined {
  let at: AstNode | undefined = node;
  while (at !== undefined && at.$type !== 'Argument') {
    if (at !== node && !(at.$type === 'Binary' && (at as Binary).operator === '|')) return undefined;
    at = at.$container;
  }
  if (at === undefined) return undefined;
  const argument = at as Argument;
  return parameterOf(argument, catalogue.find(argument.$container.operation));
}

/** Whether a call stands in an `as` block, whose process it is given. */
export function isInsideAs(call: Call): boolean {
  for (let node: AstNode | undefined = call.$container; node !== undefined; node = node.$container) if (node.$type === 'As') return true;
  return false;
}
