/** set_memory_*() (arch/x86/mm/pat/set_memory.c): rights of the kernel's own mappings, and splitting large leaves. */
import { entryKind } from '../arch/paging-mode.ts';
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { needPages, pgdList, syncKernelMappings } from './kernel-mapping.ts';
import { protection } from './protection.ts';
import { addressOfText } from './vmap-area.ts';

/** Bits that set_memory_*() gives to kernel mappings, and those that it takes. */
export interface MemoryChange {
  readonly set: readonly (keyof typeof protection)[];
  readonly clear: readonly (keyof typeof protection)[];
  /** Whether the pages are present then; undefined leaves that as it is. */
  readonly present?: boolean;
}

const presentBit = 0x1;

/** Changes pages of the kernel. Throws `Fault` where one has no entry. */
export function* setMemory(core: Core, range: { readonly page: number; readonly pages: number }, change: MemoryChange): Steps {
  const { tables, root, memory } = core;
  const bits = (names: readonly (keyof typeof protection)[]): number => names.reduce((all, name) => all | protection[name], 0);
  const set = bits(change.set);
  const clear = bits(change.clear);
  const end = range.page + range.pages;
  needPages(core, 0);
  for (let page = range.page; page < end; page++) {
    const { level, at } = tables.walk(root, page);
    const kind = tables.kind(level, at);
    const wasTakenAway = kind === entryKind.notPresent && change.present === true;
    if (kind !== entryKind.leaf && !wasTakenAway) {
      throw new Fault('warning', `CPA: called for zero pte. vaddr = ${addressOfText(core, page)}`, {
        address: addressOfPage(core, page),
        level: tables.name(level),
      });
    }
  }
  for (let page = range.page; page < end;) {
    const { level, at } = tables.walk(root, page);
    const span = tables.span(level);
    if (level < tables.last && (page % span !== 0 || end - page < span)) {
      yield* splitLargePage(core, page, { level, at });
      continue;
    }
    const here = page;
    yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, here)}`);
    if (change.present === undefined) {
      const before = tables.bits(level, at);
      tables.setLeaf(level, at, { address: tables.leafAt(level, at), bits: (before & ~clear) | set });
      copyToRoots(core, page, { level, at });
    } else {
      const low = memory.u32(at);
      memory.setU32(at, (change.present ? low | presentBit : low & ~presentBit) >>> 0);
    }
    page += span;
  }
}

/** With own kernel PMDs a process's copy of a large leaf is changed too (__set_pmd_pte). */
function copyToRoots(core: Core, page: number, of: { readonly level: number; readonly at: number }): void {
  const { tables } = core;
  if (core.platform.kernelPmds !== 'copied' || of.level !== 1) return;
  for (const root of pgdList(core))
    tables.copyEntry(tables.tableAt(0, root + tables.index(0, page) * 8) + tables.index(1, page) * 8, of.at);
}

/** __split_large_page(): a table with leaves of the next size and the same rights takes the leaf's place. */
export function* splitLargePage(core: Core, page: number, of: { readonly level: number; readonly at: number }): Steps {
  core.enter('__split_large_page', () => ({ address: addressOfPage(core, page) }));
  try {
    const { tables } = core;
    const { level, at } = of;
    const table = core.pages.takeZeroed() * 4096;
    const address = tables.leafAt(level, at);
    const bits = tables.bits(level, at);
    const step = tables.span(level + 1) * 4096;
    yield core.step(() => `fill a ${tables.name(level + 1)} table with the pages of the ${tables.name(level)} leaf`);
    for (let index = 0; index < tables.entries(level + 1); index++)
      tables.setLeaf(level + 1, table + index * 8, { address: address + index * step, bits });
    yield core.step(() => `write ${tables.name(level)} entry for ${addressOfText(core, page)}: the new table`);
    tables.setTable(level, at, { table, user: false });
    copyToRoots(core, page, of);
    yield* syncKernelMappings(core, page, page + 1);
  } finally {
    core.leave();
  }
}
