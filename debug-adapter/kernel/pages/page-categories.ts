/**
 * Counts of pages by category, over all RAM of a dump: what makedumpfile would leave out, and what it would keep. Each page
 * is counted once.
 */
import { addToAddress } from '../../base/address.ts';
import { neverCancelled, throwIfCancelled } from '../../base/cancellation.ts';
import type { LongWork } from '../../base/cancellation.ts';
import { errors } from '../../base/errors.ts';
import { findRange } from '../../base/range.ts';
import type { NumberRange } from '../../base/range.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { Kernel } from '../kernel.ts';
import { categoryOfVerdict, pageRules, verdict } from './page-category.ts';
import type { PageCategory, PageRules } from './page-category.ts';
import { memoryModel, ramFrames } from './page-frame.ts';
import type { MemoryMapPiece, MemoryModel } from './page-frame.ts';

/** How many pages of each category there are, each counted once, in pages of the machine's size. */
export interface PageCounts {
  /** Pages of RAM up to the end of the memory map. */
  readonly total: number;
  /** Of them: pages whose struct page is missing from the dump, so that nothing is known of them. */
  readonly holes: number;
  /** The others. */
  readonly categories: Readonly<Record<PageCategory, number>>;
  /** Frames below the end of the memory map that are no RAM. */
  readonly memoryHoles: number;
  /** Pages that have no struct page: they count as kernel data or zero. */
  readonly withoutStructPage: number;
  /** Pages counted as kernel data whose bytes are missing, so that it is not known whether they are zero. */
  readonly unreadable: number;
  /** Anonymous pages that makedumpfile takes for slab pages, by a flag that no longer is PG_slab: counted as it counts them. */
  readonly takenForSlab: number;
}

/** Struct pages that are read at once: a power of two, so that a compound page's second struct page stands beside its first. */
const chunkPages = 1024;
/** Chunks, and pages without struct page, between two reports. */
const reportEvery = 64;

/** Throws `UserError` where struct pages cannot be found or understood, and `Cancelled`. */
export function countPages(kernel: Kernel, options: LongWork): PageCounts {
  const model = memoryModel(kernel);
  if (model === undefined || model.pieces.length === 0) {
    throw errors.notSupported(
      `${kernel.image.name}: its struct pages were not found (neither mem_section, mem_map, node_data nor vmemmap leads to them); see what is known with: pagewalk info`,
    );
  }
  return new Count(kernel, model, options).run();
}

class Count {
  readonly #model: MemoryModel;
  readonly #rules: PageRules;
  readonly #options: LongWork;
  readonly #ranges: readonly NumberRange[];
  readonly #total: number;
  readonly #chunk: StructPages;
  /** By `verdict`. */
  readonly #counts = new Float64Array(categoryOfVerdict.length);
  readonly #content: PageContent;
  #zero = 0;
  #holes = 0;
  #withoutStructPage = 0;
  #unreadable = 0;
  #takenForSlab = 0;
  #done = 0;
  #steps = 0;
  /** Frames before this one belong to the compound or free page that was met last, of that verdict. */
  #pendingEnd = 0;
  #pending: number = verdict.kernel;

  constructor(kernel: Kernel, model: MemoryModel, options: LongWork) {
    this.#model = model;
    this.#options = options;
    this.#rules = pageRules(kernel);
    const end = endOfMap(kernel, model);
    this.#ranges = ramFrames(kernel).flatMap((range) => (range.start < end ? [{ start: range.start, end: Math.min(range.end, end) }] : []));
    this.#total = this.#ranges.reduce((sum, range) => sum + range.end - range.start, 0);
    this.#chunk = new StructPages(kernel, this.#rules.structSize);
    this.#content = new PageContent(kernel);
  }

