/**
 * The regions of PAGEMAP_SCAN as its buffers and limits make them (fs/proc/task_mmu.c: pagemap_scan_output,
 * pagemap_scan_push_range, pagemap_scan_flush_buffer). Addresses are numbers of base pages.
 */

export interface ScanRegion {
  readonly start: number;
  readonly end: number;
  readonly categories: number;
}

/** What ends a scan before its range does. */
export interface ScanLimits {
  /** Regions that the caller has room for. */
  readonly vecLen: number;
  /** Pages that the caller wants at most; Infinity for all. */
  readonly maxPages: number;
  /** Regions that the kernel gathers before it copies them: PMD_SIZE / PAGE_SIZE. */
  readonly gathered: number;
  /** A buffer without room asks for the place of the first match, as before version 29 of the patch; merged kernels walk on. */
  readonly stopsWithoutRoom?: boolean;
  /** What is taken back makes way for the region before it, which may then grow, as in version 29 of the patch. */
  readonly backsOutToPrevious?: boolean;
}

/** What became of a matching extent. */
export interface Accepted {
  /** Where it ends now; its start when nothing of it was taken. */
  end: number;
  /** No more fits: the walk ends here. */
  full: boolean;
}

/**
 * Takes matching extents in ascending order. With no room asked for (`vecLen` 0) everything is accepted, nothing is kept,
 * and `maxPages` does not count.
 */
export class ScanOutput {
  /** Regions that were copied out. */
  readonly regions: ScanRegion[] = [];
  /** Where the walk stopped for want of room; undefined while it has not. */
  stoppedAt: number | undefined;
  readonly #limits: ScanLimits;
  readonly #accepted: Accepted = { end: 0, full: false };
  #gathered: { start: number; end: number; categories: number }[] = [];
  #room: number;
  #left: number;
  #found = 0;

  constructor(limits: ScanLimits) {
    this.#limits = limits;
    this.#left = limits.vecLen;
    this.#room = Math.min(limits.gathered, limits.vecLen);
  }

  /** Whether regions are wanted at all. */
  get wanted(): boolean {
    return this.#limits.vecLen > 0;
  }

  /** Whether a further walk could bring more, after `copyOut`. */
  get open(): boolean {
    return this.#left > 0 && this.#found !== this.#limits.maxPages;
  }

  /** Takes [start, end) with `categories` (already cut to what is returned). The answer is valid until the next call. */
  push(start: number, end: number, categories: number): Accepted {
    const accepted = this.#accepted;
    accepted.end = end;
    accepted.full = false;
    if (!this.wanted) {
      if (this.#limits.stopsWithoutRoom !== true) return accepted;
      accepted.end = start;
      accepted.full = true;
      this.stoppedAt = start;
      return accepted;
    }
    const excess = this.#found + (end - start) - this.#limits.maxPages;
    if (excess > 0) {
      accepted.end -= excess;
      accepted.full = true;
    }
    if (!this.#add(start, accepted.end, categories)) {
      accepted.end = start;
      accepted.full = true;
    }
    this.#found += accepted.end - start;
    if (accepted.full) this.stoppedAt = accepted.end;
    return accepted;
  }

  /** Takes back the extent that was pushed last. */
  backOut(start: number, end: number): void {
    const last = this.#gathered.at(-1);
    if (!this.wanted || last === undefined) return;
    if (last.start !== start) last.end = start;
    else if (this.#limits.backsOutToPrevious === true) this.#gathered.pop();
    else last.start = last.end = 0;
    this.#found -= end - start;
  }

  /** Copies what was gathered to the caller. */
  copyOut(): void {
    const last = this.#gathered.at(-1);
    if (last !== undefined && last.start === last.end) this.#gathered.pop();
    for (const region of this.#gathered) this.regions.push(region);
    this.#left -= this.#gathered.length;
    this.#room = Math.min(this.#room, this.#left);
    this.#gathered = [];
  }

  #add(start: number, end: number, categories: number): boolean {
    const last = this.#gathered.at(-1);
    if (last?.end === start && last.categories === categories) {
      last.end = end;
      return true;
    }
    // A region that was taken back leaves its place to the next.
    if (last?.end === 0) {
      last.start = start;
      last.end = end;
      last.categories = categories;
      return true;
    }
    if (last !== undefined && this.#gathered.length >= this.#room) return false;
    this.#gathered.push({ start, end, categories });
    return true;
  }
}
