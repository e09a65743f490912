/** /proc/kcore as fs/proc/kcore.c lays it out on x86, of several eras, over the RAM of a real dump. */
import { elfFile, elfNote, joinBytes } from './elf-file.ts';
import type { ElfSegment } from './elf-file.ts';
import { pieceOf, pieceOfFile, sparseFile } from './file-host.ts';
import type { FilePiece, SparseFile } from './file-host.ts';

export interface KcoreSegment {
  readonly virtual: bigint;
  readonly size: bigint;
  /** p_paddr; all ones where the kernel tells none. */
  readonly physical: bigint;
}

export interface KcoreShape {
  readonly segments: readonly KcoreSegment[];
  /** VMCOREINFO's text; there is none before 4.19. */
  readonly vmcoreinfo?: string;
  /** Bits of an address that make a file offset: 47 with 4 levels, 56 with 5. */
  readonly offsetBits: number;
  /** What st_size says. */
  readonly size: number;
  /** A file of class 32. */
  readonly narrow?: true;
}

export const noPhysical = 0xffff_ffff_ffff_ffffn;

/** The head of the file: ELF header, program headers, notes; and the offset at which data begins. */
export function kcoreHead(shape: KcoreShape): { bytes: Uint8Array; dataOffset: number; offsetOf: (virtual: bigint) => bigint } {
  const wide = shape.narrow !== true;
  const count = 1 + shape.segments.length;
  const notes = joinBytes([
    elfNote({ name: 'CORE', type: 1, description: new Uint8Array(336) }, true),
    elfNote({ name: 'CORE', type: 3, description: new Uint8Array(136) }, true),
    elfNote({ name: 'CORE', type: 4, description: new Uint8Array(8392).fill(0xa5) }, true),
    ...(shape.vmcoreinfo === undefined
      ? []
      : [elfNote({ name: 'VMCOREINFO', type: 0, description: new TextEncoder().encode(shape.vmcoreinfo) }, true)]),
  ]);
  const headSize = wide ? 64 + 56 * count : 52 + 32 * count;
  const dataOffset = Math.ceil((headSize + notes.length) / 4096) * 4096;
  const offsetOf = (virtual: bigint): bigint => (virtual & ((1n << BigInt(shape.offsetBits)) - 1n)) + BigInt(dataOffset);
  const headers: ElfSegment[] = [
    { type: 4, data: notes, memorySize: 0n },
    ...shape.segments.map(({ virtual, size, physical }) => ({
      virtual,
      physical: wide ? physical : physical & 0xffff_ffffn,
      offset: offsetOf(virtual),
      fileSize: size,
      memorySize: size,
    })),
  ];
  return { bytes: elfFile(headers, { wide, littleEndian: true, machine: wide ? 62 : 3 }), dataOffset, offsetOf };
}

/**
 * The file: RAM of `dump` (an ELF file's runs of physical memory) where `ram` says that each piece is mapped, `extra` bytes
 * at virtual addresses, and zeros elsewhere.
 */
export function kcoreFile(
  shape: KcoreShape,
  from: {
    readonly dump: { readonly path: string; readonly runs: readonly { physical: number; offset: number; size: number }[] };
    readonly mapped: readonly { readonly virtual: bigint; readonly physical: bigint; readonly size: bigint }[];
    readonly extra?: readonly { readonly virtual: bigint; readonly bytes: Uint8Array }[];
  },
): SparseFile {
  const head = kcoreHead(shape);
  const pieces: FilePiece[] = [pieceOf(0, head.bytes)];
  for (const { virtual, physical, size } of from.mapped) {
    for (const run of from.dump.runs) {
      const start = Math.max(run.physical, Number(physical));
      const end = Math.min(run.physical + run.size, Number(physical + size));
      const offset = head.offsetOf(virtual + BigInt(start) - physical);
      if (start >= end || offset > BigInt(Number.MAX_SAFE_INTEGER)) continue;
      pieces.push(pieceOfFile(Number(offset), { path: from.dump.path, start: run.offset + start - run.physical, size: end - start }));
    }
  }
  for (const { virtual, bytes } of from.extra ?? []) pieces.push(pieceOf(Number(head.offsetOf(virtual)), bytes));
  return sparseFile(pieces, shape.size);
}
