/** From what a user writes to what is looked for. */
import { parseAddress } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { bytePattern, textPattern, valuePattern } from '../memory/search-pattern.ts';
import type { SearchPattern, ValueSize } from '../memory/search-pattern.ts';
import type { SearchPatternQuestion } from '../protocol/search.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';

/** Throws `UserError`. */
export function searchPattern(
  asked: SearchPatternQuestion,
  machine: { readonly symbols: SymbolTable; readonly littleEndian: boolean; readonly pointerSize: 4 | 8 },
): SearchPattern {
  const { pattern, align } = asked;
  const text = asked.string === true ? pattern : /^"([^]*)"$/.exec(pattern)?.[1];
  if (text !== undefined || isBytes(pattern)) {
    if (asked.size !== undefined || asked.mask !== undefined)
      throw errors.badArgument('--size and --mask belong to numbers; a pattern of bytes has ?? for those that may be anything');
    return text === undefined ? bytePattern(pattern, align) : textPattern(text, align);
  }
  const size = asked.size ?? machine.pointerSize;
  if (!isValueSize(size)) throw errors.badArgument(`${size} is no size of a number; write 1, 2, 4 or 8`);
  const ignore = asked.mask === undefined ? undefined : parseAddress(asked.mask);
  if (asked.mask !== undefined && ignore === undefined)
    throw errors.badArgument(`${asked.mask} is no mask; write 0x and hexadecimal digits`);
  const value = numberIn(pattern.trim(), machine.symbols);
  return valuePattern(value, { size, littleEndian: machine.littleEndian, ignore, align });
}

/** More than one pair of digits with something between, or a `?`. */
function isBytes(text: string): boolean {
  return /^\s*(?:[0-9a-f?]{2}[\s,:]*)+$/i.test(text) && (text.includes('?') || /[0-9a-f][\s,:]+[0-9a-f]/i.test(text));
}

function isValueSize(size: number): size is ValueSize {
  return size === 1 || size === 2 || size === 4 || size === 8;
}

/** A number, bare digits as the kernel prints pointers, or the address of `symbol` and `symbol+0x10`. */
function numberIn(text: string, symbols: SymbolTable): bigint {
  const negative = text.startsWith('-');
  const bare = /^[0-9a-f]{16}$/i.test(text) || (/^[0-9a-f]{8}$/i.test(text) && /[a-f]/i.test(text)) ? `0x${text}` : text;
  const plain = parseAddress(negative ? text.slice(1) : bare);
  if (plain !== undefined) return negative ? -BigInt(plain) : plain;
  const [, name, offset] = /^([A-Za-z_.$][\w.$]*)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(text) ?? [];
  const symbol = name === undefined ? undefined : symbols.find(name);
  if (symbol !== undefined) return symbol.address + BigInt(offset ?? '0');
  throw errors.badArgument(
    `${text} is no number, no symbol and no pattern of bytes; write 0x and hexadecimal digits, pairs of digits such as "4d cf ?? 23", or text with --string`,
  );
}
