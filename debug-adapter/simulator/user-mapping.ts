/** mmap(), munmap(), mprotect() (mm/mmap.c, mm/mprotect.c): areas, and what becomes of the entries under them. */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { splitHugePages } from './huge-page.ts';
import { rootOfMm } from './process.ts';
import { keyShift, protection } from './protection.ts';
import { entriesIn, kindOf, setBits } from './user-entry.ts';
import type { Range } from './user-entry.ts';
import { areaKind, freeVma, keyOf, newVma, setKey, setVmaFlags, splitVma, vmaFlags, vmaFlagsOf } from './vma.ts';
import type { NewArea } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import { areasOf, setAreas } from './vma-tree.ts';
import type { Area } from './vma-tree.ts';
import { zapRange } from './zap.ts';

/** Throws `Fault` for what is no range of user addresses. */
export function checkRange(core: Core, range: Range): void {
  if (range.pages < 1 || range.page < 16 || range.page + range.pages > core.platform.userEnd) {
    throw new Fault('errno', `${addressOfText(core, range.page)} is no range of user addresses`, {
      errno: 'ENOMEM',
      address: addressOfPage(core, range.page),
    });
  }
}

/** Where a mapping of that many pages fits, from mmap_base down; aligned to a large page where it is that large. */
function freeRange(core: Core, mm: number, pages: number): number {
  const large = core.tables.span(core.tables.last - 1);
  let top = core.memory.page(mm + core.types.offset('mm_struct', 'mmap_base'));
  const place = (): number => (pages >= large ? Math.floor((top - pages) / large) * large : top - pages);
  for (const { start, end } of areasOf(core, mm).reverse()) {
    if (end <= place()) break;
    top = Math.min(top, start);
  }
  if (place() < 16) throw new Fault('errno', `no ${pages} pages of address space are free`, { errno: 'ENOMEM' });
  return place();
}

/** What mmap() is asked for; sizes and offsets in pages. */
export interface MmapRequest extends Omit<NewArea, 'page' | 'offset'> {
  /** Where it must be; the kernel chooses where it is undefined. */
  readonly page: number | undefined;
  /** Takes the place of what lies there. */
  readonly replace: boolean;
  /** Undefined for anonymous memory, which counts from its address. */
  readonly offset: number | undefined;
}

/** do_mmap(): the new area. Throws `Fault`; nothing is changed then. */
export function* doMmap(core: Core, mm: number, of: MmapRequest): Steps<Area> {
  core.enter('do_mmap', () => ({
    addr: of.page === undefined ? 0n : addressOfPage(core, of.page),
    len: BigInt(of.pages) * 4096n,
    vm_flags: BigInt(of.flags),
  }));
  try {
    const page = of.page ?? freeRange(core, mm, of.pages);
    const range = { page, pages: of.pages };
    checkRange(core, range);
    if (of.kind === 'hugetlb') checkHugetlb(core, range);
    const overlaps = areasOf(core, mm).some(({ start, end }) => start < page + of.pages && end > page);
    if (overlaps && !of.replace) {
      throw new Fault('errno', `mmap: an area covers ${addressOfText(core, page)} already`, {
        errno: 'EEXIST',
        address: addressOfPage(core, page),
      });
    }
    if (overlaps) yield* doMunmap(core, mm, range);
    yield core.step(() => `insert the area at ${addressOfText(core, page)} into the maple tree`);
    const flags = of.flags | (core.platform.hasSoftDirty ? vmaFlags.softDirty : 0);
    const area = newVma(core, mm, { ...of, page, flags, offset: of.offset ?? page });
    setAreas(
      core,
      mm,
      [...areasOf(core, mm), area].sort((a, b) => a.start - b.start),
    );
    return area;
  } finally {
    core.leave();
  }
}

/** Areas of huge pages begin and end between them. */
function checkHugetlb(core: Core, { page, pages }: Range): void {
  const large = core.tables.span(core.tables.last - 1);
  if (page % large !== 0 || pages % large !== 0) {
    throw new Fault('errno', `${addressOfText(core, page)}: areas of hugetlbfs begin and end at multiples of a huge page`, {
      errno: 'EINVAL',
      address: addressOfPage(core, page),
    });
  }
}

