/** Operations on processes and their memory. */
import type { ArgumentReader } from './arguments.ts';
import { operation, optional, parameter } from './arguments.ts';
import { addressOfPage, within } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { kindOfFile, putFile } from './file.ts';
import { fork } from './fork.ts';
import { vmallocSyncOne } from './kernel-mapping.ts';
import { advices, lockAreas, madvise } from './madvise.ts';
import type { Advice } from './madvise.ts';
import { newSharedMemory, openFile } from './open-file.ts';
import type { OperationSpec } from './operation.ts';
import { handleFault } from './page-fault.ts';
import { mapDevice } from './device-mapping.ts';
import { createProcess, endProcess, mmOf, rootOfMm } from './process.ts';
import { clearSoftDirty } from './soft-dirty.ts';
import { installSpecialMapping } from './special-mapping.ts';
import { swapOut } from './swap.ts';
import type { Range } from './user-entry.ts';
import { doMmap, doMprotect, doMunmap } from './user-mapping.ts';
import type { MmapRequest } from './user-mapping.ts';
import { vmaFlags, vmaFlagsOf } from './vma.ts';
import { areasOf } from './vma-tree.ts';

const rights = { PROT_NONE: 0, PROT_READ: vmaFlags.read, PROT_WRITE: vmaFlags.write, PROT_EXEC: vmaFlags.exec } as const;
const mapFlags = {
  MAP_PRIVATE: 0,
  MAP_SHARED: 1,
  MAP_ANONYMOUS: 0,
  MAP_FIXED: 2,
  MAP_FIXED_NOREPLACE: 4,
  MAP_POPULATE: 8,
  MAP_HUGETLB: 16,
} as const;

/** The parameter of all operations that are about a process. */
export const processParameter = parameter('process', 'process', 'The process.');
/** The parameter of operations at a place in a process. */
export const addressParameter = parameter('address', 'address', 'A user address.');
/** The parameter of operations on a range, which has whole pages. */
export const sizeParameter = parameter('size', 'size', 'Bytes; rounded up to whole pages.');

/** Physical address of the mm_struct of the process that the argument `process` names. Throws `Fault` where there is none. */
export function mmArgument(core: Core, given: ArgumentReader): number {
  return mmOf(core, given.number('process', 0, 2 ** 22));
}

/** The arguments `address` and `size` as page number and pages, whole pages of 4 KiB. */
export function rangeArgument(given: ArgumentReader): Range {
  return { page: given.wholePage('address'), pages: given.pages('size') };
}

/** What mmap() is asked for. Throws `Fault`. */
function mmapRequest(core: Core, given: ArgumentReader, how: number): MmapRequest {
  const isShared = (how & mapFlags.MAP_SHARED) !== 0;
  const wantsHuge = (how & mapFlags.MAP_HUGETLB) !== 0;
  const shared = isShared ? vmaFlags.shared | vmaFlags.mayShare : 0;
  const flags = given.flags('prot', rights) | vmaFlags.mayRead | vmaFlags.mayWrite | vmaFlags.mayExec | shared;
  const pages = given.pages('size');
  const where = {
    page: given.has('address') ? given.wholePage('address') : undefined,
    pages,
    replace: (how & mapFlags.MAP_FIXED) !== 0,
  };
  const invalid = (why: string): Fault => new Fault('errno', `mmap: ${why}`, { errno: 'EINVAL' });
  if (!given.has('file')) {
    if (wantsHuge && isShared) throw invalid('huge pages can only be mapped privately here');
    if (wantsHuge) return { ...where, flags: flags | vmaFlags.hugetlb, kind: 'hugetlb', file: 0, offset: 0 };
    return isShared
      ? { ...where, flags, kind: 'shmem', file: 0, offset: 0 }
      : { ...where, flags, kind: 'anonymous', file: 0, offset: undefined };
  }
  const file = openFile(core, given.address('file'));
  const kind = kindOfFile(core, file);
  const offset = given.number('offset');
  if (offset % 4096 !== 0) throw invalid(`the offset 0x${offset.toString(16)} is no multiple of a page`);
  if (kind === 'secret' && !isShared) throw invalid('secret memory can only be shared');
  if (kind === 'hugetlb') throw invalid('a file of huge pages is made by MAP_HUGETLB');
  return { ...where, flags: kind === 'secret' ? flags | vmaFlags.locked | vmaFlags.dontDump : flags, kind, file, offset: offset / 4096 };
}

/** mmap() of whatever kind. Shared anonymous memory, and huge pages, have files that nobody can open. */
function* mmap(core: Core, mm: number, of: { readonly request: MmapRequest; readonly populate: boolean }): Steps<bigint> {
  const { request } = of;
  const hidden = request.file === 0 && request.kind !== 'anonymous' ? newSharedMemory(core, request) : 0;
  try {
    const area = yield* doMmap(core, mm, hidden === 0 ? request : { ...request, file: hidden });
    if (request.kind === 'device') yield* mapDevice(core, mm, area);
    else if (of.populate)
      yield* populate(core, mm, { page: area.start, pages: request.pages, write: (request.flags & vmaFlags.write) !== 0 });
    return addressOfPage(core, area.start);
  } finally {
    if (hidden !== 0) putFile(core, hidden);
  }
}

