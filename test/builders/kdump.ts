/**
 * Writes kdump-compressed files from the format's own description (makedumpfile's IMPLEMENTATION and diskdump_mod.h), in
 * every version, width and byte order. Gives what to write where, so that a test may make a sparse file, a flattened one, or
 * bytes of it. Shares no code with what reads them.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { deflateSync } from 'node:zlib';

export type BuiltCodec = 'raw' | 'zlib' | 'lzo' | 'snappy' | 'zstd';

export interface BuiltPage {
  /** The page's bytes; undefined shares one page of zeros with all others, as makedumpfile does. */
  readonly bytes: Uint8Array | undefined;
  readonly codec?: BuiltCodec;
  /** What stands in the file instead of the compressed bytes. */
  readonly stored?: { readonly data: Uint8Array; readonly flags: number };
  /** What stands in the descriptor instead of the truth. */
  readonly descriptor?: { readonly offset?: bigint; readonly size?: number };
}

export interface BuiltKdump {
  readonly signature?: string;
  readonly version?: number;
  readonly wide?: boolean;
  readonly littleEndian?: boolean;
  /** 64-bit members of a 32-bit sub-header are aligned to 4 bytes (IA-32), not to 8. */
  readonly packed?: boolean;
  readonly machine?: string;
  readonly status?: number;
  readonly blockSize?: number;
  readonly maxFrame: number;
  /** Runs of pages that exist, [start, end). */
  readonly ram: readonly (readonly [start: number, end: number])[];
  readonly pages: ReadonlyMap<number, BuiltPage>;
  readonly physBase?: bigint;
  readonly dumpLevel?: number;
  readonly split?: readonly [start: number, end: number];
  readonly vmcoreinfo?: string;
  readonly notes?: Uint8Array;
  readonly eraseInfo?: string;
}

