/** Snappy blocks, by the library; its length field is checked first so that a wild one allocates nothing. */
import { uncompress } from 'snappyjs';

/** Throws `RangeError` when the block claims more than `size` bytes. */
export function decompressSnappy(input: Uint8Array, size: number): Uint8Array {
  return uncompress(input, size);
}