/** mm_populate() */
function* populate(core: Core, mm: number, of: Range & { readonly write: boolean }): Steps {
  for (let page = of.page; page < of.page + of.pages; page++) yield* handleFault(core, mm, { page, write: of.write });
}

/** Operations on processes and their areas: mmap(), fork(), mprotect()… */
export const processOperations: readonly OperationSpec[] = [
  operation({
    name: 'create_process',
    parameters: [optional({ name: 'name', kind: 'text' }, 'process', 'Its name, of at most 15 bytes.')],
    documentation:
      'A process with an empty address space, as a child of init: mm_struct, root table with the kernel’s entries, task_struct (kernel/fork.c, pgd_alloc).',
    returns: 'the process',
    *steps(core, given) {
      return BigInt(
        yield* within(core, { name: 'create_process', variables: () => given.given }, createProcess(core, given.text('name'), 1)),
      );
    },
  }),
  operation({
    name: 'fork',
    parameters: [processParameter, optional({ name: 'name', kind: 'text' }, 'child', 'The child’s name.')],
    documentation:
      'A child that shares its parent’s pages until one of them writes (kernel/fork.c: dup_mmap, mm/memory.c: copy_page_range).',
    returns: 'the child',
    *steps(core, given) {
      return BigInt(yield* fork(core, given.number('process', 0, 2 ** 22), given.text('name')));
    },
  }),
  operation({
    name: 'exit',
    parameters: [processParameter],
    documentation: 'Ends a process: its areas are unmapped, its tables freed (kernel/exit.c: do_exit, mm/mmap.c: exit_mmap).',
    returns: undefined,
    *steps(core, given) {
      const pid = given.number('process', 0, 2 ** 22);
      const mm = mmArgument(core, given);
      for (const { start, end } of areasOf(core, mm)) yield* doMunmap(core, mm, { page: start, pages: end - start });
      yield* endProcess(core, pid);
      return undefined;
    },
  }),
  operation({
    name: 'mmap',
    parameters: [
      processParameter,
      sizeParameter,
      optional({ name: 'prot', kind: 'flags', names: Object.keys(rights) }, 'PROT_READ|PROT_WRITE', 'Rights.'),
      optional({ name: 'flags', kind: 'flags', names: Object.keys(mapFlags) }, 'MAP_PRIVATE|MAP_ANONYMOUS', 'How.'),
      optional({ name: 'address', kind: 'address' }, undefined, 'Where; the kernel chooses when it is left out.'),
      optional({ name: 'file', kind: 'address' }, undefined, 'What is mapped, as create_file() gave it; anonymous memory when left out.'),
      optional({ name: 'offset', kind: 'size' }, 0n, 'Bytes from the file’s start; of a device, the physical address.'),
    ],
    documentation:
      'Maps anonymous memory, a file, or with MAP_HUGETLB pages of hugetlbfs; pages come with the first access, or at once with MAP_POPULATE (mm/mmap.c: do_mmap).',
    returns: 'the address',
    *steps(core, given) {
      const how = given.flags('flags', mapFlags);
      const owner = mmArgument(core, given);
      const request = mmapRequest(core, given, how);
      const populates = (how & mapFlags.MAP_POPULATE) !== 0;
      return yield* within(core, { name: 'mmap', variables: () => given.given }, mmap(core, owner, { request, populate: populates }));
    },
  }),
  operation({
    name: 'munmap',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Takes mappings away; pages that nothing else maps are freed (mm/mmap.c: do_munmap).',
    returns: undefined,
    *steps(core, given) {
      yield* doMunmap(core, mmArgument(core, given), rangeArgument(given));
      return undefined;
    },
  }),
  operation({
    name: 'mprotect',
    parameters: [
      processParameter,
      addressParameter,
      sizeParameter,
      parameter('prot', 'flags', 'Rights: PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC.'),
      optional({ name: 'key', kind: 'number' }, undefined, 'Protection key from 0 to 15, as pkey_mprotect() sets it (x86-64).'),
    ],
    documentation: 'Changes the rights of mappings (mm/mprotect.c: do_mprotect_pkey).',
    returns: undefined,
    *steps(core, given) {
      const key = given.has('key') ? given.number('key', 0, core.platform.architecture === 'x86-64' ? 15 : 0) : undefined;
      yield* doMprotect(core, mmArgument(core, given), { ...rangeArgument(given), rights: given.flags('prot', rights), key });
      return undefined;
    },
  }),
  operation({
    name: 'madvise',
    parameters: [
      processParameter,
      addressParameter,
      sizeParameter,
      { ...parameter('advice', 'text', 'What the process tells of the range.'), names: advices },
    ],
    documentation:
      'Drops pages (MADV_DONTNEED), lets clean ones go (MADV_FREE), swaps them out (MADV_PAGEOUT), wants huge pages or none (MADV_HUGEPAGE, MADV_NOHUGEPAGE), or makes one of small pages (MADV_COLLAPSE; mm/madvise.c: do_madvise).',
    returns: undefined,
    *steps(core, given) {
      const advice = given.text('advice');
      yield* madvise(core, mmArgument(core, given), {
        ...rangeArgument(given),
        advice: advices.find((one): one is Advice => one === advice) ?? 'MADV_DONTNEED',
      });
      return undefined;
    },
  }),
  operation({
    name: 'madvise_hugepage',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Lets an area have 2 MiB pages (VM_HUGEPAGE), at its next faults: madvise() with MADV_HUGEPAGE.',
    returns: undefined,
    *steps(core, given) {
      yield* madvise(core, mmArgument(core, given), { ...rangeArgument(given), advice: 'MADV_HUGEPAGE' });
      return undefined;
    },
  }),
  operation({
    name: 'mlock',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Brings all pages of a range in, and keeps them (mm/mlock.c: do_mlock).',
    returns: undefined,
    *steps(core, given) {
      const owner = mmArgument(core, given);
      const range = rangeArgument(given);
      yield* lockAreas(core, owner, range);
      for (const { start, end, vma } of areasOf(core, owner)) {
        const page = Math.max(start, range.page);
        const last = Math.min(end, range.page + range.pages);
        if (page < last) yield* populate(core, owner, { page, pages: last - page, write: (vmaFlagsOf(core, vma) & vmaFlags.write) !== 0 });
      }
      return undefined;
    },
  }),
  operation({
    name: 'fault',
    parameters: [processParameter, addressParameter, optional({ name: 'write', kind: 'switch' }, false, 'The access writes.')],
    documentation:
      'An access of user mode, with what the kernel does about it: a new page, the zero page, a page of a file, a copy, a page from swap (mm/memory.c: handle_mm_fault).',
    returns: 'whether the access is done; false where it waits for userfaultfd',
    *steps(core, given) {
      return yield* handleFault(core, mmArgument(core, given), { page: given.page('address'), write: given.switch('write') });
    },
  }),
  operation({
    name: 'swap_out',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Unmaps pages into the swap cache; their entries become swap entries (mm/vmscan.c, mm/rmap.c: try_to_unmap_one).',
    returns: 'pages that went',
    *steps(core, given) {
      return BigInt(yield* swapOut(core, mmArgument(core, given), rangeArgument(given)));
    },
  }),
  operation({
    name: 'clear_soft_dirty',
    parameters: [processParameter],
    documentation: 'Writes 4 to /proc/PID/clear_refs: what is written from then on is soft-dirty (fs/proc/task_mmu.c: clear_refs_write).',
    returns: undefined,
    *steps(core, given) {
      yield* clearSoftDirty(core, mmArgument(core, given));
      return undefined;
    },
  }),
  operation({
    name: 'install_special_mapping',
    parameters: [
      processParameter,
      sizeParameter,
      parameter('name', 'text', 'As /proc/PID/maps shows it: `[vdso]`.'),
      optional({ name: 'prot', kind: 'flags', names: Object.keys(rights) }, 'PROT_READ|PROT_EXEC', 'Rights.'),
      optional({ name: 'address', kind: 'address' }, undefined, 'Where; the kernel chooses when it is left out.'),
      optional({ name: 'pfn_map', kind: 'switch' }, false, 'All pages are mapped at once and are not counted (VM_PFNMAP), as `[vvar]`.'),
    ],
    documentation: 'Maps pages of the kernel into a process under a name (mm/mmap.c: _install_special_mapping).',
    returns: 'the address',
    *steps(core, given) {
      const area = yield* installSpecialMapping(core, mmArgument(core, given), {
        name: given.text('name'),
        page: given.has('address') ? given.wholePage('address') : undefined,
        pages: given.pages('size'),
        rights: given.flags('prot', rights),
        pfnMap: given.switch('pfn_map'),
      });
      return addressOfPage(core, area.start);
    },
  }),
  operation({
    name: 'vmalloc_fault',
    parameters: [processParameter, parameter('address', 'address', 'Of the vmalloc space.')],
    documentation:
      'Copies init_mm’s PMD entry to a process where only one of them is present; where both are and differ, the kernel stops (arch/x86/mm/fault.c: vmalloc_sync_one).',
    returns: undefined,
    *steps(core, given) {
      if (core.platform.kernelPmds !== 'copied')
        throw new Fault('argument', 'vmalloc_fault: the kernel’s tables are shared in this paging mode');
      yield* vmallocSyncOne(core, rootOfMm(core, mmArgument(core, given)), given.page('address'));
      return undefined;
    },
  }),
];
