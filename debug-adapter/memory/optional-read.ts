/** Reads whose failure is an answer. */
import { MemoryFault } from '../base/errors.ts';

/** What `read` gives, or undefined where memory is missing. */
export function optionalRead<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof MemoryFault) return undefined;
    throw error;
  }
}
