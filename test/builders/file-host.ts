/** Files that exist only in a test: bytes, or pieces at far offsets of a file that claims any size. */
import { closeSync, openSync, readSync } from 'node:fs';
import { errors } from '../../debug-adapter/base/errors.ts';
import type { ByteSource, Host } from '../../debug-adapter/base/host.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';

/** A host that opens `files` by name, and nothing else. */
export function fileHost(files: Readonly<Record<string, (name: string) => ByteSource>>): Host {
  return {
    ...nodeHost(),
    openFile: (path) => {
      const open = files[path];
      if (open === undefined) throw errors.notFound(path);
      return open(path);
    },
    siblings: () => Object.keys(files),
  };
}

export function bytesFile(bytes: Uint8Array): (name: string) => ByteSource {
  return (name) => ({
    name,
    size: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
    close: () => undefined,
  });
}

/** A piece of a sparse file: from an offset on, so many bytes, which `read` gives. */
export interface FilePiece {
  readonly offset: number;
  readonly size: number;
  /** Bytes at `at` of the piece, exactly `length`. */
  readonly read: (at: number, length: number) => Uint8Array;
}

export function pieceOf(offset: number, bytes: Uint8Array): FilePiece {
  return { offset, size: bytes.length, read: (at, length) => bytes.subarray(at, at + length) };
}

/** `size` bytes at `start` of a real file, as a piece at `offset`. */
export function pieceOfFile(offset: number, from: { path: string; start: number; size: number }): FilePiece {
  return {
    offset,
    size: from.size,
    read: (at, length) => {
      const descriptor = openSync(from.path, 'r');
      try {
        const bytes = new Uint8Array(length);
        readSync(descriptor, bytes, 0, length, from.start + at);
        return bytes;
      } finally {
        closeSync(descriptor);
      }
    },
  };
}

export interface SparseFile {
  readonly open: (name: string) => ByteSource;
  /** What was read so far: bytes in all, and the farthest offset behind a read. */
  readonly readBytes: number;
  readonly farthest: number;
}

/** A file of `size` bytes that has zeros where no piece is, as /proc/kcore does. */
export function sparseFile(pieces: readonly FilePiece[], size: number): SparseFile {
  const counted = { readBytes: 0, farthest: 0 };
  const read = (offset: number, asked: number): Uint8Array => {
    const length = Math.max(0, Math.min(asked, size - offset));
    counted.readBytes += length;
    counted.farthest = Math.max(counted.farthest, offset + length);
    const bytes = new Uint8Array(length);
    for (const piece of pieces) {
      const start = Math.max(offset, piece.offset);
      const end = Math.min(offset + length, piece.offset + piece.size);
      if (start < end) bytes.set(piece.read(start - piece.offset, end - start), start - offset);
    }
    return bytes;
  };
  return {
    open: (name) => ({ name, size, read, close: () => undefined }),
    get readBytes() {
      return counted.readBytes;
    },
    get farthest() {
      return counted.farthest;
    },
  };
}

/** RAM of a real ELF dump: where each PT_LOAD lies in memory and in the file, read here by elf(5) alone. */
export function dumpRuns(path: string): { physical: number; offset: number; size: number }[] {
  const head = readHead(path, 64 * 1024);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const little = head[5] === 1;
  const count = view.getUint16(56, little);
  const first = Number(view.getBigUint64(32, little));
  const runs: { physical: number; offset: number; size: number }[] = [];
  for (let index = 0; index < count; index++) {
    const at = first + index * view.getUint16(54, little);
    if (view.getUint32(at, little) !== 1) continue;
    const field = (offset: number): number => Number(view.getBigUint64(at + offset, little));
    runs.push({ offset: field(8), physical: field(24), size: field(32) });
  }
  return runs;
}

function readHead(path: string, length: number): Uint8Array {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, 0));
  } finally {
    closeSync(descriptor);
  }
}
