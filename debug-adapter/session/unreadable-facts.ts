import { addToAddress, formatAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import type { Hole } from '../memory/hole.ts';
import type { UnreadableFacts } from '../protocol/reads.ts';

/** The holes of a read that began at `address`. */
export function unreadableFacts(address: Address, holes: readonly Hole[]): UnreadableFacts[] {
  return holes.map(({ offset, length, reason: { message, ...rest } }) => ({
    start: formatAddress(addToAddress(address, offset)),
    end: formatAddress(addToAddress(address, offset + length)),
    reason: message,
    ...rest,
  }));
}
