/** A session on a simulated machine as it is now: the same engine that opens dumps. */
import { openKernel } from '../../debug-adapter/kernel/opening/open-kernel.ts';
import { Session } from '../../debug-adapter/session/session.ts';
import type { Machine } from '../../debug-adapter/simulator/machine.ts';

export function sessionOf(machine: Machine): Session {
  const { image } = machine;
  return new Session(image, openKernel(image, { symbols: undefined, types: undefined }));
}
