/** `pagewalk vmalloc IMAGE`: /proc/vmallocinfo; with `--all` what it does not tell, with `--pages` the frames of one area. */
import { compareAddresses } from '../base/address.ts';
import type { VmallocAreaFacts, VmallocPagesFacts, VmallocPurgeFacts, VmallocQueueFacts } from '../protocol/vmalloc.ts';
import type { Session } from '../session/session.ts';
import type { VmallocStream } from '../session/vmalloc-facts.ts';
import { addressArgument } from './arguments.ts';
import { jsonDocument, textLines, together } from './long-list.ts';
import type { JsonField } from './long-list.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** What stands behind `pagewalk vmalloc IMAGE`; `pages` is the address of an area whose frames are listed. */
export interface VmallocOptions {
  readonly json?: true;
  readonly symbols?: string;
  readonly types?: string;
  readonly vmlinux?: string;
  readonly base?: string;
  readonly all?: true;
  readonly pages?: string;
}

/** Writes the text, or with `json` the facts. Throws `UserError` where no area holds the address of `pages`. */
export function vmallocVerb(session: Session, output: Output, options: VmallocOptions): void {
  if (options.pages !== undefined) {
    const facts = session.vmallocPages(addressArgument(options.pages, session));
    output.text(options.json === true ? json(facts) : pagesText(facts));
  } else if (options.json === true) jsonDocument(output, fieldsOf(session.vmallocStream()));
  else textLines(output, options.all === true ? allLines(session.vmallocStream()) : session.vmallocinfoLines());
}

/** `VmallocFacts`, field by field. */
function* fieldsOf({ lists, free, rest }: VmallocStream): Generator<JsonField> {
  for (const [list, areas] of Object.entries(lists)) yield [list, { parts: together(areas) }];
  yield ['free', { parts: together(free) }];
  for (const [key, value] of Object.entries(rest())) yield [key, { value }];
}

function pagesText({ start, end, source, pageSize, pageOrder, total, missing, runs, cut }: VmallocPagesFacts): string {
  const by = source === 'pages' ? 'by vm_struct.pages[]' : 'by the page table';
  const order = pageOrder === 0 ? '' : `, allocated in order ${pageOrder}`;
  const none = missing === 0 ? '' : `, ${missing} without a frame`;
  const lines = runs.map(({ page, count, physical, node }) => {
    const pages = count === 1 ? String(page) : `${page}-${page + count - 1}`;
    return `${pages.padEnd(15)} ${physical.padEnd(18)} ${String(count * pageSize).padStart(12)}${node === null ? '' : ` N${node}`}\n`;
  });
  return `${start}-${end}: ${total} pages ${by}${order}${none}\n${lines.join('')}${cut ? 'more runs are not told\n' : ''}`;
}

/** Every range by address with its state, then the queues of blocks, then the counters. */
function* allLines({ lists, free, rest }: VmallocStream): Generator<string> {
  const rows: { start: bigint; text: string }[] = [];
  for (const area of lists.areas) rows.push(row(area, `busy ${whatOf(area)}`));
  for (const area of lists.lazy) rows.push(row(area, 'lazy, waits for a purge'));
  for (const area of lists.purging) rows.push(row(area, 'lazy, in a purge that was under way'));
  for (const area of lists.pooled) rows.push(row(area, `pooled in node ${area.node}`));
  let freeRanges = 0;
  for (const area of free) {
    rows.push(row(area, 'free'));
    freeRanges++;
  }
  rows.sort((a, b) => compareAddresses(a.start, b.start));
  for (const { text } of rows) yield text;
  const { queues, purge } = rest();
  yield `\n${queuesText(queues)}${countersText(purge, freeRanges)}`;
}

function row({ start, end, size }: { start: string; end: string; size: number | string }, what: string): { start: bigint; text: string } {
  return { start: BigInt(start), text: `${start.padEnd(18)}-${end.padEnd(18)} ${BigInt(size).toString().padStart(7)} ${what}\n` };
}

function whatOf({ vmFlags, flags, caller, pages, pageOrder, physical, block }: VmallocAreaFacts): string {
  if (block !== null) {
    const { cpu, arrayCpu } = block;
    const whose = [cpu === null ? '' : `; of the queue of CPU ${cpu}`, arrayCpu === null ? '' : `, in the array of CPU ${arrayCpu}`].join(
      '',
    );
    const used = block.used === null ? 'used pages are not recorded' : `${block.used.reduce((sum, [, count]) => sum + count, 0)} used`;
    return `vmap_block ${block.address} of ${block.pages} pages: ${used}, ${block.free} free, ${block.dirty} dirty${whose}`;
  }
  const order = pageOrder === null || pageOrder === 0 ? '' : ` order=${pageOrder}`;
  const device = physical === null ? '' : `phys=${physical}`;
  return [flags.join('|'), vmFlags.join('|'), caller ?? '', pages === null || pages === 0 ? '' : `pages=${pages}${order}`, device]
    .filter((part) => part !== '')
    .join(' ');
}

function queuesText(queues: readonly VmallocQueueFacts[]): string {
  return queues
    .map(({ cpu, free }) => `vmap_block_queue of CPU ${cpu}: ${free.length === 0 ? 'no block has free pages' : free.join(' ')}\n`)
    .join('');
}

function countersText({ lazyPages, listedPages, threshold, vmallocPages, nodes }: VmallocPurgeFacts, freeRanges: number): string {
  const lines = [
    `lazily freed: ${lazyPages ?? 'unknown'} pages by vmap_lazy_nr, ${listedPages} on lists${threshold === null ? '' : `; a purge begins above ${threshold}`}`,
    ...(vmallocPages === null ? [] : [`allocated by vmalloc: ${vmallocPages} pages (nr_vmalloc_pages)`]),
    ...nodes.map(
      ({ index, busy, lazy, purging, pooled }) => `node ${index}: ${busy} busy, ${lazy} lazy, ${purging} in a purge, ${pooled} pooled`,
    ),
    `free ranges: ${freeRanges}`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}
