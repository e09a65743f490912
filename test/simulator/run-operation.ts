/** Operations that give an address or a number. */
import assert from 'node:assert/strict';
import type { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { Arguments } from '../../debug-adapter/simulator/operation.ts';

export function run(machine: Machine, name: string, given: Arguments = {}): bigint {
  const value = machine.run(name, given);
  assert.equal(typeof value, 'bigint');
  return value as bigint;
}
