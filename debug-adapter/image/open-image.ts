/** Recognises a dump by its content and opens it. */
import { errors } from '../base/errors.ts';
import type { ByteSource, Host } from '../base/host.ts';
import { compressedFileError } from './compressed-file.ts';
import { isElf, openElfCore } from './elf-core.ts';
import type { Image } from './image.ts';
import type { ImageFormat, ImageOptions } from './image-format.ts';
import { isKdump, openKdump } from './kdump.ts';

/** Every format, tried in this order. */
const formats: readonly ImageFormat[] = [
  { recognises: isElf, open: (_host, [source]) => openElfCore(source, { format: 'ELF vmcore' }) },
  { recognises: isKdump, open: (host, [source]) => openKdump(host, source) },
];

const headSize = 4096;

/** Opens one dump, in one file or several. Throws `UserError` when it cannot be used. */
export function openImage(host: Host, paths: readonly string[], options: ImageOptions = {}): Image {
  const sources: ByteSource[] = [];
  try {
    for (const path of paths) sources.push(host.openFile(path));
    return openSources(host, sources, options);
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
}

function openSources(host: Host, sources: readonly ByteSource[], options: ImageOptions): Image {
  const [first, ...rest] = sources;
  if (first === undefined) throw errors.badArgument('no image was named; give the path of a dump');
  const format = formatOf(first, options);
  const other = rest.find((source) => formatOf(source, options) !== format);
  if (other !== undefined) throw errors.badArgument(`${other.name}: is of another format than ${first.name}; name the files of one dump`);
  if (rest.length > 0 && format.severalFiles !== true)
    throw errors.badArgument(
      `${first.name}: is a whole dump, and ${rest.length} more files are named; name one dump, or the files of a split one`,
    );
  return format.open(host, [first, ...rest], options);
}

function formatOf(source: ByteSource, options: ImageOptions): ImageFormat {
  const head = source.read(0, headSize);
  const format = formats.find(({ recognises }) => recognises(head, options));
  if (format !== undefined) return format;
  throw compressedFileError(source.name, head) ?? errors.notADump(source.name);
}
