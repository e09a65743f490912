/** A parser whose trees are never deeper than those who walk them can go. */
import { limits } from '../base/limits.ts';
import { createLangiumParser } from 'langium';
import type { AstNode, LangiumCoreServices, LangiumParser } from 'langium';

/** Text that is no scenario, in whose place the complaint stands. */
const noScenario = ':';

/** A parser that puts an error in the place of the tree where brackets, blocks or operators are nested too deeply. */
export function boundedParser(services: LangiumCoreServices): LangiumParser {
  const parser = createLangiumParser(services);
  const { Lexer } = services.parser;
  let parse = parser.parse.bind(parser);
  const tooDeep: LangiumParser['parse'] = (_, options) => {
    const result = parse(noScenario, options);
    for (const error of result.parserErrors)
      error.message = `brackets and blocks are more than ${limits.scenarioBrackets} deep, or operators more than ${limits.scenarioDepth}; split the statement`;
    return result as never;
  };
  parser.parse = (input, options) => {
    // What is left open is tried in every way that it could go on: the time grows with the cube of the depth.
    if (bracketDepth(Lexer.tokenize(input).tokens) > limits.scenarioBrackets) return tooDeep(input, options);
    try {
      const result = parse(input, options);
      return isDeep(result.value) ? tooDeep(input, options) : (result as never);
    } catch (error) {
      // The call stack was not enough for the parser itself, which is left in the middle of the tree: the next text gets another one.
      if (!(error instanceof RangeError)) throw error;
      const fresh = createLangiumParser(services);
      parse = fresh.parse.bind(fresh);
      return tooDeep(input, options);
    }
  };
  return parser;
}

/** How many brackets and braces are open at once, at most. */
function bracketDepth(tokens: readonly { readonly image: string }[]): number {
  let depth = 0;
  let deepest = 0;
  for (const { image } of tokens) {
    if (image === '(' || image === '[' || image === '{') deepest = Math.max(deepest, ++depth);
    else if (depth > 0 && (image === ')' || image === ']' || image === '}')) depth--;
  }
  return deepest;
}

/** Whether nodes lie deeper; asks without going into itself. */
function isDeep(root: AstNode): boolean {
  const waiting: { readonly node: AstNode; readonly depth: number }[] = [{ node: root, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, depth } = next;
    if (depth > limits.scenarioDepth) return true;
    for (const [name, value] of Object.entries(node)) {
      if (name.startsWith('$')) continue;
      for (const child of Array.isArray(value) ? (value as unknown[]) : [value as unknown]) {
        if (typeof child === 'object' && child !== null && '$type' in child) waiting.push({ node: child as AstNode, depth: depth + 1 });
      }
    }
  }
  return false;
}
