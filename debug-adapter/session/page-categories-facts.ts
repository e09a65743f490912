/** The page-category table of a dump, with what is to be known about its counts. */
import type { LongWork } from '../base/cancellation.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { countPages } from '../kernel/pages/page-categories.ts';
import type { PageCategoriesFacts } from '../protocol/facts.ts';

/** Throws `UserError` where struct pages cannot be found or understood, and `Cancelled`. */
export function pageCategoriesFacts(kernel: Kernel, options: LongWork): PageCategoriesFacts {
  const { total, holes, memoryHoles, categories, ...notes } = countPages(kernel, options);
  const { zero, cache, cachePrivate, user, free, kernel: kept, hwpoison, offline } = categories;
  const warnings: string[] = [];
  if (holes > 0) {
    warnings.push(`${pages(holes)} of ${total}: their struct pages are not in the dump, so they are in none of the categories`);
  }
  if (notes.unreadable > 0) {
    warnings.push(`${pages(notes.unreadable)} counted as kernel data: their bytes are not in the dump, so some of them may be zero`);
  }
  if (notes.takenForSlab > 0) {
    warnings.push(
      `${pages(notes.takenForSlab)} of user data counted as makedumpfile counts them, as cache or kernel data: it takes another flag of theirs (bit 7 of page.flags, PG_waiters in most kernels) for PG_slab`,
    );
  }
  return {
    total,
    holes,
    categories: { zero, cache, cachePrivate, user, free, kernel: kept },
    hwpoison,
    offline,
    pageSize: kernel.pageSize,
    memoryHoles,
    warnings,
  };
}

function pages(count: number): string {
  return count === 1 ? '1 page' : `${count} pages`;
}
