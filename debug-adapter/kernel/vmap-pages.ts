/** The frames behind a vmap_area, by vm_struct.pages[] where it has one, else by the page tables. */
import { addToAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { Kernel } from './kernel.ts';
import { nodeOfPage, singleNode } from './numa.ts';
import { pageFrameOf, pageOfFrame } from './page-frame.ts';
import { mappedSize } from './vmap-area.ts';
import type { VmapArea } from './vmap-area.ts';

/** Pages that follow each other in the area and in physical memory, on one NUMA node. */
export interface AreaPageRun {
  /** First page of the area. */
  readonly page: number;
  readonly count: number;
  /** Page frame number of the first. */
  readonly frame: number;
  /** NUMA node; undefined where the kernel has none or it cannot be told. */
  readonly node: number | undefined;
}

export interface AreaPages {
  readonly source: 'pages' | 'page-table';
  /** Pages that the area has room for, its guard page apart. */
  readonly total: number;
  readonly runs: readonly AreaPageRun[];
  /** Pages for which no frame was found. */
  readonly missing: number;
  /** Whether there are more runs than are told. */
  readonly cut: boolean;
}

const mostRuns = 65_536;
const mostPages = 2 ** 26;

/** Throws `MemoryFault` when pages[] cannot be read. */
export function areaPages(kernel: Kernel, area: VmapArea): AreaPages {
  const { vm } = area;
  const total = Math.min(mostPages, Math.max(0, Math.floor(mappedSize(kernel, area) / kernel.pageSize)));
  const array =
    vm === undefined || vm.pages === 0n || vm.pageCount <= 0 ? undefined : { at: vm.pages, count: Math.min(vm.pageCount, mostPages) };
  const runs: AreaPageRun[] = [];
  const only = singleNode(kernel);
  let missing = 0;
  const bound = { reached: false };
  const add = (page: number, frame: number, node: number | undefined): void => {
    const last = runs.at(-1);
    if (last !== undefined && last.page + last.count === page && last.frame + last.count === frame && last.node === node) {
      runs[runs.length - 1] = { ...last, count: last.count + 1 };
    } else if (runs.length < mostRuns) runs.push({ page, count: 1, frame, node });
    else bound.reached = true;
  };
  const count = array?.count ?? total;
  for (let page = 0; page < count && !bound.reached; page++) {
    const frame = array === undefined ? mappedFrame(kernel, area.start, page) : listedFrame(kernel, array.at, page);
    if (frame === undefined) missing++;
    else add(page, frame, only ?? nodeOfFrame(kernel, frame));
  }
  return { source: array === undefined ? 'page-table' : 'pages', total, runs, missing, cut: bound.reached };
}

/** Frame of pages[index]; undefined where the pointer is no struct page. Throws `MemoryFault`. */
export function listedFrame(kernel: Kernel, pages: Address, index: number): number | undefined {
  return pageFrameOf(kernel, kernel.memory.pointer(addToAddress(pages, index * kernel.memory.pointerSize)));
}

/** Frame (of the machine's page size) that the kernel's page table maps at a page of the area; undefined where none. */
export function mappedFrame(kernel: Kernel, start: Address, page: number): number | undefined {
  const perPage = kernel.pageSize / frameSize;
  const frame = kernel.memory.frameOf(Number(start >> 12n) + page * perPage);
  return frame < 0 ? undefined : Math.floor(frame / perPage);
}

function nodeOfFrame(kernel: Kernel, frame: number): number | undefined {
  try {
    const page = pageOfFrame(kernel, frame);
    return page === undefined ? undefined : nodeOfPage(kernel, page);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return undefined;
  }
}
