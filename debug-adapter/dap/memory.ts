/** readMemory: the readable prefix, how far the next readable byte is, and why what is not there is missing; never zeros for it. */
import * as v from 'valibot';
import { addToAddress, formatAddress, parseAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { numberOf } from '../expression/value.ts';
import { evaluate } from '../expression/evaluate.ts';
import type { MemoryRead } from '../memory/hole.ts';
import { unreadableFacts } from '../session/unreadable-facts.ts';
import type { Adapter, Answer, Handler } from './adapter.ts';
import { check } from './check.ts';
import { expressionContext } from './evaluation.ts';

const schema = v.looseObject({
  memoryReference: v.string(),
  offset: v.optional(v.pipe(v.number(), v.integer('it is a whole number')), 0),
  /** Not of the protocol: an address space other than the session's. */
  mm: v.optional(v.string()),
  count: v.pipe(v.number(), v.integer('it is a whole number'), v.minValue(0, 'it is 0 or more')),
});

/** An answer holds the bytes as text, so that one buffer serves one after the other. */
const buffer = new Uint8Array(256 * 1024);

function readAgain(
  adapter: Adapter,
  at: { readonly address: Address; readonly count: number; readonly mm: string | undefined },
): MemoryRead {
  const bytes = buffer.subarray(0, at.count);
  return { bytes, holes: adapter.session.readVirtualInto(at.address, bytes, at.mm) };
}

function readMemory(adapter: Adapter, parameters: unknown): Answer {
  const { memoryReference, offset, count, mm = adapter.mm } = check(schema, parameters);
  const base =
    parseAddress(memoryReference) ??
    toAddress(numberOf(evaluate(memoryReference, expressionContext(adapter, 1)).value, adapter.session.memory(adapter.mm)));
  const address = addToAddress(base, offset);
  const { bytes, holes } =
    count <= buffer.length ? readAgain(adapter, { address, count, mm }) : adapter.session.readVirtual(address, count, mm);
  const [hole] = holes;
  const readable = hole === undefined ? bytes.length : hole.offset;
  // With nothing readable at the start, the answer is how many bytes to skip.
  const skip = hole?.offset === 0 ? hole.length : 0;
  const unreadableBytes = skip > 0 ? skip : (hole?.length ?? Math.max(0, count - bytes.length));
  return {
    body: {
      address: formatAddress(address),
      data: Buffer.from(bytes.subarray(0, readable)).toString('base64'),
      ...(unreadableBytes > 0 ? { unreadableBytes } : {}),
      // Not of the protocol: all holes of the range, as `read --json` tells them.
      unreadable: unreadableFacts(address, holes),
    },
  };
}

/** Handle `readMemory` through the page tables of the session's address space. */
export const memoryHandlers: Readonly<Record<string, Handler>> = { readMemory };
