/** Parses an expression into a tree: a Pratt parser over C's operators, with a bound on depth. */
import { errors } from '../base/errors.ts';
import { tokenize } from './lexer.ts';
import type { Token } from './lexer.ts';

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'register'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'cast'; readonly type: string; readonly operand: Expression }
  | { readonly kind: 'member'; readonly object: Expression; readonly name: string; readonly through: '.' | '->' }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  | { readonly kind: 'call'; readonly name: string; readonly parameters: readonly Expression[] }
  | { readonly kind: 'sizeof'; readonly type: string };

const binding: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
};
const deepest = 200;

/** `isType` says whether a name in parentheses begins a cast. */
export function parseExpression(text: string, isType: (name: string) => boolean): Expression {
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

  whole(): Expression {
    const expression = this.#binary(0);
    if (this.#peek().kind !== 'end') throw this.#unexpected();
    return expression;
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
    if (!this.#accept(operator)) throw errors.badExpression(this.#text, `«${operator}» is missing`);
  }

  #unexpected(): Error {
    const token = this.#peek();
    return errors.badExpression(this.#text, token.kind === 'end' ? 'something is missing at the end' : `«${token.text}» is not expected`);
  }

  #binary(least: number): Expression {
    if (++this.#depth > deepest) throw errors.badExpression(this.#text, `more than ${deepest} levels`);
    let left = this.#unary();
    for (;;) {
      const token = this.#peek();
      const strength = token.kind === 'operator' ? binding[token.text] : undefined;
      if (strength === undefined || strength <= least) break;
      this.#at++;
      left = { kind: 'binary', operator: token.text, left, right: this.#binary(strength) };
    }
    this.#depth--;
    return left;
  }

  #unary(): Expression {
    if (++this.#depth > deepest) throw errors.badExpression(this.#text, `more than ${deepest} levels`);
    const expression = this.#prefix();
    this.#depth--;
    return expression;
  }

  #prefix(): Expression {
    const token = this.#peek();
    if (token.kind === 'operator' && ['-', '+', '~', '!', '*', '&'].includes(token.text)) {
      this.#at++;
      return { kind: 'unary', operator: token.text, operand: this.#unary() };
    }
    if (token.kind === 'operator' && token.text === '(') {
      const type = this.#typeInParentheses();
      if (type !== undefined) return { kind: 'cast', type, operand: this.#unary() };
    }
    if (token.kind === 'name' && token.text === 'sizeof') {
      this.#at++;
      const type = this.#typeInParentheses();
      if (type === undefined) throw errors.badExpression(this.#text, 'sizeof needs a type in parentheses');
      return { kind: 'sizeof', type };
    }
    return this.#postfix(this.#primary());
  }

  /** Takes `(type)` when a type stands there; else leaves the cursor. */
  #typeInParentheses(): string | undefined {
    const start = this.#at;
    if (!this.#accept('(')) return undefined;
    const words: string[] = [];
    while (this.#peek().kind === 'name') words.push(this.#take().text);
    const begins =
      words[0] !== undefined &&
      (['struct', 'union', 'enum', 'unsigned', 'signed', 'const', 'void'].includes(words[0]) || this.#isType(words.join(' ')));
    let text = words.join(' ');
    while (this.#accept('*')) text += ' *';
    if (begins && this.#accept(')')) return text;
    this.#at = start;
    return undefined;
  }

  #primary(): Expression {
    const token = this.#take();
    if (token.kind === 'number') return { kind: 'number', value: BigInt(token.text.toLowerCase()) };
    if (token.kind === 'register') return { kind: 'register', name: token.text };
    if (token.kind === 'name') {
      if (!this.#accept('(')) return { kind: 'name', name: token.text };
      const parameters: Expression[] = [];
      while (!this.#accept(')')) {
        if (parameters.length > 0) this.#need(',');
        parameters.push(this.#binary(0));
      }
      return { kind: 'call', name: token.text, parameters };
    }
    if (token.kind === 'operator' && token.text === '(') {
      const inner = this.#binary(0);
      this.#need(')');
      return inner;
    }
    this.#at--;
    throw this.#unexpected();
  }

  #postfix(start: Expression): Expression {
    let object = start;
    for (let count = 0; count < deepest; count++) {
      if (this.#accept('[')) {
        const index = this.#binary(0);
        this.#need(']');
        object = { kind: 'index', object, index };
        continue;
      }
      const through = this.#accept('->') ? '->' : this.#accept('.') ? '.' : undefined;
      if (through === undefined) return object;
      const name = this.#take();
      if (name.kind !== 'name') throw errors.badExpression(this.#text, `a member's name is missing behind «${through}»`);
      object = { kind: 'member', object, name: name.text, through };
    }
    throw errors.badExpression(this.#text, `more than ${deepest} members in a row`);
  }
}
