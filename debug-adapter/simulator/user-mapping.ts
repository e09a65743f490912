/** mmap(), munmap(), mprotect() (mm/mmap.c, mm/mprotect.c): areas, and what becomes of the entries under them. */
import { entryKind } from '../arch/paging-mode.ts';
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { needPages } from './kernel-mapping.ts';
import { anonymousPages, countPages, newTable, rootOfMm, swappedPages } from './process.ts';
import { protection } from './protection.ts';
import { addressOfText } from './vmap-area.ts';
import { areasOf, setAreas } from './vma-tree.ts';
import type { Area } from './vma-tree.ts';
import { xaErase, xaLoad } from './xarray.ts';

/** vm_flags (include/linux/mm.h). */
export const vmaFlags = {
  read: 0x1,
  write: 0x2,
  exec: 0x4,
  shared: 0x8,
  mayRead: 0x10,
  mayWrite: 0x20,
  mayExec: 0x40,
  mayShare: 0x80,
  uffdWriteProtect: 0x1000,
  softDirty: 0x800_0000,
  hugePage: 0x2000_0000,
} as const;

export interface Range {
  readonly page: number;
  readonly pages: number;
}

export function vmaFlagsOf(core: Core, vma: number): number {
  return core.memory.word(vma + core.types.offset('vm_area_struct', 'vm_flags'));
}

export function setVmaFlags(core: Core, vma: number, flags: number): void {
  core.memory.setWord(vma + core.types.offset('vm_area_struct', 'vm_flags'), flags);
}

function checkRange(core: Core, range: Range): void {
  if (range.pages < 1 || range.page < 16 || range.page + range.pages > core.platform.userEnd) {
    throw new Fault('errno', `${addressOfText(core, range.page)} is no range of user addresses`, {
      errno: 'ENOMEM',
      address: addressOfPage(core, range.page),
    });
  }
}

export function newVma(core: Core, mm: number, of: Range & { readonly flags: number }): Area {
  const { memory, types } = core;
  const vma = core.caches.vm_area_struct.take();
  const member = (name: string): number => vma + types.offset('vm_area_struct', name);
  memory.setPage(member('vm_start'), of.page);
  memory.setPage(member('vm_end'), of.page + of.pages);
  memory.setPointer(member('vm_mm'), mm);
  memory.setWord(member('vm_flags'), of.flags);
  memory.setWord(member('vm_pgoff'), of.page);
  memory.setPointer(member('anon_vma'), core.caches['kmalloc-64'].take());
  return { vma, start: of.page, end: of.page + of.pages };
}

/** Where a mapping of that many pages fits, from mmap_base down; aligned to a large page where it is that large. */
function freeRange(core: Core, mm: number, pages: number): number {
  const areas = areasOf(core, mm);
  const large = core.tables.span(core.tables.last - 1);
  let top = core.memory.page(mm + core.types.offset('mm_struct', 'mmap_base'));
  const place = (): number => (pages >= large ? Math.floor((top - pages) / large) * large : top - pages);
  for (const { start, end } of areas.reverse()) {
    if (end <= place()) break;
    top = Math.min(top, start);
  }
  if (place() < 16) throw new Fault('errno', `no ${pages} pages of address space are free`, { errno: 'ENOMEM' });
  return place();
}

/** do_mmap(): an anonymous area; its page number. `page`: where it must be. */
export function* doMmap(
  core: Core,
  mm: number,
  of: { readonly page: number | undefined; readonly pages: number; readonly flags: number; readonly replace: boolean },
): Steps<number> {
  core.enter('do_mmap', () => ({
    addr: of.page === undefined ? 0n : addressOfPage(core, of.page),
    len: BigInt(of.pages) * 4096n,
    vm_flags: BigInt(of.flags),
  }));
  try {
    needPages(core, 4);
    const page = of.page ?? freeRange(core, mm, of.pages);
    checkRange(core, { page, pages: of.pages });
    const overlaps = areasOf(core, mm).some(({ start, end }) => start < page + of.pages && end > page);
    if (overlaps && !of.replace) {
      throw new Fault('errno', `mmap: an area covers ${addressOfText(core, page)} already`, {
        errno: 'EEXIST',
        address: addressOfPage(core, page),
      });
    }
    if (overlaps) yield* doMunmap(core, mm, { page, pages: of.pages });
    yield core.step(() => `insert the area at ${addressOfText(core, page)} into the maple tree`);
    const area = newVma(core, mm, { page, pages: of.pages, flags: of.flags | vmaFlags.softDirty });
    setAreas(
      core,
      mm,
      [...areasOf(core, mm), area].sort((a, b) => a.start - b.start),
    );
    return page;
  } finally {
    core.leave();
  }
}

