/** A host whose files are bytes in memory, as if they lay in one folder. */
import type { ByteSource, Host } from '../../debug-adapter/base/host.ts';
import { errors } from '../../debug-adapter/base/errors.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';

/** `broken`: offsets at which reading any file fails as a bad disk does. */
export function memoryHost(
  files: Readonly<Record<string, Uint8Array>>,
  broken: readonly number[] = [],
): Host & { readonly open: Set<ByteSource> } {
  const open = new Set<ByteSource>();
  return {
    ...nodeHost(),
    open,
    openFile: (name) => {
      const bytes = files[name];
      if (bytes === undefined) throw errors.notFound(name);
      const part = (offset: number, length: number): Uint8Array => {
        if (broken.some((bad) => bad >= offset && bad < offset + length)) throw errors.notReadable(name, 'EIO');
        return bytes.subarray(offset, offset + length);
      };
      const source: ByteSource = {
        name,
        size: bytes.length,
        read: (offset, length) => Uint8Array.from(part(offset, length)),
        readInto: (offset, into) => {
          const given = part(offset, into.length);
          into.set(given);
          return given.length;
        },
        close: () => {
          open.delete(source);
        },
      };
      open.add(source);
      return source;
    },
    siblings: () => Object.keys(files),
  };
}
