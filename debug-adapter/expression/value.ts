/** Values of expressions: a type with a place in memory, or a plain number. */
import { addToAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { Type, TypeTable } from '../symbols/types.ts';

/** A typed value. With `address` it lies in memory and is read when its number is asked for. */
export interface Value {
  readonly type: Type;
  readonly address: Address | undefined;
  /** The number itself, for values that lie nowhere. */
  readonly number: bigint | undefined;
  /** Bit-field within the integer at `address`, in bits. */
  readonly bits: { readonly shift: number; readonly width: number } | undefined;
}

/** What an expression may refer to. */
export interface ExpressionContext {
  readonly memory: AddressSpace;
  readonly types: TypeTable | undefined;
  readonly symbols: SymbolTable;
  register(name: string): bigint | undefined;
  /** Type of a global variable, where the type information or common knowledge has it. */
  typeOfSymbol(name: string): Type | undefined;
}

export const longType: Type = { kind: 'integer', name: 'unsigned long', size: 8, signed: false, encoding: 'number' };

export function numberValue(number: bigint, type: Type = longType): Value {
  return { type, address: undefined, number: BigInt.asUintN(64, number), bits: undefined };
}

export function placedValue(type: Type, address: Address): Value {
  return { type, address, number: undefined, bits: undefined };
}

/** The number that a scalar value holds (unsigned or signed as its type says). Throws `MemoryFault` for missing memory. */
export function numberOf(value: Value, memory: AddressSpace): bigint {
  if (value.number !== undefined) return value.number;
  const plain = stripType(value.type);
  if (value.address === undefined) throw errors.badArgument('the value has no place in memory');
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
    // Arrays, functions, and symbols without a known type stand for their address, as in C.
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
  if (plain.kind === 'array' && value.address !== undefined) {
    return placedValue(plain.element, addToAddress(value.address, index * BigInt(sizeOfType(plain.element))));
  }
  if (plain.kind === 'pointer') {
    const size = Math.max(1, sizeOfType(plain.target));
    return placedValue(plain.target, addToAddress(toAddress(numberOf(value, memory)), index * BigInt(size)));
  }
  throw errors.badArgument('only arrays and pointers have elements; cast the value to a pointer first');
}
