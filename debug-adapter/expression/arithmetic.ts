/** C's operators on two values. */
import { limits } from '../base/limits.ts';
import { toAddress } from '../base/address.ts';
import { sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { Type } from '../symbols/types.ts';
import { commonType, promote, wrap } from './c-types.ts';
import type { BasicTypes } from './c-types.ts';
import { numberOf, numberValue } from './value.ts';
import type { ExpressionContext, Value } from './value.ts';

/** Makes the error for what is wrong with an operand. */
export type Wrong = (what: string) => Error;

/** What a value points into when it is a pointer, or an array, which decays to one. */
function targetOf(type: Type): Type | undefined {
  const plain = stripType(type);
  if (plain.kind === 'pointer') return plain.target;
  return plain.kind === 'array' ? plain.element : undefined;
}

function stride(type: Type): bigint {
  return BigInt(Math.max(1, sizeOfType(type)));
}

/** A scalar's number. A struct has none: its address would be taken for its content. */
export function scalarOf(value: Value, context: ExpressionContext, wrong: Wrong): bigint {
  const plain = stripType(value.type);
  if (plain.kind === 'struct' || plain.kind === 'union') {
    throw wrong(`a ${plain.kind} ${plain.name} has no number; take a member of it, or its address with «&»`);
  }
  if (plain.kind === 'float') throw wrong('floating-point values are shown but not calculated with');
  return numberOf(value, context.memory);
}

interface Operands {
  readonly left: Value;
  readonly right: Value;
}

/** Whether a text in quotes is compared with something: C would compare addresses, which is never meant. */
export function isComparisonOfTexts(operator: string, { left, right }: Operands): boolean {
  return (operator === '==' || operator === '!=') && (left.literal !== undefined || right.literal !== undefined);
}

/** Whether the characters of both are the same, up to the first zero. Throws `MemoryFault` where text is missing. */
export function sameText({ left, right }: Operands, { memory }: ExpressionContext): boolean {
  const [a, b] = [left, right].map((value) => {
    if (value.literal !== undefined) return value.literal;
    const plain = stripType(value.type);
    if (plain.kind === 'pointer') return memory.cString(toAddress(numberOf(value, memory)), limits.stringBytes);
    const length = Math.min(sizeOfType(plain) || limits.stringBytes, limits.stringBytes);
    return value.address === undefined ? undefined : memory.cString(value.address, length);
  });
  return a === b;
}

/**
 * The result has C's type for the operands (C11 6.5.5 to 6.5.14), wrapped to its width. Throws what `wrong` makes of a
 * sentence: operands of wrong types, division by zero, pointers that are no whole number of elements apart.
 */
export function binary(operator: string, operands: { left: Value; right: Value }, context: ExpressionContext, wrong: Wrong): Value {
  const { left, right } = operands;
  const { basic } = context;
  const a = scalarOf(left, context, wrong);
  const b = scalarOf(right, context, wrong);
  const leftTarget = targetOf(left.type);
  const rightTarget = targetOf(right.type);
  const isPointer = leftTarget !== undefined || rightTarget !== undefined;
  if (operator === '+' || operator === '-') {
    if (leftTarget !== undefined && rightTarget !== undefined) {
      if (operator === '+') throw wrong('two pointers cannot be added');
      const distance = BigInt.asIntN(basic.long.size * 8, a - b);
      const size = stride(leftTarget);
      if (distance % size !== 0n) throw wrong(`the pointers are ${distance} bytes apart, which is no multiple of ${size}`);
      return numberValue(distance / size, basic.long);
    }
    if (leftTarget !== undefined)
      return pointer(leftTarget, operator === '+' ? a + b * stride(leftTarget) : a - b * stride(leftTarget), basic);
    if (rightTarget !== undefined) {
      if (operator === '-') throw wrong('a pointer cannot be taken from a number');
      return pointer(rightTarget, b + a * stride(rightTarget), basic);
    }
  }
  const promotedLeft = promote(left.type, left.bits?.width, basic);
  const promotedRight = promote(right.type, right.bits?.width, basic);
  if (operator === '<<' || operator === '>>') return shift(operator, { a, b, type: promotedLeft }, wrong);
  const type = isPointer ? basic.unsignedLong : commonType(promotedLeft, promotedRight);
  const x = wrap(a, type);
  const y = wrap(b, type);
  const compared = comparison(operator, x, y);
  if (compared !== undefined) return numberValue(compared ? 1n : 0n, basic.int);
  return numberValue(arithmetic(operator, { x, y }, wrong), type);
}

function pointer(target: Type, address: bigint, basic: BasicTypes): Value {
  return numberValue(address, { kind: 'pointer', size: basic.long.size, target });
}

function shift(operator: string, of: { a: bigint; b: bigint; type: BasicTypes['int'] }, wrong: Wrong): Value {
  const { a, b, type } = of;
  const width = BigInt(type.size * 8);
  if (b < 0n || b >= width)
    throw wrong(`a value of type ${type.name} has ${width} bits and cannot be shifted by ${b}; cast it to a wider type`);
  const x = wrap(a, type);
  return numberValue(operator === '<<' ? x << b : x >> b, type);
}

function comparison(operator: string, x: bigint, y: bigint): boolean | undefined {
  switch (operator) {
    case '==':
      return x === y;
    case '!=':
      return x !== y;
    case '<':
      return x < y;
    case '>':
      return x > y;
    case '<=':
      return x <= y;
    case '>=':
      return x >= y;
    default:
      return undefined;
  }
}

function arithmetic(operator: string, { x, y }: { x: bigint; y: bigint }, wrong: Wrong): bigint {
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
    case '%':
      if (y === 0n) throw wrong('division by zero');
      return operator === '/' ? x / y : x % y;
    case '&':
      return x & y;
    case '|':
      return x | y;
    case '^':
      return x ^ y;
    default:
      throw wrong(`the operator «${operator}» is not known`);
  }
}
