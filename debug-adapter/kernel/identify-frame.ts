/** What a page frame is used for, as its struct page says (include/linux/page-flags.h, mm_types.h). */
import { addToAddress, formatAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { IdentifyDetail } from '../protocol/facts.ts';
import type { Kernel } from './kernel.ts';
import { describeCategory, frameCategory } from './page-category-frame.ts';
import { folioOrder, mappingFile, pageFlagNames } from './folio.ts';
import { describeSlab } from './identify-slab.ts';
import { tableOwner } from './identify-table.ts';
import { optionalRead } from './optional-read.ts';
import { pageFrameOf, pageOfFrame } from './page-frame.ts';
import { pageTypeOf } from './page-type.ts';
import { threadSize } from './stack-range.ts';
import { tasks } from './task.ts';
import type { Task } from './task.ts';

/** Details about frame `pfn`; `offset` is the byte within it that is asked for. Throws `MemoryFault` when its struct page is missing. */
export function describeFrame(kernel: Kernel, pfn: number, offset: number): readonly IdentifyDetail[] {
  return [...describeUse(kernel, pfn, offset), ...describeCategory(kernel, pfn)];
}

function describeUse(kernel: Kernel, pfn: number, offset: number): readonly IdentifyDetail[] {
  const page = pageOfFrame(kernel, pfn);
  if (page === undefined || kernel.types === undefined) return [];
  const stack = describeLinearStack(kernel, pfn, offset);
  const head = headOf(kernel, page);
  const type = pageTypeOf(kernel, head);
  const flags = pageFlagNames(kernel, head);
  const order = folioOrder(kernel, head);
  const base = {
    pfn,
    page: formatAddress(page),
    head: head === page ? null : formatAddress(head),
    folioOrder: order ?? null,
    flags,
    hwpoison: flags.includes('hwpoison') || pageFlagNames(kernel, page).includes('hwpoison'),
  };
  // Pages of a folio follow each other in their file or area.
  const tail = BigInt(pfn - (pageFrameOf(kernel, head) ?? pfn));
  switch (type.kind) {
    case 'slab': {
      const object = optionalRead(() => describeSlab(kernel, { pfn, offset, head }));
      return [...stack, { ...(object ?? { kind: 'slab-object', summary: `slab page${cacheName(kernel, head)}` }), ...base }];
    }
    case 'table': {
      const owner = tableOwner(kernel, pfn, offset);
      const whose = owner === undefined ? `page-table page (pfn 0x${pfn.toString(16)})` : owner.text;
      return [{ kind: 'page-table', summary: whose, ...(owner?.facts ?? {}), ...base }];
    }
    case 'buddy':
      return [{ kind: 'free-page', summary: `free page, in a buddy block of order ${type.order}`, order: type.order, ...base }];
    case 'anonymous':
      return [
        {
          kind: 'anonymous-page',
          summary: `anonymous page, index 0x${(type.index + tail).toString(16)}${order === undefined || order === 0 ? '' : `, in a folio of order ${order}`}`,
          index: formatAddress(type.index + tail),
          ...base,
        },
      ];
    case 'file': {
      const file = mappingFile(kernel, type.mapping);
      const own = type.index + tail;
      const index = `index 0x${own.toString(16)}`;
      const what =
        file === undefined
          ? `${index} of mapping ${formatAddress(type.mapping)}`
          : `${index} of inode ${file.number}${file.path === undefined ? '' : ` (${file.path})`} on ${file.fileSystem} ${file.device}`;
      return [
        {
          kind: 'page-cache',
          summary: `page-cache page, ${what}`,
          index: formatAddress(own),
          mapping: formatAddress(type.mapping),
          inode: file === undefined ? null : formatAddress(file.inode),
          inodeNumber: file === undefined ? null : Number(file.number),
          fileSystem: file?.fileSystem ?? null,
          device: file?.device ?? null,
          path: file?.path ?? null,
          ...base,
        },
      ];
    }
    case 'reserved':
      return [...stack, { kind: 'reserved-page', summary: 'reserved page (kernel image, boot memory or firmware)', ...base }];
    case 'other':
      return [...stack, otherPage(kernel, { pfn, name: type.name, order }, base)];
  }
}

/** A page without a mark of its use, or with one that has no kind of its own; inside a free block only the first page has one. */
function otherPage(
  kernel: Kernel,
  of: { pfn: number; name: string; order: number | undefined },
  base: Record<string, unknown>,
): IdentifyDetail {
  const { pfn, name, order } = of;
  const found = name === '' ? frameCategory(kernel, pfn) : undefined;
  if (found?.category === 'free') {
    const free = Math.log2(found.pages);
    const summary = `free page, page ${pfn - found.head} of a buddy block of order ${free}`;
    return { kind: 'free-page', summary, order: free, headPfn: found.head, ...base };
  }
  const folio = order === undefined || order === 0 ? '' : `, in a folio of order ${order}`;
  const summary = `page in use by the kernel${name === '' ? '' : ` (${name})`}${folio}`;
  return { kind: 'page', summary, pageType: name === '' ? null : name, ...base };
}

/** The head of the compound page that `page` belongs to (page.compound_head, bit 0). */
export function headOf(kernel: Kernel, page: Address): Address {
  const shape = kernel.structs('looking at a page').get('page');
  if (!shape.has('compound_head')) return page;
  const word = shape.unsigned(page, 'compound_head');
  return (word & 1n) === 1n ? toAddress(word - 1n) : page;
}

/** ` of cache NAME (…)` of a slab page, or nothing where it cannot be told. */
export function cacheName(kernel: Kernel, head: Address): string {
  const structs = kernel.structs('looking at a slab page');
  const slab = structs.find('slab') ?? structs.get('page');
  const cache = structs.find('kmem_cache');
  if (!slab.has('slab_cache') || cache === undefined) return '';
  const at = slab.pointer(head, 'slab_cache');
  return at === 0n ? '' : ` of cache ${kernel.memory.cString(cache.pointer(at, 'name'), 128)} (kmem_cache ${formatAddress(at)})`;
}

/** Task stacks by their frames: those that lie in the direct map, and with CONFIG_VMAP_STACK the frames behind them. */
function describeLinearStack(kernel: Kernel, pfn: number, offset: number): IdentifyDetail[] {
  const found = kernel.once(stackFrames).get(Math.floor((pfn * kernel.pageSize + offset) / frameSize));
  if (found === undefined) return [];
  const { task, page } = found;
  const from = page * frameSize + (offset % frameSize);
  const depth = threadSize(kernel) - from;
  return [
    {
      kind: 'task-stack',
      summary: `kernel stack of task ${task.pid} (${task.comm}), 0x${depth.toString(16)} bytes below its top`,
      pid: task.pid,
      comm: task.comm,
      task: formatAddress(task.address),
      offset: from,
      depth,
    },
  ];
}

/** By 4 KiB frame: stacks are smaller than the pages of some machines. */
function stackFrames(kernel: Kernel): ReadonlyMap<number, { readonly task: Task; readonly page: number }> {
  const stacks = new Map<number, { task: Task; page: number }>();
  const pages = threadSize(kernel) / frameSize;
  for (const task of tasks(kernel)) {
    for (let page = 0; page < pages; page++) {
      const frame = kernel.memory.frameOf(Number(addToAddress(task.stack, page * frameSize) >> 12n));
      if (frame >= 0) stacks.set(frame, { task, page });
    }
  }
  return stacks;
}
