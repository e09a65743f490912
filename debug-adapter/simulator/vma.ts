/** Memory areas of processes (struct vm_area_struct): their flags, rights, files and kinds. */
import type { Core } from './core.ts';
import { getFile, putFile } from './file.ts';
import { keyShift, protection } from './protection.ts';
import type { Area } from './vma-tree.ts';

/** vm_flags (include/linux/mm.h). */
export const vmaFlags = {
  read: 0x1,
  write: 0x2,
  exec: 0x4,
  shared: 0x8,
  mayRead: 0x10,
  mayWrite: 0x20,
  mayExec: 0x40,
  mayShare: 0x80,
  uffdMissing: 0x200,
  pfnMap: 0x400,
  uffdWriteProtect: 0x1000,
  locked: 0x2000,
  io: 0x4000,
  dontCopy: 0x2_0000,
  dontExpand: 0x4_0000,
  hugetlb: 0x40_0000,
  dontDump: 0x400_0000,
  softDirty: 0x800_0000,
  hugePage: 0x2000_0000,
  noHugePage: 0x4000_0000,
} as const;

/** vm_operations_structs by the kind of area that they serve. */
export const areaOperations = {
  file: 'generic_file_vm_ops',
  shmem: 'shmem_vm_ops',
  hugetlb: 'hugetlb_vm_ops',
  secret: 'secretmem_vm_ops',
  device: 'mmap_mem_ops',
  special: 'special_mapping_vmops',
} as const;

/** What an area maps: anonymous memory, or something with vm_operations of its own. */
export type AreaKind = 'anonymous' | keyof typeof areaOperations;

interface Offsets {
  readonly start: number;
  readonly end: number;
  readonly mm: number;
  readonly flags: number;
  readonly anon: number;
  readonly operations: number;
  readonly offset: number;
  readonly file: number;
  readonly private: number;
  readonly userfault: number;
  readonly size: number;
}

function offsetsOf({ types }: Core): Offsets {
  const member = (name: string): number => types.offset('vm_area_struct', name);
  return {
    start: member('vm_start'),
    end: member('vm_end'),
    mm: member('vm_mm'),
    flags: member('vm_flags'),
    anon: member('anon_vma'),
    operations: member('vm_ops'),
    offset: member('vm_pgoff'),
    file: member('vm_file'),
    private: member('vm_private_data'),
    userfault: member('vm_userfaultfd_ctx.ctx'),
    size: types.size('vm_area_struct'),
  };
}

/** The lower 32 bits of vm_flags; above them stands the protection key. */
export function vmaFlagsOf(core: Core, vma: number): number {
  return core.memory.u32(vma + core.once(offsetsOf).flags);
}

/** Writes the low 32 bits of vm_flags. */
export function setVmaFlags(core: Core, vma: number, flags: number): void {
  core.memory.setU32(vma + core.once(offsetsOf).flags, flags >>> 0);
}

/** The protection key of an area: bits 32-35 of vm_flags (x86-64). */
export function keyOf(core: Core, vma: number): number {
  return core.memory.pointerSize === 8 ? core.memory.u32(vma + core.once(offsetsOf).flags + 4) & 0xf : 0;
}

/** Writes the upper 32 bits of vm_flags, which hold the protection key. */
export function setKey(core: Core, vma: number, key: number): void {
  core.memory.setU32(vma + core.once(offsetsOf).flags + 4, key);
}

/** What a vm_area_struct is filled with; sizes and offsets in pages. */
export interface NewArea {
  readonly page: number;
  readonly pages: number;
  readonly flags: number;
  readonly kind: AreaKind;
  /** Physical address of the struct file; 0 for none. */
  readonly file: number;
  /** Page of the file at the area's start. */
  readonly offset: number;
}

/** A vm_area_struct, which holds its file; it is in no tree yet. */
export function newVma(core: Core, mm: number, of: NewArea): Area {
  const { memory } = core;
  const at = core.once(offsetsOf);
  const vma = core.caches.vm_area_struct.take();
  memory.setPage(vma + at.start, of.page);
  memory.setPage(vma + at.end, of.page + of.pages);
  memory.setPointer(vma + at.mm, mm);
  memory.setWord(vma + at.flags, of.flags);
  memory.setWord(vma + at.offset, of.offset);
  if (of.kind !== 'anonymous') memory.setPointer(vma + at.operations, core.symbol(areaOperations[of.kind]));
  if (of.file !== 0) {
    memory.setPointer(vma + at.file, of.file);
    getFile(core, of.file);
  }
  return { vma, start: of.page, end: of.page + of.pages };
}

