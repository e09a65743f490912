/** Categories of what a page walk meets, matched and put out as PAGEMAP_SCAN does (fs/proc/task_mmu.c: pagemap_scan_ops). */
import { entryKind } from '../../arch/paging-mode.ts';
import { MemoryFault } from '../../base/errors.ts';
import { vmFlag } from '../processes/mm.ts';
import type { Vma } from '../processes/mm.ts';
import { category, scanFlag } from './pagemap-category.ts';
import { marker } from './pagemap-process.ts';
import type { PagemapProcess } from './pagemap-process.ts';
import type { PagemapScanArguments } from './pagemap-scan.ts';
import type { ScanOutput } from './pagemap-scan-output.ts';
import type { PagemapVisitor, WalkedEntry } from './pagemap-walk.ts';

/** include/uapi/linux/userfaultfd.h. */
const uffdFeature = { wpUnpopulated: 0x2000, wpAsync: 0x8000 } as const;

/**
 * Gathers regions as the ioctl would, in page numbers. Pages whose category the dump cannot tell are kept in `unknown` with the
 * reason, and are in no region.
 */
export class PagemapScanVisitor implements PagemapVisitor {
  readonly protects: { start: number; end: number }[] = [];
  readonly unknown: { start: number; end: number; reason: string }[] = [];
  /** Why an area ended the walk; undefined where none did. */
  refused: { readonly name: 'EPERM' | 'EINVAL'; readonly why: string } | undefined;
  /** The walk ended because no more regions or pages fit. */
  full = false;
  readonly #process: PagemapProcess;
  readonly #output: ScanOutput;
  readonly #inverted: number;
  readonly #mask: number;
  readonly #anyOf: number;
  readonly #returned: number;
  readonly #checksAsync: boolean;
  readonly #protects: boolean;
  /** FILE costs a look at the page: it is taken only where a mask asks. */
  readonly #wantsFile: boolean;
  /** FILE is told of huge pages too, as merged. */
  readonly #hugeHasFile: boolean;
  /** Only WRITTEN is asked: the kernel then takes a shorter way through page tables. */
  readonly #onlyWritten: boolean;
  #areaCategories = 0;
  /** First pages of huge pages that this call has split. */
  readonly #splits = new Set<number>();

  constructor(process: PagemapProcess, output: ScanOutput, asked: PagemapScanArguments) {
    this.#process = process;
    this.#output = output;
    this.#inverted = Number(asked.categoryInverted);
    this.#mask = Number(asked.categoryMask);
    this.#anyOf = Number(asked.categoryAnyofMask);
    this.#returned = Number(asked.returnMask);
    this.#checksAsync = (asked.flags & BigInt(scanFlag.checkWpAsync)) !== 0n;
    this.#protects = (asked.flags & BigInt(scanFlag.wpMatching)) !== 0n;
    this.#hugeHasFile = !process.scanRules.isVersion29;
    this.#wantsFile = ((this.#mask | this.#anyOf | this.#returned) & category.file) !== 0;
    this.#onlyWritten = this.#anyOf === 0 && this.#inverted === 0 && this.#mask === category.written && this.#returned === category.written;
  }

  /** A new walk begins, with room for regions again. */
  begin(): void {
    this.full = false;
  }

  outside(): boolean {
    return false;
  }

