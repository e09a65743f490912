/** docs/PERFORMANCE.md, made of one run's figures. */
import { basename } from 'node:path';
import type { BenchFigures, Row } from './targets.ts';

/** What stands in the way of being faster: by profile, not by guess. */
const limitsOfFigures = [
  "**Start.** Two thirds of a start are Node's own (see «node alone»). The rest is reading the program and finding the kernel in the dump: VMCOREINFO, the kallsyms tables, the root table. Types are read when a question needs them.",
  "**Random reads.** A read is a system call into the page cache, the walk through the page tables, and the bytes' own buffer; Node's file call and its garbage collection take more than half.",
  '**Sequential reads.** Long reads go from the file straight into the answer; what is left is copying. On compressed dumps the decompressor is all there is to see in a profile.',
  '**Walk.** Table pages are read once and held as views; a last-level table that is met again (KASAN shadow) is told from memory.',
  '**Hovers.** The slowest are the first in a structure: the slab cache, the task list or the page owner is then read, and known for the next one.',
];

export function pageOf(figures: BenchFigures, table: readonly Row[]): string {
  const { image, runs, node, machine, peers, skipped, processes } = figures;
  const cells = (...words: readonly string[]): string => `| ${words.map((word) => word.replaceAll('|', '\\|')).join(' | ')} |`;
  const others = processes.filter(({ name }) => ['node alone', 'info', 'ptdump'].includes(name));
  return `${[
    '# Performance',
    '',
    '<!-- Made by `npm run bench -- --page`; edits are lost with the next run. -->',
    '',
    `Measured on ${basename(image)} of the shared dumps, with Node ${node} on ${machine}. Peers of the same run: ${peers.length === 0 ? 'none was installed' : peers.join(', ')}.`,
    `Whole processes: median of ${runs} runs after one that warms the file cache, Pagewalk and its peers taking turns. The figures of one machine say little; the ratios are what to look at.`,
    '',
    cells('what', 'Pagewalk', 'beside', 'ratio', 'target', 'met'),
    cells('---', '---', '---', '---', '---', '---'),
    ...table.map(({ what, ours, peer, ratio, target, met }) =>
      cells(what, ours, peer, ratio, target, met === undefined ? '' : met ? 'yes' : '**no**'),
    ),
    '',
    ...others.map(
      ({ name, wallSeconds, cpuSeconds, peakMiB }) =>
        `- ${name}: ${wallSeconds.toFixed(3)} s (processor ${cpuSeconds.toFixed(2)} s, ${Math.round(peakMiB)} MiB)`,
    ),
    ...(skipped.length === 0 ? [] : ['', 'Not measured:', '', ...skipped.map((line) => `- ${line}`)]),
    '',
    '## What limits each figure',
    '',
    ...limitsOfFigures.map((line) => `- ${line}`),
  ].join('\n')}\n`;
}
