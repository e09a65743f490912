/** `pagewalk search IMAGE PATTERN`: where a value, text or bytes stand in memory, told as they are found. */
import type { Command } from 'commander';
import { formatAddress, parseAddress } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { SearchFacts, SearchHit, SearchQuestion } from '../protocol/search.ts';
import type { SessionFace } from '../session/session-face.ts';
import { exitStatus, rangeArgument } from './arguments.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

interface SearchVerbOptions {
  readonly json?: true;
  readonly range?: string;
  readonly physical?: true;
  readonly mm?: string;
  readonly mask?: string;
  readonly size?: string;
  readonly align?: string;
  readonly string?: true;
  readonly limit?: string;
}

/** Adds `search`. `open` opens an image; `exit` hears the exit status: 1 when nothing is found. */
export function searchVerb(on: {
  readonly verb: (usage: string, description: string) => Command;
  readonly open: (image: string, options: SearchVerbOptions, use: (session: SessionFace) => void) => void;
  readonly output: Output;
  readonly exit: (status: number) => void;
}): void {
  on.verb(
    'search <image> <pattern>',
    'where memory holds a number, a symbol\'s address, bytes ("4d cf ?? 23") or text ("\\"text\\"", --string)',
  )
    .option('--range <start-end>', 'only in these addresses')
    .option('--physical', 'physical memory, whoever maps it')
    .option('--mm <space>', 'kernel (default), efi, a PID (what user mode maps), or the physical address of a root table (0x…)')
    .option('--size <bytes>', "bytes of the number: 1, 2, 4 or 8 (default: the machine's word)")
    .option('--mask <bits>', 'bits of the number that may be anything, as in crash and drgn')
    .option('--align <bytes>', "only at multiples of this power of two (default: the number's size; 1 for bytes and text)")
    .option('--string', 'the pattern is text')
    .option('--limit <hits>', 'tell no more hits than this (default: 1000)')
    .action((image: string, pattern: string, options: SearchVerbOptions) => {
      const asked = questionOf(pattern, options);
      on.open(image, options, (session) => {
        on.exit(runSearch(session, on.output, { asked, json: options.json === true }));
      });
    });
}

function runSearch(session: SessionFace, output: Output, on: { readonly asked: SearchQuestion; readonly json: boolean }): number {
  const tell = output.progress;
  const physical = on.asked.physical === true;
  let facts: SearchFacts;
  try {
    facts = session.search(on.asked, {
      progress:
        tell === undefined
          ? undefined
          : (step, done, total) => {
              tell(total > 1 ? `${step}: ${sizeText(done * 4096)} of ${sizeText(total * 4096)}` : step);
            },
      found: on.json
        ? undefined
        : (hit) => {
            tell?.();
            output.text(hitText(hit, physical));
          },
    });
  } finally {
    tell?.();
  }
  if (on.json) output.text(json(facts));
  else {
    output.text(`${summaryText(facts)}\n`);
    for (const warning of facts.warnings) output.complain(`pagewalk: warning: ${warning}`);
  }
  return facts.hits.length === 0 ? exitStatus.notFound : exitStatus.fine;
}

function questionOf(pattern: string, options: SearchVerbOptions): SearchQuestion {
  const range = options.range === undefined ? undefined : rangeArgument(options.range);
  const mask = options.mask === undefined ? undefined : parseAddress(options.mask);
  if (options.mask !== undefined && mask === undefined)
    throw errors.badArgument(`--mask ${options.mask} is no mask; write 0x and hexadecimal digits`);
  return {
    pattern,
    string: options.string === true,
    size: numberOption('--size', options.size),
    mask: mask === undefined ? undefined : formatAddress(mask),
    align: numberOption('--align', options.align),
    physical: options.physical === true,
    mm: options.mm,
    range: range === undefined ? undefined : { start: formatAddress(range.start), end: formatAddress(range.end) },
    limit: numberOption('--limit', options.limit),
  };
}

function numberOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^(?:0x[0-9a-f]+|\d+)$/i.test(text)) throw errors.badArgument(`${name} ${text} is no number; write digits`);
  return Number(text);
}

function hitText({ virtual, physical, what }: SearchHit, isPhysical: boolean): string {
  const address = isPhysical ? physical : (virtual ?? physical);
  return `${address.padEnd(18)}  ${what.summary}\n`;
}

function summaryText({ hits, complete, searched, missing }: SearchFacts): string {
  const count = hits.length === 0 ? 'nothing found' : `${hits.length} ${hits.length === 1 ? 'hit' : 'hits'}`;
  const rest = complete ? '' : '; there are more: tell more with --limit, or search less with --range';
  const lost = missing === 0 ? '' : `; ${sizeText(missing)} more are not in the dump`;
  return `${count} in ${sizeText(searched)}${lost}${rest}`;
}

function sizeText(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${bytes / 1024} KiB`;
}
