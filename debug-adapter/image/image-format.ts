/** What a dump format offers to open-image.ts: how to know it, and how to open it. One object a format. */
import type { ByteSource, Host } from '../base/host.ts';
import type { Image } from './image.ts';
import type { RawRange } from './raw.ts';

/** What the user may say of an image beside its path. */
export interface ImageOptions {
  /** Says that the image is raw memory, and where: the ranges in its one file, or one range for each of several files. */
  readonly rawRanges?: readonly RawRange[] | undefined;
  /** Most bytes of decompressed pages and of file chunks that are kept, each. */
  readonly cacheBytes?: number | undefined;
}

/** One dump format: how it is recognised, and how it is opened. */
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
  /** Opens what belongs to the one named file of this format and lies beside it; the caller owns it, and tells the warnings. */
  readonly otherFiles?: ((host: Host, source: ByteSource) => { readonly sources: ByteSource[]; readonly warnings: string[] }) | undefined;
}
