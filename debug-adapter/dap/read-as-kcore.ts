/** What a read of /proc/kcore would have given, for the client to set beside what memory holds. */
import * as v from 'valibot';
import { formatAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import type { KcoreReadFacts } from '../protocol/reads.ts';
import { unreadableFacts } from '../session/unreadable-facts.ts';
import type { Adapter } from './adapter.ts';
import { hexSchema } from './check.ts';

/** Arguments of `pagewalk/readAsKcore`: a virtual address and a number of bytes. */
export const kcoreSchema = v.looseObject({
  address: hexSchema,
  count: v.pipe(v.number(), v.integer('it is a whole number'), v.minValue(0, 'it is 0 or more')),
});

/** Bytes in base64, with the ranges in which memory holds something else. */
export function readAsKcore(adapter: Adapter, { address, count }: { readonly address: Address; readonly count: number }): KcoreReadFacts {
  const { bytes, holes, differences } = adapter.session.readAsKcore(address, count);
  const at = (offset: number): string => formatAddress(toAddress(BigInt.asUintN(64, address + BigInt(offset))));
  const range = ({ offset, length }: { offset: number; length: number }): { start: string; end: string } => ({
    start: at(offset),
    end: at(offset + length),
  });
  return {
    address: formatAddress(address),
    data: Buffer.from(bytes).toString('base64'),
    unreadable: unreadableFacts(address, holes),
    differences: differences.map((difference) => ({ ...range(difference), reason: difference.reason })),
  };
}
