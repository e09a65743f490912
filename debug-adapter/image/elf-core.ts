/** ELF core files: kdump's /proc/vmcore, makedumpfile -E, QEMU's dump-guest-memory, /proc/kcore (elf(5)). */
import type { ByteSource } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import { ChunkCache } from './chunk-cache.ts';
import { continuedSizes } from './cut-segments.ts';
import type { ElfHeader, ProgramHeader, ProgramHeaders } from './elf-headers.ts';
import { readElfHeader, readProgramHeaders } from './elf-headers.ts';
import { parseNotes } from './elf-notes.ts';
import type { DumpNotes } from './elf-notes.ts';
import type { Image, VirtualSegment } from './image.ts';
import { kcoreParts } from './kcore.ts';
import { SegmentMemory } from './segment-memory.ts';
import type { FileSegment } from './segment-memory.ts';

export { isElf } from './elf-headers.ts';

const loadSegment = 1;
const noteSegment = 4;
/** Physical addresses from here on are beyond any machine, and beyond what numbers hold exactly. */
const physicalEnd = 1n << 53n;
const allOnes = 0xffff_ffff_ffff_ffffn;
const narrowAllOnes = 0xffff_ffffn;
const farthestOffset = BigInt(Number.MAX_SAFE_INTEGER) / 2n;

/** What the opener of an ELF core is told by those formats that contain one. */
export interface ElfOptions {
  /** What `info` calls the file, unless it is a kcore. */
  readonly format: string;
  /** Most bytes of the file that are kept. */
  readonly cacheBytes?: number | undefined;
}

/** Opens an ELF core file; takes ownership of `source`. */
export function openElfCore(source: ByteSource, options: ElfOptions): Image {
  const warnings: string[] = [];
  const header = readElfHeader(source, warnings);
  const programs = readProgramHeaders(source, header, warnings);
  const notes = readNotes(source, { header, programs, warnings });
  const file = new ChunkCache(source, options.cacheBytes);
  const common = {
    name: source.name,
    compression: [],
    machine: header.machine,
    vmcoreinfo: notes.vmcoreinfo === undefined ? undefined : { text: notes.vmcoreinfo, source: 'VMCOREINFO note' },
    dumpLevel: undefined,
    warnings,
    eraseInfo: notes.eraseInfo,
    close: () => {
      source.close();
    },
  };
  if (isKcore(header, { programs, notes })) {
    const segments = virtualSegmentsOf(header, programs);
    const offsets = [...loadsOf(programs)].map(({ offset }) => offset);
    const parts = kcoreParts(file, { machine: header.machine, segments, offsets, warnings });
    return { ...common, format: '/proc/kcore', virtualSegments: segments, ...parts };
  }
  const memory = new SegmentMemory(file, fileSegments(programs, warnings), warnings);
  let virtualSegments: VirtualSegment[] | undefined;
  return {
    ...common,
    format: options.format,
    memory,
    // Only the layout of some architectures asks for them, and a file may have millions.
    get virtualSegments() {
      return (virtualSegments ??= virtualSegmentsOf(header, programs));
    },
    cpus: notes.cpus,
    headerFacts: leftOut(memory),
  };
}

function* loadsOf(programs: ProgramHeaders): Generator<ProgramHeader> {
  for (const load of programs.ofType(loadSegment)) if (load.memorySize > 0n) yield load;
}

function virtualSegmentsOf({ wide }: ElfHeader, programs: ProgramHeaders): VirtualSegment[] {
  const nowhere = wide ? allOnes : narrowAllOnes;
  return [...loadsOf(programs)].map(({ virtual, physical, memorySize }) => ({
    virtual,
    physical: physical === nowhere ? undefined : physical,
    size: memorySize,
  }));
}

/** /proc/kcore: by the note of the task that opened it, or by a segment without a physical address: no other writer has either. */
function isKcore({ wide }: ElfHeader, { programs, notes }: { programs: ProgramHeaders; notes: DumpNotes }): boolean {
  if (notes.readerTask === true) return true;
  const nowhere = wide ? allOnes : narrowAllOnes;
  for (const { physical } of loadsOf(programs)) if (physical === nowhere) return true;
  return false;
}

function leftOut({ notWritten }: SegmentMemory): Image['headerFacts'] {
  if (notWritten === 0) return [];
  return [{ name: 'left out', value: `${notWritten} bytes: pages that were excluded or held zeros, which an ELF dump cannot tell apart` }];
}

function readNotes(source: ByteSource, from: { header: ElfHeader; programs: ProgramHeaders; warnings: string[] }): DumpNotes {
  const notes: DumpNotes = { cpus: [], vmcoreinfo: undefined, warnings: from.warnings };
  let left = limits.noteBytes;
  for (const { offset, fileSize } of from.programs.ofType(noteSegment)) {
    if (fileSize === 0n) continue;
    if (offset >= BigInt(source.size)) {
      from.warnings.push(`a note segment lies behind the end of the file, at byte 0x${offset.toString(16)}; it is left out`);
      continue;
    }
    const length = fileSize < BigInt(left) ? Number(fileSize) : left;
    if (BigInt(length) < fileSize) {
      from.warnings.push(`note segments claim more than ${limits.noteBytes} bytes; only the first ${limits.noteBytes} are read`);
    }
    left -= length;
    parseNotes(source.read(Number(offset), length), { file: source.name, machine: from.header.machine }, notes);
  }
  return notes;
}

function* fileSegments(programs: ProgramHeaders, warnings: string[]): Generator<FileSegment> {
  const continued = continuedSizes(() => loadsOf(programs));
  let beyond = 0;
  for (const { physical, memorySize, fileSize, offset } of loadsOf(programs)) {
    // QEMU's mark of a mapping that leads to no RAM (dump/dump.c, get_offset_range).
    if (fileSize === 0n && (offset === allOnes || offset === narrowAllOnes)) continue;
    if (physical + memorySize > physicalEnd) {
      if (beyond++ === 0) {
        warnings.push(
          `a PT_LOAD claims physical 0x${physical.toString(16)} and 0x${memorySize.toString(16)} bytes, beyond any machine; it is left out`,
        );
      }
      continue;
    }
    const start = Number(physical);
    yield {
      start,
      end: start + Number(memorySize),
      // An offset that no file can hold is behind the end of this one, too.
      fileOffset: Number(offset < farthestOffset ? offset : farthestOffset),
      fileSize: Number(fileSize < memorySize ? (continued.get(offset) ?? fileSize) : memorySize),
    };
  }
  if (beyond > 1) warnings.push(`${beyond - 1} more PT_LOADs claim memory beyond any machine; they are left out`);
}
