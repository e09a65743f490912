/** PAGEMAP_SCAN on a process, answered in a thread. */
import * as v from 'valibot';
import type { PagemapScanFacts } from '../protocol/facts.ts';
import type { Adapter, Call } from './adapter.ts';
import { check } from './check.ts';
import { tellProgress } from './progress.ts';

/** Numbers are taken for those who write JSON by hand; they become text. */
const value = v.optional(
  v.pipe(
    v.union([v.string(), v.pipe(v.number(), v.integer(), v.minValue(0))], 'it is text, or a number from 0'),
    v.transform((given) => String(given)),
  ),
);

const scanSchema = v.looseObject({
  pid: v.pipe(v.number(), v.integer(), v.minValue(0)),
  start: value,
  end: value,
  categoryMask: value,
  categoryInverted: value,
  categoryAnyofMask: value,
  returnMask: value,
  flags: value,
  maxPages: value,
  vecLen: value,
  vec: v.optional(v.boolean()),
  size: value,
});

/** Rejects with `UserError` for arguments of wrong shape, and with `Cancelled`. */
export async function pagemapScan(adapter: Adapter, parameters: unknown, call: Call): Promise<PagemapScanFacts> {
  const asked = check(scanSchema, parameters);
  const progress = tellProgress(adapter, call, 'Scanning pages');
  try {
    return await adapter.jobs.run('pagemapScan', asked, { cancellation: call.cancellation, progress: progress.report });
  } finally {
    progress.end();
  }
}
