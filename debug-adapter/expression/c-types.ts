/** C's integer types and the conversions between them (C11 6.3.1), for machines of 32 and 64 bits with `long` as wide as a pointer. */
import { stripType } from '../symbols/type-layout.ts';
import type { IntegerType, Type } from '../symbols/types.ts';

export interface BasicTypes {
  readonly int: IntegerType;
  readonly unsignedInt: IntegerType;
  readonly long: IntegerType;
  readonly unsignedLong: IntegerType;
  readonly longLong: IntegerType;
  readonly unsignedLongLong: IntegerType;
}

function integer(name: string, size: number, signed: boolean): IntegerType {
  return { kind: 'integer', name, size, signed, encoding: 'number' };
}

export function basicTypes(pointerSize: 4 | 8): BasicTypes {
  return {
    int: integer('int', 4, true),
    unsignedInt: integer('unsigned int', 4, false),
    long: integer('long', pointerSize, true),
    unsignedLong: integer('unsigned long', pointerSize, false),
    longLong: integer('long long', 8, true),
    unsignedLongLong: integer('unsigned long long', 8, false),
  };
}

/** The type of a constant: `long`, as if it had the suffix, so that shifts of it do what is meant; wider where it must be. */
export function constantType(value: bigint, unsigned: boolean, types: BasicTypes): IntegerType {
  const width = BigInt(types.long.size * 8);
  if (!unsigned && value < 1n << (width - 1n)) return types.long;
  if (value < 1n << width) return types.unsignedLong;
  return !unsigned && value < 1n << 63n ? types.longLong : types.unsignedLongLong;
}

/** The integer promotions: what is narrower than int becomes int. Pointers and addresses count as unsigned long. */
export function promote(type: Type, bits: number | undefined, types: BasicTypes): IntegerType {
  const plain = stripType(type);
  if (plain.kind !== 'integer' && plain.kind !== 'enum') return types.unsignedLong;
  const width = bits ?? plain.size * 8;
  if (width < 32 || plain.size < 4) return types.int;
  if (plain.size === 4) return plain.signed ? types.int : types.unsignedInt;
  if (plain.size <= types.long.size) return plain.signed ? types.long : types.unsignedLong;
  return plain.signed ? types.longLong : types.unsignedLongLong;
}

/** The usual arithmetic conversions, of promoted types. */
export function commonType(a: IntegerType, b: IntegerType): IntegerType {
  if (a.size !== b.size) return a.size > b.size ? a : b;
  return a.signed ? b : a;
}

/** The number as a value of this type. */
export function wrap(number: bigint, type: IntegerType): bigint {
  return type.signed ? BigInt.asIntN(type.size * 8, number) : BigInt.asUintN(type.size * 8, number);
}
