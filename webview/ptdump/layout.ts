/** What of a region stands in its row, in the room that there is; where the columns have no room, a row is two lines. */

/** What has a column, and how wide each is. */
export interface Layout {
  /** Rows of two lines: the owner is below the address. */
  readonly tall: boolean;
  /** Whether ranges are told with their ends. */
  readonly ends: boolean;
  /** Whether the words that are no rights have a column. */
  readonly flags: boolean;
  readonly columns: string;
}

/** All widths in characters; none of a column that is empty in every row. */
export interface Needs {
  /** An address with its 0x. */
  readonly address: number;
  readonly rights: number;
  readonly flags: number;
}

const size = 7;
const level = 6;
const leastOwner = 20;
const leastFlags = 6;
/** Heads are wider than some of what stands below them. */
const leastRights = 7;

/** `room`: of a row, without its padding. */
export function layoutFor(room: number, { address, rights: words, flags: others }: Needs): Layout {
  const rights = words === 0 ? 0 : Math.max(leastRights, words);
  const flags = others === 0 ? 0 : Math.max(leastFlags, others);
  const choices = [
    { ends: true, flags: true },
    { ends: false, flags: true },
    { ends: false, flags: false },
  ] as const;
  for (const choice of choices) {
    const fixed = [(choice.ends ? 2 * address + 1 : address) + 1, size, rights, level];
    const taken = fixed.reduce((sum, width) => sum + width, choice.flags ? flags : 0);
    if (taken + leastOwner > room) continue;
    const columns = [...fixed, 'rest', choice.flags ? flags : 0].map(ch).join(' ');
    return { tall: false, ...choice, columns };
  }
  // Of two lines, the first has the address, the size and the rights; the second has the level, and the owner in what is left.
  return { tall: true, ends: false, flags: false, columns: [level, 'rest', size - 1, rights].map(ch).join(' ') };
}

function ch(width: number | string): string {
  return typeof width === 'number' ? `${width}ch` : 'minmax(0,1fr)';
}
