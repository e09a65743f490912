/** What is said of characters that are no part of the language. */
import { DefaultLexerErrorMessageProvider } from 'langium';

/** Names the characters, and what was probably meant where that is known. */
export class ScenarioLexerMessages extends DefaultLexerErrorMessageProvider {
  override buildUnexpectedCharactersMessage(fullText: string, startOffset: number, length: number): string {
    const found = fullText.slice(startOffset, startOffset + length);
    if (found.startsWith('"'))
      return 'this text has no closing quote; a text ends on its line, and { and } in it that are no code are written \\{ and \\}';
    if (found.startsWith("'")) return 'a text stands between double quotes';
    if (found.startsWith('#')) return 'a comment begins with //';
    return `unexpected ${JSON.stringify(found)}`;
  }
}
