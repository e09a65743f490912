/** Entries of a process's page table: what kinds there are, where they lie, and what lets go of what they held. */
import { entryKind } from '../arch/paging-mode.ts';
import type { Core, Steps } from './core.ts';
import type { SwapEntry } from './entry-encoder.ts';
import { countMapping, folioOf, hugeZeroFrame, isAnonymous, isHugetlb, putFolio, referencesOf } from './folio.ts';
import { countPages, newTable, residentPages, rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { leaveSwapIfUnused, slotOfFrame } from './swap-cache.ts';
import { addressOfText } from './vmap-area.ts';

/** Page numbers. */
export interface Range {
  readonly page: number;
  readonly pages: number;
}

/** Swap type of markers, and what their offsets say (include/linux/swapops.h). */
export const markerType = 31;
/** Kinds of PTE markers (include/linux/swapops.h: PTE_MARKER_*). */
export const marker = { writeProtected: 1, poisoned: 2, guard: 4 } as const;

/** A place in a table. */
export interface EntryPlace {
  readonly level: number;
  /** Physical address. */
  readonly at: number;
}

/** What stands in a process's tables for a run of pages. */
export interface UserEntry extends EntryPlace {
  readonly page: number;
  /** Pages that it covers within the range that was asked for. */
  readonly pages: number;
}

/** What such an entry is. */
export type UserEntryKind = 'none' | 'table' | 'mapped' | 'swap' | 'marker';

/** Mapped is what keeps a frame, with PROT_NONE too. */
export function kindOf(core: Core, { level, at }: EntryPlace): UserEntryKind {
  const { tables, memory } = core;
  switch (tables.kind(level, at)) {
    case entryKind.none:
      return 'none';
    case entryKind.table:
      return 'table';
    case entryKind.leaf:
      return 'mapped';
    default:
      if (tables.mode.keepsFrame(level, memory.u32(at), memory.u32(at + 4))) return 'mapped';
      return swapEntry(core, at).type === markerType ? 'marker' : 'swap';
  }
}

/** The swap type, offset and marks of the entry at physical `at`, which must be neither present nor none. */
export function swapEntry(core: Core, at: number): SwapEntry {
  return core.platform.encoder.swapOf(core.memory.u32(at), core.memory.u32(at + 4));
}

/** Writes a marker entry (PTE_MARKER) with these marks at physical `at`. */
export function setMarker(core: Core, at: number, marks: number): void {
  core.tables.setSwap(at, { type: markerType, offset: marks, softDirty: false, writeProtected: false });
}

/** Bits of a mapped entry are replaced, its frame stays. */
export function setBits(core: Core, { level, at }: EntryPlace, bits: number): void {
  core.tables.setLeaf(level, at, { address: core.tables.leafAt(level, at), bits });
}

/** The entries of a range that are not empty. */
export function* entriesIn(core: Core, root: number, range: Range): Generator<UserEntry> {
  for (const entry of placesIn(core, root, range)) if (kindOf(core, entry) !== 'none') yield entry;
}

/** All entries of a range, empty ones at the level where the tables end. */
export function* placesIn(core: Core, root: number, range: Range): Generator<UserEntry> {
  const { tables } = core;
  const end = range.page + range.pages;
  for (let page = range.page; page < end;) {
    const { level, at } = tables.walk(root, page);
    const next = Math.min(end, (Math.floor(page / tables.span(level)) + 1) * tables.span(level));
    yield { level, at, page, pages: next - page };
    page = next;
  }
}

/** The place of a process's entry at a level, with the tables above it. */
export function* userEntry(core: Core, mm: number, of: { readonly page: number; readonly level: number }): Steps<number> {
  const { tables } = core;
  const root = rootOfMm(core, mm);
  for (;;) {
    const { level, at } = tables.walk(root, of.page, of.level);
    if (level === of.level) return at;
    yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, of.page)}: a new ${tables.name(level + 1)} table`);
    tables.setTable(level, at, { table: newTable(core, mm), user: true });
  }
}

/** Whether a mapped entry's page is counted as the process's: not so the pages of zeros, and memory of devices (vm_normal_page). */
export function isCounted(core: Core, { level, at }: EntryPlace): boolean {
  if ((core.tables.bits(level, at) & protection.special) !== 0) return false;
  return level === core.tables.last || core.tables.leafAt(level, at) / 4096 !== hugeZeroFrame(core);
}

/** Counts pages of the mm that are resident, by what they are of (mm_counter); those of hugetlbfs count for nobody. */
function countResident(core: Core, mm: number, of: { readonly frame: number; readonly by: number }): void {
  const folio = folioOf(core, of.frame);
  if (isHugetlb(core, folio)) return;
  const isShmem = core.pages.flag(folio, 'swapbacked');
  const counter = isAnonymous(core, folio) ? residentPages.anonymous : isShmem ? residentPages.shmem : residentPages.file;
  countPages(core, mm, { counter, by: of.by });
}

/** A mapping comes into being: of a page, or of a whole folio by a large leaf. The reference that the caller has becomes its own. */
export function addMapping(core: Core, mm: number, of: { readonly level: number; readonly frame: number }): void {
  const { tables } = core;
  countMapping(core, of.frame, { by: 1, whole: of.level < tables.last });
  countResident(core, mm, { frame: of.frame, by: tables.span(of.level) });
}

/** A mapping ends: the entry is cleared, and the page freed where nothing else refers to it. */
export function dropMapping(core: Core, mm: number, { level, at }: EntryPlace): void {
  const { tables } = core;
  if (isCounted(core, { level, at })) {
    const frame = tables.leafAt(level, at) / 4096;
    countResident(core, mm, { frame, by: -tables.span(level) });
    countMapping(core, frame, { by: -1, whole: level < tables.last });
    const folio = folioOf(core, frame);
    const slot = slotOfFrame(core, folio);
    putFolio(core, folio);
    if (slot !== undefined && referencesOf(core, folio) > 0) leaveSwapIfUnused(core, slot, folio);
  }
  tables.clear(at);
}
