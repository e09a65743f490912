/** Operations on processes and their memory. */
import type { ArgumentReader } from './arguments.ts';
import { operation, optional, parameter } from './arguments.ts';
import { addressOfPage, within } from './core.ts';
import type { Core } from './core.ts';
import { Fault } from './fault.ts';
import { vmallocSyncOne } from './kernel-mapping.ts';
import type { OperationSpec } from './operation.ts';
import { clearSoftDirty, fork, handleFault, swapOut, writeProtect } from './page-fault.ts';
import { createProcess, endProcess, mmOf, rootOfMm } from './process.ts';
import { doMmap, doMprotect, doMunmap, setVmaFlags, splitAreas, vmaFlags, vmaFlagsOf } from './user-mapping.ts';
import type { Range } from './user-mapping.ts';
import { areasOf } from './vma-tree.ts';

const rights = { PROT_NONE: 0, PROT_READ: vmaFlags.read, PROT_WRITE: vmaFlags.write, PROT_EXEC: vmaFlags.exec } as const;
const mapFlags = { MAP_PRIVATE: 0, MAP_SHARED: 1, MAP_ANONYMOUS: 0, MAP_FIXED: 2, MAP_FIXED_NOREPLACE: 4, MAP_POPULATE: 8 } as const;

const processParameter = parameter('process', 'process', 'The process.');
const addressParameter = parameter('address', 'address', 'A user address.');
const sizeParameter = parameter('size', 'size', 'Bytes; rounded up to whole pages.');

function mm(core: Core, given: ArgumentReader): number {
  return mmOf(core, given.number('process', 0, 2 ** 22));
}

function range(given: ArgumentReader): Range {
  return { page: given.wholePage('address'), pages: given.pages('size') };
}

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
      for (const { start, end } of areasOf(core, mm(core, given)))
        yield* doMunmap(core, mm(core, given), { page: start, pages: end - start });
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
    ],
    documentation: 'Maps anonymous memory; its pages come with the first access, or at once with MAP_POPULATE (mm/mmap.c: do_mmap).',
    returns: 'the address',
    *steps(core, given) {
      const flags = given.flags('flags', mapFlags);
      const protectionFlags = given.flags('prot', rights);
      const may = vmaFlags.mayRead | vmaFlags.mayWrite | vmaFlags.mayExec;
      const shared = (flags & mapFlags.MAP_SHARED) !== 0 ? vmaFlags.shared | vmaFlags.mayShare : 0;
      const pages = given.pages('size');
      const page = yield* within(
        core,
        { name: 'mmap', variables: () => given.given },
        doMmap(core, mm(core, given), {
          page: given.has('address') ? given.wholePage('address') : undefined,
          pages,
          flags: protectionFlags | may | shared,
          replace: (flags & mapFlags.MAP_FIXED) !== 0,
        }),
      );
      if ((flags & mapFlags.MAP_POPULATE) !== 0) {
        const write = (protectionFlags & vmaFlags.write) !== 0;
        for (let index = 0; index < pages; index++) yield* handleFault(core, mm(core, given), { page: page + index, write });
      }
      return addressOfPage(core, page);
    },
  }),
  operation({
    name: 'munmap',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Takes mappings away; pages that nothing else maps are freed (mm/mmap.c: do_munmap).',
    returns: undefined,
    *steps(core, given) {
      yield* doMunmap(core, mm(core, given), range(given));
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
    ],
    documentation: 'Changes the rights of mappings (mm/mprotect.c: do_mprotect_pkey).',
    returns: undefined,
    *steps(core, given) {
      yield* doMprotect(core, mm(core, given), { ...range(given), rights: given.flags('prot', rights) });
      return undefined;
    },
  }),
  operation({
    name: 'madvise_hugepage',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Lets an area have 2 MiB pages (VM_HUGEPAGE), at its next faults.',
    returns: undefined,
    *steps(core, given) {
      for (const { vma } of yield* splitAreas(core, mm(core, given), range(given)))
        setVmaFlags(core, vma, vmaFlagsOf(core, vma) | vmaFlags.hugePage);
      return undefined;
    },
  }),
  operation({
    name: 'fault',
    parameters: [processParameter, addressParameter, optional({ name: 'write', kind: 'switch' }, false, 'The access writes.')],
    documentation:
      'An access of user mode, with what the kernel does about it: a new page, the zero page, a copy, a page from swap (mm/memory.c: handle_mm_fault).',
    returns: undefined,
    *steps(core, given) {
      yield* handleFault(core, mm(core, given), { page: given.page('address'), write: given.switch('write') });
      return undefined;
    },
  }),
  operation({
    name: 'swap_out',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Unmaps pages into the swap cache; their entries become swap entries (mm/vmscan.c, mm/rmap.c: try_to_unmap_one).',
    returns: 'pages that went',
    *steps(core, given) {
      return BigInt(yield* swapOut(core, mm(core, given), range(given)));
    },
  }),
  operation({
    name: 'clear_soft_dirty',
    parameters: [processParameter],
    documentation: 'Writes 4 to /proc/PID/clear_refs: what is written from then on is soft-dirty (fs/proc/task_mmu.c: clear_refs_write).',
    returns: undefined,
    *steps(core, given) {
      yield* clearSoftDirty(core, mm(core, given));
      return undefined;
    },
  }),
  operation({
    name: 'userfaultfd_register',
    parameters: [processParameter, addressParameter, sizeParameter],
    documentation: 'Registers a range for write protection by userfaultfd (VM_UFFD_WP), asynchronously resolved (fs/userfaultfd.c).',
    returns: undefined,
    *steps(core, given) {
      const owner = mm(core, given);
      const { memory, types } = core;
      const areas = yield* splitAreas(core, owner, range(given));
      if (areas.length === 0) throw new Fault('errno', 'userfaultfd: no area is in the range', { errno: 'EINVAL' });
      const context = core.caches['kmalloc-64'].take();
      // UFFD_FEATURE_WP_ASYNC
      memory.setU32(context + types.offset('userfaultfd_ctx', 'features'), 1 << 15);
      memory.setPointer(context + types.offset('userfaultfd_ctx', 'mm'), owner);
      for (const { vma } of areas) {
        setVmaFlags(core, vma, vmaFlagsOf(core, vma) | vmaFlags.uffdWriteProtect);
        memory.setPointer(vma + types.offset('vm_area_struct', 'vm_userfaultfd_ctx.ctx'), context);
      }
      return undefined;
    },
  }),
  operation({
    name: 'userfaultfd_writeprotect',
    parameters: [
      processParameter,
      addressParameter,
      sizeParameter,
      optional({ name: 'on', kind: 'switch' }, true, 'Whether protection is set or taken away.'),
    ],
    documentation: 'Sets or takes away write protection of the pages that are there (mm/userfaultfd.c: mwriteprotect_range).',
    returns: undefined,
    *steps(core, given) {
      yield* writeProtect(core, mm(core, given), { ...range(given), on: given.switch('on') });
      return undefined;
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
      yield* vmallocSyncOne(core, rootOfMm(core, mm(core, given)), given.page('address'));
      return undefined;
    },
  }),
];
