/** The category of single pages, with the reason: for `identify`, and for what a dump does not hold. */
import { addToAddress } from '../../base/address.ts';
import type { Address, PhysAddr } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import { findRange } from '../../base/range.ts';
import { appendHole } from '../../memory/hole.ts';
import type { Hole, HoleReason } from '../../memory/hole.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import { headOfTail } from './compound-head.ts';
import type { Kernel } from '../kernel.ts';
import { PageContent, StructPages } from './page-categories.ts';
import { categoryOfVerdict, pageRules, tailMarkOffset, verdict } from './page-category.ts';
import type { PageCategory, PageRules } from './page-category.ts';
import { memoryModel, pageFrameOf, pageOfFrame } from './page-frame.ts';
import type { MemoryModel } from './page-frame.ts';

/** A category with the reason for it. */
export interface FrameCategory {
  readonly category: PageCategory;
  /** A phrase such as `a free page, in a buddy block of order 3`. */
  readonly text: string;
  /** First frame of the compound or free page that decides, and how many frames that is. */
  readonly head: number;
  readonly pages: number;
  /** Whether it is a huge page of hugetlbfs, in use or in its pool. */
  readonly hugetlb: boolean;
}

/** Largest order of a block whose start is searched for: more than free blocks have. */
const largestOrder = 16;

/** The category of frame `pfn`; undefined where its struct page is missing or not understood. */
export function frameCategory(kernel: Kernel, pfn: number): FrameCategory | undefined {
  const reader = kernel.once(openReader);
  if (reader === undefined) return undefined;
  const judged = reader.judge(pfn);
  if (judged?.category !== 'kernel' || reader.content.of(pfn) !== 'zero') return judged;
  return { ...judged, category: 'zero', text: 'a page of zeros', head: pfn, pages: 1 };
}

/** What `makedumpfile -d` does with pages of a category: the bit of the dump level that leaves them out, and a sentence. */
function fate(category: PageCategory): { readonly level: number | null; readonly text: string } {
  const levels: Partial<Record<PageCategory, number>> = { zero: 1, cache: 2, cachePrivate: 4, user: 8, free: 16 };
  const level = levels[category];
  if (level === undefined) {
    return {
      level: null,
      text: category === 'kernel' ? 'makedumpfile keeps it at every dump level' : 'makedumpfile leaves it out at every dump level',
    };
  }
  const also = category === 'cache' ? ', as does -d 4' : '';
  return { level, text: `makedumpfile -d ${level} would leave it out${also}` };
}

/** `identify`'s detail about the category of a frame; none where it cannot be told. */
export function describeCategory(kernel: Kernel, pfn: number): IdentifyDetail[] {
  const found = frameCategory(kernel, pfn);
  if (found === undefined) return [];
  const { level, text } = fate(found.category);
  return [
    {
      kind: 'page-category',
      summary: `${found.text}: ${text}`,
      category: found.category,
      excludedByLevel: level,
      headPfn: found.head,
      pages: found.pages,
    },
  ];
}

/**
 * Holes of a read, of which those that the writer left out say what the pages were, where their struct pages are there: what an
 * ELF dump fills with zeros is excluded where they are of a category that makedumpfile leaves out. `start` is the address of
 * its first byte; `frameOf` gives the 4 KiB frame behind an offset from there, or -1.
 */
export function explainExcluded(
  kernel: Kernel,
  read: readonly Hole[],
  at: { readonly start: Address | PhysAddr; readonly frameOf: (offset: number) => number },
): readonly Hole[] {
  if (!read.some(({ reason }) => isLeftOut(reason))) return read;
  const inFrame = Number(BigInt(at.start) & 0xfffn);
  const holes: Hole[] = [];
  for (const hole of read) {
    const leftOut = isLeftOut(hole.reason);
    const end = hole.offset + hole.length;
    for (let offset = hole.offset; offset < end;) {
      const next = leftOut ? Math.min(end, offset + frameSize - ((inFrame + offset) % frameSize)) : end;
      const frame = leftOut ? at.frameOf(offset) : -1;
      const found = frame < 0 ? undefined : frameCategory(kernel, Math.floor((frame * frameSize) / kernel.pageSize));
      appendHole(holes, { offset, length: next - offset, reason: found === undefined ? hole.reason : explained(hole.reason, found) });
      offset = next;
    }
  }
  return holes;
}

function isLeftOut({ kind }: HoleReason): boolean {
  return kind === 'excluded' || kind === 'zero-filled';
}

