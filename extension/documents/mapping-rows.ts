/** The rows of «Find Virtual Addresses of a Physical Address…»: each begins with an address, and whose page table maps it. */
import type { ReverseMappingFacts } from '../../debug-adapter/protocol/facts.ts';

/** `userHalf`: the words for what stands only in the half that user mode sees. */
export function mappingRow({ virtual, mm, comm, user, what }: ReverseMappingFacts, userHalf: string): string {
  const owner = `${mm}${comm === null ? '' : ` ${comm}`}${user ? ` ${userHalf}` : ''}`;
  return `${virtual.padEnd(18)}  ${owner.padEnd(20)}  ${what.summary}`;
}

/** The address space that a row names, as requests take it; undefined of other lines. */
export function spaceOfRow(line: string): string | undefined {
  return /^0x[0-9a-f]+ +(kernel|efi|\d+)(?= |$)/.exec(line)?.[1];
}
