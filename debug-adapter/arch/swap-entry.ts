/**
 * Swap-type entries (include/linux/swap.h, swapops.h). The numbers above the real swap areas depend on the kernel's
 * configuration; markers are type 31 in every one that has them, migration and hwpoison lie below.
 */
export interface SwapEntry {
  readonly type: number;
  readonly offset: bigint;
  readonly softDirty: boolean;
  readonly uffdWp: boolean;
  readonly exclusive: boolean;
}

const markerType = 31;
const leastSpecialType = 23;
const markers: readonly (readonly [bit: bigint, name: string])[] = [
  [1n, 'userfaultfd write-protect'],
  [2n, 'poisoned'],
  [4n, 'guard'],
];

/** In words, without the article: `swapped out: area 1, offset 0x1234`. */
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
    return `a special entry of swap type ${entry.type} (migration, hwpoison or device memory, by the kernel's configuration), offset ${offset}${suffix}`;
  }
  return `swapped out: area ${entry.type}, offset ${offset}${suffix}`;
}
