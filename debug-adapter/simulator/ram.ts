/**
 * The RAM of a simulated machine. Snapshots cost what is written after them: a chunk of 64 bytes is kept once when it first
 * changes. The states form a tree; going from one to another exchanges the chunks on the way.
 */
import type { NumberRange } from '../base/range.ts';
import { findRange, mergeRanges, overlapWith } from '../base/range.ts';
import { frameSize, missingFrame } from '../memory/physical-memory.ts';
import type { PartialFrame, PhysicalMemory } from '../memory/physical-memory.ts';

const chunkSize = 64;
const chunkWords = chunkSize / 4;

/** A state of memory to which one can go back, until it is no longer referenced. */
export interface Snapshot {
  /** Steps from the machine's first state. */
  readonly depth: number;
}

/**
 * A state, and the chunks in which it differs from its parent: their other contents, of the parent's state while this state
 * (or one behind it) is in RAM, of this state while it is not.
 */
class State implements Snapshot {
  readonly depth: number;
  parent: State | undefined;
  chunks: Uint32Array = new Uint32Array(0);
  words: Uint32Array = new Uint32Array(0);

  constructor(parent: State | undefined) {
    this.parent = parent;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }
}

/** What RAM a machine has. */
export interface RamShape {
  /** Physical addresses of the RAM, in bytes, multiples of 4096. */
  readonly ranges: readonly NumberRange[];
}

/** Bytes of RAM: a physical address, and how many there are. */
export interface RamPlace {
  readonly address: number;
  readonly length: number;
}

/** One stretch of RAM, or two with a hole for PCI between them; byte addresses outside are missing as `not-ram`. */
export class Ram implements PhysicalMemory {
  readonly ranges: readonly NumberRange[];
  readonly #low: NumberRange;
  readonly #high: NumberRange;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  /** For each chunk, the last change of states before which its contents were kept. */
  readonly #kept: Uint32Array;
  #epoch = 1;
  #state = new State(undefined);
  #keptChunks = new Uint32Array(64);
  #keptWords = new Uint32Array(64 * chunkWords);
  #keptCount = 0;

  /** At most two spans are backed: that up to the PCI hole and that behind it. Throws `RangeError` where there is no room. */
  constructor(shape: RamShape) {
    this.ranges = mergeRanges(shape.ranges);
    const low = this.ranges.filter(({ start }) => start < 2 ** 32);
    const high = this.ranges.filter(({ start }) => start >= 2 ** 32);
    this.#low = { start: low[0]?.start ?? 0, end: low.at(-1)?.end ?? 0 };
    this.#high = { start: high[0]?.start ?? 0, end: high.at(-1)?.end ?? 0 };
    const size = this.#low.end - this.#low.start + this.#high.end - this.#high.start;
    const buffer = new ArrayBuffer(size);
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#kept = new Uint32Array(size / chunkSize);
  }

