/**
 * The lines of one dump by column: addresses as page numbers, and what a line says of rights, level and cache kept once for
 * all lines that say the same, so that a million lines can be filtered between two frames.
 */
import { isExecutable, isWritable } from '../../debug-adapter/protocol/ptdump-words.ts';
import type { PtdumpLine } from '../../debug-adapter/protocol/requests.ts';
import { WordColumns } from './columns.ts';
import type { Column, PlacedWord } from './columns.ts';

/** From the most to the least dangerous. */
export const rightsClasses = ['wx', 'w', 'x', 'ro', 'hole'] as const;
/** How dangerous the rights of a line are, for its colour. */
export type Rights = (typeof rightsClasses)[number];

/** What lines have in common that differ in their addresses only. */
export interface LineKind {
  readonly level: string;
  readonly attributes: readonly string[];
  readonly present: boolean;
  readonly rights: Rights;
  /** Offset in the line of each attribute. */
  readonly offsets: readonly number[];
}

const narrowPages = 2 ** 20;
const widePages = 2 ** 52;

/** Page number of `0x…`, exact below 2^64; every architecture's page tables map whole pages of 4 KiB or more. */
export function pageOf(hex: string): number {
  return hex.length <= 5 ? 0 : Number.parseInt(hex.slice(2, -3), 16);
}

/** The address of a page (address / 4096). */
export function hexOfPage(page: number): string {
  return page === 0 ? '0x0' : `0x${page.toString(16)}000`;
}

/** As the kernel prints it: the largest unit that leaves no fraction. */
export function sizeText(pages: number): string {
  let size = pages * 4;
  let unit = 0;
  while (size % 1024 === 0 && size > 0 && unit < 5) {
    size /= 1024;
    unit++;
  }
  return `${size}${'KMGTPE'[unit] ?? ''}`;
}

/** Longest size that stands in a list's column as the kernel prints it. */
const widestSize = 6;

/** A size for a narrow column: what would not fit, as most sizes of holes, is rounded to the largest unit and says so. */
export function shortSize(pages: number): string {
  const exact = sizeText(pages);
  if (exact.length <= widestSize) return exact;
  let size = pages * 4;
  let unit = 0;
  for (; size >= 1000 && unit < 5; unit++) size /= 1024;
  return `≈${size.toPrecision(3)}${'KMGTPE'[unit] ?? ''}`;
}

/** The name within a marker's dashes; other text as it is. */
export function markerName(text: string): string {
  return /^---\[ (.*) \]---$/.exec(text)?.[1] ?? text;
}

/** What is mapped of the lines below a marker. */
interface Group {
  regions: number;
  pages: number;
  writableExecutable: number;
}

const emptyGroup: Readonly<Group> = { regions: 0, pages: 0, writableExecutable: 0 };

/** What a list shows of the words of a line. */
interface Cells {
  readonly rights: string;
  readonly flags: string;
}

export class RegionTable {
  readonly texts: string[] = [];
  readonly startPages: number[] = [];
  readonly endPages: number[] = [];
  /** Index in `kinds`; -1 of marker lines. */
  readonly kindOf: number[] = [];
  readonly kinds: LineKind[] = [];
  /** Lines that are markers, ascending. */
  readonly markers: number[] = [];
  readonly owners = new Map<number, string>();
  /** By their markers. */
  readonly #groups = new Map<number, Group>();
  #group: Group = { ...emptyGroup };
  readonly #kindIndex = new Map<string, number>();
  readonly #columns: WordColumns;
  readonly #cells = new Map<number, Cells>();
  #cellsVersion = 0;
  regions = 0;
  writableExecutable = 0;

  constructor(columns = new WordColumns()) {
    this.#columns = columns;
  }

  get length(): number {
    return this.texts.length;
  }

  add(line: PtdumpLine): void {
    const { text, region, marker } = line;
    if (region === null) {
      // Ascending whatever a damaged layout says: lines are found by bisection.
      const page = Math.max(pageOf(marker ?? '0x0'), this.endPages.at(-1) ?? 0);
      this.markers.push(this.texts.length);
      this.#group = { ...emptyGroup };
      this.#groups.set(this.texts.length, this.#group);
      this.#push(text, page, page, -1);
      return;
    }
    const start = pageOf(region.start);
    const end = pageOf(region.end);
    const kind = this.#kindOf(text, region);
    this.regions++;
    const behind = end === 0 ? (start < narrowPages ? narrowPages : widePages) : end;
    if (region.present) {
      this.#group.regions++;
      this.#group.pages += behind - start;
    }
    if (this.kinds[kind]?.rights === 'wx') {
      this.writableExecutable++;
      this.#group.writableExecutable++;
    }
    this.#push(text, start, behind, kind);
  }

