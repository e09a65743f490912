/** What a page frame is used for: as a table, as a stack, by its struct page, and by who maps it in the vmalloc space. */
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress } from '../../base/address.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import { describePerCpu } from './identify-cpu.ts';
import { describePage } from './identify-page.ts';
import { describeTable } from './identify-table.ts';
import { describeModule, describeVmallocAddress } from './identify-vmalloc.ts';
import type { Kernel } from '../kernel.ts';
import { describeCategory } from '../pages/page-category-frame.ts';
import { pageOfFrame } from '../pages/page-frame.ts';
import { threadSize } from '../stacks/stack-range.ts';
import { tasks } from '../processes/task.ts';
import type { Task } from '../processes/task.ts';
import { vmallocAddressesOf } from '../vmalloc/vmalloc-frames.ts';

/** Places in the vmalloc space that are told. */
/** Struct pages that tell no use of the page: who maps it tells more. */
const untold: ReadonlySet<string> = new Set(['page', 'reserved-page']);
/** Pages that the vmalloc space never has. */
const never: ReadonlySet<string> = new Set(['slab-object', 'free-page', 'page-table']);

/** Details about frame `pfn`; `offset` is the byte within it that is asked for. Throws `MemoryFault` when its struct page is missing. */
export function describeFrame(kernel: Kernel, pfn: number, offset: number): readonly IdentifyDetail[] {
  const table = describeTable(kernel, pfn * kernel.pageSize + offset);
  const page = kernel.types === undefined ? undefined : pageOfFrame(kernel, pfn);
  if (page === undefined) return [...table, ...describeCategory(kernel, pfn)];
  const use = describePage(kernel, { pfn, page, offset });
  const [first] = use;
  const stack =
    first === undefined || first.kind === 'slab-object' || untold.has(first.kind) ? describeStackFrame(kernel, pfn, offset) : [];
  const mapped = first !== undefined && never.has(first.kind) ? [] : describeVmallocUse(kernel, pfn * kernel.pageSize + offset);
  const known = first !== undefined && !untold.has(first.kind);
  return [...table, ...stack, ...(known ? [...use, ...mapped] : [...mapped, ...use]), ...describeCategory(kernel, pfn)];
}

/** What the vmalloc space, modules and per-CPU chunks have the memory for. */
export function describeVmallocUse(kernel: Kernel, physical: number): IdentifyDetail[] {
  const pages = vmallocAddressesOf(kernel, Math.floor(physical / frameSize), limits.framePlaces + 1);
  const more = pages.length > limits.framePlaces ? ' (and it is mapped at more addresses)' : '';
  return pages.slice(0, limits.framePlaces).flatMap((page) => {
    const virtual = addToAddress(page, physical % frameSize);
    const [first] = [...describeModule(kernel, virtual), ...describePerCpu(kernel, virtual), ...describeVmallocAddress(kernel, virtual)];
    if (first === undefined) return [];
    return [{ ...first, summary: `mapped at ${formatAddress(virtual)}: ${first.summary}${more}`, virtual: formatAddress(virtual) }];
  });
}

/** Task stacks by their frames: those that lie in the direct map, and with CONFIG_VMAP_STACK the frames behind them. */
function describeStackFrame(kernel: Kernel, pfn: number, offset: number): IdentifyDetail[] {
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
