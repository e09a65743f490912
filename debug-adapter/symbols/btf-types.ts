/** Decodes single BTF types on demand. Types that refer to others do so lazily, so cyclic types cost nothing. */
import type { BtfTable } from './btf.ts';
import type { EnumType, FunctionType, Member, QualifiedType, StructType, Type } from './types.ts';

const kindFlag = 0x8000_0000;
const voidType: Type = { kind: 'void' };

/** Types of one BTF table by id; 0, and an id that no table has, is void. */
export class BtfTypes {
  readonly #table: BtfTable;
  readonly #decoded = new Map<number, Type>();

  constructor(table: BtfTable) {
    this.#table = table;
  }

  /** Decoded once; types that it refers to are decoded when their fields are read. */
  type(id: number): Type {
    const known = this.#decoded.get(id);
    if (known !== undefined) return known;
    const offset = this.#table.offsetOf(id);
    if (offset === undefined) return voidType;
    const decoded = this.#decode(offset);
    this.#decoded.set(id, decoded);
    return decoded;
  }

  #u32(at: number): number {
    return this.#table.types.getUint32(at, this.#table.littleEndian);
  }

  #decode(at: number): Type {
    const table = this.#table;
    const name = table.text(this.#u32(at));
    const info = this.#u32(at + 4);
    const sizeOrType = this.#u32(at + 8);
    const flag = (info & kindFlag) !== 0;
    const lazy = <Kind extends object>(fields: Kind): Kind & { readonly target: Type } =>
      Object.defineProperty(fields, 'target', { enumerable: true, get: () => table.type(sizeOrType) }) as Kind & { target: Type };
    switch ((info >>> 24) & 0x1f) {
      case 1: {
        const encoding = (this.#u32(at + 12) >>> 24) & 0xf;
        return {
          kind: 'integer',
          name,
          size: sizeOrType,
          signed: (encoding & 1) !== 0,
          encoding: (encoding & 4) !== 0 ? 'bool' : (encoding & 2) !== 0 || (name.includes('char') && sizeOrType === 1) ? 'char' : 'number',
        };
      }
      case 2:
        return lazy({ kind: 'pointer' as const, size: table.pointerSize });
      case 3: {
        const elementId = this.#u32(at + 12);
        const count = this.#u32(at + 20);
        return {
          kind: 'array',
          count,
          get element() {
            return table.type(elementId);
          },
        };
      }
      case 4:
      case 5:
        return this.#struct({ at, name, info, size: sizeOrType, bitFields: flag });
      case 6:
      case 19:
        return this.#enum({ at, name, info, size: sizeOrType, signed: flag });
      case 7:
        return { kind: 'forward', name, union: flag };
      case 8:
        return lazy({ kind: 'typedef' as const, name });
      case 9:
        return this.#qualified('volatile', '', sizeOrType);
      case 10:
        return this.#qualified('const', '', sizeOrType);
      case 11:
        return this.#qualified('restrict', '', sizeOrType);
      case 18:
        return this.#qualified('tag', name, sizeOrType);
      case 12:
      case 14:
        return table.type(sizeOrType);
      case 13:
        return this.#prototype({ at, info, returnId: sizeOrType });
      case 16:
        return { kind: 'float', name, size: sizeOrType };
      default:
        return voidType;
    }
  }

  #qualified(qualifier: QualifiedType['qualifier'], tag: string, id: number): QualifiedType {
    const table = this.#table;
    return {
      kind: 'qualified',
      qualifier,
      tag,
      get target() {
        return table.type(id);
      },
    };
  }

  #struct(from: { at: number; name: string; info: number; size: number; bitFields: boolean }): StructType {
    const { at, name, info, size, bitFields } = from;
    const read = (): readonly Member[] => this.#members(at, { count: info & 0xffff, bitFields });
    let members: readonly Member[] | undefined;
    return {
      kind: ((info >>> 24) & 0x1f) === 5 ? 'union' : 'struct',
      name,
      size,
      get members() {
        return (members ??= read());
      },
    };
  }

  #members(at: number, of: { count: number; bitFields: boolean }): Member[] {
    const table = this.#table;
    return Array.from({ length: of.count }, (_, index) => {
      const member = at + 12 + index * 12;
      const typeId = this.#u32(member + 4);
      const offset = this.#u32(member + 8);
      const bitSize = of.bitFields ? offset >>> 24 : 0;
      return {
        name: table.text(this.#u32(member)),
        bitOffset: of.bitFields ? offset & 0xff_ffff : offset,
        bitSize: bitSize === 0 ? undefined : bitSize,
        get type() {
          return table.type(typeId);
        },
      };
    });
  }

  #enum(from: { at: number; name: string; info: number; size: number; signed: boolean }): EnumType {
    const { at, name, info, size, signed } = from;
    const wide = ((info >>> 24) & 0x1f) === 19;
    const read = (): EnumType['enumerators'] =>
      Array.from({ length: info & 0xffff }, (_, index) => {
        const entry = at + 12 + index * (wide ? 12 : 8);
        const low = BigInt(this.#u32(entry + 4));
        const raw = wide ? low | (BigInt(this.#u32(entry + 8)) << 32n) : low;
        return { name: this.#table.text(this.#u32(entry)), value: signed ? BigInt.asIntN(wide ? 64 : 32, raw) : raw };
      });
    let enumerators: EnumType['enumerators'] | undefined;
    return {
      kind: 'enum',
      name,
      size,
      signed,
      get enumerators() {
        return (enumerators ??= read());
      },
    };
  }

  #prototype(from: { at: number; info: number; returnId: number }): FunctionType {
    const table = this.#table;
    const { at, info, returnId } = from;
    return {
      kind: 'function',
      get returns() {
        return table.type(returnId);
      },
      parameters: Array.from({ length: info & 0xffff }, (_, index) => {
        const typeId = this.#u32(at + 12 + index * 8 + 4);
        return {
          name: table.text(this.#u32(at + 12 + index * 8)),
          get type() {
            return table.type(typeId);
          },
        };
      }),
    };
  }
}
