/** Recognises a dump by its content and opens it. */
import { errors } from '../base/errors.ts';
import type { ByteSource, Host } from '../base/host.ts';
import { isElf, openElfCore } from './elf-core.ts';
import type { Image } from './image.ts';
import { isKdump, openKdump } from './kdump.ts';

/** Whole-file compression, by magic number: seeking in it is not possible. */
const compressedFiles: readonly { magic: readonly number[]; format: string; command: (path: string) => string }[] = [
  { magic: [0x1f, 0x8b], format: 'gzip', command: (path) => `gunzip -k ${path}` },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], format: 'zstd', command: (path) => `zstd -d ${path}` },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], format: 'xz', command: (path) => `unxz -k ${path}` },
  { magic: [0x42, 0x5a, 0x68], format: 'bzip2', command: (path) => `bunzip2 -k ${path}` },
  { magic: [0x04, 0x22, 0x4d, 0x18], format: 'lz4', command: (path) => `unlz4 ${path}` },
];

const headSize = 4096;

/** Opens one dump file. Throws `UserError` when it cannot be used. */
export function openImage(host: Host, paths: readonly string[]): Image {
  const [path] = paths;
  if (path === undefined) throw errors.badArgument('no image was named; give the path of a dump');
  if (paths.length > 1)
    throw errors.notSupported(
      `${path}: a dump in several files cannot be opened yet; join it with: makedumpfile --reassemble ${paths.join(' ')} vmcore`,
    );
  const source = host.openFile(path);
  try {
    return openSource(host, source);
  } catch (error) {
    source.close();
    throw error;
  }
}

function openSource(host: Host, source: ByteSource): Image {
  const head = source.read(0, headSize);
  if (isElf(head)) return openElfCore(source, { format: 'ELF vmcore' });
  if (isKdump(head)) return openKdump(host, source);
  const text = String.fromCharCode(...head.subarray(0, 16));
  if (text.startsWith('makedumpfile')) {
    throw errors.notSupported(
      `${source.name}: is a flattened dump, which cannot be read in place yet; rearrange it with: makedumpfile -R vmcore < ${source.name}`,
    );
  }
  for (const { magic, format, command } of compressedFiles) {
    if (magic.every((byte, index) => head[index] === byte)) throw errors.compressedFile(source.name, format, command(source.name));
  }
  throw errors.notADump(source.name);
}
