/** Parses an expression into a tree: a Pratt parser over C's operators, with a bound on depth. */
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ConstantForm } from './c-types.ts';
import { tokenize } from './lexer.ts';
import type { Token } from './lexer.ts';

/** A part of an expression; `at` is the index of the character where it, or its operator, stands. */
export type Expression = { readonly at: number } & (
  | { readonly kind: 'number'; readonly value: bigint; readonly form: ConstantForm }
  | { readonly kind: 'character'; readonly code: number }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'register'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'choice'; readonly condition: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly kind: 'cast'; readonly type: string; readonly operand: Expression }
  | { readonly kind: 'member'; readonly object: Expression; readonly name: string; readonly through: '.' | '->' }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  | { readonly kind: 'call'; readonly name: string; readonly parameters: readonly Expression[] }
  /** A type where a value could stand: a parameter of sizeof, offsetof, container_of, list… */
  | { readonly kind: 'type'; readonly type: string }
);

/** How a value is shown: `expression,x`. */
export interface FormatSpecifier {
  /** x hexadecimal, d signed, u unsigned, o octal, b binary, c character, s text. */
  readonly style: 'x' | 'd' | 'u' | 'o' | 'b' | 'c' | 's' | undefined;
  /** Elements of the array that a pointer points into. */
  readonly count: number | undefined;
}

/** The tree, and what stood behind the comma. */
export interface ParsedExpression {
  readonly expression: Expression;
  readonly format: FormatSpecifier | undefined;
}

const binding: Readonly<Record<string, number>> = {
  '||': 2,
  '&&': 3,
  '|': 4,
  '^': 5,
  '&': 6,
  '==': 7,
  '!=': 7,
  '<': 8,
  '>': 8,
  '<=': 8,
  '>=': 8,
  '<<': 9,
  '>>': 9,
  '+': 10,
  '-': 10,
  '*': 11,
  '/': 11,
  '%': 11,
};
const choiceBinding = 1;
const typeWords = new Set(['struct', 'union', 'enum', 'unsigned', 'signed', 'const', 'volatile', 'void']);

