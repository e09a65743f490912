/** Page-table entries as a kernel writes them; `low` and `high` hold the last one made. */
import { keyShift, protection } from './protection.ts';

/** One architecture's way to write entries. Levels count from the root (0); nothing is allocated for an entry. */
export abstract class EntryEncoder {
  /** Bits 0-31 of the entry that was made last. */
  low = 0;
  /** Bits 32-63. */
  high = 0;

  /** An entry for the table at a physical address; `user`: of a process, for its own addresses. */
  abstract table(level: number, address: number, isUser: boolean): void;
  /** A leaf of a level (0 is the root's) for the memory at a physical address; `bits` of `protection`. */
  abstract leaf(level: number, address: number, bits: number): void;
  /** `bits` of a leaf, or of an entry with PROT_NONE. */
  abstract bitsOf(level: number, low: number, high: number): number;
  /** An entry that is not present, of a swap type below 32 and an offset in pages. */
  abstract swap(type: number, offset: number, marks: SwapMarks): void;
  /** What a swap entry holds. */
  abstract swapOf(low: number, high: number): SwapEntry;
}

/** What a swap entry says beside where the page is. */
export interface SwapMarks {
  readonly softDirty: boolean;
  readonly writeProtected: boolean;
}

/** A page that was swapped out: area by number, page in it. */
export interface SwapEntry extends SwapMarks {
  readonly type: number;
  readonly offset: number;
}

const two32 = 0x1_0000_0000;

const x86Cache: readonly (readonly [bits: number, low: number])[] = [
  [protection.writeCombining, 0x8],
  [protection.uncachedMinus, 0x10],
  [protection.uncached, 0x18],
  [protection.writeThrough, 0x98],
  [protection.writeProtected, 0x88],
];

/** x86 with 64-bit entries (arch/x86/include/asm/pgtable_types.h). */
export class X86Encoder extends EntryEncoder {
  readonly #lastLevel: number;
  readonly #pae: boolean;
  readonly #global: boolean;

  constructor(shape: { readonly levels: number; readonly pae: boolean; readonly global: boolean }) {
    super();
    this.#lastLevel = shape.levels - 1;
    this.#pae = shape.pae;
    this.#global = shape.global;
  }

