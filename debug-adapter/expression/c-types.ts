/** C's integer types and the conversions between them (C11 6.3.1), for machines of 32 and 64 bits with `long` as wide as a pointer. */
import { stripType } from '../symbols/type-layout.ts';
import type { IntegerType, Type } from '../symbols/types.ts';

/** C's integer types for one machine; constants and results of operators get them (C11 6.3.1). */
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

/** The basic integer types of a machine whose `long` has `pointerSize` bytes; `int` has 4, `long long` 8. */
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

/** How a constant is written: its type depends on it. */
export interface ConstantForm {
  readonly decimal: boolean;
  readonly unsigned: boolean;
  readonly long: boolean;
}

/** A decimal constant without a suffix. */
export const plainConstant: ConstantForm = { decimal: true, unsigned: false, long: false };

/** The first type that can hold a constant (C11 6.4.4.1); decimal ones without suffix are never unsigned, if they fit. */
export function constantType(value: bigint, form: ConstantForm, types: BasicTypes): IntegerType {
  const candidates = [types.int, types.unsignedInt, types.long, types.unsignedLong, types.longLong, types.unsignedLongLong];
  const fits = (type: IntegerType): boolean => value < 1n << BigInt(type.size * 8 - (type.signed ? 1 : 0));
  const allowed = candidates.filter(
    (type, index) => (!form.long || index >= 2) && (form.unsigned ? !type.signed : type.signed || !form.decimal) && fits(type),
  );
  return allowed[0] ?? types.unsignedLongLong;
}

/** The integer promotions: what is narrower than int becomes int. Pointers and addresses count as unsigned long. */
export function promote(type: Type, bits: number | undefined, types: BasicTypes): IntegerType {
  const plain = stripType(type);
  if (plain.kind !== 'integer' && plain.kind !== 'enum') return types.unsignedLong;
  const width = bits ?? plain.size * 8;
  if (width < 32 || plain.size < 4) return types.int;
  if (plain.size === 4) return plain.signed ? types.int : types.unsignedInt;
  // __int128 is what it is.
  if (plain.kind === 'integer' && plain.size > types.longLong.size) return plain;
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
