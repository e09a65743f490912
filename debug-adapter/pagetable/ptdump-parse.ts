/** Reads the text of the kernel's page-table dump, of any architecture, back into regions. */
import { errors } from '../base/errors.ts';
import type { PtdumpRegion } from './ptdump-diff.ts';

/** What a dump that is only text tells of its mappings. */
export interface ParsedPtdump {
  readonly regions: readonly PtdumpRegion[];
  /** Bits of an address, by the digits that the text uses. */
  readonly addressBits: 32 | 64;
}

/** `---[ vmalloc() Area ]---`. */
const marker = /^---\[ .* \]---$/;
/** What stands for the lines beyond a marker's limit (x86's ESPfix area). */
const skipped = /^\.\.\. \d+ entr(?:y|ies) skipped \.\.\.$/;
/** Addresses, on riscv and powerpc the physical address, the size, and the rest of the line. */
const region = /^0x([0-9a-f]{8}|[0-9a-f]{16})-0x([0-9a-f]{8}|[0-9a-f]{16}) +(?:0x([0-9a-f]{1,16}) +)?\d+([BKMGTPE]?)(?: +(.*))?$/;
const levelFirst = /^(?:ASCE|PGD|P4D|PUD|PMD|PTE)$/;
const levelLast = /^(?:pgd|p4d|pud|pmd|pte)$/;
const pageBits = 12n;
const pageMask = (1n << pageBits) - 1n;
/** Columns that are blank in riscv's way. */
const nothing = /^\.{1,2}$/;

/** Whether a file that begins with `head` looks like a page-table dump: one of its first whole lines is a line of one. */
export function isPtdumpText(head: string): boolean {
  if (head.includes('\0')) return false;
  return head.split('\n').some((line) => marker.test(line.trim()) || region.test(line.trim()));
}

/**
 * Every line of `text`; `name` is the file's, for messages. Throws `UserError('not-ptdump')` at a line that is neither a
 * region, a marker, a note of skipped entries nor blank, and where addresses do not ascend.
 */
export function parsePtdump(text: string, name: string): ParsedPtdump {
  const regions: PtdumpRegion[] = [];
  let addressBits: 32 | 64 | undefined;
  let number = 0;
  let end = 0;
  for (let at = 0; at < text.length;) {
    const stop = text.indexOf('\n', at);
    const line = text.slice(at, stop < 0 ? text.length : stop).trim();
    at = stop < 0 ? text.length : stop + 1;
    number++;
    if (line === '' || marker.test(line) || skipped.test(line)) continue;
    const wrong = (why: string): Error => errors.notPtdump(name, number, why);
    const found = region.exec(line);
    if (found === null) throw wrong(`is no line of a page-table dump: ${shortened(line)}`);
    const [, first = '', last = '', physical] = found;
    if (first.length !== last.length) throw wrong('has addresses of different widths');
    const bits = first.length === 8 ? 32 : 64;
    if (addressBits !== undefined && bits !== addressBits) throw wrong(`has addresses of ${bits} bits after others of ${addressBits}`);
    addressBits = bits;
    const pages = pagesOf(BigInt(`0x${first}`), BigInt(`0x${last}`), bits);
    if (pages === undefined) throw wrong('has addresses that are not those of whole pages, or that do not ascend');
    if (pages.start < end) throw wrong('goes back to addresses before those of the lines above (are these two dumps in one file?)');
    end = pages.end;
    regions.push({ ...pages, ...describe(found[5] ?? '', physical), firstFrame: frameOf(physical) });
  }
  return { regions, addressBits: addressBits ?? 64 };
}

/** Virtual pages of a line. The end is the first address behind, 0 at the top of the space; powerpc prints the last one within. */
function pagesOf(start: bigint, end: bigint, bits: 32 | 64): { start: number; end: number } | undefined {
  const behind = (end & pageMask) === pageMask ? end + 1n : end === 0n ? 1n << BigInt(bits) : end;
  if ((start & pageMask) !== 0n || (behind & pageMask) !== 0n || start >= behind) return undefined;
  return { start: Number(start >> pageBits), end: Number(behind >> pageBits) };
}

function frameOf(physical: string | undefined): number | undefined {
  return physical === undefined ? undefined : Number(BigInt(`0x${physical}`) >> pageBits);
}

/** Level and attributes behind the size; which architecture's they are shows in where the level stands, if it does. */
function describe(text: string, physical: string | undefined): Pick<PtdumpRegion, 'level' | 'attributes' | 'present'> {
  const words = text.split(/ +/).filter((word) => word !== '' && !nothing.test(word));
  const [first = ''] = words;
  const last = words.at(-1) ?? '';
  if (levelLast.test(last) && physical === undefined) {
    // x86 prints no attribute of an entry that is not present.
    return { level: last, attributes: words.slice(0, -1), present: words.length > 1 };
  }
  if (levelFirst.test(first)) {
    const attributes = words.slice(1);
    // riscv names the valid bit; arm64 and s390 name its absence, and print nothing of an empty entry.
    const present =
      physical === undefined ? attributes.length > 0 && !attributes.includes('F') && !attributes.includes('I') : attributes.includes('V');
    return { level: first, attributes, present };
  }
  if (physical === undefined) return { level: '', attributes: words, present: words.length > 0 };
  // powerpc parts its words by two blanks, because some have one within.
  const attributes = text.split(/ {2,}/).flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
  return { level: '', attributes, present: attributes.includes('present') };
}

function shortened(line: string): string {
  const shown = line.slice(0, 60).replace(/[^\x20-\x7e]/g, '?');
  return shown.length < line.length ? `${shown}…` : shown;
}
