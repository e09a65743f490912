/** Pages of the swap cache: anonymous memory that has a place in swap as well. */
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import { pageMarks } from './page-type.ts';

/** Bits of the swap type in a swp_entry_t (MAX_SWAPFILES_SHIFT); the offset stands below. */
const typeBits = 5;

/** The swap area and the page in it of the anonymous folio whose head is given; undefined where it is not in the swap cache. */
export function swapCacheEntry(kernel: Kernel, head: Address): { readonly type: number; readonly offset: bigint } | undefined {
  const structs = kernel.structs('looking at a page');
  const page = structs.get('page');
  const marks = pageMarks(kernel);
  const flags = page.unsigned(head, 'flags');
  // Since 4.10 PG_swapcache is another name of PG_owner_priv_1 and holds for PG_swapbacked pages only (folio_test_swapcache()).
  const own = marks.flagBit('swapcache') ?? marks.flagBit('owner_priv_1');
  const backed = marks.flagBit('swapbacked');
  const has = (bit: bigint | number | undefined): boolean => bit !== undefined && ((flags >> BigInt(bit)) & 1n) === 1n;
  if (!has(own) || !has(backed)) return undefined;
  const entry = page.unsigned(head, 'private');
  // SWP_TYPE_SHIFT (include/linux/swapops.h): an entry must fit where an xarray (4.20) or a radix tree keeps a value.
  const kept = structs.find('xarray') === undefined ? 2 : 1;
  const shift = BigInt(kernel.memory.pointerSize * 8 - kept - typeBits);
  return { type: Number((entry >> shift) & ((1n << BigInt(typeBits)) - 1n)), offset: entry & ((1n << shift) - 1n) };
}
