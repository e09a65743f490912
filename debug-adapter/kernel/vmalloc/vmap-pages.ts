/** The frames behind a vmap_area, by vm_struct.pages[] where it has one, else by the page tables. */
import { limits } from '../../base/limits.ts';
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { neverCancelled } from '../../base/cancellation.ts';
import { MemoryFault } from '../../base/errors.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import { mappedRuns } from '../../pagetable/mapped-runs.ts';
import type { Kernel } from '../kernel.ts';
import { nodeOfPage, singleNode } from '../pages/numa.ts';
import { pageFrameOf, pageOfFrame } from '../pages/page-frame.ts';
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

/** The frames of one area; `source` is whether its vm_struct or the page tables told them. */
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

/** Throws `MemoryFault` when pages[] cannot be read. */
export function areaPages(kernel: Kernel, area: VmapArea): AreaPages {
  const { vm } = area;
  const total = Math.max(0, Math.floor(mappedSize(kernel, area) / kernel.pageSize));
  const collected = new RunCollection(kernel);
  if (vm === undefined || vm.pages === 0n || vm.pageCount <= 0) {
    collectMapped(kernel, { start: area.start, total }, collected);
    return { source: 'page-table', total, ...collected.finish(total) };
  }
  // No area has more pages than the machine.
  const count = Math.min(vm.pageCount, ramPages(kernel));
  for (let page = 0; page < count && !collected.cut; page++) {
    const frame = listedFrame(kernel, vm.pages, page);
    if (frame !== undefined) collected.add(page, frame, 1);
  }
  return { source: 'pages', total, ...collected.finish(count) };
}

/** Pages of the machine's RAM. */
function ramPages(kernel: Kernel): number {
  return Math.ceil(kernel.physical.ranges.reduce((sum, { start, end }) => sum + (end - start), 0) / kernel.pageSize);
}

function collectMapped(kernel: Kernel, area: { readonly start: Address; readonly total: number }, collected: RunCollection): void {
  const perPage = kernel.pageSize / frameSize;
  const first = Number(area.start >> 12n);
  const range = { start: first, end: first + area.total * perPage };
  const { runs } = mappedRuns(kernel.root.pageTable, { range, user: false, token: neverCancelled });
  for (let index = 0; index < runs.length && !collected.cut; index++) {
    collected.add((runs.page(index) - first) / perPage, Math.floor(runs.frame(index) / perPage), Math.ceil(runs.pages(index) / perPage));
  }
}

/** Joins pages that follow each other in the area, in physical memory, and on one node. */
class RunCollection {
  readonly #kernel: Kernel;
  readonly #runs: AreaPageRun[] = [];
  readonly #only: number | undefined;
  #found = 0;
  cut = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#only = singleNode(kernel);
  }

  add(page: number, frame: number, count: number): void {
    if (this.#only !== undefined || count === 1) {
      this.#join(page, frame, count);
      return;
    }
    for (let index = 0; index < count && !this.cut; index++) this.#join(page + index, frame + index, 1);
  }

  finish(expected: number): Pick<AreaPages, 'runs' | 'missing' | 'cut'> {
    return { runs: this.#runs, missing: this.cut ? 0 : Math.max(0, expected - this.#found), cut: this.cut };
  }

  #join(page: number, frame: number, count: number): void {
    const node = this.#only ?? nodeOfFrame(this.#kernel, frame);
    const last = this.#runs.at(-1);
    if (last !== undefined && last.page + last.count === page && last.frame + last.count === frame && last.node === node) {
      this.#runs[this.#runs.length - 1] = { ...last, count: last.count + count };
    } else if (this.#runs.length < limits.areaRuns) this.#runs.push({ page, count, frame, node });
    else this.cut = true;
    this.#found += count;
    if (this.#found >= limits.areaPages) this.cut = true;
  }
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
