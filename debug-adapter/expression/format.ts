/** Values as people read them: numbers both ways, pointers with their symbol, enums by name, text in quotes. */
import type { Address } from '../base/address.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { limits } from '../base/limits.ts';
import { formatAddress, toAddress } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import { decodeName } from '../base/text.ts';
import { sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { Type } from '../symbols/types.ts';
import { declare } from './declaration.ts';
import type { FormatSpecifier } from './parser.ts';
import { elementOf, memberOf, numberOf } from './value.ts';
import type { ExpressionContext, Value } from './value.ts';

/** A member or an element as a tree shows it: `next`, `[3]`. */
export interface Child {
  readonly name: string;
  readonly value: Value;
}

/** One line, in the style that was asked for. Memory that is missing is told in the line. */
export function formatValue(value: Value, context: ExpressionContext, style?: FormatSpecifier['style']): string {
  try {
    if (value.text !== undefined && style === undefined) return value.text;
    return (style === undefined ? undefined : formatStyled(value, context, style)) ?? formatReadable(value, context);
  } catch (error) {
    if (error instanceof MemoryFault) return `<${error.message}>`;
    throw error;
  }
}

function formatReadable(value: Value, context: ExpressionContext): string {
  const plain = stripType(value.type);
  const { memory } = context;
  switch (plain.kind) {
    case 'integer': {
      const number = numberOf(value, memory);
      if (plain.encoding === 'bool') return number === 0n ? 'false' : 'true';
      if (plain.encoding === 'char' && number >= 0x20n && number < 0x7fn) return `${number} '${String.fromCharCode(Number(number))}'`;
      const unsigned = BigInt.asUintN(value.bits?.width ?? (plain.size * 8 || 64), number);
      return number > -10n && number < 10n ? String(number) : `${formatAddress(unsigned)} (${number})`;
    }
    case 'float':
      return formatFloat(value, plain.size, context);
    case 'enum': {
      const number = numberOf(value, memory);
      const name = plain.enumerators.find((one) => one.value === number)?.name;
      return name === undefined ? String(number) : `${name} (${number})`;
    }
    case 'pointer':
      return formatPointer(toAddress(numberOf(value, memory)), plain.target, context);
    case 'array': {
      if (value.items !== undefined) return `${value.items.length} elements${value.note === undefined ? '' : `, then: ${value.note}`}`;
      const element = stripType(plain.element);
      if (element.kind === 'integer' && element.size === 1 && value.address !== undefined && plain.count > 0) {
        return quotedAt(memory, value.address, plain.count);
      }
      return `${declare(plain, '')}${value.address === undefined ? '' : ` at ${formatAddress(value.address)}`}`;
    }
    case 'struct':
    case 'union':
      return `${declare(plain, '')}${value.address === undefined ? '' : ` at ${formatAddress(value.address)}`}`;
    default:
      return value.address === undefined ? formatAddress(value.number ?? 0n) : formatPointer(value.address, { kind: 'void' }, context);
  }
}

function formatPointer(address: ReturnType<typeof toAddress>, target: Type, context: ExpressionContext): string {
  if (address === 0n) return 'NULL';
  const hit = context.symbols.resolve(address);
  const symbol = hit === undefined ? '' : ` <${hit.symbol.name}${hit.offset === 0 ? '' : `+0x${hit.offset.toString(16)}`}>`;
  const pointed = stripType(target);
  if (pointed.kind !== 'integer' || pointed.encoding !== 'char') return `${formatAddress(address)}${symbol}`;
  try {
    return `${formatAddress(address)} ${quotedAt(context.memory, address, Infinity)}`;
  } catch (error) {
    if (error instanceof MemoryFault) return `${formatAddress(address)}${symbol}`;
    throw error;
  }
}

/** The four- and eight-byte numbers of IEEE 754; others are shown as bytes. */
function formatFloat(value: Value, size: number, { memory }: ExpressionContext): string {
  if (value.address === undefined) return 'a floating-point value that lies nowhere';
  const bits = memory.unsigned(value.address, size === 4 ? 4 : 8);
  const view = new DataView(new ArrayBuffer(8));
  if (size === 4) {
    view.setUint32(0, Number(bits));
    return String(view.getFloat32(0));
  }
  if (size !== 8) return `a floating-point value of ${size} bytes`;
  view.setBigUint64(0, bits);
  return String(view.getFloat64(0));
}

/** A scalar in one of the styles; undefined for what has no such form. */
function formatStyled(value: Value, context: ExpressionContext, style: NonNullable<FormatSpecifier['style']>): string | undefined {
  const plain = stripType(value.type);
  const { memory } = context;
  if (style === 's') return formatText(value, context);
  if (plain.kind !== 'integer' && plain.kind !== 'enum' && plain.kind !== 'pointer') return undefined;
  const number = numberOf(value, memory);
  const width = value.bits?.width ?? plain.size * 8;
  const unsigned = BigInt.asUintN(width, number);
  switch (style) {
    case 'x':
      return `0x${unsigned.toString(16)}`;
    case 'd':
      return String(BigInt.asIntN(width, number));
    case 'u':
      return String(unsigned);
    case 'o':
      return `0${unsigned.toString(8)}`;
    case 'b':
      return `0b${unsigned.toString(2).padStart(width, '0')}`;
    case 'c':
      return JSON.stringify(String.fromCharCode(Number(unsigned & 0xffn)));
  }
}

/** Bytes up to the first zero, of an array or behind a pointer. */
function formatText(value: Value, { memory }: ExpressionContext): string | undefined {
  const plain = stripType(value.type);
  if (plain.kind === 'pointer') return quotedAt(memory, toAddress(numberOf(value, memory)), Infinity);
  if (value.address === undefined) return undefined;
  const size = sizeOfType(plain) || limits.shownText;
  const length = Math.min(size, limits.shownText);
  const { bytes } = memory.read(value.address, length);
  const end = bytes.indexOf(0);
  return `${JSON.stringify(decodeName(end < 0 ? bytes : bytes.subarray(0, end)))}${end < 0 && size > length ? '…' : ''}`;
}

/** Text of `size` bytes, or up to its zero, in quotes; behind one that is cut stands `…`. Throws `MemoryFault`. */
function quotedAt(memory: AddressSpace, address: Address, size: number): string {
  const text = memory.cString(address, Math.min(size, limits.shownText));
  const cut = size > limits.shownText && memory.cString(address, limits.shownText + 1) !== text;
  return `${JSON.stringify(text)}${cut ? '…' : ''}`;
}

/** Number of children: named members, or array elements. A pointer to a struct has the struct's. */
export function countChildren(value: Value): { named: number; indexed: number } {
  const plain = stripType(value.type);
  if (plain.kind === 'array') return { named: 0, indexed: value.items?.length ?? plain.count };
  if (plain.kind === 'struct' || plain.kind === 'union') return { named: plain.members.length, indexed: 0 };
  if (plain.kind === 'pointer') {
    const target = stripType(plain.target);
    if (target.kind === 'struct' || target.kind === 'union') return { named: target.members.length, indexed: 0 };
  }
  return { named: 0, indexed: 0 };
}

/** Children from `start` on, at most `count`. Throws `MemoryFault` when a pointer cannot be read. */
export function childrenOf(value: Value, page: { start: number; count: number }, context: ExpressionContext): Child[] {
  const plain = stripType(value.type);
  if (plain.kind === 'pointer') return childrenOf(elementOf(value, 0n, context.memory), page, context);
  if (plain.kind === 'array') {
    const end = Math.min(value.items?.length ?? plain.count, page.start + page.count);
    return Array.from({ length: Math.max(0, end - page.start) }, (_, index) => ({
      name: `[${page.start + index}]`,
      value: elementOf(value, BigInt(page.start + index), context.memory),
    }));
  }
  if ((plain.kind !== 'struct' && plain.kind !== 'union') || value.address === undefined) return [];
  return plain.members.slice(page.start, page.start + page.count).map((member) => ({
    name: member.name === '' ? '(anonymous)' : member.name,
    value: memberOf(value, { ...member, offset: Math.floor(member.bitOffset / 8) }, context.memory),
  }));
}
