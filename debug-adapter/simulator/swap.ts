/** Swapping (mm/vmscan.c, mm/rmap.c, mm/memory.c): pages of processes and of shmem go to the swap cache and come back. */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { mappingOf, setCached } from './file.ts';
import { folioIndex, folioOf, getFolio, mappingsOf, orderOf, referencesOf, setFolioUse } from './folio.ts';
import { splitHugePages } from './huge-page.ts';
import { countPages, residentPages, rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { addToSwap, frameInSwap, leaveSwapIfUnused, slotOfFrame } from './swap-cache.ts';
import { addMapping, dropMapping, entriesIn, isCounted, kindOf, setMarker, swapEntry, marker } from './user-entry.ts';
import type { Range, UserEntry } from './user-entry.ts';
import { accessBits, areaKind, fileOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import { areasOf } from './vma-tree.ts';
import type { Area } from './vma-tree.ts';
import { leavesMarker } from './zap.ts';

/** MADV_PAGEOUT: pages of a range that one process alone has go to swap. How many. */
export function* swapOut(core: Core, mm: number, range: Range): Steps<number> {
  core.enter('shrink_folio_list', () => ({ start: addressOfPage(core, range.page), pages: BigInt(range.pages) }));
  try {
    let count = 0;
    yield* splitHugePages(core, mm, range);
    for (const area of areasOf(core, mm)) {
      const start = Math.max(area.start, range.page);
      const pages = Math.min(area.end, range.page + range.pages) - start;
      const kind = areaKind(core, area.vma);
      if (pages <= 0 || (kind !== 'anonymous' && kind !== 'shmem')) continue;
      for (const entry of entriesIn(core, rootOfMm(core, mm), { page: start, pages })) {
        if (!canSwap(core, entry)) continue;
        if (kind === 'anonymous') yield* swapOutAnonymous(core, mm, entry);
        else yield* swapOutShmem(core, mm, { area, entry });
        count++;
      }
    }
    return count;
  } finally {
    core.leave();
  }
}

/** A small page that is mapped once, and that the process and its file alone refer to. */
function canSwap(core: Core, entry: UserEntry): boolean {
  if (entry.level !== core.tables.last || kindOf(core, entry) !== 'mapped' || !isCounted(core, entry)) return false;
  const frame = core.tables.leafAt(entry.level, entry.at) / 4096;
  return orderOf(core, folioOf(core, frame)) === 0 && mappingsOf(core, frame) === 1;
}

/** try_to_unmap_one(): the mapping's reference becomes the swap entry's. */
function* swapOutAnonymous(core: Core, mm: number, { level, at, page }: UserEntry): Steps {
  const { tables } = core;
  const bits = tables.bits(level, at);
  const frame = tables.leafAt(level, at) / 4096;
  getFolio(core, frame);
  const slot = slotOfFrame(core, frame) ?? addToSwap(core, frame);
  yield core.step(() => `write pte entry for ${addressOfText(core, page)}: swap slot 0x${slot.toString(16)}`);
  dropMapping(core, mm, { level, at });
  tables.setSwap(at, {
    type: 0,
    offset: slot,
    softDirty: (bits & protection.softDirty) !== 0,
    writeProtected: (bits & protection.userfaultWriteProtect) !== 0,
  });
  countPages(core, mm, { counter: residentPages.swapped, by: 1 });
}

/** shmem_writepage(): the page cache keeps the slot; the page table keeps nothing, or what userfaultfd protects. */
function* swapOutShmem(core: Core, mm: number, of: { readonly area: Area; readonly entry: UserEntry }): Steps {
  const { area, entry } = of;
  const frame = core.tables.leafAt(entry.level, entry.at) / 4096;
  const marks = leavesMarker(core, area, entry);
  yield core.step(() => `clear pte entry for ${addressOfText(core, entry.page)}`);
  dropMapping(core, mm, entry);
  if (marks) setMarker(core, entry.at, marker.writeProtected);
  if (referencesOf(core, frame) > 1) return;
  const index = folioIndex(core, frame);
  const slot = addToSwap(core, frame);
  yield core.step(() => `page ${index} of the file goes to swap slot 0x${slot.toString(16)}`);
  setCached(core, mappingOf(core, fileOf(core, area.vma)), { index, page: { slot } });
  setFolioUse(core, frame, { mapping: 0, index, anonymous: false });
}

/** do_swap_page(): the swap entry's reference becomes the mapping's; its marks stay. */
export function* swapPageIn(core: Core, mm: number, of: { readonly area: Area; readonly page: number; readonly at: number }): Steps {
  core.enter('do_swap_page', () => ({ address: addressOfPage(core, of.page) }));
  try {
    const { tables } = core;
    const { offset: slot, softDirty, writeProtected } = swapEntry(core, of.at);
    const frame = frameInSwap(core, slot);
    if (frame === undefined)
      throw new Fault('bug', `BUG: Bad swap entry at ${addressOfText(core, of.page)}: slot 0x${slot.toString(16)} holds nothing`);
    yield core.step(() => `write pte entry for ${addressOfText(core, of.page)}: the page of swap slot 0x${slot.toString(16)}`);
    const marks = (softDirty ? protection.softDirty : 0) | (writeProtected ? protection.userfaultWriteProtect : 0);
    tables.setLeaf(tables.last, of.at, { address: frame * 4096, bits: accessBits(core, of.area.vma, false) | marks });
    countPages(core, mm, { counter: residentPages.swapped, by: -1 });
    addMapping(core, mm, { level: tables.last, frame });
    leaveSwapIfUnused(core, slot, frame);
  } finally {
    core.leave();
  }
}
