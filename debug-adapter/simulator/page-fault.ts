/** Page faults, fork, swapping and write protection of user memory (mm/memory.c, mm/huge_memory.c, mm/vmscan.c, fs/proc/task_mmu.c). */
import { entryKind } from '../arch/paging-mode.ts';
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { needPages } from './kernel-mapping.ts';
import { anonymousPages, countPages, createProcess, mmOf, newTable, rootOfMm, swappedPages } from './process.ts';
import { protection } from './protection.ts';
import {
  dropEntry,
  entriesIn,
  frameInSwap,
  leaveSwap,
  newVma,
  setVmaFlags,
  splitLargeAtEnds,
  swapSlot,
  vmaFlags,
  vmaFlagsOf,
} from './user-mapping.ts';
import type { Range } from './user-mapping.ts';
import { addressOfText } from './vmap-area.ts';
import { areasOf, setAreas } from './vma-tree.ts';
import type { Area } from './vma-tree.ts';
import { xaInsert } from './xarray.ts';

interface FaultPlace {
  readonly core: Core;
  readonly mm: number;
  readonly area: Area;
  readonly flags: number;
  readonly page: number;
  readonly write: boolean;
}

/** handle_mm_fault(): an access of user mode, with what it brings about. Throws `Fault` where it is not allowed. */
export function* handleFault(core: Core, mm: number, access: { readonly page: number; readonly write: boolean }): Steps {
  const { page, write } = access;
  const address = addressOfPage(core, page);
  core.enter('handle_mm_fault', () => ({ address, write }));
  try {
    const area = areasOf(core, mm).find(({ start, end }) => page >= start && page < end);
    const refuse = (why: string): Fault => new Fault('page-fault', `segfault at ${addressOfText(core, page)} (${why})`, { address });
    if (area === undefined) throw refuse('no area covers it');
    const flags = vmaFlagsOf(core, area.vma);
    if ((flags & (write ? vmaFlags.write : vmaFlags.read | vmaFlags.exec)) === 0)
      throw refuse(write ? 'the area is not writable' : 'the area is not readable');
    needPages(core, 1);
    const place: FaultPlace = { core, mm, area, flags, page, write };
    const { tables } = core;
    const found = tables.walk(rootOfMm(core, mm), page);
    const kind = tables.kind(found.level, found.at);
    if (kind === entryKind.leaf) yield* touch(place, found);
    else if (kind === entryKind.none) yield* anonymousPage(place);
    else if (tables.mode.keepsFrame(found.level, core.memory.u32(found.at), core.memory.u32(found.at + 4))) {
      yield core.step(() => `write ${tables.name(found.level)} entry for ${addressOfText(core, page)}: access is allowed again`);
      tables.setLeaf(found.level, found.at, {
        address: tables.leafAt(found.level, found.at),
        bits: tables.bits(found.level, found.at) & ~protection.none,
      });
      yield* touch(place, found);
    } else yield* swapPageIn(place, found.at);
  } finally {
    core.leave();
  }
}

/** Bits of a page of an area when it has been accessed so. */
function bitsFor({ flags, write }: FaultPlace): number {
  let bits = protection.user | protection.accessed;
  if ((flags & vmaFlags.exec) !== 0) bits |= protection.execute;
  if (write) bits |= protection.write | protection.dirty | protection.softDirty;
  return bits;
}

/** The page is there: a write sets DIRTY, makes a copy of a page that others share, or is resolved by userfaultfd. */
function* touch(place: FaultPlace, at: { readonly level: number; readonly at: number }): Steps {
  const { core, page, write } = place;
  const { tables } = core;
  const bits = tables.bits(at.level, at.at);
  const isWriteProtected = (bits & protection.userfaultWriteProtect) !== 0;
  if (write && (bits & protection.write) === 0) {
    yield* writeProtectedPage(place, at);
    return;
  }
  yield core.step(() => `the CPU marks the ${tables.name(at.level)} entry of ${addressOfText(core, page)}`);
  const marks = write ? protection.accessed | protection.dirty | protection.softDirty : protection.accessed;
  tables.setLeaf(at.level, at.at, {
    address: tables.leafAt(at.level, at.at),
    bits: (isWriteProtected && write ? bits & ~protection.userfaultWriteProtect : bits) | marks,
  });
}

