/** BTF as the kernel carries it (Documentation/bpf/btf.rst), encoded from declarations. */
import type { CMember, CType, CTypes } from './c-declarations.ts';

const kind = { integer: 1, pointer: 2, array: 3, struct: 4, union: 5, enum: 6, forward: 7, typedef: 8 } as const;
const magic = 0xeb9f;
const headerSize = 24;
const encoding = { signed: 1, bool: 4 } as const;

/** The section's bytes, little-endian. */
export function encodeBtf(types: CTypes): Uint8Array {
  return new Encoder(types).encode();
}

class Encoder {
  readonly #types: CTypes;
  readonly #ids = new Map<CType, number>();
  readonly #pointers = new Map<number, number>();
  readonly #arrays = new Map<string, number>();
  /** 32-bit words of each type. */
  readonly #words: number[][] = [];
  readonly #strings = new Map<string, number>([['', 0]]);
  #text = '\0';
  #indexType: number | undefined;

  constructor(types: CTypes) {
    this.#types = types;
  }

  encode(): Uint8Array {
    for (const type of this.#types.declared) this.#id(type);
    const words = this.#words.flat();
    const bytes = new Uint8Array(headerSize + words.length * 4 + this.#text.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, magic, true);
    view.setUint8(2, 1);
    [headerSize, 0, words.length * 4, words.length * 4, this.#text.length].forEach((value, index) => {
      view.setUint32(4 + index * 4, value, true);
    });
    words.forEach((word, index) => {
      view.setUint32(headerSize + index * 4, word >>> 0, true);
    });
    for (let index = 0; index < this.#text.length; index++) bytes[headerSize + words.length * 4 + index] = this.#text.charCodeAt(index);
    return bytes;
  }

  #string(text: string): number {
    let at = this.#strings.get(text);
    if (at === undefined) {
      at = this.#text.length;
      this.#strings.set(text, at);
      this.#text += `${text}\0`;
    }
    return at;
  }

  /** Takes the next id; its words are filled in later, since types refer to each other. */
  #reserve(): { id: number; words: number[] } {
    const words: number[] = [];
    this.#words.push(words);
    return { id: this.#words.length, words };
  }

  #id(type: CType): number {
    if (type.kind === 'void') return 0;
    if (type.kind === 'pointer') return this.#pointer(this.#id(type.to));
    if (type.kind === 'array') return this.#array(this.#id(type.element), type.count);
    const known = this.#ids.get(type);
    if (known !== undefined) return known;
    const { id, words } = this.#reserve();
    this.#ids.set(type, id);
    switch (type.kind) {
      case 'integer':
        words.push(this.#string(type.name), kind.integer << 24, type.size);
        words.push(((type.bool ? encoding.bool : type.signed ? encoding.signed : 0) << 24) | (type.size * 8));
        break;
      case 'typedef':
        words.push(this.#string(type.name), kind.typedef << 24, this.#id(type.to));
        break;
      case 'enum':
        words.push(
          this.#string(type.name),
          ((type.values.some(({ value }) => value < 0) ? 0x8000_0000 : 0) | (kind.enum << 24) | type.values.length) >>> 0,
          4,
        );
        for (const { name, value } of type.values) words.push(this.#string(name), value);
        break;
      case 'struct':
      case 'union':
        if (type.members === undefined)
          words.push(this.#string(type.name), ((type.kind === 'union' ? 0x8000_0000 : 0) | (kind.forward << 24)) >>> 0, 0);
        else this.#record(words, { tag: type.kind, name: type.name, size: type.size, members: type.members });
    }
    return id;
  }

  #record(words: number[], of: { tag: 'struct' | 'union'; name: string; size: number; members: readonly CMember[] }): void {
    // With bit-fields, the size in bits stands above the offset in each member's word (kind_flag).
    const fields = of.members.some(({ bitSize }) => bitSize !== undefined);
    words.push(this.#string(of.name), ((fields ? 0x8000_0000 : 0) | (kind[of.tag] << 24) | of.members.length) >>> 0, of.size);
    for (const { name, type, bitOffset, bitSize } of of.members) {
      words.push(this.#string(name), this.#id(type), fields ? (bitSize ?? 0) * 2 ** 24 + bitOffset : bitOffset);
    }
  }

  #pointer(to: number): number {
    let id = this.#pointers.get(to);
    if (id === undefined) {
      const made = this.#reserve();
      made.words.push(0, kind.pointer << 24, to);
      id = made.id;
      this.#pointers.set(to, id);
    }
    return id;
  }

  #array(element: number, count: number): number {
    const key = `${element} ${count}`;
    let id = this.#arrays.get(key);
    if (id === undefined) {
      const made = this.#reserve();
      id = made.id;
      made.words.push(0, kind.array << 24, 0, element, this.#index(), count);
      this.#arrays.set(key, id);
    }
    return id;
  }

  /** __ARRAY_SIZE_TYPE__, the type of indexes. */
  #index(): number {
    if (this.#indexType === undefined) {
      const made = this.#reserve();
      made.words.push(this.#string('__ARRAY_SIZE_TYPE__'), kind.integer << 24, 4, 32);
      this.#indexType = made.id;
    }
    return this.#indexType;
  }
}
