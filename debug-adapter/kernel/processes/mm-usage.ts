/** How much memory an address space has: what ps calls VSZ and RSS (fs/proc/array.c, include/linux/mm.h: get_mm_rss). */
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import { knowsPerCpuAreas, perCpuAddress, possibleCpus } from '../per-cpu.ts';

/** What ps shows of a process's memory, in pages. */
export interface MmUsage {
  /** Pages of all areas. */
  readonly totalPages: number;
  /** Pages of files, of anonymous and of shared memory that are mapped now. */
  readonly residentPages: number;
}

/** MM_FILEPAGES, MM_ANONPAGES and MM_SHMEMPAGES of enum { … } in include/linux/mm_types_task.h. */
const residentCounters = [
  ['MM_FILEPAGES', 0],
  ['MM_ANONPAGES', 1],
  ['MM_SHMEMPAGES', 3],
] as const;

/** Throws `MemoryFault`. */
export function mmUsage(kernel: Kernel, mm: Address): MmUsage {
  const structs = kernel.structs('measuring an address space');
  const shape = structs.get('mm_struct');
  let resident = 0;
  for (const [name, usual] of residentCounters) {
    const index = Number(kernel.types?.enumerator(name) ?? usual);
    // An array of percpu_counter since 6.2, a struct of atomic counters before.
    if (shape.has(`rss_stat[${index}].count`) && shape.has(`rss_stat[${index}].counters`)) {
      resident += percpuCount(kernel, shape.address(mm, `rss_stat[${index}]`));
    } else if (shape.has(`rss_stat.count[${index}].counter`)) {
      resident += shape.number(mm, `rss_stat.count[${index}].counter`);
    }
  }
  return { totalPages: shape.number(mm, 'total_vm'), residentPages: Math.max(0, resident) };
}

/** percpu_counter_sum() of lib/percpu_counter.c; where the CPUs' parts are not known, percpu_counter_read(). */
function percpuCount(kernel: Kernel, counter: Address): number {
  const shape = kernel.structs('measuring an address space').get('percpu_counter');
  let sum = shape.number(counter, 'count');
  const counters = shape.pointer(counter, 'counters');
  if (counters === 0n || !knowsPerCpuAreas(kernel)) return sum;
  for (const cpu of possibleCpus(kernel)) sum += kernel.memory.i32(perCpuAddress(kernel, counters, cpu));
  return sum;
}
