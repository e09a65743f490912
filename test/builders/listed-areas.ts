/** Areas of a process in the list that kernels before 6.1 have: mm_struct's first and each area's next, in 64-bit words. */
import type { PlainKernel } from './plain-kernel.ts';

/** Tells the kernel these layouts. */
export function listedAreas(kernel: PlainKernel): void {
  kernel.struct('mm_struct', 16, { mmap: [0, 8] });
  kernel.struct('vm_area_struct', 64, {
    vm_start: [0, 8],
    vm_end: [8, 8],
    vm_next: [16, 8],
    vm_flags: [24, 8],
    vm_pgoff: [32, 8],
    vm_file: [40, 8],
    vm_ops: [48, 8],
  });
}
