/** The kernel's own page tables as they are after start-up: image, direct map, vmemmap, and what is kept ready for vmalloc. */
import type { NumberRange } from '../base/range.ts';
import { imageSectionSize } from './image-builder.ts';
import { buildX86Regions } from './boot-regions.ts';
import { kernelProtection, protection } from './protection.ts';
import { directRanges, ensureEntry, pageOf } from './table-builder.ts';
import type { TableBuilder } from './table-builder.ts';

const largePages = 512;

/** Maps all; `memoryMap`: the blocks of struct pages, by frames, with their places. */
export function buildTables(builder: TableBuilder, memoryMap: readonly (NumberRange & { readonly at: number })[], pageSize: number): void {
  const { memory, platform, image } = builder;
  const sections = [
    { at: image.start('text'), bits: kernelProtection.code, alias: kernelProtection.readOnly },
    { at: image.start('entry'), bits: kernelProtection.code | protection.alwaysGlobal, alias: kernelProtection.readOnly },
    { at: image.start('rodata'), bits: kernelProtection.readOnly, alias: kernelProtection.readOnly },
    { at: image.start('data'), bits: kernelProtection.data, alias: kernelProtection.data },
  ];
  // With PAE the image is a part of the direct map.
  const inDirectMap = memory.virtual(platform.image.physical) === platform.directOffset + BigInt(platform.image.physical);
  if (!inDirectMap) {
    for (const { at, bits } of sections)
      mapRange(builder, { page: pageOf(memory.virtual(at)), address: at, pages: imageSectionSize / 4096, bits });
  }
  for (const range of directRanges(memory, platform)) {
    let start = range.start;
    for (const { at, bits, alias } of sections) {
      if (at < start || at >= range.end) continue;
      mapDirect(builder, { start, end: at }, kernelProtection.data);
      mapDirect(builder, { start: at, end: at + imageSectionSize }, inDirectMap ? bits : alias);
      start = at + imageSectionSize;
    }
    mapDirect(builder, { start, end: range.end }, kernelProtection.data);
  }
  const { vmemmap } = platform;
  if (vmemmap !== undefined) {
    for (const { start, end, at } of memoryMap) {
      const page = pageOf(BigInt.asUintN(64, vmemmap + BigInt(start * pageSize)));
      mapRange(builder, { page, address: at, pages: ((end - start) * pageSize) / 4096, bits: kernelProtection.data });
    }
  }
  prepareVmalloc(builder);
  if (platform.architecture !== 'arm64') buildX86Regions(builder);
}

function mapDirect(builder: TableBuilder, range: NumberRange, bits: number): void {
  if (range.end <= range.start) return;
  const { memory, platform } = builder;
  const offset = BigInt.asUintN(64, platform.directOffset + BigInt(range.start));
  const page = pageOf(platform.pointerSize === 4 ? BigInt.asUintN(32, offset) : offset);
  const pages = (range.end - range.start) / 4096;
  // A PC's first 2 MiB are mapped page by page, for the hole below 1 MiB.
  const low = platform.architecture === 'arm64' || memory.ranges[0]?.start !== 0 || range.start !== 0 ? 0 : Math.min(pages, largePages);
  mapRange(builder, { page, address: range.start, pages: low, bits, small: true });
  mapRange(builder, { page: page + low, address: range.start + low * 4096, pages: pages - low, bits });
}

interface Mapping {
  readonly page: number;
  readonly address: number;
  readonly pages: number;
  readonly bits: number;
  readonly small?: boolean;
}

/** Maps with the largest leaves that fit: 1 GiB (not with PAE), 2 MiB, 4 KiB. */
function mapRange(builder: TableBuilder, mapping: Mapping): void {
  const { tables } = builder;
  const largest = mapping.small === true ? tables.last : Math.max(tables.levelOf('pud') ?? 0, tables.levelOf('pmd') === undefined ? 0 : 1);
  for (let done = 0; done < mapping.pages;) {
    const page = mapping.page + done;
    const address = mapping.address + done * 4096;
    let level = largest;
    while (level < tables.last) {
      const span = tables.span(level);
      if (page % span === 0 && address % (span * 4096) === 0 && mapping.pages - done >= span) break;
      level++;
    }
    tables.setLeaf(level, ensureEntry(builder, page, level), { address, bits: mapping.bits });
    done += tables.span(level);
  }
}

/** preallocate_vmalloc_pages() (arch/x86/mm/init_64.c): the upper entries of the vmalloc space are never added later. */
function prepareVmalloc(builder: TableBuilder): void {
  const { platform, tables } = builder;
  if (platform.architecture !== 'x86-64') return;
  const span = tables.span(0);
  for (let page = Math.floor(platform.vmalloc.start / span) * span; page < platform.vmalloc.end; page += span)
    ensureEntry(builder, page, 1);
  // The module area shares the image's upper entry.
  ensureEntry(builder, platform.modules.start, tables.last - 1);
}
