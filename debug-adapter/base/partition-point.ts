/** Binary search. */

/**
 * How many of the first `length` indexes `holds` is true for, where it is true up to some index and false from there on:
 * the index of the first one that it is false for. `length` where there is none.
 */
export function partitionPoint(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
