/** Numbers and texts as they are written, into what they mean. */
import { DefaultValueConverter } from 'langium';
import type { CstNode, GrammarAST, ValueType } from 'langium';

const shifts: Readonly<Record<string, bigint>> = { k: 10n, m: 20n, g: 30n, t: 40n };

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t' };

/**
 * Numbers become bigints in bytes (4K is 4096n), texts lose their quotes and escapes. What cannot be converted is a finding at
 * its place.
 */
export class ScenarioValueConverter extends DefaultValueConverter {
  protected override runConverter(rule: GrammarAST.AbstractRule, input: string, cstNode: CstNode): ValueType {
    if (rule.name === 'NUMBER') return numberOf(input);
    if (rule.name.startsWith('TEXT')) return input.slice(1, -1).replace(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter);
    return super.runConverter(rule, input, cstNode);
  }
}

/** `64K` is 65,536; `0x` begins hexadecimal; `_` may stand between digits. */
function numberOf(text: string): bigint {
  const plain = text.replaceAll('_', '');
  const shift = /^0x/i.test(plain) ? undefined : shifts[plain.slice(-1).toLowerCase()];
  return shift === undefined ? BigInt(plain) : BigInt(plain.slice(0, -1)) << shift;
}
