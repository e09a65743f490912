/** docs/PERFORMANCE.md, made of one run's figures. */
import { basename } from 'node:path';
import type { BenchFigures, Row } from './targets.ts';

/** What stands in the way of being faster: by profile, not by guess. */
const limitsOfFigures = [
  "**Start.** Two thirds of a start are Node's own (see «node alone»), so that four times drgn's speed would leave about ten milliseconds for everything else. Of the rest, V8 reading the program, which is one file of two thirds of a megabyte, was half: the build leaves V8's code cache of it beside the file, for the very Node that built, which takes a fifth to a quarter off a translation's processor time. Another Node (as VS Code's own; what is packed has no cache) reads the text, and takes as long as it did. What is left is Node's loader of modules, making the program's classes and verbs, and finding the kernel in the dump: VMCOREINFO, the kallsyms tables, the root table. Types are read when a question needs them.",
  "**Random reads.** On ELF files more than half is the system call that copies the page out of the file cache; the walk through the page tables starts at the last table known for the address. Reads go into a buffer of the caller's, as drgn's allocator in effect reuses its own; a new buffer for each costs up to a third in garbage collection.",
  "**Sequential reads.** On ELF files a run of frames that follow each other is one system call straight into the buffer: nine tenths of the time the kernel copies out of the file cache, which is the same for both (Node's and Python's bare calls take equally long). The rest is the walk: where the direct map is of 4 KiB pages each of its entries is looked at. To be faster than the copy, two processors would have to copy.",
  '**Compressed reads.** zlib itself is more than half of the profile. Random pages are decompressed in one thread, and one that is asked for alone is not kept until it is asked for again: pages that are kept for nobody, and the pieces of the file that they come from, had cost a third more, most of it in garbage collection. Long readings unpack straight into the buffer that is read to, and keep no pages; once 16 MiB were unpacked, threads (one fewer than processors, three at most) share the pages with the reader, who finds the pages, hands them out and unpacks too: a second processor gave a quarter more. Pages of zeros share one place in the file and are unpacked once. Of the other compressions, LZO and (before Node 22.15) zstd are decoded in JavaScript and read at about a third of the speed of the C libraries.',
  "**Walk beside drgn.** Both sides look at the same entries of the same tables (the counts are compared) and join those of the same flags. With drgn's objects, each entry is looked up as a member of the kernel's own type, which is what its helpers are for; the second row is the fastest that we could write in Python, where drgn does no more than read a page. That one takes about 9 ms of the processor whatever else runs; by the clock it is 8 to 50 ms, as busy as the machine is.",
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
    `Whole processes: median of ${runs} runs after one that warms the file cache, Pagewalk and its peers taking turns. Random reads, walks, openings, hovers and operations are counted in processor time, reads and walks on both sides: all of them run in one thread, and what else the machine does meets them less. Reads from end to end are counted by the clock, on both sides: threads help with compressed ones. Reads are measured in five rounds of five passes, Pagewalk and drgn taking turns: the middle round of random ones, and the fastest pass of those from end to end, for the speed at which this machine copies changes by a third from one minute to the next. What is measured within Pagewalk is bundled as the program is. The figures of one machine say little; the ratios are what to look at.`,
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
