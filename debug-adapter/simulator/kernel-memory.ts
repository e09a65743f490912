/**
 * Words and pointers of a simulated kernel. An object is known by its physical address in bytes, a number (0 is the null
 * pointer); in memory stand the virtual addresses that the kernel would use: of the kernel image for what lies in it, of the
 * direct map for all else.
 */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { frameSize } from '../memory/physical-memory.ts';
import { Ram } from './ram.ts';
import type { RamShape } from './ram.ts';

const two32 = 0x1_0000_0000;

/** What turns a physical address into the kernel's pointer to it. */
export interface PointerShape {
  readonly pointerSize: 4 | 8;
  /** Virtual address of physical address 0 in the direct map, modulo 2^64. */
  readonly directOffset: bigint;
  readonly image: { readonly virtual: bigint; readonly physical: number; readonly size: number };
}

/** A run of struct pages: where it lies in memory, and how many bytes behind frame 0's it begins. */
export interface StructPages {
  readonly at: number;
  readonly size: number;
  readonly offset: number;
}

/** RAM with the kernel's byte order and pointers; setters take physical addresses and write what the kernel would see. */
export class KernelMemory extends Ram {
  readonly pointerSize: 4 | 8;
  readonly shape: PointerShape;
  /** All ones, as wide as an address. */
  readonly addressMask: bigint;
  readonly #imageOffset: bigint;
  #mapBase = 0n;
  #mapLow = 0;
  #mapHigh = 0;
  #mapStart = 0;
  #mapEnd = 0;
  #mapSize = 0;
  #pieces: readonly StructPages[] = [];
  readonly #directLow: number;
  readonly #directHigh: number;
  readonly #imageLow: number;
  readonly #imageHigh: number;
  readonly #imageStart: number;
  readonly #imageEnd: number;
  readonly #imageVirtualLow: number;
  readonly #imageVirtualHigh: number;

  constructor(ram: RamShape, shape: PointerShape) {
    super(ram);
    this.pointerSize = shape.pointerSize;
    this.shape = shape;
    const { image } = shape;
    const imageOffset = BigInt.asUintN(64, image.virtual - BigInt(image.physical));
    this.#imageOffset = imageOffset;
    this.addressMask = shape.pointerSize === 8 ? (1n << 64n) - 1n : (1n << 32n) - 1n;
    this.#directLow = Number(shape.directOffset & 0xffff_ffffn);
    this.#directHigh = Number(BigInt.asUintN(64, shape.directOffset) >> 32n);
    this.#imageLow = Number(imageOffset & 0xffff_ffffn);
    this.#imageHigh = Number(imageOffset >> 32n);
    this.#imageStart = image.physical;
    this.#imageEnd = image.physical + image.size;
    this.#imageVirtualLow = Number(image.virtual & 0xffff_ffffn);
    this.#imageVirtualHigh = Number(image.virtual >> 32n);
  }

  /** Tells where struct pages lie: their addresses are those of vmemmap from then on. `base`: of frame 0's. */
  setMemoryMap(base: bigint, pieces: readonly StructPages[]): void {
    this.#mapBase = base;
    this.#mapLow = Number(base & 0xffff_ffffn);
    this.#mapHigh = Number(base >> 32n);
    this.#pieces = pieces;
    this.#mapStart = Math.min(...pieces.map(({ at }) => at));
    this.#mapEnd = Math.max(...pieces.map(({ at, size }) => at + size));
    this.#mapSize = Math.max(...pieces.map(({ offset, size }) => offset + size));
  }

