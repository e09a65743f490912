/** The 64-bit entries of /proc/PID/pagemap (fs/proc/task_mmu.c: pagemap_pmd_range, pagemap_hugetlb_range, pagemap_pte_hole). */
import type { CancellationToken } from '../../base/cancellation.ts';
import { vmFlag } from '../processes/mm.ts';
import type { Vma } from '../processes/mm.ts';
import { marker } from './pagemap-process.ts';
import type { PagemapProcess } from './pagemap-process.ts';
import { walkAreas } from './pagemap-walk.ts';
import type { PagemapVisitor, WalkedEntry } from './pagemap-walk.ts';

/** Flags of an entry, as bits of its upper half. */
export const pagemapBit = {
  softDirty: 0x0080_0000,
  exclusive: 0x0100_0000,
  uffdWp: 0x0200_0000,
  guard: 0x0400_0000,
  file: 0x2000_0000,
  swap: 0x4000_0000,
  present: 0x8000_0000,
} as const;

/** Called for each run of pages with the same entry, in order and without gaps but those of `missing`. */
export type PagemapSink = (page: number, count: number, low: number, high: number) => void;

/** What is asked of a process's pagemap, and who takes the answer run by run. */
export interface PagemapRange {
  /** Virtual pages, half-open. */
  readonly start: number;
  readonly end: number;
  readonly token: CancellationToken;
  readonly sink: PagemapSink;
  /** Pages whose entries cannot be told, with a phrase why. */
  readonly missing: (start: number, end: number, reason: string) => void;
}

/** Tells the entries of a range of virtual pages. Throws `Cancelled`. */
export function readPagemap(process: PagemapProcess, range: PagemapRange): void {
  walkAreas(process.walkContext(range.token), range, new PagemapWriter(process, range));
}

class PagemapWriter implements PagemapVisitor {
  readonly #process: PagemapProcess;
  readonly #sink: PagemapSink;
  readonly #missing: PagemapRange['missing'];

  constructor(process: PagemapProcess, range: PagemapRange) {
    this.#process = process;
    this.#sink = range.sink;
    this.#missing = range.missing;
  }

  outside(start: number, end: number): boolean {
    this.#sink(start, end - start, 0, 0);
    return false;
  }

  /** Areas of frames without struct pages are told as holes (walk_page_test()). */
  enter(vma: Vma, start: number, end: number): 'walk' | 'skip' {
    if ((vma.flags & vmFlag.pfnMap) === 0n) return 'walk';
    this.hole(vma, start, end);
    return 'skip';
  }

  hole(vma: Vma, start: number, end: number): boolean {
    this.#sink(start, end - start, 0, areaBits(vma));
    return false;
  }

  missing(_vma: Vma, start: number, end: number, reason: string): boolean {
    this.#missing(start, end, reason);
    return false;
  }

  page(vma: Vma, page: number, entry: WalkedEntry): boolean {
    const { bits, pages } = this.#process;
    const { level, low, high } = entry;
    let flags = areaBits(vma);
    if (entry.present) {
      flags |= pagemapBit.present;
      if (bits.softDirty(level, low, high)) flags |= pagemapBit.softDirty;
      if (bits.uffdWp(level, low, high)) flags |= pagemapBit.uffdWp;
      if (this.#process.isNormalPage(vma, page, entry)) {
        if (pages.isAnonymous(entry.frame) === false) flags |= pagemapBit.file;
        if (pages.isMappedOnce(entry.frame) === true) flags |= pagemapBit.exclusive;
      }
      this.#tell(page, entry.frame, flags);
    } else if (entry.kind === 0) this.#sink(page, 1, 0, flags);
    else this.#swap(page, entry, flags | (this.#process.isSwapWriteProtected(entry) ? pagemapBit.uffdWp : 0));
    return false;
  }

  huge(vma: Vma, start: number, end: number, entry: WalkedEntry): boolean {
    const { bits, pages } = this.#process;
    const { level, low, high } = entry;
    const skipped = start - entry.first;
    let flags = areaBits(vma);
    if (!entry.present) {
      if (this.#process.keepsFrame(entry)) {
        this.#sink(start, end - start, 0, flags);
        return false;
      }
      if (bits.swapUffdWp(level, low, high)) flags |= pagemapBit.uffdWp;
      for (let page = start; page < end; page++) this.#swap(page, entry, flags, page - entry.first);
      return false;
    }
    flags |= pagemapBit.present;
    if (bits.softDirty(level, low, high)) flags |= pagemapBit.softDirty;
    if (bits.uffdWp(level, low, high)) flags |= pagemapBit.uffdWp;
    // Also of the huge zero page.
    if (pages.isAnonymous(entry.frame) === false) flags |= pagemapBit.file;
    for (let page = start; page < end; page++) {
      const frame = entry.frame + skipped + (page - start);
      this.#tell(page, frame, flags | (pages.isMappedOnce(frame) === true ? pagemapBit.exclusive : 0));
    }
    return false;
  }

  hugetlb(vma: Vma, start: number, end: number, entry: WalkedEntry): boolean {
    const { bits, pages } = this.#process;
    let flags = areaBits(vma);
    if (!entry.present) {
      if (entry.kind !== 0 && this.#process.isSwapWriteProtected(entry)) flags |= pagemapBit.uffdWp;
      this.#sink(start, end - start, 0, flags);
      return false;
    }
    flags |= pagemapBit.present;
    if (pages.isAnonymous(entry.frame) === false) flags |= pagemapBit.file;
    if (pages.isHugetlbMappedOnce(entry.frame) === true && pages.isSharedTable(this.#tableFrame(entry)) === false) {
      flags |= pagemapBit.exclusive;
    }
    if (bits.uffdWp(entry.level, entry.low, entry.high)) flags |= pagemapBit.uffdWp;
    for (let page = start; page < end; page++) this.#tell(page, entry.frame + (page - entry.first), flags);
    return false;
  }

  #tableFrame(entry: WalkedEntry): number {
    return Math.floor((entry.tableFrame * 4096) / this.#process.kernel.pageSize);
  }

  /** PFN in bits 0-54. */
  #tell(page: number, frame: number, flags: number): void {
    this.#sink(page, 1, frame >>> 0, (flags | (Math.floor(frame / 2 ** 32) & 0x007f_ffff)) >>> 0);
  }

  /** Type in bits 0-4, offset in bits 5-54. */
  #swap(page: number, entry: WalkedEntry, flags: number, index = 0): void {
    const { bits } = this.#process;
    const { level, low, high } = entry;
    const isFrame = this.#process.namesFrame(entry);
    const offset = (isFrame ? this.#process.namedFrame(entry) : bits.swapOffset(level, low, high)) + index;
    let told = flags | pagemapBit.swap;
    if (bits.swapSoftDirty(level, low, high)) told |= pagemapBit.softDirty;
    if (this.#process.tellsGuard && this.#process.isMarked(entry, marker.guard)) told |= pagemapBit.guard;
    if (isFrame && this.#process.pages.isAnonymous(this.#process.namedFrame(entry)) === false) told |= pagemapBit.file;
    const type = bits.swapType(level, low, high) & 0x1f;
    this.#sink(page, 1, ((offset % 2 ** 27) * 32 + type) >>> 0, (told | (Math.floor(offset / 2 ** 27) & 0x007f_ffff)) >>> 0);
  }
}

function areaBits(vma: Vma): number {
  return (vma.flags & vmFlag.softDirty) === 0n ? 0 : pagemapBit.softDirty;
}
