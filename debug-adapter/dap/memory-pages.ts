/** The pages of a range with their bytes, for views of memory. */
import * as v from 'valibot';
import { formatAddress } from '../base/address.ts';
import type { MemoryPagesFacts, TypeLayoutFacts } from '../protocol/memory-pages.ts';
import { unreadableFacts } from '../session/unreadable-facts.ts';
import type { Adapter } from './adapter.ts';
import { check, hexSchema } from './check.ts';

const pagesSchema = v.looseObject({
  address: hexSchema,
  count: v.pipe(v.number(), v.integer('it is a whole number'), v.minValue(1, 'it is 1 or more')),
  mm: v.optional(v.string()),
  physical: v.optional(v.boolean(), false),
});
const layoutSchema = v.looseObject({ type: v.pipe(v.string(), v.minLength(1, 'it is empty')) });

/** Bytes in base64, holes beside them. Throws `UserError` for arguments of wrong shape. */
export function memoryPages(adapter: Adapter, parameters: unknown): MemoryPagesFacts {
  const { address, count, mm = adapter.mm, physical } = check(pagesSchema, parameters);
  const { read, pages } = adapter.session.memoryPages(address, count, { mm, physical });
  const { littleEndian, pointerSize } = adapter.session.memory(mm);
  return {
    address: formatAddress(address),
    data: Buffer.from(read.bytes).toString('base64'),
    unreadable: unreadableFacts(address, read.holes),
    pages,
    pageSize: adapter.session.info().pageSize,
    littleEndian,
    pointerSize,
  };
}

/** Throws `UserError` for an unknown type. */
export function typeLayout(adapter: Adapter, parameters: unknown): TypeLayoutFacts {
  return adapter.session.typeLayout(check(layoutSchema, parameters).type);
}