  /** What is mapped below a marker. */
  group(marker: number): Readonly<Group> {
    return this.#groups.get(marker) ?? emptyGroup;
  }

  #push(text: string, start: number, end: number, kind: number): void {
    this.texts.push(text);
    this.startPages.push(start);
    this.endPages.push(end);
    this.kindOf.push(kind);
  }

  #kindOf(text: string, region: NonNullable<PtdumpLine['region']>): number {
    const key = `${region.level} ${region.present ? 1 : 0} ${region.attributes.join('\t')}`;
    const known = this.#kindIndex.get(key);
    if (known !== undefined) return known;
    const writes = isWritable(region.attributes);
    const executes = isExecutable(region.attributes);
    const rights = !region.present ? 'hole' : writes && executes ? 'wx' : writes ? 'w' : executes ? 'x' : 'ro';
    const offsets = offsetsOf(text, region.attributes);
    const index = this.kinds.length;
    this.kinds.push({ level: region.level, attributes: region.attributes, present: region.present, rights, offsets });
    this.#kindIndex.set(key, index);
    region.attributes.forEach((word, at) => {
      this.#columns.add(offsets[at] ?? 0, word);
    });
    return index;
  }

  /** The kernel's words of a kind of line, each in its place. */
  words(kind: number): PlacedWord[] {
    const facts = this.kinds[kind];
    return facts === undefined ? [] : this.#columns.place(facts.attributes, facts.offsets);
  }

  /** The rights, each word in its place; the other words one after the other. */
  cells(kind: number): Cells {
    if (this.#cellsVersion !== this.#columns.version) {
      this.#cellsVersion = this.#columns.version;
      this.#cells.clear();
    }
    const known = this.#cells.get(kind);
    if (known !== undefined) return known;
    const words = this.words(kind);
    const cells = {
      rights: words.flatMap(({ column, word, width }) => (column === 'rights' ? [word.padEnd(width)] : [])).join(' '),
      flags: (['cache', 'flags'] as const)
        .flatMap((of) => words.flatMap(({ column, word }) => (column === of && word !== '' ? [word] : [])))
        .join(' '),
    };
    this.#cells.set(kind, cells);
    return cells;
  }

  /** Characters that each column of words needs. */
  widths(): Readonly<Record<Column, number>> {
    return this.#columns.widths();
  }

  /** Characters that the words beside the rights need at most. */
  flagsWidth(): number {
    return Math.max(0, ...this.kinds.map((_, kind) => this.cells(kind).flags.length));
  }

  kind(line: number): LineKind | undefined {
    return this.kinds[this.kindOf[line] ?? -1];
  }

  isMarker(line: number): boolean {
    return this.kindOf[line] === -1;
  }

  isHole(line: number): boolean {
    return this.kind(line)?.present === false;
  }

  pages(line: number): number {
    return (this.endPages[line] ?? 0) - (this.startPages[line] ?? 0);
  }

  /** `0x…-0x…` as the kernel printed it. */
  range(line: number): string {
    return /^\S+/.exec(this.texts[line] ?? '')?.[0] ?? '';
  }

  start(line: number): string {
    return hexOfPage(this.startPages[line] ?? 0);
  }

  /** The marker that a line stands under, or -1. */
  markerOf(line: number): number {
    let low = 0;
    let high = this.markers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.markers[middle] ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    return this.markers[low - 1] ?? -1;
  }

  /** First line behind those under a marker. */
  endOfGroup(marker: number): number {
    return this.markers[this.markers.indexOf(marker) + 1] ?? this.length;
  }

  /** The region that holds a page; -1 where none does. Lines ascend by address, markers among them. */
  lineAt(page: number): number {
    let line = this.firstFrom(page);
    while (line < this.length && this.isMarker(line)) line++;
    return line < this.length && (this.startPages[line] ?? 0) <= page ? line : -1;
  }

  /** First line that ends behind `page`. */
  firstFrom(page: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.endPages[middle] ?? 0) <= page) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  levels(): string[] {
    return [...new Set(this.kinds.map(({ level }) => level))];
  }

  allWords(): string[] {
    return [...new Set(this.kinds.flatMap(({ attributes }) => attributes))];
  }
}

function offsetsOf(text: string, attributes: readonly string[]): number[] {
  let from = /^\S+/.exec(text)?.[0].length ?? 0;
  return attributes.map((word) => {
    for (let at = text.indexOf(word, from); at >= 0; at = text.indexOf(word, at + 1)) {
      const behind = text[at + word.length];
      if (text[at - 1] !== ' ' || (behind !== undefined && behind !== ' ')) continue;
      from = at + word.length;
      return at;
    }
    return from;
  });
}
