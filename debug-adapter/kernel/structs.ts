/**
 * Kernel structures through type information: where members lie is asked of the types, once for each member, and values
 * are read from memory. Nothing here knows a kernel version: a decoder probes with `has`.
 */
import { addToAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { locateMember, sizeOfType, stripType } from '../symbols/type-layout.ts';
import type { StructType, TypeTable } from '../symbols/types.ts';

interface MemberShape {
  readonly offset: number;
  readonly size: number;
  /** Set for bit-fields: first bit within the unsigned integer of `size` bytes at `offset`, and width. */
  readonly bits: { readonly shift: number; readonly width: number } | undefined;
  readonly signed: boolean;
}

/** Shapes of all structs of one kernel. */
export class Structs {
  readonly types: TypeTable;
  readonly memory: AddressSpace;
  readonly #shapes = new Map<string, StructShape | undefined>();

  constructor(types: TypeTable, memory: AddressSpace) {
    this.types = types;
    this.memory = memory;
  }

  /** The shape of a named struct or union; undefined when this kernel has none of that name. */
  find(name: string): StructShape | undefined {
    if (!this.#shapes.has(name)) {
      const struct = this.types.struct(name);
      this.#shapes.set(name, struct === undefined ? undefined : new StructShape(struct, this.memory));
    }
    return this.#shapes.get(name);
  }

  /** As `find`, but a missing struct is a `UserError`. */
  get(name: string): StructShape {
    const shape = this.find(name);
    if (shape === undefined) throw errors.unknownType(`struct ${name}`);
    return shape;
  }

  /** Whether this kernel's struct has the member (a path such as `busy.head`). */
  has(struct: string, path: string): boolean {
    return this.find(struct)?.has(path) ?? false;
  }
}

/** One struct: member access at addresses. Paths go through anonymous members: `pages`, `list.next`, `mem[0].base`. */
export class StructShape {
  readonly type: StructType;
  readonly #memory: AddressSpace;
  readonly #members = new Map<string, MemberShape | undefined>();

  constructor(type: StructType, memory: AddressSpace) {
    this.type = type;
    this.#memory = memory;
  }

  /** Bytes of the struct. */
  get size(): number {
    return this.type.size;
  }

  /** Whether the type has the member; `path` may lead through members of members (`a.b`). */
  has(path: string): boolean {
    return this.#member(path) !== undefined;
  }

  /** Byte offset of a member; a missing one is a `UserError`. */
  offset(path: string): number {
    return this.#need(path).offset;
  }

  /** Bytes of a member. */
  memberSize(path: string): number {
    return this.#need(path).size;
  }

  /** Number of elements of an array member. */
  arrayLength(path: string): number {
    const type = stripType(locateMember(this.type, path)?.type ?? { kind: 'void' });
    return type.kind === 'array' ? type.count : 0;
  }

  /** Address of the member in the object at `object`. Throws `UserError` where the type lacks it. */
  address(object: Address, path: string): Address {
    return addToAddress(object, this.#need(path).offset);
  }

  /** The pointer in the member. Throws `UserError` where the type lacks it, `MemoryFault` where it cannot be read. */
  pointer(object: Address, path: string): Address {
    return this.#memory.pointer(addToAddress(object, this.#need(path).offset));
  }

  /** An integer member of any size, zero-extended; bit-fields are taken out. */
  unsigned(object: Address, path: string): bigint {
    const member = this.#need(path);
    const word = this.#memory.unsigned(addToAddress(object, member.offset), member.size);
    return member.bits === undefined ? word : (word >> BigInt(member.bits.shift)) & ((1n << BigInt(member.bits.width)) - 1n);
  }

  /** As `unsigned`, sign-extended when the member is signed, as a number: for members that fit 53 bits. */
  number(object: Address, path: string): number {
    const member = this.#need(path);
    const value = this.unsigned(object, path);
    const width = member.bits?.width ?? member.size * 8;
    return Number(member.signed ? BigInt.asIntN(width, value) : value);
  }

  /** A char-array member as text. */
  text(object: Address, path: string): string {
    const member = this.#need(path);
    return this.#memory.cString(addToAddress(object, member.offset), Math.max(1, member.size));
  }

  #need(path: string): MemberShape {
    const member = this.#member(path);
    if (member === undefined) throw errors.unknownLayout(`struct ${this.type.name}`, path);
    return member;
  }

  #member(path: string): MemberShape | undefined {
    if (!this.#members.has(path)) this.#members.set(path, shapeOf(this.type, path, this.#memory.littleEndian));
    return this.#members.get(path);
  }
}

function shapeOf(struct: StructType, path: string, littleEndian: boolean): MemberShape | undefined {
  const location = locateMember(struct, path);
  if (location === undefined) return undefined;
  const type = stripType(location.type);
  const size = sizeOfType(type);
  const signed = (type.kind === 'integer' || type.kind === 'enum') && type.signed;
  if (location.bitSize === undefined) return { offset: location.offset, size, bits: undefined, signed };
  const unit = Math.max(1, size);
  const offset = Math.floor(location.bitOffset / 8 / unit) * unit;
  const first = location.bitOffset - offset * 8;
  const shift = littleEndian ? first : unit * 8 - first - location.bitSize;
  return { offset, size: unit, bits: { shift, width: location.bitSize }, signed };
}
