/**
 * Reads a file in chunks that are kept: a bounded window over it, from which frames are borrowed. A chunk is read when a
 * second place in it, or in the one before, is asked for; until then only what was asked for is read, so that jumping about in
 * a file costs no more than what is looked at.
 */
import { BoundedCache } from '../base/bounded-cache.ts';
import { UserError } from '../base/errors.ts';
import type { ByteSource } from '../base/host.ts';
import { Slab } from '../base/slab.ts';

const chunkSize = 64 * 1024;
const defaultCacheBytes = 24 * 1024 * 1024;
/** Bytes of the longest piece that is read alone, and the share of the cache for such pieces. */
const pieceSize = 4096;
const piecesShare = 1 / 4;
/** Chunks that are remembered as asked for once. */
const rememberedChunks = 64;

/** Offsets are bytes of the file. A read that fails gives fewer bytes, or a `UserError` where the caller cannot go on without. */
export class ChunkCache {
  readonly source: ByteSource;
  readonly #chunks: BoundedCache<number, Uint8Array>;
  /** Pieces by their offset in the file. */
  readonly #pieces: BoundedCache<number, Uint8Array>;
  readonly #slab = new Slab();
  /** Of what was borrowed last. */
  readonly #room = new Uint8Array(pieceSize);
  readonly #visited = new BoundedCache<number, true>(rememberedChunks);

  /** Keeps at most `cacheBytes` of the file, but two chunks at least. */
  constructor(source: ByteSource, cacheBytes = defaultCacheBytes) {
    this.source = source;
    const kept = Math.min(cacheBytes, defaultCacheBytes);
    this.#chunks = new BoundedCache(Math.floor((kept * (1 - piecesShare)) / chunkSize));
    this.#pieces = new BoundedCache(Math.floor((kept * piecesShare) / pieceSize));
  }

  /** Fills `into` from `offset` on, of which nothing is kept; gives how many bytes: fewer, or none, where some cannot be read. */
  run(offset: number, into: Uint8Array): number {
    const inChunk = offset % chunkSize;
    if (inChunk + into.length <= chunkSize) {
      const chunk = this.#chunks.get((offset - inChunk) / chunkSize);
      if (chunk !== undefined) return fill(into, chunk.subarray(inChunk, inChunk + into.length));
    }
    try {
      return this.source.readInto?.(offset, into) ?? fill(into, this.source.read(offset, into.length));
    } catch (error) {
      // A bad block: what lies around it can be read in smaller parts.
      if (error instanceof UserError) return 0;
      throw error;
    }
  }

  /**
   * `length` bytes at `offset`, borrowed where they lie in one chunk, copied otherwise; fewer at the end of the file. Throws
   * `UserError('not-readable')` when just these bytes cannot be read.
   */
  bytes(offset: number, length: number): Uint8Array {
    const inChunk = offset % chunkSize;
    const number = (offset - inChunk) / chunkSize;
    try {
      const known = this.#chunks.get(number);
      const piece = known === undefined && length <= pieceSize ? this.#piece(offset, { number, length }) : undefined;
      if (piece !== undefined) return piece;
      const chunk = known ?? this.#readChunk(number);
      if (inChunk + length <= chunkSize) return chunk.subarray(inChunk, inChunk + length);
      return this.#joined(chunk, { number, inChunk, length });
    } catch (error) {
      // A bad block of the disk takes no more with it than what lies on it.
      if (error instanceof UserError && error.code === 'not-readable') return this.source.read(offset, length);
      throw error;
    }
  }

  /** As `bytes`, but borrowed until the next call of this, for who is done with them at once: what lies alone is not kept. */
  borrow(offset: number, length: number): Uint8Array {
    if (length > pieceSize || this.source.readInto === undefined || this.#chunks.get(Math.floor(offset / chunkSize)) !== undefined)
      return this.bytes(offset, length);
    const room = this.#room.subarray(0, length);
    const got = this.source.readInto(offset, room);
    return got === length ? room : room.subarray(0, got);
  }

  /** The bytes alone, where nothing near them was asked for lately; undefined where their chunk is to be read. */
  #piece(offset: number, { number, length }: { number: number; length: number }): Uint8Array | undefined {
    const known = this.#pieces.get(offset);
    if (known !== undefined && known.length >= length) return known.subarray(0, length);
    const near = this.#visited.get(number) === true || this.#visited.get(number - 1) === true;
    this.#visited.set(number, true);
    if (near) return undefined;
    const piece = this.#readPiece(offset, length);
    this.#pieces.set(offset, piece);
    return piece;
  }

  #readPiece(offset: number, length: number): Uint8Array {
    if (this.source.readInto === undefined) return this.source.read(offset, length);
    const piece = this.#slab.take(length);
    const got = this.source.readInto(offset, piece);
    return got === length ? piece : piece.subarray(0, got);
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
    return this.#chunks.get(number) ?? this.#readChunk(number);
  }

  #readChunk(number: number): Uint8Array {
    const chunk = this.source.read(number * chunkSize, chunkSize);
    this.#chunks.set(number, chunk);
    return chunk;
  }
}

/** Copies `bytes` to the start of `into`, and gives how many. */
function fill(into: Uint8Array, bytes: Uint8Array): number {
  into.set(bytes);
  return bytes.length;
}
