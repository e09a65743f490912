/** Small pages that become a huge one (mm/khugepaged.c: collapse_huge_page). */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { folioOf, isAnonymous, mappingsOf, newFolio, referencesOf } from './folio.ts';
import { hugeLevel } from './huge-page.ts';
import { freeTable, rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { addMapping, dropMapping, isCounted, kindOf } from './user-entry.ts';
import type { Range } from './user-entry.ts';
import { accessBits, anonVmaOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import type { Area } from './vma-tree.ts';

/** MADV_COLLAPSE of what huge pages can cover in a part of an anonymous area. Throws `Fault` where pages are shared, swapped out or protected. */
export function* collapseHugePages(core: Core, mm: number, part: Range & { readonly area: Area }): Steps {
  const { tables } = core;
  const large = tables.span(hugeLevel(core));
  for (let first = Math.ceil(part.page / large) * large; first + large <= part.page + part.pages; first += large) {
    const place = tables.walk(rootOfMm(core, mm), first, hugeLevel(core));
    if (place.level === hugeLevel(core) && kindOf(core, place) === 'table')
      yield* collapseTable(core, mm, { area: part.area, first, at: place.at });
  }
}

function* collapseTable(core: Core, mm: number, of: { readonly area: Area; readonly first: number; readonly at: number }): Steps {
  const { area, first, at } = of;
  core.enter('collapse_huge_page', () => ({ address: addressOfPage(core, first) }));
  try {
    const { tables, memory } = core;
    const level = hugeLevel(core);
    const large = tables.span(level);
    const table = tables.tableAt(level, at);
    let isWritable = false;
    for (let index = 0; index < large; index++) {
      const entry = { level: tables.last, at: table + index * 8 };
      const kind = kindOf(core, entry);
      if (kind === 'none') continue;
      const bits = kind === 'mapped' ? tables.bits(entry.level, entry.at) : protection.userfaultWriteProtect;
      if (
        (bits & (protection.userfaultWriteProtect | protection.none)) !== 0 ||
        (isCounted(core, entry) && !isOwn(core, tables.leafAt(entry.level, entry.at) / 4096))
      ) {
        throw new Fault('errno', `madvise: the page at ${addressOfText(core, first + index)} cannot become part of a huge page`, {
          errno: 'EAGAIN',
          address: addressOfPage(core, first + index),
        });
      }
      if ((bits & protection.write) !== 0) isWritable = true;
    }
    const folio = newFolio(core, { mapping: anonVmaOf(core, area.vma), index: first, anonymous: true, order: Math.log2(large) });
    for (let index = 0; index < large; index++) {
      const entry = { level: tables.last, at: table + index * 8 };
      if (kindOf(core, entry) !== 'mapped') continue;
      yield core.step(() => `copy the page at ${addressOfText(core, first + index)}`);
      memory.copy((folio + index) * 4096, tables.leafAt(entry.level, entry.at), 4096);
      dropMapping(core, mm, entry);
    }
    freeTable(core, mm, table);
    yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, first)}: the huge page`);
    tables.setLeaf(level, at, { address: folio * 4096, bits: accessBits(core, area.vma, isWritable) | protection.dirty });
    addMapping(core, mm, { level, frame: folio });
  } finally {
    core.leave();
  }
}

/** Anonymous, and nobody else's; a part of a huge page may be told by its own count alone. */
function isOwn(core: Core, frame: number): boolean {
  const folio = folioOf(core, frame);
  return (
    isAnonymous(core, frame) &&
    mappingsOf(core, frame) === 1 &&
    (folio !== frame || core.pages.flag(folio, 'head') || referencesOf(core, folio) === 1)
  );
}
