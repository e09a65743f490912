/**
 * The filter language of the ptdump panel. Words are joined by «and», `|` stands between alternatives, `-` before a word
 * turns it round, quotes hold words together; a word that is nothing else is an attribute's name or text of the line.
 */
import * as l10n from '@vscode/l10n';
import { ptdumpWords } from '../../debug-adapter/protocol/ptdump-words.ts';
import type { LineKind, RegionTable } from './table.ts';

/** What a filter needs to know beside the lines. */
export interface FilterWorld {
  readonly table: RegionTable;
  /** First pages that map a physical address; undefined while that is not known. */
  virtualPages(physical: string): readonly number[] | undefined;
  /** Whether a line is not as it was at an earlier stop. */
  changed(line: number): boolean;
}

type Test =
  | { readonly on: 'kind'; readonly holds: (kind: LineKind) => boolean }
  | { readonly on: 'line'; readonly holds: (world: FilterWorld, line: number) => boolean };

/** What a line is tested by: one of the alternatives holds where all of its tests do. */
export interface Filter {
  readonly alternatives: readonly (readonly Test[])[];
  readonly needsOwners: boolean;
  /** Physical addresses that are to be looked up. */
  readonly physical: readonly string[];
}

/** What is wrong with a filter, and where in its text. */
export interface FilterProblem {
  readonly message: string;
  readonly from: number;
  readonly to: number;
}

interface Word {
  readonly text: string;
  readonly quoted: boolean;
  readonly from: number;
  readonly to: number;
}

const unitBits: Readonly<Record<string, number>> = { '': 0, k: 10, m: 20, g: 30, t: 40, p: 50, e: 60 };
const keys = ['level:', 'size', 'va:', 'pa:', 'owner:'] as const;
const topOfSpace = 1n << 64n;

class Wrong extends Error {}

/** The words of one dump. */
export interface Vocabulary {
  readonly levels: readonly string[];
  readonly words: readonly string[];
}

/** Undefined for an empty filter. */
export function parseFilter(text: string, vocabulary: Vocabulary): Filter | FilterProblem | undefined {
  const words = split(text);
  if (!Array.isArray(words)) return words;
  if (words.length === 0) return undefined;
  const alternatives: Test[][] = [[]];
  const physical: string[] = [];
  let needsOwners = false;
  for (const word of words) {
    const problem = (message: string): FilterProblem => ({ message, from: word.from, to: word.to });
    if (word.text === '|' && !word.quoted) {
      if (alternatives.at(-1)?.length === 0) return problem(l10n.t('nothing stands before |'));
      alternatives.push([]);
      continue;
    }
    try {
      const negative = !word.quoted && /^[-!]./.test(word.text);
      const plain = negative ? word.text.slice(1) : word.text;
      if (/^owner:/i.test(plain)) needsOwners = true;
      const frame = /^pa:(.+)$/i.exec(plain)?.[1];
      if (frame !== undefined) physical.push(addressText(frame));
      const test = testOf(plain, word.quoted, vocabulary);
      alternatives.at(-1)?.push(negative ? turned(test) : test);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      return problem(error.message);
    }
  }
  const last = words.at(-1);
  if (alternatives.at(-1)?.length === 0) return { message: l10n.t('nothing stands behind |'), from: last?.from ?? 0, to: last?.to ?? 0 };
  return { alternatives, needsOwners, physical };
}

/** Whether the text could not be read as a filter. */
export function isProblem(parsed: Filter | FilterProblem | undefined): parsed is FilterProblem {
  return parsed !== undefined && 'message' in parsed;
}

/** A test of one region's line; what concerns kinds of lines is asked once for each kind. */
export function compile(filter: Filter, world: FilterWorld): (line: number) => boolean {
  const { table } = world;
  const alternatives = filter.alternatives.map((tests) => ({
    ofKind: tests.flatMap((test) => (test.on === 'kind' ? [test.holds] : [])),
    ofLine: tests.flatMap((test) => (test.on === 'line' ? [test.holds] : [])),
    verdicts: [] as boolean[],
  }));
  return (line) => {
    const kind = table.kindOf[line] ?? -1;
    const facts = table.kinds[kind];
    if (facts === undefined) return false;
    for (const { ofKind, ofLine, verdicts } of alternatives) {
      const fits = (verdicts[kind] ??= ofKind.every((holds) => holds(facts)));
      if (fits && ofLine.every((holds) => holds(world, line))) return true;
    }
    return false;
  };
}

/** What may stand where the caret is, and how much of the text before the caret it replaces. */
export function completions(text: string, caret: number, table: RegionTable): { from: number; offers: readonly string[] } {
  const before = text.slice(0, caret);
  const typed = /[^\s|]*$/.exec(before)?.[0] ?? '';
  const sign = /^[-!]/.exec(typed)?.[0] ?? '';
  const prefix = typed.slice(sign.length);
  const own = table.allWords();
  const others = ptdumpWords.filter((word) => !own.includes(word));
  const quote = (word: string): string => (/[\s|]/.test(word) ? `"${word}"` : word);
  const all = [
    'w+x',
    ...table.levels().map((level) => `level:${level}`),
    ...['size>=2M', 'size>=1G', 'size=4K', 'va:0x', 'pa:0x', 'owner:', 'present', 'hole', 'changed'],
    ...own.map(quote),
    ...others.map(quote),
  ];
  const lower = prefix.toLowerCase();
  const offers = all.filter((offer) => offer !== prefix && offer.toLowerCase().startsWith(lower));
  return { from: caret - prefix.length, offers: [...new Set(offers)].slice(0, 60) };
}

