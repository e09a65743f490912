/**
 * Entries of page tables walked per second for a page-table dump, beside the limit: a straight pass that adds up the
 * words of the same table pages. In one process, medians of many passes, in processor time.
 */
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { entryKind } from '../../debug-adapter/arch/paging-mode.ts';
import { kasanShadowTables } from '../../debug-adapter/kernel/layout/kasan-shadow.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { walkForPtdump } from '../../debug-adapter/pagetable/ptdump-walk.ts';
import type { PtdumpVisitor } from '../../debug-adapter/pagetable/ptdump-walk.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { processorSeconds } from './processor-time.ts';

const passes = 41;

export interface WalkFigures {
  readonly name: string;
  readonly entries: number;
  readonly tables: number;
  /** Seconds of the walk alone, of the whole text, and of the straight pass. */
  readonly walk: number;
  readonly text: number;
  readonly straight: number;
}

/** Counts notes, so that the walk has someone to tell. */
class Counter implements PtdumpVisitor {
  notes = 0;
  readonly compared = { low: 0xfff, high: -1 << 20 };
  readonly #pageTable: PageTable;

  constructor(pageTable: PageTable) {
    this.#pageTable = pageTable;
  }

  enter(): void {
    // Rights are the text's concern.
  }

  isLeaf(level: number, low: number, high: number): boolean {
    return this.#pageTable.mode.kind(level, low, high) === entryKind.leaf;
  }

  isBad(): boolean {
    return false;
  }

  note(): void {
    this.notes++;
  }

  nextMarkerPage(): number {
    return Number.POSITIVE_INFINITY;
  }

  unwalked(): void {
    this.notes++;
  }
}

/** Remembers which frames the walk looks at. */
class RecordingTable extends PageTable {
  readonly views = new Map<number, DataView>();

  override tableView(frame: number): DataView | undefined {
    const view = super.tableView(frame);
    if (view !== undefined) this.views.set(frame, view);
    return view;
  }
}

function median(run: () => void): number {
  const times: number[] = [];
  for (let pass = 0; pass < passes; pass++) {
    const start = processorSeconds();
    run();
    times.push(processorSeconds() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(passes / 2)] ?? 0;
}

/** Measures the kernel's own page table of one image. */
export function measureWalk(name: string, image: string): WalkFigures {
  const session = openSession(nodeHost(new URL(import.meta.url)), { paths: [image] });
  const { kernel } = session;
  const { mode, root } = kernel.root.pageTable;
  const half = 2 ** (mode.virtualBits - 13);
  const options = { ranges: [{ start: 2 ** 52 - half, end: 2 ** 52 }], shadow: kasanShadowTables(kernel), token: neverCancelled };
  const recording = new RecordingTable(kernel.physical, mode, root);
  const entries = walkForPtdump({ ...options, pageTable: recording }, new Counter(recording));
  const { pageTable } = kernel.root;
  const walk = median(() => {
    walkForPtdump({ ...options, pageTable }, new Counter(pageTable));
  });
  const text = median(() => {
    session.ptdumpLines({});
  });
  const views = [...recording.views.values()];
  let sum = 0;
  const straight = median(() => {
    for (const view of views) for (let offset = 0; offset < 4096; offset += 4) sum = (sum + view.getUint32(offset, true)) | 0;
  });
  session.close();
  if (sum === -1) throw new Error('the straight pass must not be optimised away');
  return { name, entries, tables: views.length, walk, text, straight };
}
