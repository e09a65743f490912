/** The decompressors that come with Node. */
import * as zlib from 'node:zlib';
import type { PlatformCodecs } from '../base/host.ts';
import { pageInflate } from './page-inflate.ts';

/** For one thread: zlib pages go through one decompressor. */
export function platformCodecs(): PlatformCodecs {
  return { inflate: pageInflate(), zstd: nativeZstd() };
}

/** zstd is in node:zlib since Node 22.15. */
function nativeZstd(): PlatformCodecs['zstd'] {
  const decompress: unknown = Reflect.get(zlib, 'zstdDecompressSync');
  if (typeof decompress !== 'function') return undefined;
  return (input, size) => {
    const output: unknown = Reflect.apply(decompress, zlib, [input, { maxOutputLength: size }]);
    if (!(output instanceof Uint8Array)) throw new TypeError('zstd gave no bytes');
    return output;
  };
}
