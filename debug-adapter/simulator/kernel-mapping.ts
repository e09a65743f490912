/** Mapping and unmapping in the kernel's page table (mm/vmalloc.c), entry by entry, and keeping other roots in step. */
import { entryKind } from '../arch/paging-mode.ts';
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { addressOfText } from './vmap-area.ts';

/** Pages that are to be mapped in the kernel's half; page numbers are addresses / 4096. */
export interface KernelMapping {
  /** First page number. */
  readonly page: number;
  readonly pages: number;
  /** Physical address behind page `index` of the mapping. */
  readonly address: (index: number) => number;
  /** Bits of `protection`. */
  readonly bits: number;
  /** Level of the largest leaves that may be used; the last where there are small pages alone. */
  readonly level?: number | undefined;
}

/** Throws `Fault` where fewer pages are free than `pages`, their tables and the structures that describe them may take. */
export function needPages(core: Core, pages: number): void {
  const needed = pages + Math.ceil(pages / 256) + 24;
  if (core.pages.free < needed) throw new Fault('out-of-memory', `vmalloc error: size ${pages * 4096}, failed to allocate pages`);
}

/** Whether the level `level` may hold leaves in the kernel's mappings. */
export function hugeLevels(core: Core): number[] {
  const { tables } = core;
  return ['pud', 'pmd']
    .map((name) => tables.levelOf(name))
    .filter((level) => level !== undefined)
    .filter((level) => level > 0);
}