export interface Write {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export const codecFlags: Readonly<Record<BuiltCodec, number>> = { raw: 0, zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 };

/** What to write where; ascending but for the bitmaps' bytes, and nothing where zeros stand. */
export function buildKdump(dump: BuiltKdump): { writes: Write[]; size: number } {
  const { wide = true, littleEndian = true, version = 6, blockSize = 4096, maxFrame } = dump;
  const writes: Write[] = [];
  const header = Buffer.alloc(512);
  const put32 = (into: Buffer, at: number, value: number): void => {
    new DataView(into.buffer, into.byteOffset).setUint32(at, value, littleEndian);
  };
  const put64 = (into: Buffer, at: number, value: bigint): void => {
    new DataView(into.buffer, into.byteOffset).setBigUint64(at, BigInt.asUintN(64, value), littleEndian);
  };
  const vmcoreinfo = Buffer.from(dump.vmcoreinfo ?? '');
  const notes = Buffer.from(dump.notes ?? new Uint8Array());
  const eraseInfo = Buffer.from(dump.eraseInfo ?? '');
  // The areas stand behind the sub-header's structure, in its blocks.
  let areaAt = blockSize + 256;
  const area = (bytes: Buffer): number => {
    if (bytes.length === 0) return 0;
    const at = areaAt;
    writes.push({ offset: at, bytes });
    areaAt += bytes.length;
    return at;
  };
  const areas = [vmcoreinfo, notes, eraseInfo].map((bytes) => ({ at: area(bytes), size: bytes.length }));
  const subBlocks = Math.ceil((areaAt - blockSize) / blockSize);
  const bitmapBlocks = Math.ceil(Math.ceil(maxFrame / 8) / blockSize) * 2;

  header.write(dump.signature ?? 'KDUMP   ', 0);
  put32(header, 8, version);
  ['Linux', 'host', '6.1.0', '#1 SMP', dump.machine ?? 'x86_64', '(none)'].forEach((text, index) => header.write(text, 12 + 65 * index));
  const fields = wide ? 424 : 412;
  put32(header, fields, dump.status ?? 0);
  put32(header, fields + 4, blockSize);
  put32(header, fields + 8, subBlocks);
  put32(header, fields + 12, bitmapBlocks);
  put32(header, fields + 16, Math.min(maxFrame, 0xffff_ffff));
  put32(header, fields + 36, 2);
  writes.push({ offset: 0, bytes: header });

  const sub = Buffer.alloc(128);
  let at = 0;
  const align = (to: number): void => {
    at = Math.ceil(at / to) * to;
  };
  const int = (value: number): void => {
    put32(sub, at, value >>> 0);
    at += 4;
  };
  const long = (value: number): void => {
    align(wide ? 8 : 4);
    if (wide) put64(sub, at, BigInt(value));
    else put32(sub, at, value);
    at += wide ? 8 : 4;
  };
  const longLong = (value: number): void => {
    align(dump.packed === true ? 4 : 8);
    put64(sub, at, BigInt(value));
    at += 8;
  };
  if (wide) put64(sub, 0, dump.physBase ?? 0n);
  else put32(sub, 0, Number(dump.physBase ?? 0n));
  at = wide ? 8 : 4;
  int(dump.dumpLevel ?? 0);
  if (version >= 2) {
    int(dump.split === undefined ? 0 : 1);
    long(Math.min(dump.split?.[0] ?? 0, 0xffff_ffff));
    long(Math.min(dump.split?.[1] ?? 0, 0xffff_ffff));
  }
  for (const [index, { at: offset, size }] of areas.entries()) {
    if (version < 3 + index) continue;
    longLong(offset);
    long(size);
  }
  if (version >= 6) {
    longLong(dump.split?.[0] ?? 0);
    longLong(dump.split?.[1] ?? 0);
    longLong(maxFrame);
  }
  writes.push({ offset: blockSize, bytes: sub });

  const bitmapAt = (1 + subBlocks) * blockSize;
  const half = (bitmapBlocks / 2) * blockSize;
  for (const [start, end] of dump.ram) writes.push(...runOfBits(bitmapAt, start, end));
  const numbers = [...dump.pages.keys()].sort((a, b) => a - b);
  const bitmap = new Map<number, number>();
  for (const page of numbers) bitmap.set(page >>> 3, (bitmap.get(page >>> 3) ?? 0) | (1 << (page & 7)));
  for (const [byte, bits] of bitmap) writes.push({ offset: bitmapAt + half + byte, bytes: Uint8Array.of(bits) });

  const own = numbers.filter((page) => dump.split === undefined || (page >= dump.split[0] && page < dump.split[1]));
  const descriptorsAt = bitmapAt + 2 * half;
  let dataAt = descriptorsAt + own.length * 24;
  const descriptors = Buffer.alloc(own.length * 24);
  const zeroAt = dataAt;
  if (own.some((page) => dump.pages.get(page)?.bytes === undefined)) {
    writes.push({ offset: zeroAt, bytes: new Uint8Array(blockSize) });
    dataAt += blockSize;
  }
  own.forEach((page, index) => {
    const built = dump.pages.get(page);
    if (built === undefined) return;
    const { bytes, codec = 'raw' } = built;
    let offset = zeroAt;
    let size = blockSize;
    let flags = 0;
    const stored = built.stored ?? (bytes === undefined ? undefined : { data: pack(bytes, codec), flags: codecFlags[codec] });
    if (stored !== undefined) {
      offset = dataAt;
      size = stored.data.length;
      ({ flags } = stored);
      writes.push({ offset, bytes: stored.data });
      dataAt += size;
    }
    put64(descriptors, index * 24, built.descriptor?.offset ?? BigInt(offset));
    put32(descriptors, index * 24 + 8, built.descriptor?.size ?? size);
    put32(descriptors, index * 24 + 12, flags);
  });
  if (own.length > 0) writes.push({ offset: descriptorsAt, bytes: descriptors });
  return { writes: writes.filter(({ bytes }) => bytes.length > 0), size: dataAt };
}

/** Set bits [start, end) of a bitmap at `offset`, in pieces of at most 1 MiB. */
function runOfBits(offset: number, start: number, end: number): Write[] {
  const writes: Write[] = [];
  const single = (byte: number, bits: number): void => {
    writes.push({ offset: offset + byte, bytes: Uint8Array.of(bits) });
  };
  if (start % 8 !== 0 || end % 8 !== 0) {
    const bytes = new Map<number, number>();
    for (let bit = start; bit < end; bit++) {
      const byte = Math.floor(bit / 8);
      bytes.set(byte, (bytes.get(byte) ?? 0) | (1 << (bit % 8)));
    }
    for (const [byte, bits] of bytes) single(byte, bits);
    return writes;
  }
  for (let byte = start / 8; byte < end / 8; byte += 1 << 20) {
    writes.push({ offset: offset + byte, bytes: new Uint8Array(Math.min(1 << 20, end / 8 - byte)).fill(0xff) });
  }
  return writes;
}

/** Valid streams of each format; those of lzo, snappy and zstd hold literals alone. */
export function pack(bytes: Uint8Array, codec: BuiltCodec): Uint8Array {
  switch (codec) {
    case 'raw':
      return bytes;
    case 'zlib':
      return deflateSync(bytes);
    case 'lzo': {
      // A run of 18 + 255n + m literals, then the end mark.
      const more = bytes.length - 18;
      const zeros = Math.floor((more - 1) / 255);
      return Buffer.concat([Buffer.alloc(1 + zeros), Uint8Array.of(more - zeros * 255), bytes, Uint8Array.of(0x11, 0, 0)]);
    }
    case 'snappy': {
      const length: number[] = [];
      for (let left = bytes.length; ; left >>>= 7) {
        length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        if (left <= 0x7f) break;
      }
      return Buffer.concat([
        Uint8Array.of(...length, 62 << 2, (bytes.length - 1) & 0xff, ((bytes.length - 1) >>> 8) & 0xff, (bytes.length - 1) >>> 16),
        bytes,
      ]);
    }
    case 'zstd': {
      const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0, 0, 0, 0]);
      head.writeUInt32LE(bytes.length, 5);
      head.writeUIntLE((bytes.length << 3) | 1, 9, 3);
      return Buffer.concat([head, bytes]);
    }
  }
}

/** The file's bytes. */
export function bytesOf({ writes, size }: { writes: readonly Write[]; size: number }): Buffer {
  const bytes = Buffer.alloc(size);
  for (const write of writes) bytes.set(write.bytes, write.offset);
  return bytes;
}

/** Writes a file that has holes where nothing was written. */
export function writeSparse(path: string, { writes, size }: { writes: readonly Write[]; size: number }): void {
  const file = openSync(path, 'w');
  try {
    ftruncateSync(file, size);
    for (const { offset, bytes } of writes) writeSync(file, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(file);
  }
}
