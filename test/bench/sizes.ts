/**
 * What opening costs when a dump grows: the same ELF dump, and one that holds its memory twice, the second time behind the
 * end of the first. They take turns.
 */
import { copyFileSync, ftruncateSync, openSync, closeSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from '../../debug-adapter/base/address.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { processorSeconds } from './processor-time.ts';

const passes = 41;
/** Passes that are not counted: the program is compiled meanwhile. */
const warming = 10;
const ptLoad = 1;

interface Opening {
  /** Of the processor, to the first translated address. */
  readonly seconds: number;
  /** Bytes. */
  readonly ram: number;
}

export interface SizeFigures {
  readonly once: Opening;
  readonly twice: Opening;
}

export function measureSizes(image: string, folder: string, address: Address): SizeFigures {
  const doubled = join(folder, 'doubled.elf');
  writeDoubled(image, doubled);
  const runs = Array.from({ length: warming + passes }, () => ({ once: openOnce(image, address), twice: openOnce(doubled, address) }));
  const medianOf = (which: 'once' | 'twice'): Opening => {
    const counted = runs.slice(warming).map((run) => run[which]);
    return counted.sort((a, b) => a.seconds - b.seconds)[passes >> 1] ?? { seconds: Number.NaN, ram: 0 };
  };
  return { once: medianOf('once'), twice: medianOf('twice') };
}

function openOnce(path: string, address: Address): Opening {
  const start = processorSeconds();
  const session = openSession(nodeHost(), { paths: [path] });
  try {
    if (session.translate(address).physical === null) throw new Error(`${path}: 0x${address.toString(16)} is not mapped`);
    const seconds = processorSeconds() - start;
    return { seconds, ram: session.memory().physical.ranges.reduce((sum, range) => sum + range.end - range.start, 0) };
  } finally {
    session.close();
  }
}

/** Segments of a 64-bit little-endian ELF file, each once more: behind the highest physical address, and behind the file's end. */
function writeDoubled(from: string, to: string): void {
  copyFileSync(from, to);
  const file = openSync(to, 'r+');
  try {
    const size = statSync(from).size;
    const head = Buffer.alloc(64);
    readSync(file, head, 0, 64, 0);
    const [at, entrySize, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
    const table = Buffer.alloc(entrySize * count);
    readSync(file, table, 0, table.length, at);
    const entries = Array.from({ length: count }, (_, index) => table.subarray(index * entrySize, (index + 1) * entrySize));
    const loads = entries.filter((entry) => entry.readUInt32LE(0) === ptLoad);
    const top = loads.reduce((end, entry) => Math.max(end, Number(entry.readBigUInt64LE(24) + entry.readBigUInt64LE(40))), 0);
    const shift = BigInt(Math.ceil(top / 2 ** 30) * 2 ** 30);
    const added = loads.map((entry) => {
      const copy = Buffer.from(entry);
      copy.writeBigUInt64LE(entry.readBigUInt64LE(8) + BigInt(size), 8);
      copy.writeBigUInt64LE(entry.readBigUInt64LE(24) + shift, 24);
      return copy;
    });
    const block = Buffer.alloc(1 << 22);
    for (let offset = 0; offset < size; offset += block.length) {
      const got = readSync(file, block, 0, Math.min(block.length, size - offset), offset);
      writeSync(file, block, 0, got, size + offset);
    }
    const end = 2 * size;
    ftruncateSync(file, end);
    head.writeBigUInt64LE(BigInt(end), 32);
    head.writeUInt16LE(count + added.length, 56);
    writeSync(file, head, 0, 64, 0);
    writeSync(file, Buffer.concat([...entries, ...added]), 0, undefined, end);
  } finally {
    closeSync(file);
  }
}
