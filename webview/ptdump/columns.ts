/**
 * Where the kernel's words stand in a row: each at the place that its offset in the line gives it, in one of three columns.
 * Two dumps side by side share them, so that their words stand below each other.
 */
import { subjectOfWord } from '../../debug-adapter/protocol/ptdump-words.ts';

/** The columns that hold words of a line. */
export type Column = 'rights' | 'cache' | 'flags';

/** A word in its column, or the blanks in its place. */
export interface PlacedWord {
  readonly column: Column;
  /** Empty where the line has no word in this place. */
  readonly word: string;
  /** Characters of the place. */
  readonly width: number;
}

interface Slot {
  readonly offset: number;
  readonly column: Column;
  width: number;
}

/** Kernels print at most some fifteen words in columns of their own; with more, the columns are not fixed ones. */
const mostSlots = 40;

export class WordColumns {
  readonly #slots: Slot[] = [];
  /** Changes whenever a place is new or wider. */
  version = 0;

  get #fixed(): boolean {
    return this.#slots.length <= mostSlots;
  }

  add(offset: number, word: string): void {
    const found = this.#slots.find((slot) => slot.offset === offset);
    if (found === undefined) {
      this.#slots.push({ offset, column: columnOf(word), width: word.length });
      this.#slots.sort((one, other) => one.offset - other.offset);
    } else if (found.width < word.length) found.width = word.length;
    else return;
    this.version++;
  }

  place(attributes: readonly string[], offsets: readonly number[]): PlacedWord[] {
    if (!this.#fixed) return attributes.map((word) => ({ column: columnOf(word), word, width: word.length }));
    return this.#slots.map(({ offset, column, width }) => ({ column, word: attributes[offsets.indexOf(offset)] ?? '', width }));
  }

  /** Characters that each column needs. */
  widths(): Readonly<Record<Column, number>> {
    if (!this.#fixed) return { rights: 20, cache: 16, flags: 24 };
    const widths: Record<Column, number> = { rights: 0, cache: 0, flags: 0 };
    for (const { column, width } of this.#slots) widths[column] += width + 1;
    return widths;
  }
}

function columnOf(word: string): Column {
  const subject = subjectOfWord(word);
  return subject === 'rights' || subject === 'present' ? 'rights' : subject === 'cache' ? 'cache' : 'flags';
}
