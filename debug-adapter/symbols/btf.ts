/**
 * BTF, the kernel's own type information (include/uapi/linux/btf.h, Documentation/bpf/btf.rst). One pass finds where each
 * type begins; a type is decoded when it is asked for, and kept.
 */
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { decodeCString, decodeLatin1 } from '../base/text.ts';
import { BtfTypes } from './btf-types.ts';
import { parseTypeName } from './type-name.ts';
import type { EnumType, StructType, Type, TypeTable } from './types.ts';

/** Kinds of BTF types (include/uapi/linux/btf.h: BTF_KIND_*). */
export const btfKind = {
  integer: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  functionPrototype: 13,
  variable: 14,
  dataSection: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

const magic = 0xeb9f;
const headerSize = 24;
const typeSize = 12;

/** What a BTF blob does not say of itself. */
export interface BtfOptions {
  readonly littleEndian: boolean;
  readonly pointerSize: 4 | 8;
  /** For `info`, e.g. `BTF in the dump`. */
  readonly source: string;
  /** The kernel's table, for a module's split BTF. */
  readonly base?: BtfTable;
}

/** Opens a BTF blob. Throws `UserError('no-types')` for one that is malformed. */
export function openBtf(bytes: Uint8Array, options: BtfOptions): BtfTable {
  return new BtfTable(bytes, options);
}

/**
 * One BTF section: the kernel's, or a module's split one that continues the ids and strings of its `base`. Throws `UserError`
 * for a section that is not BTF or whose parts lie outside of it.
 */
export class BtfTable implements TypeTable {
  readonly source: string;
  readonly pointerSize: 4 | 8;
  readonly littleEndian: boolean;
  /** The type section. */
  readonly types: DataView;
  /** First type id of this table: 1, or behind the base's last. */
  readonly firstId: number;
  /** Number of types in this table alone. */
  readonly count: number;
  readonly base: BtfTable | undefined;
  readonly #offsets: Uint32Array;
  readonly #nameOffsets: Uint32Array;
  readonly #strings: Uint8Array;
  readonly #stringBase: number;
  readonly #decoder: BtfTypes;
  #stringText: string | undefined;
  #enumerators: Map<string, bigint> | undefined;

  constructor(bytes: Uint8Array, options: BtfOptions) {
    this.source = options.source;
    this.pointerSize = options.pointerSize;
    this.littleEndian = options.littleEndian;
    this.base = options.base;
    const sections = readHeader(bytes, options.littleEndian);
    this.types = new DataView(sections.types.buffer, sections.types.byteOffset, sections.types.byteLength);
    this.#strings = sections.strings;
    this.firstId = options.base === undefined ? 1 : options.base.firstId + options.base.count;
    this.#stringBase = options.base === undefined ? 0 : options.base.stringEnd;
    const index = indexTypes(this.types, options.littleEndian);
    this.#offsets = index.offsets;
    this.#nameOffsets = index.nameOffsets;
    this.count = index.offsets.length;
    this.#decoder = new BtfTypes(this);
  }

  /** First string offset behind this table's strings, where a split table's begin. */
  get stringEnd(): number {
    return this.#stringBase + this.#strings.length;
  }

  /** Text at a string offset; empty for 0 and for offsets outside. */
  text(offset: number): string {
    if (offset < this.#stringBase) return this.base?.text(offset) ?? '';
    return decodeCString(this.#strings.subarray(offset - this.#stringBase, offset - this.#stringBase + limits.stringBytes));
  }

  /** Where a type of this table begins in `types`; undefined for ids of other tables. */
  offsetOf(id: number): number | undefined {
    return this.#offsets[id - this.firstId];
  }

  /** The type of an id; void for 0 and for ids that do not exist. */
  type(id: number): Type {
    if (id !== 0 && id < this.firstId && this.base !== undefined) return this.base.type(id);
    return this.#decoder.type(id);
  }

  /** BTF_KIND_* of a type of this table, 0 for an id of another one. */
  kindOf(id: number): number {
    const offset = this.offsetOf(id);
    return offset === undefined ? 0 : (this.types.getUint32(offset + 4, this.littleEndian) >>> 24) & 0x1f;
  }

  struct(name: string): StructType | undefined {
    const found = this.#find(name, [btfKind.struct, btfKind.union]);
    return found?.kind === 'struct' || found?.kind === 'union' ? found : this.base?.struct(name);
  }

  enum(name: string): EnumType | undefined {
    const found = this.#find(name, [btfKind.enum, btfKind.enum64]);
    return found?.kind === 'enum' ? found : this.base?.enum(name);
  }

  typedef(name: string): Type | undefined {
    const found = this.#find(name, [btfKind.typedef, btfKind.integer, btfKind.float]);
    return found ?? this.base?.typedef(name);
  }

  variable(name: string): Type | undefined {
    for (const id of this.#idsOf(name)) {
      const offset = this.offsetOf(id);
      if (offset !== undefined && this.kindOf(id) === btfKind.variable)
        return this.type(this.types.getUint32(offset + 8, this.littleEndian));
    }
    return this.base?.variable(name);
  }

  enumerator(name: string): bigint | undefined {
    this.#enumerators ??= this.#collectEnumerators();
    return this.#enumerators.get(name) ?? this.base?.enumerator(name);
  }

  parse(text: string): Type | undefined {
    return parseTypeName(text, this);
  }

  withPrefix(prefix: string, limit: number): readonly string[] {
    const text = (this.#stringText ??= decodeLatin1(this.#strings));
    const kinds: readonly number[] = [btfKind.struct, btfKind.union, btfKind.enum, btfKind.enum64, btfKind.typedef];
    const found = new Set<string>();
    for (let at = text.indexOf(`\0${prefix}`); at >= 0 && found.size < limit; at = text.indexOf(`\0${prefix}`, at + 1)) {
      const ids = this.#idsAt(at + 1 + this.#stringBase);
      if (ids.some((id) => kinds.includes(this.kindOf(id)))) found.add(this.text(at + 1 + this.#stringBase));
    }
    return [...found].sort();
  }

  #find(name: string, kinds: readonly number[]): Type | undefined {
    if (name === '') return undefined;
    const id = this.#idsOf(name).find((candidate) => kinds.includes(this.kindOf(candidate)));
    return id === undefined ? undefined : this.type(id);
  }

  /** Ids of this table's types of a name. Strings are searched as one text, type names as one typed array: both native. */
  #idsOf(name: string): number[] {
    const text = (this.#stringText ??= decodeLatin1(this.#strings));
    const at = text.indexOf(`\0${name}\0`);
    if (at >= 0) return this.#idsAt(at + 1 + this.#stringBase);
    const shared = this.base?.findString(name);
    return shared === undefined ? [] : this.#idsAt(shared);
  }

  /** Offset of a whole string, for a split table that shares it. */
  findString(name: string): number | undefined {
    const text = (this.#stringText ??= decodeLatin1(this.#strings));
    const at = text.indexOf(`\0${name}\0`);
    return at < 0 ? this.base?.findString(name) : at + 1 + this.#stringBase;
  }

  #idsAt(stringOffset: number): number[] {
    const ids: number[] = [];
    for (let at = this.#nameOffsets.indexOf(stringOffset); at >= 0; at = this.#nameOffsets.indexOf(stringOffset, at + 1)) {
      ids.push(at + this.firstId);
    }
    return ids;
  }

  #collectEnumerators(): Map<string, bigint> {
    const values = new Map<string, bigint>();
    for (let id = this.firstId; id < this.firstId + this.count; id++) {
      const kind = this.kindOf(id);
      if (kind !== btfKind.enum && kind !== btfKind.enum64) continue;
      const type = this.type(id);
      if (type.kind !== 'enum') continue;
      for (const { name, value } of type.enumerators) if (!values.has(name)) values.set(name, value);
    }
    return values;
  }
}

function readHeader(bytes: Uint8Array, littleEndian: boolean): { types: Uint8Array; strings: Uint8Array } {
  if (bytes.length < headerSize) throw errors.malformedTypes(`${bytes.length} bytes are too few`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0, littleEndian) !== magic) throw errors.malformedTypes('it does not begin with its magic number');
  const length = view.getUint32(4, littleEndian);
  const typesAt = length + view.getUint32(8, littleEndian);
  const typesEnd = typesAt + view.getUint32(12, littleEndian);
  const stringsAt = length + view.getUint32(16, littleEndian);
  const stringsEnd = stringsAt + view.getUint32(20, littleEndian);
  if (length < headerSize || typesEnd > bytes.length || stringsEnd > bytes.length || bytes.length > limits.btfBytes) {
    throw errors.malformedTypes('its sections reach beyond its end');
  }
  return { types: bytes.subarray(typesAt, typesEnd), strings: bytes.subarray(stringsAt, stringsEnd) };
}

/** Bytes behind the common part of a type, by its kind and its vlen. */
function extraBytes(kind: number, members: number): number | undefined {
  switch (kind) {
    case btfKind.integer:
    case btfKind.variable:
    case btfKind.declarationTag:
      return 4;
    case btfKind.array:
      return 12;
    case btfKind.struct:
    case btfKind.union:
    case btfKind.dataSection:
    case btfKind.enum64:
      return 12 * members;
    case btfKind.enum:
    case btfKind.functionPrototype:
      return 8 * members;
    case btfKind.pointer:
    case btfKind.forward:
    case btfKind.typedef:
    case btfKind.volatile:
    case btfKind.const:
    case btfKind.restrict:
    case btfKind.function:
    case btfKind.float:
    case btfKind.typeTag:
      return 0;
    default:
      return undefined;
  }
}

function indexTypes(types: DataView, littleEndian: boolean): { offsets: Uint32Array; nameOffsets: Uint32Array } {
  const most = Math.floor(types.byteLength / typeSize);
  const offsets = new Uint32Array(most);
  const nameOffsets = new Uint32Array(most);
  let count = 0;
  let at = 0;
  while (at + typeSize <= types.byteLength) {
    const info = types.getUint32(at + 4, littleEndian);
    const extra = extraBytes((info >>> 24) & 0x1f, info & 0xffff);
    if (extra === undefined) throw errors.malformedTypes(`type ${count + 1} has the unknown kind ${(info >>> 24) & 0x1f}`);
    if (at + typeSize + extra > types.byteLength) throw errors.malformedTypes(`type ${count + 1} reaches beyond the type section`);
    offsets[count] = at;
    nameOffsets[count] = types.getUint32(at, littleEndian);
    count++;
    at += typeSize + extra;
  }
  return { offsets: offsets.slice(0, count), nameOffsets: nameOffsets.slice(0, count) };
}