/** Cuts an area in two at a page inside it (__split_vma); the upper half is in no tree yet. */
export function splitVma(core: Core, { vma, start, end }: Area, page: number): readonly [Area, Area] {
  const { memory } = core;
  const at = core.once(offsetsOf);
  const upper = core.caches.vm_area_struct.take();
  memory.copy(upper, vma, at.size);
  memory.setPage(vma + at.end, page);
  memory.setPage(upper + at.start, page);
  memory.setWord(upper + at.offset, memory.word(vma + at.offset) + page - start);
  if (hasAnonymousPages(core, vma)) memory.setPointer(upper + at.anon, core.caches['kmalloc-64'].take());
  const file = fileOf(core, vma);
  if (file !== 0) getFile(core, file);
  const context = userfaultContext(core, vma);
  if (context !== 0) countUserfaultUsers(core, context, 1);
  return [
    { vma, start, end: page },
    { vma: upper, start: page, end },
  ];
}

/** Frees a vm_area_struct that is in no tree any more. */
export function freeVma(core: Core, vma: number): void {
  const { memory, caches } = core;
  const at = core.once(offsetsOf);
  const file = fileOf(core, vma);
  setUserfaultContext(core, vma, 0);
  if (hasAnonymousPages(core, vma)) caches['kmalloc-64'].give(memory.pointer(vma + at.anon));
  caches.vm_area_struct.give(vma);
  if (file !== 0) putFile(core, file);
}

/** By the area's vm_ops. */
export function areaKind(core: Core, vma: number): AreaKind {
  return core.once(kindsByOperations).get(core.memory.pointer(vma + core.once(offsetsOf).operations)) ?? 'anonymous';
}

function kindsByOperations(core: Core): ReadonlyMap<number, AreaKind> {
  return new Map(Object.entries(areaOperations).map(([kind, symbol]) => [core.symbol(symbol), kind as AreaKind]));
}

/** Physical address of an area's struct file; 0 for none. */
export function fileOf(core: Core, vma: number): number {
  return core.memory.pointer(vma + core.once(offsetsOf).file);
}

/** The page of an area's file that lies at a page (linear_page_index). */
export function fileIndex(core: Core, area: Area, page: number): number {
  return core.memory.word(area.vma + core.once(offsetsOf).offset) + page - area.start;
}

/** Whether pages of its own came to an area, or may have: only then it has an anon_vma. */
export function hasAnonymousPages(core: Core, vma: number): boolean {
  return core.memory.pointer(vma + core.once(offsetsOf).anon) !== 0;
}

/** The anon_vma of an area, made when it is first needed (anon_vma_prepare). */
export function anonVmaOf(core: Core, vma: number): number {
  const at = vma + core.once(offsetsOf).anon;
  if (core.memory.pointer(at) === 0) core.memory.setPointer(at, core.caches['kmalloc-64'].take());
  return core.memory.pointer(at);
}

/** Physical address of vm_private_data. */
export function privateData(core: Core, vma: number): number {
  return core.memory.pointer(vma + core.once(offsetsOf).private);
}

/** Writes vm_private_data: a physical address, 0 for none. */
export function setPrivateData(core: Core, vma: number, value: number): void {
  core.memory.setPointer(vma + core.once(offsetsOf).private, value);
}

/** Physical address of the userfaultfd_ctx that an area is registered with; 0 for none. */
export function userfaultContext(core: Core, vma: number): number {
  return core.memory.pointer(vma + core.once(offsetsOf).userfault);
}

/** Registers an area with a context, or with none; a context without areas is freed. */
export function setUserfaultContext(core: Core, vma: number, context: number): void {
  const before = userfaultContext(core, vma);
  if (before === context) return;
  core.memory.setPointer(vma + core.once(offsetsOf).userfault, context);
  if (context !== 0) countUserfaultUsers(core, context, 1);
  if (before !== 0) countUserfaultUsers(core, before, -1);
}

function countUserfaultUsers(core: Core, context: number, by: number): void {
  const at = context + core.types.offset('userfaultfd_ctx', 'refcount');
  const users = core.memory.u32(at) + by;
  core.memory.setU32(at, users);
  if (users === 0) core.caches['kmalloc-64'].give(context);
}

/** Bits of an entry of an area after an access (vm_page_prot, pte_mkyoung, and for a write maybe_mkwrite(pte_mkdirty())). */
export function accessBits(core: Core, vma: number, write: boolean): number {
  let bits = protection.user | protection.accessed | (keyOf(core, vma) << keyShift);
  if ((vmaFlagsOf(core, vma) & vmaFlags.exec) !== 0) bits |= protection.execute;
  if (write) bits |= protection.write | protection.dirty | protection.softDirty;
  return bits;
}
