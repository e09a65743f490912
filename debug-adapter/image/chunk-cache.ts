/** Reads a file in chunks that are kept: a bounded window over it, from which frames are borrowed. */
import { BoundedCache } from '../base/bounded-cache.ts';
import type { ByteSource } from '../base/host.ts';

const chunkSize = 64 * 1024;
const cachedChunks = 384;

export class ChunkCache {
  readonly source: ByteSource;
  readonly #chunks = new BoundedCache<number, Uint8Array>(cachedChunks);

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** `length` bytes at `offset`, borrowed where they lie in one chunk, copied otherwise; fewer at the end of the file. */
  bytes(offset: number, length: number): Uint8Array {
    const inChunk = offset % chunkSize;
    const number = (offset - inChunk) / chunkSize;
    const chunk = this.#chunk(number);
    if (inChunk + length <= chunkSize) return chunk.subarray(inChunk, inChunk + length);
    const copy = new Uint8Array(length);
    copy.set(chunk.subarray(inChunk));
    let done = chunkSize - inChunk;
    for (let next = number + 1; done < length; next++) {
      const more = this.#chunk(next).subarray(0, length - done);
      if (more.length === 0) return copy.subarray(0, Math.min(done, Math.max(0, this.source.size - offset)));
      copy.set(more, done);
      done += more.length;
    }
    return copy;
  }

  #chunk(number: number): Uint8Array {
    const known = this.#chunks.get(number);
    if (known !== undefined) return known;
    const chunk = this.source.read(number * chunkSize, chunkSize);
    this.#chunks.set(number, chunk);
    return chunk;
  }
}
