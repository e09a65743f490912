/** A parser whose trees are never deeper than those who walk them can go. */
import { limits } from '../base/limits.ts';
import { createLangiumParser } from 'langium';
import type { AstNode, LangiumCoreServices, LangiumParser } from 'langium';

/** Text that is no scenario, in whose place the complaint stands. */
const noScenario = ':';

/** A parser that puts an error in the place of the tree where brackets, blocks or operators are nested too deeply. */
export function boundedParser(services: LangiumCoreServices): LangiumParser {
  const parser = createLangiumParser(services);
  const parse = parser.parse.bind(parser);
  const tooDeep: LangiumParser['parse'] = (_, options) => {
    const result = parse(noScenario, options);
    for (const error of result.parserErrors)
      error.message = `brackets, blocks or operators are more than ${limits.scenarioDepth} deep; split the statement`;
    return result as never;
  };
  parser.parse = (input, options) => {
    try {
      const result = parse(input, options);
      return isDeep(result.value) ? tooDeep(input, options) : (result as never);
    } catch (error) {
      // The call stack was not enough for the parser itself.
      if (!(error instanceof RangeError)) throw error;
      return tooDeep(input, options);
    }
  };
  return parser;
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