/** do_wp_page(): the only user of a page gets it writable, another a copy. */
function* writeProtectedPage(place: FaultPlace, at: { readonly level: number; readonly at: number }): Steps {
  const { core, mm, page, area } = place;
  core.enter('do_wp_page', () => ({ address: addressOfPage(core, page) }));
  try {
    const { tables, pages, memory } = core;
    const bits = tables.bits(at.level, at.at);
    const frame = tables.leafAt(at.level, at.at) / 4096;
    const own = (bits & protection.special) === 0 && pages.mapCount(frame) === 1;
    if (own || (place.flags & vmaFlags.shared) !== 0) {
      yield core.step(() => `write ${tables.name(at.level)} entry for ${addressOfText(core, page)}: nobody shares the page`);
      tables.setLeaf(at.level, at.at, { address: frame * 4096, bits: bitsFor(place) });
      return;
    }
    if (at.level < tables.last) {
      yield* splitLargeAtEnds(core, mm, { page: Math.floor(page / tables.span(at.level)) * tables.span(at.level) + 1, pages: 1 });
      yield* writeProtectedPage(place, tables.walk(rootOfMm(core, mm), page));
      return;
    }
    yield core.step(() => 'copy the page');
    const copy = pages.take();
    memory.copy(copy * 4096, frame * 4096, 4096);
    pages.setAnonymous(copy, { mapping: anonVma(core, area), index: page, order: 0 });
    dropEntry(core, mm, at);
    yield core.step(() => `write pte entry for ${addressOfText(core, page)}: the copy`);
    tables.setLeaf(at.level, at.at, { address: copy * 4096, bits: bitsFor(place) });
    countPages(core, mm, { counter: anonymousPages, by: 1 });
  } finally {
    core.leave();
  }
}

function anonVma(core: Core, area: Area): number {
  return core.memory.pointer(area.vma + core.types.offset('vm_area_struct', 'anon_vma'));
}

/** do_anonymous_page(): a new page of zeros, the zero page for a read, or a large page where the area may have one. */
function* anonymousPage(place: FaultPlace): Steps {
  const { core, mm, page, area, write, flags } = place;
  const { tables, pages } = core;
  const large = tables.span(tables.last - 1);
  const first = Math.floor(page / large) * large;
  const fits =
    (flags & vmaFlags.hugePage) !== 0 &&
    first >= area.start &&
    first + large <= area.end &&
    write &&
    tables.walk(rootOfMm(core, mm), page).level < tables.last;
  core.enter(fits ? 'do_huge_pmd_anonymous_page' : 'do_anonymous_page', () => ({ address: addressOfPage(core, page) }));
  try {
    if (fits) needPages(core, large);
    const level = fits ? tables.last - 1 : tables.last;
    const at = yield* userEntry(core, mm, { page, level });
    if (!write) {
      yield core.step(() => `write pte entry for ${addressOfText(core, page)}: the zero page`);
      tables.setLeaf(level, at, { address: core.symbol('empty_zero_page'), bits: bitsFor(place) | protection.special });
      return;
    }
    const order = fits ? Math.log2(large) : 0;
    const frame = pages.takeZeroed(order);
    pages.setAnonymous(frame, { mapping: anonVma(core, area), index: fits ? first : page, order });
    yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, page)}: a new page`);
    tables.setLeaf(level, at, { address: frame * 4096, bits: bitsFor(place) });
    countPages(core, mm, { counter: anonymousPages, by: fits ? large : 1 });
  } finally {
    core.leave();
  }
}

/** The place of an entry of a process, with the tables above it. */
function* userEntry(core: Core, mm: number, of: { readonly page: number; readonly level: number }): Steps<number> {
  const { tables } = core;
  const made: number[] = [];
  const root = rootOfMm(core, mm);
  for (let walk = tables.walk(root, of.page, of.level); walk.level < of.level; walk = tables.walk(root, of.page, of.level)) {
    const { level, at } = walk;
    yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, of.page)}: a new ${tables.name(level + 1)} table`);
    tables.setTable(level, at, { table: newTable(core, mm), user: true });
    made.push(at);
  }
  return tables.walk(root, of.page, of.level).at;
}