/** vmap_range_noflush(), __vmap_pages_range_noflush(): entries for pages that are not mapped yet. Throws `Fault`. */
export function* mapKernelPages(core: Core, name: string, mapping: KernelMapping): Steps {
  const { tables, root } = core;
  core.enter(name, () => ({ addr: addressOfPage(core, mapping.page), end: addressOfPage(core, mapping.page + mapping.pages) }));
  try {
    let upper = false;
    for (let done = 0; done < mapping.pages;) {
      const page = mapping.page + done;
      const address = mapping.address(done);
      let level = mapping.level ?? tables.last;
      while (level < tables.last && !leafFits(core, mapping, { page, done, level })) level++;
      let table = root;
      for (let above = 0; above < level; above++) {
        const at = table + tables.index(above, page) * 8;
        if (tables.kind(above, at) === entryKind.table) table = tables.tableAt(above, at);
        else {
          yield core.step(
            () => `write ${tables.name(above)} entry for ${addressOfText(core, page)}: a new ${tables.name(above + 1)} table`,
          );
          table = core.pages.takeZeroed() * 4096;
          tables.setTable(above, at, { table, user: false });
          upper = true;
        }
      }
      const at = table + tables.index(level, page) * 8;
      yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, page)}: physical 0x${address.toString(16)}`);
      const kind = tables.kind(level, at);
      if (level === tables.last && kind !== entryKind.none)
        throw new Fault('bug', `WARNING: vmap: ${addressOfText(core, page)} is mapped already (BUG_ON(!pte_none(*pte)))`);
      if (kind === entryKind.table) core.pages.give(tables.tableAt(level, at) / 4096);
      tables.setLeaf(level, at, { address, bits: mapping.bits });
      if (level < tables.last) upper = true;
      done += tables.span(level);
    }
    // Without the sync, as before 5.3, other roots get new entries when a process faults.
    if (upper && core.configuration.features.syncUnmappings) yield* syncKernelMappings(core, mapping.page, mapping.page + mapping.pages);
  } finally {
    core.leave();
  }
}

/** A large leaf is used where virtual and physical address are aligned to it, and memory goes on so far (vmap_try_huge_pmd). */
function leafFits(
  core: Core,
  mapping: KernelMapping,
  at: { readonly page: number; readonly done: number; readonly level: number },
): boolean {
  const span = core.tables.span(at.level);
  const address = mapping.address(at.done);
  if (at.page % span !== 0 || address % (span * 4096) !== 0 || mapping.pages - at.done < span) return false;
  return mapping.address(at.done + span - 1) === address + (span - 1) * 4096;
}

/** vunmap_range_noflush(): clears what is mapped in [page, page + pages); tables stay. */
export function* unmapKernelPages(core: Core, name: string, range: { readonly page: number; readonly pages: number }): Steps {
  const { tables, root } = core;
  const end = range.page + range.pages;
  core.enter(name, () => ({ addr: addressOfPage(core, range.page), end: addressOfPage(core, end) }));
  try {
    let upper = false;
    for (let page = range.page; page < end;) {
      const { level, at } = tables.walk(root, page);
      const next = (Math.floor(page / tables.span(level)) + 1) * tables.span(level);
      if (tables.kind(level, at) !== entryKind.none) {
        const here = page;
        yield core.step(() => `clear ${tables.name(level)} entry for ${addressOfText(core, here)}`);
        tables.clear(at);
        if (level < tables.last) upper = true;
      }
      page = next;
    }
    if (upper && core.configuration.features.syncUnmappings) yield* syncKernelMappings(core, range.page, end);
  } finally {
    core.leave();
  }
}

/**
 * arch_sync_kernel_mappings() of x86-32 without shared kernel PMDs: the PMD entries of init_mm from `start` to the end of the
 * vmalloc space go to every root on pgd_list (arch/x86/mm/fault.c).
 */
export function* syncKernelMappings(core: Core, start: number, end: number): Steps {
  if (core.platform.kernelPmds !== 'copied') return;
  core.enter('arch_sync_kernel_mappings', () => ({ start: addressOfPage(core, start), end: addressOfPage(core, end) }));
  try {
    yield* syncRoots(core, start, vmallocSyncOne);
  } finally {
    core.leave();
  }
}

/** vmalloc_sync_all() of kernels before 5.8; without `syncUnmappings` as before 5.3. */
export function* vmallocSyncAll(core: Core): Steps {
  core.enter('vmalloc_sync_all');
  try {
    yield* syncRoots(core, core.platform.vmalloc.start, core.configuration.features.syncUnmappings ? vmallocSyncOne : addMissing);
  } finally {
    core.leave();
  }
}

/** Of each 2 MiB from `start` to the end of the vmalloc space, the PMD entry of every root on pgd_list. */
function* syncRoots(core: Core, start: number, syncOne: typeof vmallocSyncOne): Steps {
  const span = core.tables.span(1);
  for (let page = Math.floor(start / span) * span; page < core.platform.vmalloc.end; page += span) {
    for (const root of pgdList(core)) yield* syncOne(core, root, page);
  }
}

/** vmalloc_sync_one() before 5.3: it stops where init_mm has nothing. */
function* addMissing(core: Core, root: number, page: number): Steps {
  const { tables } = core;
  const reference = tables.tableAt(0, core.root + tables.index(0, page) * 8) + tables.index(1, page) * 8;
  if ((core.memory.u32(reference) & 1) === 1) yield* vmallocSyncOne(core, root, page);
}

/** vmalloc_sync_one(): copies init_mm's PMD entry where the two differ in presence. Throws `Fault` where both lead elsewhere. */
export function* vmallocSyncOne(core: Core, root: number, page: number): Steps {
  const { tables } = core;
  const own = tables.tableAt(0, root + tables.index(0, page) * 8) + tables.index(1, page) * 8;
  const reference = tables.tableAt(0, core.root + tables.index(0, page) * 8) + tables.index(1, page) * 8;
  const isPresent = (at: number): boolean => (core.memory.u32(at) & 1) === 1;
  if (isPresent(own) !== isPresent(reference)) {
    yield core.step(() => `copy the pmd entry for ${addressOfText(core, page)} to the root at 0x${root.toString(16)}`);
    tables.copyEntry(own, reference);
  } else if (isPresent(reference) && tables.entry(own) >> 12n !== tables.entry(reference) >> 12n) {
    throw new Fault(
      'bug',
      `kernel BUG at arch/x86/mm/fault.c: pmd of ${addressOfText(core, page)} differs between init_mm and the root at 0x${root.toString(16)}`,
    );
  }
}

/** Physical addresses of the roots on pgd_list, in its order. */
export function pgdList(core: Core): number[] {
  const { memory, pages, types } = core;
  if (core.platform.architecture === 'arm64') return [];
  const link = types.offset('ptdesc', 'pt_list');
  return [...memory.list(core.symbol('pgd_list'))].map((at) => pages.frameOf(at - link) * 4096);
}
