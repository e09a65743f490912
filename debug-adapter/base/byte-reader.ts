import { errors } from './errors.ts';
import type { UserError } from './errors.ts';

/**
 * A cursor over bytes of a known place. Every read is bounds-checked; an error names file, part, position and what was
 * expected, and leaves the cursor where it was.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  position = 0;
  readonly #view: DataView;
  readonly #file: string;
  readonly #part: string;

  /** `file` and `part` name the place in messages, e.g. `vmcore` and `PT_NOTE at 0x1f40`. */
  constructor(bytes: Uint8Array, place: { file: string; part: string; littleEndian: boolean }) {
    this.bytes = bytes;
    this.littleEndian = place.littleEndian;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = place.file;
    this.#part = place.part;
  }

  /** Bytes from the position to the end. */
  get remaining(): number {
    return this.bytes.length - this.position;
  }

  /**
   * Each of these takes a number in the reader's byte order and goes on behind it. Throws `error` where too few bytes are left.
   */
  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** Two bytes, unsigned. */
  u16(): number {
    return this.#view.getUint16(this.#take(2), this.littleEndian);
  }

  /** Four bytes, unsigned. */
  u32(): number {
    return this.#view.getUint32(this.#take(4), this.littleEndian);
  }

  /** Four bytes, two's complement. */
  i32(): number {
    return this.#view.getInt32(this.#take(4), this.littleEndian);
  }

  /** Eight bytes, unsigned. */
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), this.littleEndian);
  }

  /** A 64-bit quantity that must be a safe integer (offset, size, count); a larger one is reported as corrupt under `name`. */
  size64(name: string): number {
    const at = this.position;
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      this.position = at;
      throw this.error(`${name} is 0x${value.toString(16)}, which no file can hold`);
    }
    return Number(value);
  }

  /** `length` bytes, borrowed from the underlying array. */
  borrow(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** An error about the current position. */
  error(what: string): UserError {
    return errors.corruptDump(this.#file, `${this.#part}, byte 0x${this.position.toString(16)}: ${what}`);
  }

  #take(length: number): number {
    const at = this.position;
    if (length < 0 || length > this.bytes.length - at) {
      throw this.error(`needs ${length} bytes and ${Math.max(0, this.bytes.length - at)} are left`);
    }
    this.position = at + length;
    return at;
  }
}
