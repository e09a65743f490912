/** Reads a file in chunks that are kept: a bounded window over it, from which frames are borrowed. */
import { BoundedCache } from '../base/bounded-cache.ts';
import { UserError } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';

const chunkSize = 64 * 1024;
const defaultCacheBytes = 24 * 1024 * 1024;

export class ChunkCache {
  readonly source: ByteSource;
  readonly #chunks: BoundedCache<number, Uint8Array>;

  /** Keeps at most `cacheBytes` of the file, but two chunks at least. */
  constructor(source: ByteSource, cacheBytes = defaultCacheBytes) {
    this.source = source;
    this.#chunks = new BoundedCache(Math.floor(Math.min(cacheBytes, defaultCacheBytes) / chunkSize));
  }

  /**
   * `length` bytes at `offset`, borrowed where they lie in one chunk, copied otherwise; fewer at the end of the file. Throws
   * `UserError('not-readable')` when just these bytes cannot be read.
   */
  bytes(offset: number, length: number): Uint8Array {
    const inChunk = offset % chunkSize;
    const number = (offset - inChunk) / chunkSize;
    try {
      const chunk = this.#chunk(number);
      if (inChunk + length <= chunkSize) return chunk.subarray(inChunk, inChunk + length);
      return this.#joined(chunk, { number, inChunk, length });
    } catch (error) {
      // A bad block of the disk takes no more with it than what lies on it.
      if (error instanceof UserError && error.code === 'not-readable') return this.source.read(offset, length);
      throw error;
    }
  }

  #joined(first: Uint8Array, from: { number: number; inChunk: number; length: number }): Uint8Array {
    const { number, inChunk, length } = from;
    const copy = new Uint8Array(length);
    const head = first.subarray(inChunk);
    copy.set(head);
    let done = head.length;
    for (let next = number + 1; done < length && (inChunk + done) % chunkSize === 0; next++) {
      const more = this.#chunk(next).subarray(0, length - done);
      if (more.length === 0) break;
      copy.set(more, done);
      done += more.length;
    }
    return copy.subarray(0, done);
  }

  #chunk(number: number): Uint8Array {
    const known = this.#chunks.get(number);
    if (known !== undefined) return known;
    const chunk = this.source.read(number * chunkSize, chunkSize);
    this.#chunks.set(number, chunk);
    return chunk;
  }
}
