/** The ELF header and program headers of core files, in both widths and byte orders (elf(5)). */
import { ByteReader } from '../base/byte-reader.ts';
import { errors } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import type { ArchitectureName, MachineHint } from './image.ts';

const coreType = 4;
const extendedCount = 0xffff;

/** e_machine to architecture; by class and byte order where one number serves several. */
function architectureOf(machine: number, shape: { wide: boolean; littleEndian: boolean }): ArchitectureName | undefined {
  switch (machine) {
    case 62:
      return 'x86-64';
    case 3:
    case 6:
      return 'x86-32';
    case 183:
      return 'arm64';
    case 40:
      return 'arm';
    case 243:
      return shape.wide ? 'riscv64' : 'riscv32';
    case 22:
      return 's390x';
    case 21:
      return shape.littleEndian ? 'ppc64le' : 'ppc64';
    case 20:
      return 'ppc32';
    case 8:
      return shape.wide ? 'mips64' : 'mips32';
    case 43:
      return 'sparc64';
    case 258:
      return 'loongarch64';
    case 93:
    case 195:
      return 'arc';
    default:
      return undefined;
  }
}

const narrow: ReadonlySet<ArchitectureName> = new Set(['x86-32', 'arm', 'riscv32', 'ppc32', 'mips32', 'arc']);

/** What of an ELF file header leads to its program headers (elf(5)); offsets and sizes in bytes. */
export interface ElfHeader {
  /** Whether the file is of class 64. */
  readonly wide: boolean;
  readonly machine: MachineHint;
  readonly programOffset: number;
  readonly programCount: number;
  readonly programSize: number;
}

/** Fields as they stand in the file: kcore's may be beyond what a file can hold. */
export interface ProgramHeader {
  readonly offset: bigint;
  readonly virtual: bigint;
  readonly physical: bigint;
  readonly fileSize: bigint;
  readonly memorySize: bigint;
}

/** Whether a file begins with ELF's magic number, 7f 45 4c 46 (elf(5), e_ident). */
export function isElf(head: Uint8Array): boolean {
  return head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

/** Throws `UserError` for a file that is no core dump, or of an unknown machine. */
export function readElfHeader(source: ByteSource, warnings: string[]): ElfHeader {
  const head = source.read(0, 64);
  const wide = head[4] === 2;
  const littleEndian = head[5] === 1;
  if ((head[4] !== 1 && head[4] !== 2) || (head[5] !== 1 && head[5] !== 2)) {
    throw errors.corruptDump(source.name, 'its ELF header has an unknown class or byte order');
  }
  const reader = new ByteReader(head, { file: source.name, part: 'ELF header', littleEndian });
  reader.position = 16;
  if (reader.u16() !== coreType) throw errors.notADump(`${source.name} (an ELF file, but no core dump)`);
  const machineNumber = reader.u16();
  const architecture = architectureOf(machineNumber, { wide, littleEndian });
  if (architecture === undefined) throw errors.unsupportedArchitecture(source.name, `ELF machine ${machineNumber}`);
  reader.position = wide ? 32 : 28;
  const programOffset = wide ? reader.size64('e_phoff') : reader.u32();
  const sectionOffset = wide ? reader.u64() : BigInt(reader.u32());
  reader.position = wide ? 54 : 42;
  const programSize = reader.u16();
  let programCount = reader.u16();
  if (programCount === extendedCount) {
    const extended = extendedProgramCount(source, sectionOffset, { wide, littleEndian });
    if (extended === undefined) {
      warnings.push('the ELF header puts the number of its program headers in a section header that is not in the file; 65535 are taken');
    } else programCount = extended;
  }
  if (programSize < (wide ? 56 : 32)) throw errors.corruptDump(source.name, `its program headers claim ${programSize} bytes each`);
  // The machine's word, not the file's class: QEMU writes a 64-bit file for a 32-bit guest with much memory.
  const machine: MachineHint = { architecture, littleEndian, pointerSize: narrow.has(architecture) ? 4 : 8 };
  return { wide, machine, programOffset, programCount, programSize };
}

/** PN_XNUM: the real count stands in sh_info of section 0; undefined when the file has none. */
function extendedProgramCount(source: ByteSource, offset: bigint, shape: { wide: boolean; littleEndian: boolean }): number | undefined {
  const size = shape.wide ? 64 : 40;
  if (offset === 0n || offset + BigInt(size) > BigInt(source.size)) return undefined;
  const bytes = source.read(Number(offset), size);
  if (bytes.length < size) return undefined;
  const reader = new ByteReader(bytes, { file: source.name, part: 'section header 0', littleEndian: shape.littleEndian });
  reader.position = shape.wide ? 44 : 28;
  return reader.u32();
}

/** The program headers, read one at a time from their bytes: a file may have millions. */
export class ProgramHeaders {
  readonly count: number;
  readonly #reader: ByteReader;
  readonly #header: ElfHeader;

  constructor(bytes: Uint8Array, header: ElfHeader, file: string) {
    this.count = Math.floor(bytes.length / header.programSize);
    this.#reader = new ByteReader(bytes, { file, part: 'program headers', littleEndian: header.machine.littleEndian });
    this.#header = header;
  }

  /** The headers of one p_type (PT_LOAD is 1, PT_NOTE 4), in the order of the file. */
  *ofType(type: number): Generator<ProgramHeader> {
    for (let index = 0; index < this.count; index++) {
      this.#reader.position = index * this.#header.programSize;
      if (this.#reader.u32() === type) yield this.#header.wide ? readProgram64(this.#reader) : readProgram32(this.#reader);
    }
  }
}

/** All that the file holds, at most `limits.programHeaders`; throws when there is none. */
export function readProgramHeaders(source: ByteSource, header: ElfHeader, warnings: string[]): ProgramHeaders {
  const count = Math.min(header.programCount, limits.programHeaders);
  if (count < header.programCount) warnings.push(`the ELF header claims ${header.programCount} program headers; only ${count} are read`);
  const programs = new ProgramHeaders(source.read(header.programOffset, count * header.programSize), header, source.name);
  if (programs.count < count) warnings.push(`the file ends within its program headers: ${programs.count} of ${count} are there`);
  if (programs.count === 0) throw errors.corruptDump(source.name, 'has no readable program headers');
  return programs;
}

/** Behind p_type. */
function readProgram64(reader: ByteReader): ProgramHeader {
  reader.u32();
  const offset = reader.u64();
  const virtual = reader.u64();
  const physical = reader.u64();
  return { offset, virtual, physical, fileSize: reader.u64(), memorySize: reader.u64() };
}

function readProgram32(reader: ByteReader): ProgramHeader {
  const word = (): bigint => BigInt(reader.u32());
  const offset = word();
  const virtual = word();
  const physical = word();
  return { offset, virtual, physical, fileSize: word(), memorySize: word() };
}
