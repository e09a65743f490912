/** How many entries of the kernel's arrays of NUMA nodes are looked at. */
import { limits } from '../base/limits.ts';
import type { Kernel } from './kernel.ts';

/** Of an array that claims `length` entries, or does not tell; one that claims more than any kernel has is told as a warning. */
export function nodeCount(kernel: Kernel, length: number | undefined): number {
  if (length !== undefined && length > limits.nodes)
    kernel.warn(`an array of NUMA nodes claims ${length} of them; the first ${limits.nodes} are looked at`);
  return Math.min(length ?? limits.nodes, limits.nodes);
}
