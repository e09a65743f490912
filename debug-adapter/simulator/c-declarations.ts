/**
 * Types from declarations in a small part of C: structs, unions, enums, typedefs, pointers, arrays and bit-fields, laid out as
 * the System V ABIs do. One source for where members lie, and for the BTF that tells it.
 */

export type CType =
  | { readonly kind: 'void' }
  | { readonly kind: 'integer'; readonly name: string; readonly size: number; readonly signed: boolean; readonly bool: boolean }
  | { readonly kind: 'pointer'; readonly to: CType }
  | { readonly kind: 'array'; readonly element: CType; readonly count: number }
  | { readonly kind: 'typedef'; readonly name: string; readonly to: CType }
  | CRecord
  | CEnum;

/** A struct or union of the simulated kernel; sizes in bytes. */
export interface CRecord {
  readonly kind: 'struct' | 'union';
  readonly name: string;
  /** Undefined until the record is defined. */
  members: readonly CMember[] | undefined;
  size: number;
  align: number;
}

/** A member of such a record; offsets and sizes in bits. */
export interface CMember {
  /** Empty for a struct or union without a name. */
  readonly name: string;
  readonly type: CType;
  readonly bitOffset: number;
  readonly bitSize: number | undefined;
}

/** An enumeration of the simulated kernel. */
export interface CEnum {
  readonly kind: 'enum';
  readonly name: string;
  readonly values: readonly { readonly name: string; readonly value: number }[];
}

interface Declared {
  readonly name: string;
  readonly type: CType;
  readonly bitSize: number | undefined;
}

const integers: Readonly<Record<string, readonly [size: number | 'word', signed: boolean]>> = {
  char: [1, true],
  'signed char': [1, true],
  'unsigned char': [1, false],
  short: [2, true],
  'unsigned short': [2, false],
  int: [4, true],
  'unsigned int': [4, false],
  long: ['word', true],
  'unsigned long': ['word', false],
  'long long': [8, true],
  'unsigned long long': [8, false],
  bool: [1, false],
};

const voidType: CType = { kind: 'void' };

/** Sizes and offsets are bytes. Throws `SyntaxError` or `RangeError`, defects of the declarations, for what is not declared. */
export class CTypes {
  readonly pointerSize: 4 | 8;
  /** Every named type and every enum, in the order of the declarations. */
  readonly declared: CType[] = [];
  readonly #records = new Map<string, CRecord>();
  readonly #typedefs = new Map<string, CType>();
  readonly #integers = new Map<string, CType>();
  readonly #tokens: readonly string[];
  readonly #found = new Map<string, Map<string, { readonly offset: number; readonly type: CType }>>();
  #at = 0;

  /** Throws `SyntaxError` where the declarations are none. */
  constructor(declarations: string, pointerSize: 4 | 8) {
    this.pointerSize = pointerSize;
    this.#tokens = declarations.match(/[A-Za-z_][A-Za-z_0-9]*|-?[0-9]+|[{}()[\];:,*=]/g) ?? [];
    while (this.#at < this.#tokens.length) this.#declaration();
  }

  /** Bytes of a defined struct. */
  size(struct: string): number {
    return this.record(struct).size;
  }

  /** Byte offset of a member; a path such as `busy.head` goes through members, `free_area[2].nr_free` into arrays. */
  offset(struct: string, path: string): number {
    return this.#find(struct, path).offset;
  }

  /** Offset and size of a member in bytes. */
  member(struct: string, path: string): { readonly offset: number; readonly size: number } {
    const { offset, type } = this.#find(struct, path);
    return { offset, size: this.sizeOf(type) };
  }

  /** Whether the struct is declared and has the member; `path` may lead through members of members. */
  has(struct: string, path: string): boolean {
    const record = this.#records.get(`struct ${struct}`);
    return record?.members !== undefined && path.split('.').length > 0 && this.#lookup(record, path) !== undefined;
  }

  /** The declaration of a struct. Throws `RangeError` where there is none. */
  record(struct: string): CRecord {
    const record = this.#records.get(`struct ${struct}`);
    if (record?.members === undefined) throw new RangeError(`struct ${struct} is not declared`);
    return record;
  }

  /** In bytes, padding included; 0 for void. Throws `SyntaxError` for a struct that is only named. */
  sizeOf(type: CType): number {
    switch (type.kind) {
      case 'void':
        return 0;
      case 'integer':
        return type.size;
      case 'pointer':
        return this.pointerSize;
      case 'array':
        return type.count * this.sizeOf(type.element);
      case 'typedef':
        return this.sizeOf(type.to);
      case 'enum':
        return 4;
      case 'struct':
      case 'union':
        if (type.members === undefined) throw new SyntaxError(`${type.kind} ${type.name} is used before it is declared`);
        return type.size;
    }
  }

  #alignOf(type: CType): number {
    switch (type.kind) {
      case 'void':
        return 1;
      case 'integer':
        // i386 aligns 64-bit integers to 4 bytes.
        return Math.min(type.size, this.pointerSize);
      case 'pointer':
        return this.pointerSize;
      case 'array':
        return this.#alignOf(type.element);
      case 'typedef':
        return this.#alignOf(type.to);
      case 'enum':
        return 4;
      case 'struct':
      case 'union':
        return type.align;
    }
  }

