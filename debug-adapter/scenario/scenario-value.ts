/** Values of the language: those that operations take and give. */
import type { OperationValue } from '../simulator/operation.ts';

/** How a number is shown: by its size, hexadecimal, decimal, or as a size (`64K`). */
export type NumberFormat = 'x' | 'd' | 'size';

/** The forms with what each does, for messages and completion. */
export const numberFormats: Readonly<Record<NumberFormat, string>> = {
  x: 'hexadecimal, with 0x',
  d: 'decimal',
  size: 'as a size in bytes: 64K, 2M',
};

/** Whether a text's `{value:NAME}` may ask for this form. */
export function isNumberFormat(name: string): name is NumberFormat {
  return Object.hasOwn(numberFormats, name);
}

/** Numbers from here on are shown in hexadecimal unless a format says otherwise: addresses, entries and masks are. */
const hexadecimalFrom = 1n << 20n;

/**
 * `x` is hexadecimal, `size` in K, M, G where it is a whole number of them, `d` decimal; without a format hexadecimal from 2^20
 * on.
 */
export function formatNumber(value: bigint, format?: NumberFormat): string {
  const magnitude = value < 0n ? -value : value;
  const sign = value < 0n ? '-' : '';
  if (format === 'size') return `${sign}${sizeText(magnitude)}`;
  if (format === 'x' || (format === undefined && magnitude >= hexadecimalFrom)) return `${sign}0x${magnitude.toString(16)}`;
  return value.toString();
}

function sizeText(value: bigint): string {
  const units = ['', 'K', 'M', 'G', 'T'];
  let unit = 0;
  let rest = value;
  while (rest !== 0n && rest % 1024n === 0n && unit < units.length - 1) {
    rest /= 1024n;
    unit++;
  }
  return `${rest.toString()}${units[unit] ?? ''}`;
}

/** A value as `print` shows it, or quoted inside lists and records. */
export function formatValue(value: OperationValue, format?: NumberFormat): string {
  return typeof value === 'string' ? value : formatInside(value, format);
}

function formatInside(value: OperationValue, format: NumberFormat | undefined): string {
  switch (typeof value) {
    case 'bigint':
      return formatNumber(value, format);
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    case 'undefined':
      return 'nothing';
    default:
      if (isList(value)) return `[${value.map((one) => formatInside(one, format)).join(', ')}]`;
      if (isSpan(value)) return `${formatNumber(value.start, format)}..${formatNumber(value.end, format)}`;
      return `{${Object.entries(value)
        .map(([name, one]) => `${name}: ${formatInside(one, format)}`)
        .join(', ')}}`;
  }
}

/** Numbers from `start` up to, not including, `end`. */
export interface Span {
  readonly [name: string]: OperationValue;
  readonly start: bigint;
  readonly end: bigint;
}

/** A list, and no record. */
export function isList(value: OperationValue): value is readonly OperationValue[] {
  return Array.isArray(value);
}

/** A record with named members, and no list. */
export function isRecord(value: OperationValue): value is Readonly<Record<string, OperationValue>> {
  return typeof value === 'object' && !isList(value);
}

/** A record of `start` and `end` alone: addresses, `end` exclusive. */
export function isSpan(value: OperationValue): value is Span {
  return isRecord(value) && typeof value['start'] === 'bigint' && typeof value['end'] === 'bigint' && Object.keys(value).length === 2;
}

/** What a value is, in words. */
export function kindOf(value: OperationValue): string {
  if (typeof value === 'bigint') return 'a number';
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'boolean') return 'true or false';
  if (value === undefined) return 'nothing';
  if (isList(value)) return 'a list';
  return isSpan(value) ? 'a range' : 'a record';
}

/** Equal in kind and value, lists item by item, records by names; no value is equal to one of another kind. */
export function equalValues(one: OperationValue, other: OperationValue): boolean {
  if (typeof one !== 'object' || typeof other !== 'object') return one === other;
  if (isList(one) || isList(other)) {
    return isList(one) && isList(other) && one.length === other.length && one.every((item, index) => equalValues(item, other[index]));
  }
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name) && equalValues(one[name], other[name]))
  );
}
