/** The kernel's ELF file: its symbol table, its .BTF section and its build ID (elf(5)); debug information is not read. */
import { toAddress } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import { decodeLatin1 } from '../base/text.ts';
import { isName } from './symbol-table.ts';
import type { KernelSymbol } from './symbol-table.ts';

const section = { symbolTable: 2, note: 7, noBits: 8 } as const;
const flag = { write: 1n, execute: 4n } as const;
/** STT_NOTYPE, STT_OBJECT, STT_FUNC: what names an address. */
const namedTypes: ReadonlySet<number> = new Set([0, 1, 2]);
const absoluteSection = 0xfff1;
const firstReserved = 0xff00;
/** NT_GNU_BUILD_ID. */
const buildIdType = 3;

interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/**
 * Sections of one ELF file of the kernel, read when they are asked for; sizes are checked against the file before anything is
 * allocated.
 */
export class Vmlinux {
  readonly name: string;
  readonly littleEndian: boolean;
  readonly #source: ByteSource;
  readonly #wide: boolean;
  readonly #sections: readonly Section[];

  /** Reads the headers. Throws `UserError` for what is no ELF file, or has sections beyond its end. */
  constructor(source: ByteSource) {
    this.name = source.name;
    this.#source = source;
    const head = source.read(0, 64);
    if (head.length < 64 || decodeLatin1(head.subarray(0, 4)) !== '\u007fELF') {
      throw errors.badArgument(`${source.name}: is no vmlinux; give the kernel's ELF file, not the compressed one that boots`);
    }
    this.#wide = head[4] === 2;
    this.littleEndian = head[5] !== 2;
    this.#sections = this.#readSections(head);
  }

  /** Symbols at the addresses for which the file is linked. Throws `UserError` where the file has none. */
  symbols(): KernelSymbol[] {
    const table = this.#sections.find(({ type }) => type === section.symbolTable);
    const names = table === undefined ? undefined : this.#sections[table.link];
    if (table === undefined || names === undefined) {
      throw errors.badArgument(`${this.name}: has no symbol table (it is stripped); give --symbols FILE (System.map)`);
    }
    const text = decodeLatin1(this.#bytes(names));
    const bytes = this.#bytes(table);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const entrySize = this.#wide ? 24 : 16;
    const found: KernelSymbol[] = [];
    for (let at = entrySize; at + entrySize <= bytes.length; at += entrySize) {
      const info = view.getUint8(at + (this.#wide ? 4 : 12));
      const index = view.getUint16(at + (this.#wide ? 6 : 14), this.littleEndian);
      const nameAt = view.getUint32(at, this.littleEndian);
      if (!namedTypes.has(info & 0xf) || index === 0 || (index >= firstReserved && index !== absoluteSection)) continue;
      const end = text.indexOf('\0', nameAt);
      const name = text.slice(nameAt, end < 0 ? undefined : end);
      if (!isName(name)) continue;
      const address = this.#wide ? view.getBigUint64(at + 8, this.littleEndian) : BigInt(view.getUint32(at + 4, this.littleEndian));
      const type = this.#typeLetter(info, index);
      found.push({ name, address: toAddress(address), type, size: 0, module: undefined });
      if (found.length > limits.symbols) throw errors.limit(`${this.name}: has more than ${limits.symbols} symbols`);
    }
    return found;
  }

  /** The type information; undefined where the kernel was built without it. */
  btf(): Uint8Array | undefined {
    const found = this.#sections.find(({ name }) => name === '.BTF');
    return found === undefined || found.size === 0 ? undefined : this.#bytes(found);
  }

  /** In hexadecimal; undefined where the file has none. */
  buildId(): string | undefined {
    for (const one of this.#sections) {
      if (one.type !== section.note || one.size > limits.noteBytes) continue;
      const bytes = this.#bytes(one);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at + 12 <= bytes.length;) {
        const nameSize = view.getUint32(at, this.littleEndian);
        const size = view.getUint32(at + 4, this.littleEndian);
        const content = at + 12 + align4(nameSize);
        if (content + size > bytes.length) break;
        const isBuildId = view.getUint32(at + 8, this.littleEndian) === buildIdType && nameSize === 4;
        if (isBuildId && decodeLatin1(bytes.subarray(at + 12, at + 15)) === 'GNU') {
          return Array.from(bytes.subarray(content, content + size), (byte) => byte.toString(16).padStart(2, '0')).join('');
        }
        at = content + align4(size);
      }
    }
    return undefined;
  }

  /** As nm(1) has it; small letters for local symbols. */
  #typeLetter(info: number, index: number): string {
    const binding = info >> 4;
    if (binding === 2) return 'W';
    const of = this.#sections[index];
    const letter =
      index === absoluteSection || of === undefined
        ? 'A'
        : (of.flags & flag.execute) !== 0n
          ? 'T'
          : of.type === section.noBits
            ? 'B'
            : (of.flags & flag.write) !== 0n
              ? 'D'
              : 'R';
    return binding === 0 ? letter.toLowerCase() : letter;
  }

  #readSections(head: Uint8Array): Section[] {
    const wide = this.#wide;
    const { littleEndian } = this;
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const word = (from: DataView, at: number): number =>
      wide ? Number(from.getBigUint64(at, littleEndian)) : from.getUint32(at, littleEndian);
    const start = word(view, wide ? 40 : 32);
    const size = view.getUint16(wide ? 58 : 46, littleEndian);
    const count = view.getUint16(wide ? 60 : 48, littleEndian);
    const namesIndex = view.getUint16(wide ? 62 : 50, littleEndian);
    if (size < (wide ? 64 : 40)) return [];
    const bytes = this.#read(start, size * count);
    const table = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const found: (Section & { readonly nameAt: number })[] = [];
    for (let at = 0; at + size <= bytes.length; at += size) {
      found.push({
        nameAt: table.getUint32(at, littleEndian),
        name: '',
        type: table.getUint32(at + 4, littleEndian),
        flags: wide ? table.getBigUint64(at + 8, littleEndian) : BigInt(table.getUint32(at + 8, littleEndian)),
        offset: word(table, at + (wide ? 24 : 16)),
        size: word(table, at + (wide ? 32 : 20)),
        link: table.getUint32(at + (wide ? 40 : 24), littleEndian),
      });
    }
    const names = found[namesIndex];
    const text = names === undefined || names.size > limits.noteBytes ? '' : decodeLatin1(this.#bytes(names));
    return found.map((one) => ({ ...one, name: text.slice(one.nameAt, text.indexOf('\0', one.nameAt)) }));
  }

  #bytes({ name, offset, size, type }: Section): Uint8Array {
    if (type === section.noBits) throw errors.badArgument(`${this.name}: the section ${name} is not in the file; give the whole vmlinux`);
    if (size > limits.btfBytes) throw errors.limit(`${this.name}: a section has ${size} bytes, more than symbols or types have`);
    return this.#read(offset, size);
  }

  #read(offset: number, size: number): Uint8Array {
    const within = Number.isSafeInteger(offset) && offset + size <= this.#source.size;
    const bytes = within ? this.#source.read(offset, size) : undefined;
    if (bytes?.length !== size) throw errors.badArgument(`${this.name}: ends within its sections; copy the whole file again`);
    return bytes;
  }
}

function align4(size: number): number {
  return Math.ceil(size / 4) * 4;
}
