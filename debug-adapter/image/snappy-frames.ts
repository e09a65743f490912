/** Snappy's framing format (google/snappy, framing_format.txt): chunks of at most 64 KiB, each with a checksum. */
import type { PageCodec } from '../codec/codec.ts';

/** Bytes of a chunk's type and length (snappy's framing_format.txt, 4). */
export const chunkHeaderSize = 4;
/** Header, checksum and the length that a compressed block begins with. */
export const chunkHeadSize = 13;
const checksumSize = 4;
const mostChunkData = 65_536;

/** One chunk of the framing format, before it is decompressed. */
export interface SnappyChunk {
  readonly kind: 'compressed' | 'plain' | 'skipped';
  /** Bytes of the chunk in the file, its header included. */
  readonly size: number;
  /** Bytes that it stands for. */
  readonly dataSize: number;
}

/** What a chunk is by its first `chunkHeadSize` bytes (fewer at the end of the file); in words what is wrong with it. */
export function readChunkHead(bytes: Uint8Array): SnappyChunk | string {
  const [type, low, middle, high] = bytes;
  if (type === undefined || low === undefined || middle === undefined || high === undefined) return 'the file ends in a chunk header';
  const length = low + middle * 0x100 + high * 0x1_0000;
  const size = chunkHeaderSize + length;
  if (type === 0xff || type >= 0x80) return { kind: 'skipped', size, dataSize: 0 };
  if (type > 1) return `a chunk is of the unknown type 0x${type.toString(16)}`;
  if (length <= checksumSize) return `a chunk of ${length} bytes holds no data`;
  const dataSize = type === 1 ? length - checksumSize : claimedSize(bytes.subarray(chunkHeaderSize + checksumSize));
  if (dataSize > mostChunkData) return `a chunk claims ${dataSize} bytes, more than one may hold`;
  return { kind: type === 1 ? 'plain' : 'compressed', size, dataSize };
}

/** The varint that begins a block. */
function claimedSize(block: Uint8Array): number {
  let size = 0;
  for (let index = 0, scale = 1; index < 5; index++, scale *= 128) {
    const byte = block[index] ?? 0;
    size += (byte & 0x7f) * scale;
    if (byte < 0x80) return size;
  }
  return Number.POSITIVE_INFINITY;
}

/** The bytes of a whole chunk of either data kind; throws `RangeError` where they are damaged. */
export function decodeChunk(bytes: Uint8Array, chunk: SnappyChunk, decompress: PageCodec): Uint8Array {
  const block = bytes.subarray(chunkHeaderSize + checksumSize);
  const data = chunk.kind === 'plain' ? block : decompress(block, chunk.dataSize);
  if (data.length !== chunk.dataSize) throw new RangeError(`a chunk claims ${chunk.dataSize} bytes and holds ${data.length}`);
  const told = new DataView(bytes.buffer, bytes.byteOffset + chunkHeaderSize, checksumSize).getUint32(0, true);
  if (maskedChecksum(data) !== told) throw new RangeError('a chunk does not match its checksum');
  return data;
}

/** CRC-32C, rotated right by 15 bits, plus a constant, so that checksums of checksums stay good. */
function maskedChecksum(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}

/** Castagnoli's polynomial, reflected. */
const polynomial = 0x82f6_3b78;
/** Remainders of a byte followed by 0 to 7 bytes of zeros, 256 for each count: eight bytes are taken at once. */
let tables: Uint32Array | undefined;

function remainders(): Uint32Array {
  const table = new Uint32Array(8 * 256);
  for (let index = 0; index < 256; index++) {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ polynomial;
    table[index] = value;
  }
  for (let index = 256; index < table.length; index++) {
    const shorter = table[index - 256] ?? 0;
    table[index] = (shorter >>> 8) ^ (table[shorter & 0xff] ?? 0);
  }
  return table;
}

function crc32c(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const table = (tables ??= remainders());
  const of = (zeros: number, byte: number): number => table[zeros * 256 + (byte & 0xff)] ?? 0;
  let crc = -1;
  let at = 0;
  for (; at + 8 <= data.length; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc = of(7, low) ^ of(6, low >>> 8) ^ of(5, low >>> 16) ^ of(4, low >>> 24);
    crc ^= of(3, high) ^ of(2, high >>> 8) ^ of(1, high >>> 16) ^ of(0, high >>> 24);
  }
  for (; at < data.length; at++) crc = (crc >>> 8) ^ of(0, crc ^ (data[at] ?? 0));
  return ~crc >>> 0;
}
