/** Processes: their root tables, mm_structs and tasks (kernel/fork.c, arch/x86/mm/pgtable.c:pgd_alloc). */
import { entryKind } from '../arch/paging-mode.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { fillUserHalf } from './isolation.ts';
import { releaseLdt } from './ldt.ts';
import { userHalf } from './tables.ts';
import { addTask, findTask, removeTask } from './task.ts';
import { areasOf, setAreas } from './vma-tree.ts';

/** MM_FILEPAGES and so on (include/linux/mm_types_task.h). */
export const residentPages = { file: 0, anonymous: 1, swapped: 2, shmem: 3 } as const;

/** The mm of a process. Throws `Fault`. */
export function mmOf(core: Core, pid: number): number {
  const task = findTask(core, pid);
  if (task === undefined) throw new Fault('errno', `no process has PID ${pid}`, { errno: 'ESRCH' });
  const mm = core.memory.pointer(task + core.types.offset('task_struct', 'mm'));
  if (mm === 0) throw new Fault('errno', `process ${pid} is a kernel thread and has no memory of its own`, { errno: 'ESRCH' });
  return mm;
}

/** Physical address of the root table, from mm_struct.pgd. */
export function rootOfMm(core: Core, mm: number): number {
  return core.memory.pointer(mm + core.types.offset('mm_struct', 'pgd'));
}

/** Physical address of a process's root table; that of init_mm for PID 0. Throws `Fault` where there is no such process. */
export function rootOfProcess(core: Core, pid: number): number {
  return pid === 0 ? core.root : rootOfMm(core, mmOf(core, pid));
}

/** Adds to a counter of resident pages. */
export function countPages(core: Core, mm: number, of: { readonly counter: number; readonly by: number }): void {
  const at = mm + core.types.offset('mm_struct', `rss_stat[${of.counter}].count`);
  core.memory.setU32(at, (core.memory.u32(at) + of.by) >>> 0);
}

/** A page for a process's table, marked as one. */
export function newTable(core: Core, mm: number): number {
  const frame = core.pages.takeZeroed();
  core.pages.setType(frame, 'table');
  const at = mm + core.types.offset('mm_struct', 'pgtables_bytes');
  core.memory.setWord(at, core.memory.word(at) + 4096);
  return frame * 4096;
}

/** Gives a table's page back and takes it off the process's account (mm_struct.pgtables_bytes). */
export function freeTable(core: Core, mm: number, table: number): void {
  core.pages.give(table / 4096);
  const at = mm + core.types.offset('mm_struct', 'pgtables_bytes');
  core.memory.setWord(at, core.memory.word(at) - 4096);
}

/** A new process with an empty address space; its PID. `parent`: the PID of the one that made it. */
export function* createProcess(core: Core, comm: string, parent: number): Steps<number> {
  core.enter('copy_process', () => ({ comm, parent: BigInt(parent) }));
  try {
    const { memory, types } = core;
    const parentTask = findTask(core, parent);
    if (parentTask === undefined) throw new Fault('errno', `no process has PID ${parent}`, { errno: 'ESRCH' });
    yield core.step(() => 'allocate the mm_struct');
    const mm = core.caches.mm_struct.take();
    const member = (path: string): number => mm + types.offset('mm_struct', path);
    memory.setU32(member('mm_users'), 1);
    memory.setU32(member('mm_count'), 1);
    memory.setPage(member('task_size'), core.platform.userEnd);
    memory.setPage(member('mmap_base'), core.platform.userEnd - 0x1_0000);
    memory.listAddTail(member('mmlist'), core.symbol('init_mm') + types.offset('mm_struct', 'mmlist'));
    for (let counter = 0; counter < 4; counter++) memory.setLong(member(`rss_stat[${counter}].counters`), core.zeroCounter);
    yield* pgdAlloc(core, mm);
    const next = core.symbol('simulated_pid');
    const pid = memory.u32(next);
    memory.setU32(next, pid + 1);
    yield core.step(() => `put task ${pid} on the list of tasks`);
    addTask(core, { at: core.caches.task_struct.take(), pid, comm, mm, parent: parentTask, cpu: core.cpu });
    return pid;
  } finally {
    core.leave();
  }
}

