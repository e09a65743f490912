/**
 * Files, and the pages of them that are in memory (include/linux/fs.h, mm/filemap.c): an open file with a dentry and an inode of
 * its own, whose address_space holds pages, or for shmem the swap slots of pages that are swapped out.
 */
import type { Core } from './core.ts';
import { Fault } from './fault.ts';
import { newFolio, putFolio } from './folio.ts';
import { forgetSwapSlot } from './swap-cache.ts';
import { setXaValue, xaErase, xaInsert, xaPlace, xaValue } from './xarray.ts';

/** A file system for each kind of file, in the order of their mounts. */
export const fileKinds = ['file', 'shmem', 'hugetlb', 'secret', 'device'] as const;
/** What the pages of a simulated file are: page cache, shmem, hugetlbfs. */
export type FileKind = (typeof fileKinds)[number];

interface Offsets {
  readonly count: number;
  readonly inode: number;
  readonly pathMount: number;
  readonly pathDentry: number;
  readonly superBlock: number;
  readonly mapping: number;
  readonly size: number;
  readonly pages: number;
  readonly pageCount: number;
  readonly mount: number;
}

function offsetsOf({ types }: Core): Offsets {
  return {
    count: types.offset('file', 'f_count.counter'),
    inode: types.offset('file', 'f_inode'),
    pathMount: types.offset('file', 'f_path.mnt'),
    pathDentry: types.offset('file', 'f_path.dentry'),
    superBlock: types.offset('inode', 'i_sb'),
    mapping: types.offset('inode', 'i_data'),
    size: types.offset('inode', 'i_size'),
    pages: types.offset('address_space', 'i_pages'),
    pageCount: types.offset('address_space', 'nrpages'),
    mount: types.offset('mount', 'mnt'),
  };
}

/** Physical address of the struct mount of a kind's file system. */
function mountOf(core: Core, kind: FileKind): number {
  return core.memory.pointer(core.symbol('simulated_mounts') + fileKinds.indexOf(kind) * core.memory.pointerSize);
}

/** A file that is open once, of so many pages; the struct file's physical address. */
export function createFile(core: Core, of: { readonly name: string; readonly pages: number; readonly kind: FileKind }): number {
  const { memory, types, caches } = core;
  const at = core.once(offsetsOf);
  const mount = mountOf(core, of.kind);
  const root = memory.pointer(mount + types.offset('mount', 'mnt.mnt_root'));
  const superBlock = memory.pointer(mount + types.offset('mount', 'mnt.mnt_sb'));
  const inode = newInode(core, { superBlock, pages: of.pages });
  const dentry = newDentry(core, { name: of.name, parent: root, inode, isOnDisk: of.kind === 'file' || of.kind === 'device' });
  const file = caches.filp.take();
  memory.setWord(file + at.count, 1);
  // FMODE_READ, FMODE_WRITE
  memory.setU32(file + types.offset('file', 'f_mode'), 3);
  memory.setPointer(file + at.inode, inode);
  memory.setPointer(file + at.pathMount, mount + at.mount);
  memory.setPointer(file + at.pathDentry, dentry);
  return file;
}

/** An inode with an empty address_space for a file of `pages` pages; gives its physical address. */
export function newInode(core: Core, of: { readonly superBlock: number; readonly pages: number }): number {
  const { memory, types } = core;
  const at = core.once(offsetsOf);
  const inode = core.caches.inode_cache.take();
  const number = core.symbol('simulated_inode');
  memory.setWord(number, memory.word(number) + 1);
  memory.setPointer(inode + at.superBlock, of.superBlock);
  memory.setPointer(inode + types.offset('inode', 'i_mapping'), inode + at.mapping);
  memory.setPointer(inode + at.mapping + types.offset('address_space', 'host'), inode);
  memory.setWord(inode + types.offset('inode', 'i_ino'), memory.word(number));
  memory.setU16(inode + types.offset('inode', 'i_mode'), 0o100_600);
  const bytes = of.pages * 4096;
  memory.setU32(inode + at.size, bytes % 2 ** 32);
  memory.setU32(inode + at.size + 4, Math.floor(bytes / 2 ** 32));
  return inode;
}

/** A dentry; one without a parent is a root. One that is not on a disk has a name that its file system makes up. */
export function newDentry(
  core: Core,
  of: { readonly name: string; readonly parent: number; readonly inode: number; readonly isOnDisk: boolean },
): number {
  const { memory, types, caches } = core;
  const dentry = caches.dentry.take();
  const member = (path: string): number => dentry + types.offset('dentry', path);
  const text = caches['kmalloc-256'].take();
  memory.setText(text, of.name, 256);
  memory.setPointer(member('d_name.name'), text);
  memory.setU32(member('d_name.len'), Math.min(of.name.length, 255));
  memory.setPointer(member('d_parent'), of.parent === 0 ? dentry : of.parent);
  memory.setPointer(member('d_inode'), of.inode);
  if (of.isOnDisk) memory.setPointer(member('d_hash.pprev'), core.symbol('simulated_mounts'));
  else if (of.parent !== 0) memory.setPointer(member('d_op'), core.symbol('anon_ops'));
  const alias = member('d_u.d_alias.next');
  memory.setPointer(of.inode + types.offset('inode', 'i_dentry.first'), alias);
  memory.setPointer(alias + memory.pointerSize, of.inode + types.offset('inode', 'i_dentry.first'));
  return dentry;
}

