/** What struct page tells of a frame besides its use: flags by name, folio and order, and the file whose cache it is. */
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import { headOfTail, tailMembers } from './compound-head.ts';
import type { Kernel } from '../kernel.ts';
import { pageFrameOf } from './page-frame.ts';
import { pageMarks } from './page-type.ts';

const purpose = 'looking at a page';

/** Names of the set page flags, lowest bit first, without `PG_`; aliases of one bit are told by the first name. */
export function pageFlagNames(kernel: Kernel, page: Address): string[] {
  const flags = kernel.structs(purpose).get('page').unsigned(page, 'flags');
  return kernel
    .once(flagNames)
    .filter(({ bit }) => ((flags >> bit) & 1n) === 1n)
    .map(({ name }) => name);
}

function flagNames(kernel: Kernel): readonly { readonly name: string; readonly bit: bigint }[] {
  const enumerators = kernel.types?.enum('pageflags')?.enumerators ?? [];
  const end = enumerators.find(({ name }) => name === '__NR_PAGEFLAGS')?.value ?? 64n;
  const named = new Map<bigint, string>();
  for (const { name, value } of enumerators) {
    if (name.startsWith('PG_') && value < end && !named.has(value)) named.set(value, name.slice(3));
  }
  return [...named].map(([bit, name]) => ({ bit, name })).sort((a, b) => (a.bit < b.bit ? -1 : 1));
}

/**
 * The head of the compound page that `page` belongs to (bit 0 of its word), also where hugetlb freed the tail pages
 * and left the head's in their places (page_fixed_fake_head()).
 */
export function headOf(kernel: Kernel, page: Address): Address {
  const shape = kernel.structs(purpose).get('page');
  const member = tailMembers.find((name) => shape.has(name));
  if (member === undefined) return page;
  const word = shape.unsigned(page, member);
  if ((word & 1n) === 1n) return headOfTail(page, word);
  const bit = pageMarks(kernel).flagBit('head');
  const mayBeFake =
    page % BigInt(kernel.pageSize) === 0n && bit !== undefined && ((shape.unsigned(page, 'flags') >> BigInt(bit)) & 1n) === 1n;
  if (!mayBeFake) return page;
  const follower = addToAddress(page, shape.size);
  const next = optionalRead(() => shape.unsigned(follower, member)) ?? 0n;
  return (next & 1n) === 1n ? headOfTail(follower, next) : page;
}

/** Order of the compound page whose head is `head`; 0 for a single page, undefined where it cannot be told. */
export function folioOrder(kernel: Kernel, head: Address): number | undefined {
  const structs = kernel.structs(purpose);
  const page = structs.get('page');
  const bit = pageMarks(kernel).flagBit('head');
  if (bit === undefined) return undefined;
  if (((page.unsigned(head, 'flags') >> BigInt(bit)) & 1n) === 0n) return 0;
  const folio = structs.find('folio');
  const second = addToAddress(head, page.size);
  const read = (): number | undefined => {
    if (folio?.has('_folio_order') === true) return folio.number(head, '_folio_order');
    if (page.has('compound_order')) return page.number(second, 'compound_order');
    // 6.6: the low byte of the second page's flags.
    return folio?.has('_flags_1') === true ? Number(folio.unsigned(head, '_flags_1') & 0xffn) : undefined;
  };
  const order = optionalRead(read);
  const frame = pageFrameOf(kernel, head);
  return order === undefined || order > 40 || frame === undefined || frame % 2 ** order !== 0 ? undefined : order;
}

/** The file of an address_space. */
export interface MappingFile {
  readonly inode: Address;
  readonly number: bigint;
  /** The file system's type and its s_id (a device's name, for most). */
  readonly fileSystem: string;
  readonly device: string;
  /** Path within its file system; undefined where no dentry names the inode. */
  readonly path: string | undefined;
}

/** Undefined where the mapping has no inode (swap, or memory that is missing). */
export function mappingFile(kernel: Kernel, mapping: Address): MappingFile | undefined {
  const structs = kernel.structs(purpose);
  const space = structs.find('address_space');
  const shape = structs.find('inode');
  if (space?.has('host') !== true || shape?.has('i_ino') !== true) return undefined;
  return optionalRead(() => {
    const inode = space.pointer(mapping, 'host');
    if (inode === 0n) return undefined;
    const superBlock = shape.pointer(inode, 'i_sb');
    const block = structs.get('super_block');
    const type = structs.get('file_system_type').pointer(block.pointer(superBlock, 's_type'), 'name');
    return {
      inode,
      number: shape.unsigned(inode, 'i_ino'),
      fileSystem: kernel.memory.cString(type, 64),
      device: block.text(superBlock, 's_id'),
      path: optionalRead(() => pathOf(kernel, inode)),
    };
  });
}

/** By the first of the inode's dentries, up to the file system's root. */
function pathOf(kernel: Kernel, inode: Address): string | undefined {
  const structs = kernel.structs(purpose);
  const shape = structs.get('inode');
  const dentry = structs.find('dentry');
  if (dentry === undefined || !shape.has('i_dentry.first') || !dentry.has('d_u.d_alias')) return undefined;
  const first = shape.pointer(inode, 'i_dentry.first');
  if (first === 0n) return undefined;
  const names: string[] = [];
  let at = addToAddress(first, -dentry.offset('d_u.d_alias'));
  for (;;) {
    const above = dentry.pointer(at, 'd_parent');
    if (above === at) return `/${names.reverse().join('/')}`;
    if (names.length >= limits.pathComponents) {
      kernel.warn(`the path of the inode at ${formatAddress(inode)} has more than ${limits.pathComponents} components; it is left out`);
      return undefined;
    }
    const length = Math.min(dentry.number(at, 'd_name.len'), limits.stringBytes);
    names.push(kernel.memory.cString(dentry.pointer(at, 'd_name.name'), length + 1));
    at = above;
  }
}
