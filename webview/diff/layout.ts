/** What of two dumps stands beside each other in the room that there is; where two halves have no room, both share one column. */

export interface Layout {
  /** Both sides in one column: what differs is told in its row. */
  readonly single: boolean;
  /** Without the blanks between words that are no rights. */
  readonly compact: boolean;
  /** Whether ranges are told with their ends. */
  readonly ends: boolean;
  readonly level: boolean;
  readonly owner: boolean;
  /** Columns of one side, or of both in one. */
  readonly columns: string;
}

/** All widths in characters. */
export interface Needs {
  /** An address with its 0x. */
  readonly address: number;
  /** The longest words of a line, each in its place. */
  readonly words: number;
  /** The longest, where they stand close together. */
  readonly compactWords: number;
  /** Whether anything may stand in the column of owners. */
  readonly owners: boolean;
}

const sign = 3;
const size = 7;
const level = 6;
const leastOwner = 14;
/** Edge and padding of a half, and of the single column. */
const around = 2.5;
/** Where both sides share a column: the sign stands in it, and no column is wider than it must be. */
const narrow = { sign: 1.6, size: 6, level: 6 };
/** What has changed in the words of a line, `NX→x`, takes more than they do. */
const changed = 4;

/** `room`: of the list. */
export function layoutFor(room: number, needs: Needs): Layout {
  const half = (room - sign) / 2 - around;
  const least = needs.owners ? leastOwner : 0;
  const range = 2 * needs.address + 2;
  const start = needs.address + 1;
  const choices: readonly { ends: boolean; compact: boolean; owner: boolean }[] = [
    { ends: true, compact: false, owner: needs.owners },
    { ends: false, compact: false, owner: needs.owners },
    { ends: false, compact: true, owner: needs.owners },
    { ends: false, compact: true, owner: false },
  ];
  for (const { ends, compact, owner } of choices) {
    const words = (compact ? needs.compactWords : needs.words) + 1;
    const fixed = [ends ? range : start, size, words];
    const taken = fixed.reduce((sum, width) => sum + width, level);
    if (taken + (owner ? least : 0) > half) continue;
    return { single: false, compact, ends, level: true, owner, columns: columnsOf(fixed, owner ? [level, 'rest'] : ['rest']) };
  }
  return inOne(room - around, { ...needs, range, start });
}

function inOne(room: number, needs: Needs & { readonly range: number; readonly start: number }): Layout {
  const words = needs.compactWords + changed;
  const rest = room - narrow.sign - needs.start - narrow.size - words;
  const withLevel = rest >= narrow.level;
  const owner = needs.owners && rest >= narrow.level + leastOwner;
  const ends = rest - (needs.range - needs.start) >= narrow.level + (owner ? leastOwner : 0);
  const fixed = [narrow.sign, ends ? needs.range : needs.start, narrow.size];
  const columns = columnsOf(withLevel ? [...fixed, words] : fixed, owner ? [narrow.level, 'rest'] : ['rest']);
  return { single: true, compact: true, ends, level: withLevel, owner, columns };
}

function columnsOf(fixed: readonly number[], last: readonly (number | 'rest')[]): string {
  return [...fixed, ...last].map((width) => (width === 'rest' ? 'minmax(0,1fr)' : `${width}ch`)).join(' ');
}
