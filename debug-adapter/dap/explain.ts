/** What a hover shows of addresses, in one answer: what each is, and how it is mapped. */
import * as v from 'valibot';
import { limits } from '../base/limits.ts';
import type { ExplainedFacts } from '../protocol/facts.ts';
import type { Adapter } from './adapter.ts';
import { atMost, check } from './check.ts';
import { hoverAddress } from './evaluation.ts';

const schema = v.looseObject({
  addresses: v.pipe(
    v.array(v.string('it is text')),
    atMost(() => limits.askedAddresses, 'addresses at once'),
  ),
  mm: v.optional(v.string()),
});

/** An answer for each text, in their order; null for one that is no address and names none. */
export function explain(adapter: Adapter, parameters: unknown): { results: readonly (ExplainedFacts | null)[] } {
  const { addresses, mm = adapter.mm } = check(schema, parameters);
  const { session } = adapter;
  const results = addresses.map((text) => {
    const address = hoverAddress(adapter, text.trim());
    return address === undefined ? null : { identify: session.identify(address, mm), walk: session.translate(address, mm) };
  });
  return { results };
}
