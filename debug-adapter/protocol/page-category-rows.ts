/** The categories of pages in the order and with the words in which they are shown. */
import type { PageCategoriesFacts } from './facts.ts';

/** A row of the table that `pages` prints. */
export interface PageCategoryRow {
  readonly category: string;
  readonly pages: number;
  /** The bit of makedumpfile's dump level that leaves them out; or whether every level keeps them, or leaves them out. */
  readonly level: 1 | 2 | 4 | 8 | 16 | 'kept' | 'left out' | 'unknown';
}

/** Those of makedumpfile's table always; of the others, those that there are. */
export function pageCategoryRows({ categories, hwpoison, offline, holes }: PageCategoriesFacts): PageCategoryRow[] {
  const others: PageCategoryRow[] = [
    { category: 'hardware error', pages: hwpoison, level: 'left out' },
    { category: 'offline', pages: offline, level: 'left out' },
    { category: 'struct page missing', pages: holes, level: 'unknown' },
  ];
  return [
    { category: 'pages of zeros', pages: categories.zero, level: 1 },
    { category: 'cache without private', pages: categories.cache, level: 2 },
    { category: 'cache with private', pages: categories.cachePrivate, level: 4 },
    { category: 'user', pages: categories.user, level: 8 },
    { category: 'free', pages: categories.free, level: 16 },
    { category: 'kernel data', pages: categories.kernel, level: 'kept' },
    ...others.filter(({ pages }) => pages > 0),
  ];
}
