/**
 * Finds a pattern in stretches of pages. Pages are copied into a window that is searched as a whole, with the end of the
 * window before in front of it, so that what lies across pages is found.
 */
import { frameSize } from './physical-memory.ts';
import type { SearchPattern } from './search-pattern.ts';

const windowPages = 64;
/** Room in front of a window for the end of the one before: a pattern is at most a page long. */
const room = frameSize;

/** A hit at byte `offset` (may be negative: in pages before) from the start of page `page`. Gives false to end the search. */
export type Found = (page: number, offset: number) => boolean;

/** Finds the pattern in a window: the next offset from `from` on whose hit ends at `end` or before, or -1. */
type Finder = (window: Uint8Array, from: number, end: number) => number;

/**
 * Takes pages of 4 KiB in the order of their numbers, and calls `found` with the page number and byte offset of each hit; hits
 * that lie across pages that follow each other are found too.
 */
export class PatternScanner {
  /** Bytes before a page in which a hit that reaches into it can begin; 0 where hits never cross a page's end. */
  readonly overlap: number;
  readonly #find: Finder;
  readonly #found: Found;
  readonly #window = new Uint8Array(room + windowPages * frameSize);
  /** The page of the window's first page, and pages in it; what follows it would be the page `#page + #pages`. */
  #page = 0;
  #pages = 0;
  /** Bytes in front of the first page. */
  #carried = 0;
  #ended = false;

  constructor(pattern: SearchPattern, found: Found) {
    this.overlap = pattern.bytes.length > pattern.align ? pattern.bytes.length - 1 : 0;
    this.#find = finderOf(pattern, this.#window);
    this.#found = found;
  }

  /** Whether `found` ended the search. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The next page. It joins the one before where its number follows, unless `flush` was called between. */
  add(page: number, bytes: Uint8Array): void {
    if (this.#pages > 0 && page !== this.#page + this.#pages) this.flush();
    if (this.#pages === windowPages) this.#advance();
    if (this.#pages === 0 && this.#carried === 0) this.#page = page;
    this.#window.set(bytes, room + this.#pages * frameSize);
    this.#pages++;
  }

  /** Searches what only the end of one page and the start of the next, numbered `page`, make together; both are whole pages. */
  addEdge(page: number, before: Uint8Array, bytes: Uint8Array): void {
    this.flush();
    if (this.overlap === 0) return;
    this.#page = page;
    this.#carried = this.overlap;
    this.#window.set(before.subarray(frameSize - this.overlap), room - this.overlap);
    this.#window.set(bytes.subarray(0, this.overlap), room);
    this.#search(room + this.overlap);
    this.#carried = 0;
  }

  /** Searches what was added; what is added next joins nothing. */
  flush(): void {
    if (this.#pages > 0) this.#search(room + this.#pages * frameSize);
    this.#pages = 0;
    this.#carried = 0;
  }

  #advance(): void {
    const end = room + this.#pages * frameSize;
    this.#search(end);
    this.#window.copyWithin(room - this.overlap, end - this.overlap, end);
    this.#carried = this.overlap;
    this.#page += this.#pages;
    this.#pages = 0;
  }

  #search(end: number): void {
    let at = room - this.#carried;
    while (!this.#ended) {
      at = this.#find(this.#window, at, end);
      if (at < 0) return;
      if (!this.#found(this.#page, at - room)) this.#ended = true;
      at++;
    }
  }
}

const littleEndianHost = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

function finderOf(pattern: SearchPattern, window: Uint8Array): Finder {
  const { bytes, mask, align } = pattern;
  if (mask === undefined && align >= 4 && bytes.length >= 4) return byRarestWord(pattern, window);
  if (mask !== undefined && align >= 4 && (bytes.length === 4 || bytes.length === 8)) return maskedWords(pattern, window);
  return anchored(pattern);
}

/** By the 32-bit word that is rarest in memory, where patterns begin at words. */
function byRarestWord(pattern: SearchPattern, window: Uint8Array): Finder {
  const { bytes, align } = pattern;
  const words = new Uint32Array(window.buffer);
  const offsets = Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => index * 4);
  const cost = (offset: number): number => bytes.subarray(offset, offset + 4).reduce((sum, byte) => sum + commonness(byte), 0);
  const [best = 0] = offsets.sort((a, b) => cost(a) - cost(b));
  const word = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(best, littleEndianHost);
  return (_window, from, end) => {
    let index = Math.ceil((from + best) / 4);
    for (;;) {
      index = words.indexOf(word, index);
      const at = index * 4 - best;
      if (index < 0 || at + bytes.length > end) return -1;
      if (at % align === 0 && matches(pattern, window, at)) return at;
      index++;
    }
  };
}

/** One or two words of which some bits count. */
function maskedWords({ bytes, mask, align }: SearchPattern, window: Uint8Array): Finder {
  const words = new Int32Array(window.buffer);
  const word = (of: Uint8Array, index: number): number => new DataView(of.buffer, of.byteOffset).getInt32(index * 4, littleEndianHost);
  const count = bytes.length / 4;
  const keep = mask ?? new Uint8Array(bytes.length).fill(0xff);
  const firstKeep = word(keep, 0);
  const first = word(bytes, 0);
  const secondKeep = count > 1 ? word(keep, 1) : 0;
  const second = count > 1 ? word(bytes, 1) : 0;
  const step = align / 4;
  return (_window, from, end) => {
    const limit = Math.floor(end / 4) - count;
    for (let index = Math.ceil(from / align) * step; index <= limit; index += step) {
      if (((words[index] ?? 0) & firstKeep) === first && ((words[index + 1] ?? 0) & secondKeep) === second) return index * 4;
    }
    return -1;
  };
}

/** By the byte that is rarest in memory. */
function anchored(pattern: SearchPattern): Finder {
  const { bytes, align } = pattern;
  const anchor = anchorOf(pattern);
  if (anchor < 0) {
    return (window, from, end) => {
      for (let at = Math.ceil(from / align) * align; at + bytes.length <= end; at += align) if (matches(pattern, window, at)) return at;
      return -1;
    };
  }
  const byte = bytes[anchor] ?? 0;
  return (window, from, end) => {
    let index = from + anchor;
    for (;;) {
      index = window.indexOf(byte, index);
      const at = index - anchor;
      if (index < 0 || at + bytes.length > end) return -1;
      if (at % align === 0 && matches(pattern, window, at)) return at;
      index++;
    }
  };
}

/** Place of the byte to look for first, or -1 where no byte counts as a whole. */
function anchorOf({ bytes, mask }: SearchPattern): number {
  let best = -1;
  bytes.forEach((byte, index) => {
    if (mask !== undefined && mask[index] !== 0xff) return;
    if (best < 0 || commonness(byte) < commonness(bytes[best] ?? 0)) best = index;
  });
  return best;
}

/** Zeros fill memory; ones, small numbers and the letters of words follow. */
function commonness(byte: number): number {
  if (byte === 0) return 4;
  if (byte === 0xff) return 3;
  if (byte < 0x10 || byte === 0x20) return 2;
  return byte < 0x80 ? 1 : 0;
}

function matches({ bytes, mask }: SearchPattern, window: Uint8Array, at: number): boolean {
  if (mask === undefined) {
    for (let index = 0; index < bytes.length; index++) if (window[at + index] !== bytes[index]) return false;
    return true;
  }
  for (let index = 0; index < bytes.length; index++) if (((window[at + index] ?? 0) & (mask[index] ?? 0)) !== bytes[index]) return false;
  return true;
}
