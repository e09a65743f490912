/** Taking pages out of page tables (mm/memory.c: zap_pte_range, mm/huge_memory.c, mm/hugetlb.c). */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { splitHugePages } from './huge-page.ts';
import { countPages, residentPages, rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { forgetSwapSlot } from './swap-cache.ts';
import { dropMapping, entriesIn, kindOf, marker, setMarker, swapEntry } from './user-entry.ts';
import type { EntryPlace, Range } from './user-entry.ts';
import { areaKind, userfaultContext, vmaFlags, vmaFlagsOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import type { Area } from './vma-tree.ts';

/** Pages of an area whose mappings are taken away (mm/memory.c:zap_page_range_single). */
export interface Zap extends Range {
  readonly area: Area;
  /** Write protection of pages of files stays, as markers: the area stays, and its pages may come back (zap_drop_markers() otherwise). */
  readonly keepsMarkers: boolean;
}

/** zap_page_range_single(), unmap_page_range(): entries are cleared, pages that nothing else refers to are freed. */
export function* zapRange(core: Core, mm: number, zap: Zap): Steps {
  core.enter('zap_page_range_single', () => ({ address: addressOfPage(core, zap.page), size: BigInt(zap.pages) * 4096n }));
  try {
    yield* splitHugePages(core, mm, zap);
    for (const entry of entriesIn(core, rootOfMm(core, mm), zap)) {
      if (kindOf(core, entry) === 'marker' && zap.keepsMarkers && areaKind(core, zap.area.vma) !== 'anonymous') continue;
      yield core.step(() => `clear ${core.tables.name(entry.level)} entry for ${addressOfText(core, entry.page)}`);
      const marks = zap.keepsMarkers && leavesMarker(core, zap.area, entry);
      dropEntry(core, mm, entry);
      if (marks) setMarker(core, entry.at, marker.writeProtected);
    }
  } finally {
    core.leave();
  }
}

/** pte_install_uffd_wp_if_needed(): of a file's page that is protected, the protection stays. */
export function leavesMarker(core: Core, area: Area, { level, at }: EntryPlace): boolean {
  if (areaKind(core, area.vma) === 'anonymous' || userfaultContext(core, area.vma) === 0) return false;
  if ((vmaFlagsOf(core, area.vma) & vmaFlags.uffdWriteProtect) === 0) return false;
  return kindOf(core, { level, at }) === 'mapped'
    ? (core.tables.bits(level, at) & protection.userfaultWriteProtect) !== 0
    : swapEntry(core, at).writeProtected;
}

/** What an entry held is let go: a page's mapping, or a swap slot. */
export function dropEntry(core: Core, mm: number, entry: EntryPlace): void {
  switch (kindOf(core, entry)) {
    case 'mapped':
      dropMapping(core, mm, entry);
      return;
    case 'swap':
      countPages(core, mm, { counter: residentPages.swapped, by: -1 });
      forgetSwapSlot(core, swapEntry(core, entry.at).offset);
      break;
    default:
      break;
  }
  core.tables.clear(entry.at);
}
