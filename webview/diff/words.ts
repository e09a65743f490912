/** The kernel's words of a line, as a row of two dumps shows them. */
import type { Column, PlacedWord } from '../ptdump/columns.ts';
import type { RegionTable } from '../ptdump/table.ts';

const order: readonly Column[] = ['rights', 'cache', 'flags'];

/** In the order of the columns. Compact: only rights keep the places of words that a line lacks. */
export function wordsOf(table: RegionTable, kind: number, compact: boolean): PlacedWord[] {
  const placed = table.words(kind);
  const shown = order.flatMap((column) => placed.filter((word) => word.column === column));
  if (!compact) return shown;
  return shown
    .filter(({ column, word }) => column === 'rights' || word !== '')
    .map((word) => (word.column === 'rights' ? word : { ...word, width: word.word.length }));
}

/** Characters that compact words of any line of a table take. */
export function compactWidth(table: RegionTable): number {
  const lengths = table.kinds.map((_, kind) => wordsOf(table, kind, true).reduce((sum, { width }) => sum + width + 1, 0));
  return Math.max(0, ...lengths);
}

/** A word that both sides have, or what has become of it. */
export interface MergedWord {
  readonly text: string;
  readonly differs: boolean;
}

/** The words of both sides in one: `RW`, `NX→x`, `+PCD`, `−GLB`. Both tables share their columns. */
export function mergedWords(
  before: { readonly table: RegionTable; readonly kind: number },
  after: { readonly table: RegionTable; readonly kind: number },
): MergedWord[] {
  const [gone, come] = [before, after].map(({ table, kind }) => wordsOf(table, kind, false).map(({ word }) => word));
  if (gone === undefined || come === undefined) return [];
  const pairs =
    gone.length === come.length
      ? gone.map((word, at) => [word, come[at] ?? ''] as const)
      : [
          ...gone.map((word) => [word, come.includes(word) ? word : ''] as const),
          ...come.flatMap((word) => (gone.includes(word) ? [] : [['', word] as const])),
        ];
  return pairs.flatMap(([was, is]): MergedWord[] => {
    if (was === is) return was === '' ? [] : [{ text: was, differs: false }];
    return [{ text: was === '' ? `+${is}` : is === '' ? `−${was}` : `${was}→${is}`, differs: true }];
  });
}
