/** The virtual addresses of physical ones, found in a thread: the first request reads the page tables, with progress. */
import { limits } from '../base/limits.ts';
import * as v from 'valibot';
import { formatAddress } from '../base/address.ts';
import type { ReverseMapFacts } from '../protocol/facts.ts';
import type { Adapter, Call } from './adapter.ts';
import { atMost, check, physicalSchema } from './check.ts';
import { tellProgress } from './progress.ts';

const reverseMapSchema = v.looseObject({
  physical: v.pipe(
    v.array(
      v.pipe(
        physicalSchema,
        v.transform((address) => formatAddress(address)),
      ),
      'it is a list of physical addresses',
    ),
    v.minLength(1, 'it names no address'),
    atMost(() => limits.askedFrames, 'addresses at once'),
  ),
  all: v.optional(v.boolean(), false),
});

/** Rejects with `UserError` for arguments of wrong shape, and with `Cancelled`. */
export async function reverseMap(adapter: Adapter, parameters: unknown, call: Call): Promise<ReverseMapFacts> {
  const { physical, all } = check(reverseMapSchema, parameters);
  const progress = tellProgress(adapter, call, 'Searching page tables');
  try {
    return await adapter.jobs.run('reverseMap', { physical, all }, { cancellation: call.cancellation, progress: progress.report });
  } finally {
    progress.end();
  }
}
