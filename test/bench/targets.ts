/** What the figures are to reach, as ratios within one run, and what they reached. */
import type { HoverFigures } from './hovers.ts';
import type { HistoryCost, OperationRate } from './operations.ts';
import type { PeerReads, ReadFigures } from './reads.ts';
import type { SizeFigures } from './sizes.ts';
import type { WalkFigures } from './walk.ts';
import type { Measured } from './whole-process.ts';

/** Seconds of the same walk with drgn: entries as objects of the kernel's types, and as words of tables that are read whole. */
export interface DrgnWalk {
  readonly objects: number;
  readonly words: number;
  readonly entries: number;
}

export interface Reads {
  readonly ours: ReadFigures;
  readonly drgn: PeerReads | undefined;
}

export interface BenchFigures {
  readonly image: string;
  readonly runs: number;
  readonly node: string;
  readonly machine: string;
  readonly peers: readonly string[];
  readonly skipped: readonly string[];
  readonly processes: readonly Measured[];
  readonly elf: Reads | undefined;
  readonly kdump: Reads | undefined;
  readonly walks: readonly WalkFigures[];
  readonly drgnWalk: DrgnWalk | undefined;
  readonly sizes: SizeFigures;
  readonly hovers: HoverFigures;
  readonly operations: OperationRate;
  readonly history: HistoryCost;
}

export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly peer: string;
  readonly ratio: string;
  readonly target: string;
  /** Undefined where there is no target, or nothing to compare with. */
  readonly met: boolean | undefined;
}

const missing = 'not measured here';

/** Seconds of whole processes: how many times faster than the peer. */
function faster(figures: BenchFigures, what: string, from: { ours: string; peer: string; least: number }): Row {
  const [mine, theirs] = [from.ours, from.peer].map((name) => figures.processes.find((each) => each.name === name));
  const said = (measured: Measured | undefined): string =>
    measured === undefined
      ? missing
      : `${measured.wallSeconds.toFixed(3)} s (processor ${measured.cpuSeconds.toFixed(2)} s, ${Math.round(measured.peakMiB)} MiB)`;
  const ratio = mine === undefined || theirs === undefined ? undefined : theirs.wallSeconds / mine.wallSeconds;
  return {
    what,
    ours: said(mine),
    peer: `${from.peer}: ${said(theirs)}`,
    ratio: ratio === undefined ? '' : `${ratio.toFixed(1)} times faster`,
    target: `${from.least} times`,
    met: ratio === undefined ? undefined : ratio >= from.least,
  };
}

function reads(what: string, from: { ours: number; theirs: number | undefined; unit: string; scale: number; least: number }): Row {
  const said = (value: number): string => `${(value / from.scale).toFixed(0)} ${from.unit}`;
  const ratio = from.theirs === undefined ? undefined : from.ours / from.theirs;
  return {
    what,
    ours: said(from.ours),
    peer: `drgn: ${from.theirs === undefined ? missing : said(from.theirs)}`,
    ratio: ratio === undefined ? '' : `${ratio.toFixed(2)} times drgn's`,
    target: `${from.least} times`,
    met: ratio === undefined ? undefined : ratio >= from.least,
  };
}

