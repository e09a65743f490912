/**
 * modify_ldt() (arch/x86/kernel/ldt.c): a process's own segment descriptors. Under page-table isolation user mode must reach
 * them, so they are mapped at a fixed place of the kernel's half, in this process's tables alone.
 */
import { entryKind } from '../arch/paging-mode.ts';
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { needPages } from './kernel-mapping.ts';
import { kernelProtection, protection } from './protection.ts';
import { userHalf } from './tables.ts';
import { x8632Regions, x8664Regions } from './x86-regions.ts';

/** LDT_SLOT_STRIDE in pages: a new LDT is mapped in the other slot before the old one goes. */
const slotPages = 16;
/** Descriptors of 8 bytes that fill one page; the hardware allows 8192 (arch/x86/include/uapi/asm/ldt.h: LDT_ENTRIES). */
export const mostLdtEntries = 512;
const readOnly = kernelProtection.readOnly & ~protection.global;

/** LDT_BASE_ADDR, as a page number. */
function ldtBase(core: Core): number {
  const is32 = core.platform.architecture === 'x86-32';
  const base = is32 ? x8632Regions.ldtRemap : x8664Regions[core.tables.mode.levels.length === 5 ? 5 : 4].ldtRemap;
  return Number(base >> 12n);
}

function contextWord(core: Core, mm: number): number {
  return mm + core.types.offset('mm_struct', 'context.ldt');
}

/** write_ldt(): gives the process an LDT of so many entries; the address of its ldt_struct. `newTable` gives an empty page for a table. */
export function* writeLdt(
  core: Core,
  of: { readonly mm: number; readonly root: number; readonly entries: number; readonly newTable: () => number },
): Steps<bigint> {
  core.enter('write_ldt', () => ({ mm: core.memory.virtual(of.mm), entries: BigInt(of.entries) }));
  try {
    const { memory, types, configuration } = core;
    if (core.platform.architecture === 'arm64') throw new Fault('errno', 'modify_ldt: there is no such system call', { errno: 'ENOSYS' });
    if (core.platform.kernelPmds === 'shared' && configuration.pti) throw new Fault('bug', 'the LDT cannot be mapped into shared tables');
    needPages(core, 8);
    const word = contextWord(core, of.mm);
    const old = memory.pointer(word);
    const slot = old === 0 ? 0 : 1 - memory.u32(old + types.offset('ldt_struct', 'slot'));
    yield core.step(() => 'allocate the ldt_struct and its entries');
    const ldt = core.caches['kmalloc-64'].take();
    const entries = core.pages.takeZeroed() * 4096;
    memory.setPointer(ldt + types.offset('ldt_struct', 'entries'), entries);
    memory.setU32(ldt + types.offset('ldt_struct', 'nr_entries'), of.entries);
    memory.setU32(ldt + types.offset('ldt_struct', 'slot'), slot);
    if (configuration.pti) yield* mapLdt(core, { ...of, page: ldtBase(core) + slot * slotPages, address: entries });
    yield core.step(() => 'install the LDT');
    memory.setPointer(word, ldt);
    if (old !== 0) freeLdt(core, of.root, old);
    return memory.virtual(ldt);
  } finally {
    core.leave();
  }
}

/** map_ldt_struct() */
function* mapLdt(
  core: Core,
  of: { readonly root: number; readonly page: number; readonly address: number; readonly newTable: () => number },
): Steps {
  const { tables } = core;
  const { root, page } = of;
  yield core.step(() => `map the LDT at 0x${addressOfPage(core, page).toString(16)}`);
  const make = (level: number, at: number): number => {
    const table = of.newTable();
    tables.setTable(level, at, { table, user: false });
    return table;
  };
  tables.setLeaf(tables.last, tables.ensure(root, page, { level: tables.last, make }), { address: of.address, bits: readOnly });
  // map_ldt_struct_to_user(): the uppermost entry that is the process's own goes to the user half.
  const level = core.platform.architecture === 'x86-32' ? 1 : 0;
  tables.copyEntry(tables.walk(root + userHalf, page, level).at, tables.walk(root, page, level).at);
}

/** Unmaps an LDT that is no longer installed, and frees what it took but for the tables. */
function freeLdt(core: Core, root: number, ldt: number): void {
  const { memory, types, tables } = core;
  const page = ldtBase(core) + memory.u32(ldt + types.offset('ldt_struct', 'slot')) * slotPages;
  if (core.configuration.pti) tables.clear(tables.walk(root, page).at);
  core.pages.give(memory.pointer(ldt + types.offset('ldt_struct', 'entries')) / 4096);
  core.caches['kmalloc-64'].give(ldt);
}

/** destroy_context_ldt(), ldt_arch_exit_mmap(): for a process that ends. */
export function releaseLdt(
  core: Core,
  of: { readonly mm: number; readonly root: number; readonly freeTable: (table: number) => void },
): void {
  if (core.platform.architecture === 'arm64') return;
  const { memory, tables } = core;
  const ldt = memory.pointer(contextWord(core, of.mm));
  if (ldt === 0) return;
  freeLdt(core, of.root, ldt);
  if (!core.configuration.pti) return;
  const page = ldtBase(core);
  const own = core.platform.architecture === 'x86-32' ? 1 : 0;
  for (let level = tables.last - 1; level >= own; level--) {
    const { at } = tables.walk(of.root, page, level);
    if (tables.kind(level, at) !== entryKind.table) continue;
    const table = tables.tableAt(level, at);
    tables.clear(at);
    of.freeTable(table);
  }
}