  table(level: number, address: number, isUser: boolean): void {
    this.high = Math.floor(address / two32);
    // PRESENT, RW, ACCESSED, DIRTY, and USER in a process's; a PAE root's entry has PRESENT alone.
    this.low = ((address >>> 0) | (this.#pae && level === 0 ? 0x1 : isUser ? 0x67 : 0x63)) >>> 0;
  }

  leaf(level: number, address: number, bits: number): void {
    let low = 0;
    if ((bits & protection.write) !== 0) low |= 0x2;
    if ((bits & protection.user) !== 0) low |= 0x4;
    if ((bits & protection.accessed) !== 0) low |= 0x20;
    if ((bits & protection.dirty) !== 0) low |= 0x40;
    if ((bits & protection.special) !== 0) low |= 0x200;
    // 32-bit kernels have neither of the two marks.
    if ((bits & protection.userfaultWriteProtect) !== 0 && !this.#pae) low |= 0x400;
    if ((bits & protection.softDirty) !== 0 && !this.#pae) low |= 0x800;
    const cache = bits & protection.cacheMask;
    if (cache !== 0) for (const [mark, value] of x86Cache) if (mark === cache) low |= value;
    if (level !== this.#lastLevel) {
      // PAT moves to bit 12 where bit 7 is the page size.
      if ((low & 0x80) !== 0) low |= 0x1000;
      low |= 0x80;
    }
    let high = Math.floor(address / two32);
    if ((bits & protection.none) !== 0) {
      // PROT_NONE: bit 8, and the frame's number complemented (arch/x86/include/asm/pgtable-invert.h).
      this.low = ((~(address >>> 0) & (level === this.#lastLevel ? 0xffff_f000 : 0xffe0_0000)) | (low & 0xfff & ~0x2) | 0x100) >>> 0;
      high = ~high & 0x000f_ffff;
    } else {
      if ((bits & (this.#global ? protection.global : protection.alwaysGlobal)) !== 0) low |= 0x100;
      this.low = ((address >>> 0) | low | 0x1) >>> 0;
    }
    if (!this.#pae) high |= ((bits & protection.keyMask) >>> keyShift) << 27;
    this.high = ((bits & protection.execute) === 0 ? high | 0x8000_0000 : high) >>> 0;
  }

  bitsOf(level: number, low: number, high: number): number {
    const present = (low & 0x1) !== 0;
    let bits = 0;
    if ((low & 0x2) !== 0) bits |= protection.write;
    if ((low & 0x4) !== 0) bits |= protection.user;
    if ((low & 0x20) !== 0) bits |= protection.accessed;
    if ((low & 0x40) !== 0) bits |= protection.dirty;
    if ((low & 0x200) !== 0) bits |= protection.special;
    if ((low & 0x400) !== 0) bits |= protection.userfaultWriteProtect;
    if ((low & 0x800) !== 0) bits |= protection.softDirty;
    if ((low & 0x100) !== 0) bits |= present ? protection.global | (this.#global ? 0 : protection.alwaysGlobal) : protection.none;
    if ((high & 0x8000_0000) === 0) bits |= protection.execute;
    if (!this.#pae) bits |= ((high >>> 27) & 0xf) << keyShift;
    const pat = low & (level === this.#lastLevel ? 0x80 : 0x1000);
    const cache = (low & 0x18) | (pat === 0 ? 0 : 0x80);
    for (const [mark, value] of x86Cache) if (value === cache) bits |= mark;
    return bits;
  }

  /** Type in bits 59-63, offset complemented in 9-58 (arch/x86/include/asm/pgtable_64.h, pgtable-3level.h). */
  swap(type: number, offset: number, marks: SwapMarks): void {
    const flags = (marks.softDirty && !this.#pae ? 0x2 : 0) | (marks.writeProtected && !this.#pae ? 0x4 : 0);
    this.low = (((~offset << 9) & 0xffff_fe00) | flags) >>> 0;
    this.high = ((~Math.floor(offset / 2 ** 23) & 0x07ff_ffff) | (type << 27)) >>> 0;
  }

  swapOf(low: number, high: number): SwapEntry {
    return {
      type: high >>> 27,
      offset: (~high & 0x07ff_ffff) * 2 ** 23 + (~low >>> 9),
      softDirty: !this.#pae && (low & 0x2) !== 0,
      writeProtected: !this.#pae && (low & 0x4) !== 0,
    };
  }
}

/** MAIR_EL1 indexes of Linux 6.12, shifted into place. */
const arm64Cache: readonly (readonly [bits: number, low: number])[] = [
  [protection.writeCombining, 2 << 2],
  [protection.uncachedMinus, 4 << 2],
  [protection.uncached, 3 << 2],
];

/** arm64 with 4 KiB pages (arch/arm64/include/asm/pgtable-hwdef.h, pgtable-prot.h). */
export class Arm64Encoder extends EntryEncoder {
  readonly #lastLevel: number;

  constructor(levels: number) {
    super();
    this.#lastLevel = levels - 1;
  }

  table(_level: number, address: number, isUser: boolean): void {
    this.low = ((address >>> 0) | 0x3) >>> 0;
    // PXNTable for processes, UXNTable for the kernel.
    this.high = (Math.floor(address / two32) | (isUser ? 0x0800_0000 : 0x1000_0000)) >>> 0;
  }

  leaf(level: number, address: number, bits: number): void {
    const isUser = (bits & protection.user) !== 0;
    let low = 0x300;
    let high = Math.floor(address / two32);
    if ((bits & protection.accessed) !== 0) low |= 0x400;
    if (isUser) low |= 0x40;
    if ((bits & protection.global) === 0) low |= 0x800;
    // Writable is DBM; read-only to the hardware until dirty.
    if ((bits & protection.write) !== 0) high |= 0x0008_0000;
    if ((bits & protection.write) === 0 || (bits & protection.dirty) === 0) low |= 0x80;
    if ((bits & protection.dirty) !== 0) high |= 0x0080_0000;
    if ((bits & protection.special) !== 0) high |= 0x0100_0000;
    if ((bits & protection.userfaultWriteProtect) !== 0) high |= 0x0400_0000;
    const executes = (bits & protection.execute) !== 0;
    if (!executes || isUser) high |= 0x0020_0000;
    if (!executes || !isUser) high |= 0x0040_0000;
    const cache = bits & protection.cacheMask;
    for (const [mark, value] of arm64Cache) if (mark === cache) low |= value;
    if (level === this.#lastLevel) low |= 0x2;
    low = (bits & protection.none) === 0 ? low | 0x1 : low | 0x800;
    this.low = ((address >>> 0) | low) >>> 0;
    this.high = high >>> 0;
  }

  bitsOf(_level: number, low: number, high: number): number {
    const isUser = (low & 0x40) !== 0 || (low & 0x800) !== 0;
    let bits = 0;
    if ((high & 0x0008_0000) !== 0) bits |= protection.write;
    if (isUser) bits |= protection.user;
    if ((low & 0x800) === 0) bits |= protection.global;
    if ((low & 0x400) !== 0) bits |= protection.accessed;
    if ((high & 0x0080_0000) !== 0 || ((high & 0x0008_0000) !== 0 && (low & 0x80) === 0)) bits |= protection.dirty;
    if ((high & 0x0100_0000) !== 0) bits |= protection.special;
    if ((high & 0x0400_0000) !== 0) bits |= protection.userfaultWriteProtect;
    if ((high & (isUser ? 0x0040_0000 : 0x0020_0000)) === 0) bits |= protection.execute;
    if ((low & 0x1) === 0) bits |= protection.none;
    for (const [mark, value] of arm64Cache) if (value === (low & 0x1c)) bits |= mark;
    return bits;
  }

  swap(type: number, offset: number, marks: SwapMarks): void {
    const at = offset * 4096;
    this.low = ((at >>> 0) | (type << 6) | (marks.writeProtected ? 0x8 : 0)) >>> 0;
    this.high = Math.floor(at / two32);
  }

  swapOf(low: number, high: number): SwapEntry {
    return {
      type: (low >>> 6) & 0x1f,
      offset: (high & 0x3fff_ffff) * 2 ** 20 + (low >>> 12),
      softDirty: false,
      writeProtected: (low & 0x8) !== 0,
    };
  }
}
