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

/**
 * Decompresses `input` to at most `size` bytes; throws on corrupt input. The result may lie in `room`, which has `size + 1` bytes
 * or more, and is then lost with what `room` is used for next; without it, it is the caller's.
 */
export type PageCodec = (input: Uint8Array, size: number, room?: Uint8Array) => Uint8Array;

/** The codec of this name: the platform's own where it has one. Tables are made when a codec first needs them. */
export function codecFor(name: CodecName, platform: PlatformCodecs): PageCodec {
  switch (name) {
    case 'zlib':
      return (input, size, room) => platform.inflate(input, size, room);
    case 'zstd':
      return platform.zstd ?? decompressZstd;
    case 'lzo':
      return decompressLzo1x;
    case 'snappy':
      return decompressSnappy;
  }
}
