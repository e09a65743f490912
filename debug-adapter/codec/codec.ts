/**
 * Decompression of dump pages behind one face. Libraries were tried for lzo, snappy and zstd and none is used: they run on
 * for minutes on damaged pages, or give a page of zeros for one that is cut off.
 */
import type { PlatformCodecs } from '../base/host.ts';
import { decompressLzo1x } from './lzo1x.ts';
import { decompressSnappy } from './snappy.ts';
import { decompressZstd } from './zstd.ts';

/** Compressions of pages in dump files, as `info` names them. */
export type CodecName = 'zlib' | 'lzo' | 'snappy' | 'zstd';

/** Decompresses `input` to at most `size` bytes; throws on corrupt input. */
export type PageCodec = (input: Uint8Array, size: number) => Uint8Array;

/** The codec of this name: the platform's own where it has one. Tables are made when a codec first needs them. */
export function codecFor(name: CodecName, platform: PlatformCodecs): PageCodec {
  switch (name) {
    case 'zlib':
      return (input, size) => platform.inflate(input, size);
    case 'zstd':
      return platform.zstd ?? decompressZstd;
    case 'lzo':
      return decompressLzo1x;
    case 'snappy':
      return decompressSnappy;
  }
}
