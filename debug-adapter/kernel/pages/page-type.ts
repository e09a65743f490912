/**
 * The use of a page by its struct page. Flag bits and page types are numbered anew by nearly every kernel (types in 6.10,
 * 6.11 and 6.12): the numbers come from VMCOREINFO and from enumerators in the type information, never from a version.
 */
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import { memberOffset } from '../known-layout.ts';

/** What a page is by its struct page alone. */
export type PageType =
  | { readonly kind: 'slab' | 'table' | 'reserved' }
  | { readonly kind: 'buddy'; readonly order: number }
  /** Of one process and its children, or since merged by KSM. `mapping` has its low bits. */
  | { readonly kind: 'anonymous' | 'merged'; readonly index: bigint; readonly mapping: bigint }
  /** Of a driver that lets the kernel move it (mapping bits 10, up to 6.15). */
  | { readonly kind: 'movable' }
  | { readonly kind: 'file'; readonly index: bigint; readonly mapping: Address }
  | { readonly kind: 'other'; readonly name: string };

/**
 * Decides by the struct page at `page` (the head of a compound page); with `by.mapping` by its mapping alone, whatever its type
 * word says. Throws `MemoryFault` when it is missing.
 */
export function pageTypeOf(kernel: Kernel, page: Address, by?: { readonly mapping: true }): PageType {
  if (by?.mapping === true) return typeByMapping(kernel, page);
  const shape = kernel.structs('looking at a page').get('page');
  const flags = shape.unsigned(page, 'flags');
  const marks = pageMarks(kernel);
  const has = (bit: number | undefined): boolean => bit !== undefined && ((flags >> BigInt(bit)) & 1n) === 1n;
  const typeWord = Number(shape.unsigned(page, shape.has('page_type') ? 'page_type' : '_mapcount'));
  const name = marks.typeName(typeWord);
  if (name === 'slab' || has(marks.flagBit('slab'))) return { kind: 'slab' };
  if (name === 'buddy') return { kind: 'buddy', order: shape.number(page, 'private') };
  if (name === 'table') return { kind: 'table' };
  if (name !== undefined) return { kind: 'other', name };
  if (has(marks.flagBit('reserved'))) return { kind: 'reserved' };
  return typeByMapping(kernel, page);
}

/** Of memory of processes and files (page.mapping, whose low bits tell which: include/linux/page-flags.h). */
function typeByMapping(kernel: Kernel, page: Address): PageType {
  const shape = kernel.structs('looking at a page').get('page');
  const mapping = shape.unsigned(page, 'mapping');
  const index = shape.has('index') ? shape.unsigned(page, 'index') : 0n;
  if ((mapping & 1n) === 1n) return { kind: (mapping & 3n) === 3n ? 'merged' : 'anonymous', index, mapping };
  if ((mapping & 3n) === 2n) return { kind: 'movable' };
  if (mapping !== 0n) return { kind: 'file', index, mapping: toAddress(mapping) };
  return { kind: 'other', name: '' };
}

/** The numbers of one kernel's page flags and page types. */
export interface PageMarks {
  /** Bit of page.flags, by the flag's name without `PG_`; undefined where this kernel has none of that name. */
  flagBit(name: string): number | undefined;
  /** The 32-bit word that stands in page._mapcount (page.page_type) of a page of this type, where it holds nothing else. */
  typeWord(name: string): number | undefined;
  /** Name of the type in such a word; undefined where it is a count of mappings. */
  typeName(word: number): string | undefined;
}

/** Found once a kernel, from what VMCOREINFO notes of flags and types and from the enumerators of the type information. */
export function pageMarks(kernel: Kernel): PageMarks {
  return kernel.once(findPageMarks);
}

/** A page may have two of the older types: the one that tells less comes last. */
const typeNames = ['buddy', 'offline', 'table', 'guard', 'hugetlb', 'slab', 'zsmalloc', 'unaccepted', 'large_kmalloc', 'kmemcg'];

/** Types before 6.10, which no enumerator names: bits that are cleared in an otherwise all-ones word (include/linux/page-flags.h). */
const unnamedTypeBits: Readonly<Record<string, number>> = { buddy: 0x80, offline: 0x100, table: 0x200, guard: 0x400 };
/** Up to 5.10, when charged pages had a type of their own: the same series put memcg_data in the place of page.mem_cgroup. */
const typeBitsWithKmemcg: typeof unnamedTypeBits = { buddy: 0x80, offline: 0x100, table: 0x400, guard: 0x800, kmemcg: 0x200 };

function findPageMarks(kernel: Kernel): PageMarks {
  const { types, vmcoreinfo } = kernel;
  const flags = new Map((types?.enum('pageflags')?.enumerators ?? []).map(({ name, value }) => [name, Number(value)]));
  const bits = new Map<string, number>();
  const words = new Map<string, number>();
  const unnamed = memberOffset(kernel, 'page', 'mem_cgroup') === undefined ? unnamedTypeBits : typeBitsWithKmemcg;
  for (const name of typeNames) {
    const told = vmcoreinfo?.number(`PAGE_${name.toUpperCase()}_MAPCOUNT_VALUE`);
    // 6.12: the type is the top byte. 6.10 and 6.11: an enumerator is the bit that is cleared, and no flag bears its name.
    const byte = typeMark(kernel, `PGTY_${name}`);
    const enumerator = flags.has(`PG_${name}`) ? undefined : typeMark(kernel, `PG_${name}`);
    const bit = enumerator === undefined ? (flags.size > 0 ? unnamed[name] : undefined) : Number(enumerator);
    if (byte === undefined && bit !== undefined) bits.set(name, bit >>> 0);
    const word = told === undefined ? (byte === undefined ? (bit === undefined ? undefined : ~bit) : Number(byte) << 24) : Number(told);
    if (word !== undefined) words.set(name, word >>> 0);
  }
  const bytes = new Map(typeNames.flatMap((name) => byteOf(typeMark(kernel, `PGTY_${name}`), name)));
  return {
    flagBit: (name) => {
      const told = vmcoreinfo?.number(`PG_${name}`);
      return told === undefined ? flags.get(`PG_${name}`) : Number(told);
    },
    typeWord: (name) => words.get(name),
    typeName: (word) => {
      const unsigned = word >>> 0;
      if (bytes.size > 0) return bytes.get(unsigned >>> 24);
      // All types' marks: nothing below is a type. 6.11 has them from bit 31 down, earlier kernels in the low half.
      const least = (bits.get('buddy') ?? 0) > 0xffff ? 0x8000_0000 : 0xf000_0000;
      if (unsigned >= least) for (const [name, bit] of bits) if ((unsigned & bit) === 0) return name;
      // Without type information: what VMCOREINFO tells.
      for (const [name, typed] of words) if (unsigned === typed) return name;
      return undefined;
    },
  };
}

/** An enumerator of enum pagetype; of any enum where there is none of that name. */
function typeMark({ types }: Kernel, name: string): bigint | undefined {
  const named = types?.enum('pagetype');
  return named === undefined ? types?.enumerator(name) : named.enumerators.find((one) => one.name === name)?.value;
}

function byteOf(value: bigint | undefined, name: string): [number, string][] {
  return value === undefined ? [] : [[Number(value), name]];
}