  /** Bytes from frame 0's struct page to what lies at a physical address; -1 where no struct page does. */
  #inMap(at: number): number {
    if (at < this.#mapStart || at >= this.#mapEnd) return -1;
    for (const piece of this.#pieces) if (at >= piece.at && at < piece.at + piece.size) return piece.offset + at - piece.at;
    return -1;
  }

  /** The address that the kernel uses for an object. */
  virtual(at: number): Address {
    const inMap = this.#inMap(at);
    if (inMap >= 0) return toAddress((this.#mapBase + BigInt(inMap)) & this.addressMask);
    const inImage = at >= this.#imageStart && at < this.#imageEnd;
    return toAddress(((inImage ? this.#imageOffset : this.shape.directOffset) + BigInt(at)) & this.addressMask);
  }

  /** Physical address behind a direct-map or image address, by arithmetic; undefined for others. */
  physical(address: Address): number | undefined {
    const { image, directOffset } = this.shape;
    if (address >= image.virtual && address < image.virtual + BigInt(image.size)) return image.physical + Number(address - image.virtual);
    const direct = BigInt.asUintN(this.pointerSize * 8, address - directOffset);
    return direct < 2n ** 46n && this.isRam(Number(direct)) ? Number(direct) : undefined;
  }

  /** Stores a pointer to an object; tags in its low bits are kept. A value below 4096 is stored as it is: null, or tags alone. */
  setPointer(at: number, target: number): void {
    if (target < frameSize) {
      this.setU32(at, target);
      if (this.pointerSize === 8) this.setU32(at + 4, 0);
      return;
    }
    const inMap = this.#inMap(target);
    if (inMap >= 0) {
      const sum = this.#mapLow + (inMap % two32);
      this.setU32(at, sum);
      this.setU32(at + 4, this.#mapHigh + Math.floor(inMap / two32) + (sum >= two32 ? 1 : 0));
      return;
    }
    const inImage = target >= this.#imageStart && target < this.#imageEnd;
    const high = Math.floor(target / two32);
    const low = target - high * two32 + (inImage ? this.#imageLow : this.#directLow);
    this.setU32(at, low);
    if (this.pointerSize === 8) this.setU32(at + 4, high + (inImage ? this.#imageHigh : this.#directHigh) + (low >= two32 ? 1 : 0));
  }

  /** The object that a pointer leads to, with its tags; a word below 4096 is given as it is. */
  pointer(at: number): number {
    const low = this.u32(at);
    if (this.pointerSize === 4) return low < frameSize ? low : (low - this.#directLow + two32) % two32;
    const high = this.u32(at + 4);
    if (high === 0 && low < frameSize) return low;
    const inImage = (high - this.#imageVirtualHigh) * two32 + low - this.#imageVirtualLow;
    if (inImage >= 0 && inImage < this.#imageEnd - this.#imageStart) return inImage + this.#imageStart;
    const inMap = (high - this.#mapHigh) * two32 + low - this.#mapLow;
    if (inMap >= 0 && inMap < this.#mapSize) {
      for (const { at: start, offset, size } of this.#pieces) if (inMap >= offset && inMap < offset + size) return start + inMap - offset;
    }
    return (high - this.#directHigh) * two32 + (low - this.#directLow);
  }

  /** Stores an unsigned long: a number from 0 to 2^53. */
  setWord(at: number, value: number): void {
    this.setU32(at, value);
    if (this.pointerSize === 8) this.setU32(at + 4, Math.floor(value / two32));
  }

  /** An unsigned long that is known to be below 2^53. */
  word(at: number): number {
    return this.pointerSize === 8 ? this.u32(at + 4) * two32 + this.u32(at) : this.u32(at);
  }

  /** Stores an address of which the page number (address / 4096) is given. */
  setPage(at: number, page: number): void {
    this.setU32(at, (page % 0x10_0000) * 4096);
    if (this.pointerSize === 8) this.setU32(at + 4, Math.floor(page / 0x10_0000));
  }

  /** The page number of an address in memory. */
  page(at: number): number {
    const low = this.u32(at) >>> 12;
    return this.pointerSize === 8 ? this.u32(at + 4) * 0x10_0000 + low : low;
  }

  /** Stores an address or any other value of a word. */
  setLong(at: number, value: bigint): void {
    this.setU32(at, Number(value & 0xffff_ffffn));
    if (this.pointerSize === 8) this.setU32(at + 4, Number((value >> 32n) & 0xffff_ffffn));
  }

  /** An unsigned long: as wide as a pointer. */
  long(at: number): bigint {
    const low = BigInt(this.u32(at));
    return this.pointerSize === 8 ? (BigInt(this.u32(at + 4)) << 32n) | low : low;
  }

  /** `at` is a multiple of 2. */
  setU16(at: number, value: number): void {
    const shift = (at & 2) * 8;
    const word = at - (at & 2);
    this.setU32(word, ((this.u32(word) & ~(0xffff << shift)) | ((value & 0xffff) << shift)) >>> 0);
  }

  /** `at` is a multiple of 2. */
  u16(at: number): number {
    return (this.u32(at - (at & 2)) >>> ((at & 2) * 8)) & 0xffff;
  }

  /** Stores text of at most `size - 1` bytes and a NUL. */
  setText(at: number, text: string, size: number): void {
    const bytes = new Uint8Array(size);
    for (let index = 0; index < Math.min(text.length, size - 1); index++) bytes[index] = text.charCodeAt(index) & 0x7f;
    this.write(at, bytes);
  }

  /** Characters up to a zero byte, at most `size`. */
  text(at: number, size: number): string {
    let text = '';
    for (let index = 0; index < size; index++) {
      const byte = this.u8(at + index);
      if (byte === 0) break;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Makes a list_head an empty list. */
  listInit(head: number): void {
    this.setPointer(head, head);
    this.setPointer(head + this.pointerSize, head);
  }

  /** Puts `entry` behind `previous` (include/linux/list.h:list_add). */
  listAdd(entry: number, previous: number): void {
    const next = this.pointer(previous);
    this.setPointer(next + this.pointerSize, entry);
    this.setPointer(entry, next);
    this.setPointer(entry + this.pointerSize, previous);
    this.setPointer(previous, entry);
  }

  /** Puts `entry` before `next`: at the end of a list whose head it is. */
  listAddTail(entry: number, next: number): void {
    this.listAdd(entry, this.pointer(next + this.pointerSize));
  }

  /** Takes `entry` off its list, and makes it an empty list itself (list_del_init). */
  listDelete(entry: number): void {
    const next = this.pointer(entry);
    const previous = this.pointer(entry + this.pointerSize);
    this.setPointer(next + this.pointerSize, previous);
    this.setPointer(previous, next);
    this.listInit(entry);
  }

  /** list_empty(): the head points to itself. */
  listEmpty(head: number): boolean {
    return this.pointer(head) === head;
  }

  /** The list_heads on a list; the list may lose the one at hand. */
  *list(head: number): Generator<number> {
    for (let at = this.pointer(head); at !== head;) {
      const next = this.pointer(at);
      yield at;
      at = next;
    }
  }
}
