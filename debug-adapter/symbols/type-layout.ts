/** Questions about types that every decoder asks: sizes, and where a member lies. */
import { limits } from '../base/limits.ts';
import type { Member, MemberLocation, StructType, Type, TypeTable } from './types.ts';

/** Takes typedefs and qualifiers off. */
export function stripType(type: Type): Exclude<Type, { kind: 'typedef' | 'qualified' }> {
  let current = type;
  for (let depth = 0; depth < limits.typeDepth; depth++) {
    if (current.kind !== 'typedef' && current.kind !== 'qualified') return current;
    current = current.target;
  }
  return { kind: 'void' };
}

/** sizeof in bytes; 0 for void, functions, forward declarations and flexible arrays, and for arrays that only damage makes. */
export function sizeOfType(type: Type): number {
  let plain = stripType(type);
  let count = 1;
  for (let depth = 0; plain.kind === 'array'; depth++) {
    count *= plain.count;
    if (depth > limits.typeDepth || !Number.isSafeInteger(count)) return 0;
    plain = stripType(plain.element);
  }
  const size = count * sizeOfElement(plain);
  return Number.isSafeInteger(size) ? size : 0;
}

function sizeOfElement(plain: Exclude<ReturnType<typeof stripType>, { kind: 'array' }>): number {
  switch (plain.kind) {
    case 'integer':
    case 'float':
    case 'pointer':
    case 'struct':
    case 'union':
    case 'enum':
      return plain.size;
    case 'void':
    case 'function':
    case 'forward':
      return 0;
  }
}

/** Finds `path` (`a`, `a.b`, `a[2].b`) in a struct, looking through anonymous members. Undefined when a part is missing. */
export function locateMember(struct: StructType, path: string): MemberLocation | undefined {
  let bitOffset = 0;
  let bitSize: number | undefined;
  let type: Type = struct;
  for (const part of path.replace(/\[(\d+)\]/g, '.$1').split('.')) {
    const plain = stripType(type);
    if (/^\d+$/.test(part)) {
      if (plain.kind !== 'array') return undefined;
      bitOffset += Number(part) * sizeOfType(plain.element) * 8;
      type = plain.element;
      bitSize = undefined;
      continue;
    }
    if (plain.kind !== 'struct' && plain.kind !== 'union') return undefined;
    const found = findMember(plain, part, 0);
    if (found === undefined) return undefined;
    bitOffset += found.bitOffset;
    bitSize = found.member.bitSize;
    type = found.member.type;
  }
  return { type, offset: Math.floor(bitOffset / 8), bitOffset, bitSize };
}

/** Byte offset of a member of a named struct, or undefined when the struct or the member is not there. */
export function offsetOfMember(types: TypeTable, structName: string, path: string): number | undefined {
  const struct = types.struct(structName);
  return struct === undefined ? undefined : locateMember(struct, path)?.offset;
}

function findMember(struct: StructType, name: string, depth: number): { member: Member; bitOffset: number } | undefined {
  if (depth > limits.typeDepth) return undefined;
  for (const member of struct.members) {
    if (member.name === name) return { member, bitOffset: member.bitOffset };
  }
  for (const member of struct.members) {
    if (member.name !== '') continue;
    const inner = stripType(member.type);
    if (inner.kind !== 'struct' && inner.kind !== 'union') continue;
    const found = findMember(inner, name, depth + 1);
    if (found !== undefined) return { member: found.member, bitOffset: member.bitOffset + found.bitOffset };
  }
  return undefined;
}
