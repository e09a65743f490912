/** What is said of a text that is no scenario: what was expected in its place, in the language's words. */
import type { LangiumParserErrorMessageProvider } from 'langium';

type Messages = Pick<
  LangiumParserErrorMessageProvider,
  'buildMismatchTokenMessage' | 'buildNotAllInputParsedMessage' | 'buildNoViableAltMessage' | 'buildEarlyExitMessage'
>;
type TokenType = Parameters<Messages['buildMismatchTokenMessage']>[0]['expected'];
type Token = Parameters<Messages['buildMismatchTokenMessage']>[0]['actual'];

const terminals: Readonly<Record<string, string>> = {
  ID: 'a name',
  NUMBER: 'a number',
  TEXT: 'a text',
  TEXT_START: 'a text',
  TEXT_MIDDLE: 'the rest of the text',
  TEXT_END: 'the end of the text',
};

const statement = 'a statement (let, expect, print, for, if, while, as, snapshot, restore, diff, or a call)';

/** What may stand where there are many ways to go on, by tokens that tell which place it is. */
const places: readonly (readonly [tokens: readonly string[], words: string])[] = [
  [['let', 'expect'], statement],
  [['NUMBER', 'ID', '('], 'a value: a number, a text, a name, a list or a call'],
];

/** What Chevrotain asks for each kind of mismatch; tokens are named as they are written. */
export class ScenarioParserMessages implements Messages {
  /** One token was expected, another stands there. */
  buildMismatchTokenMessage({ expected, actual, previous }: Parameters<Messages['buildMismatchTokenMessage']>[0]): string {
    return expected.name === 'EOF' ? noStatement(actual) : message([expected], actual, previous);
  }

  /** Text stands behind the last statement. */
  buildNotAllInputParsedMessage({ firstRedundant }: Parameters<Messages['buildNotAllInputParsedMessage']>[0]): string {
    return noStatement(firstRedundant);
  }

  /** None of the alternatives begins with what stands there. */
  buildNoViableAltMessage({ expectedPathsPerAlt, actual, previous }: Parameters<Messages['buildNoViableAltMessage']>[0]): string {
    return message(firsts(expectedPathsPerAlt.flat()), actual[0], previous);
  }

  /** Something that must stand at least once is not there. */
  buildEarlyExitMessage({ expectedIterationPaths, actual, previous }: Parameters<Messages['buildEarlyExitMessage']>[0]): string {
    return message(firsts(expectedIterationPaths), actual[0], previous);
  }
}

function noStatement({ image }: Token): string {
  if (image === '(') return 'this call is not complete: its arguments stand between ( and ), with a comma between each two';
  return `expected ${statement}, not ${quoted(image)}`;
}

function firsts(paths: readonly (readonly TokenType[])[]): TokenType[] {
  return [...new Set(paths.map(([first]) => first).filter((one) => one !== undefined))];
}

function message(expected: readonly TokenType[], actual: Token | undefined, previous: Token | undefined): string {
  const names = expected.map(({ name }) => name);
  const place = places.find(([tokens]) => tokens.every((one) => names.includes(one)));
  const words = place?.[1] ?? listed([...new Set(names.map((name) => terminals[name] ?? quoted(name)))]);
  const behind = previous === undefined || previous.image === '' || place?.[0][0] === 'let' ? '' : ` behind ${quoted(previous.image)}`;
  const found = actual === undefined || actual.image === '' ? 'but the scenario ends here' : `not ${quoted(actual.image)}`;
  return `expected ${words}${behind}, ${found}`;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

/** Longest piece of a text that is repeated in a message. */
const longest = 24;

function quoted(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
