/** Searches memory in a thread, with progress; hits are told in events as they are found, where the request names itself. */
import * as v from 'valibot';
import { formatAddress } from '../base/address.ts';
import { limits } from '../base/limits.ts';
import type { SearchFacts, SearchHitsEvent, SearchPatternFacts } from '../protocol/search.ts';
import type { Adapter, Call } from './adapter.ts';
import { check, hexSchema } from './check.ts';
import { tellProgress } from './progress.ts';

const hex = v.pipe(
  hexSchema,
  v.transform((address) => formatAddress(address)),
);
const whole = v.pipe(v.number(), v.integer('it is a whole number'), v.minValue(1, 'it is 1 or more'));

const patternSchema = v.looseObject({
  pattern: v.pipe(v.string('it is text'), v.minLength(1, 'it is empty')),
  string: v.optional(v.boolean()),
  size: v.optional(whole),
  mask: v.optional(hex),
  align: v.optional(whole),
});
const searchSchema = v.looseObject({
  ...patternSchema.entries,
  search: v.optional(v.string()),
  physical: v.optional(v.boolean()),
  mm: v.optional(v.string()),
  range: v.optional(v.object({ start: hex, end: hex })),
  limit: v.optional(v.pipe(whole, v.maxValue(limits.hits, `at most ${limits.hits} hits`))),
});

/** How a pattern would be understood. Throws `UserError` for one that is none. */
export function searchPattern(adapter: Adapter, parameters: unknown): SearchPatternFacts {
  return adapter.session.searchPattern(check(patternSchema, parameters));
}

/**
 * The hits that fit the limit, and whether there are more. Rejects with `UserError` for a pattern that is none, and with
 * `Cancelled`.
 */
export async function search(adapter: Adapter, parameters: unknown, call: Call): Promise<SearchFacts> {
  const { search: name, pattern, string, size, mask, align, physical, mm, range, limit } = check(searchSchema, parameters);
  const asked = { pattern, string, size, mask, align, physical, mm: mm ?? adapter.mm, range, limit };
  const progress = tellProgress(adapter, call, 'Searching memory');
  const found =
    name === undefined
      ? undefined
      : (hits: SearchHitsEvent['hits']): void => {
          adapter.sendEvent('pagewalk/searchHits', { search: name, hits } satisfies SearchHitsEvent);
        };
  try {
    return await adapter.jobs.run('search', asked, { cancellation: call.cancellation, progress: progress.report, found });
  } finally {
    progress.end();
  }
}