/** `isType` says whether a name in parentheses begins a cast. */
export function parseExpression(text: string, isType: (name: string) => boolean): ParsedExpression {
  return new Parser(text, isType).whole();
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #isType: (name: string) => boolean;
  #at = 0;
  #depth = 0;

  constructor(text: string, isType: (name: string) => boolean) {
    this.#text = text;
    this.#tokens = tokenize(text);
    this.#isType = isType;
  }

  whole(): ParsedExpression {
    const expression = this.#binary(0);
    const format = this.#accept(',') ? this.#specifier() : undefined;
    if (this.#peek().kind !== 'end') throw this.#unexpected();
    return { expression, format };
  }

  #specifier(): FormatSpecifier {
    const bracket = this.#accept('[');
    const token = this.#take();
    if (token.kind === 'number') {
      if (bracket) this.#need(']');
      return { style: undefined, count: Number(token.text) };
    }
    const style = (['x', 'd', 'u', 'o', 'b', 'c', 's'] as const).find((one) => token.kind === 'name' && token.text === one);
    if (style === undefined || bracket) {
      throw errors.badExpression(this.#text, 'behind the comma stands x, d, u, o, b, c or s, or a number of elements', token.at);
    }
    return { style, count: undefined };
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] ?? { kind: 'end', text: '', at: 0 };
  }

  #take(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #accept(operator: string): boolean {
    if (this.#peek().kind !== 'operator' || this.#peek().text !== operator) return false;
    this.#at++;
    return true;
  }

  #need(operator: string): void {
    if (!this.#accept(operator)) throw errors.badExpression(this.#text, `«${operator}» is missing`, this.#peek().at);
  }

  #unexpected(): Error {
    const token = this.#peek();
    return errors.badExpression(
      this.#text,
      token.kind === 'end' ? 'something is missing at the end' : `«${token.text}» is not expected`,
      token.at,
    );
  }

  #binary(least: number): Expression {
    if (++this.#depth > limits.expressionDepth) throw errors.badExpression(this.#text, `more than ${limits.expressionDepth} levels`);
    let left = this.#unary();
    for (;;) {
      const token = this.#peek();
      if (token.kind === 'operator' && token.text === '?' && choiceBinding > least) {
        this.#at++;
        const yes = this.#binary(0);
        this.#need(':');
        // Right to left: the other choice may be one itself.
        left = { kind: 'choice', at: token.at, condition: left, yes, no: this.#binary(0) };
        continue;
      }
      const strength = token.kind === 'operator' ? binding[token.text] : undefined;
      if (strength === undefined || strength <= least) break;
      this.#at++;
      left = { kind: 'binary', at: token.at, operator: token.text, left, right: this.#binary(strength) };
    }
    this.#depth--;
    return left;
  }

  #unary(): Expression {
    if (++this.#depth > limits.expressionDepth) throw errors.badExpression(this.#text, `more than ${limits.expressionDepth} levels`);
    const expression = this.#prefix();
    this.#depth--;
    return expression;
  }

  #prefix(): Expression {
    const token = this.#peek();
    if (token.kind === 'operator' && ['*', '&', '-', '+', '~', '!'].includes(token.text)) {
      this.#at++;
      return { kind: 'unary', at: token.at, operator: token.text, operand: this.#unary() };
    }
    if (token.kind === 'operator' && token.text === '(') {
      const type = this.#typeInParentheses();
      if (type !== undefined) return { kind: 'cast', at: token.at, type, operand: this.#unary() };
    }
    if (token.kind === 'name' && token.text === 'sizeof') {
      this.#at++;
      const type = this.#typeInParentheses();
      const operand: Expression = type === undefined ? this.#unary() : { kind: 'type', at: token.at, type };
      return { kind: 'call', at: token.at, name: 'sizeof', parameters: [operand] };
    }
    return this.#postfix(this.#primary());
  }

  /** Takes `(type)` when a type stands there; else leaves the cursor. */
  #typeInParentheses(): string | undefined {
    const start = this.#at;
    if (this.#accept('(')) {
      const type = this.#typeName();
      if (type !== undefined && this.#accept(')')) return type;
    }
    this.#at = start;
    return undefined;
  }

  /** Takes the words and stars of a type when a type stands there; else leaves the cursor. */
  #typeName(): string | undefined {
    const start = this.#at;
    const words: string[] = [];
    while (this.#peek().kind === 'name') words.push(this.#take().text);
    let text = words.join(' ');
    if (words[0] === undefined || !(typeWords.has(words[0]) || this.#isType(text))) {
      this.#at = start;
      return undefined;
    }
    while (this.#accept('*')) text += ' *';
    return text;
  }

  #primary(): Expression {
    const token = this.#take();
    const { at } = token;
    if (token.kind === 'number') return { kind: 'number', at, value: numberOf(token), form: formOf(token) };
    if (token.kind === 'character') return { kind: 'character', at, code: token.text.charCodeAt(0) };
    if (token.kind === 'text') return { kind: 'text', at, text: token.text };
    if (token.kind === 'register') return { kind: 'register', at, name: token.text };
    if (token.kind === 'name') {
      if (!this.#accept('(')) return { kind: 'name', at, name: token.text };
      const parameters: Expression[] = [];
      while (!this.#accept(')')) {
        if (parameters.length > 0) this.#need(',');
        parameters.push(this.#parameter());
      }
      return { kind: 'call', at, name: token.text, parameters };
    }
    if (token.kind === 'operator' && token.text === '(') {
      const inner = this.#binary(0);
      this.#need(')');
      return inner;
    }
    this.#at--;
    throw this.#unexpected();
  }

  #parameter(): Expression {
    const start = this.#at;
    const first = this.#peek();
    const type = this.#typeName();
    const next = this.#peek();
    if (type !== undefined && next.kind === 'operator' && (next.text === ',' || next.text === ')'))
      return { kind: 'type', at: first.at, type };
    this.#at = start;
    return this.#binary(0);
  }

  #postfix(start: Expression): Expression {
    let object = start;
    for (let count = 0; count < limits.expressionDepth; count++) {
      const { at } = this.#peek();
      if (this.#accept('[')) {
        const index = this.#binary(0);
        this.#need(']');
        object = { kind: 'index', at, object, index };
        continue;
      }
      const through = this.#accept('->') ? '->' : this.#accept('.') ? '.' : undefined;
      if (through === undefined) return object;
      const name = this.#take();
      if (name.kind !== 'name') throw errors.badExpression(this.#text, `a member's name is missing behind «${through}»`, name.at);
      object = { kind: 'member', at: name.at, object, name: name.text, through };
    }
    throw errors.badExpression(this.#text, `more than ${limits.expressionDepth} members in a row`);
  }
}

function formOf(token: Token): ConstantForm {
  const suffix = token.suffix ?? '';
  return { decimal: !token.text.startsWith('0') || token.text === '0', unsigned: suffix.includes('u'), long: suffix.includes('l') };
}

/** Octal with a leading 0, as in C. */
function numberOf(token: Token): bigint {
  const text = token.text.toLowerCase();
  return /^0[0-7]+$/.test(text) ? BigInt(`0o${text.slice(1)}`) : BigInt(text);
}
