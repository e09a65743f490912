/** Validation of what a client sends: messages name the argument and what it should be. */
import * as v from 'valibot';
import { parseAddress, toAddress, toPhysAddr } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** Checks `value` against a schema; the first problem becomes one sentence with the argument's path. */
export function check<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? '';
  throw errors.badArgument(`the argument${path === '' ? 's' : ` ${path}`} cannot be used: ${issue.message}`);
}

/** A list has no more elements than `bound` gives when it is checked; `what` they are, in the plural. */
export function atMost<List extends readonly unknown[]>(bound: () => number, what: string): v.CheckAction<List, () => string> {
  return v.check(
    (list) => list.length <= bound(),
    () => `at most ${bound()} ${what}`,
  );
}

/** What is asked in words of a language: texts that take long to be understood are refused before. */
export const expressionSchema = v.pipe(
  v.string(),
  v.check(
    ({ length }) => length <= limits.expressionCharacters,
    () => `it has more than ${limits.expressionCharacters} characters`,
  ),
);

/** A 64-bit address in its text form; gives an `Address`. */
export const hexSchema = v.pipe(
  v.string(),
  v.check((text) => parseAddress(text) !== undefined, 'an address is 0x and hexadecimal digits'),
  v.transform((text) => toAddress(parseAddress(text) ?? 0n)),
);

/** A physical address. */
export const physicalSchema = v.pipe(
  hexSchema,
  v.check((address) => address < 1n << 53n, 'physical addresses lie below 2^53'),
  v.transform((address) => toPhysAddr(address)),
);
