/** Buffers cut from larger ones: an `ArrayBuffer` of its own costs as much as reading the page that it is for. */

const slabSize = 64 * 1024;

/** Gives zeroed buffers, cut from common blocks; a block is freed when nothing that was cut from it is kept. */
export class Slab {
  #slab = new Uint8Array(0);
  #used = 0;

  /**
   * `length` bytes of zeros that are given to nobody else. Those up to a quarter of a slab share one, which stays for as long
   * as any of them is kept: take short ones only for what is let go of together.
   */
  take(length: number): Uint8Array {
    if (length > slabSize / 4) return new Uint8Array(length);
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(slabSize);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return this.#slab.subarray(start, this.#used);
  }
}
