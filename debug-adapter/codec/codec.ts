/** Decompression of dump pages behind one face. */
import { decompress as fzstdDecompress } from 'fzstd';
import type { PlatformCodecs } from '../base/host.ts';
import { decompressLzo1x } from './lzo1x.ts';
import { decompressSnappy } from './snappy.ts';

export type CodecName = 'zlib' | 'lzo' | 'snappy' | 'zstd';

/** Decompresses `input` to at most `size` bytes; throws on corrupt input. */
export type PageCodec = (input: Uint8Array, size: number) => Uint8Array;

/** The codec of this name: the platform's own where it has one. */
export function codecFor(name: CodecName, platform: PlatformCodecs): PageCodec {
  switch (name) {
    case 'zlib':
      return (input, size) => platform.inflate(input, size);
    case 'zstd':
      return platform.zstd ?? ((input, size) => fzstdDecompress(input, new Uint8Array(size)));
    case 'lzo':
      return decompressLzo1x;
    case 'snappy':
      return decompressSnappy;
  }
}
