/** Mappings of the kernel's own pages into a process (mm/mmap.c: _install_special_mapping): the vDSO and its data. */
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { protection } from './protection.ts';
import { doMmap } from './user-mapping.ts';
import { userEntry } from './user-entry.ts';
import { accessBits, fileIndex, privateData, setPrivateData, vmaFlags } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import type { Area } from './vma-tree.ts';

const mostPages = 256 / 8;

/**
 * Maps pages under a name. `pfnMap`: they are mapped at once and not counted, as the vDSO's data; else one by one, when they are
 * read. Throws `Fault`.
 */
export function* installSpecialMapping(
  core: Core,
  mm: number,
  of: {
    readonly name: string;
    readonly page: number | undefined;
    readonly pages: number;
    readonly rights: number;
    readonly pfnMap: boolean;
  },
): Steps<Area> {
  const { memory, types, caches, pages, tables } = core;
  if (of.pages > mostPages) throw new Fault('argument', `a special mapping has at most ${mostPages} pages`);
  const flags = of.rights | vmaFlags.mayRead | vmaFlags.dontExpand;
  const area = yield* doMmap(core, mm, {
    page: of.page,
    pages: of.pages,
    flags: of.pfnMap ? flags | vmaFlags.pfnMap | vmaFlags.io | vmaFlags.dontDump : flags | vmaFlags.mayWrite | vmaFlags.mayExec,
    kind: 'special',
    file: 0,
    offset: 0,
    replace: false,
  });
  const mapping = caches['kmalloc-64'].take();
  const text = caches['kmalloc-64'].take();
  const list = caches['kmalloc-256'].take();
  memory.setText(text, of.name, 64);
  memory.setPointer(mapping + types.offset('vm_special_mapping', 'name'), text);
  memory.setPointer(mapping + types.offset('vm_special_mapping', 'pages'), list);
  setPrivateData(core, area.vma, mapping);
  for (let index = 0; index < of.pages; index++) {
    const frame = pages.takeZeroed();
    memory.setPointer(list + index * memory.pointerSize, pages.pageAt(frame));
    if (!of.pfnMap) continue;
    const at = yield* userEntry(core, mm, { page: area.start + index, level: tables.last });
    yield core.step(() => `write pte entry for ${addressOfText(core, area.start + index)}: data of the kernel`);
    tables.setLeaf(tables.last, at, { address: frame * 4096, bits: accessBits(core, area.vma, false) | protection.special });
  }
  return area;
}

/** The frame of a page of a special mapping; undefined behind its end. */
export function specialPage(core: Core, area: Area, page: number): number | undefined {
  const { memory, types } = core;
  const list = memory.pointer(privateData(core, area.vma) + types.offset('vm_special_mapping', 'pages'));
  const found = memory.pointer(list + fileIndex(core, area, page) * memory.pointerSize);
  return found === 0 ? undefined : core.pages.frameOf(found);
}