  /** Bytes of RAM. */
  get size(): number {
    return this.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** Whether there is RAM at a byte address. */
  isRam(address: number): boolean {
    return findRange(this.ranges, address) >= 0;
  }

  frame(frameNumber: number): Uint8Array | undefined {
    const address = frameNumber * frameSize;
    if (findRange(this.ranges, address) < 0) return undefined;
    const at = this.#offset(address);
    return this.#bytes.subarray(at, at + frameSize);
  }

  partialFrame(frameNumber: number): PartialFrame {
    return missingFrame({ kind: 'not-ram', message: `physical 0x${(frameNumber * frameSize).toString(16)} is not RAM` });
  }

  storedBytes(start: number, end: number): number {
    return overlapWith(this.ranges, { start, end });
  }

  /** The 32-bit word at a physical address, a multiple of 4. */
  u32(address: number): number {
    return this.#words[this.#offset(address) >>> 2] ?? 0;
  }

  /** `address` is a multiple of 4. Throws `RangeError` outside of RAM. */
  setU32(address: number, value: number): void {
    const index = this.#offset(address) >>> 2;
    const chunk = index >>> 4;
    if (this.#kept[chunk] !== this.#epoch) this.#keep(chunk);
    this.#words[index] = value;
  }

  /** The byte at `address`. Throws `RangeError` outside of RAM. */
  u8(address: number): number {
    return this.#bytes[this.#offset(address)] ?? 0;
  }

  /** Writes one byte. Throws `RangeError` outside of RAM. */
  setU8(address: number, value: number): void {
    const at = this.#offset(address);
    const chunk = Math.floor(at / chunkSize);
    if (this.#kept[chunk] !== this.#epoch) this.#keep(chunk);
    this.#bytes[at] = value;
  }

  /** Copies bytes to a physical address. */
  write(address: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const at = this.#offset(address);
    this.#offset(address + bytes.length - 1);
    this.#keepRange(at, at + bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Sets `length` bytes from a physical address on. */
  fill(address: number, value: number, length: number): void {
    if (length === 0) return;
    const at = this.#offset(address);
    this.#offset(address + length - 1);
    if (value === 0) this.#clear(at, at + length);
    else {
      this.#keepRange(at, at + length);
      this.#bytes.fill(value, at, at + length);
    }
  }

  /** Copies `length` bytes inside RAM; the places do not overlap. */
  copy(to: number, from: number, length: number): void {
    const source = this.#offset(from);
    this.write(to, this.#bytes.subarray(source, source + length));
  }

  /** The present state, to which `restore` comes back. */
  snapshot(): Snapshot {
    const state = this.#state;
    if (this.#keptCount === 0 && state.parent !== undefined) return state.parent;
    this.#close();
    this.#open(state);
    return state;
  }

  /** Makes memory what it was, or will be, at `snapshot`; costs what lies between. Throws `RangeError` for another memory's. */
  restore(snapshot: Snapshot): void {
    if (!(snapshot instanceof State)) throw new RangeError('no snapshot of this machine');
    this.#close();
    const { undone, down } = pathBetween(this.#state, snapshot);
    for (const state of undone) this.#exchange(state);
    for (const state of down) this.#exchange(state);
    this.#open(snapshot);
  }

  /** Gives up all states before `snapshot`, and those that branched off before it: nobody goes back to them any more. */
  forgetBefore(snapshot: Snapshot): void {
    if (!(snapshot instanceof State)) throw new RangeError('no snapshot of this machine');
    snapshot.parent = undefined;
    snapshot.chunks = new Uint32Array(0);
    snapshot.words = new Uint32Array(0);
  }

  /**
   * The chunks that have, or had, other contents at `snapshot` than now: physical addresses with those contents. Costs what
   * lies between. The contents are borrowed, until memory changes. Throws `RangeError` for another memory's.
   */
  differences(snapshot: Snapshot): Map<number, Uint8Array> {
    if (!(snapshot instanceof State)) throw new RangeError('no snapshot of this machine');
    const other = new Map<number, Uint32Array>();
    const take = (chunks: Uint32Array, words: Uint32Array, count: number): void => {
      for (let index = 0; index < count; index++)
        other.set(chunks[index] ?? 0, words.subarray(index * chunkWords, (index + 1) * chunkWords));
    };
    const { undone, down } = pathBetween(this.#state, snapshot);
    for (const state of undone) {
      if (state === this.#state) take(this.#keptChunks, this.#keptWords, this.#keptCount);
      else take(state.chunks, state.words, state.chunks.length);
    }
    for (const state of down) take(state.chunks, state.words, state.chunks.length);
    const found = new Map<number, Uint8Array>();
    for (const [chunk, words] of [...other].sort(([one], [two]) => one - two)) {
      const from = chunk * chunkWords;
      if (words.every((word, index) => word === this.#words[from + index])) continue;
      found.set(this.#addressOf(chunk * chunkSize), new Uint8Array(words.buffer, words.byteOffset, chunkSize));
    }
    return found;
  }

  /**
   * For each group of places, the last snapshot of `known` behind which any of them got the bytes that it has now; undefined
   * where all were so before the first of them. Costs what was written since.
   */
  lastChanges(groups: readonly (readonly RamPlace[])[], known: ReadonlyMap<unknown, unknown>): (Snapshot | undefined)[] {
    const wanted = this.#wordsOf(groups);
    const found = groups.map((): Snapshot | undefined => undefined);
    const passed = new Set<number>();
    let waiting: number[] = [];
    let state = this.#state;
    while (state.parent !== undefined && (passed.size < groups.length || waiting.length > 0)) {
      const current = state === this.#state;
      const chunks = current ? this.#keptChunks : state.chunks;
      const words = current ? this.#keptWords : state.words;
      const count = current ? this.#keptCount : chunks.length;
      for (let index = 0; index < count; index++) {
        for (const { group, word } of wanted.get(chunks[index] ?? 0) ?? []) {
          if (passed.has(group) || words[index * chunkWords + (word % chunkWords)] === this.#words[word]) continue;
          passed.add(group);
          waiting.push(group);
        }
      }
      state = state.parent;
      if (!known.has(state)) continue;
      for (const group of waiting) found[group] = state;
      waiting = [];
    }
    return found;
  }

  /** By chunk, the words of each group's places, those in RAM. */
  #wordsOf(groups: readonly (readonly RamPlace[])[]): Map<number, { readonly group: number; readonly word: number }[]> {
    const wanted = new Map<number, { readonly group: number; readonly word: number }[]>();
    for (const [group, places] of groups.entries()) {
      for (const { address, length } of places) {
        for (let at = address - (address % 4); at < address + length; at += 4) {
          if (!this.isRam(at)) continue;
          const word = this.#offset(at) >>> 2;
          const chunk = word >>> 4;
          const known = wanted.get(chunk);
          if (known === undefined) wanted.set(chunk, [{ group, word }]);
          else known.push({ group, word });
        }
      }
    }
    return wanted;
  }

  /** Puts what was kept since the last change of states into the state that ends here. */
  #close(): void {
    const count = this.#keptCount;
    this.#state.chunks = this.#keptChunks.slice(0, count);
    this.#state.words = this.#keptWords.slice(0, count * chunkWords);
  }

  /** Begins a state behind `parent`. */
  #open(parent: State): void {
    this.#state = new State(parent);
    this.#keptCount = 0;
    this.#epoch++;
    if (this.#epoch === 2 ** 32) {
      this.#kept.fill(0);
      this.#epoch = 1;
    }
  }

  #exchange(state: State): void {
    const { chunks, words } = state;
    for (let index = 0; index < chunks.length; index++) {
      const from = (chunks[index] ?? 0) * chunkWords;
      for (let word = 0; word < chunkWords; word++) {
        const other = words[index * chunkWords + word] ?? 0;
        words[index * chunkWords + word] = this.#words[from + word] ?? 0;
        this.#words[from + word] = other;
      }
    }
  }

  /** Zeros; chunks that are zeros already do not change. */
  #clear(start: number, end: number): void {
    const words = this.#words;
    for (let from = start; from < end;) {
      const chunk = Math.floor(from / chunkSize);
      const to = Math.min(end, (chunk + 1) * chunkSize);
      let set = 0;
      for (let word = chunk * chunkWords; word < (chunk + 1) * chunkWords; word++) set |= words[word] ?? 0;
      if (set !== 0) {
        if (this.#kept[chunk] !== this.#epoch) this.#keep(chunk);
        this.#bytes.fill(0, from, to);
      }
      from = to;
    }
  }

  #keepRange(start: number, end: number): void {
    const last = Math.floor((end - 1) / chunkSize);
    for (let chunk = Math.floor(start / chunkSize); chunk <= last; chunk++) if (this.#kept[chunk] !== this.#epoch) this.#keep(chunk);
  }

  #keep(chunk: number): void {
    this.#kept[chunk] = this.#epoch;
    // Nothing lies before the first state.
    if (this.#state.parent === undefined) return;
    const count = this.#keptCount++;
    if (count === this.#keptChunks.length) {
      const chunks = new Uint32Array(count * 2);
      chunks.set(this.#keptChunks);
      this.#keptChunks = chunks;
      const words = new Uint32Array(count * 2 * chunkWords);
      words.set(this.#keptWords);
      this.#keptWords = words;
    }
    this.#keptChunks[count] = chunk;
    this.#keptWords.set(this.#words.subarray(chunk * chunkWords, (chunk + 1) * chunkWords), count * chunkWords);
  }

  #offset(address: number): number {
    const low = this.#low;
    if (address >= low.start && address < low.end) return address - low.start;
    const high = this.#high;
    if (address >= high.start && address < high.end) return address - high.start + (low.end - low.start);
    throw new RangeError(`no RAM at physical 0x${address.toString(16)}`);
  }

  #addressOf(offset: number): number {
    const low = this.#low.end - this.#low.start;
    return offset < low ? offset + this.#low.start : offset - low + this.#high.start;
  }
}

/** The states to leave, from `from` on, and those to enter, to `to`. Throws `RangeError` where no way leads. */
function pathBetween(from: State, to: State): { readonly undone: readonly State[]; readonly down: readonly State[] } {
  const down: State[] = [];
  const undone: State[] = [];
  let up: State | undefined = from;
  let target: State | undefined = to;
  while (up !== target) {
    if (target !== undefined && (up === undefined || target.depth >= up.depth)) {
      down.push(target);
      target = target.parent;
    } else if (up !== undefined) {
      undone.push(up);
      up = up.parent;
    }
  }
  if (up === undefined) throw new RangeError('the snapshot is of another machine');
  return { undone, down: down.reverse() };
}