function split(text: string): Word[] | FilterProblem {
  const words: Word[] = [];
  const pattern = /\s+|\||((?:[^\s|"]|"[^"]*"|"[^"]*$)+)/g;
  for (const match of text.matchAll(pattern)) {
    const [whole] = match;
    const from = match.index;
    const to = from + whole.length;
    if (whole.trim() === '') continue;
    if ((whole.match(/"/g)?.length ?? 0) % 2 === 1) return { message: l10n.t('the quotation mark is not closed'), from, to };
    words.push({ text: whole.replaceAll('"', ''), quoted: whole.startsWith('"'), from, to });
  }
  return words;
}

function turned(test: Test): Test {
  const { holds } = test;
  return test.on === 'kind'
    ? { on: 'kind', holds: (kind) => !test.holds(kind) }
    : { on: 'line', holds: (world, line) => !(holds as (world: FilterWorld, line: number) => boolean)(world, line) };
}

function testOf(word: string, quoted: boolean, vocabulary: Vocabulary): Test {
  const lower = word.toLowerCase();
  const { levels } = vocabulary;
  if (quoted) return textTest(word, vocabulary);
  if (lower === 'w+x') return { on: 'kind', holds: ({ rights }) => rights === 'wx' };
  if (lower === 'present') return { on: 'kind', holds: ({ present }) => present };
  if (lower === 'hole') return { on: 'kind', holds: ({ present }) => !present };
  if (lower === 'changed') return { on: 'line', holds: (world, line) => world.changed(line) };
  if (/^size\b/.test(lower)) return sizeTest(lower);
  const [, key, value] = /^([a-z]+):(.*)$/.exec(lower) ?? [];
  if (key === undefined || value === undefined) return textTest(word, vocabulary);
  if (value === '' && ['level', 'va', 'pa', 'owner'].includes(key)) throw new Wrong(l10n.t('{0}: lacks what to look for', key));
  switch (key) {
    case 'level':
      if (levels.length > 0 && !levels.some((level) => level.toLowerCase() === value))
        throw new Wrong(l10n.t('there is no level {0}; there are {1}', value, levels.join(', ')));
      return { on: 'kind', holds: ({ level }) => level.toLowerCase() === value };
    case 'va':
      return rangeTest(value);
    case 'pa': {
      const physical = addressText(value);
      return { on: 'line', holds: (world, line) => world.virtualPages(physical)?.some((page) => covers(world.table, line, page)) ?? false };
    }
    case 'owner':
      return { on: 'line', holds: ({ table }, line) => table.owners.get(line)?.toLowerCase().includes(value) ?? false };
    default:
      throw new Wrong(
        l10n.t('{0}: is no filter; there are {1} w+x present hole changed; put text in quotation marks', key, keys.join(' ')),
      );
  }
}

function sizeTest(lower: string): Test {
  const [, comparison, digits, unit] = /^size(>=|<=|=|>|<)(\d+(?:\.\d+)?)([kmgtpe]?)i?b?$/.exec(lower) ?? [];
  if (comparison === undefined || digits === undefined) throw new Wrong(l10n.t('write size>=2M, size<64K or size=1G'));
  const limit = (Number(digits) * 2 ** (unitBits[unit ?? ''] ?? 0)) / 4096;
  const holds: Readonly<Record<string, (pages: number) => boolean>> = {
    '>=': (pages) => pages >= limit,
    '<=': (pages) => pages <= limit,
    '>': (pages) => pages > limit,
    '<': (pages) => pages < limit,
    '=': (pages) => pages === limit,
  };
  const compares = holds[comparison];
  return { on: 'line', holds: ({ table }, line) => compares?.(table.pages(line)) ?? false };
}

function rangeTest(value: string): Test {
  const [from = '', to] = value.split('-', 2);
  const first = Number(BigInt(addressText(from)) >> 12n);
  const behind = to === undefined ? first + 1 : Number((BigInt(addressText(to)) + 0xfffn) >> 12n);
  if (behind <= first) throw new Wrong(l10n.t('{0} does not lie behind {1}', to ?? '', from));
  return { on: 'line', holds: ({ table }, line) => (table.startPages[line] ?? 0) < behind && (table.endPages[line] ?? 0) > first };
}

/** `0x` may be left out; an address has at most 64 bits. */
export function addressText(text: string): string {
  const [, digits] = /^(?:0x)?([0-9a-f]+)$/i.exec(text.trim()) ?? [];
  if (digits === undefined) throw new Wrong(l10n.t('{0} is no address; write 0x and hexadecimal digits', text));
  const value = BigInt(`0x${digits}`);
  if (value >= topOfSpace) throw new Wrong(l10n.t('{0} is beyond 64 bits', text));
  return `0x${value.toString(16)}`;
}

/** An attribute that the dump prints, or text; a word of one or two letters that only others print is no text worth finding. */
function textTest(word: string, { words }: Vocabulary): Test {
  const lower = word.toLowerCase();
  const isWord = (known: string): boolean => known.toLowerCase() === lower;
  if (words.some(isWord) || (lower.length < 3 && ptdumpWords.some(isWord)))
    return { on: 'kind', holds: ({ attributes }) => attributes.some(isWord) };
  // A million lines are asked: no copy of each is made in lower case.
  const pattern = new RegExp(word.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'i');
  return { on: 'line', holds: ({ table }, line) => pattern.test(table.texts[line] ?? '') };
}

function covers(table: RegionTable, line: number, page: number): boolean {
  return (table.startPages[line] ?? 0) <= page && page < (table.endPages[line] ?? 0);
}
