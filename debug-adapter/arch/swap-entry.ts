/**
 * Swap-type entries (include/linux/swap.h, swapops.h). The numbers above the real swap areas depend on the kernel's
 * configuration, which no dump tells: markers are type 31, and 30 from 5.19 to 6.1, where failed readings were 31; the others lie below.
 */
import { wholeEntry } from './table-mode.ts';

/** A non-present entry as the kernel means it (include/linux/swapops.h): the area by number, the page in it, and marks. */
export interface SwapEntry {
  readonly type: number;
  readonly offset: bigint;
  readonly softDirty: boolean;
  readonly uffdWp: boolean;
  readonly exclusive: boolean;
}

/** Seven bits of type from bit `shift` (at most 24) on, then one that says exclusive, then the offset; there are no other marks. */
export function plainSwapEntry(low: number, high: number, shift: number): SwapEntry {
  return {
    type: (low >>> shift) & 0x7f,
    offset: wholeEntry(low, high) >> BigInt(shift + 8),
    softDirty: false,
    uffdWp: false,
    exclusive: ((low >>> (shift + 7)) & 1) !== 0,
  };
}

/** Why an entry of an architecture with such swap entries maps nothing: swapped out, where user mode uses the address. */
export function explainPlainAbsence(
  name: string,
  entry: { readonly low: number; readonly high: number; readonly shift: number },
  { userAddress }: { readonly userAddress: boolean },
): string {
  if (!userAddress) return `the ${name} entry is not present`;
  return `the ${name} entry is ${describeSwapEntry(plainSwapEntry(entry.low, entry.high, entry.shift))}`;
}

const markerType = 31;
const leastSpecialType = 23;
/**
 * What the types from `leastSpecialType` on mean, by CONFIG_DEVICE_PRIVATE (with four types of its own, later three, or
 * without), CONFIG_MIGRATION and CONFIG_MEMORY_FAILURE.
 */
const specialTypes: readonly (readonly string[])[] = [
  ['hwpoison'],
  ['migration (read)', 'hwpoison'],
  ['migration (read, exclusive)', 'migration (read)'],
  ['migration (write)', 'migration (read, exclusive)'],
  ['hwpoison', 'device memory (write)', 'migration (write)'],
  ['migration (read)', 'device memory (read)', 'device memory (write)'],
  ['migration (read, exclusive)', 'device-exclusive (write)', 'device memory (read)'],
  ['migration (write)', 'device-exclusive (read)', 'hwpoison', 'a marker'],
];
const markers: readonly (readonly [bit: bigint, name: string])[] = [
  [1n, 'userfaultfd write-protect'],
  [2n, 'poisoned'],
  [4n, 'guard'],
];

/** Its one meaning in words, or all that it may have: `swapped out: area 1, offset 0x1234`. */
export function describeSwapEntry(entry: SwapEntry): string {
  const marks = [entry.softDirty ? 'soft-dirty' : '', entry.uffdWp ? 'uffd-wp' : '', entry.exclusive ? 'exclusive' : ''].filter(
    (mark) => mark !== '',
  );
  const suffix = marks.length === 0 ? '' : ` (${marks.join(', ')})`;
  const offset = `0x${entry.offset.toString(16)}`;
  if (entry.type === markerType) {
    const names = markers.filter(([bit]) => (entry.offset & bit) !== 0n).map(([, name]) => name);
    return `a marker: ${names.length === 0 ? `offset ${offset}` : names.join(', ')}${suffix}`;
  }
  if (entry.type >= leastSpecialType) {
    const meanings = specialTypes[entry.type - leastSpecialType] ?? [];
    const meaning = [meanings.slice(0, -1).join(', '), meanings.at(-1)].filter((part) => part !== '').join(' or ');
    return `a special entry of swap type ${entry.type} (${meaning}, by the kernel's configuration), offset ${offset}${suffix}`;
  }
  return `swapped out: area ${entry.type}, offset ${offset}${suffix}`;
}
