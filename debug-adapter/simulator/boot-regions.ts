/** What x86 maps at the top of the address space at boot: CPU entry areas, espfix stacks, fixmap, and the table of kmap(). */
import type { TableBuilder } from './table-builder.ts';
import { ensureEntry, pageOf } from './table-builder.ts';
import { kernelProtection, protection } from './protection.ts';
import { cpuEntryArea, cpuEntrySize, entryTrampoline, espfixArea, fixmapTops, x8632Regions } from './x86-regions.ts';

const { alwaysGlobal, write } = protection;
/** PAGE_KERNEL_RO and PAGE_KERNEL of what user mode's tables share. */
const sharedReadOnly = kernelProtection.readOnly | alwaysGlobal;
const shared = sharedReadOnly | write;
const uncached = kernelProtection.data | protection.uncached;

/** Maps what the configuration asks for, in the kernel's own places; frames for it are taken from the builder. */
export function buildX86Regions(builder: TableBuilder): void {
  if (builder.platform.architecture === 'x86-64') {
    buildEntryArea64(builder);
    if (builder.configuration.features.espfix) buildEspfix(builder);
  } else {
    buildEntryArea32(builder);
    // page_table_range_init(): the tables of kmap() slots are there from the beginning on.
    const first = ensureEntry(builder, pageOf(x8632Regions.persistentKmap), builder.tables.last);
    builder.memory.setPointer(builder.image.place('data', 'pkmap_page_table', { size: 8 }), first);
  }
  buildFixmap(builder);
}

function mapPage(builder: TableBuilder, page: number, to: { readonly address: number; readonly bits: number }): void {
  const { tables } = builder;
  tables.setLeaf(tables.last, ensureEntry(builder, page, tables.last), to);
}

/** New pages at `page`, of these rights; `none` leaves a guard page. */
function mapNew(builder: TableBuilder, page: number, bits: readonly (number | 'none')[]): void {
  bits.forEach((one, index) => {
    if (one !== 'none') mapPage(builder, page + index, { address: builder.page(), bits: one });
  });
}

/** The IDT, which is mapped at the beginning of the CPU entry area, and the operand of `lidt` that says so: limit, address. */
function placeInterruptTable(builder: TableBuilder, area: bigint): void {
  const { image, memory } = builder;
  const table = image.place('data', 'idt_table', { size: 4096, align: 4096 });
  mapPage(builder, pageOf(area), { address: table, bits: sharedReadOnly });
  const operand = new DataView(new ArrayBuffer(10));
  operand.setUint16(0, 0xfff, true);
  operand.setBigUint64(2, area, true);
  memory.write(image.place('data', 'idt_descr', { size: 16 }), new Uint8Array(operand.buffer, 0, 2 + memory.pointerSize));
}

/** arch/x86/mm/cpu_entry_area.c: the IDT, then for each CPU GDT, entry stack, TSS, and exception stacks between guard pages. */
function buildEntryArea64(builder: TableBuilder): void {
  const { configuration, image, tables } = builder;
  const start = pageOf(cpuEntryArea);
  placeInterruptTable(builder, cpuEntryArea);
  const stacks = Array.from({ length: 4 }, () => ['none', shared, shared] as const).flat();
  const layout = [sharedReadOnly, shared, ...Array.from({ length: 5 }, () => sharedReadOnly), ...stacks];
  for (let cpu = 0; cpu < configuration.cpus; cpu++) mapNew(builder, start + 1 + (cpu * cpuEntrySize) / 4096, layout);
  if (!configuration.features.kcoreRemap) return;
  // The entry trampoline of 4.18 and 4.19, behind the areas of the CPUs.
  const trampoline = { address: image.places.get('__entry_text_start') ?? 0, bits: sharedReadOnly | protection.execute };
  tables.setLeaf(tables.last, ensureEntry(builder, pageOf(entryTrampoline(configuration.cpus)), tables.last), trampoline);
}

function buildEntryArea32(builder: TableBuilder): void {
  const start = pageOf(x8632Regions.cpuEntryArea);
  placeInterruptTable(builder, x8632Regions.cpuEntryArea);
  const layout = [shared, 'none', shared, 'none', ...Array.from({ length: 6 }, () => shared)] as const;
  for (let cpu = 0; cpu < builder.configuration.cpus; cpu++) mapNew(builder, start + 1 + (cpu * x8632Regions.cpuEntrySize) / 4096, layout);
}

/**
 * arch/x86/kernel/espfix_64.c: 65,536 places for stacks are one page, through one last table that one pmd table repeats,
 * which four entries of a pud table repeat. The tables' entries allow neither writing nor execution.
 */
function buildEspfix(builder: TableBuilder): void {
  const { tables } = builder;
  const [pud, pmd] = [tables.levelOf('pud') ?? 0, tables.levelOf('pmd') ?? 0];
  const stack = builder.page();
  const last = builder.page();
  const middle = builder.page();
  const pagesBetween = 16;
  for (let index = 0; index < tables.entries(tables.last); index += pagesBetween)
    tables.setLeaf(tables.last, last + (index + espfixSlot) * 8, { address: stack, bits: sharedReadOnly });
  for (let index = 0; index < tables.entries(pmd); index++) setReadOnlyTable(builder, middle + index * 8, last);
  const first = ensureEntry(builder, pageOf(espfixArea) + espfixPud * tables.span(pud), pud);
  for (let index = 0; index < 4; index++) setReadOnlyTable(builder, first + index * 8, middle);
}

/** What init_espfix_random() would choose: the first entry of the pud table, and the page among 16. */
const espfixPud = 296;
const espfixSlot = 3;

function setReadOnlyTable({ tables }: TableBuilder, at: number, table: number): void {
  const noExecute = 1n << 63n;
  const presentAccessedDirty = 0x61n;
  tables.setEntry(at, noExecute | BigInt(table) | presentAccessedDirty);
}

/** The tables of the permanent slots, down to the last of 2 MiB, and the interrupt controllers' registers in two of them. */
function buildFixmap(builder: TableBuilder): void {
  const { configuration, platform, tables } = builder;
  const isWide = platform.architecture === 'x86-64';
  const top = pageOf(fixmapTops[isWide ? 'x86-64' : 'x86-32']);
  const span = tables.span(tables.last - 1);
  // level2_fixmap_pgt has two tables at least (FIXMAP_PMD_NUM).
  const lowest = Math.min(top - configuration.fixmapSlots, isWide ? top - span : top);
  for (let page = Math.floor(lowest / span) * span; page <= top; page += span) ensureEntry(builder, page, tables.last);
  // FIX_APIC_BASE and FIX_IO_APIC_BASE_0; 32-bit x86 has a hole in slot 0.
  const slot = isWide ? 2 : 3;
  mapPage(builder, top - slot, { address: 0xfee0_0000, bits: uncached });
  mapPage(builder, top - slot - 1, { address: 0xfec0_0000, bits: uncached });
}
