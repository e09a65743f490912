/** A type's members with the bytes that each has, for a view that lays them over memory. */
import { limits } from '../base/limits.ts';
import { errors } from '../base/errors.ts';
import { declare } from '../expression/declaration.ts';
import type { TypeLayoutFacts } from '../protocol/memory-pages.ts';
import { sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { Type, TypeTable } from '../symbols/types.ts';

type MemberFacts = TypeLayoutFacts['members'][number];

/** Throws `UserError` where there are no types, or none of this name. */
export function typeLayoutFacts(types: TypeTable | undefined, text: string): TypeLayoutFacts {
  if (types === undefined) throw errors.noTypes(`laying ${text} over memory`);
  const type = types.parse(text) ?? types.struct(text) ?? types.typedef(text);
  if (type === undefined) throw errors.badArgument(`there is no type ${text}; write it as in C, e.g. struct page`);
  const size = sizeOfType(type);
  if (size === 0) throw errors.badArgument(`${text} has no size: its body is not known`);
  const found: MemberFacts[] = [];
  flatten(type, { name: '', bitOffset: 0, bitSize: undefined, depth: 0 }, found);
  return { name: declare(type, ''), size, members: found.slice(0, limits.layoutMembers), cut: found.length > limits.layoutMembers };
}

interface Place {
  readonly name: string;
  readonly bitOffset: number;
  readonly bitSize: number | undefined;
  readonly depth: number;
}

function flatten(type: Type, place: Place, found: MemberFacts[]): void {
  if (found.length > limits.layoutMembers) return;
  const plain = stripType(type);
  const { name, bitOffset, depth } = place;
  if ((plain.kind === 'struct' || plain.kind === 'union') && depth < limits.shownDepth) {
    for (const member of plain.members) {
      const path = member.name === '' ? name : name === '' ? member.name : `${name}.${member.name}`;
      flatten(member.type, { name: path, bitOffset: bitOffset + member.bitOffset, bitSize: member.bitSize, depth: depth + 1 }, found);
    }
    return;
  }
  if (
    plain.kind === 'array' &&
    depth < limits.shownDepth &&
    plain.count <= limits.shownElements &&
    stripType(plain.element).kind !== 'integer'
  ) {
    const bits = sizeOfType(plain.element) * 8;
    for (let index = 0; index < plain.count; index++)
      flatten(
        plain.element,
        { name: `${name}[${index}]`, bitOffset: bitOffset + index * bits, bitSize: undefined, depth: depth + 1 },
        found,
      );
    return;
  }
  found.push(memberFacts(type, place));
}

function memberFacts(type: Type, { name, bitOffset, bitSize }: Place): MemberFacts {
  const offset = Math.floor(bitOffset / 8);
  const first = bitOffset % 8;
  const size = bitSize === undefined ? sizeOfType(type) : Math.ceil((first + bitSize) / 8);
  return {
    name,
    type: declare(type, ''),
    offset,
    size,
    bits: bitSize === undefined ? null : { first, count: bitSize },
    kind: kindOf(type),
  };
}

function kindOf(type: Type): MemberFacts['kind'] {
  const plain = stripType(type);
  if (plain.kind === 'pointer') return 'pointer';
  if (plain.kind === 'integer') return plain.signed ? 'signed' : 'integer';
  if (plain.kind === 'enum') return 'integer';
  if (plain.kind === 'array') {
    const element = stripType(plain.element);
    return element.kind === 'integer' && element.size === 1 ? 'text' : 'other';
  }
  return 'other';
}