  /** pagemap_scan_test_walk(). */
  enter(vma: Vma): 'walk' | 'skip' | 'end' {
    if (this.#protects && this.#isAccessTracked(vma)) {
      this.refused = {
        name: 'EINVAL',
        why: 'accesses to a memory area in the range are tracked: it is not to be write-protected (WP_MATCHING)',
      };
      return 'end';
    }
    const allowed = this.#isAsync(vma);
    if (!allowed && this.#checksAsync) {
      this.refused = {
        name: 'EPERM',
        why: 'a memory area in the range is not registered for asynchronous write-protection (CHECK_WPASYNC)',
      };
      return 'end';
    }
    if ((!allowed && this.#protects) || (vma.flags & vmFlag.pfnMap) !== 0n) return 'skip';
    this.#areaCategories = (allowed ? category.wpAllowed : 0) | ((vma.flags & vmFlag.softDirty) === 0n ? 0 : category.softDirty);
    const required = this.#mask & category.wpAllowed;
    return ((this.#areaCategories ^ this.#inverted) & required) === required ? 'walk' : 'skip';
  }

  /** pagemap_scan_pte_hole(). */
  hole(vma: Vma, start: number, end: number): boolean {
    const written = (vma.flags & vmFlag.uffdWp) !== 0n && (vma.flags & vmFlag.hugetlb) === 0n ? category.written : 0;
    const found = this.#areaCategories | written;
    if (!this.#matches(found)) return false;
    const reached = this.#push(start, end, found);
    if (reached > start && this.#protects) this.#protect(start, reached);
    return this.full;
  }

  /** pagemap_scan_thp_entry(). */
  huge(vma: Vma, start: number, end: number, entry: WalkedEntry): boolean {
    const found = this.#areaCategories | this.#hugeCategories(vma, entry);
    // The walk came back to what it split before it went out of room.
    if (this.#splits.has(entry.first)) return this.#split(vma, { start, end, first: entry.first }, found & ~category.huge);
    if (!this.#matches(found)) return false;
    if (this.#tellWhole(start, end, { pages: entry.pages, found })) return this.full;
    this.full = false;
    return this.#split(vma, { start, end, first: entry.first }, found & ~category.huge);
  }

  hugetlb(vma: Vma, start: number, end: number, entry: WalkedEntry): boolean {
    const found = this.#areaCategories | this.#hugetlbCategories(vma, entry);
    if (!this.#matches(found)) return false;
    if (this.#tellWhole(start, end, { pages: entry.pages, found })) return this.full;
    // A part of such a page cannot be protected; the walk goes on behind it all the same.
    this.#output.stoppedAt = start;
    this.full = false;
    return false;
  }

  /** Tells a large page and protects it if asked to; false, and nothing is told, where a part of what is to be protected has room. */
  #tellWhole(start: number, end: number, of: { readonly pages: number; readonly found: number }): boolean {
    const reached = this.#push(start, end, of.found);
    if (reached === start || !this.#protects || (of.found & category.written) === 0) return true;
    if (reached - start === of.pages) {
      this.#protect(start, reached);
      return true;
    }
    this.#output.backOut(start, reached);
    return false;
  }

  /** pagemap_scan_pmd_entry(), for one entry of the table. */
  page(vma: Vma, page: number, entry: WalkedEntry): boolean {
    if (this.#protects && !this.#output.wanted) {
      // Without a buffer every page that is not protected yet is, whatever the masks say.
      if (!this.#isProtected(entry)) this.#protect(page, page + 1);
      return false;
    }
    let found = this.#areaCategories;
    if (this.#onlyWritten && this.#unmarked(vma) === category.written) {
      if (this.#isProtected(entry)) return false;
      found |= category.written;
    } else {
      found |= this.#pageCategories(vma, page, entry);
      if (!this.#matches(found)) return false;
    }
    const reached = this.#push(page, page + 1, found);
    if (reached > page && this.#protects && (found & category.written) !== 0) this.#protect(page, reached);
    return reached === page;
  }

  missing(_vma: Vma, start: number, end: number, reason: string): boolean {
    this.unknown.push({ start, end, reason });
    return false;
  }

  /**
   * A part of a huge page is protected by splitting it (split_huge_pmd()): anonymous memory is then told page by page, of a
   * file the pmd is only taken away.
   */
  #split(vma: Vma, of: { readonly start: number; readonly end: number; readonly first: number }, found: number): boolean {
    const { start, end } = of;
    this.#splits.add(of.first);
    if (vma.ops !== undefined) return this.hole(vma, start, end);
    if (!this.#output.wanted) {
      this.#protect(start, end);
      return false;
    }
    if (!this.#onlyWritten && !this.#matches(found)) return false;
    for (let page = start; page < end; page++) {
      if (this.#push(page, page + 1, found) === page) return true;
      this.#protect(page, page + 1);
    }
    return false;
  }

  /** userfaultfd_wp_async() and userfaultfd_wp_use_markers(). */
  #isAsync(vma: Vma): boolean {
    if ((vma.flags & vmFlag.uffdWp) === 0n) return false;
    const structs = this.#process.kernel.structs('reading the pages of a process');
    const shape = structs.get('vm_area_struct');
    if (!shape.has('vm_userfaultfd_ctx.ctx')) return false;
    try {
      const context = shape.pointer(vma.address, 'vm_userfaultfd_ctx.ctx');
      if (context === 0n) return false;
      const features = structs.get('userfaultfd_ctx').number(context, 'features');
      if ((features & uffdFeature.wpAsync) === 0) return false;
      return vma.ops !== undefined || (features & uffdFeature.wpUnpopulated) !== 0;
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      this.#process.kernel.warn(`how the area at 0x${vma.start.toString(16)} is write-protected cannot be read: ${error.message}`);
      return false;
    }
  }

  #pageCategories(vma: Vma, page: number, entry: WalkedEntry): number {
    const { bits, pages } = this.#process;
    const { level, low, high } = entry;
    // A page that is not there is not protected either: it counts as written.
    if (entry.kind === entryKind.none) return this.#unmarked(vma) & category.written;
    let found = this.#isProtected(entry) ? 0 : this.#unmarked(vma);
    if (!entry.present) return found | this.#swapCategories(entry);
    found |= category.present;
    if (this.#wantsFile && this.#process.isNormalPage(vma, page, entry) && pages.isAnonymous(entry.frame) === false) found |= category.file;
    if (pages.isZeroPage(entry.frame)) found |= category.pfnZero;
    return bits.softDirty(level, low, high) ? found | category.softDirty : found;
  }

  /** Of an entry that is not present: all but WRITTEN. */
  #swapCategories(entry: WalkedEntry): number {
    let found: number = category.swapped;
    if (this.#process.bits.swapSoftDirty(entry.level, entry.low, entry.high)) found |= category.softDirty;
    if (this.#process.tellsGuard && this.#process.isMarked(entry, marker.guard)) found |= category.guard;
    else if (
      this.#wantsFile &&
      this.#process.namesFrame(entry) &&
      this.#process.pages.isAnonymous(this.#process.namedFrame(entry)) === false
    ) {
      found |= category.file;
    }
    return found;
  }

  #hugeCategories(vma: Vma, entry: WalkedEntry): number {
    const { bits, pages } = this.#process;
    const { level, low, high } = entry;
    let found: number = category.huge;
    if (!entry.present) {
      if (!bits.swapUffdWp(level, low, high)) found |= this.#unmarked(vma);
      return found | this.#swapCategories(entry);
    }
    found |= category.present;
    if (!bits.uffdWp(level, low, high)) found |= this.#unmarked(vma);
    if (this.#hugeHasFile && this.#wantsFile && this.#process.isNormalHugePage(vma, entry) && pages.isAnonymous(entry.frame) === false)
      found |= category.file;
    if (pages.isHugeZeroPage(entry.frame)) found |= category.pfnZero;
    return bits.softDirty(level, low, high) ? found | category.softDirty : found;
  }

  #hugetlbCategories(vma: Vma, entry: WalkedEntry): number {
    const { bits, pages } = this.#process;
    const { level, low, high } = entry;
    if (entry.kind === entryKind.none) return category.huge;
    let found = category.huge | (this.#isProtected(entry) ? 0 : this.#unmarked(vma));
    if (!entry.present) return found | category.swapped | (bits.swapSoftDirty(level, low, high) ? category.softDirty : 0);
    found |= category.present;
    if (this.#hugeHasFile && pages.isAnonymous(entry.frame) === false) found |= category.file;
    if (pages.isZeroPage(entry.frame)) found |= category.pfnZero;
    return bits.softDirty(level, low, high) ? found | category.softDirty : found;
  }

  /**
   * What a page without userfaultfd's mark is. Since there are two kinds of marks, in two kinds of areas, only areas with one
   * tell; before, every page without it was written.
   */
  #unmarked(vma: Vma): number {
    if (this.#process.accessTracked === undefined) return category.written;
    return ((vma.flags & vmFlag.uffdWp) === 0n ? 0 : category.written) | (this.#isAccessTracked(vma) ? category.accessed : 0);
  }

  #isAccessTracked(vma: Vma): boolean {
    const { accessTracked } = this.#process;
    return accessTracked !== undefined && (vma.flags & accessTracked) !== 0n;
  }

  #isProtected(entry: WalkedEntry): boolean {
    if (entry.present) return this.#process.bits.uffdWp(entry.level, entry.low, entry.high);
    return entry.kind !== entryKind.none && this.#process.isSwapWriteProtected(entry);
  }

  #protect(start: number, end: number): void {
    const last = this.protects.at(-1);
    if (last?.end === start) last.end = end;
    else this.protects.push({ start, end });
  }

  #matches(found: number): boolean {
    const seen = found ^ this.#inverted;
    return (seen & this.#mask) === this.#mask && (this.#anyOf === 0 || (seen & this.#anyOf) !== 0);
  }

  #push(start: number, end: number, found: number): number {
    const accepted = this.#output.push(start, end, found & this.#returned);
    if (accepted.full) this.full = true;
    return accepted.end;
  }
}
