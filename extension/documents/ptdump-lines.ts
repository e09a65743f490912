/** Lines of the kernel's page-table dumps as text, of any architecture: what a hover and the folding need of them. */
import { meaningOfWord } from '../../debug-adapter/protocol/ptdump-meanings.ts';
import { isExecutable, isWritable } from '../../debug-adapter/protocol/ptdump-words.ts';

/** A region as it is written: addresses and size with their units, level and attributes in the words of the architecture. */
export interface PtdumpTextLine {
  readonly start: string;
  readonly end: string;
  /** As printed: `16K`. */
  readonly size: string;
  readonly level: string;
  /** Each word with its meaning, where that is known. */
  readonly words: readonly { readonly word: string; readonly meaning: string | undefined }[];
  readonly rights: 'wx' | 'w' | 'x' | 'ro' | 'hole';
}

const region = /^(0x[0-9a-f]{8,16})-(0x[0-9a-f]{8,16}) +(?:0x[0-9a-f]+ +)?(\d+[BKMGTPE]?)(?: +(.*))?$/;
const levelWord = /^(?:ASCE|PGD|P4D|PUD|PMD|PTE|pgd|p4d|pud|pmd|pte)$/;
const markerLine = /^---\[ (.*) \]---$/;
const blanks = /^\.{1,2}$/;

/** What a line says; undefined for one that is no region. */
export function ptdumpLine(text: string): PtdumpTextLine | undefined {
  const [, start, end, size, rest = ''] = region.exec(text.trim()) ?? [];
  if (start === undefined || end === undefined || size === undefined) return undefined;
  const words = rest.split(/ +/).filter((word) => word !== '' && !blanks.test(word));
  const level = words.find((word) => levelWord.test(word)) ?? '';
  const attributes = words.filter((word) => word !== level);
  const [writes, executes] = [isWritable(attributes), isExecutable(attributes)];
  const hole = attributes.length === 0 || attributes.includes('I');
  return {
    start,
    end,
    size,
    level,
    words: attributes.map((word) => ({ word, meaning: meaningOfWord(word) })),
    rights: hole ? 'hole' : writes && executes ? 'wx' : writes ? 'w' : executes ? 'x' : 'ro',
  };
}

/** A marker with the lines below it, counted from 0. */
export interface MarkerGroup {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

/** The lines under each marker. */
export function markerGroups(lines: readonly string[]): MarkerGroup[] {
  const groups: MarkerGroup[] = [];
  let open: { name: string; first: number } | undefined;
  const close = (last: number): void => {
    if (open !== undefined) groups.push({ ...open, last });
  };
  let last = lines.length - 1;
  while (last > 0 && lines[last]?.trim() === '') last--;
  for (let line = 0; line <= last; line++) {
    const name = markerLine.exec((lines[line] ?? '').trim())?.[1];
    if (name === undefined) continue;
    close(line - 1);
    open = { name, first: line };
  }
  close(last);
  return groups;
}
