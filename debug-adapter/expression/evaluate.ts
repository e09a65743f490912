/** Evaluates expressions over a dump's memory. Nothing is written; no function of the kernel is called. */
import { errors, UserError } from '../base/errors.ts';
import { toAddress } from '../base/address.ts';
import { limits } from '../base/limits.ts';
import { locateMember, sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { Type } from '../symbols/types.ts';
import { binary, isComparisonOfTexts, sameText, scalarOf } from './arithmetic.ts';
import { constantType, plainConstant, promote } from './c-types.ts';
import { parseExpression } from './parser.ts';
import type { Expression, FormatSpecifier } from './parser.ts';
import { elementOf, listValue, memberOf, numberOf, numberValue, placedValue, textValue } from './value.ts';
import type { Argument, ExpressionContext, ExpressionFunction, Value } from './value.ts';

/** The value, and how the expression asked for it to be shown. */
export interface Evaluated {
  readonly value: Value;
  readonly style: FormatSpecifier['style'];
}

/** Evaluates `text`. Throws `UserError` (what is wrong with it) or `MemoryFault` (memory that it needs is missing). */
export function evaluate(text: string, context: ExpressionContext): Evaluated {
  const isType = (name: string): boolean => context.types?.parse(name) !== undefined && context.symbols.find(name) === undefined;
  const { expression, format } = parseExpression(text, isType);
  const value = new Evaluation(text, context).value(expression);
  if (format?.count === undefined) return { value, style: format?.style };
  if (format.count > limits.expressionElements)
    throw errors.badExpression(text, `more than ${limits.expressionElements} elements are asked for`);
  const items = Array.from({ length: format.count }, (_, index) => elementOf(value, BigInt(index), context.memory));
  return { value: listValue(items, items[0]?.type ?? { kind: 'void' }), style: format.style };
}

class Evaluation {
  readonly #text: string;
  readonly #context: ExpressionContext;
  /** Where the part stands that is being evaluated. */
  #at = 0;
  readonly #wrong = (what: string): Error => errors.badExpression(this.#text, what, this.#at);

  constructor(text: string, context: ExpressionContext) {
    this.#text = text;
    this.#context = context;
  }

  value(expression: Expression): Value {
    const outer = this.#at;
    this.#at = expression.at;
    const value = this.#valueOf(expression);
    this.#at = outer;
    return value;
  }

  #valueOf(expression: Expression): Value {
    const { basic } = this.#context;
    switch (expression.kind) {
      case 'number':
        if (expression.value >> 64n !== 0n) throw this.#wrong(`0x${expression.value.toString(16)} has more than 64 bits`);
        return numberValue(expression.value, constantType(expression.value, expression.form, basic));
      case 'character':
        return numberValue(BigInt(expression.code), basic.int);
      case 'text':
        return textValue(expression.text);
      case 'name':
        return this.#name(expression.name);
      case 'register': {
        const register = this.#context.variable(expression.name);
        if (register === undefined) throw this.#wrong(`nothing is called $${expression.name} here`);
        return register;
      }
      case 'unary':
        return this.#unary(expression.operator, expression.operand);
      case 'binary':
        return this.#binary(expression);
      case 'choice':
        return this.#truth(expression.condition) ? this.value(expression.yes) : this.value(expression.no);
      case 'cast':
        return this.#cast(this.#type(expression.type), this.value(expression.operand));
      case 'member':
        return this.#member(this.value(expression.object), expression);
      case 'index':
        return elementOf(this.value(expression.object), this.#scalar(this.value(expression.index)), this.#context.memory);
      case 'type':
        throw this.#wrong(`«${expression.type}» is a type; a value is needed here`);
      case 'call':
        return this.#call(expression);
    }
  }

  #scalar(value: Value): bigint {
    return scalarOf(value, this.#context, this.#wrong);
  }

  #truth(expression: Expression): boolean {
    return this.#scalar(this.value(expression)) !== 0n;
  }

  #type(name: string): Type {
    const { types } = this.#context;
    if (types === undefined) throw errors.noTypes(`the type ${name}`);
    const type = types.parse(name);
    if (type === undefined) throw errors.unknownType(name);
    return type;
  }

  #name(name: string): Value {
    const { symbols, types, basic } = this.#context;
    const symbol = symbols.find(name);
    if (symbol !== undefined) {
      const address = this.#context.perCpuAddress(symbol.address) ?? symbol.address;
      return placedValue(this.#context.typeOfSymbol(name) ?? { kind: 'void' }, address);
    }
    const enumerator = types?.enumerator(name);
    if (enumerator !== undefined) return numberValue(enumerator, constantType(enumerator, plainConstant, basic));
    throw errors.unknownSymbol(name);
  }

  #unary(operator: string, operand: Expression): Value {
    const value = this.value(operand);
    const { memory, basic } = this.#context;
    switch (operator) {
      case '*':
        return this.#dereference(value);
      case '&': {
        if (value.bits !== undefined) throw this.#wrong('a bit-field has no address');
        if (value.address === undefined) throw this.#wrong('«&» needs something that lies in memory');
        return numberValue(value.address, { kind: 'pointer', size: memory.pointerSize, target: value.type });
      }
      case '!':
        return numberValue(this.#scalar(value) === 0n ? 1n : 0n, basic.int);
      default: {
        const number = this.#scalar(value);
        const type = promote(value.type, value.bits?.width, basic);
        return numberValue(operator === '-' ? -number : operator === '~' ? ~number : number, type);
      }
    }
  }

  #dereference(value: Value): Value {
    const { memory, basic } = this.#context;
    const plain = stripType(value.type);
    if (plain.kind === 'array' || (plain.kind === 'pointer' && stripType(plain.target).kind !== 'void'))
      return elementOf(value, 0n, memory);
    // A plain address stands for the word there.
    if (plain.kind === 'integer' || plain.kind === 'pointer') return placedValue(basic.unsignedLong, toAddress(numberOf(value, memory)));
    throw this.#wrong('«*» needs a pointer');
  }

  #cast(type: Type, value: Value): Value {
    const plain = stripType(type);
    if (plain.kind === 'struct' || plain.kind === 'union' || plain.kind === 'array') {
      if (value.address === undefined) throw this.#wrong('a struct cast needs something in memory; cast to a pointer: (TYPE *)');
      return placedValue(type, value.address);
    }
    return numberValue(numberOf(value, this.#context.memory), type);
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
    return memberOf(place, found, memory);
  }

  #binary(expression: { operator: string; left: Expression; right: Expression }): Value {
    const { operator } = expression;
    const { int } = this.#context.basic;
    if (operator === '&&') return numberValue(this.#truth(expression.left) && this.#truth(expression.right) ? 1n : 0n, int);
    if (operator === '||') return numberValue(this.#truth(expression.left) || this.#truth(expression.right) ? 1n : 0n, int);
    const operands = { left: this.value(expression.left), right: this.value(expression.right) };
    const same = isComparisonOfTexts(operator, operands) ? sameText(operands, this.#context) : undefined;
    if (same !== undefined) return numberValue(same === (operator === '==') ? 1n : 0n, int);
    return binary(operator, operands, this.#context, this.#wrong);
  }

  #call(expression: { name: string; parameters: readonly Expression[] }): Value {
    const { name, parameters } = expression;
    if (name === 'sizeof') return this.#sizeOf(parameters[0]);
    const found = this.#context.functions.get(name);
    if (found === undefined) {
      const known = [...this.#context.functions.values()].map(({ usage }) => usage).join(', ');
      throw this.#wrong(`functions of the kernel cannot be called in a dump (${name}); there are sizeof(TYPE), ${known}`);
    }
    const given = parameters.map((parameter, index) => this.#argument(parameter, found, index));
    try {
      return found.call(given, this.#context);
    } catch (error) {
      // A function knows what is wrong, but not where it was called.
      if (error instanceof UserError && error.code === 'bad-argument') throw this.#wrong(error.message);
      throw error;
    }
  }

  #sizeOf(operand: Expression | undefined): Value {
    if (operand === undefined) throw this.#wrong('sizeof needs a type or an expression');
    const type = operand.kind === 'type' ? this.#type(operand.type) : this.value(operand).type;
    return numberValue(BigInt(sizeOfType(type)), this.#context.basic.unsignedLong);
  }

  #argument(expression: Expression, called: ExpressionFunction, index: number): Argument {
    if (called.paths.includes(index)) {
      const path = pathOf(expression);
      if (path === undefined) throw this.#wrong(`parameter ${index + 1} of ${called.usage} is a member, such as «list» or «run.node»`);
      return { kind: 'path', path };
    }
    if (expression.kind === 'type') return { kind: 'type', type: this.#type(expression.type) };
    return { kind: 'value', value: this.value(expression) };
  }
}

/** A member path as it was written. */
function pathOf(expression: Expression): string | undefined {
  if (expression.kind === 'name') return expression.name;
  // A member may be called as a type is.
  if (expression.kind === 'type' && /^\w+$/.test(expression.type)) return expression.type;
  if (expression.kind === 'member' && expression.through === '.') {
    const object = pathOf(expression.object);
    return object === undefined ? undefined : `${object}.${expression.name}`;
  }
  if (expression.kind === 'index' && expression.index.kind === 'number') {
    const object = pathOf(expression.object);
    return object === undefined ? undefined : `${object}[${expression.index.value}]`;
  }
  return undefined;
}
