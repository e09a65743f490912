/** What a dump format offers to open-image.ts: how to know it, and how to open it. One object a format. */
import type { ByteSource, Host } from '../base/host.ts';
import type { Image } from './image.ts';

/** What the user may say of an image beside its path. */
export interface ImageOptions {
  /** Physical address of the first byte of a file of raw memory; several files have one each, in their order. */
  readonly bases?: readonly number[] | undefined;
  /** Most bytes of decompressed pages and of file chunks that are kept, each. */
  readonly cacheBytes?: number | undefined;
}

export interface ImageFormat {
  /** By content, never by name; `head` is the first 4096 bytes, or all of a shorter file. */
  readonly recognises: (head: Uint8Array, options: ImageOptions) => boolean;
  /**
   * Opens files that are all of this format and together one image, in the order given; most formats have one file. Owns
   * `sources` when it returns, not when it throws.
   */
  readonly open: (host: Host, sources: readonly [ByteSource, ...ByteSource[]], options: ImageOptions) => Image;
  /** Whether one image may be in several files; without it, naming several is refused before `open`. */
  readonly severalFiles?: boolean | undefined;
}
