/** Damage to text, decided by a seed alone: words lost, doubled, exchanged and replaced, letters that nobody expects. */
import type { Arbitrary } from 'fast-check';
import { Dice } from '../builders/mutations.ts';
import { fc } from '../support/properties.ts';

/** Words at which parsers go wrong, whatever they parse. */
const oddWords: readonly [string, ...string[]] = [
  ...([
    '',
    ' ',
    '\n',
    '\0',
    '"',
    '\\',
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    '0x',
    '-',
    '--',
    '..',
    ',',
    ';',
    '//',
    '/*',
    '%s',
    '\u{1f4a5}',
    '\ud800',
  ] as const),
  ...[
    '0',
    '-1',
    '0xffffffffffffffff',
    '18446744073709551616',
    '1e999',
    '9'.repeat(400),
    '('.repeat(3000),
    '-'.repeat(3000),
    'a'.repeat(70_000),
  ],
];

/** The damaged copy of `text` that `seed` stands for: one to six changes, of words as they are or of `words` of its language. */
export function mutateText(text: string, seed: number, words: readonly string[] = []): string {
  const dice = new Dice(seed);
  let parts: string[] = text.match(/\s+|[\w$]+|[^\s\w$]/g) ?? [''];
  const changes = 1 + dice.next(6);
  for (let change = 0; change < changes; change++) {
    const at = dice.next(Math.max(1, parts.length));
    const from = dice.next(Math.max(1, parts.length));
    switch (dice.next(8)) {
      case 0:
        parts.splice(at, 1 + dice.next(8));
        break;
      case 1:
        parts.splice(at, 0, ...parts.slice(from, from + 1 + dice.next(64)));
        break;
      case 2:
        parts[at] = parts[from] ?? '';
        break;
      case 3:
        parts[at] = dice.pick(oddWords);
        break;
      case 4:
      case 5:
        parts.splice(at, dice.next(2), words[dice.next(Math.max(1, words.length))] ?? dice.pick(oddWords));
        break;
      case 6: {
        const word = parts[at] ?? '';
        const letter = dice.next(Math.max(1, word.length));
        parts[at] = word.slice(0, letter) + String.fromCharCode(dice.next(dice.pick([128, 128, 65_536]))) + word.slice(letter + 1);
        break;
      }
      default:
        parts = parts.slice(0, at);
    }
  }
  return parts.join('');
}

/** The value of a generator that `seed` stands for. */
export function generated<Value>(of: Arbitrary<Value>, seed: number): Value {
  const [value] = fc.sample(of, { seed: seed | 0, numRuns: 1 });
  if (value === undefined) throw new Error('nothing was generated');
  return value;
}
