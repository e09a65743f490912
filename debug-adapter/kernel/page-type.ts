/**
 * The use of a page by its struct page. The encoding of page types changed in 6.10, 6.11 and 6.12; the numbers come from
 * VMCOREINFO and from enumerators in the type information, never from a version.
 */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import type { Kernel } from './kernel.ts';

export type PageType =
  | { readonly kind: 'slab' | 'table' | 'reserved' }
  | { readonly kind: 'buddy'; readonly order: number }
  | { readonly kind: 'anonymous'; readonly index: bigint }
  | { readonly kind: 'file'; readonly index: bigint; readonly mapping: Address }
  | { readonly kind: 'other'; readonly name: string };

/** Decides by the struct page at `page` (the head of a compound page). Throws `MemoryFault` when it is missing. */
export function pageTypeOf(kernel: Kernel, page: Address): PageType {
  const shape = kernel.structs('looking at a page').get('page');
  const flags = shape.unsigned(page, 'flags');
  const marks = kernel.once(pageMarks);
  const typeWord = Number(shape.unsigned(page, shape.has('page_type') ? 'page_type' : '_mapcount'));
  const name = marks.typeName(typeWord);
  if (name === 'slab' || (marks.slabFlag !== undefined && ((flags >> marks.slabFlag) & 1n) === 1n)) return { kind: 'slab' };
  if (name === 'buddy') return { kind: 'buddy', order: shape.number(page, 'private') };
  if (name === 'table') return { kind: 'table' };
  if (name !== undefined) return { kind: 'other', name };
  if (marks.reservedFlag !== undefined && ((flags >> marks.reservedFlag) & 1n) === 1n) return { kind: 'reserved' };
  const mapping = shape.unsigned(page, 'mapping');
  const index = shape.has('index') ? shape.unsigned(page, 'index') : 0n;
  if ((mapping & 3n) === 1n) return { kind: 'anonymous', index };
  if (mapping !== 0n && (mapping & 3n) === 0n) return { kind: 'file', index, mapping: toAddress(mapping) };
  return { kind: 'other', name: '' };
}

interface PageMarks {
  readonly slabFlag: bigint | undefined;
  readonly reservedFlag: bigint | undefined;
  typeName(word: number): string | undefined;
}

/** Type bits before 6.11, which are cleared in an otherwise all-ones word (include/linux/page-flags.h). */
const clearedTypeBits: readonly (readonly [bit: number, name: string])[] = [
  [0x80, 'buddy'],
  [0x100, 'offline'],
  [0x200, 'table'],
  [0x400, 'guard'],
];

function pageMarks(kernel: Kernel): PageMarks {
  const types = kernel.types;
  const slabFlag = types?.enumerator('PG_slab');
  const reservedFlag = types?.enumerator('PG_reserved');
  const byValue = new Map<number, string>();
  for (const name of ['buddy', 'offline', 'table', 'guard', 'hugetlb', 'slab', 'zsmalloc', 'unaccepted', 'large_kmalloc']) {
    const value = types?.enumerator(`PGTY_${name}`);
    if (value !== undefined) byValue.set(Number(value), name);
  }
  if (byValue.size > 0) {
    // 6.12: the type is the top byte.
    return { slabFlag, reservedFlag, typeName: (word) => byValue.get(word >>> 24) };
  }
  const buddy = kernel.vmcoreinfo?.number('PAGE_BUDDY_MAPCOUNT_VALUE');
  const scheme = buddy === undefined || buddy === -129n ? clearedTypeBits : shiftedTypeBits(types?.enumerator('PG_buddy'));
  const typed = 0xf000_0000;
  return {
    slabFlag,
    reservedFlag,
    typeName: (word) => {
      const unsigned = word >>> 0;
      if (unsigned < typed || unsigned === 0xffff_ffff) {
        if (scheme === clearedTypeBits || unsigned < 0x8000_0000) return undefined;
      }
      return scheme.find(([bit]) => (unsigned & bit) >>> 0 === 0)?.[1];
    },
  };
}

/** 6.10 and 6.11 name the cleared bits in an enum (PG_buddy …); 6.10 and 6.11 differ in where they stand. */
function shiftedTypeBits(buddy: bigint | undefined): readonly (readonly [number, string])[] {
  const first = buddy === undefined ? 0x4000_0000 : Number(buddy);
  return first === 0x4000_0000
    ? [
        [0x4000_0000, 'buddy'],
        [0x2000_0000, 'offline'],
        [0x1000_0000, 'table'],
        [0x0800_0000, 'guard'],
        [0x0400_0000, 'hugetlb'],
        [0x0200_0000, 'slab'],
      ]
    : [...clearedTypeBits, [0x800, 'hugetlb'], [0x1000, 'slab']];
}
