/**
 * Which lines stand where: a row space over 64-bit addresses that is walked line by line, so that no scroll height limits it.
 * Every page has a head; a run without bytes has a few rows and a line that stands for the rest.
 */
import type { Segment, Segments } from './segments.ts';

/** A line by the address of its first byte, or the head of the page that begins there. */
export interface Place {
  readonly address: bigint;
  readonly head: boolean;
}

/** One line of the grid. */
export interface Line extends Place {
  readonly kind: 'head' | 'bytes' | 'gone' | 'fold';
  /** Undefined while it has not been read. */
  readonly segment: Segment | undefined;
  /** First address behind what the line stands for. */
  readonly end: bigint;
}

/** What is not read yet is drawn in pages of this many bytes. */
const unreadPage = 4096n;
/** Rows of a run without bytes. */
const goneRows = 3n;

interface Unit {
  readonly start: bigint;
  readonly end: bigint;
  readonly segment: Segment | undefined;
}

export class Lines {
  readonly #segments: Segments;
  readonly #perRow: bigint;
  readonly #top: bigint;

  /** `top`: the end of the space. */
  constructor(segments: Segments, perRow: number, top: bigint) {
    this.#segments = segments;
    this.#perRow = BigInt(perRow);
    this.#top = top;
  }

  /** The line that shows the byte. */
  of(address: bigint): Line {
    const unit = this.#unit(address);
    return this.#row(unit, (address - unit.start) / this.#perRow);
  }

  line(place: Place): Line {
    if (!place.head) return this.of(place.address);
    const unit = this.#unit(place.address);
    return { kind: 'head', address: unit.start, head: true, segment: unit.segment, end: unit.end };
  }

  next(place: Place): Line | undefined {
    const unit = this.#unit(place.address);
    if (place.head) return this.#row(unit, 0n);
    const line = this.of(place.address);
    if (line.end < unit.end) return this.of(line.end);
    return unit.end >= this.#top ? undefined : this.line({ address: unit.end, head: true });
  }

  previous(place: Place): Line | undefined {
    const line = this.line(place);
    if (line.kind === 'head') return line.address === 0n ? undefined : this.of(line.address - 1n);
    const unit = this.#unit(line.address);
    return line.address === unit.start ? this.line({ address: unit.start, head: true }) : this.of(line.address - 1n);
  }

  /** As many lines on or back, as far as there are any. */
  move(place: Place, by: number): Line {
    let line = this.line(place);
    for (let step = 0; step < Math.abs(by); step++) {
      const next = by > 0 ? this.next(line) : this.previous(line);
      if (next === undefined) break;
      line = next;
    }
    return line;
  }

  from(place: Place, count: number): Line[] {
    const found = [this.line(place)];
    while (found.length < count) {
      const last = found.at(-1);
      const next = last === undefined ? undefined : this.next(last);
      if (next === undefined) break;
      found.push(next);
    }
    return found;
  }

  /** The page that holds the byte, or the run without bytes. */
  pageOf(address: bigint): { readonly start: bigint; readonly end: bigint } {
    return this.#unit(address > 0n ? address : 0n);
  }

  #unit(address: bigint): Unit {
    const segment = this.#segments.at(address);
    if (segment !== undefined) return { start: segment.start, end: segment.end < this.#top ? segment.end : this.#top, segment };
    const start = address - (address % unreadPage);
    return { start, end: start + unreadPage, segment };
  }

  #row({ start, end, segment }: Unit, index: bigint): Line {
    const rows = (end - start + this.#perRow - 1n) / this.#perRow;
    const gone = segment !== undefined && segment.bytes === undefined;
    if (gone && rows > goneRows + 1n && index >= goneRows)
      return { kind: 'fold', address: start + goneRows * this.#perRow, head: false, segment, end };
    const address = start + index * this.#perRow;
    const behind = address + this.#perRow;
    return { kind: gone ? 'gone' : 'bytes', address, head: false, segment, end: behind < end ? behind : end };
  }
}
