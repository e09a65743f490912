import { createHash } from 'node:crypto';

import type { Machine } from '../../debug-adapter/simulator/machine.ts';

/** Tells whether memory is the same to the byte. */
export function digestOf(machine: Machine): string {
  const hash = createHash('sha1');
  for (const { start, end } of machine.memory.ranges) {
    for (let frame = start / 4096; frame < end / 4096; frame++) hash.update(machine.memory.frame(frame) ?? '');
  }
  return hash.digest('hex');
}
