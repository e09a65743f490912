/**
 * The category of a page by its struct page, in makedumpfile's words and by its order of tests
 * (makedumpfile.c:__exclude_unnecessary_pages). A page of zeros is a category too, of pages that no test leaves out: that
 * is told by their contents (page-categories.ts).
 */
import { errors } from '../../base/errors.ts';
import { locateMember, sizeOfType } from '../../symbols/type-layout.ts';
import { tailMembers } from './compound-head.ts';
import type { Kernel } from '../kernel.ts';
import { memberOffset, structSize } from '../known-layout.ts';
import { pageMarks } from './page-type.ts';

/** What makedumpfile's dump level would leave a page out as; `kernel` is what every level keeps. */
export type PageCategory = 'zero' | 'cache' | 'cachePrivate' | 'user' | 'free' | 'hwpoison' | 'offline' | 'kernel';

/** What `PageRules.judge` finds, for counting in arrays. */
export const verdict = { kernel: 0, cache: 1, cachePrivate: 2, user: 3, free: 4, hwpoison: 5, offline: 6 } as const;
/** Categories by the number that the classifier's hot loop gives. */
export const categoryOfVerdict: readonly PageCategory[] = ['kernel', 'cache', 'cachePrivate', 'user', 'free', 'hwpoison', 'offline'];

/** makedumpfile's bit for PG_slab where VMCOREINFO does not name it; from 6.10 on that is another flag, mostly PG_waiters. */
const slabBitByDefault = 7;

/** A flag as masks of the low and the high half of page.flags. */
interface Mask {
  readonly low: number;
  readonly high: number;
}

const noFlag: Mask = { low: 0, high: 0 };

/** How the order of a compound page, and whether it is a huge page of hugetlbfs, is told by its second struct page. */
type Compound =
  /** 6.9: order in the low byte of its flags, hugetlb as the head's page type. */
  | { readonly kind: 'typed' }
  /** 6.6 to 6.8: both in its flags. */
  | { readonly kind: 'flagged'; readonly hugetlb: Mask }
  /** Earlier: members, at offsets from the second struct page; `size` bytes each. `destructor` is what hugetlb has. */
  | {
      readonly kind: 'members';
      readonly order: number;
      readonly dtor: number | undefined;
      readonly size: number;
      readonly destructor: bigint | undefined;
    }
  | { readonly kind: 'unknown' };

/** Judges struct pages, and holds what was found of the last one: a compound or free page counts for all its pages. */
export class PageRules {
  /** Of the page judged last: one of `verdict`. */
  found: number = verdict.kernel;
  /** Of the page judged last: how many pages, from it on, are that; at least 1. */
  pages = 1;
  /** Whether the page judged last is a tail: it is what its head is. */
  tail = false;
  /** Of the page judged last: whether makedumpfile takes another flag of it for PG_slab. */
  takenForSlab = false;
  /** In words, what the page judged last was seen by; empty for kernel data. */
  evidence = '';
  /** To be set before judging: whether the struct page's follower stands behind it in the view. */
  follower = false;

  readonly #littleEndian: boolean;
  readonly #wide: boolean;
  readonly #structSize: number;
  readonly #offsets: { readonly flags: number; readonly mapping: number; readonly mapcount: number };
  /** -1 where the struct has none. */
  readonly #compoundHead: number;
  readonly #private: number;
  readonly #flags: Readonly<Record<'lru' | 'private' | 'swapcache' | 'swapbacked' | 'hwpoison' | 'slab' | 'head', Mask>>;
  readonly #needsSwapbacked: boolean;
  readonly #slabByDefault: boolean;
  readonly #types: Readonly<Record<'buddy' | 'unaccepted' | 'slab' | 'hugetlb' | 'offline', number>>;
  readonly #orders: number;
  readonly #compound: Compound;