  run(): PageCounts {
    for (const range of this.#ranges) this.#range(range);
    const counts = Object.fromEntries(categoryOfVerdict.map((category, index) => [category, this.#counts[index] ?? 0]));
    return {
      total: this.#total,
      holes: this.#holes,
      categories: { ...(counts as Record<PageCategory, number>), zero: this.#zero },
      memoryHoles: (this.#ranges.at(-1)?.end ?? 0) - this.#total,
      withoutStructPage: this.#withoutStructPage,
      unreadable: this.#unreadable,
      takenForSlab: this.#takenForSlab,
    };
  }

  #range({ start, end }: NumberRange): void {
    const { pieces } = this.#model;
    let pfn = start;
    while (pfn < end) {
      if (pfn < this.#pendingEnd) {
        const until = Math.min(end, this.#pendingEnd);
        this.#add(this.#pending, until - pfn);
        pfn = until;
        continue;
      }
      const found = findRange(pieces, pfn);
      const piece = pieces[found];
      if (piece === undefined) {
        const until = Math.min(end, pieces[~found]?.start ?? end);
        for (; pfn < until; pfn++) this.#alone(pfn);
        continue;
      }
      // From an aligned frame on, so that heads and their followers stay together.
      const first = Math.max(piece.start, pfn - (pfn % chunkPages));
      const last = Math.min(piece.end, pfn - (pfn % chunkPages) + chunkPages);
      this.#chunk.load(piece, { first, last });
      pfn = this.#inChunk(pfn, Math.min(end, last));
      this.#tick();
    }
  }

  /** Judges the loaded struct pages of frames [pfn, end); gives the frame to go on with. */
  #inChunk(start: number, end: number): number {
    const chunk = this.#chunk;
    const rules = this.#rules;
    const { view, last } = chunk;
    const whole = chunk.whole;
    let pfn = start;
    while (pfn < end) {
      if (!whole && chunk.isMissing(pfn)) {
        if (chunk.isMapped(pfn) || this.#model.certain) this.#holes++;
        else this.#alone(pfn);
        pfn++;
        continue;
      }
      rules.follower = pfn + 1 < last && (whole || !chunk.isMissing(pfn + 1));
      rules.judge(view, chunk.offsetOf(pfn), pfn);
      if (rules.takenForSlab) this.#takenForSlab++;
      const { found, pages } = rules;
      if (found === verdict.kernel) {
        this.#kept(pfn);
        pfn++;
        continue;
      }
      const until = Math.min(end, pfn + pages);
      this.#add(found, until - pfn);
      if (pfn + pages > end) {
        this.#pendingEnd = pfn + pages;
        this.#pending = found;
      }
      pfn = until;
    }
    return pfn;
  }

  #add(found: number, pages: number): void {
    this.#counts[found] = (this.#counts[found] ?? 0) + pages;
    this.#done += pages;
  }

  /** A page without struct page: kept, as the kernel's. */
  #alone(pfn: number): void {
    this.#withoutStructPage++;
    this.#kept(pfn);
    if (this.#withoutStructPage % chunkPages === 0) this.#tick();
  }

  /** A page that no test leaves out, unless it is zero. */
  #kept(pfn: number): void {
    const content = this.#content.of(pfn);
    if (content === 'zero') {
      this.#zero++;
      this.#done++;
      return;
    }
    if (content === 'missing') this.#unreadable++;
    this.#add(verdict.kernel, 1);
  }

  #tick(): void {
    throwIfCancelled(this.#options.token ?? neverCancelled);
    if (++this.#steps % reportEvery === 0) this.#options.progress?.('looking at pages', this.#done, this.#total);
  }
}

/**
 * The first frame that no struct page can describe: memory behind it is not the kernel's (firmware, or left out by mem=), and
 * makedumpfile does not look at it.
 */
function endOfMap(kernel: Kernel, model: MemoryModel): number {
  if (model.certain) return model.pieces.at(-1)?.end ?? 0;
  // By what is mapped, from the top down.
  for (const { start, end, base } of [...model.pieces].reverse()) {
    for (let last = end; last > start; last = Math.max(start, last - chunkPages)) {
      const page = addToAddress(base, (last - 1 - start) * model.pageStructSize);
      if (kernel.memory.frameOf(Number(page >> 12n)) >= 0) return last;
    }
  }
  return 0;
}

/** The struct pages of a run of frames as one buffer. */
export class StructPages {
  readonly view: DataView;
  /** Frames [first, last) are loaded. */
  first = 0;
  last = 0;
  /** Whether every byte is there. */
  whole = false;
  readonly #kernel: Kernel;
  readonly #structSize: number;
  readonly #bytes: Uint8Array;
  /** Of each 4 KiB of the buffer: 0 there, 1 missing from the dump, 2 not mapped. */
  readonly #missing: Uint8Array;
  #shift = 0;

  constructor(kernel: Kernel, structSize: number) {
    this.#kernel = kernel;
    this.#structSize = structSize;
    const frames = Math.ceil((chunkPages * structSize) / frameSize) + 1;
    this.#bytes = new Uint8Array(frames * frameSize);
    this.#missing = new Uint8Array(frames);
    this.view = new DataView(this.#bytes.buffer);
  }

  /** Loads the struct pages of frames [first, last) of a piece; at most `chunkPages`. */
  load(piece: MemoryMapPiece, frames: { readonly first: number; readonly last: number }): void {
    const { memory, physical } = this.#kernel;
    this.first = frames.first;
    this.last = frames.last;
    this.whole = true;
    const start = addToAddress(piece.base, (frames.first - piece.start) * this.#structSize);
    this.#shift = Number(start & 0xfffn);
    const count = Math.ceil((this.#shift + (frames.last - frames.first) * this.#structSize) / frameSize);
    const firstPage = Number(start >> 12n);
    for (let index = 0; index < count; index++) {
      const frame = memory.frameOf(firstPage + index);
      const bytes = frame < 0 ? undefined : physical.frame(frame);
      this.#missing[index] = bytes !== undefined ? 0 : frame < 0 ? 2 : 1;
      if (bytes === undefined) this.whole = false;
      else this.#bytes.set(bytes, index * frameSize);
    }
  }

  /** Byte of `view` at which the struct page of a loaded frame begins. */
  offsetOf(pfn: number): number {
    return this.#shift + (pfn - this.first) * this.#structSize;
  }

  /** Whether bytes of the struct page are not there. */
  isMissing(pfn: number): boolean {
    const at = this.offsetOf(pfn);
    return this.#missing[Math.floor(at / frameSize)] !== 0 || this.#missing[Math.floor((at + this.#structSize - 1) / frameSize)] !== 0;
  }

  /** Whether the page tables map the struct page. */
  isMapped(pfn: number): boolean {
    const at = this.offsetOf(pfn);
    return this.#missing[Math.floor(at / frameSize)] !== 2 && this.#missing[Math.floor((at + this.#structSize - 1) / frameSize)] !== 2;
  }
}

/** Whether pages are filled with zeros. */
export class PageContent {
  readonly #kernel: Kernel;
  readonly #framesPerPage: number;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#framesPerPage = kernel.pageSize / frameSize;
  }

  /** Whether page `pfn` is all zeros; `missing` where a byte that would tell is not in the dump. */
  of(pfn: number): 'zero' | 'data' | 'missing' {
    const { physical } = this.#kernel;
    let missing = false;
    for (let index = 0; index < this.#framesPerPage; index++) {
      const number = pfn * this.#framesPerPage + index;
      const bytes = physical.frame(number);
      if (bytes === undefined) missing ||= !this.#leftOutAsZero(number);
      else if (!isZero(bytes)) return 'data';
    }
    return missing ? 'missing' : 'zero';
  }

  /** An ELF dump has no other reason to have no bytes of a page that no other test leaves out. */
  #leftOutAsZero(frameNumber: number): boolean {
    return this.#kernel.physical.partialFrame(frameNumber).holes.every(({ reason }) => reason.kind === 'zero-filled');
  }
}

function isZero(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0 || bytes[bytes.length - 1] !== 0) return false;
  if (bytes.byteOffset % 4 !== 0) return bytes.every((byte) => byte === 0);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  // Plain and short: this runs over every page of the machine.
  for (const word of words) if (word !== 0) return false;
  return true;
}
