/** A simulated machine as an ELF vmcore, as the kernel's /proc/vmcore and QEMU lay it out: notes, then RAM (System V ABI, elf(5)). */
import type { ByteSource } from '../base/host.ts';
import type { Image, VirtualSegment } from '../image/image.ts';
import { frameSize } from '../memory/physical-memory.ts';

const machines = { 'x86-64': 62, 'x86-32': 3, arm64: 183 } as const;
/** Bytes of struct elf_prstatus. */
export const statusSizes = { 'x86-64': 336, 'x86-32': 144, arm64: 392 } as const;
const typeCore = 4;
const load = 1;
const note = 4;
const statusNote = 1;
const readWriteExecute = 7;
/** Bytes that are handed out at a time. */
const pieceSize = 1 << 20;

/** What a machine is saved as an ELF vmcore with. */
export interface ElfInput {
  readonly image: Image;
  readonly architecture: keyof typeof machines;
  readonly segments: readonly VirtualSegment[];
}

/** A PT_LOAD: p_vaddr, p_paddr, p_filesz and p_memsz, p_offset. */
export interface LoadSegment {
  readonly virtual: bigint;
  readonly physical: bigint;
  readonly size: bigint;
  readonly offset: bigint;
}

interface Segment extends LoadSegment {
  readonly type: number;
}

/** The file, whose bytes are those of the machine when they are read. */
export function vmcoreFile(input: ElfInput, name: string): ByteSource {
  const { image, architecture, segments } = input;
  const notes = notesOf(input);
  const runs: { readonly offset: number; readonly start: number; readonly size: number }[] = [];
  let end = dataOffset(architecture, segments.length, notes.length);
  for (const { start, end: stop } of image.memory.ranges) {
    runs.push({ offset: end, start, size: stop - start });
    end += stop - start;
  }
  const offsetOf = (physical: bigint): bigint => {
    const run = runs.find(({ start, size }) => physical >= BigInt(start) && physical < BigInt(start + size)) ?? runs[0];
    return run === undefined ? 0n : BigInt(run.offset) + physical - BigInt(run.start);
  };
  const loads = segments.map(({ virtual, physical = 0n, size }) => ({ virtual, physical, size, offset: offsetOf(physical) }));
  const head = elfHead(architecture, loads, notes);
  return {
    name,
    size: end,
    read: (offset, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, end - offset)));
      bytes.set(head.subarray(offset, offset + bytes.length));
      for (const run of runs) {
        const last = Math.min(offset + bytes.length, run.offset + run.size);
        for (let at = Math.max(offset, run.offset); at < last;) {
          const physical = run.start + at - run.offset;
          const from = physical % frameSize;
          const part = Math.min(frameSize - from, last - at);
          const frame = image.memory.frame((physical - from) / frameSize);
          if (frame !== undefined) bytes.set(frame.subarray(from, from + part), at - offset);
          at += part;
        }
      }
      return bytes;
    },
    close: () => undefined,
  };
}

/** A file's bytes, in pieces from its beginning on. */
export function* piecesOf(file: ByteSource): Generator<Uint8Array> {
  for (let at = 0; at < file.size; at += pieceSize) yield file.read(at, Math.min(pieceSize, file.size - at));
}

/** Where data begins: at the page behind headers and notes. */
export function dataOffset(architecture: keyof typeof machines, loads: number, notesSize: number): number {
  const [headerSize, entrySize] = headerSizes[architecture === 'x86-32' ? 'narrow' : 'wide'];
  return Math.ceil((headerSize + (loads + 1) * entrySize + notesSize) / frameSize) * frameSize;
}

/** ELF header, program headers and notes, up to where data begins. */
export function elfHead(architecture: keyof typeof machines, loads: readonly LoadSegment[], notes: Uint8Array): Uint8Array {
  const wide = architecture !== 'x86-32';
  const [headerSize, entrySize] = headerSizes[wide ? 'wide' : 'narrow'];
  const notesAt = headerSize + (loads.length + 1) * entrySize;
  const head = new Uint8Array(dataOffset(architecture, loads.length, notes.length));
  const table: Segment[] = [
    { type: note, offset: BigInt(notesAt), virtual: 0n, physical: 0n, size: BigInt(notes.length) },
    ...loads.map((one) => ({ type: load, ...one })),
  ];
  writeHeader(new DataView(head.buffer), { wide, machine: machines[architecture], table, headerSize, entrySize });
  head.set(notes, notesAt);
  return head;
}

/** Bytes of the ELF header, and of a program header. */
const headerSizes = { wide: [64, 56], narrow: [52, 32] } as const;

function writeHeader(
  view: DataView,
  of: {
    readonly wide: boolean;
    readonly machine: number;
    readonly table: readonly Segment[];
    readonly headerSize: number;
    readonly entrySize: number;
  },
): void {
  const { wide, machine, table, headerSize, entrySize } = of;
  let at = 0;
  const u16 = (value: number): void => {
    view.setUint16(at, value, true);
    at += 2;
  };
  const u32 = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const word = (value: number | bigint): void => {
    if (wide) view.setBigUint64(at, BigInt(value), true);
    else view.setUint32(at, Number(value), true);
    at += wide ? 8 : 4;
  };
  for (const byte of [0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]) view.setUint8(at++, byte);
  at = 16;
  u16(typeCore);
  u16(machine);
  u32(1);
  word(0);
  word(headerSize);
  word(0);
  u32(0);
  u16(headerSize);
  u16(entrySize);
  u16(table.length);
  u16(0);
  u16(0);
  u16(0);
  for (const { type, offset, virtual, physical, size } of table) {
    u32(type);
    if (wide) u32(type === load ? readWriteExecute : 0);
    word(offset);
    word(virtual);
    word(physical);
    word(size);
    word(size);
    if (!wide) u32(type === load ? readWriteExecute : 0);
    word(0);
  }
}

/** NT_PRSTATUS of a CPU of the machine, whose registers are all 0: it runs no code. */
export function cpuNote(architecture: keyof typeof machines): Uint8Array {
  return noteOf('CORE', statusNote, new Uint8Array(statusSizes[architecture]));
}

/** NT_PRSTATUS of each CPU, and VMCOREINFO. */
function notesOf({ image, architecture }: ElfInput): Uint8Array {
  const parts: Uint8Array[] = image.cpus.map(() => cpuNote(architecture));
  const text = image.vmcoreinfo?.text ?? '';
  parts.push(
    noteOf(
      'VMCOREINFO',
      0,
      Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
    ),
  );
  return joinNotes(parts);
}

/** Notes one behind the other. */
export function joinNotes(notes: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(notes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of notes) {
    bytes.set(one, at);
    at += one.length;
  }
  return bytes;
}

/** One ELF note, little-endian: three words, the name with its zero byte, the description, each padded to 4 bytes. */
export function noteOf(name: string, type: number, description: Uint8Array): Uint8Array {
  const padded = (length: number): number => Math.ceil(length / 4) * 4;
  const bytes = new Uint8Array(12 + padded(name.length + 1) + padded(description.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length + 1, true);
  view.setUint32(4, description.length, true);
  view.setUint32(8, type, true);
  for (let index = 0; index < name.length; index++) bytes[12 + index] = name.charCodeAt(index);
  bytes.set(description, 12 + padded(name.length + 1));
  return bytes;
}
