/** The page table of a process. */
import type { Address } from '../../base/address.ts';
import { PageTable } from '../../pagetable/page-table.ts';
import type { Kernel } from '../kernel.ts';
import { pgdOf } from './mm.ts';

/** Of the mm_struct at `mm`, in the paging mode of its root. Throws `MemoryFault` where mm->pgd cannot be read. */
export function processTable(kernel: Kernel, mm: Address): PageTable {
  const root = pgdOf(kernel, mm);
  const mode = kernel.root.modeOfRoot?.(root) ?? kernel.root.mode;
  return new PageTable(kernel.physical, mode, root, { half: 'user', kernel: kernel.root.pageTable });
}
