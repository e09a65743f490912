/** A half-open run of numbers [start, end): bytes, pages or addresses, as its user says. */
export interface NumberRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Index of the range that holds `value` in ascending, disjoint `ranges`, or the complement (`~index`) of the index of the
 * first range that starts above it.
 */
export function findRange(ranges: readonly NumberRange[], value: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = ranges[middle];
    if (range === undefined) break;
    if (value < range.start) high = middle;
    else if (value >= range.end) low = middle + 1;
    else return middle;
  }
  return ~low;
}

/** How much of [start, end) lies in ascending, disjoint `ranges`. */
export function overlapWith(ranges: readonly NumberRange[], { start, end }: NumberRange): number {
  const first = findRange(ranges, start);
  let sum = 0;
  for (let index = first < 0 ? ~first : first; index < ranges.length; index++) {
    const range = ranges[index];
    if (range === undefined || range.start >= end) break;
    sum += Math.max(0, Math.min(end, range.end) - Math.max(start, range.start));
  }
  return sum;
}

/** Sorts ranges and joins those that touch or overlap; empty ones are dropped. */
export function mergeRanges(ranges: readonly NumberRange[]): NumberRange[] {
  const sorted = ranges.filter((range) => range.end > range.start).sort((a, b) => a.start - b.start);
  const merged: { start: number; end: number }[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else merged.push({ start: range.start, end: range.end });
  }
  return merged;
}
