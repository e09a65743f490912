/** `pagewalk diff A B`: what differs between two page-table dumps, a line a change. */
import { formatPaddedAddress } from '../base/address.ts';
import type { Host } from '../base/host.ts';
import type { PtdumpChangeFacts, PtdumpChangeSide, PtdumpDiffFacts } from '../protocol/facts.ts';
import { ptdumpDiffFacts } from '../session/ptdump-diff-facts.ts';
import type { PtdumpChoice } from '../session/ptdump-diff-facts.ts';
import { openPtdumpSource } from '../session/ptdump-source.ts';
import type { PtdumpSource } from '../session/ptdump-source.ts';
import { exitStatus, rangeArgument } from './arguments.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** What stands behind `pagewalk diff A B`; `mmB` and `userB` choose the second side alone. */
export interface DiffOptions {
  readonly json?: true;
  readonly symbols?: string;
  readonly types?: string;
  readonly vmlinux?: string;
  readonly base?: string;
  readonly mm?: string;
  readonly mmB?: string;
  readonly user?: true;
  readonly userB?: true;
  readonly range?: string;
}

/** Exit status: 1 when the dumps differ. */
export function diffVerb(host: Host, output: Output, asked: { a: string; b: string; options: DiffOptions }): number {
  const { a, b, options } = asked;
  const range = options.range === undefined ? undefined : rangeArgument(options.range);
  const { symbols, types, vmlinux, base } = options;
  const open = (image: string): PtdumpSource => openPtdumpSource(host, { paths: image.split(','), symbols, types, vmlinux, base });
  const first = open(a);
  let second: PtdumpSource | undefined;
  try {
    second = a === b ? first : open(b);
    const facts = ptdumpDiffFacts(...sides(first, second, options), { range });
    output.text(options.json === true ? json(facts) : diffText(facts));
    if (options.json === undefined) for (const warning of facts.warnings) output.complain(`pagewalk: warning: ${warning}`);
    return facts.changes.length > 0 ? exitStatus.notFound : exitStatus.fine;
  } finally {
    first.close();
    if (second !== first) second?.close();
  }
}

/** A choice that is made once holds for both sides, except that a text beside an image has none. */
function sides(first: PtdumpSource, second: PtdumpSource, options: DiffOptions): [PtdumpChoice, PtdumpChoice] {
  const isText = (source: PtdumpSource): boolean => source.pageTable === undefined;
  const shared = (source: PtdumpSource, other: PtdumpSource): { mm: string | undefined; user: true | undefined } =>
    isText(source) && !isText(other) ? { mm: undefined, user: undefined } : { mm: options.mm, user: options.user };
  const own = shared(second, first);
  return [
    { source: first, ...shared(first, second) },
    { source: second, mm: options.mmB ?? own.mm, user: options.userB ?? own.user },
  ];
}

/** `+` added, `-` removed, `~` changed; then the summary. */
function diffText(facts: PtdumpDiffFacts): string {
  const lines = facts.changes.map((change) => `${changeText(change, facts.addressBits)}\n`);
  const dangerous = facts.becameWritableExecutable === 0 ? '' : `; ${facts.becameWritableExecutable} became writable and executable`;
  return `${lines.join('')}${facts.added} added, ${facts.removed} removed, ${facts.changed} changed${dangerous}\n`;
}

function changeText({ kind, start, end, what, before, after }: PtdumpChangeFacts, addressBits: 32 | 64): string {
  const padded = (address: string): string => formatPaddedAddress(BigInt(address), addressBits / 4);
  const size = sizeText(BigInt.asUintN(addressBits, BigInt(end) - BigInt(start))).padStart(10);
  const sign = { added: '+', removed: '-', changed: '~' }[kind];
  const words = [before, after].flatMap((side) => (side === null ? [] : [sideText(side)]));
  const [first, second] = words;
  const told = first === second ? first : words.join(' -> ');
  const frames = what.includes('frame') ? ` ${before?.physical ?? '?'} -> ${after?.physical ?? '?'}` : '';
  const subjects = kind === 'changed' ? `  (${what.map((subject) => (subject === 'frame' ? `frame${frames}` : subject)).join(', ')})` : '';
  return `${sign} ${padded(start)}-${padded(end)} ${size} ${told ?? ''}${subjects}`;
}

/** The kernel's words, with the level where the kernel has it: x86 last, in lower case; others first. */
function sideText({ level, attributes }: PtdumpChangeSide): string {
  const words = /^[a-z]/.test(level) ? [...attributes, level] : [level, ...attributes];
  return words.filter((word) => word !== '').join(' ');
}

/** In the largest unit that divides it, as the kernel prints; `0` is the whole space. */
function sizeText(bytes: bigint): string {
  let value = bytes >> 10n;
  let unit = 0;
  while (value !== 0n && (value & 1023n) === 0n && unit < 5) {
    value >>= 10n;
    unit++;
  }
  return `${value}${'KMGTPE'[unit] ?? ''}`;
}
