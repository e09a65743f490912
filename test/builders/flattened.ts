/** Writes flattened dumps from the format's description (makedumpfile -F): a header block, records, an end record. */
import type { Write } from './kdump.ts';

export interface BuiltFlattened {
  /** In the order in which they stand. */
  readonly records: readonly Write[];
  readonly endRecord?: boolean;
  readonly type?: bigint;
  readonly version?: bigint;
}

export function buildFlattened(dump: BuiltFlattened): Buffer {
  const header = Buffer.alloc(4096);
  header.write('makedumpfile', 0);
  header.writeBigInt64BE(dump.type ?? 1n, 16);
  header.writeBigInt64BE(dump.version ?? 1n, 24);
  const parts: Uint8Array[] = [header];
  for (const { offset, bytes } of dump.records) parts.push(recordHeader(BigInt(offset), BigInt(bytes.length)), bytes);
  if (dump.endRecord !== false) parts.push(recordHeader(-1n, -1n));
  return Buffer.concat(parts);
}

export function recordHeader(offset: bigint, size: bigint): Buffer {
  const header = Buffer.alloc(16);
  header.writeBigInt64BE(offset, 0);
  header.writeBigInt64BE(size, 8);
  return header;
}
