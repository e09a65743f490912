/** Page faults of user mode (mm/memory.c): what an access of a process brings about. */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { fileFault } from './file-fault.ts';
import { folioOf, isAnonymous, mappingsOf, newFolio, orderOf, referencesOf } from './folio.ts';
import { fitsHugePage, hugeAnonymousPage, hugeLevel, hugetlbPage, splitHugePmd } from './huge-page.ts';
import { rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { swapPageIn } from './swap.ts';
import { addMapping, dropMapping, isCounted, kindOf, marker, setBits, swapEntry, userEntry } from './user-entry.ts';
import type { EntryPlace } from './user-entry.ts';
import { isAsynchronous } from './userfaultfd.ts';
import { accessBits, anonVmaOf, areaKind, userfaultContext, vmaFlags, vmaFlagsOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import { findArea } from './vma-tree.ts';
import type { Area } from './vma-tree.ts';

/** An access that no entry allows, within an area of a process. */
export interface FaultPlace {
  readonly core: Core;
  readonly mm: number;
  readonly area: Area;
  readonly page: number;
  readonly write: boolean;
}

/**
 * handle_mm_fault(): an access with what it brings about. Whether it is done; one that is not waits for userfaultfd. Throws
 * `Fault` where it is not allowed.
 */
export function* handleFault(core: Core, mm: number, access: { readonly page: number; readonly write: boolean }): Steps<boolean> {
  const { page, write } = access;
  const address = addressOfPage(core, page);
  core.enter('handle_mm_fault', () => ({ address, write }));
  try {
    const area = findArea(core, mm, page);
    const refuse = (why: string): Fault => new Fault('page-fault', `segfault at ${addressOfText(core, page)} (${why})`, { address });
    if (area === undefined) throw refuse('no area covers it');
    const flags = vmaFlagsOf(core, area.vma);
    if ((flags & (write ? vmaFlags.write : vmaFlags.read | vmaFlags.exec)) === 0)
      throw refuse(write ? 'the area is not writable' : 'the area is not readable');
    return yield* resolve({ core, mm, area, page, write });
  } finally {
    core.leave();
  }
}

/** handle_pte_fault(), and its like for huge pages: again, while what it did leaves the access still to be done. */
function* resolve(place: FaultPlace): Steps<boolean> {
  const { core, mm, page, area, write } = place;
  const root = rootOfMm(core, mm);
  // A page comes, its protection is taken away, it is split, it is copied.
  for (let attempt = 0; attempt < 8; attempt++) {
    const entry = core.tables.walk(root, page);
    const kind = kindOf(core, entry);
    if (kind === 'none') {
      if ((vmaFlagsOf(core, area.vma) & vmaFlags.uffdMissing) !== 0) return yield* waitFor(place, 'missing');
      yield* missingPage(place, false);
    } else if (kind === 'marker') yield* markedPage(place, entry);
    else if (kind === 'swap') yield* swapPageIn(core, mm, { area, page, at: entry.at });
    else {
      const bits = core.tables.bits(entry.level, entry.at);
      if ((bits & protection.none) !== 0) yield* allowAgain(place, entry);
      else if (!write || (bits & protection.write) !== 0) {
        yield* markAccess(place, entry);
        return true;
      } else if ((bits & protection.userfaultWriteProtect) !== 0) {
        if (!isAsynchronous(core, area.vma)) return yield* waitFor(place, 'write-protected');
        yield* resolveProtection(place, entry);
      } else yield* writeProtectedPage(place, entry);
      continue;
    }
    if (!write && kindOf(core, core.tables.walk(root, page)) === 'mapped') return true;
  }
  throw new Fault('bug', `BUG: the fault at ${addressOfText(core, page)} does not end`, { address: addressOfPage(core, page) });
}

/** handle_userfault(): the access waits until who registered the area has done something. */
function* waitFor({ core, page }: FaultPlace, why: string): Steps<boolean> {
  core.enter('handle_userfault', () => ({ address: addressOfPage(core, page) }));
  try {
    yield core.step(() => `the access of ${addressOfText(core, page)} waits: the page is ${why}`);
    return false;
  } finally {
    core.leave();
  }
}

/** The CPU's own marks in an entry that allows the access. */
function* markAccess({ core, page, write }: FaultPlace, entry: EntryPlace): Steps {
  yield core.step(() => `the CPU marks the ${core.tables.name(entry.level)} entry of ${addressOfText(core, page)}`);
  const marks = write ? protection.accessed | protection.dirty | protection.softDirty : protection.accessed;
  setBits(core, entry, core.tables.bits(entry.level, entry.at) | marks);
}

/** Of an entry with PROT_NONE, when its area allows access: the frame was kept. */
function* allowAgain({ core, page }: FaultPlace, entry: EntryPlace): Steps {
  yield core.step(() => `write ${core.tables.name(entry.level)} entry for ${addressOfText(core, page)}: access is allowed again`);
  setBits(core, entry, core.tables.bits(entry.level, entry.at) & ~protection.none);
}

/** do_pte_missing(), and hugetlb_no_page(). `writeProtected`: a marker of userfaultfd stood there. */
function* missingPage(place: FaultPlace, writeProtected: boolean): Steps {
  const { core, mm, area, page, write } = place;
  switch (areaKind(core, area.vma)) {
    case 'anonymous':
      if (!writeProtected && fitsHugePage(core, mm, { area, page })) yield* hugeAnonymousPage(core, mm, { area, page, write });
      else yield* anonymousPage(place, writeProtected);
      return;
    case 'hugetlb':
      yield* hugetlbPage(core, mm, { area, page, write, writeProtected });
      return;
    default:
      yield* fileFault(core, mm, { area, page, write, writeProtected });
  }
}

/** handle_pte_marker() */
function* markedPage(place: FaultPlace, entry: EntryPlace): Steps {
  const { core, page, area } = place;
  core.enter('handle_pte_marker', () => ({ address: addressOfPage(core, page) }));
  try {
    const marks = swapEntry(core, entry.at).offset;
    if ((marks & marker.poisoned) !== 0) {
      throw new Fault(
        'page-fault',
        `Killing process: hardware memory corruption fault at ${addressOfText(core, page)} (the page is poisoned)`,
        {
          address: addressOfPage(core, page),
        },
      );
    }
    const isRegistered = (vmaFlagsOf(core, area.vma) & vmaFlags.uffdWriteProtect) !== 0 && userfaultContext(core, area.vma) !== 0;
    yield core.step(() => `clear the marker of ${addressOfText(core, page)}`);
    core.tables.clear(entry.at);
    if (isRegistered) yield* missingPage(place, true);
  } finally {
    core.leave();
  }
}

/** do_anonymous_page(): a new page of zeros, or for a read the page of zeros that all share. */
function* anonymousPage({ core, mm, area, page, write }: FaultPlace, writeProtected: boolean): Steps {
  core.enter('do_anonymous_page', () => ({ address: addressOfPage(core, page) }));
  try {
    const { tables } = core;
    const level = tables.last;
    const at = yield* userEntry(core, mm, { page, level });
    const protect = (bits: number): number => (writeProtected ? (bits & ~protection.write) | protection.userfaultWriteProtect : bits);
    if (!write) {
      yield core.step(() => `write pte entry for ${addressOfText(core, page)}: the zero page`);
      tables.setLeaf(level, at, {
        address: core.symbol('empty_zero_page'),
        bits: protect(accessBits(core, area.vma, false) | protection.special),
      });
      return;
    }
    const frame = newFolio(core, { mapping: anonVmaOf(core, area.vma), index: page, anonymous: true });
    yield core.step(() => `write pte entry for ${addressOfText(core, page)}: a new page`);
    tables.setLeaf(level, at, { address: frame * 4096, bits: protect(accessBits(core, area.vma, true)) });
    addMapping(core, mm, { level, frame });
  } finally {
    core.leave();
  }
}

/** A write to what userfaultfd protects, where the kernel itself resolves that: the mark goes; a huge page is split first. */
function* resolveProtection(place: FaultPlace, entry: EntryPlace): Steps {
  const { core, mm, page, area } = place;
  const { tables } = core;
  if (entry.level < tables.last && areaKind(core, area.vma) === 'anonymous') {
    yield* splitAround(core, mm, { page, entry });
    return;
  }
  yield core.step(() => `clear the mark of userfaultfd at ${addressOfText(core, page)}`);
  setBits(core, entry, tables.bits(entry.level, entry.at) & ~protection.userfaultWriteProtect);
}

function* splitAround(core: Core, mm: number, of: { readonly page: number; readonly entry: EntryPlace }): Steps {
  const span = core.tables.span(of.entry.level);
  yield* splitHugePmd(core, mm, { ...of.entry, page: Math.floor(of.page / span) * span, pages: span });
}

/** do_wp_page(): the only user of a page gets it writable, another a copy. */
function* writeProtectedPage(place: FaultPlace, entry: EntryPlace): Steps {
  const { core, mm, page, area } = place;
  core.enter('do_wp_page', () => ({ address: addressOfPage(core, page) }));
  try {
    const { tables, memory } = core;
    const frame = tables.leafAt(entry.level, entry.at) / 4096;
    const isShared = (vmaFlagsOf(core, area.vma) & vmaFlags.shared) !== 0;
    if (isShared || (isCounted(core, entry) && isExclusive(core, frame, entry.level < tables.last))) {
      yield core.step(
        () =>
          `write ${tables.name(entry.level)} entry for ${addressOfText(core, page)}: ${isShared ? 'the file is written' : 'nobody shares the page'}`,
      );
      const special = tables.bits(entry.level, entry.at) & protection.special;
      setBits(core, entry, accessBits(core, area.vma, true) | special);
      return;
    }
    const isHugetlb = areaKind(core, area.vma) === 'hugetlb';
    if (entry.level < tables.last && !isHugetlb) {
      yield* splitAround(core, mm, { page, entry });
      return;
    }
    yield core.step(() => 'copy the page');
    const span = tables.span(entry.level);
    const copy = newFolio(core, {
      mapping: anonVmaOf(core, area.vma),
      index: Math.floor(page / span) * span,
      anonymous: true,
      order: isHugetlb ? Math.log2(tables.span(hugeLevel(core))) : 0,
    });
    if (isHugetlb) core.pages.setType(copy, 'hugetlb');
    memory.copy(copy * 4096, frame * 4096, span * 4096);
    dropMapping(core, mm, entry);
    yield core.step(() => `write ${tables.name(entry.level)} entry for ${addressOfText(core, page)}: the copy`);
    tables.setLeaf(entry.level, entry.at, { address: copy * 4096, bits: accessBits(core, area.vma, true) });
    addMapping(core, mm, { level: entry.level, frame: copy });
  } finally {
    core.leave();
  }
}

/** wp_can_reuse_anon_folio(), PageAnonExclusive(): nobody else maps it, or has a swap entry for it. */
function isExclusive(core: Core, frame: number, whole: boolean): boolean {
  const folio = folioOf(core, frame);
  if (!isAnonymous(core, folio) || mappingsOf(core, frame) !== 1) return false;
  return (orderOf(core, folio) > 0 && !whole) || referencesOf(core, folio) === 1;
}