/** do_swap_page() */
function* swapPageIn(place: FaultPlace, at: number): Steps {
  const { core, mm, page } = place;
  core.enter('do_swap_page', () => ({ address: addressOfPage(core, page) }));
  try {
    const { tables, pages } = core;
    const slot = swapSlot(core, at);
    const frame = frameInSwap(core, slot);
    if (frame === undefined)
      throw new Fault('bug', `BUG: Bad swap entry at ${addressOfText(core, page)}: slot 0x${slot.toString(16)} holds nothing`);
    yield core.step(() => `write pte entry for ${addressOfText(core, page)}: the page of swap slot 0x${slot.toString(16)}`);
    const entry = tables.entry(at);
    const wasWriteProtected = (entry & (core.platform.architecture === 'arm64' ? 8n : 4n)) !== 0n;
    // The swap entry's reference becomes the mapping's.
    pages.addMapCount(frame, 1);
    leaveSwap(core, slot, frame);
    tables.clear(at);
    countPages(core, mm, { counter: swappedPages, by: -1 });
    countPages(core, mm, { counter: anonymousPages, by: 1 });
    const bits = bitsFor({ ...place, write: false }) | protection.softDirty | (wasWriteProtected ? protection.userfaultWriteProtect : 0);
    tables.setLeaf(tables.last, at, { address: frame * 4096, bits });
    if (place.write) yield* touch(place, { level: tables.last, at });
  } finally {
    core.leave();
  }
}

/** try_to_unmap_one(): pages of a range go to the swap cache, their entries become swap entries. */
export function* swapOut(core: Core, mm: number, range: Range): Steps<number> {
  core.enter('shrink_folio_list', () => ({ start: addressOfPage(core, range.page), pages: BigInt(range.pages) }));
  try {
    const { tables, pages, memory } = core;
    yield* splitLargeAtEnds(core, mm, range);
    let count = 0;
    for (const { level, at, page } of entriesIn(core, rootOfMm(core, mm), range)) {
      const bits = tables.bits(level, at);
      if (level !== tables.last || tables.kind(level, at) !== entryKind.leaf || (bits & protection.special) !== 0) continue;
      const frame = tables.leafAt(level, at) / 4096;
      if (pages.mapCount(frame) !== 1) continue;
      const next = core.symbol('simulated_swap');
      const slot = memory.u32(next) + 1;
      memory.setU32(next, slot);
      yield core.step(() => `write pte entry for ${addressOfText(core, page)}: swap slot 0x${slot.toString(16)}`);
      xaInsert(core, core.symbol('swapper_space'), { index: slot, entry: pages.pageAt(frame) });
      pages.setFlag(frame, 'owner_priv_1');
      pages.addMapCount(frame, -1);
      tables.setSwap(at, {
        type: 0,
        offset: slot,
        softDirty: (bits & protection.softDirty) !== 0,
        writeProtected: (bits & protection.userfaultWriteProtect) !== 0,
      });
      countPages(core, mm, { counter: anonymousPages, by: -1 });
      countPages(core, mm, { counter: swappedPages, by: 1 });
      count++;
    }
    return count;
  } finally {
    core.leave();
  }
}

