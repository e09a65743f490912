/** Dumps that were compressed as a whole: known by their magic numbers, told how to unpack. */
import { errors } from '../base/errors.ts';
import type { UserError } from '../base/errors.ts';

/** Seeking in them is not possible, so they are not opened in place. */
const compressedFiles: readonly { magic: readonly number[]; format: string; command: string }[] = [
  { magic: [0x1f, 0x8b], format: 'gzip', command: 'gunzip -k' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], format: 'zstd', command: 'zstd -d' },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], format: 'xz', command: 'unxz -k' },
  { magic: [0x42, 0x5a, 0x68], format: 'bzip2', command: 'bunzip2 -k' },
  { magic: [0x04, 0x22, 0x4d, 0x18], format: 'lz4', command: 'unlz4' },
];

/** The error that says how to unpack the file; undefined when it is not compressed as a whole. */
export function compressedFileError(path: string, head: Uint8Array): UserError | undefined {
  const known = compressedFiles.find(({ magic }) => magic.every((byte, index) => head[index] === byte));
  return known === undefined ? undefined : errors.compressedFile(path, known.format, `${known.command} ${path}`);
}
