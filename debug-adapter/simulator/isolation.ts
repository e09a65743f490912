/**
 * Page-table isolation (arch/x86/mm/pti.c): the user half of a root is the page behind it. It has a process's own entries,
 * and of the kernel what user mode needs to enter it: the entry text, CPU entry areas, espfix stacks.
 */
import { entryKind } from '../arch/paging-mode.ts';
import type { TableBuilder } from './table-builder.ts';
import { ensureEntry, pageOf } from './table-builder.ts';
import { kernelProtection } from './protection.ts';
import { userHalf } from './tables.ts';
import type { Tables } from './tables.ts';
import { cpuEntryArea, espfixArea, x8632Regions } from './x86-regions.ts';

/** pti_init(): what all user halves have of the kernel, in swapper_pg_dir's. */
export function buildUserHalf(builder: TableBuilder): void {
  const { configuration, memory, tables, image } = builder;
  const entryText = pageOf(memory.virtual(image.start('entry')));
  const middle = tables.last - 1;
  cloneEntry(builder, entryText, middle);
  if (builder.platform.architecture === 'x86-32') {
    cloneEntry(builder, pageOf(x8632Regions.cpuEntryArea), middle);
    return;
  }
  // pti_clone_p4d(): the entries of 512 GiB.
  const upper = (tables.levelOf('pud') ?? 1) - 1;
  cloneEntry(builder, pageOf(cpuEntryArea), upper);
  if (configuration.features.espfix) cloneEntry(builder, pageOf(espfixArea), upper);
  // pti_clone_user_shared(): the page with the TSS of each CPU, where system calls find room for a register.
  for (let cpu = 0; cpu < configuration.cpus; cpu++) {
    const address = builder.page();
    const entry = ensureUserEntry(builder, pageOf(memory.virtual(address)), tables.last);
    tables.setLeaf(tables.last, entry, { address, bits: kernelProtection.data });
  }
}

/** Makes the user half lead where the kernel's leads at `level`, with tables of its own above. */
function cloneEntry(builder: TableBuilder, page: number, level: number): void {
  const { tables, root } = builder;
  tables.copyEntry(ensureUserEntry(builder, page, level), tables.walk(root, page, level).at);
}

/** As `ensureEntry`, in the user half of the root. */
function ensureUserEntry(builder: TableBuilder, page: number, level: number): number {
  return ensureEntry({ ...builder, root: builder.root + userHalf }, page, level);
}

/**
 * The kernel's part of the user half of a new process's root: swapper_pg_dir's entries (clone_pgd_range), with PAE by way of
 * a PMD table of its own (pgd_prepopulate_user_pmd). `newTable` gives an empty page.
 */
export function fillUserHalf(
  tables: Tables,
  of: {
    readonly root: number;
    readonly reference: number;
    readonly entries: { readonly first: number; readonly end: number };
    readonly ownPmds: boolean;
    readonly newTable: () => number;
  },
): void {
  const { root, reference, entries } = of;
  for (let index = entries.first; index < entries.end; index++) {
    const from = reference + userHalf + index * 8;
    const to = root + userHalf + index * 8;
    if (!of.ownPmds || tables.kind(0, from) !== entryKind.table) {
      tables.copyEntry(to, from);
      continue;
    }
    const table = of.newTable();
    tables.memory.copy(table, tables.tableAt(0, from), 4096);
    tables.setTable(0, to, { table, user: false });
  }
}
