/** Values as people read them: numbers both ways, pointers with their symbol, enums by name, text in quotes. */
import { addToAddress, formatAddress, toAddress } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import { sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { Type } from '../symbols/types.ts';
import { elementOf, numberOf, placedValue } from './value.ts';
import type { ExpressionContext, Value } from './value.ts';

const longestText = 256;

export interface Child {
  readonly name: string;
  readonly value: Value;
}

/** One line. Memory that is missing is told in the line. */
export function formatValue(value: Value, context: ExpressionContext): string {
  try {
    return formatReadable(value, context);
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
      const unsigned = BigInt.asUintN(plain.size * 8 || 64, number);
      return number > -10n && number < 10n ? String(number) : `${formatAddress(unsigned)} (${number})`;
    }
    case 'enum': {
      const number = numberOf(value, memory);
      const name = plain.enumerators.find((one) => one.value === number)?.name;
      return name === undefined ? String(number) : `${name} (${number})`;
    }
    case 'pointer':
      return formatPointer(toAddress(numberOf(value, memory)), plain.target, context);
    case 'array': {
      const element = stripType(plain.element);
      if (element.kind === 'integer' && element.size === 1 && value.address !== undefined && plain.count > 0) {
        return JSON.stringify(memory.cString(value.address, Math.min(plain.count, longestText)));
      }
      return `${typeName(plain.element)}[${plain.count}]${value.address === undefined ? '' : ` at ${formatAddress(value.address)}`}`;
    }
    case 'struct':
    case 'union':
      return `${typeName(plain)}${value.address === undefined ? '' : ` at ${formatAddress(value.address)}`}`;
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
    return `${formatAddress(address)} ${JSON.stringify(context.memory.cString(address, longestText))}`;
  } catch (error) {
    if (error instanceof MemoryFault) return `${formatAddress(address)}${symbol}`;
    throw error;
  }
}

/** A type in C's words. */
export function typeName(type: Type): string {
  switch (type.kind) {
    case 'integer':
    case 'float':
    case 'typedef':
      return type.name;
    case 'pointer':
      return `${typeName(type.target)} *`;
    case 'array':
      return `${typeName(type.element)}[${type.count}]`;
    case 'struct':
    case 'union':
    case 'enum':
      return `${type.kind} ${type.name === '' ? '{…}' : type.name}`;
    case 'qualified':
      return type.qualifier === 'tag' ? typeName(type.target) : `${type.qualifier} ${typeName(type.target)}`;
    case 'function':
      return `${typeName(type.returns)} (*)()`;
    case 'forward':
      return `${type.union ? 'union' : 'struct'} ${type.name}`;
    case 'void':
      return 'void';
  }
}

/** Number of children: named members, or array elements. A pointer to a struct has the struct's. */
export function countChildren(value: Value): { named: number; indexed: number } {
  const plain = stripType(value.type);
  if (plain.kind === 'array') return { named: 0, indexed: plain.count };
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
    const end = Math.min(plain.count, page.start + page.count);
    return Array.from({ length: Math.max(0, end - page.start) }, (_, index) => ({
      name: `[${page.start + index}]`,
      value: elementOf(value, BigInt(page.start + index), context.memory),
    }));
  }
  if ((plain.kind !== 'struct' && plain.kind !== 'union') || value.address === undefined) return [];
  const { address } = value;
  return plain.members.slice(page.start, page.start + page.count).map((member) => {
    if (member.bitSize === undefined) {
      return {
        name: member.name === '' ? '(anonymous)' : member.name,
        value: placedValue(member.type, addToAddress(address, Math.floor(member.bitOffset / 8))),
      };
    }
    const size = Math.max(1, sizeOfType(member.type));
    const unit = Math.floor(member.bitOffset / 8 / size) * size;
    const first = member.bitOffset - unit * 8;
    const shift = context.memory.littleEndian ? first : size * 8 - first - member.bitSize;
    return {
      name: member.name,
      value: { type: member.type, address: addToAddress(address, unit), number: undefined, bits: { shift, width: member.bitSize } },
    };
  });
}
