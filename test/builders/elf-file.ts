/** ELF core files byte by byte, from elf(5): both widths and byte orders, headers anywhere, any field wrong on purpose. */

export interface ElfShape {
  readonly wide: boolean;
  readonly littleEndian: boolean;
  /** e_machine. */
  readonly machine: number;
  /** Where the program headers stand; right behind the ELF header by default. */
  readonly programOffset?: number;
  /** Bytes of a program header, when more than it needs. */
  readonly programSize?: number;
  /** PN_XNUM: the count stands in section header 0; a number puts another count there, `false` leaves the section header out. */
  readonly extended?: true | number | 'no section header';
}

export interface ElfSegment {
  /** p_type; PT_LOAD by default. */
  readonly type?: number;
  readonly virtual?: bigint;
  readonly physical?: bigint;
  /** Its bytes in the file; p_filesz and p_memsz are their number where nothing else is said. */
  readonly data?: Uint8Array;
  readonly fileSize?: bigint;
  readonly memorySize?: bigint;
  /** p_offset, where it is not the place of `data`. */
  readonly offset?: bigint;
}

export const x8664: ElfShape = { wide: true, littleEndian: true, machine: 62 };

/** The header, program headers and section header 0 alone are laid out first, then each segment's data in order. */
export function elfFile(segments: readonly ElfSegment[], shape: ElfShape): Uint8Array {
  const { wide, littleEndian } = shape;
  const headerSize = wide ? 64 : 52;
  const programSize = shape.programSize ?? (wide ? 56 : 32);
  const sectionSize = wide ? 64 : 40;
  const programOffset = shape.programOffset ?? headerSize;
  const sectionOffset = programOffset + segments.length * programSize;
  const hasSection = shape.extended !== undefined && shape.extended !== 'no section header';
  let dataOffset = sectionOffset + (hasSection ? sectionSize : 0);
  const bytes = new Uint8Array(dataOffset + segments.reduce((sum, { data }) => sum + (data?.length ?? 0), 0));
  const view = new DataView(bytes.buffer);
  const word = (at: number, value: bigint): void => {
    if (wide) view.setBigUint64(at, value, littleEndian);
    else view.setUint32(at, Number(value), littleEndian);
  };
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, littleEndian ? 1 : 2, 1]);
  view.setUint16(16, 4, littleEndian);
  view.setUint16(18, shape.machine, littleEndian);
  view.setUint32(20, 1, littleEndian);
  word(wide ? 32 : 28, BigInt(programOffset));
  if (hasSection) word(wide ? 40 : 32, BigInt(sectionOffset));
  view.setUint16(wide ? 52 : 40, headerSize, littleEndian);
  view.setUint16(wide ? 54 : 42, programSize, littleEndian);
  view.setUint16(wide ? 56 : 44, shape.extended === undefined ? segments.length : 0xffff, littleEndian);
  if (hasSection) {
    const count = typeof shape.extended === 'number' ? shape.extended : segments.length;
    view.setUint32(sectionOffset + (wide ? 44 : 28), count, littleEndian);
  }
  segments.forEach((segment, index) => {
    const at = programOffset + index * programSize;
    const data = segment.data ?? new Uint8Array();
    const size = BigInt(data.length);
    view.setUint32(at, segment.type ?? 1, littleEndian);
    // offset, vaddr, paddr, filesz, memsz; 64-bit headers have the flags before them.
    const fields = [
      segment.offset ?? BigInt(dataOffset),
      segment.virtual ?? 0n,
      segment.physical ?? 0n,
      segment.fileSize ?? size,
      segment.memorySize ?? segment.fileSize ?? size,
    ];
    fields.forEach((value, field) => {
      word(at + (wide ? 8 : 4) + field * (wide ? 8 : 4), value);
    });
    bytes.set(data, dataOffset);
    dataOffset += data.length;
  });
  return bytes;
}

/** One ELF note: sizes and type, the name with its NUL, the description, both padded to four bytes. */
export function elfNote(note: { name: string; type: number; description: Uint8Array }, littleEndian: boolean): Uint8Array {
  const name = new TextEncoder().encode(`${note.name}\0`);
  const padded = (length: number): number => Math.ceil(length / 4) * 4;
  const bytes = new Uint8Array(12 + padded(name.length) + padded(note.description.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length, littleEndian);
  view.setUint32(4, note.description.length, littleEndian);
  view.setUint32(8, note.type, littleEndian);
  bytes.set(name, 12);
  bytes.set(note.description, 12 + padded(name.length));
  return bytes;
}

/** A PT_NOTE of these notes. */
export function noteSegment(notes: readonly Uint8Array[]): ElfSegment {
  return { type: 4, data: joinBytes(notes), memorySize: 0n };
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function filled(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte);
}
