/** Tokens of the C-like expression language. */
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** A piece of an expression, with where it stands in it. */
export interface Token {
  /** `character` is a character constant and `text` a string; their text is what stands between the quotes. */
  readonly kind: 'number' | 'character' | 'text' | 'name' | 'register' | 'operator' | 'end';
  /** Of a number without its suffix. */
  readonly text: string;
  /** Of a number, in lower case: `u`, `l`, `ul`, `ull`. */
  readonly suffix?: string;
  readonly at: number;
}

const pattern =
  /\s*(?:(0x[0-9a-f]+|[0-9]+)([ul]*)(?!\w)|'([^'\\]|\\[0nrt\\'])'|"((?:[^"\\]|\\[0nrt\\"])*)"|([A-Za-z_]\w*(?:(?:\.(?:isra|constprop|part|llvm|lto_priv))?\.\d+)*)|\$([A-Za-z_]\w*)|(->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>()[\].,?:]))/iy;
const escapes: Readonly<Record<string, string>> = { '\\0': '\0', '\\n': '\n', '\\r': '\r', '\\t': '\t' };

/** Splits an expression; throws `bad-expression` at the first character that begins no token. */
export function tokenize(text: string): Token[] {
  if (text.length > limits.expressionCharacters)
    throw errors.badExpression(`${text.slice(0, 40)}…`, `more than ${limits.expressionCharacters} characters`);
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null)
      throw errors.badExpression(
        text,
        `nothing can begin with «${text.slice(at).trim().slice(0, 1)}»`,
        text.length - text.slice(at).trimStart().length,
      );
    at += /^\s*/.exec(match[0])?.[0].length ?? 0;
    const [, number, suffix, character, string, name, register, operator] = match;
    if (number !== undefined) tokens.push({ kind: 'number', text: number, suffix: (suffix ?? '').toLowerCase(), at });
    else if (character !== undefined) {
      tokens.push({ kind: 'character', text: escapes[character] ?? character.replace(/^\\/, ''), at });
    } else if (string !== undefined) {
      tokens.push({ kind: 'text', text: string.replace(/\\./g, (escape) => escapes[escape] ?? escape.slice(1)), at });
    } else if (name !== undefined) tokens.push({ kind: 'name', text: name, at });
    else if (register !== undefined) tokens.push({ kind: 'register', text: register, at });
    else tokens.push({ kind: 'operator', text: operator ?? '', at });
    at = pattern.lastIndex;
  }
  tokens.push({ kind: 'end', text: '', at: text.length });
  return tokens;
}
