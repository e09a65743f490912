/** What is wrong in the image, found in a thread, with progress. */
import * as v from 'valibot';
import type { FindingsFacts } from '../protocol/facts.ts';
import type { Adapter, Call } from './adapter.ts';
import { check } from './check.ts';
import { tellProgress } from './progress.ts';

const findingsSchema = v.looseObject({ mm: v.optional(v.string()) });

/** Rejects with `UserError` for arguments of wrong shape, and with `Cancelled`. */
export async function findings(adapter: Adapter, parameters: unknown, call: Call): Promise<FindingsFacts> {
  const { mm } = check(findingsSchema, parameters);
  const progress = tellProgress(adapter, call, 'Checking page tables');
  try {
    return await adapter.jobs.run('findings', { mm }, { cancellation: call.cancellation, progress: progress.report });
  } finally {
    progress.end();
  }
}
