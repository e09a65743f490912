/** Tokens of the scenario language. What stands between the braces of a text is code, and has a lexer mode of its own. */
import { DefaultTokenBuilder } from 'langium';

type Vocabulary = ReturnType<DefaultTokenBuilder['buildTokens']>;

/** Tokens that only end or continue a text. */
const insideOnly = new Set(['TEXT_MIDDLE', 'TEXT_END', 'TEXT_BREAK']);
/** Tokens that code in a text cannot have: a brace ends the code, and a line ends the text. */
const outsideOnly = new Set(['{', '}', 'LINE_END']);

/** Splits Langium's tokens into lexer modes: code, text, and code within a text. */
export class ScenarioTokenBuilder extends DefaultTokenBuilder {
  override buildTokens(...given: Parameters<DefaultTokenBuilder['buildTokens']>): Vocabulary {
    const tokens = super.buildTokens(...given);
    if (!Array.isArray(tokens)) throw new TypeError('the grammar has one list of tokens');
    for (const token of tokens) {
      // The brace that ends a block is never the one that goes on with a text.
      if (token.name === '}') delete token.LONGER_ALT;
      if (token.name === 'TEXT_START') token.PUSH_MODE = 'inside';
      if (token.name === 'TEXT_END' || token.name === 'TEXT_BREAK') token.POP_MODE = true;
    }
    return {
      modes: {
        outside: tokens.filter(({ name }) => !insideOnly.has(name)),
        inside: tokens.filter(({ name }) => !outsideOnly.has(name)),
      },
      defaultMode: 'outside',
    };
  }
}
