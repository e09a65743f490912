/** Columns of a page-table dump as the kernel's own tables describe them: what a masked value prints. */

export interface PtdumpRow {
  readonly mask: bigint;
  /** `set` is printed where the masked entry has this value. */
  readonly value: bigint;
  readonly set: string;
  /** Printed otherwise; undefined where nothing is. */
  readonly clear: string | undefined;
  /** powerpc: the bits of `value`, shifted to the right by so many, are printed behind `set` as a number. */
  readonly number?: number | undefined;
}

/** All bits that the rows look at, in halves: what a dump compares to tell lines apart. */
export function maskOf(rows: readonly PtdumpRow[]): { readonly low: number; readonly high: number } {
  const all = rows.reduce((sum, { mask }) => sum | mask, 0n);
  return { low: Number(all & 0xffff_ffffn) | 0, high: Number((all >> 32n) & 0xffff_ffffn) | 0 };
}

/** The word that a row prints for an entry, or undefined. */
export function rowText(row: PtdumpRow, entry: bigint): string | undefined {
  if (row.number !== undefined) return `${row.set}:${((entry & row.value) >> BigInt(row.number)).toString(16)}`;
  return (entry & row.mask) === row.value ? row.set : row.clear;
}
