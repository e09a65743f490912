/** Evaluates expressions over a dump's memory. Nothing is written; nothing is called. */
import { addToAddress, toAddress } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { locateMember, sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { Type } from '../symbols/types.ts';
import { parseExpression } from './parser.ts';
import type { Expression } from './parser.ts';
import { elementOf, numberOf, numberValue, placedValue } from './value.ts';
import type { ExpressionContext, Value } from './value.ts';

/** Evaluates `text`. Throws `UserError` (what is wrong with it) or `MemoryFault` (memory that it needs is missing). */
export function evaluate(text: string, context: ExpressionContext): Value {
  const isType = (name: string): boolean => context.types?.parse(name) !== undefined;
  return new Evaluation(text, context).value(parseExpression(text, isType));
}

class Evaluation {
  readonly #text: string;
  readonly #context: ExpressionContext;

  constructor(text: string, context: ExpressionContext) {
    this.#text = text;
    this.#context = context;
  }

  value(expression: Expression): Value {
    switch (expression.kind) {
      case 'number':
        if (expression.value >> 64n !== 0n) throw this.#wrong(`0x${expression.value.toString(16)} has more than 64 bits`);
        return numberValue(expression.value);
      case 'name':
        return this.#name(expression.name);
      case 'register': {
        const register = this.#context.register(expression.name);
        if (register === undefined) throw this.#wrong(`no register is called $${expression.name}`);
        return numberValue(register);
      }
      case 'unary':
        return this.#unary(expression.operator, expression.operand);
      case 'binary':
        return this.#binary(expression);
      case 'cast':
        return this.#cast(this.#type(expression.type), this.value(expression.operand));
      case 'member':
        return this.#member(this.value(expression.object), expression);
      case 'index':
        return elementOf(this.value(expression.object), this.#number(expression.index), this.#context.memory);
      case 'sizeof':
        return numberValue(BigInt(sizeOfType(this.#type(expression.type))));
      case 'call':
        throw this.#wrong(`functions of the kernel cannot be called in a dump (${expression.name})`);
    }
  }

  #wrong(what: string): Error {
    return errors.badExpression(this.#text, what);
  }

  #number(expression: Expression): bigint {
    return numberOf(this.value(expression), this.#context.memory);
  }

  #type(name: string): Type {
    const { types } = this.#context;
    if (types === undefined) throw errors.noTypes(`the type ${name}`);
    const type = types.parse(name);
    if (type === undefined) throw errors.unknownType(name);
    return type;
  }

  #name(name: string): Value {
    const symbol = this.#context.symbols.find(name);
    if (symbol !== undefined) return placedValue(this.#context.typeOfSymbol(name) ?? { kind: 'void' }, symbol.address);
    const enumerator = this.#context.types?.enumerator(name);
    if (enumerator !== undefined) return numberValue(enumerator);
    throw errors.unknownSymbol(name);
  }

  #unary(operator: string, operand: Expression): Value {
    const value = this.value(operand);
    const { memory } = this.#context;
    switch (operator) {
      case '*':
        return this.#dereference(value);
      case '&': {
        if (value.address === undefined) throw this.#wrong('«&» needs something that lies in memory');
        return numberValue(value.address, { kind: 'pointer', size: memory.pointerSize, target: value.type });
      }
      case '-':
        return numberValue(-numberOf(value, memory));
      case '~':
        return numberValue(~numberOf(value, memory));
      case '!':
        return numberValue(numberOf(value, memory) === 0n ? 1n : 0n);
      default:
        return numberValue(numberOf(value, memory), value.type);
    }
  }

  #dereference(value: Value): Value {
    const { memory } = this.#context;
    const plain = stripType(value.type);
    if (plain.kind === 'array' || (plain.kind === 'pointer' && stripType(plain.target).kind !== 'void'))
      return elementOf(value, 0n, memory);
    if (plain.kind === 'integer' || plain.kind === 'pointer') {
      // A plain address stands for the word there.
      return placedValue(
        { kind: 'integer', name: 'unsigned long', size: memory.pointerSize, signed: false, encoding: 'number' },
        toAddress(numberOf(value, memory)),
      );
    }
    throw this.#wrong('«*» needs a pointer');
  }

  #cast(type: Type, value: Value): Value {
    const plain = stripType(type);
    if (plain.kind === 'struct' || plain.kind === 'union' || plain.kind === 'array') {
      if (value.address === undefined) throw this.#wrong('a struct cast needs something in memory; cast to a pointer: (TYPE *)');
      return placedValue(type, value.address);
    }
    const number = numberOf(value, this.#context.memory);
    const width = sizeOfType(type) * 8;
    if (width === 0) return numberValue(number, type);
    const signed = (plain.kind === 'integer' || plain.kind === 'enum') && plain.signed;
    return { type, address: undefined, number: signed ? BigInt.asIntN(width, number) : BigInt.asUintN(width, number), bits: undefined };
  }

  #member(object: Value, expression: { name: string; through: '.' | '->' }): Value {
    const { memory } = this.#context;
    const place = stripType(object.type).kind === 'pointer' ? elementOf(object, 0n, memory) : object;
    const struct = stripType(place.type);
    if ((struct.kind !== 'struct' && struct.kind !== 'union') || place.address === undefined) {
      throw this.#wrong(
        `«${expression.through}${expression.name}» needs a struct; cast the value first: ((struct NAME *)…)->${expression.name}`,
      );
    }
    const found = locateMember(struct, expression.name);
    if (found === undefined) throw this.#wrong(`struct ${struct.name} has no member ${expression.name}`);
    if (found.bitSize === undefined) return placedValue(found.type, addToAddress(place.address, found.offset));
    const size = Math.max(1, sizeOfType(found.type));
    const unit = Math.floor(found.bitOffset / 8 / size) * size;
    const first = found.bitOffset - unit * 8;
    const shift = memory.littleEndian ? first : size * 8 - first - found.bitSize;
    return { type: found.type, address: addToAddress(place.address, unit), number: undefined, bits: { shift, width: found.bitSize } };
  }

  #binary(expression: { operator: string; left: Expression; right: Expression }): Value {
    const { memory } = this.#context;
    const left = this.value(expression.left);
    const { operator } = expression;
    const a = numberOf(left, memory);
    if (operator === '&&') return numberValue(a !== 0n && this.#number(expression.right) !== 0n ? 1n : 0n);
    if (operator === '||') return numberValue(a !== 0n || this.#number(expression.right) !== 0n ? 1n : 0n);
    const b = this.#number(expression.right);
    const pointer = stripType(left.type);
    if (pointer.kind === 'pointer' && (operator === '+' || operator === '-')) {
      const scale = BigInt(Math.max(1, sizeOfType(pointer.target)));
      return numberValue(operator === '+' ? a + b * scale : a - b * scale, left.type);
    }
    return numberValue(this.#arithmetic(operator, a, b));
  }

  #arithmetic(operator: string, a: bigint, b: bigint): bigint {
    switch (operator) {
      case '+':
        return a + b;
      case '-':
        return a - b;
      case '*':
        return a * b;
      case '/':
      case '%':
        if (b === 0n) throw this.#wrong('division by zero');
        return operator === '/' ? a / b : a % b;
      case '&':
        return a & b;
      case '|':
        return a | b;
      case '^':
        return a ^ b;
      case '<<':
        return b > 63n || b < 0n ? 0n : a << b;
      case '>>':
        return b > 63n || b < 0n ? 0n : a >> b;
      case '==':
        return a === b ? 1n : 0n;
      case '!=':
        return a === b ? 0n : 1n;
      case '<':
        return a < b ? 1n : 0n;
      case '>':
        return a > b ? 1n : 0n;
      case '<=':
        return a <= b ? 1n : 0n;
      case '>=':
        return a >= b ? 1n : 0n;
      default:
        throw this.#wrong(`the operator «${operator}» is not known`);
    }
  }
}
