/** Faults of mapped files (mm/memory.c: do_fault, mm/filemap.c, mm/shmem.c): pages of the page cache, and private copies of them. */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { cachedPage, filePages, mappingOf, newCachedPage, setCached } from './file.ts';
import { getFolio, newFolio, setFolioUse } from './folio.ts';
import { protection } from './protection.ts';
import { frameInSwap, leaveSwap } from './swap-cache.ts';
import { addMapping, kindOf, userEntry } from './user-entry.ts';
import { specialPage } from './special-mapping.ts';
import { accessBits, anonVmaOf, areaKind, fileIndex, fileOf, userfaultContext, vmaFlags, vmaFlagsOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import type { Area } from './vma-tree.ts';

/** fault_around_pages: how many pages come with the one that is read, where they are in the page cache. */
const faultAroundPages = 16;

/** A fault on a page of a mapped file (mm/memory.c:do_fault); `page` is address / 4096. */
export interface FileFault {
  readonly area: Area;
  readonly page: number;
  readonly write: boolean;
  readonly writeProtected: boolean;
}

/** do_read_fault(), do_cow_fault(), do_shared_fault(). Throws `Fault` behind the end of the file. */
export function* fileFault(core: Core, mm: number, of: FileFault): Steps {
  const isShared = (vmaFlagsOf(core, of.area.vma) & vmaFlags.shared) !== 0;
  const name = !of.write ? 'do_read_fault' : isShared ? 'do_shared_fault' : 'do_cow_fault';
  core.enter(name, () => ({ address: addressOfPage(core, of.page) }));
  try {
    const { area, page } = of;
    if (!of.write && !of.writeProtected && (yield* faultAround(core, mm, of))) return;
    const { frame, isSpecial } = yield* pageOfArea(core, area, page);
    const at = yield* userEntry(core, mm, { page, level: core.tables.last });
    if (of.write && !isShared) {
      yield core.step(() => 'copy the page');
      const copy = newFolio(core, { mapping: anonVmaOf(core, area.vma), index: page, anonymous: true });
      core.memory.copy(copy * 4096, frame * 4096, 4096);
      yield* setEntry(core, mm, { ...of, at, frame: copy, bits: accessBits(core, area.vma, true) });
      return;
    }
    if (!isSpecial) getFolio(core, frame);
    const bits = accessBits(core, area.vma, of.write);
    yield* setEntry(core, mm, { ...of, at, frame, bits: isSpecial ? bits | protection.special : bits });
  } finally {
    core.leave();
  }
}

/** set_pte_range(), for one page whose reference becomes the mapping's. */
function* setEntry(core: Core, mm: number, of: FileFault & { readonly at: number; readonly frame: number; readonly bits: number }): Steps {
  const { tables } = core;
  yield core.step(() => `write pte entry for ${addressOfText(core, of.page)}: ${of.write ? 'the page, writable' : 'the page of the file'}`);
  const bits = of.writeProtected ? (of.bits & ~protection.write) | protection.userfaultWriteProtect : of.bits;
  tables.setLeaf(tables.last, of.at, { address: of.frame * 4096, bits });
  if ((bits & protection.special) === 0) addMapping(core, mm, { level: tables.last, frame: of.frame });
}

/** do_fault_around(): pages of the page cache around the one that is read are mapped with it. Whether that one was among them. */
function* faultAround(core: Core, mm: number, { area, page }: FileFault): Steps<boolean> {
  const kind = areaKind(core, area.vma);
  if ((kind !== 'file' && kind !== 'shmem') || userfaultContext(core, area.vma) !== 0) return false;
  const { tables } = core;
  const table = tables.entries(tables.last);
  const first = Math.max(Math.floor(page / faultAroundPages) * faultAroundPages, area.start, Math.floor(page / table) * table);
  const end = Math.min(first + faultAroundPages, area.end, (Math.floor(page / table) + 1) * table);
  const mapping = mappingOf(core, fileOf(core, area.vma));
  const size = filePages(core, fileOf(core, area.vma));
  let found = false;
  core.enter('filemap_map_pages', () => ({ start: addressOfPage(core, first), end: addressOfPage(core, end) }));
  try {
    for (let each = first; each < end; each++) {
      const index = fileIndex(core, area, each);
      const cached = index < size ? cachedPage(core, mapping, index) : undefined;
      if (cached === undefined || !('frame' in cached)) continue;
      const at = yield* userEntry(core, mm, { page: each, level: tables.last });
      if (kindOf(core, { level: tables.last, at }) !== 'none') continue;
      getFolio(core, cached.frame);
      // Only the page that was asked for is young.
      const bits = accessBits(core, area.vma, false) & (each === page ? -1 : ~protection.accessed);
      yield* setEntry(core, mm, { area, page: each, write: false, writeProtected: false, at, frame: cached.frame, bits });
      if (each === page) found = true;
    }
    return found;
  } finally {
    core.leave();
  }
}

/** vm_operations_struct.fault(): the page of a file, read, made, or brought back from swap. Throws `Fault`. */
function* pageOfArea(core: Core, area: Area, page: number): Steps<{ readonly frame: number; readonly isSpecial: boolean }> {
  const kind = areaKind(core, area.vma);
  const busError = (why: string): Fault =>
    new Fault('page-fault', `Bus error at ${addressOfText(core, page)} (${why})`, { address: addressOfPage(core, page) });
  if (kind === 'special') {
    const frame = specialPage(core, area, page);
    if (frame === undefined) throw busError('the special mapping has no such page');
    return { frame, isSpecial: false };
  }
  if (kind === 'device') throw busError('memory of a device is mapped when the area is made');
  const file = fileOf(core, area.vma);
  const index = fileIndex(core, area, page);
  if (index >= filePages(core, file)) throw busError('it lies behind the end of the file');
  const mapping = mappingOf(core, file);
  const cached = cachedPage(core, mapping, index);
  if (cached === undefined) {
    yield core.step(() => `add page ${index} of the file to the page cache`);
    return { frame: newCachedPage(core, mapping, { index, shmem: kind === 'shmem' || kind === 'secret' }), isSpecial: false };
  }
  if ('frame' in cached) return { frame: cached.frame, isSpecial: false };
  const frame = frameInSwap(core, cached.slot);
  if (frame === undefined) throw new Fault('bug', `BUG: Bad swap entry of page ${index}: slot 0x${cached.slot.toString(16)} holds nothing`);
  yield core.step(() => `bring page ${index} of the file back from swap slot 0x${cached.slot.toString(16)}`);
  leaveSwap(core, cached.slot, frame);
  setFolioUse(core, frame, { mapping, index, anonymous: false });
  setCached(core, mapping, { index, page: { frame } });
  return { frame, isSpecial: false };
}