  /** Throws `UserError` where neither VMCOREINFO nor types tell what struct page looks like. */
  constructor(kernel: Kernel) {
    const need = (member: string): number => {
      const offset = memberOffset(kernel, 'page', member);
      if (offset === undefined) throw errors.noTypes('telling the categories of pages');
      return offset;
    };
    const marks = pageMarks(kernel);
    const flag = (name: string): Mask => maskOf(marks.flagBit(name));
    this.#littleEndian = kernel.memory.littleEndian;
    this.#wide = kernel.memory.pointerSize === 8;
    this.#structSize = structSize(kernel, 'page') ?? 0;
    this.#offsets = { flags: need('flags'), mapping: need('mapping'), mapcount: need('_mapcount') };
    this.#compoundHead = tailMarkOffset(kernel) ?? -1;
    this.#private = memberOffset(kernel, 'page', 'private') ?? -1;
    const slab = marks.flagBit('slab');
    if (marks.flagBit('lru') === undefined) throw errors.noTypes('telling the categories of pages');
    this.#slabByDefault = slab === undefined;
    this.#needsSwapbacked = marks.flagBit('swapbacked') !== undefined;
    this.#flags = {
      lru: flag('lru'),
      private: flag('private'),
      swapcache: maskOf(marks.flagBit('swapcache') ?? swapcacheOf(kernel)),
      swapbacked: flag('swapbacked'),
      hwpoison: flag('hwpoison'),
      slab: maskOf(slab ?? slabBitByDefault),
      head: headMask(kernel, marks.flagBit('head')),
    };
    // -1 is no type: an unmapped page has it.
    const type = (name: string): number => marks.typeWord(name) ?? 0xffff_ffff;
    this.#types = {
      buddy: type('buddy'),
      unaccepted: type('unaccepted'),
      slab: type('slab'),
      hugetlb: type('hugetlb'),
      offline: type('offline'),
    };
    this.#orders = kernel.vmcoreinfo?.length('zone.free_area') ?? freeAreas(kernel) ?? 32;
    this.#compound = compoundOf(kernel, { hugetlbType: marks.typeWord('hugetlb'), hugetlbFlag: marks.flagBit('hugetlb') });
  }

  /** Bytes of one struct page. */
  get structSize(): number {
    return this.#structSize;
  }

  /** Judges the struct page at byte `at` of `view`, of frame `pfn`. */
  judge(view: DataView, at: number, pfn: number): void {
    this.found = verdict.kernel;
    this.pages = 1;
    this.takenForSlab = false;
    this.evidence = '';
    this.tail = this.#compoundHead >= 0 && (this.#lowWord(view, at + this.#compoundHead) & 1) !== 0;
    if (this.tail) return;
    const flagsAt = at + this.#offsets.flags;
    const low = this.#lowWord(view, flagsAt);
    const high = this.#wide ? this.#highWord(view, flagsAt) : 0;
    const mapcount = view.getUint32(at + this.#offsets.mapcount, this.#littleEndian);
    const types = this.#types;
    const typedSlab = types.slab !== 0xffff_ffff && mapcount === types.slab;
    const flags = this.#flags;
    const slab = typedSlab || has(flags.slab, low, high);
    if (types.buddy !== 0xffff_ffff && mapcount === types.buddy && !slab) {
      const order = this.#private < 0 ? 0 : this.#number(view, at + this.#private);
      // A free page of an impossible order is told as kernel data, and alone.
      if (order < this.#orders && order < 32) this.#free(order, 'in a buddy block');
      return;
    }
    if (types.unaccepted !== 0xffff_ffff && mapcount === types.unaccepted) {
      this.#free(this.#orders - 1, 'not yet accepted');
      return;
    }
    const anonymousBit = (this.#lowWord(view, at + this.#offsets.mapping) & 1) !== 0;
    const anonymous = anonymousBit && !slab;
    this.takenForSlab = anonymousBit && slab && !typedSlab && this.#slabByDefault;
    const head = has(flags.head, low, high) && this.follower;
    if (!anonymous && this.#isCache(low, high)) {
      const owned = has(flags.private, low, high);
      this.found = owned ? verdict.cachePrivate : verdict.cache;
      this.evidence = owned ? 'with PG_private' : 'without PG_private';
    } else if (anonymous) {
      this.found = verdict.user;
      this.evidence = 'anonymous';
    } else if (head && this.#isHugetlb(view, at, mapcount)) {
      this.found = verdict.user;
      this.evidence = 'hugetlb';
    } else if (has(flags.hwpoison, low, high)) {
      this.found = verdict.hwpoison;
      this.evidence = 'PG_hwpoison';
    } else if (types.offline !== 0xffff_ffff && mapcount === types.offline && !slab) {
      this.found = verdict.offline;
      this.evidence = 'page type offline';
    } else return;
    if (head) this.pages = this.#compoundPages(view, at + this.#structSize, pfn);
  }

  #free(order: number, evidence: string): void {
    this.found = verdict.free;
    this.pages = 2 ** order;
    this.evidence = evidence;
  }

  /** On LRU lists, or in the swap cache. */
  #isCache(low: number, high: number): boolean {
    const { lru, swapbacked, swapcache } = this.#flags;
    if (has(lru, low, high)) return true;
    return (!this.#needsSwapbacked || has(swapbacked, low, high)) && has(swapcache, low, high);
  }

  #isHugetlb(view: DataView, at: number, mapcount: number): boolean {
    const compound = this.#compound;
    const second = at + this.#structSize;
    switch (compound.kind) {
      case 'typed':
        return mapcount === this.#types.hugetlb;
      case 'flagged': {
        const flagsAt = second + this.#offsets.flags;
        return has(compound.hugetlb, this.#lowWord(view, flagsAt), this.#wide ? this.#highWord(view, flagsAt) : 0);
      }
      case 'members': {
        const { dtor, destructor, size } = compound;
        if (dtor === undefined || destructor === undefined) return false;
        if (size < 8) return this.#member(view, second + dtor, size) === Number(destructor);
        return view.getBigUint64(second + dtor, this.#littleEndian) === destructor;
      }
      case 'unknown':
        return false;
    }
  }

  /** Pages of a compound page; 1 where its order cannot be, or its head is not aligned to it. */
  #compoundPages(view: DataView, second: number, pfn: number): number {
    const compound = this.#compound;
    if (compound.kind === 'unknown') return 1;
    const order =
      compound.kind === 'members'
        ? this.#member(view, second + compound.order, compound.size)
        : this.#lowWord(view, second + this.#offsets.flags) & 0xff;
    if (order >= (this.#wide ? 64 : 32)) return 1;
    const pages = 2 ** order;
    return pfn % pages === 0 ? pages : 1;
  }

  #member(view: DataView, at: number, size: number): number {
    if (size === 1) return view.getUint8(at);
    if (size === 2) return view.getUint16(at, this.#littleEndian);
    return size === 4 ? view.getUint32(at, this.#littleEndian) : this.#number(view, at);
  }

  /** An unsigned long; inexact from 2^53 on. */
  #number(view: DataView, at: number): number {
    return this.#lowWord(view, at) + (this.#wide ? this.#highWord(view, at) * 0x1_0000_0000 : 0);
  }

  #lowWord(view: DataView, at: number): number {
    return view.getUint32(this.#wide && !this.#littleEndian ? at + 4 : at, this.#littleEndian);
  }

  #highWord(view: DataView, at: number): number {
    return view.getUint32(this.#littleEndian ? at + 4 : at, this.#littleEndian);
  }
}

/** Where a tail page is marked, in bit 0, and names its head. */
export function tailMarkOffset(kernel: Kernel): number | undefined {
  return tailMembers.map((member) => memberOffset(kernel, 'page', member)).find((offset) => offset !== undefined);
}

/** The rules of this kernel. Throws `UserError` where struct page is not known. */
export function pageRules(kernel: Kernel): PageRules {
  return kernel.once((one) => new PageRules(one));
}

function has(mask: Mask, low: number, high: number): boolean {
  return (low & mask.low) !== 0 || (high & mask.high) !== 0;
}

function maskOf(bit: number | undefined): Mask {
  if (bit === undefined || bit < 0 || bit > 63) return noFlag;
  return bit < 32 ? { low: 1 << bit, high: 0 } : { low: 0, high: 1 << (bit - 32) };
}

/** PG_swapcache, which is another name of PG_owner_priv_1 since 4.10. */
function swapcacheOf(kernel: Kernel): number | undefined {
  const bit = kernel.types?.enum('pageflags')?.enumerators.find(({ name }) => name === 'PG_owner_priv_1')?.value;
  return bit === undefined ? undefined : Number(bit);
}

function headMask(kernel: Kernel, bit: number | undefined): Mask {
  const told = kernel.vmcoreinfo?.number('PG_head_mask');
  if (told === undefined) return maskOf(bit);
  return { low: Number(BigInt.asIntN(32, told)), high: Number(BigInt.asIntN(32, told >> 32n)) };
}

/** Orders of free pages: elements of zone.free_area. */
function freeAreas(kernel: Kernel): number | undefined {
  const zone = kernel.types?.struct('zone');
  const type = zone === undefined ? undefined : locateMember(zone, 'free_area')?.type;
  return type?.kind === 'array' ? type.count : undefined;
}

function compoundOf(kernel: Kernel, of: { readonly hugetlbType: number | undefined; readonly hugetlbFlag: number | undefined }): Compound {
  if (of.hugetlbType !== undefined) return { kind: 'typed' };
  if (of.hugetlbFlag !== undefined) return { kind: 'flagged', hugetlb: maskOf(of.hugetlbFlag) };
  const pageSize = structSize(kernel, 'page') ?? 0;
  const inFolio = (member: string): number | undefined => {
    const offset = memberOffset(kernel, 'folio', member);
    return offset === undefined || offset < pageSize ? undefined : offset - pageSize;
  };
  const told = kernel.vmcoreinfo?.number('HUGETLB_PAGE_DTOR') ?? kernel.types?.enumerator('HUGETLB_PAGE_DTOR');
  const order = inFolio('_folio_order') ?? memberOffset(kernel, 'page', 'compound_order');
  const dtor = inFolio('_folio_dtor') ?? memberOffset(kernel, 'page', 'compound_dtor');
  if (order !== undefined) {
    const size = memberSize(kernel, 'compound_order') ?? memberSize(kernel, '_folio_order') ?? neighbours(order, dtor);
    return { kind: 'members', order, dtor, size, destructor: told };
  }
  // Before 4.4: the second page's list holds the destructor and the order.
  const list = memberOffset(kernel, 'page', 'lru');
  const next = kernel.vmcoreinfo?.offset('list_head.next');
  const previous = kernel.vmcoreinfo?.offset('list_head.prev');
  const destructor = kernel.vmcoreinfo?.symbol('free_huge_page');
  if (list === undefined || next === undefined || previous === undefined || destructor === undefined) return { kind: 'unknown' };
  return { kind: 'members', order: list + previous, dtor: list + next, size: kernel.memory.pointerSize, destructor };
}

function memberSize(kernel: Kernel, member: string): number | undefined {
  for (const struct of ['page', 'folio']) {
    const type = kernel.types?.struct(struct);
    const found = type === undefined ? undefined : locateMember(type, member);
    if (found !== undefined) return sizeOfType(found.type);
  }
  return undefined;
}

/** Bytes of each of two members that follow one another. */
function neighbours(order: number, dtor: number | undefined): number {
  const apart = dtor === undefined ? 1 : Math.abs(order - dtor);
  return apart === 2 || apart === 4 ? apart : 1;
}