/** Cuts areas at the ends of a range, so that each lies in it whole or not at all (__split_vma). Gives those that do. */
export function* splitAreas(core: Core, mm: number, range: Range): Steps<Area[]> {
  const end = range.page + range.pages;
  for (const cut of [range.page, end]) {
    const areas = areasOf(core, mm);
    const index = areas.findIndex((area) => area.start < cut && area.end > cut);
    const area = areas[index];
    if (area === undefined) continue;
    yield core.step(() => `split the area at ${addressOfText(core, cut)}`);
    const { memory, types } = core;
    const upper = core.caches.vm_area_struct.take();
    memory.copy(upper, area.vma, types.size('vm_area_struct'));
    memory.setPage(area.vma + types.offset('vm_area_struct', 'vm_end'), cut);
    memory.setPage(upper + types.offset('vm_area_struct', 'vm_start'), cut);
    memory.setWord(upper + types.offset('vm_area_struct', 'vm_pgoff'), cut);
    memory.setPointer(upper + types.offset('vm_area_struct', 'anon_vma'), core.caches['kmalloc-64'].take());
    areas.splice(index, 1, { vma: area.vma, start: area.start, end: cut }, { vma: upper, start: cut, end: area.end });
    setAreas(core, mm, areas);
  }
  return areasOf(core, mm).filter((area) => area.start >= range.page && area.end <= end);
}

/** do_munmap() */
export function* doMunmap(core: Core, mm: number, range: Range): Steps {
  core.enter('do_munmap', () => ({ start: addressOfPage(core, range.page), len: BigInt(range.pages) * 4096n }));
  try {
    checkRange(core, range);
    const gone = yield* splitAreas(core, mm, range);
    if (gone.length === 0) return;
    for (const { start, end } of gone) yield* zapRange(core, mm, { page: start, pages: end - start });
    yield core.step(() => `take ${gone.length} areas out of the maple tree`);
    const vmas = new Set(gone.map(({ vma }) => vma));
    setAreas(
      core,
      mm,
      areasOf(core, mm).filter(({ vma }) => !vmas.has(vma)),
    );
    for (const vma of vmas) {
      core.caches['kmalloc-64'].give(core.memory.pointer(vma + core.types.offset('vm_area_struct', 'anon_vma')));
      core.caches.vm_area_struct.give(vma);
    }
  } finally {
    core.leave();
  }
}

/** The entries of a range that are not empty: level, place, first page and pages that each covers within the range. */
export function* entriesIn(core: Core, root: number, range: Range): Generator<{ level: number; at: number; page: number; pages: number }> {
  const { tables } = core;
  const end = range.page + range.pages;
  for (let page = range.page; page < end;) {
    const { level, at } = tables.walk(root, page);
    const next = Math.min(end, (Math.floor(page / tables.span(level)) + 1) * tables.span(level));
    if (tables.kind(level, at) !== entryKind.none) yield { level, at, page, pages: next - page };
    page = next;
  }
}

/** zap_page_range(): entries are cleared, pages that nothing else maps are freed. */
export function* zapRange(core: Core, mm: number, range: Range): Steps {
  const { tables } = core;
  const root = rootOfMm(core, mm);
  yield* splitLargeAtEnds(core, mm, range);
  for (const { level, at, page } of entriesIn(core, root, range)) {
    yield core.step(() => `clear ${tables.name(level)} entry for ${addressOfText(core, page)}`);
    dropEntry(core, mm, { level, at });
  }
}

