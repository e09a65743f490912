/** Pages of RAM by category, counted in a thread, with progress. */
import type { PageCategoriesFacts } from '../protocol/facts.ts';
import type { Adapter, Call } from './adapter.ts';
import { tellProgress } from './progress.ts';

/** Rejects with `Cancelled`, and with `UserError` where the dump cannot tell. */
export async function pageCategories(adapter: Adapter, _parameters: unknown, call: Call): Promise<PageCategoriesFacts> {
  const progress = tellProgress(adapter, call, 'Counting pages');
  try {
    return await adapter.jobs.run('pageCategories', {}, { cancellation: call.cancellation, progress: progress.report });
  } finally {
    progress.end();
  }
}
