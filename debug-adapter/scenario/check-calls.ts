/** Checks of calls: the operation, its arguments, the flags among them. */
import type { ValidationAcceptor } from 'langium';
import { mayBeLeftOut, parametersByPlace, signatureOf } from './catalogue.ts';
import type { Callable, Catalogue } from './catalogue.ts';
import type { CallableParameter } from './engine-functions.ts';
import { isInsideAs } from './call-place.ts';
import type { Argument, Call, Expression } from './generated/ast.ts';
import { nearestName } from './nearest-name.ts';
import type { Fix, ProblemCode, ProblemData } from './problem.ts';
import { rangeOf } from './scenario-error.ts';
import type { TextRange } from './scenario-error.ts';

/** Tells one problem. */
export type Tell = (problem: { code: ProblemCode; message: string; range: TextRange; fixes?: readonly Fix[] }) => void;

/** Puts a check's findings where the language server shows them: range, code and fixes go with the message. */
export function teller(accept: ValidationAcceptor, node: Parameters<ValidationAcceptor>[2]['node']): Tell {
  return ({ code, message, range, fixes = [] }) => {
    const data: ProblemData = { code, fixes };
    accept('error', message, { node, range, code, data });
  };
}

/** "; did you mean X?" and the fix that writes X. */
export function suggestion(
  range: TextRange,
  name: string,
  candidates: Iterable<string>,
): { readonly words: string; readonly fixes: readonly Fix[] } {
  const nearest = nearestName(name, candidates);
  if (nearest === undefined) return { words: '', fixes: [] };
  return { words: `; did you mean ${nearest}?`, fixes: [{ title: `Change to ${nearest}`, range, newText: nearest }] };
}

/**
 * Tells of an unknown name, of arguments that are missing, too many, twice, of the wrong kind, and of unknown flags, with fixes
 * where a name is near.
 */
export function checkCall(call: Call, catalogue: Catalogue, tell: Tell): void {
  const callable = catalogue.find(call.operation);
  const name = nameRange(call);
  if (callable === undefined) {
    const { words, fixes } = suggestion(name, call.operation, catalogue.callables.keys());
    tell({ code: 'unknown-operation', message: `there is no operation or function ${call.operation}${words}`, range: name, fixes });
    return;
  }
  const bound = bindArguments(call, callable, tell);
  const missing = callable.parameters.filter((one) => !bound.has(one.name) && !mayBeLeftOut(one, isInsideAs(call)));
  if (missing.length > 0) {
    const names = missing.map((one) => one.name).join(', ');
    tell({
      code: 'missing-argument',
      message: `${call.operation} lacks ${names}; it is ${signatureOf(callable)}`,
      range: name,
      fixes: [insertArguments(call, missing)],
    });
  }
  for (const [parameter, argument] of bound)
    checkValue(
      argument.value,
      callable.parameters.find((one) => one.name === parameter),
      tell,
    );
}

/** Arguments by the name of their parameter. Tells those that have none, and those that are given twice. */
export function bindArguments(call: Call, callable: Callable, tell: Tell): Map<string, Argument> {
  const bound = new Map<string, Argument>();
  const byPlace = parametersByPlace(callable, isInsideAs(call));
  call.given.forEach((argument, index) => {
    const range = rangeOf(argument);
    const remove: Fix = { title: 'Remove the argument', range: removalRange(call, index), newText: '' };
    const parameter = argument.parameter ?? byPlace[index]?.name;
    if (parameter === undefined) {
      const most = byPlace.length;
      const message = `${call.operation} takes ${most === 0 ? 'no arguments' : `at most ${most} argument${most === 1 ? '' : 's'}`}; it is ${signatureOf(callable)}`;
      tell({ code: 'extra-argument', message, range, fixes: [remove] });
    } else if (!callable.parameters.some((one) => one.name === parameter)) {
      const at = { start: range.start, end: { line: range.start.line, character: range.start.character + parameter.length } };
      const free = callable.parameters.map((one) => one.name).filter((one) => !bound.has(one));
      const { words, fixes } = suggestion(at, parameter, free);
      const message = `${call.operation} has no parameter ${parameter}${words || `; it is ${signatureOf(callable)}`}`;
      tell({ code: 'unknown-parameter', message, range: at, fixes: [...fixes, remove] });
    } else if (bound.has(parameter)) {
      tell({ code: 'repeated-argument', message: `${parameter} is given twice`, range, fixes: [remove] });
    } else {
      bound.set(parameter, argument);
    }
  });
  return bound;
}

const numeric = new Set<CallableParameter['kind']>(['address', 'size', 'count', 'number', 'process']);

function isRange(value: Expression): boolean {
  return value.$type === 'Binary' && value.operator === '..';
}