/** A large page that is to change in part is split into small ones (__split_huge_pmd, split_huge_page). */
export function* splitLargeAtEnds(core: Core, mm: number, range: Range): Steps {
  const { tables } = core;
  for (const page of [range.page, range.page + range.pages]) {
    const { level, at } = tables.walk(rootOfMm(core, mm), page);
    if (level === tables.last || page % tables.span(level) === 0 || tables.kind(level, at) !== entryKind.leaf) continue;
    core.enter('__split_huge_pmd', () => ({ address: addressOfPage(core, page) }));
    try {
      const address = tables.leafAt(level, at);
      const bits = tables.bits(level, at);
      const table = newTable(core, mm);
      yield core.step(() => `fill a ${tables.name(level + 1)} table with the pages of the large page`);
      for (let index = 0; index < tables.entries(level + 1); index++) {
        tables.setLeaf(level + 1, table + index * 8, { address: address + index * 4096, bits });
        if (index > 0) core.pages.copyUse(address / 4096, address / 4096 + index);
      }
      core.pages.setFlag(address / 4096, 'head', false);
      yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, page)}: the new table`);
      tables.setTable(level, at, { table, user: true });
    } finally {
      core.leave();
    }
  }
}

/** What an entry held is let go: a page's mapping, or a swap slot. */
export function dropEntry(core: Core, mm: number, of: { readonly level: number; readonly at: number }): void {
  const { tables, pages } = core;
  const { level, at } = of;
  const span = tables.span(level);
  const isLeaf = tables.kind(level, at) === entryKind.leaf || tables.mode.keepsFrame(level, core.memory.u32(at), core.memory.u32(at + 4));
  if (isLeaf) {
    const frame = tables.leafAt(level, at) / 4096;
    if ((tables.bits(level, at) & protection.special) === 0) {
      pages.addMapCount(frame, -1);
      pages.addReference(frame, -1);
      countPages(core, mm, { counter: anonymousPages, by: -span });
      if (pages.referenceCount(frame) === 0) pages.give(frame, Math.log2(span));
    }
  } else {
    const slot = swapSlot(core, at);
    const frame = frameInSwap(core, slot);
    countPages(core, mm, { counter: swappedPages, by: -1 });
    if (frame !== undefined) {
      pages.addReference(frame, -1);
      leaveSwap(core, slot, frame);
      if (pages.referenceCount(frame) === 0) pages.give(frame);
    }
  }
  tables.clear(at);
}

/** Swap offset of an entry of this simulator's swap area, which has type 0. */
export function swapSlot(core: Core, at: number): number {
  const entry = core.tables.entry(at);
  switch (core.platform.architecture) {
    case 'x86-64':
      return Number((~entry >> 9n) & ((1n << 50n) - 1n));
    case 'x86-32':
      return Number(entry >> 37n);
    case 'arm64':
      return Number((entry >> 12n) & ((1n << 50n) - 1n));
  }
}

/** Pages that are swapped out stay in RAM: the swap cache is this machine's swap device. */
export function frameInSwap(core: Core, slot: number): number | undefined {
  const page = xaLoad(core, core.symbol('swapper_space'), slot);
  return page === 0 ? undefined : core.pages.frameOf(page);
}

/** A page that no swap entry refers to any more leaves the swap cache. */
export function leaveSwap(core: Core, slot: number, frame: number): void {
  if (core.pages.referenceCount(frame) > core.pages.mapCount(frame)) return;
  xaErase(core, core.symbol('swapper_space'), slot);
  core.pages.setFlag(frame, 'owner_priv_1', false);
}

/** do_mprotect_pkey() */
export function* doMprotect(core: Core, mm: number, range: Range & { readonly rights: number }): Steps {
  core.enter('do_mprotect_pkey', () => ({ start: addressOfPage(core, range.page), len: BigInt(range.pages) * 4096n }));
  try {
    checkRange(core, range);
    const covered = areasOf(core, mm).reduce(
      (sum, { start, end }) => sum + Math.max(0, Math.min(end, range.page + range.pages) - Math.max(start, range.page)),
      0,
    );
    if (covered < range.pages)
      throw new Fault('errno', 'mprotect: no area covers all of the range', { errno: 'ENOMEM', address: addressOfPage(core, range.page) });
    const areas = yield* splitAreas(core, mm, range);
    yield* splitLargeAtEnds(core, mm, range);
    const { tables } = core;
    for (const { vma, start, end } of areas) {
      setVmaFlags(core, vma, (vmaFlagsOf(core, vma) & ~7) | range.rights);
      for (const { level, at, page } of entriesIn(core, rootOfMm(core, mm), { page: start, pages: end - start })) {
        const keeps =
          tables.kind(level, at) === entryKind.leaf || tables.mode.keepsFrame(level, core.memory.u32(at), core.memory.u32(at + 4));
        if (!keeps) continue;
        yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, page)}`);
        // Never writable by this: a write fault decides whether the page must be copied.
        const kept = tables.bits(level, at) & ~(protection.write | protection.execute | protection.none | protection.user);
        const rights = (range.rights & vmaFlags.exec) === 0 ? 0 : protection.execute;
        const none = range.rights === 0 ? protection.none : 0;
        tables.setLeaf(level, at, { address: tables.leafAt(level, at), bits: kept | rights | none | protection.user });
      }
    }
  } finally {
    core.leave();
  }
}
