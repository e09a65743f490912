/**
 * What a read of the kernel's own /proc/kcore would have given (fs/proc/kcore.c:read_kcore_iter), and where that is not what
 * memory holds.
 */
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { limits } from '../../base/limits.ts';
import { appendHole } from '../../memory/hole.ts';
import type { Hole, HoleKind, MemoryRead } from '../../memory/hole.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { memoryModel, pageOfFrame } from '../pages/page-frame.ts';
import { pageMarks, pageTypeOf } from '../pages/page-type.ts';
import { directFrame, kcoreSegment } from './vread-segments.ts';
import type { KcoreSegment } from './vread-segments.ts';
import { vreadParts } from './vread.ts';
import type { VreadPart } from './vread.ts';

/** A run of bytes, relative to the read's start, in which /proc/kcore does not give what the page tables lead to. */
export interface KcoreDifference {
  readonly offset: number;
  readonly length: number;
  readonly reason: string;
}

/** What reading /proc/kcore would have given, and where that is not what memory holds. */
export interface KcoreRead extends MemoryRead {
  readonly differences: readonly KcoreDifference[];
}

/** Missing memory that the running kernel would have met too: it then gives zeros. */
const unmapped: readonly HoleKind[] = ['not-mapped', 'wild-table', 'non-canonical'];

/** Types of pages that kcore does not copy. */
const notRead: readonly string[] = ['offline', 'unaccepted'];

/** Reads `length` bytes (at most `limits.readBytes`). Holes are what the dump lacks; what the kernel would zero is zeros. */
export function readAsKcore(kernel: Kernel, address: Address, length: number): KcoreRead {
  const read: Reading = {
    kernel,
    bytes: new Uint8Array(Math.min(length, limits.readBytes)),
    holes: [],
    differences: [],
  };
  for (let done = 0; done < read.bytes.length;) {
    const at = addToAddress(address, done);
    const piece = Math.min(kernel.pageSize - Number(at % BigInt(kernel.pageSize)), read.bytes.length - done);
    readPiece(read, { at, done, length: piece });
    done += piece;
  }
  return { bytes: read.bytes, holes: read.holes, differences: read.differences };
}

interface Reading {
  readonly kernel: Kernel;
  readonly bytes: Uint8Array;
  readonly holes: Hole[];
  readonly differences: KcoreDifference[];
}

/** Bytes of one page: [at, at + length), which go to `done`. */
interface Piece {
  readonly at: Address;
  readonly done: number;
  readonly length: number;
}

function readPiece(read: Reading, piece: Piece): void {
  let { at, done } = piece;
  for (const part of piecesOf(read.kernel, piece)) {
    copyPart(read, part, { at, done, length: part.length });
    at = addToAddress(at, part.length);
    done += part.length;
  }
}

function piecesOf(kernel: Kernel, { at, length }: Piece): readonly VreadPart[] {
  const segment = kcoreSegment(kernel, at);
  if (segment?.type === 'vmalloc') return vreadParts(kernel, at, length);
  const why = segment === undefined ? 'no segment of /proc/kcore covers it' : withheld(kernel, at, segment);
  return [{ length, source: why === undefined ? at : undefined, why }];
}

/** Why a page that a segment covers is not copied; undefined where it is. */
function withheld(kernel: Kernel, at: Address, { type }: KcoreSegment): string | undefined {
  const page = Number(at >> 12n);
  const { pageTable } = kernel.root;
  // An entry that keeps its frame and allows no access is followed by Pagewalk, and faults in the kernel.
  const frame = kernel.memory.frameOf(page);
  if (frame >= 0 && frame === pageTable.frameOf(page) && pageTable.translate(at).reason?.kind === 'not-mapped') {
    return 'the page is not present';
  }
  return type === 'ram' ? withheldPage(kernel, at) : undefined;
}

function withheldPage(kernel: Kernel, at: Address): string | undefined {
  if (memoryModel(kernel) === undefined) return undefined;
  const frame = Math.floor(directFrame(kernel, at) ?? -1);
  const page = frame < 0 ? undefined : pageOfFrame(kernel, frame);
  if (page === undefined) return 'the frame has no struct page';
  // Without its struct page, nothing is known against the page.
  return optionalRead(() => {
    const poison = pageMarks(kernel).flagBit('hwpoison');
    const flags = kernel.structs('looking at a page').get('page').unsigned(page, 'flags');
    if (poison !== undefined && ((flags >> BigInt(poison)) & 1n) === 1n) return 'the page is poisoned (PG_hwpoison)';
    const type = pageTypeOf(kernel, page);
    return type.kind === 'other' && notRead.includes(type.name) ? `the page is ${type.name}` : undefined;
  });
}

function copyPart(read: Reading, { source, why }: VreadPart, piece: Piece): void {
  const { kernel, bytes, holes } = read;
  const { at, done, length } = piece;
  if (source !== undefined) {
    const part = kernel.memory.read(source, length);
    bytes.set(part.bytes, done);
    for (const hole of part.holes) {
      bytes.fill(0, done + hole.offset, done + hole.offset + hole.length);
      if (!unmapped.includes(hole.reason.kind)) appendHole(holes, { ...hole, offset: done + hole.offset });
    }
  }
  if (why === undefined || source === at) return;
  const actual = kernel.memory.read(toAddress(at), length);
  const readable = actual.holes.every(({ reason }) => unmapped.includes(reason.kind));
  const same = actual.bytes.every((byte, index) => byte === bytes[done + index]);
  if (!readable || !same) appendDifference(read.differences, { offset: done, length, reason: why });
}

function appendDifference(differences: KcoreDifference[], difference: KcoreDifference): void {
  const last = differences.at(-1);
  if (last?.reason === difference.reason && last.offset + last.length === difference.offset) {
    differences[differences.length - 1] = { ...last, length: last.length + difference.length };
  } else differences.push(difference);
}
