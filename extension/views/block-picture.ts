/** The pages of a vmap_block as a small picture for a tooltip, with the same in words. */
import type { VmallocBlockFacts } from '../../debug-adapter/protocol/vmalloc.ts';

const columns = 64;
const cell = 6;
/** Colours that can be told from each other, and from the tooltip, in every theme; the shapes differ too. */
const shapes: Readonly<Record<'used' | 'dirty' | 'free', (x: number, y: number) => string>> = {
  used: (x, y) => `<rect x="${x}" y="${y}" width="5" height="5" fill="#c8a13a"/>`,
  dirty: (x, y) => `<path d="M${x} ${y}h5v5z" fill="#c4572e"/>`,
  free: (x, y) => `<rect x="${x + 0.5}" y="${y + 0.5}" width="4" height="4" fill="none" stroke="#808080"/>`,
};
const mostPages = 4096;

/** An SVG document; undefined where the kernel does not record which pages are used. */
export function blockPicture({ used, pages, free }: VmallocBlockFacts): string | undefined {
  if (used === null || pages <= 0 || pages > mostPages) return undefined;
  let drawn = '';
  for (let page = 0; page < pages; page++) {
    const state = used.some(([first, count]) => page >= first && page < first + count) ? 'used' : page < pages - free ? 'dirty' : 'free';
    drawn += shapes[state]((page % columns) * cell, Math.floor(page / columns) * cell);
  }
  const height = Math.ceil(pages / columns) * cell;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${columns * cell}" height="${height}">${drawn}</svg>`;
}
