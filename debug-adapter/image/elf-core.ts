/** ELF core files: kdump's /proc/vmcore, makedumpfile -E, QEMU's dump-guest-memory, /proc/kcore (elf(5)). */
import { ByteReader } from '../base/byte-reader.ts';
import { errors, UserError } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import { ChunkCache } from './chunk-cache.ts';
import { parseNotes } from './elf-notes.ts';
import type { DumpNotes } from './elf-notes.ts';
import type { ArchitectureName, Image, MachineHint, VirtualSegment } from './image.ts';
import { SegmentMemory } from './segment-memory.ts';
import type { FileSegment } from './segment-memory.ts';

const coreType = 4;
const loadSegment = 1;
const noteSegment = 4;
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

export function isElf(head: Uint8Array): boolean {
  return head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

interface Header {
  readonly wide: boolean;
  readonly machine: MachineHint;
  readonly programOffset: number;
  readonly programCount: number;
  readonly programSize: number;
}

interface ProgramHeader {
  readonly type: number;
  readonly offset: number;
  readonly virtual: bigint;
  readonly physical: bigint;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** Opens an ELF core file; takes ownership of `source`. */
export function openElfCore(source: ByteSource, options: { readonly format: string }): Image {
  const header = readHeader(source);
  const warnings: string[] = [];
  const programs = readProgramHeaders(source, header, warnings);
  const notes: DumpNotes = { cpus: [], vmcoreinfo: undefined, warnings };
  for (const program of programs.filter(({ type }) => type === noteSegment)) {
    if (program.fileSize > limits.noteBytes)
      warnings.push(`a note segment claims ${program.fileSize} bytes; only the first ${limits.noteBytes} are read`);
    parseNotes(
      source.read(program.offset, Math.min(program.fileSize, limits.noteBytes)),
      { file: source.name, machine: header.machine },
      notes,
    );
  }
  const loads = programs.filter(({ type, memorySize }) => type === loadSegment && memorySize > 0);
  const allOnes = header.wide ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
  const segments: FileSegment[] = [];
  for (const load of loads) {
    if (load.physical === allOnes) continue;
    if (load.physical + BigInt(load.memorySize) > 1n << 53n) {
      warnings.push(`a PT_LOAD claims physical 0x${load.physical.toString(16)}, beyond any machine; it is left out`);
      continue;
    }
    const start = Number(load.physical);
    segments.push({ start, end: start + load.memorySize, fileOffset: load.offset, fileSize: Math.min(load.fileSize, load.memorySize) });
  }
  const memory = new SegmentMemory(new ChunkCache(source), segments, warnings);
  const virtualSegments = loads.map((load): VirtualSegment => ({
    virtual: load.virtual,
    physical: load.physical === allOnes ? undefined : load.physical,
    size: BigInt(load.memorySize),
  }));
  return {
    name: source.name,
    format: options.format,
    compression: [],
    machine: header.machine,
    memory,
    vmcoreinfo: notes.vmcoreinfo === undefined ? undefined : { text: notes.vmcoreinfo, source: 'VMCOREINFO note' },
    cpus: notes.cpus,
    virtualSegments,
    headerFacts: [],
    dumpLevel: undefined,
    warnings,
    eraseInfo: undefined,
    close: () => {
      source.close();
    },
  };
}

function readHeader(source: ByteSource): Header {
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
  const sectionOffset = wide ? reader.size64('e_shoff') : reader.u32();
  reader.position = wide ? 54 : 42;
  const programSize = reader.u16();
  let programCount = reader.u16();
  if (programCount === extendedCount) programCount = extendedProgramCount(source, sectionOffset, { wide, littleEndian });
  if (programSize < (wide ? 56 : 32)) throw errors.corruptDump(source.name, `its program headers claim ${programSize} bytes each`);
  // The machine's word, not the file's class: QEMU writes a 64-bit file for a 32-bit guest with much memory.
  const machine: MachineHint = { architecture, littleEndian, pointerSize: narrow.has(architecture) ? 4 : 8 };
  return { wide, machine, programOffset, programCount, programSize };
}

/** PN_XNUM: the real count stands in sh_info of section 0. */
function extendedProgramCount(source: ByteSource, offset: number, shape: { wide: boolean; littleEndian: boolean }): number {
  const size = shape.wide ? 64 : 40;
  const reader = new ByteReader(source.read(offset, size), {
    file: source.name,
    part: 'section header 0',
    littleEndian: shape.littleEndian,
  });
  reader.position = shape.wide ? 44 : 28;
  return reader.u32();
}

function readProgramHeaders(source: ByteSource, header: Header, warnings: string[]): ProgramHeader[] {
  const count = Math.min(header.programCount, limits.programHeaders);
  if (count < header.programCount) warnings.push(`the ELF header claims ${header.programCount} program headers; only ${count} are read`);
  const bytes = source.read(header.programOffset, count * header.programSize);
  const readable = Math.floor(bytes.length / header.programSize);
  if (readable < count) warnings.push(`the file ends within its program headers: ${readable} of ${count} are there`);
  const { wide } = header;
  const programs: ProgramHeader[] = [];
  for (let index = 0; index < readable; index++) {
    const part = bytes.subarray(index * header.programSize, (index + 1) * header.programSize);
    const reader = new ByteReader(part, { file: source.name, part: `program header ${index}`, littleEndian: header.machine.littleEndian });
    try {
      programs.push(wide ? readProgram64(reader) : readProgram32(reader));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      warnings.push(`${error.message} (this segment is left out)`);
    }
  }
  if (programs.length === 0) throw errors.corruptDump(source.name, 'has no readable program headers');
  return programs;
}

function readProgram64(reader: ByteReader): ProgramHeader {
  const type = reader.u32();
  reader.u32();
  const offset = reader.size64('p_offset');
  const virtual = reader.u64();
  const physical = reader.u64();
  return { type, offset, virtual, physical, fileSize: reader.size64('p_filesz'), memorySize: reader.size64('p_memsz') };
}

function readProgram32(reader: ByteReader): ProgramHeader {
  const type = reader.u32();
  const offset = reader.u32();
  const virtual = BigInt(reader.u32());
  const physical = BigInt(reader.u32());
  return { type, offset, virtual, physical, fileSize: reader.u32(), memorySize: reader.u32() };
}
