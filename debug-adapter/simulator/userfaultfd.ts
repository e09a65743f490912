/** userfaultfd (fs/userfaultfd.c, mm/userfaultfd.c): registering areas, and write protection of pages, of which markers remember what is not there. */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { hugeLevel, splitHugePages } from './huge-page.ts';
import { rootOfMm } from './process.ts';
import { protection } from './protection.ts';
import { kindOf, marker, placesIn, setBits, setMarker, swapEntry, userEntry } from './user-entry.ts';
import type { Range, UserEntry } from './user-entry.ts';
import { coveringAreas } from './user-mapping.ts';
import { accessBits, areaKind, setUserfaultContext, setVmaFlags, userfaultContext, vmaFlags, vmaFlagsOf } from './vma.ts';
import { addressOfText } from './vmap-area.ts';
import { areasOf } from './vma-tree.ts';
import type { Area } from './vma-tree.ts';

/** UFFD_FEATURE_* (include/uapi/linux/userfaultfd.h). */
export const userfaultFeatures = { WP_HUGETLBFS_SHMEM: 0x1000, WP_UNPOPULATED: 0x2000, POISON: 0x4000, WP_ASYNC: 0x8000 } as const;
/** UFFDIO_REGISTER_MODE_*. */
export const userfaultModes = { MISSING: 1, WP: 2 } as const;

function featuresOf(core: Core, vma: number): number {
  const context = userfaultContext(core, vma);
  return context === 0 ? 0 : core.memory.u32(context + core.types.offset('userfaultfd_ctx', 'features'));
}

/** userfaultfd_wp_async(): the kernel itself resolves writes to what is protected. */
export function isAsynchronous(core: Core, vma: number): boolean {
  return (featuresOf(core, vma) & userfaultFeatures.WP_ASYNC) !== 0;
}

/** userfaultfd_wp_use_markers() */
function usesMarkers(core: Core, vma: number): boolean {
  if ((vmaFlagsOf(core, vma) & vmaFlags.uffdWriteProtect) === 0) return false;
  return areaKind(core, vma) !== 'anonymous' || (featuresOf(core, vma) & userfaultFeatures.WP_UNPOPULATED) !== 0;
}

/** userfaultfd_register(). Throws `Fault`. */
export function* registerUserfault(core: Core, mm: number, of: Range & { readonly features: number; readonly modes: number }): Steps {
  core.enter('userfaultfd_register', () => ({ start: addressOfPage(core, of.page), mode: BigInt(of.modes) }));
  try {
    const { memory, types, platform } = core;
    const inval = (why: string): Fault =>
      new Fault('errno', `userfaultfd: ${why}`, { errno: 'EINVAL', address: addressOfPage(core, of.page) });
    if ((of.modes & userfaultModes.WP) !== 0 && !platform.hasUserfaultWriteProtect) throw inval('this architecture cannot write-protect');
    const end = of.page + of.pages;
    const inside = areasOf(core, mm).filter((area) => area.end > of.page && area.start < end);
    if (inside.length === 0) throw inval('no area is in the range');
    if (inside.some(({ vma }) => ['file', 'secret', 'device', 'special'].includes(areaKind(core, vma)))) {
      throw inval('an area of a file on a disk or of a device is in the range');
    }
    if (inside.some(({ vma }) => userfaultContext(core, vma) !== 0)) {
      throw new Fault('errno', 'userfaultfd: an area is registered with another already', { errno: 'EBUSY' });
    }
    const covered = inside.map((area) => ({ page: Math.max(area.start, of.page), end: Math.min(area.end, end) }));
    const context = core.caches['kmalloc-64'].take();
    memory.setU32(context + types.offset('userfaultfd_ctx', 'features'), of.features);
    memory.setPointer(context + types.offset('userfaultfd_ctx', 'mm'), mm);
    const flags =
      ((of.modes & userfaultModes.WP) === 0 ? 0 : vmaFlags.uffdWriteProtect) |
      ((of.modes & userfaultModes.MISSING) === 0 ? 0 : vmaFlags.uffdMissing);
    for (const part of covered) {
      for (const { vma } of yield* coveringAreas(core, mm, { page: part.page, pages: part.end - part.page, call: 'userfaultfd' })) {
        yield core.step(() => `register the area at ${addressOfText(core, part.page)}`);
        setVmaFlags(core, vma, vmaFlagsOf(core, vma) | flags);
        setUserfaultContext(core, vma, context);
      }
    }
  } finally {
    core.leave();
  }
}

/** Areas of a range, which must all be registered. Throws `Fault`. */
function* registeredAreas(core: Core, mm: number, range: Range & { readonly flag: number }): Steps<Area[]> {
  const end = range.page + range.pages;
  const inside = areasOf(core, mm).filter((area) => area.end > range.page && area.start < end);
  if (inside.length === 0 || inside.some(({ vma }) => (vmaFlagsOf(core, vma) & range.flag) === 0)) {
    throw new Fault('errno', `userfaultfd: the range at ${addressOfText(core, range.page)} is not registered for that`, {
      errno: 'ENOENT',
      address: addressOfPage(core, range.page),
    });
  }
  yield core.step(() => `look up the areas of ${addressOfText(core, range.page)}`);
  return inside;
}

