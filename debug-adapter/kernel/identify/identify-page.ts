/** What a page is used for, by its struct page: its type, its mapping, its flags (include/linux/page-flags.h). */
import { formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import { cpuFreePage } from '../pages/cpu-free-pages.ts';
import { folioOrder, headOf, mappingFile, pageFlagNames } from '../pages/folio.ts';
import { describeUsers } from './frame-users.ts';
import { cacheName, describeSlab } from './identify-slab.ts';
import { tableOwner } from './identify-table.ts';
import type { Kernel } from '../kernel.ts';
import { frameCategory } from '../pages/page-category-frame.ts';
import { pageFrameOf } from '../pages/page-frame.ts';
import { PagemapPages } from '../pagemap/pagemap-page.ts';
import { pageTypeOf } from '../pages/page-type.ts';
import type { PageType } from '../pages/page-type.ts';
import { swapCacheEntry } from '../pages/swap-cache.ts';

/** A frame of RAM with its struct page. */
interface Frame {
  readonly kernel: Kernel;
  readonly pfn: number;
  /** The byte that is asked for, from the frame's start. */
  readonly offset: number;
  readonly head: Address;
  readonly order: number | undefined;
  /** What every answer has. */
  readonly base: Readonly<Record<string, unknown>>;
}

/** Of frame `pfn`, whose struct page lies at `page`. Throws `MemoryFault` where that is missing. */
export function describePage(
  kernel: Kernel,
  at: { readonly pfn: number; readonly page: Address; readonly offset: number },
): IdentifyDetail[] {
  const { pfn, page, offset } = at;
  const head = headOf(kernel, page);
  const flags = pageFlagNames(kernel, head);
  const order = folioOrder(kernel, head);
  const hwpoison = flags.includes('hwpoison') || pageFlagNames(kernel, page).includes('hwpoison');
  const base = {
    pfn,
    page: formatAddress(page),
    head: head === page ? null : formatAddress(head),
    folioOrder: order ?? null,
    flags,
    hwpoison,
  };
  const details = describeType({ kernel, pfn, offset, head, order, base }, pageTypeOf(kernel, head));
  const [first, ...rest] = details;
  if (!hwpoison || first === undefined) return details;
  return [{ ...first, summary: `page with a hardware error (hwpoison): ${first.summary}` }, ...rest];
}

/** Types of pages that have no kind of their own elsewhere, in words. */
const typeWords: Readonly<Record<string, readonly [kind: string, words: string]>> = {
  offline: ['offline-page', 'offline page, which the kernel does not use (given back to the hypervisor, or to be unplugged)'],
  guard: ['guard-page', 'guard page of debug_pagealloc'],
  hugetlb: ['hugetlb-page', 'huge page of hugetlbfs'],
  zsmalloc: ['page', 'page of zsmalloc (compressed memory)'],
  unaccepted: ['free-page', 'free page, which the kernel has not accepted from the hypervisor yet'],
  large_kmalloc: ['page', 'memory of a large kmalloc()'],
};

function describeType(frame: Frame, type: PageType): IdentifyDetail[] {
  const { kernel, pfn, offset, head, base } = frame;
  switch (type.kind) {
    case 'slab': {
      const object = optionalRead(() => describeSlab(kernel, { pfn, offset, head }));
      return [{ ...(object ?? { kind: 'slab-object', summary: `slab page${cacheName(kernel, head)}` }), ...base }];
    }
    case 'table': {
      const owner = tableOwner(kernel, pfn, offset);
      const whose = owner === undefined ? `page-table page (pfn 0x${pfn.toString(16)})` : owner.text;
      return [{ kind: 'page-table', summary: whose, ...(owner?.facts ?? {}), ...base }];
    }
    case 'buddy':
      return [{ kind: 'free-page', summary: `free page, in a buddy block of order ${type.order}`, order: type.order, ...base }];
    case 'anonymous':
    case 'merged':
      return anonymous(frame, type);
    case 'file':
      return fileBacked(frame, type);
    case 'movable':
      return [{ kind: 'page', summary: 'page of a driver that the kernel may move', pageType: 'movable', ...base }];
    case 'reserved':
      return [zeroPage(frame) ?? { kind: 'reserved-page', summary: 'reserved page (kernel image, boot memory or firmware)', ...base }];
    case 'other':
      return type.name === '' ? [zeroPage(frame) ?? unmarked(frame)] : typed(frame, type.name);
  }
}

function inFolio({ order }: Frame): string {
  return order === undefined || order === 0 ? '' : `, in a folio of order ${order}`;
}

/** Pages of a folio follow each other in their file or area. */
function indexIn({ kernel, pfn, head }: Frame, index: bigint): bigint {
  return index + BigInt(pfn - (pageFrameOf(kernel, head) ?? pfn));
}

function anonymous(frame: Frame, type: { kind: string; index: bigint; mapping: bigint }): IdentifyDetail[] {
  const { kernel, pfn, head, base } = frame;
  const index = indexIn(frame, type.index);
  const swap = swapCacheEntry(kernel, head);
  const swapped = swap === undefined ? '' : `, in the swap cache as area ${swap.type}, offset 0x${swap.offset.toString(16)}`;
  const merged = type.kind === 'merged';
  return [
    {
      kind: 'anonymous-page',
      summary: `${merged ? 'anonymous page, merged by KSM' : `anonymous page, index 0x${index.toString(16)}`}${inFolio(frame)}${swapped}`,
      index: formatAddress(index),
      merged,
      swap: swap === undefined ? null : { type: swap.type, offset: formatAddress(swap.offset) },
      ...base,
    },
    ...(merged ? [] : describeUsers(kernel, { pfn, mapping: type.mapping, index })),
  ];
}

function fileBacked(frame: Frame, type: { index: bigint; mapping: Address }): IdentifyDetail[] {
  const { kernel, pfn, base } = frame;
  const file = mappingFile(kernel, type.mapping);
  const own = indexIn(frame, type.index);
  const index = `index 0x${own.toString(16)}`;
  const what =
    file === undefined
      ? `${index} of mapping ${formatAddress(type.mapping)}`
      : `${index} of inode ${file.number}${file.path === undefined ? '' : ` (${file.path})`} on ${file.fileSystem} ${file.device}`;
  return [
    {
      kind: 'page-cache',
      summary: `page-cache page, ${what}${inFolio(frame)}`,
      index: formatAddress(own),
      mapping: formatAddress(type.mapping),
      inode: file === undefined ? null : formatAddress(file.inode),
      inodeNumber: file === undefined ? null : Number(file.number),
      fileSystem: file?.fileSystem ?? null,
      device: file?.device ?? null,
      path: file?.path ?? null,
      ...base,
    },
    ...describeUsers(kernel, { pfn, mapping: type.mapping, index: own }),
  ];
}

/** The page of zeros that reads of untouched memory get, or the huge one. */
function zeroPage({ kernel, pfn, head, base }: Frame): IdentifyDetail | undefined {
  const pages = kernel.once(zeroPages);
  if (pages.isZeroPage(pfn))
    return { kind: 'zero-page', summary: "the kernel's zero page, which untouched memory of processes is mapped to", ...base };
  const first = pageFrameOf(kernel, head) ?? pfn;
  if (!pages.isHugeZeroPage(first)) return undefined;
  return { kind: 'zero-page', summary: `page ${pfn - first} of the kernel's huge zero page`, ...base };
}

function zeroPages(kernel: Kernel): PagemapPages {
  return new PagemapPages(kernel);
}

/** A page whose struct page names its type. */
function typed(frame: Frame, name: string): IdentifyDetail[] {
  if (name === 'hugetlb') return hugetlb(frame);
  const [kind, words] = typeWords[name] ?? ['page', `page in use by the kernel (${name})`];
  return [{ kind, summary: `${words}${inFolio(frame)}`, pageType: name, ...frame.base }];
}

/** A huge page of hugetlbfs: in its pool, or of a file or a process, as its mapping tells. */
function hugetlb(frame: Frame): IdentifyDetail[] {
  const { kernel, pfn, head, base } = frame;
  const page = pfn - (pageFrameOf(kernel, head) ?? pfn);
  const type = pageTypeOf(kernel, head, { mapping: true });
  const [use, ...users] = type.kind === 'file' ? fileBacked(frame, type) : type.kind === 'anonymous' ? anonymous(frame, type) : [];
  const order = frame.order === undefined ? '' : ` of order ${frame.order}`;
  const what =
    use === undefined
      ? 'free in its pool'
      : use.kind === 'page-cache'
        ? use.summary.replace(/^page-cache page, /, '')
        : 'in use by a process';
  const summary = `page ${page} of a huge page${order} of hugetlbfs, ${what.replace(/, in a folio.*/, '')}`;
  return [{ ...base, ...use, kind: 'hugetlb-page', summary, pageType: 'hugetlb' }, ...users];
}

/** A page without a mark of its use; inside a free block only the first page has one. */
function unmarked(frame: Frame): IdentifyDetail {
  const { kernel, pfn, base } = frame;
  const found = frameCategory(kernel, pfn);
  if (found?.category === 'free') {
    const order = Math.log2(found.pages);
    const summary = `free page, page ${pfn - found.head} of a buddy block of order ${order}`;
    return { kind: 'free-page', summary, order, headPfn: found.head, ...base };
  }
  if (found?.hugetlb === true)
    return {
      kind: 'hugetlb-page',
      summary: `page ${pfn - found.head} of a huge page of hugetlbfs, free in its pool`,
      pageType: 'hugetlb',
      ...base,
    };
  const kept = cpuFreePage(kernel, pfn);
  if (kept !== undefined) {
    const block = kept.order === 0 ? '' : `, page ${pfn - kept.head} of a block of order ${kept.order}`;
    return {
      kind: 'free-page',
      summary: `free page, kept by CPU ${kept.cpu} for its next allocation${block}`,
      order: kept.order,
      cpu: kept.cpu,
      headPfn: kept.head,
      ...base,
    };
  }
  return { kind: 'page', summary: `page in use by the kernel${inFolio(frame)}`, pageType: null, ...base };
}