function explained({ kind, message }: HoleReason, { category, text }: FrameCategory): HoleReason {
  const excluded = category !== 'kernel' && category !== 'zero';
  if (kind !== 'zero-filled' || !excluded) return { kind, message: `${message}; by its struct page it is ${text}`, category };
  return {
    kind: 'excluded',
    message: `excluded by the writer: by its struct page it is ${text} (the ELF dump has zeros in its place)`,
    category,
  };
}

/** Judges frames one by one. */
class FrameReader {
  readonly content: PageContent;
  readonly #kernel: Kernel;
  readonly #model: MemoryModel;
  readonly #rules: PageRules;
  readonly #chunk: StructPages;

  constructor(kernel: Kernel, model: MemoryModel) {
    this.#kernel = kernel;
    this.#model = model;
    this.#rules = pageRules(kernel);
    this.#chunk = new StructPages(kernel, this.#rules.structSize);
    this.content = new PageContent(kernel);
  }

  /** The category without regard to contents; undefined where the struct page is missing. */
  judge(pfn: number): FrameCategory | undefined {
    const own = this.#look(pfn);
    if (own !== 'judged') return own === 'missing' ? undefined : this.#told(pfn, 'kernel', 'memory without a struct page');
    const head = this.#rules.tail ? this.#headOf(pfn) : pfn;
    if (head !== undefined && (head === pfn || this.#look(head) === 'judged')) {
      if (this.#rules.found !== verdict.kernel && head + this.#rules.pages > pfn) return this.#found(head);
      if (head !== pfn) return this.#told(pfn, 'kernel', 'kernel data');
    }
    return this.#block(pfn) ?? this.#told(pfn, 'kernel', 'kernel data');
  }

  /** Has the rules judge one struct page. */
  #look(pfn: number): 'judged' | 'missing' | 'none' {
    const { pieces, certain } = this.#model;
    const piece = pieces[findRange(pieces, pfn)];
    if (piece === undefined) return 'none';
    const chunk = this.#chunk;
    chunk.load(piece, { first: pfn, last: Math.min(pfn + 2, piece.end) });
    if (chunk.isMissing(pfn)) return certain || chunk.isMapped(pfn) ? 'missing' : 'none';
    this.#rules.follower = pfn + 1 < chunk.last && !chunk.isMissing(pfn + 1);
    this.#rules.judge(chunk.view, chunk.offsetOf(pfn), pfn);
    return 'judged';
  }

  /** The frame of the head that a tail names (page.compound_head); undefined where it names none before it. */
  #headOf(pfn: number): number | undefined {
    const offset = tailMarkOffset(this.#kernel);
    const page = pageOfFrame(this.#kernel, pfn);
    if (offset === undefined || page === undefined) return undefined;
    const head = pageFrameOf(this.#kernel, headOfTail(page, this.#kernel.memory.word(addToAddress(page, offset))));
    return head !== undefined && head < pfn ? head : undefined;
  }

  /** Only the first page of a free block is marked, and a damaged tail names no head: the block is found from its start. */
  #block(pfn: number): FrameCategory | undefined {
    for (let order = 1; order <= largestOrder; order++) {
      const first = pfn - (pfn % 2 ** order);
      if (first === pfn || this.#look(first) !== 'judged') continue;
      if (this.#rules.found !== verdict.kernel && first + this.#rules.pages > pfn) return this.#found(first);
    }
    return undefined;
  }

  #found(head: number): FrameCategory {
    const { found, pages, evidence, takenForSlab } = this.#rules;
    const category = categoryOfVerdict[found] ?? 'kernel';
    const block = category === 'free' ? ` of order ${Math.log2(pages)}` : '';
    const slab = takenForSlab ? ', anonymous, which makedumpfile does not see: it takes another flag for PG_slab' : '';
    return { category, text: `${nouns[category]}, ${evidence}${block}${slab}`, head, pages, hugetlb: evidence === 'hugetlb' };
  }

  #told(pfn: number, category: PageCategory, text: string): FrameCategory {
    return { category, text, head: pfn, pages: 1, hugetlb: false };
  }
}

const nouns: Readonly<Record<PageCategory, string>> = {
  zero: 'a page of zeros',
  cache: 'a cache page',
  cachePrivate: 'a cache page',
  user: 'a page of user data',
  free: 'a free page',
  hwpoison: 'a page with a hardware error',
  offline: 'an offline page',
  kernel: 'kernel data',
};

function openReader(kernel: Kernel): FrameReader | undefined {
  try {
    const model = memoryModel(kernel);
    return model === undefined ? undefined : new FrameReader(kernel, model);
  } catch (error) {
    // Neither VMCOREINFO nor types, or no memory map: then there is nothing to tell.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