export function tableOf(figures: BenchFigures): readonly Row[] {
  const { elf, kdump, walks, drgnWalk, hovers, processes, sizes } = figures;
  const first = processes.find(({ name }) => name === 'vtop');
  const [walk] = walks;
  const rows: Row[] = [
    faster(figures, 'Start to the first translated address, beside crash with its vmlinux', {
      ours: 'vtop',
      peer: 'crash vtop',
      least: 40,
    }),
    faster(figures, 'The same, beside drgn with DWARF', { ours: 'vtop', peer: 'drgn vtop', least: 4 }),
    {
      what: 'Peak memory of that',
      ours: `${Math.round(first?.peakMiB ?? Number.NaN)} MiB`,
      peer: '',
      ratio: '',
      target: 'under 100 MiB',
      met: first === undefined ? undefined : first.peakMiB < 100,
    },
    faster(figures, 'vmalloc areas with callers, from start to end, beside crash', { ours: 'vmalloc', peer: 'crash kmem -v', least: 10 }),
    faster(figures, 'Page categories, beside makedumpfile leaving them out (-E -d 31)', {
      ours: 'pages',
      peer: 'makedumpfile',
      least: 0.5,
    }),
    ...(elf === undefined ? [] : readRows('ELF', elf, 1)),
    ...(kdump === undefined ? [] : readRows('kdump-compressed (zlib)', kdump, 1.5)),
  ];
  if (walk !== undefined) rows.push(...drgnWalkRows(walk, drgnWalk));
  for (const { name, entries, tables, walk: seconds, straight } of walks) {
    rows.push({
      what: `That walk beside a straight pass over the same tables (${name}: ${entries} entries of ${tables} tables)`,
      ours: `${(entries / seconds / 1e6).toFixed(0)} M entries/s`,
      peer: `straight: ${((tables * 512) / straight / 1e6).toFixed(0)} M/s`,
      ratio: `takes ${(seconds / straight).toFixed(1)} times as long`,
      target: 'at most 4 times',
      met: seconds / straight <= 4,
    });
  }
  const [plain, kasan] = [walks.find(({ name }) => name === 'x86-64'), walks.find(({ name }) => name === 'x86-64-kasan')];
  if (plain !== undefined && kasan !== undefined) {
    rows.push({
      what: "Walk of KASAN's tables beside the plain kernel's",
      ours: `${(kasan.walk * 1000).toFixed(2)} ms`,
      peer: `plain: ${(plain.walk * 1000).toFixed(2)} ms`,
      ratio: `takes ${(kasan.walk / plain.walk).toFixed(2)} times as long`,
      target: 'at most 3 times',
      met: kasan.walk / plain.walk <= 3,
    });
  }
  const { once, twice } = sizes;
  rows.push({
    what: 'Opening to the first translated address, warm, of a dump with twice the memory beside the dump itself',
    ours: `${(twice.seconds * 1000).toFixed(1)} ms for ${(twice.ram / 2 ** 20).toFixed(0)} MiB of RAM`,
    peer: `once: ${(once.seconds * 1000).toFixed(1)} ms for ${(once.ram / 2 ** 20).toFixed(0)} MiB`,
    ratio: `takes ${(twice.seconds / once.seconds).toFixed(2)} times as long`,
    target: 'less than 2 times',
    met: twice.seconds < 2 * once.seconds,
  });
  rows.push({
    what: `A hover's answer in the adapter, warm, over ${hovers.count} addresses`,
    ours: `median ${hovers.median.toFixed(3)} ms, 99th percentile ${hovers.p99.toFixed(2)} ms`,
    peer: '',
    ratio: '',
    target: 'median under 1 ms, 99th percentile under 10 ms',
    met: hovers.median < 1 && hovers.p99 < 10,
  });
  const { operations, history } = figures;
  rows.push(
    {
      what: `Operations of a simulated machine, with a snapshot after each: ${operations.mix}`,
      ours: `${(operations.perMinute / 1e6).toFixed(2)} million a minute (${operations.operations} in ${operations.seconds.toFixed(1)} s)`,
      peer: '',
      ratio: '',
      target: '1 million a minute',
      met: operations.perMinute >= 1e6,
    },
    {
      what: 'History of the same, a snapshot at each step',
      ours: `${(history.bytes / 2 ** 20).toFixed(0)} MiB for ${history.steps} steps`,
      peer: '',
      ratio: '',
      target: 'under 500 MB for 100,000 steps',
      met: (history.bytes / history.steps) * 100_000 < 500e6,
    },
  );
  return rows;
}

/** The target is for what drgn's own objects take; how fast Python can be without them is told beside it. */
function drgnWalkRows(walk: WalkFigures, drgn: DrgnWalk | undefined): readonly Row[] {
  const row = (what: string, seconds: number | undefined, least: number | undefined): Row => {
    const ratio = seconds === undefined ? undefined : seconds / walk.walk;
    return {
      what,
      ours: `${(walk.walk * 1000).toFixed(2)} ms, with its text ${(walk.text * 1000).toFixed(1)} ms`,
      peer: `drgn: ${seconds === undefined ? missing : `${(seconds * 1000).toFixed(1)} ms`}`,
      ratio: ratio === undefined ? '' : `${ratio.toFixed(0)} times faster`,
      target: least === undefined ? '' : `${least} times`,
      met: ratio === undefined || least === undefined ? undefined : ratio >= least,
    };
  };
  return [
    row("Walk of the kernel's whole page table, beside the same with drgn's objects (pte_t, pmd_t, pud_t, pgd_t)", drgn?.objects, 50),
    row('The same, beside Python that has drgn read each table at once and takes its words apart itself', drgn?.words, undefined),
  ];
}

function readRows(format: string, { ours, drgn }: Reads, least: number): readonly Row[] {
  const perSecond = { unit: 'reads/s', scale: 1 };
  return [
    reads(`${format}: random 4 KiB reads of the direct map`, {
      ours: ours.randomDirect,
      theirs: drgn?.randomDirect,
      ...perSecond,
      least: 1,
    }),
    reads(`${format}: random 4 KiB reads of vmalloc memory`, {
      ours: ours.randomVmalloc,
      theirs: drgn?.randomVmalloc,
      ...perSecond,
      least: 1,
    }),
    reads(`${format}: the direct map from end to end, by 1 MiB`, {
      ours: ours.sequential,
      theirs: drgn?.sequential,
      unit: 'MB/s',
      scale: 1e6,
      least,
    }),
  ];
}
