/** LiME and AVML files: records by LiME's documentation, Snappy frames by google/snappy's framing_format.txt. */
import { joinBytes } from './elf-file.ts';

/** The header of a record: magic, version, first and last address, eight bytes of zeros. */
export function recordHeader(magic: 'EMiL' | 'AVML', range: { start: bigint; last: bigint; version?: number }): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set(new TextEncoder().encode(magic));
  const view = new DataView(bytes.buffer);
  view.setUint32(4, range.version ?? (magic === 'EMiL' ? 1 : 2), true);
  view.setBigUint64(8, range.start, true);
  view.setBigUint64(16, range.last, true);
  return bytes;
}

export function limeRecord(start: number, data: Uint8Array): Uint8Array {
  return joinBytes([recordHeader('EMiL', { start: BigInt(start), last: BigInt(start + data.length - 1) }), data]);
}

/** Header, frames, and the number of bytes that the frames take. */
export function avmlRecord(start: number, data: Uint8Array, frames: Uint8Array = snappyFrames(data)): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(frames.length), true);
  return joinBytes([recordHeader('AVML', { start: BigInt(start), last: BigInt(start + data.length - 1) }), frames, length]);
}

const chunkData = 65_536;

/** A stream identifier and chunks of 64 KiB, compressed where that makes them smaller. */
export function snappyFrames(data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [streamIdentifier];
  for (let at = 0; at < data.length; at += chunkData) parts.push(dataChunk(data.subarray(at, at + chunkData)));
  return joinBytes(parts);
}

export const streamIdentifier = Uint8Array.of(0xff, 6, 0, 0, ...new TextEncoder().encode('sNaPpY'));

export function chunk(type: number, body: Uint8Array): Uint8Array {
  return joinBytes([Uint8Array.of(type, body.length & 0xff, (body.length >> 8) & 0xff, body.length >> 16), body]);
}

function dataChunk(data: Uint8Array): Uint8Array {
  const checksum = new Uint8Array(4);
  const crc = castagnoli(data);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  new DataView(checksum.buffer).setUint32(0, masked, true);
  const block = snappyBlock(data);
  return block.length < data.length ? chunk(0, joinBytes([checksum, block])) : chunk(1, joinBytes([checksum, data]));
}

/** A block of literals and of copies of the byte before: every run of 32 equal bytes and more is shortened. */
export function snappyBlock(data: Uint8Array): Uint8Array {
  const output = new Uint8Array(data.length + data.length / 16 + 64);
  let to = 0;
  const put = (...bytes: number[]): void => {
    output.set(bytes, to);
    to += bytes.length;
  };
  for (let rest = data.length; ; rest = Math.floor(rest / 128)) {
    put((rest & 0x7f) | (rest >= 128 ? 0x80 : 0));
    if (rest < 128) break;
  }
  const literal = (from: number, end: number): void => {
    if (end <= from) return;
    const length = end - from - 1;
    if (length < 60) put(length << 2);
    else put(61 << 2, length & 0xff, length >> 8);
    output.set(data.subarray(from, end), to);
    to += end - from;
  };
  let pending = 0;
  for (let at = 1; at < data.length;) {
    let same = at;
    while (same < data.length && data[same] === data[at - 1]) same++;
    if (same - at < 32) {
      at = same + 1;
      continue;
    }
    literal(pending, at);
    // Copies of at most 64 bytes from one byte back, with offsets of two bytes.
    for (let left = same - at; left > 0; left -= Math.min(64, left)) put(((Math.min(64, left) - 1) << 2) | 2, 1, 0);
    pending = same;
    at = same + 1;
  }
  literal(pending, data.length);
  return output.subarray(0, to);
}

/** CRC-32C with the polynomial's bits in reading order, by reflected nibbles. */
const nibbles = Array.from({ length: 16 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 4; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

export function castagnoli(data: Uint8Array): number {
  let crc = -1;
  for (const byte of data) {
    crc ^= byte;
    crc = (crc >>> 4) ^ (nibbles[crc & 15] ?? 0);
    crc = (crc >>> 4) ^ (nibbles[crc & 15] ?? 0);
  }
  return ~crc >>> 0;
}
