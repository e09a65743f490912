/** How tail pages of a compound page name their head (include/linux/page-flags.h: _compound_head(), set_compound_head()). */
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';

/** Largest compound page that is believed, as a power of two of bytes of its struct pages: far above 16 GiB pages of 4 KiB. */
const mostMaskShift = 40;

/** The word of struct page whose bit 0 marks a tail: compound_info since 7.1. */
export const tailMembers = ['compound_head', 'compound_info'] as const;

/**
 * The head that a tail's word (bit 0 is set) names. It is the head's address; or, where struct page has a size of a power of
 * two, since 7.1, a mask that leaves the head's address of the tail's: huge pages of one size then share their tails.
 */
export function headOfTail(tail: Address, word: bigint): Address {
  const named = word - 1n;
  return toAddress(isMask(named) ? tail & named : named);
}

/** Ones from bit 63 down, then zeros: no address of a struct page has so few zeros and yet all these ones. */
function isMask(word: bigint): boolean {
  const span = (1n << 64n) - word;
  return (span & (span - 1n)) === 0n && span <= 1n << BigInt(mostMaskShift);
}