  /** What was found once is kept: declarations do not change, and operations ask for the same members again and again. */
  #find(struct: string, path: string): { readonly offset: number; readonly type: CType } {
    let known = this.#found.get(struct);
    if (known === undefined) {
      known = new Map();
      this.#found.set(struct, known);
    }
    let found = known.get(path);
    if (found === undefined) {
      found = this.#lookup(this.record(struct), path);
      if (found === undefined) throw new RangeError(`struct ${struct} has no member ${path}`);
      known.set(path, found);
    }
    return found;
  }

  #lookup(record: CRecord, path: string): { offset: number; type: CType } | undefined {
    let offset = 0;
    let type: CType = record;
    for (const part of path.split('.')) {
      const [, name = '', indexes = ''] = /^([A-Za-z_0-9]+)((?:\[[0-9]+\])*)$/.exec(part) ?? [];
      const plain: CType = plainOf(type);
      if (plain.kind !== 'struct' && plain.kind !== 'union') return undefined;
      const found = this.#memberOf(plain, name);
      if (found === undefined) return undefined;
      offset += found.offset;
      type = found.type;
      for (const [, index] of indexes.matchAll(/\[([0-9]+)\]/g)) {
        const array: CType = plainOf(type);
        if (array.kind !== 'array') return undefined;
        type = array.element;
        offset += Number(index) * this.sizeOf(type);
      }
    }
    return { offset, type };
  }

  #memberOf(record: CRecord, name: string): { offset: number; type: CType } | undefined {
    for (const member of record.members ?? []) {
      const offset = Math.floor(member.bitOffset / 8);
      if (member.name === name) return { offset, type: member.type };
      if (member.name !== '' || (member.type.kind !== 'struct' && member.type.kind !== 'union')) continue;
      const inside = this.#memberOf(member.type, name);
      if (inside !== undefined) return { offset: offset + inside.offset, type: inside.type };
    }
    return undefined;
  }

  #declaration(): void {
    if (this.#peek() === 'typedef') {
      this.#next();
      const base = this.#baseType();
      const { name, type } = this.#declarator(base);
      const typedef: CType = { kind: 'typedef', name, to: type };
      this.#typedefs.set(name, typedef);
      this.declared.push(typedef);
    } else this.#baseType();
    this.#expect(';');
  }

  #baseType(): CType {
    const word = this.#next();
    if (word === 'void') return voidType;
    if (word === 'struct' || word === 'union') return this.#recordType(word);
    if (word === 'enum') return this.#enumType();
    let name = word;
    while (/^(?:unsigned|signed|long)$/.test(name.split(' ').at(-1) ?? '') && /^(?:char|short|int|long)$/.test(this.#peek()))
      name += ` ${this.#next()}`;
    const integer = integers[name];
    if (integer !== undefined) {
      const [size, signed] = integer;
      let type = this.#integers.get(name);
      if (type === undefined) {
        type = {
          kind: 'integer',
          name: name === 'bool' ? '_Bool' : name,
          size: size === 'word' ? this.pointerSize : size,
          signed,
          bool: name === 'bool',
        };
        this.#integers.set(name, type);
      }
      return type;
    }
    const typedef = this.#typedefs.get(name);
    if (typedef === undefined) throw new SyntaxError(`${name} is no type`);
    return typedef;
  }

  #recordType(kind: 'struct' | 'union'): CType {
    const name = this.#peek() === '{' ? '' : this.#next();
    const key = `${kind} ${name}`;
    let record = name === '' ? undefined : this.#records.get(key);
    if (record === undefined) {
      record = { kind, name, members: undefined, size: 0, align: 1 };
      if (name !== '') {
        this.#records.set(key, record);
        this.declared.push(record);
      }
    }
    if (this.#peek() === '{') this.#define(record);
    return record;
  }

  #define(record: CRecord): void {
    this.#expect('{');
    const members: CMember[] = [];
    let bits = 0;
    let size = 0;
    let align = 1;
    while (this.#peek() !== '}') {
      const base = this.#baseType();
      const declared: Declared[] = [];
      if (this.#peek() === ';') declared.push({ name: '', type: base, bitSize: undefined });
      else {
        do {
          if (declared.length > 0) this.#expect(',');
          declared.push(this.#declarator(base));
        } while (this.#peek() === ',');
      }
      this.#expect(';');
      for (const { name, type, bitSize } of declared) {
        const bytes = this.sizeOf(type);
        const unit = this.#alignOf(type);
        align = Math.max(align, unit);
        if (record.kind === 'union') bits = 0;
        if (bitSize === undefined) bits = Math.ceil(bits / 8 / unit) * unit * 8;
        else if (Math.floor(bits / (bytes * 8)) !== Math.floor((bits + bitSize - 1) / (bytes * 8)))
          bits = Math.ceil(bits / (bytes * 8)) * bytes * 8;
        members.push({ name, type, bitOffset: bits, bitSize });
        bits += bitSize ?? bytes * 8;
        size = Math.max(size, Math.ceil(bits / 8));
      }
    }
    this.#expect('}');
    record.members = members;
    record.align = align;
    record.size = Math.ceil(size / align) * align;
  }

  #enumType(): CType {
    const name = this.#peek() === '{' ? '' : this.#next();
    this.#expect('{');
    const values: { name: string; value: number }[] = [];
    let next = 0;
    while (this.#peek() !== '}') {
      const enumerator = this.#next();
      if (this.#peek() === '=') {
        this.#next();
        next = Number(this.#next());
      }
      values.push({ name: enumerator, value: next++ });
      if (this.#peek() === ',') this.#next();
    }
    this.#expect('}');
    const type: CEnum = { kind: 'enum', name, values };
    this.declared.push(type);
    return type;
  }

  #declarator(base: CType): Declared {
    let type = base;
    while (this.#peek() === '*') {
      this.#next();
      type = { kind: 'pointer', to: type };
    }
    const name = this.#next();
    const counts: number[] = [];
    while (this.#peek() === '[') {
      this.#next();
      counts.push(Number(this.#next()));
      this.#expect(']');
    }
    for (const count of counts.reverse()) type = { kind: 'array', element: type, count };
    if (this.#peek() !== ':') return { name, type, bitSize: undefined };
    this.#next();
    return { name, type, bitSize: Number(this.#next()) };
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? '';
  }

  #next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new SyntaxError('the declarations end early');
    return token;
  }

  #expect(token: string): void {
    const found = this.#next();
    if (found !== token) throw new SyntaxError(`${token} was expected in place of ${found}`);
  }
}

function plainOf(type: CType): CType {
  return type.kind === 'typedef' ? plainOf(type.to) : type;
}
