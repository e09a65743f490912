/** Images of files that tests build, and their bytes. */
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import { bytesFile, fileHost } from '../builders/file-host.ts';

/** Opens a file of these bytes. */
export function openBytes(bytes: Uint8Array): Image {
  return openImage(fileHost({ built: bytesFile(bytes) }), ['built']);
}

/** The byte at a physical address, or of what kind the hole is. */
export function byteAt(image: Image, address: number): number | string | undefined {
  const { bytes, holes } = readPhysical(image.memory, toPhysAddr(address), 1);
  return holes[0]?.reason.kind ?? bytes[0];
}