/** By the mount that the file's path leads to. Throws `Fault('argument')` where `file` is no open file. */
export function kindOfFile(core: Core, file: number): FileKind {
  const { memory, types } = core;
  const mount = memory.pointer(file + core.once(offsetsOf).pathMount) - types.offset('mount', 'mnt');
  const kind = fileKinds.find((one) => mountOf(core, one) === mount);
  if (kind === undefined) throw new Fault('argument', `there is no open file at 0x${memory.virtual(file).toString(16)}`);
  return kind;
}

/** Physical address of the address_space of an open file. */
export function mappingOf(core: Core, file: number): number {
  const at = core.once(offsetsOf);
  return core.memory.pointer(file + at.inode) + at.mapping;
}

/** i_size in pages of 4 KiB, the last one counted whole. */
export function filePages(core: Core, file: number): number {
  const at = core.memory.pointer(file + core.once(offsetsOf).inode) + core.once(offsetsOf).size;
  return Math.ceil((core.memory.u32(at + 4) * 2 ** 32 + core.memory.u32(at)) / 4096);
}

/** Takes a reference (get_file()). */
export function getFile(core: Core, file: number): void {
  const at = file + core.once(offsetsOf).count;
  core.memory.setWord(at, core.memory.word(at) + 1);
}

/** Lets go of a file; with the last user its pages go too, as of a file that was deleted. */
export function putFile(core: Core, file: number): void {
  const { memory, caches, types } = core;
  const at = core.once(offsetsOf);
  const users = memory.word(file + at.count) - 1;
  memory.setWord(file + at.count, users);
  if (users > 0) return;
  const inode = memory.pointer(file + at.inode);
  const dentry = memory.pointer(file + at.pathDentry);
  const mapping = inode + at.mapping;
  for (let index = 0, left = memory.word(mapping + at.pageCount); left > 0; index++) if (dropCached(core, mapping, index)) left--;
  caches['kmalloc-256'].give(memory.pointer(dentry + types.offset('dentry', 'd_name.name')));
  caches.dentry.give(dentry);
  caches.inode_cache.give(inode);
  caches.filp.give(file);
}

/** What the page cache has for a page of a file. */
export type CachedPage = { readonly frame: number } | { readonly slot: number };

/** The page at `index` (in pages) of an address_space, or its swap slot; undefined where it is not in memory. */
export function cachedPage(core: Core, mapping: number, index: number): CachedPage | undefined {
  const { memory, pages } = core;
  const place = xaPlace(core, mapping + core.once(offsetsOf).pages, index);
  if (place === 0) return undefined;
  const slot = xaValue(core, place);
  if (slot !== undefined) return { slot };
  const page = memory.pointer(place);
  return page === 0 ? undefined : { frame: pages.frameOf(page) };
}

/** A new page of a file, in the page cache, which has its reference (filemap_add_folio). Throws `Fault`. */
export function newCachedPage(
  core: Core,
  mapping: number,
  of: { readonly index: number; readonly order?: number; readonly shmem: boolean },
): number {
  const frame = newFolio(core, { mapping, index: of.index, anonymous: false, order: of.order ?? 0 });
  if (of.shmem) core.pages.setFlag(frame, 'swapbacked');
  xaInsert(core, mapping + core.once(offsetsOf).pages, { index: of.index, entry: core.pages.pageAt(frame) });
  countCached(core, mapping, 1);
  return frame;
}

/** The page at an index goes to a swap slot, or comes back from it. */
export function setCached(core: Core, mapping: number, of: { readonly index: number; readonly page: CachedPage }): void {
  const place = xaPlace(core, mapping + core.once(offsetsOf).pages, of.index);
  if ('slot' in of.page) setXaValue(core, place, of.page.slot);
  else core.memory.setPointer(place, core.pages.pageAt(of.page.frame));
}

/** Takes a page, or a slot, out of the page cache. Whether there was one. */
function dropCached(core: Core, mapping: number, index: number): boolean {
  const cached = cachedPage(core, mapping, index);
  if (cached === undefined) return false;
  xaErase(core, mapping + core.once(offsetsOf).pages, index);
  countCached(core, mapping, -1);
  if ('slot' in cached) forgetSwapSlot(core, cached.slot);
  else putFolio(core, cached.frame);
  return true;
}

function countCached(core: Core, mapping: number, by: number): void {
  const at = mapping + core.once(offsetsOf).pageCount;
  core.memory.setWord(at, core.memory.word(at) + by);
}