/** mwriteprotect_range(): protection of all pages of a range is set or taken away. Throws `Fault`. */
export function* writeProtect(core: Core, mm: number, range: Range & { readonly on: boolean }): Steps {
  core.enter('mwriteprotect_range', () => ({
    start: addressOfPage(core, range.page),
    len: BigInt(range.pages) * 4096n,
    enable_wp: range.on,
  }));
  try {
    for (const area of yield* registeredAreas(core, mm, { ...range, flag: vmaFlags.uffdWriteProtect })) {
      const page = Math.max(area.start, range.page);
      yield* protectRange(core, mm, { area, page, pages: Math.min(area.end, range.page + range.pages) - page, on: range.on });
    }
  } finally {
    core.leave();
  }
}

/** A range of an area that is write-protected for userfaultfd, or no more. */
export interface Protection extends Range {
  readonly area: Area;
  readonly on: boolean;
}

/** uffd_wp_range(), change_protection() with MM_CP_UFFD_WP: for a range inside an area. Throws `Fault`. */
export function* protectRange(core: Core, mm: number, of: Protection): Steps {
  core.enter('uffd_wp_range', () => ({ start: addressOfPage(core, of.page), len: BigInt(of.pages) * 4096n, enable_wp: of.on }));
  try {
    const isHugetlb = areaKind(core, of.area.vma) === 'hugetlb';
    if (!isHugetlb) yield* splitHugePages(core, mm, of);
    for (const entry of [...placesIn(core, rootOfMm(core, mm), of)]) {
      switch (kindOf(core, entry)) {
        case 'mapped':
          yield* protectPage(core, entry, of.on);
          break;
        case 'swap':
          yield core.step(
            () => `write ${core.tables.name(entry.level)} entry for ${addressOfText(core, entry.page)}: a protected swap entry`,
          );
          core.tables.setSwap(entry.at, { ...swapEntry(core, entry.at), writeProtected: of.on });
          break;
        case 'marker':
          if (of.on || swapEntry(core, entry.at).offset !== marker.writeProtected) break;
          yield core.step(() => `clear the marker of ${addressOfText(core, entry.page)}`);
          core.tables.clear(entry.at);
          break;
        default:
          if (of.on && usesMarkers(core, of.area.vma))
            yield* markMissing(core, mm, { entry, level: isHugetlb ? hugeLevel(core) : core.tables.last });
      }
    }
  } finally {
    core.leave();
  }
}

function* protectPage(core: Core, entry: UserEntry, on: boolean): Steps {
  yield core.step(() => `write ${core.tables.name(entry.level)} entry for ${addressOfText(core, entry.page)}`);
  const before = core.tables.bits(entry.level, entry.at);
  setBits(core, entry, on ? (before | protection.userfaultWriteProtect) & ~protection.write : before & ~protection.userfaultWriteProtect);
}

/** Markers for pages that are not there, with the tables to hold them (change_pmd_prepare()). */
function* markMissing(core: Core, mm: number, of: { readonly entry: UserEntry; readonly level: number }): Steps {
  const { tables } = core;
  const span = tables.span(of.level);
  const end = of.entry.page + of.entry.pages;
  for (let page = of.entry.page; page < end; page = (Math.floor(page / span) + 1) * span) {
    const at = yield* userEntry(core, mm, { page, level: of.level });
    const here = page;
    yield core.step(() => `write ${tables.name(of.level)} entry for ${addressOfText(core, here)}: a marker of write protection`);
    setMarker(core, at, marker.writeProtected);
  }
}

/** mfill_atomic_pte_poison(): the next access of a page that is not there ends in a signal. Throws `Fault`. */
export function* poisonPages(core: Core, mm: number, range: Range): Steps {
  yield* fillMissing(core, mm, { ...range, call: 'mfill_atomic_poison' }, (at) => {
    setMarker(core, at, marker.poisoned);
  });
}

/** mfill_atomic_pte_zeropage(): pages that are not there are the zero page. Throws `Fault`. */
export function* fillWithZeroPages(core: Core, mm: number, range: Range): Steps {
  yield* fillMissing(core, mm, { ...range, call: 'mfill_atomic_zeropage' }, (at, area) => {
    const bits = accessBits(core, area.vma, false) | protection.special;
    core.tables.setLeaf(core.tables.last, at, { address: core.symbol('empty_zero_page'), bits });
  });
}

function* fillMissing(core: Core, mm: number, of: Range & { readonly call: string }, fill: (at: number, area: Area) => void): Steps {
  core.enter(of.call, () => ({ dst_start: addressOfPage(core, of.page), len: BigInt(of.pages) * 4096n }));
  try {
    const { tables } = core;
    const flag = vmaFlags.uffdMissing | vmaFlags.uffdWriteProtect;
    const areas = yield* registeredAreas(core, mm, { ...of, flag });
    const root = rootOfMm(core, mm);
    for (const area of areas) {
      const end = Math.min(area.end, of.page + of.pages);
      for (let page = Math.max(area.start, of.page); page < end; page++) {
        if (areaKind(core, area.vma) !== 'anonymous' || kindOf(core, tables.walk(root, page)) !== 'none') {
          throw new Fault('errno', `userfaultfd: there is something at ${addressOfText(core, page)} already`, {
            errno: 'EEXIST',
            address: addressOfPage(core, page),
          });
        }
      }
    }
    for (const area of areas) {
      const end = Math.min(area.end, of.page + of.pages);
      for (let page = Math.max(area.start, of.page); page < end; page++) {
        const at = yield* userEntry(core, mm, { page, level: tables.last });
        const here = page;
        yield core.step(() => `write pte entry for ${addressOfText(core, here)}`);
        fill(at, area);
      }
    }
  } finally {
    core.leave();
  }
}
