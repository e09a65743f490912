/** Writes an image as an ELF vmcore, as /proc/vmcore gives it: a PT_NOTE with VMCOREINFO, a PT_LOAD for each range of RAM. */
import { errors } from '../base/errors.ts';
import type { Image } from '../image/image.ts';
import { frameSize } from '../memory/physical-memory.ts';

/** e_machine by architecture (elf.h: EM_386, EM_X86_64, EM_AARCH64). */
const machines: Readonly<Record<string, number>> = { 'x86-32': 3, 'x86-64': 62, arm64: 183 };

const headerSize = 64;
const programSize = 56;
const noteName = 'VMCOREINFO\0';

/**
 * The bytes of the file, piece by piece; missing memory is zeros. `pageOffset` is where the direct map lies, for p_vaddr.
 * Throws `UserError` for an architecture that has no number here.
 */
export function* elfVmcore(image: Image, pageOffset: bigint | undefined): Generator<Uint8Array> {
  const number = machines[image.machine?.architecture ?? ''];
  if (number === undefined) throw errors.notSupported(`a vmcore of ${image.machine?.architecture ?? 'this machine'} cannot be written`);
  const { ranges } = image.memory;
  const note = vmcoreinfoNote(image.vmcoreinfo?.text ?? '');
  const noteOffset = headerSize + (ranges.length + 1) * programSize;
  const dataOffset = Math.ceil((noteOffset + note.length) / frameSize) * frameSize;
  const head = new Uint8Array(dataOffset);
  const view = new DataView(head.buffer);
  // ELFCLASS64, ELFDATA2LSB, EV_CURRENT; ET_CORE.
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 4, true);
  view.setUint16(18, number, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, BigInt(headerSize), true);
  view.setUint16(52, headerSize, true);
  view.setUint16(54, programSize, true);
  view.setUint16(56, ranges.length + 1, true);
  const program = (
    index: number,
    of: { type: number; flags: number; offset: number; virtual: bigint; physical: number; size: number },
  ): void => {
    const at = headerSize + index * programSize;
    view.setUint32(at, of.type, true);
    view.setUint32(at + 4, of.flags, true);
    view.setBigUint64(at + 8, BigInt(of.offset), true);
    view.setBigUint64(at + 16, BigInt.asUintN(64, of.virtual), true);
    view.setBigUint64(at + 24, BigInt(of.physical), true);
    view.setBigUint64(at + 32, BigInt(of.size), true);
    view.setBigUint64(at + 40, BigInt(of.size), true);
  };
  program(0, { type: 4, flags: 0, offset: noteOffset, virtual: 0n, physical: 0, size: note.length });
  let offset = dataOffset;
  for (const [index, { start, end }] of ranges.entries()) {
    const size = end - start;
    // PF_R | PF_W | PF_X, as /proc/vmcore has it.
    program(index + 1, {
      type: 1,
      flags: 7,
      offset,
      virtual: pageOffset === undefined ? 0n : pageOffset + BigInt(start),
      physical: start,
      size,
    });
    offset += size;
  }
  head.set(note, noteOffset);
  yield head;
  for (const { start, end } of ranges) yield* framesOf(image, start / frameSize, end / frameSize);
}

/** Bytes of frames in pieces of a mebibyte. */
function* framesOf(image: Image, first: number, end: number): Generator<Uint8Array> {
  const atOnce = 256;
  for (let at = first; at < end; at += atOnce) {
    const piece = new Uint8Array(Math.min(atOnce, end - at) * frameSize);
    for (let index = 0; index < piece.length / frameSize; index++) {
      const frame = image.memory.frame(at + index);
      if (frame !== undefined) piece.set(frame, index * frameSize);
    }
    yield piece;
  }
}

/** n_namesz, n_descsz, n_type 0, then name and text, each filled up to 4 bytes. */
function vmcoreinfoNote(text: string): Uint8Array {
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const nameSize = Math.ceil(noteName.length / 4) * 4;
  const note = new Uint8Array(12 + nameSize + Math.ceil(bytes.length / 4) * 4);
  const view = new DataView(note.buffer);
  view.setUint32(0, noteName.length, true);
  view.setUint32(4, bytes.length, true);
  note.set(
    Uint8Array.from(noteName, (letter) => letter.charCodeAt(0)),
    12,
  );
  note.set(bytes, 12 + nameSize);
  return note;
}
