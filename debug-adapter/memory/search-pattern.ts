/** What a search looks for: bytes, each with the bits that count, at addresses of an alignment. */
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { encodeText } from '../base/text.ts';

/** Bytes that are searched for. */
export interface SearchPattern {
  readonly bytes: Uint8Array;
  /** The bits of each byte that are compared; undefined where all are. `bytes` has zeros elsewhere. */
  readonly mask: Uint8Array | undefined;
  /** Addresses that are multiples of it are tried: a power of two up to 4096. */
  readonly align: number;
}

/** Bytes of a number that is searched for. */
export type ValueSize = 1 | 2 | 4 | 8;

/** The bytes of text as UTF-8, without the NUL behind it. Throws `UserError`. */
export function textPattern(text: string, align: number | undefined): SearchPattern {
  return checked({ bytes: encodeText(text), mask: undefined, align: align ?? 1 });
}

/**
 * An integer in the machine's byte order, at multiples of its size where `align` says nothing else. `ignore` has the bits
 * that may be anything (as crash's `search -m` and drgn's `ignore_mask`). A negative value stands for its two's complement.
 * Throws `UserError` where the value or `ignore` does not fit.
 */
export function valuePattern(
  value: bigint,
  as: {
    readonly size: ValueSize;
    readonly littleEndian: boolean;
    readonly ignore?: bigint | undefined;
    readonly align?: number | undefined;
  },
): SearchPattern {
  const { size, littleEndian, ignore = 0n } = as;
  const bits = size * 8;
  if (BigInt.asUintN(bits, value) !== value && BigInt.asIntN(bits, value) !== value) {
    throw errors.badArgument(`0x${value.toString(16)} does not fit into ${size} bytes; choose another size with --size 1, 2, 4 or 8`);
  }
  if (BigInt.asUintN(bits, ignore) !== ignore) {
    throw errors.badArgument(
      `the mask 0x${ignore.toString(16)} does not fit into ${size} bytes; it has the bits of the value that may be anything`,
    );
  }
  const keep = BigInt.asUintN(bits, ~ignore);
  const stored = (number: bigint): Uint8Array => {
    const bytes = new Uint8Array(size);
    for (let index = 0; index < size; index++) {
      bytes[littleEndian ? index : size - 1 - index] = Number((number >> BigInt(8 * index)) & 0xffn);
    }
    return bytes;
  };
  const mask = ignore === 0n ? undefined : stored(keep);
  return checked({ bytes: stored(BigInt.asUintN(bits, value) & keep), mask, align: as.align ?? size });
}

/** Pairs of hexadecimal digits, with `?` for a digit that may be anything; blanks, commas and colons may stand between. Throws `UserError`. */
export function bytePattern(text: string, align: number | undefined): SearchPattern {
  const digits = text.replace(/[\s,:]+/g, '');
  if (!/^(?:[0-9a-f?]{2})+$/i.test(digits)) {
    throw errors.badArgument(
      `${text} is no pattern of bytes; write pairs of hexadecimal digits, with ? for those that may be anything: 4d cf ?? 23`,
    );
  }
  const pairs = digits.match(/../g) ?? [];
  const bytes = Uint8Array.from(pairs, (pair) => Number(`0x${pair.replaceAll('?', '0')}`));
  const mask = digits.includes('?')
    ? Uint8Array.from(pairs, (pair) => Number(`0x${pair.replace(/[^?]/g, 'f').replaceAll('?', '0')}`))
    : undefined;
  return checked({ bytes, mask, align: align ?? 1 });
}

function checked(pattern: SearchPattern): SearchPattern {
  const { bytes, mask, align } = pattern;
  if (bytes.length === 0) throw errors.badArgument('the pattern is empty; write a value, text, or pairs of hexadecimal digits');
  if (bytes.length > limits.patternBytes) throw errors.limit(`a pattern has at most ${limits.patternBytes} bytes, not ${bytes.length}`);
  if (mask?.every((byte) => byte === 0) === true)
    throw errors.badArgument('everything matches this pattern; leave some bits that are compared');
  if (!(align >= 1 && align <= 4096 && Number.isInteger(Math.log2(align)))) {
    throw errors.badArgument(`${align} is no alignment; write a power of two from 1 to 4096`);
  }
  return pattern;
}