/** Cuts areas at the ends of a range, so that each lies in it whole or not at all. Gives those that do. Throws `Fault`. */
export function* splitAreas(core: Core, mm: number, range: Range): Steps<Area[]> {
  const end = range.page + range.pages;
  const cuts = [range.page, end].map((page) => ({ page, area: areasOf(core, mm).find((one) => one.start < page && one.end > page) }));
  for (const { page, area } of cuts)
    if (area !== undefined && areaKind(core, area.vma) === 'hugetlb') checkHugetlb(core, { page, pages: 0 });
  for (const { page } of cuts) {
    const areas = areasOf(core, mm);
    const index = areas.findIndex((area) => area.start < page && area.end > page);
    const area = areas[index];
    if (area === undefined) continue;
    yield core.step(() => `split the area at ${addressOfText(core, page)}`);
    areas.splice(index, 1, ...splitVma(core, area, page));
    setAreas(core, mm, areas);
  }
  return areasOf(core, mm).filter((area) => area.start >= range.page && area.end <= end);
}

/** do_munmap() */
export function* doMunmap(core: Core, mm: number, range: Range): Steps {
  core.enter('do_munmap', () => ({ start: addressOfPage(core, range.page), len: BigInt(range.pages) * 4096n }));
  try {
    checkRange(core, range);
    const gone = yield* splitAreas(core, mm, range);
    if (gone.length === 0) return;
    for (const area of gone) yield* zapRange(core, mm, { page: area.start, pages: area.end - area.start, area, keepsMarkers: false });
    yield core.step(() => `take ${gone.length} areas out of the maple tree`);
    const vmas = new Set(gone.map(({ vma }) => vma));
    setAreas(
      core,
      mm,
      areasOf(core, mm).filter(({ vma }) => !vmas.has(vma)),
    );
    for (const vma of vmas) freeVma(core, vma);
  } finally {
    core.leave();
  }
}

/** The parts of areas that a range covers, which has no gap. Throws `Fault`. */
export function partsOfAreas(
  core: Core,
  mm: number,
  range: Range & { readonly call: string },
): readonly (Range & { readonly area: Area })[] {
  checkRange(core, range);
  const end = range.page + range.pages;
  const parts = areasOf(core, mm)
    .filter((area) => area.end > range.page && area.start < end)
    .map((area) => {
      const page = Math.max(area.start, range.page);
      return { area, page, pages: Math.min(area.end, end) - page };
    });
  if (parts.reduce((sum, { pages }) => sum + pages, 0) < range.pages) {
    throw new Fault('errno', `${range.call}: no area covers all of the range`, {
      errno: 'ENOMEM',
      address: addressOfPage(core, range.page),
    });
  }
  return parts;
}

/** Areas that cover a range without a gap, cut at its ends. Throws `Fault`; nothing is changed then. */
export function* coveringAreas(core: Core, mm: number, range: Range & { readonly call: string }): Steps<Area[]> {
  partsOfAreas(core, mm, range);
  return yield* splitAreas(core, mm, range);
}

/** do_mprotect_pkey(). `key`: the protection key that the pages get; as it is where undefined. */
export function* doMprotect(core: Core, mm: number, range: Range & { readonly rights: number; readonly key?: number | undefined }): Steps {
  core.enter('do_mprotect_pkey', () => ({ start: addressOfPage(core, range.page), len: BigInt(range.pages) * 4096n }));
  try {
    const areas = yield* coveringAreas(core, mm, { ...range, call: 'mprotect' });
    yield* splitHugePages(core, mm, range);
    const root = rootOfMm(core, mm);
    for (const { vma, start, end } of areas) {
      setVmaFlags(core, vma, (vmaFlagsOf(core, vma) & ~7) | range.rights);
      if (range.key !== undefined) setKey(core, vma, range.key);
      const rights = (range.rights & vmaFlags.exec) === 0 ? 0 : protection.execute;
      const none = range.rights === 0 ? protection.none : 0;
      const changed = protection.write | protection.execute | protection.none | protection.keyMask;
      for (const entry of entriesIn(core, root, { page: start, pages: end - start })) {
        if (kindOf(core, entry) !== 'mapped') continue;
        yield core.step(() => `write ${core.tables.name(entry.level)} entry for ${addressOfText(core, entry.page)}`);
        // Never writable by this: a write fault decides whether the page must be copied.
        const kept = core.tables.bits(entry.level, entry.at) & ~changed;
        setBits(core, entry, kept | rights | none | protection.user | (keyOf(core, vma) << keyShift));
      }
    }
  } finally {
    core.leave();
  }
}