/** fork(): the child has the parent's areas and shares its pages, which neither may write any more (dup_mmap, copy_page_range). */
export function* fork(core: Core, pid: number, comm: string): Steps<number> {
  core.enter('kernel_clone', () => ({ pid: BigInt(pid) }));
  try {
    const parent = mmOf(core, pid);
    const { tables, pages } = core;
    const areas = areasOf(core, parent);
    needPages(core, 16 + areas.length + Math.ceil(areas.reduce((sum, { start, end }) => sum + end - start, 0) / 128));
    const child = yield* createProcess(core, comm, pid);
    const mm = mmOf(core, child);
    const copies: Area[] = [];
    for (const area of areas) {
      const flags = vmaFlagsOf(core, area.vma);
      const range = { page: area.start, pages: area.end - area.start };
      yield core.step(() => `copy the area at ${addressOfText(core, area.start)}`);
      copies.push(newVma(core, mm, { ...range, flags }));
      for (const { level, at, page } of entriesIn(core, rootOfMm(core, parent), range)) {
        const to = yield* userEntry(core, mm, { page, level });
        yield core.step(() => `copy ${tables.name(level)} entry for ${addressOfText(core, page)}`);
        const isLeaf =
          tables.kind(level, at) === entryKind.leaf || tables.mode.keepsFrame(level, core.memory.u32(at), core.memory.u32(at + 4));
        if (isLeaf) {
          const address = tables.leafAt(level, at);
          let bits = tables.bits(level, at);
          if ((flags & vmaFlags.shared) === 0) bits &= ~protection.write;
          tables.setLeaf(level, at, { address, bits });
          tables.setLeaf(level, to, { address, bits });
          if ((bits & protection.special) === 0) {
            pages.addMapCount(address / 4096, 1);
            pages.addReference(address / 4096, 1);
            countPages(core, mm, { counter: anonymousPages, by: tables.span(level) });
          }
        } else {
          tables.copyEntry(to, at);
          const frame = frameInSwap(core, swapSlot(core, at));
          if (frame !== undefined) pages.addReference(frame, 1);
          countPages(core, mm, { counter: swappedPages, by: 1 });
        }
      }
    }
    setAreas(core, mm, copies);
    return child;
  } finally {
    core.leave();
  }
}

/** clear_refs_write() with 4: soft-dirty bits are cleared, and pages write-protected so that the next write is noticed. */
export function* clearSoftDirty(core: Core, mm: number): Steps {
  core.enter('clear_refs_write', () => ({ type: 4n }));
  try {
    const { tables } = core;
    for (const { vma, start, end } of areasOf(core, mm)) {
      setVmaFlags(core, vma, vmaFlagsOf(core, vma) & ~vmaFlags.softDirty);
      for (const { level, at, page } of entriesIn(core, rootOfMm(core, mm), { page: start, pages: end - start })) {
        if (tables.kind(level, at) !== entryKind.leaf) continue;
        yield core.step(() => `clear the soft-dirty bit of ${addressOfText(core, page)}`);
        const bits = tables.bits(level, at) & ~(protection.softDirty | protection.write);
        tables.setLeaf(level, at, { address: tables.leafAt(level, at), bits });
      }
    }
  } finally {
    core.leave();
  }
}

/** mwriteprotect_range(): sets or takes away userfaultfd's write protection of pages that are there. */
export function* writeProtect(core: Core, mm: number, range: Range & { readonly on: boolean }): Steps {
  core.enter('mwriteprotect_range', () => ({
    start: addressOfPage(core, range.page),
    len: BigInt(range.pages) * 4096n,
    enable_wp: range.on,
  }));
  try {
    const { tables } = core;
    yield* splitLargeAtEnds(core, mm, range);
    for (const { level, at, page } of entriesIn(core, rootOfMm(core, mm), range)) {
      if (tables.kind(level, at) !== entryKind.leaf) continue;
      yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, page)}`);
      const before = tables.bits(level, at);
      const bits = range.on ? (before | protection.userfaultWriteProtect) & ~protection.write : before & ~protection.userfaultWriteProtect;
      tables.setLeaf(level, at, { address: tables.leafAt(level, at), bits });
    }
  } finally {
    core.leave();
  }
}
