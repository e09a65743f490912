/**
 * The rows of «Find Virtual Addresses of a Physical Address…»: each begins with an address, and whose page table maps it. Below it
 * stands the entry that does, and where that lies.
 */
import type { ReverseMappingFacts } from '../../debug-adapter/protocol/facts.ts';
import { addressOfToken, tokensOf } from '../address.ts';
import type { Token } from '../address.ts';

/** What goes before the line of an entry. */
export const entryIndent = '    ';
/** Physical addresses lie below it, and addresses of kernels of 64 bits do not. */
const physicalEnd = 1n << 53n;

/** `userHalf`: the words for what stands only in the half that user mode sees. */
export function mappingRow({ virtual, mm, comm, user, what }: ReverseMappingFacts, userHalf: string): string {
  const owner = `${mm}${comm === null ? '' : ` ${comm}`}${user ? ` ${userHalf}` : ''}`;
  return `${virtual.padEnd(18)}  ${owner.padEnd(20)}  ${what.summary}`;
}

/** The address space that a row names, as requests take it; undefined of other lines. */
export function spaceOfRow(line: string): string | undefined {
  return /^0x[0-9a-f]+ +(kernel|efi|\d+)(?= |$)/.exec(line)?.[1];
}

/**
 * What a number in such a document is: the address of a space (undefined: the session's own), a physical address, or nothing of
 * which there is more to tell (an entry).
 */
export function meaningInRows(line: string, token: Token): { readonly mm: string | undefined } | 'physical' | 'entry' {
  if (/\bphysical $/.test(line.slice(0, token.start))) return 'physical';
  if (line.startsWith(entryIndent)) return tokensOf(line)[0]?.start === token.start ? 'entry' : 'physical';
  const mm = spaceOfRow(line);
  const address = addressOfToken(token.text);
  return mm === undefined && address !== undefined && BigInt(address) < physicalEnd ? 'physical' : { mm };
}
