/**
 * Uses of pages by processes (mm/rmap.c, include/linux/mm.h): whose a page is, how often it is mapped, and when it is freed. A
 * folio is known by its first frame; one of order 0 is a single page. Each mapping, each swap entry and the page cache hold a
 * reference.
 */
import type { Core } from './core.ts';
import { pageTypes } from './kernel-types.ts';

/** Tag of page.mapping of anonymous pages (PAGE_MAPPING_ANON). */
const mappingAnon = 1;

interface Offsets {
  readonly head: number;
  readonly mapping: number;
  readonly index: number;
  readonly mapCount: number;
  readonly count: number;
  readonly size: number;
  /** From the head's struct page. */
  readonly order: number;
  readonly entire: number;
  readonly largeMapCount: number;
}

function offsetsOf({ types }: Core): Offsets {
  return {
    head: types.offset('page', 'compound_head'),
    mapping: types.offset('page', 'mapping'),
    index: types.offset('page', 'index'),
    mapCount: types.offset('page', '_mapcount'),
    count: types.offset('page', '_refcount'),
    size: types.size('page'),
    order: types.offset('folio', '_flags_1'),
    entire: types.offset('folio', '_entire_mapcount'),
    largeMapCount: types.offset('folio', '_large_mapcount'),
  };
}

function add(core: Core, at: number, by: number): void {
  core.memory.setU32(at, (core.memory.u32(at) + by) >>> 0);
}

/** First frame of the folio that a frame belongs to (compound_head). */
export function folioOf(core: Core, frame: number): number {
  const { memory, pages } = core;
  const word = memory.pointer(pages.pageAt(frame) + core.once(offsetsOf).head);
  return word % 2 === 1 ? pages.frameOf(word - 1) : frame;
}

/** log2 of a folio's pages. */
export function orderOf(core: Core, folio: number): number {
  return core.pages.flag(folio, 'head') ? core.memory.u32(core.pages.pageAt(folio) + core.once(offsetsOf).order) & 0xff : 0;
}

/** What a new folio is of: an anon_vma, or an address_space; and where in it, in pages. */
export interface FolioUse {
  /** Physical address of the anon_vma or the address_space; 0 for neither. */
  readonly mapping: number;
  readonly index: number;
  readonly anonymous: boolean;
  readonly order?: number;
}

/** Pages for a process or a file, filled with zeros, with one reference and no mapping. Throws `Fault`. */
export function newFolio(core: Core, use: FolioUse): number {
  const { memory, pages } = core;
  const at = core.once(offsetsOf);
  const order = use.order ?? 0;
  const folio = pages.takeZeroed(order);
  const head = pages.pageAt(folio);
  if (order > 0) {
    for (let tail = 1; tail < 2 ** order; tail++) {
      const page = pages.pageAt(folio + tail);
      memory.setPointer(page + at.head, head + 1);
      memory.setU32(page + at.count, 0);
    }
    pages.setFlag(folio, 'head');
    memory.setU32(head + at.order, (memory.u32(head + at.order) & ~0xff) | order);
    memory.setU32(head + at.entire, 0xffff_ffff);
    memory.setU32(head + at.largeMapCount, 0xffff_ffff);
  }
  setFolioUse(core, folio, use);
  pages.setFlag(folio, 'uptodate');
  return folio;
}

/** Changes whose a folio is. */
export function setFolioUse(core: Core, folio: number, use: FolioUse): void {
  const { memory, pages } = core;
  const at = core.once(offsetsOf);
  const head = pages.pageAt(folio);
  memory.setPointer(head + at.mapping, use.mapping + (use.anonymous ? mappingAnon : 0));
  memory.setWord(head + at.index, use.index);
  if (use.anonymous) pages.setFlag(folio, 'swapbacked');
}

/** Whether page.mapping of the folio's head says PAGE_MAPPING_ANON. */
export function isAnonymous(core: Core, frame: number): boolean {
  const head = core.pages.pageAt(folioOf(core, frame));
  return core.memory.pointer(head + core.once(offsetsOf).mapping) % 2 === mappingAnon;
}

/** First frame of the huge page of zeros, which all readers share; 0 while there is none. */
export function hugeZeroFrame(core: Core): number {
  const frame = core.memory.u32(core.symbol('huge_zero_pfn'));
  return frame === 0xffff_ffff ? 0 : frame;
}

/** Whether the head's page_type is PGTY_hugetlb. */
export function isHugetlb(core: Core, folio: number): boolean {
  return core.memory.u32(core.pages.pageAt(folio) + core.types.offset('page', 'page_type')) >>> 24 === pageTypes.hugetlb;
}

/** page.index of a folio. */
export function folioIndex(core: Core, folio: number): number {
  return core.memory.word(core.pages.pageAt(folio) + core.once(offsetsOf).index);
}

/** page._refcount of the head. */
export function referencesOf(core: Core, folio: number): number {
  return core.memory.u32(core.pages.pageAt(folio) + core.once(offsetsOf).count);
}

/** Takes `by` references (folio_ref_add()). */
export function getFolio(core: Core, folio: number, by = 1): void {
  add(core, core.pages.pageAt(folio) + core.once(offsetsOf).count, by);
}

/** Lets a reference go; a folio without any is freed (folio_put). */
export function putFolio(core: Core, folio: number): void {
  getFolio(core, folio, -1);
  if (referencesOf(core, folio) === 0) core.pages.give(folio, orderOf(core, folio));
}

/** Counts a mapping of one page (`whole`: of the whole folio, by one large leaf), or takes it off the count. References are not changed. */
export function countMapping(core: Core, frame: number, of: { readonly by: 1 | -1; readonly whole: boolean }): void {
  const at = core.once(offsetsOf);
  const folio = folioOf(core, frame);
  const head = core.pages.pageAt(folio);
  add(core, of.whole ? head + at.entire : core.pages.pageAt(frame) + at.mapCount, of.by);
  if (orderOf(core, folio) > 0) add(core, head + at.largeMapCount, of.by);
}

/** How often a page is mapped, by itself or with its whole folio (folio_precise_page_mapcount). */
export function mappingsOf(core: Core, frame: number): number {
  const at = core.once(offsetsOf);
  const folio = folioOf(core, frame);
  const raw = core.memory.u32(core.pages.pageAt(frame) + at.mapCount) | 0;
  const own = raw < -1 ? 0 : raw + 1;
  return orderOf(core, folio) === 0 ? own : own + (core.memory.u32(core.pages.pageAt(folio) + at.entire) | 0) + 1;
}
