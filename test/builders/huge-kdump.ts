/**
 * A sparse kdump file of a machine with far more memory than any disk here: the pages of a real small dump, at the physical
 * addresses where they were, in a machine whose RAM goes on for terabytes.
 */
import { openSync, readSync, closeSync, fstatSync } from 'node:fs';
import { buildKdump, writeSparse } from './kdump.ts';
import type { BuiltPage } from './kdump.ts';

/** What of a dump makes a larger one. */
interface SmallDump {
  readonly pages: ReadonlyMap<number, BuiltPage>;
  readonly vmcoreinfo: string;
  readonly notes: Uint8Array;
}

/** Reads a 64-bit little-endian kdump file of version 6 with 4 KiB pages, as makedumpfile writes it; its streams stay packed. */
export function readSmallKdump(path: string): SmallDump {
  const file = openSync(path, 'r');
  const bytes = Buffer.alloc(fstatSync(file).size);
  readSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
  const blocks = bytes.readUInt32LE(432);
  const bitmapBytes = bytes.readUInt32LE(436) * 4096;
  const part = (at: number): Buffer => {
    const start = Number(bytes.readBigUInt64LE(at));
    return bytes.subarray(start, start + Number(bytes.readBigUInt64LE(at + 8)));
  };
  const dumped = bytes.subarray((1 + blocks) * 4096 + bitmapBytes / 2, (1 + blocks) * 4096 + bitmapBytes);
  let descriptor = (1 + blocks) * 4096 + bitmapBytes;
  const pages = new Map<number, BuiltPage>();
  for (let page = 0; page < dumped.length * 8; page++) {
    if ((((dumped[page >>> 3] ?? 0) >>> (page & 7)) & 1) === 0) continue;
    const offset = Number(bytes.readBigUInt64LE(descriptor));
    const size = bytes.readUInt32LE(descriptor + 8);
    pages.set(page, {
      bytes: new Uint8Array(),
      stored: { data: bytes.subarray(offset, offset + size), flags: bytes.readUInt32LE(descriptor + 12) },
    });
    descriptor += 24;
  }
  return { pages, vmcoreinfo: part(4096 + 32).toString(), notes: part(4096 + 48) };
}

/** Writes the file; `frames` 4 KiB frames of RAM, all of them in the machine. */
export function writeHugeKdump(path: string, small: SmallDump, frames: number): void {
  const built = buildKdump({ ...small, maxFrame: frames, ram: [[0, frames]], dumpLevel: 31, machine: 'x86_64' });
  writeSparse(path, built);
}