/** pgd_alloc(): the root, with the kernel's entries, and on pgd_list where others must be kept in step with init_mm. */
function* pgdAlloc(core: Core, mm: number): Steps {
  core.enter('pgd_alloc', () => ({ mm: core.memory.virtual(mm) }));
  try {
    const { memory, tables, platform, configuration, types } = core;
    const { kernelEntries, kernelPmds } = platform;
    const small = kernelPmds === 'shared';
    const order = configuration.pti && platform.architecture !== 'arm64' && !small ? 1 : 0;
    yield core.step(() => 'allocate the root table');
    const root = small ? core.caches.pgd_cache.take() : core.pages.takeZeroed(order) * 4096;
    memory.setPointer(mm + types.offset('mm_struct', 'pgd'), root);
    if (kernelEntries === undefined) return;
    if (kernelPmds === 'none') {
      yield core.step(() => `copy entries ${kernelEntries.first} to ${kernelEntries.end - 1} of swapper_pg_dir`);
      for (let index = kernelEntries.first; index < kernelEntries.end; index++) tables.copyEntry(root + index * 8, core.root + index * 8);
    } else {
      // A PAE root is read when it is loaded: its tables must be there.
      for (let index = 0; index < kernelEntries.first; index++) {
        yield core.step(() => `write pgd entry ${index}: a pmd table for user addresses`);
        tables.setTable(0, root + index * 8, { table: newTable(core, mm), user: true });
      }
      for (let index = kernelEntries.first; index < kernelEntries.end; index++) {
        const kernel = tables.tableAt(0, core.root + index * 8);
        if (kernelPmds === 'shared') tables.copyEntry(root + index * 8, core.root + index * 8);
        else {
          yield core.step(() => `write pgd entry ${index}: a copy of the kernel's pmd table`);
          const copy = newTable(core, mm);
          memory.copy(copy, kernel, 4096);
          tables.setTable(0, root + index * 8, { table: copy, user: false });
        }
      }
    }
    if (small) return;
    if (order === 1) {
      yield core.step(() => 'fill the user half of the root');
      fillUserHalf(tables, {
        root,
        reference: core.root,
        entries: kernelEntries,
        ownPmds: kernelPmds === 'copied',
        newTable: () => newTable(core, mm),
      });
    }
    const page = core.pages.pageAt(root / 4096);
    memory.setPointer(page + types.offset('ptdesc', 'pt_mm'), mm);
    memory.listAdd(page + types.offset('ptdesc', 'pt_list'), core.symbol('pgd_list'));
  } finally {
    core.leave();
  }
}

/** Ends a process whose areas are unmapped already. */
export function* endProcess(core: Core, pid: number): Steps {
  core.enter('do_exit', () => ({ pid: BigInt(pid) }));
  try {
    const { memory, types, platform, configuration } = core;
    const mm = mmOf(core, pid);
    const task = findTask(core, pid) ?? 0;
    const root = rootOfMm(core, mm);
    yield core.step(() => 'free the page tables');
    if (areasOf(core, mm).length > 0) setAreas(core, mm, []);
    releaseLdt(core, {
      mm,
      root,
      freeTable: (table) => {
        freeTable(core, mm, table);
      },
    });
    freeTables(core, mm, { level: 0, table: root });
    if (configuration.pti && platform.kernelPmds === 'copied') freeUserPmds(core, mm, root);
    const small = platform.kernelPmds === 'shared';
    if (platform.kernelEntries !== undefined && !small)
      memory.listDelete(core.pages.pageAt(root / 4096) + types.offset('ptdesc', 'pt_list'));
    if (small) core.caches.pgd_cache.give(root);
    else core.pages.give(root / 4096, configuration.pti && platform.architecture !== 'arm64' ? 1 : 0);
    memory.listDelete(mm + types.offset('mm_struct', 'mmlist'));
    yield core.step(() => `take task ${pid} off the list of tasks`);
    core.caches.mm_struct.give(mm);
    removeTask(core, task);
  } finally {
    core.leave();
  }
}

/** The PMD tables of the kernel's part of a PAE root's user half. */
function freeUserPmds(core: Core, mm: number, root: number): void {
  const { tables, platform } = core;
  for (let index = platform.kernelEntries?.first ?? 0; index < (platform.kernelEntries?.end ?? 0); index++) {
    const at = root + userHalf + index * 8;
    if (tables.kind(0, at) === entryKind.table) freeTable(core, mm, tables.tableAt(0, at));
  }
}

/** Tables for user addresses, and a PAE process's own kernel PMDs. */
function freeTables(core: Core, mm: number, of: { readonly level: number; readonly table: number }): void {
  const { tables, platform } = core;
  const { level, table } = of;
  let end = tables.entries(level);
  if (level === 0 && platform.kernelEntries !== undefined && platform.kernelPmds !== 'copied') end = platform.kernelEntries.first;
  for (let index = 0; index < end; index++) {
    const at = table + index * 8;
    if (level === tables.last || tables.kind(level, at) !== entryKind.table) continue;
    const below = tables.tableAt(level, at);
    const isKernel = level === 0 && platform.kernelEntries !== undefined && index >= platform.kernelEntries.first;
    if (!isKernel) freeTables(core, mm, { level: level + 1, table: below });
    freeTable(core, mm, below);
  }
}
