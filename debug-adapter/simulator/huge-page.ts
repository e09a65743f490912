/** Transparent huge pages (mm/huge_memory.c): their faults, and the table of small pages that takes the place of a large leaf. */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { countMapping, folioOf, getFolio, hugeZeroFrame, newFolio } from './folio.ts';
import { newTable, rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { addMapping, kindOf, setBits, userEntry } from './user-entry.ts';
import type { Range, UserEntry } from './user-entry.ts';
import { accessBits, anonVmaOf, areaKind, userfaultContext, vmaFlags, vmaFlagsOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import type { Area } from './vma-tree.ts';

/** Level of huge pages. */
export function hugeLevel(core: Core): number {
  return core.tables.last - 1;
}

/** Whether a page may come as a huge one: the area wants that, holds it whole, no table stands there yet, and there is one. */
export function fitsHugePage(core: Core, mm: number, of: { readonly area: Area; readonly page: number }): boolean {
  const large = core.tables.span(hugeLevel(core));
  const first = Math.floor(of.page / large) * large;
  if ((vmaFlagsOf(core, of.area.vma) & vmaFlags.hugePage) === 0 || areaKind(core, of.area.vma) !== 'anonymous') return false;
  if (first < of.area.start || first + large > of.area.end) return false;
  if (!core.pages.has(Math.log2(large))) return false;
  const { level, at } = core.tables.walk(rootOfMm(core, mm), of.page, hugeLevel(core));
  return level < hugeLevel(core) || kindOf(core, { level, at }) === 'none';
}

/** do_huge_pmd_anonymous_page(): a huge page of zeros, the one of all readers where nothing is written. Throws `Fault`. */
export function* hugeAnonymousPage(
  core: Core,
  mm: number,
  of: { readonly area: Area; readonly page: number; readonly write: boolean },
): Steps {
  core.enter('do_huge_pmd_anonymous_page', () => ({ address: addressOfPage(core, of.page), write: of.write }));
  try {
    const { tables } = core;
    const level = hugeLevel(core);
    const large = tables.span(level);
    const first = Math.floor(of.page / large) * large;
    const at = yield* userEntry(core, mm, { page: first, level });
    const bits = accessBits(core, of.area.vma, of.write);
    if (!of.write) {
      const frame = yield* takeHugeZero(core);
      yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, first)}: the huge zero page`);
      tables.setLeaf(level, at, { address: frame * 4096, bits });
      return;
    }
    const folio = newFolio(core, { mapping: anonVmaOf(core, of.area.vma), index: first, anonymous: true, order: Math.log2(large) });
    yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, first)}: a new huge page`);
    tables.setLeaf(level, at, { address: folio * 4096, bits });
    addMapping(core, mm, { level, frame: folio });
  } finally {
    core.leave();
  }
}

/** get_huge_zero_page() */
function* takeHugeZero(core: Core): Steps<number> {
  const known = hugeZeroFrame(core);
  if (known !== 0) return known;
  yield core.step(() => 'allocate the huge zero page');
  const frame = newFolio(core, { mapping: 0, index: 0, anonymous: false, order: Math.log2(core.tables.span(hugeLevel(core))) });
  core.memory.setWord(core.symbol('huge_zero_pfn'), frame);
  return frame;
}

/** Huge pages that a range cuts are mapped by small pages (__split_huge_pmd); those of hugetlb cannot be cut. */
export function* splitHugePages(core: Core, mm: number, range: Range): Steps {
  const { tables } = core;
  for (const page of [range.page, range.page + range.pages]) {
    const { level, at } = tables.walk(rootOfMm(core, mm), page);
    if (level === tables.last || page % tables.span(level) === 0 || kindOf(core, { level, at }) !== 'mapped') continue;
    const first = Math.floor(page / tables.span(level)) * tables.span(level);
    yield* splitHugePmd(core, mm, { level, at, page: first, pages: tables.span(level) });
  }
}

/** __split_huge_pmd(): the folio stays whole; each of its pages is mapped by itself. */
export function* splitHugePmd(core: Core, mm: number, of: UserEntry): Steps {
  core.enter('__split_huge_pmd', () => ({ address: addressOfPage(core, of.page) }));
  try {
    const { tables } = core;
    const frame = tables.leafAt(of.level, of.at) / 4096;
    const bits = tables.bits(of.level, of.at);
    const isZero = frame === hugeZeroFrame(core);
    const table = newTable(core, mm);
    yield core.step(() => `fill a ${tables.name(of.level + 1)} table with the pages of the huge page`);
    const zero = core.symbol('empty_zero_page');
    for (let index = 0; index < of.pages; index++) {
      tables.setLeaf(of.level + 1, table + index * 8, {
        address: isZero ? zero : (frame + index) * 4096,
        bits: isZero ? bits | protection.special : bits,
      });
    }
    if (!isZero) {
      getFolio(core, folioOf(core, frame), of.pages - 1);
      for (let index = 0; index < of.pages; index++) countMapping(core, frame + index, { by: 1, whole: false });
      countMapping(core, frame, { by: -1, whole: true });
    }
    yield core.step(() => `write ${tables.name(of.level)} entry for ${addressOfText(core, of.page)}: the new table`);
    tables.setTable(of.level, of.at, { table, user: true });
  } finally {
    core.leave();
  }
}

/** hugetlb_no_page(): a page at the level whose entries are as large. Throws `Fault` where there is none. */
export function* hugetlbPage(
  core: Core,
  mm: number,
  of: { readonly area: Area; readonly page: number; readonly write: boolean; readonly writeProtected: boolean },
): Steps {
  core.enter('hugetlb_no_page', () => ({ address: addressOfPage(core, of.page), write: of.write }));
  try {
    const { tables } = core;
    const level = hugeLevel(core);
    const large = tables.span(level);
    const first = Math.floor(of.page / large) * large;
    if (!core.pages.has(Math.log2(large))) {
      throw new Fault('page-fault', `Bus error at ${addressOfText(core, of.page)} (no huge page is free)`, {
        address: addressOfPage(core, of.page),
      });
    }
    const at = yield* userEntry(core, mm, { page: first, level });
    const folio = newFolio(core, { mapping: anonVmaOf(core, of.area.vma), index: first, anonymous: true, order: Math.log2(large) });
    core.pages.setType(folio, 'hugetlb');
    yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, first)}: a page of hugetlbfs`);
    // make_huge_pte(): writable areas have writable, dirty entries at once.
    const isWritable = (vmaFlagsOf(core, of.area.vma) & vmaFlags.write) !== 0;
    const bits = accessBits(core, of.area.vma, isWritable);
    tables.setLeaf(level, at, { address: folio * 4096, bits });
    countMapping(core, folio, { by: 1, whole: true });
    if (of.writeProtected && userfaultContext(core, of.area.vma) !== 0) {
      setBits(core, { level, at }, (bits & ~protection.write) | protection.userfaultWriteProtect);
    }
  } finally {
    core.leave();
  }
}
