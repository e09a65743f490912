/** Seconds that this process has had of the processors, all its threads with the garbage collector's: what else runs counts less. */
import { cpuUsage } from 'node:process';

export function processorSeconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}