/** What can be told of an argument without running it. */
function checkValue(value: Expression, parameter: CallableParameter | undefined, tell: Tell): void {
  if (parameter === undefined) return;
  const { kind, names } = parameter;
  const range = rangeOf(value);
  const wrong = (what: string): void => {
    tell({ code: 'wrong-argument', message: `${parameter.name} takes ${wantedWords[kind]}, not ${what}`, range });
  };
  if (value.$type === 'Quantity' && ['text', 'switch', 'range', 'list'].includes(kind)) wrong('a number');
  else if (value.$type === 'Truth' && kind !== 'switch' && kind !== 'any') wrong('true or false');
  else if (isRange(value) && kind !== 'range' && kind !== 'any' && kind !== 'list') wrong('a range');
  else if (value.$type === 'Text' && kind !== 'text' && kind !== 'any' && kind !== 'list') {
    const plain = value.holes.length === 0 ? value.head : undefined;
    const isName = kind === 'flags' && plain !== undefined && /^\w+(?:\|\w+)*$/.test(plain);
    const isNumber = numeric.has(kind) && plain !== undefined && /^(?:0x[0-9a-f]+|[0-9]+[kmgt]?)$/i.test(plain);
    const fixes = isName || isNumber ? [{ title: 'Remove the quotes', range, newText: plain }] : [];
    tell({ code: 'wrong-argument', message: `${parameter.name} takes ${wantedWords[kind]}, not a text`, range, fixes });
  } else if (kind === 'text' && names !== undefined && value.$type === 'Text' && value.holes.length === 0 && !names.includes(value.head)) {
    const { words, fixes } = suggestion(range, value.head, names);
    const quoted = fixes.map((fix) => ({ ...fix, newText: `"${fix.newText}"` }));
    tell({ code: 'unknown-choice', message: `${parameter.name} is one of ${names.join(', ')}${words}`, range, fixes: quoted });
  } else if (names !== undefined) checkNames(value, parameter, tell);
}

/** Names that stand for themselves: flags, and choices such as PAGE_KERNEL. */
function checkNames(value: Expression, parameter: CallableParameter, tell: Tell): void {
  const { name, names = [], kind } = parameter;
  if (value.$type === 'Binary' && value.operator === '|' && kind === 'flags') {
    checkNames(value.left, parameter, tell);
    checkNames(value.right, parameter, tell);
  } else if (value.$type === 'Name' && value.variable.ref === undefined && !names.includes(value.variable.$refText)) {
    const range = rangeOf(value);
    const given = value.variable.$refText;
    const { words, fixes } = suggestion(range, given, names);
    const message = `${name} has no ${kind === 'flags' ? 'flag' : 'choice'} ${given}; there are ${names.join(', ')}${words}`;
    tell({ code: kind === 'flags' ? 'unknown-flag' : 'unknown-choice', message, range, fixes });
  }
}

/** What a parameter of each kind wants, for messages. */
export const wantedWords: Readonly<Record<CallableParameter['kind'], string>> = {
  address: 'an address',
  size: 'a size in bytes',
  count: 'a number',
  number: 'a number',
  flags: 'flags (NAME|NAME)',
  text: 'a text',
  process: 'a process',
  range: 'a range (start..end)',
  switch: 'true or false',
  list: 'a list, a text or a range',
  any: 'any value',
};

/** What an argument of a kind may look like, for one that has to be written. */
export function placeholderOf({ kind, names }: CallableParameter): string {
  if (kind === 'text') return `"${names?.[0] ?? ''}"`;
  if (kind === 'flags') return names?.[0] ?? '0';
  return { address: '0x0', size: '4K', count: '1', number: '0', process: '1', range: '0..0', switch: 'true', list: '[]', any: '0' }[kind];
}

function nameRange(call: Call): TextRange {
  const { start } = rangeOf(call);
  return { start, end: { line: start.line, character: start.character + call.operation.length } };
}

/** Before the closing parenthesis. */
function insertArguments(call: Call, missing: readonly CallableParameter[]): Fix {
  const { end } = rangeOf(call);
  const at = { line: end.line, character: Math.max(0, end.character - 1) };
  const written = missing.map((one) => `${one.name}: ${placeholderOf(one)}`).join(', ');
  const names = missing.map((one) => one.name).join(', ');
  return { title: `Add ${names}`, range: { start: at, end: at }, newText: call.given.length > 0 ? `, ${written}` : written };
}

/** An argument with the comma that it leaves over. */
function removalRange(call: Call, index: number): TextRange {
  const argument = call.given[index];
  const next = call.given[index + 1];
  const before = call.given[index - 1];
  const own = argument === undefined ? rangeOf(call) : rangeOf(argument);
  if (before !== undefined) return { start: rangeOf(before).end, end: own.end };
  return next === undefined ? own : { start: own.start, end: rangeOf(next).start };
}
