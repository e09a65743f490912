/** Single lines of a kernel log that say something is wrong with memory, outside of any report. Knows text only. */
import { withoutStamp } from './kernel-reports.ts';
import type { KernelReport } from './kernel-reports.ts';

/** A line, counted from 0, and what it says. */
export interface KernelRemark {
  readonly line: number;
  /** The line without its time stamp. */
  readonly text: string;
  readonly severity: KernelReport['severity'];
}

const remarks: readonly (readonly [RegExp, KernelReport['severity']])[] = [
  // pgd_ERROR() and its like (mm/pgtable-generic.c): `mm/pgtable-generic.c:51: bad pmd 00000000d1ca2b1a(0000000000000067)`
  [/\bbad (?:pgd|p4d|pud|pmd|pte) (?:\(?_*ptrval_*\)?|[0-9a-f]+)\b/, 'error'],
  // arch/x86/mm/fault.c: pgtable_bad()
  [/: Corrupted page table at address [0-9a-f]+/, 'error'],
  [/^Bad pagetable: /, 'error'],
  // mm/swapfile.c: _swap_info_get(), get_swap_device()
  [/^(?:\w+: )?(?:\w+: )?Bad swap (?:file|offset) entry /, 'error'],
  // mm/vmalloc.c: __vmalloc_node_range(), __vmalloc_area_node(); before 5.13 `vmalloc: allocation failure`
  [/\bvmalloc error: size \d+/, 'error'],
  [/\bvmalloc: allocation failure\b/, 'error'],
  // mm/vmalloc.c: alloc_vmap_area()
  [/^vmap allocation for size \d+ failed/, 'error'],
  [/^vmalloc_node_range for size \d+ failed/, 'error'],
  // mm/ptdump.c, arch/*/mm: ptdump_check_wx()
  [/\bChecked W\+X mappings: (?:FAILED|failed), [1-9]\d* W\+X pages found/, 'warning'],
  // mm/page_alloc.c: warn_alloc(); mm/oom_kill.c: __oom_kill_process()
  [/: page allocation failure: order:\d+/, 'warning'],
  [/^(?:Memory cgroup out|Out) of memory: Killed process \d+/, 'warning'],
];

/** In the order of the log, without what a report begins with. */
export function remarksOf(lines: readonly string[], reports: readonly KernelReport[]): KernelRemark[] {
  const heads = new Set(reports.map(({ line }) => line));
  return lines.flatMap((full, line): KernelRemark[] => {
    if (heads.has(line)) return [];
    const text = withoutStamp(full).trim();
    const severity = remarks.find(([pattern]) => pattern.test(text))?.[1];
    return severity === undefined ? [] : [{ line, text, severity }];
  });
}
