/** Recognises a dump by its content and opens it. */
import { errors } from '../base/errors.ts';
import type { ByteSource, Host } from '../base/host.ts';
import { isAvml, openAvml } from './avml.ts';
import { compressedFileError } from './compressed-file.ts';
import { isElf, openElfCore } from './elf-core.ts';
import type { Image } from './image.ts';
import type { ImageFormat, ImageOptions } from './image-format.ts';
import { unflatten } from './flattened.ts';
import { isKdump } from './kdump-header.ts';
import { openKdump } from './kdump.ts';
import { findOtherMembers } from './split-siblings.ts';
import { isLime, openLime } from './lime.ts';
import { openRaw } from './raw.ts';

/** Every format, tried in this order. */
const formats: readonly ImageFormat[] = [
  {
    // Whatever it begins with: raw memory may begin with anything, and the user said that it is raw.
    recognises: (_head, { rawRanges }) => rawRanges !== undefined,
    open: (_host, sources, options) => openRaw(sources, options),
    severalFiles: true,
  },
  { recognises: isElf, open: (_host, [source], { cacheBytes }) => openElfCore(source, { format: 'ELF vmcore', cacheBytes }) },
  { recognises: isKdump, open: openKdump, severalFiles: true, otherFiles: findOtherMembers },
  { recognises: isLime, open: (_host, [source], options) => openLime(source, options) },
  { recognises: isAvml, open: (host, [source], options) => openAvml(host, source, options) },
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

/** Adds to `sources` what it opens beside them. */
function openSources(host: Host, sources: ByteSource[], options: ImageOptions): Image {
  const dumps = sources.map(unflatten);
  const [first, ...rest] = dumps;
  if (first === undefined) throw errors.badArgument('no image was named; give the path of a dump');
  const format = formatOf(first.source, options);
  const other = rest.find(({ source }) => formatOf(source, options) !== format);
  if (other !== undefined)
    throw errors.badArgument(`${other.source.name}: is of another format than ${first.source.name}; name the files of one dump`);
  if (rest.length > 0 && format.severalFiles !== true)
    throw errors.badArgument(
      `${first.source.name}: is a whole dump, and ${rest.length} more files are named; name one dump, or the files of a split one`,
    );
  const found = rest.length > 0 ? undefined : format.otherFiles?.(host, first.source);
  const others = found?.sources ?? [];
  sources.push(...others);
  const image = format.open(host, [first.source, ...rest.map(({ source }) => source), ...others], options);
  const warnings = [...dumps.flatMap((dump) => dump.warnings), ...(found?.warnings ?? [])];
  if (dumps.some(({ flattened }) => flattened)) return toldOf(image, { format: `flattened ${image.format}`, warnings });
  return warnings.length === 0 ? image : toldOf(image, { format: image.format, warnings });
}

/** The image under another name of its format, with more warnings before its own. */
function toldOf(image: Image, told: { readonly format: string; readonly warnings: readonly string[] }): Image {
  return {
    ...image,
    get compression() {
      return image.compression;
    },
    get virtualSegments() {
      return image.virtualSegments;
    },
    format: told.format,
    warnings: [...told.warnings, ...image.warnings],
  };
}

function formatOf(source: ByteSource, options: ImageOptions): ImageFormat {
  const head = source.read(0, headSize);
  const format = formats.find(({ recognises }) => recognises(head, options));
  if (format !== undefined) return format;
  throw compressedFileError(source.name, head) ?? errors.notADump(source.name);
}
