/** Operators on values. Numbers have no width: what an operation takes is checked where it takes it. */
import { limits } from '../base/limits.ts';
import type { OperationValue } from '../simulator/operation.ts';
import type { Binary, Unary } from './generated/ast.ts';
import { ScenarioError } from './scenario-error.ts';
import type { TextRange } from './scenario-error.ts';
import { equalValues, isList, isSpan, kindOf } from './scenario-value.ts';

/** Bits that a number may have: enough for any address arithmetic, and no shift can fill memory. */

export type BinaryOperator = Binary['operator'];

/** Throws `ScenarioError` where the operator makes no sense of the values. */
export function applyBinary(operator: BinaryOperator, one: OperationValue, other: OperationValue, range: TextRange): OperationValue {
  switch (operator) {
    case '==':
      return equalValues(one, other);
    case '!=':
      return !equalValues(one, other);
    case 'in':
      return contains(other, one, range);
    case '&&':
      return truthOf(one, range) && truthOf(other, range);
    case '||':
      return truthOf(one, range) || truthOf(other, range);
    case '..':
      if (typeof one === 'bigint' && typeof other === 'bigint') return { start: one, end: other };
      throw new ScenarioError('evaluation', `a range is of two numbers, not of ${kindOf(one)} and ${kindOf(other)}`, range);
    default:
  }
  if (typeof one === 'bigint' && typeof other === 'bigint') return arithmetic(operator, one, other, range);
  if (typeof one === 'string' && typeof other === 'string' && operator === '+') return joined(one + other, range);
  // Flags are texts of names: VM_MAP|VM_ALLOC.
  if (typeof one === 'string' && typeof other === 'string' && operator === '|') return joined(`${one}|${other}`, range);
  if (isList(one) && isList(other) && operator === '+') {
    if (one.length + other.length > limits.scenarioListElements)
      throw new ScenarioError('limit', `a list has at most ${limits.scenarioListElements} elements`, range);
    return [...one, ...other];
  }
  throw new ScenarioError('evaluation', `${kindOf(one)} and ${kindOf(other)} have no ${operator}`, range);
}

function joined(text: string, range: TextRange): string {
  if (text.length > limits.scenarioTextCharacters)
    throw new ScenarioError('limit', `a text has at most ${limits.scenarioTextCharacters} characters`, range);
  return text;
}

function contains(where: OperationValue, what: OperationValue, range: TextRange): boolean {
  if (typeof where === 'string' && typeof what === 'string') {
    return /^\w+(?:\|\w+)+$/.test(where) ? where.split('|').includes(what) : where.includes(what);
  }
  if (isList(where)) return where.some((one) => equalValues(one, what));
  if (isSpan(where) && typeof what === 'bigint') return what >= where.start && what < where.end;
  throw new ScenarioError('evaluation', `${kindOf(what)} cannot be in ${kindOf(where)}`, range);
}

/** The value of a condition. Throws `ScenarioError` at `range` where it is no truth value: numbers are none. */
export function truthOf(value: OperationValue, range: TextRange): boolean {
  if (typeof value === 'boolean') return value;
  throw new ScenarioError('evaluation', `this is ${kindOf(value)}; a condition is true or false (write a comparison)`, range);
}

function arithmetic(operator: BinaryOperator, one: bigint, other: bigint, range: TextRange): OperationValue {
  switch (operator) {
    case '+':
      return bounded(one + other, range);
    case '-':
      return bounded(one - other, range);
    case '*':
      return bounded(one * other, range);
    case '/':
    case '%':
      if (other === 0n) throw new ScenarioError('evaluation', 'division by zero', range);
      return operator === '/' ? one / other : one % other;
    case '<<':
    case '>>':
      if (other < 0n || other >= limits.scenarioNumberBits)
        throw new ScenarioError('evaluation', `a shift is by 0 to ${limits.scenarioNumberBits - 1} bits`, range);
      return operator === '<<' ? bounded(one << other, range) : one >> other;
    case '&':
      return one & other;
    case '|':
      return one | other;
    case '^':
      return one ^ other;
    case '<':
      return one < other;
    case '<=':
      return one <= other;
    case '>':
      return one > other;
    case '>=':
      return one >= other;
    default:
      throw new ScenarioError('evaluation', `numbers have no ${operator}`, range);
  }
}

function bounded(value: bigint, range: TextRange): bigint {
  if (BigInt.asIntN(limits.scenarioNumberBits, value) !== value)
    throw new ScenarioError('limit', `a number has at most ${limits.scenarioNumberBits} bits`, range);
  return value;
}

/** `!` of a truth value, `-` and `~` of a number of any size. Throws `ScenarioError` at `range` for other values. */
export function applyUnary(operator: Unary['operator'], value: OperationValue, range: TextRange): OperationValue {
  if (operator === '!') return !truthOf(value, range);
  if (typeof value !== 'bigint') throw new ScenarioError('evaluation', `${kindOf(value)} has no ${operator}`, range);
  return operator === '-' ? -value : ~value;
}
