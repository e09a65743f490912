/** Unpacks the pages of one dump: one alone, or many with the help of threads. */
import type { Host } from '../base/host.ts';
import { codecFor } from './codec.ts';
import type { CodecName, PageCodec } from './codec.ts';
import { UnpackThreads } from './unpack-threads.ts';

/** A page as it lies in the file: `data`, no longer than a page, is borrowed until it is unpacked. */
export interface PackedPage {
  readonly codec: CodecName;
  readonly data: Uint8Array;
}

/** Bytes of pages that are unpacked before threads are started: who reads less has its answer before they would run. */
const startsAfter = 16 * 1024 * 1024;
/** Pages of a reading that threads share. */
const sharedPages = 16;

/** Pages of one size. Codecs are asked for when a page needs them. */
export class Unpacker {
  readonly #host: Pick<Host, 'codecs' | 'unpackThreads'>;
  readonly #size: number;
  readonly #codecs = new Map<CodecName, PageCodec>();
  readonly #room: Uint8Array;
  #done = 0;
  #threads: UnpackThreads | undefined;
  #closed = false;

  /** `size`: bytes of a page. */
  constructor(host: Pick<Host, 'codecs' | 'unpackThreads'>, size: number) {
    this.#host = host;
    this.#size = size;
    this.#room = new Uint8Array(size + 1);
  }

  /** Whether `unpackAll` has threads for many pages: so much was unpacked that they are worth their start. */
  get shares(): boolean {
    return this.#done >= startsAfter && !this.#closed && this.#host.unpackThreads !== undefined && this.#threads?.alive !== false;
  }

  /**
   * What the data unpacks to, maybe in `room` (a byte longer than a page, or more), by default borrowed until the next page is
   * unpacked; may be shorter than a page. Throws on corrupt data.
   */
  unpack({ codec, data }: PackedPage, room = this.#room): Uint8Array {
    let decompress = this.#codecs.get(codec);
    if (decompress === undefined) {
      decompress = codecFor(codec, this.#host.codecs);
      this.#codecs.set(codec, decompress);
    }
    this.#done += this.#size;
    return decompress(data, this.#size, room);
  }

  /** The page, borrowed until the next one is unpacked; undefined where the data is no page's: `unpack` tells why. */
  whole(page: PackedPage): Uint8Array | undefined {
    try {
      const bytes = this.unpack(page);
      return bytes.length === this.#size ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  /** Gives all pages in their order, each as `whole` does. */
  unpackAll(pages: readonly PackedPage[], each: (index: number, bytes: Uint8Array | undefined) => void): void {
    const { unpackThreads } = this.#host;
    if (unpackThreads !== undefined && pages.length >= sharedPages && this.shares) {
      this.#threads ??= new UnpackThreads(unpackThreads, this.#size, this);
      this.#threads.unpackAll(pages, each);
      return;
    }
    pages.forEach((page, index) => {
      each(index, this.whole(page));
    });
  }

  /** Ends the threads; pages can be unpacked on. */
  close(): void {
    this.#closed = true;
    this.#threads?.close();
  }
}
