/** Targets whose input is a file or a stream: real bytes, damaged. */
import { mutate } from '../builders/mutations.ts';
import type { PreparedTarget } from './target.ts';

/** Each seed damages one of `originals`, of which there is one at least, and `attempt` is given what came of it. */
export function damagedBytes(originals: readonly Uint8Array[], attempt: (input: Uint8Array, seed: number) => void): PreparedTarget {
  return {
    caseOf: (seed) => {
      const input = mutate(originals[seed % originals.length] ?? new Uint8Array(), seed);
      return {
        input,
        run: () => {
          attempt(input, seed);
        },
      };
    },
  };
}
