/** The filter language of the ptdump panel. Words are joined by «and»; an unknown word is searched in the line's text. */
import { isWritableExecutable } from '../../debug-adapter/protocol/ptdump-words.ts';
import type { PtdumpLine } from '../../debug-adapter/protocol/requests.ts';

type Region = NonNullable<PtdumpLine['region']>;
export type Filter = (line: PtdumpLine & { readonly region: Region }) => boolean;

const units: Readonly<Record<string, bigint>> = { '': 1n, K: 1n << 10n, M: 1n << 20n, G: 1n << 30n, T: 1n << 40n };

const narrowTop = 1n << 32n;
const wideTop = 1n << 64n;

/** Undefined for an empty filter. */
export function parseFilter(text: string): Filter | undefined {
  const tests = text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(testOf);
  return tests.length === 0 ? undefined : (line) => tests.every((test) => test(line));
}

/** Bytes that a region covers; a region that ends at the top of the space, 2^32 or 2^64, has end 0. */
export function sizeOf(region: Region): bigint {
  const start = BigInt(region.start);
  const end = BigInt(region.end);
  return end === 0n ? (start < narrowTop ? narrowTop : wideTop) - start : end - start;
}

export function contains(region: Region, address: bigint): boolean {
  return BigInt.asUintN(64, address - BigInt(region.start)) < sizeOf(region);
}

function testOf(word: string): Filter {
  const lower = word.toLowerCase();
  if (lower === 'w+x') return ({ region }) => region.present && isWritableExecutable(region.attributes);
  if (lower === 'present') return ({ region }) => region.present;
  const [, level] = /^level:(\w+)$/.exec(lower) ?? [];
  if (level !== undefined) return ({ region }) => region.level === level;
  const [, address] = /^va:(0x[0-9a-f]+)$/.exec(lower) ?? [];
  if (address !== undefined) return ({ region }) => contains(region, BigInt(address));
  const [, comparison, digits, unit] = /^size(>=|<=|=|>|<)(\d+)([kmgt]?)b?$/.exec(lower) ?? [];
  if (comparison !== undefined && digits !== undefined) {
    const limit = BigInt(digits) * (units[(unit ?? '').toUpperCase()] ?? 1n);
    return ({ region }) => compare(sizeOf(region), comparison, limit);
  }
  return ({ text, region }) =>
    region.attributes.some((attribute) => attribute.toLowerCase() === lower) || text.toLowerCase().includes(lower);
}

function compare(size: bigint, comparison: string, limit: bigint): boolean {
  switch (comparison) {
    case '>=':
      return size >= limit;
    case '<=':
      return size <= limit;
    case '>':
      return size > limit;
    case '<':
      return size < limit;
    default:
      return size === limit;
  }
}
