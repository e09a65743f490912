/** How much of a toolbar's actions has room beside the menu that holds the others. */

/** How many of the actions are buttons, and whether these have words. */
export interface Shown {
  readonly count: number;
  readonly words: boolean;
}

/** Pixels of a button without words, with the gap before it. */
const iconButton = 22 + 6;
/** Between an icon and its words, and around them. */
const aroundWords = 12;

/** `room`: pixels; `widths`: of the words of each, 0 where it has none. */
export function shownActions(room: number, widths: readonly number[]): Shown {
  const withWords = widths.reduce((sum, width) => sum + iconButton + (width === 0 ? 0 : width + aroundWords), 0);
  if (withWords <= room) return { count: widths.length, words: true };
  if (widths.length * iconButton <= room) return { count: widths.length, words: false };
  // The menu's button is one of them.
  return { count: Math.max(0, Math.floor(room / iconButton) - 1), words: false };
}
