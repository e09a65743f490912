/** Values of expressions: a type with a place in memory, a plain number, or a list of values. */
import { addToAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { Type, TypeTable } from '../symbols/types.ts';
import type { BasicTypes } from './c-types.ts';

/** A typed value. With `address` it lies in memory and is read when its number is asked for. */
export interface Value {
  readonly type: Type;
  readonly address: Address | undefined;
  /** The number itself, for values that lie nowhere. */
  readonly number: bigint | undefined;
  /** Bit-field within the integer at `address`, in bits. */
  readonly bits: { readonly shift: number; readonly width: number } | undefined;
  /** What a walk over a list or tree found; the type is an array of as many elements. */
  readonly items?: readonly Value[];
  /** Why the walk ended before its natural end. */
  readonly note?: string | undefined;
  /** A text that was written as such, in quotes. */
  readonly literal?: string;
  /** A line that says more than the type would, e.g. a page-table entry's flags. */
  readonly text?: string;
  /** Facts of such a value, shown as its children. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** A parameter of a function: a value, a type, or a member path as it was written. */
export type Argument =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'type'; readonly type: Type }
  | { readonly kind: 'path'; readonly path: string };

/** A function that an expression may call. Throws `UserError` with what is wrong. */
export interface ExpressionFunction {
  /** For messages and completion: `list(HEAD, struct TYPE, MEMBER)`. */
  readonly usage: string;
  /** Positions of parameters that are member paths, not values. */
  readonly paths: readonly number[];
  /**
   * The value for these arguments. Throws `UserError` for arguments that it cannot take, `MemoryFault` for memory that is
   * missing.
   */
  call(parameters: readonly Argument[], context: ExpressionContext): Value;
}

/** What an expression may refer to. */
export interface ExpressionContext {
  readonly memory: AddressSpace;
  readonly types: TypeTable | undefined;
  readonly basic: BasicTypes;
  readonly symbols: SymbolTable;
  /** `$name`: registers of the frame, `$task`, `$cpu`. */
  variable(name: string): Value | undefined;
  /** Type of a global variable, where the type information or common knowledge has it. */
  typeOfSymbol(name: string): Type | undefined;
  /** Where a per-CPU variable lies for `cpu` (by default the frame's); undefined for any other symbol. */
  perCpuAddress(symbol: Address, cpu?: number): Address | undefined;
  readonly functions: ReadonlyMap<string, ExpressionFunction>;
}

/** `number` wrapped to the width and signedness of `type`, standing nowhere in memory. */
export function numberValue(number: bigint, type: Type): Value {
  const plain = stripType(type);
  const width = sizeOfType(type) * 8;
  const signed = (plain.kind === 'integer' || plain.kind === 'enum') && plain.signed;
  const wrapped = width === 0 ? number : signed ? BigInt.asIntN(width, number) : BigInt.asUintN(width, number);
  return { type, address: undefined, number: wrapped, bits: undefined };
}

/** What stands at `address`; nothing is read until it is asked for. */
export function placedValue(type: Type, address: Address): Value {
  return { type, address, number: undefined, bits: undefined };
}

/** A pointer of `size` bytes to a `target`, standing nowhere in memory. */
export function pointerValue(target: Type, address: bigint, size: number): Value {
  return numberValue(address, { kind: 'pointer', size, target });
}

/** What a walk found; `note` tells why it is not all. */
export function listValue(items: readonly Value[], element: Type, note?: string): Value {
  return { type: { kind: 'array', element, count: items.length }, address: undefined, number: undefined, bits: undefined, items, note };
}

/** A text in quotes: it lies nowhere, and is compared by its characters. */
export function textValue(literal: string): Value {
  const element: Type = { kind: 'integer', name: 'char', size: 1, signed: true, encoding: 'char' };
  const type: Type = { kind: 'array', element, count: literal.length + 1 };
  return { type, address: undefined, number: undefined, bits: undefined, literal, text: JSON.stringify(literal) };
}

/** The number that a scalar value holds (unsigned or signed as its type says). Throws `MemoryFault` for missing memory. */
export function numberOf(value: Value, memory: AddressSpace): bigint {
  if (value.number !== undefined) return value.number;
  const plain = stripType(value.type);
  if (value.address === undefined) throw errors.badArgument('the value is a list, and has no number and no place in memory');
  switch (plain.kind) {
    case 'integer':
    case 'enum':
    case 'pointer': {
      let word = memory.unsigned(value.address, plain.size);
      let width = plain.size * 8;
      if (value.bits !== undefined) {
        width = value.bits.width;
        word = BigInt.asUintN(width, word >> BigInt(value.bits.shift));
      }
      return plain.kind !== 'pointer' && plain.signed ? BigInt.asIntN(width, word) : word;
    }
    // Arrays, structs, functions, and symbols without a known type stand for their address.
    default:
      return value.address;
  }
}

/** The address that a value points to or lies at, for memory references; undefined for plain small numbers. */
export function addressOfValue(value: Value, memory: AddressSpace): Address | undefined {
  const plain = stripType(value.type);
  if (plain.kind === 'pointer') return toAddress(numberOf(value, memory));
  return value.address;
}

/** Element `index` of an array, or of the array that a pointer points into. */
export function elementOf(value: Value, index: bigint, memory: AddressSpace): Value {
  const plain = stripType(value.type);
  if (value.items !== undefined) {
    const item = value.items[Number(index)];
    if (item === undefined) throw errors.badArgument(`the list has ${value.items.length} elements, none of them number ${index}`);
    return item;
  }
  if (plain.kind === 'array' && value.address !== undefined) {
    return placedValue(plain.element, addToAddress(value.address, index * BigInt(sizeOfType(plain.element))));
  }
  if (plain.kind === 'pointer') {
    const size = Math.max(1, sizeOfType(plain.target));
    return placedValue(plain.target, addToAddress(toAddress(numberOf(value, memory)), index * BigInt(size)));
  }
  throw errors.badArgument('only arrays and pointers have elements; cast the value to a pointer first');
}

/** Member `path` of a struct, or of the struct that a pointer points to; undefined when it has none of that name. */
export function memberOf(
  value: Value,
  found: { readonly type: Type; readonly offset: number; readonly bitOffset: number; readonly bitSize: number | undefined },
  memory: AddressSpace,
): Value {
  const { address } = value;
  if (address === undefined) throw errors.badArgument('the struct has no place in memory');
  if (found.bitSize === undefined) return placedValue(found.type, addToAddress(address, found.offset));
  const size = Math.max(1, sizeOfType(found.type));
  const unit = Math.floor(found.bitOffset / 8 / size) * size;
  const first = found.bitOffset - unit * 8;
  const shift = memory.littleEndian ? first : size * 8 - first - found.bitSize;
  return { type: found.type, address: addToAddress(address, unit), number: undefined, bits: { shift, width: found.bitSize } };
}
