/**
 * Virtual memory: an address space reads physical memory through a translator (a page table, or arithmetic while the page
 * tables are not yet found). It owns a cache of translated pages; physical memory must not change under it except through
 * `invalidate`.
 */
import { BoundedCache } from '../base/bounded-cache.ts';
import { MemoryFault } from '../base/errors.ts';
import { addToAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { limits } from '../base/limits.ts';
import { Slab } from '../base/slab.ts';
import { decodeName } from '../base/text.ts';
import { appendHole } from './hole.ts';
import type { Hole, HoleReason, MemoryRead } from './hole.ts';
import { copyPhysical, frameSize } from './physical-memory.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** Turns 4 KiB virtual page numbers (address / 4096, an integer below 2^52) into 4 KiB physical frame numbers. */
export interface Translator {
  /** The frame number, or -1 when nothing is mapped. */
  frameOf(virtualPage: number): number;
  /**
   * Pages from the one that `frameOf` was asked for last, and found, whose frames follow one another, as far as that is told
   * at less cost than by asking for each: at least 1, at most `most`.
   */
  pagesAhead?(most: number): number;
  /** Why `frameOf` gave -1. */
  explain(address: Address): HoleReason;
  /** The address as the hardware takes it: without a pointer tag, cut to the width of the machine. */
  untag(address: Address): Address;
}

interface CachedPage {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const cachedPages = 4096;
/** Pages without a byte, whose reasons are kept: a list of structures that are missing asks for the same again and again. */
const cachedReasons = 1024;
/** `__int128`, in bytes. */
const widestInteger = 16;

/**
 * Virtual addresses through one translator. `read` gives bytes and holes; the typed readers (`u8`, `pointer`, `cString`…) throw
 * `MemoryFault` with the reason at the first missing byte.
 */
export class AddressSpace {
  readonly physical: PhysicalMemory;
  readonly littleEndian: boolean;
  /** Bytes of a pointer: 4 or 8. */
  readonly pointerSize: 4 | 8;
  readonly #translator: Translator;
  readonly #pages = new BoundedCache<number, CachedPage>(cachedPages);
  readonly #missing = new BoundedCache<number, HoleReason>(cachedReasons);
  readonly #slab = new Slab();
  #lastPage = -1;
  #last: CachedPage | undefined;

  constructor(physical: PhysicalMemory, translator: Translator, shape: { littleEndian: boolean; pointerSize: 4 | 8 }) {
    this.physical = physical;
    this.#translator = translator;
    this.littleEndian = shape.littleEndian;
    this.pointerSize = shape.pointerSize;
  }

  /** Forgets cached translations and pages, after memory was written. */
  invalidate(): void {
    this.#pages.clear();
    this.#missing.clear();
    this.#lastPage = -1;
    this.#last = undefined;
  }

  /** The 4 KiB frame number behind a virtual page, or -1. */
  frameOf(virtualPage: number): number {
    return this.#translator.frameOf(virtualPage);
  }

  /** Why nothing can be read at `address`: not mapped, or mapped to a frame that is missing. */
  explain(address: Address): HoleReason {
    const wide = this.#wrap(address);
    const frame = this.#translator.frameOf(Number(wide >> 12n));
    if (frame < 0) return this.#translator.explain(wide);
    const offset = Number(wide & 0xfffn);
    const holes = this.physical.frame(frame) === undefined ? this.physical.partialFrame(frame).holes : [];
    const hole = holes.find((one) => offset >= one.offset && offset < one.offset + one.length);
    return hole?.reason ?? { kind: 'io-error', message: 'the bytes are readable' };
  }

  /** Why no byte of the 4 KiB page of `address` is there; undefined where one may be. Cheap to ask again. */
  missingPage(address: Address): HoleReason | undefined {
    const wide = this.#wrap(address);
    const page = Number(wide >> 12n);
    if (page === this.#lastPage) return undefined;
    const known = this.#missing.get(page);
    if (known !== undefined) return known;
    const frame = this.#translator.frameOf(page);
    if (frame < 0) {
      const reason = this.#translator.explain(wide);
      // It names the very address.
      if (reason.kind !== 'non-canonical') this.#missing.set(page, reason);
      return reason;
    }
    const hole = this.physical.frame(frame) === undefined ? this.physical.partialFrame(frame).holes[0] : undefined;
    if (hole?.length !== frameSize) return undefined;
    this.#missing.set(page, hole.reason);
    return hole.reason;
  }

  /** Reads `length` bytes (at most `limits.readBytes`); what is missing comes back as holes. Wraps at the top of the space. */
  read(address: Address, length: number): MemoryRead {
    const wanted = Math.min(length, limits.readBytes);
    // Shorter ones may be kept for long.
    const bytes = wanted < frameSize ? new Uint8Array(wanted) : this.#slab.take(wanted);
    return { bytes, holes: this.readInto(address, bytes) };
  }

  /** As `read`, but fills all of `bytes`, and gives the holes: there it has zeros. For who reads much and keeps little. */
  readInto(address: Address, bytes: Uint8Array): readonly Hole[] {
    const holes: Hole[] = [];
    let done = 0;
    while (done < bytes.length) {
      const at = this.#wrap(addToAddress(address, done));
      const inFrame = Number(at & 0xfffn);
      const page = Number(at >> 12n);
      const frame = this.#translator.frameOf(page);
      if (frame < 0) {
        const part = Math.min(frameSize - inFrame, bytes.length - done);
        bytes.fill(0, done, done + part);
        appendHole(holes, { offset: done, length: part, reason: this.#translator.explain(at) });
        done += part;
      } else {
        const pages = this.#run(at, { page, frame, wanted: Math.ceil((inFrame + bytes.length - done) / frameSize) });
        const to = Math.min(bytes.length, done + pages * frameSize - inFrame);
        copyPhysical(this.physical, { frame, inFrame }, { bytes, from: done, to, holes });
        done = to;
      }
    }
    return holes;
  }

  /** Reads `length` bytes, all of them; throws `MemoryFault` at the first missing one. */
  bytes(address: Address, length: number): Uint8Array {
    const { bytes, holes } = this.read(address, length);
    const hole = holes[0];
    if (hole !== undefined) throw new MemoryFault(addToAddress(address, hole.offset), hole.reason.message);
    return bytes;
  }

  /** Each of these reads a number in the machine's byte order. Throws `MemoryFault` where a byte of it is missing. */
  u8(address: Address): number {
    return this.#within(address, 1)?.getUint8(this.#offset) ?? this.#slow(address, 1).getUint8(0);
  }

  /** Two bytes, unsigned. */
  u16(address: Address): number {
    return this.#within(address, 2)?.getUint16(this.#offset, this.littleEndian) ?? this.#slow(address, 2).getUint16(0, this.littleEndian);
  }

  /** Four bytes, unsigned. */
  u32(address: Address): number {
    return this.#within(address, 4)?.getUint32(this.#offset, this.littleEndian) ?? this.#slow(address, 4).getUint32(0, this.littleEndian);
  }

  /** Four bytes, two's complement. */
  i32(address: Address): number {
    return this.u32(address) | 0;
  }

  /** Eight bytes, unsigned. */
  u64(address: Address): bigint {
    return (
      this.#within(address, 8)?.getBigUint64(this.#offset, this.littleEndian) ?? this.#slow(address, 8).getBigUint64(0, this.littleEndian)
    );
  }

  /** An unsigned long or pointer of the machine. */
  word(address: Address): bigint {
    return this.pointerSize === 8 ? this.u64(address) : BigInt(this.u32(address));
  }

  /** The word at `address` as an address, its upper half 0 on 32 bits. */
  pointer(address: Address): Address {
    return toAddress(this.word(address));
  }

  /**
   * An unsigned integer of 1 to 16 bytes (`__int128`). Throws `MemoryFault` also for a size that no integer has, which only
   * damaged type information gives.
   */
  unsigned(address: Address, size: number): bigint {
    switch (size) {
      case 1:
        return BigInt(this.u8(address));
      case 2:
        return BigInt(this.u16(address));
      case 4:
        return BigInt(this.u32(address));
      case 8:
        return this.u64(address);
      default:
        return this.#unusual(address, size);
    }
  }

  /**
   * The bytes up to the first NUL as UTF-8 text, at most `limit` bytes; what follows a hole is cut off. Throws
   * `MemoryFault` when the first byte is missing.
   */
  cString(address: Address, limit: number = limits.stringBytes): string {
    const collected: number[] = [];
    for (let index = 0; index < limit; index++) {
      let byte: number;
      try {
        byte = this.u8(addToAddress(address, index));
      } catch (error) {
        if (error instanceof MemoryFault && index > 0) break;
        throw error;
      }
      if (byte === 0) break;
      collected.push(byte);
    }
    return decodeName(Uint8Array.from(collected));
  }

  /** Pages from `page`, mapped to `frame` just now, that map frames which follow one another; `wanted` at most. */
  #run(at: Address, from: { readonly page: number; readonly frame: number; readonly wanted: number }): number {
    const { page, frame, wanted } = from;
    if (wanted === 1) return 1;
    const translator = this.#translator;
    let pages = translator.pagesAhead?.(wanted) ?? 1;
    while (pages < wanted && translator.frameOf(page + pages) === frame + pages) pages += translator.pagesAhead?.(wanted - pages) ?? 1;
    // Behind the top of the space, page numbers go on where addresses start again.
    return this.#wrap(addToAddress(at, (pages - 1) * frameSize)) === at + BigInt((pages - 1) * frameSize) ? pages : 1;
  }

  #offset = 0;

  #wrap(address: Address): Address {
    return this.#translator.untag(address);
  }

  /** The cached page of an access of `size` bytes that stays inside it, with `#offset` set; else `undefined`. */
  #within(address: Address, size: number): DataView | undefined {
    const wide = this.#wrap(address);
    const offset = Number(wide & 0xfffn);
    if (offset + size > frameSize) return undefined;
    const virtualPage = Number(wide >> 12n);
    if (virtualPage !== this.#lastPage) {
      const page = this.#page(virtualPage);
      if (page === undefined) return undefined;
      this.#lastPage = virtualPage;
      this.#last = page;
    }
    this.#offset = offset;
    return this.#last?.view;
  }

  #page(virtualPage: number): CachedPage | undefined {
    const cached = this.#pages.get(virtualPage);
    if (cached !== undefined) return cached;
    const frame = this.#translator.frameOf(virtualPage);
    if (frame < 0) return undefined;
    const bytes = this.physical.frame(frame);
    if (bytes === undefined) return undefined;
    const page = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, frameSize) };
    this.#pages.set(virtualPage, page);
    return page;
  }

  #unusual(address: Address, size: number): bigint {
    if (size < 1 || size > widestInteger) throw new MemoryFault(address, `its type has ${size} bytes, as many as no integer has`);
    const bytes = this.bytes(address, size);
    let value = 0n;
    for (const byte of this.littleEndian ? bytes.reverse() : bytes) value = (value << 8n) | BigInt(byte);
    return value;
  }

  /** What does not lie within one page that is there. */
  #slow(address: Address, size: number): DataView {
    const missing = this.missingPage(address);
    if (missing !== undefined) throw new MemoryFault(address, missing.message);
    const bytes = this.bytes(address, size);
    return new DataView(bytes.buffer, bytes.byteOffset, size);
  }
}
