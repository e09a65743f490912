/**
 * The PAGEMAP_SCAN ioctl on a process of the machine (fs/proc/task_mmu.c: do_pagemap_scan). What matches is found by the engine,
 * which reads this machine as it reads a dump; what PM_SCAN_WP_MATCHING protects is written here.
 */
import { neverCancelled } from '../base/cancellation.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { pgdOf } from '../kernel/processes/mm.ts';
import { openKernel } from '../kernel/opening/open-kernel.ts';
import { PagemapProcess } from '../kernel/pagemap/pagemap-process.ts';
import { namesOfCategories } from '../kernel/pagemap/pagemap-category.ts';
import { pagemapScan } from '../kernel/pagemap/pagemap-scan.ts';
import type { PagemapScanArguments, PagemapScanResult } from '../kernel/pagemap/pagemap-scan.ts';
import { PageTable } from '../pagetable/page-table.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { TypeTable } from '../symbols/types.ts';
import type { Core, Steps } from './core.ts';
import type { OperationValue } from './operation.ts';
import { protectRange } from './userfaultfd.ts';
import { areasOf } from './vma-tree.ts';

/** The ioctl's answer, with its effects done. */
export function* doPagemapScan(core: Core, mm: number, asked: PagemapScanArguments): Steps<OperationValue> {
  core.enter('do_pagemap_scan', () => ({ start: asked.start, end: asked.end, flags: asked.flags }));
  try {
    yield core.step(() => 'walk the page tables and gather regions');
    const result = pagemapScan(readerOf(core, mm), asked, neverCancelled);
    for (const { start, end } of result.protects) {
      for (const area of areasOf(core, mm)) {
        const page = Math.max(area.start, start);
        const last = Math.min(area.end, end);
        if (page < last) yield* protectRange(core, mm, { area, page, pages: last - page, on: true });
      }
    }
    return answer(result);
  } finally {
    core.leave();
  }
}

/** The engine's view of an address space as it is now; names and types do not change, and are read once. */
function readerOf(core: Core, mm: number): PagemapProcess {
  const { symbols, types } = core.once(namesOf);
  const image = core.image();
  const kernel = openKernel(image, { symbols: () => symbols, types: () => types });
  const address = core.memory.virtual(mm);
  return new PagemapProcess(kernel, address, new PageTable(image.memory, kernel.root.mode, pgdOf(kernel, address)));
}

function namesOf(core: Core): { readonly symbols: SymbolTable; readonly types: TypeTable } {
  const kernel: Kernel = openKernel(core.image(), { symbols: undefined, types: undefined });
  const { symbols, types } = kernel;
  if (types === undefined) throw new RangeError('the simulated kernel tells no types');
  return { symbols, types };
}

function answer({ error, regions, walkEnd, protects }: PagemapScanResult): OperationValue {
  const run = ({ start, end }: { readonly start: number; readonly end: number }): { start: bigint; end: bigint } => ({
    start: BigInt(start) << 12n,
    end: BigInt(end) << 12n,
  });
  return {
    return: error === undefined ? BigInt(regions.length) : -1n,
    errno: error?.name,
    walk_end: walkEnd,
    regions: regions.map((region) => ({ ...run(region), categories: namesOfCategories(region.categories).join('|') })),
    protects: protects.map(run),
  };
}
