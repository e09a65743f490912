/**
 * KASAN's shadow (arch/x86/mm/kasan_init_64.c): a byte for 8 bytes of memory. Of RAM in the direct map it is real; all the
 * rest is one page of zeros, through one table a level that is shared over terabytes (mm/kasan/init.c).
 */
import type { TableBuilder } from './table-builder.ts';
import { directRanges, pageOf } from './table-builder.ts';
import { entryKind } from '../arch/paging-mode.ts';
import { kernelProtection } from './protection.ts';
import { kasanEnd, kasanOffset, x8664Regions } from './x86-regions.ts';

const large = 512;

/** `early` gives memory of that size in bytes, aligned. */
export function buildKasanShadow(builder: TableBuilder, early: (size: number, align: number) => number): void {
  const { platform, memory, tables } = builder;
  const shared = buildEarlyShadow(builder);
  const start = pageOf(x8664Regions[tables.last === 4 ? 5 : 4].kasanStart);
  for (const range of directRanges(memory, platform)) {
    const first = shadowPage(platform.directOffset + BigInt(range.start));
    const end = shadowPage(platform.directOffset + BigInt(range.end) - 1n) + 1;
    const aligned = Math.floor(first / large) * large;
    const pages = Math.ceil((end - aligned) / large) * large;
    const level = tables.last - 1;
    const at = early(pages * 4096, large * 4096);
    for (let done = 0; done < pages; done += large) {
      const entry = tables.ensure(builder.root, aligned + done, { level, make: (above, where) => newTable(builder, above, where) });
      if (tables.kind(level, entry) === entryKind.none)
        tables.setLeaf(level, entry, { address: at + done * 4096, bits: kernelProtection.data });
    }
  }
  fill(builder, shared, { level: 0, table: builder.root, from: start, to: pageOf(kasanEnd) });
}

function shadowPage(address: bigint): number {
  return pageOf(BigInt.asUintN(64, (address >> 3n) + kasanOffset));
}

function newTable(builder: TableBuilder, level: number, at: number): number {
  const table = builder.page();
  builder.tables.setTable(level, at, { table, user: false });
  return table;
}

/** kasan_early_init(): the zero page, and a table a level that is full of entries for the one below; by the level of the entry. */
function buildEarlyShadow({ image, tables }: TableBuilder): readonly number[] {
  const place = (name: string): number => image.place('data', `kasan_early_shadow_${name}`, { size: 4096, align: 4096 });
  const zeros = place('page');
  const shared: number[] = [];
  let below = zeros;
  for (let level = tables.last; level > 0; level--) {
    const table = place(tables.name(level));
    for (let index = 0; index < tables.entries(level); index++) {
      const at = table + index * 8;
      if (level === tables.last) tables.setLeaf(level, at, { address: zeros, bits: kernelProtection.readOnly });
      else tables.setTable(level, at, { table: below, user: false });
    }
    shared[level - 1] = table;
    below = table;
  }
  return shared;
}

/** Makes every empty entry for the pages [from, to) lead to the shared table; a last entry, to the page of zeros. */
function fill(
  builder: TableBuilder,
  shared: readonly number[],
  of: { readonly level: number; readonly table: number; readonly from: number; readonly to: number },
): void {
  const { tables } = builder;
  const { level, table, from, to } = of;
  const span = tables.span(level);
  for (let page = Math.floor(from / span) * span; page < to; page += span) {
    const at = table + tables.index(level, page) * 8;
    const kind = tables.kind(level, at);
    const isWhole = page >= from && page + span <= to;
    if (kind === entryKind.none && isWhole) tables.setTable(level, at, { table: shared[level] ?? 0, user: false });
    else if (kind === entryKind.table || (kind === entryKind.none && level < tables.last)) {
      const below = kind === entryKind.table ? tables.tableAt(level, at) : newTable(builder, level, at);
      fill(builder, shared, { level: level + 1, table: below, from: Math.max(from, page), to: Math.min(to, page + span) });
    }
  }
}
