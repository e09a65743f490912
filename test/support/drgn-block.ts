/** A line of truth/drgn/vmap_blocks.jsonl: what drgn read of a vmap_block. Addresses are hexadecimal. */
export interface DrgnBlock {
  readonly ptr: string;
  readonly va: string;
  readonly va_start: string;
  readonly free: number;
  readonly dirty: number;
  readonly dirty_min: number;
  readonly dirty_max: number;
  /** Runs of used pages: the first of each, and the first behind it. */
  readonly used_map: { readonly runs: readonly (readonly [number, number])[] };
  readonly cpu: number;
}
