/** vm_structs of vmalloc, vmap and ioremap areas (mm/vmalloc.c). */
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { unmapKernelPages } from './kernel-mapping.ts';
import { allocVmapArea, addressOfText, freeVmapAreaNoflush } from './vmap-area.ts';
import { purgeFragmentedBlocksAllCpus } from './vmap-block.ts';
import { vmapSpace } from './vmap-space.ts';

/** vm_struct.flags (include/linux/vmalloc.h). */
export const vmFlags = {
  ioremap: 0x1,
  alloc: 0x2,
  map: 0x4,
  user: 0x8,
  dmaCoherent: 0x10,
  uninitialized: 0x20,
  noGuard: 0x40,
  flushResetPermissions: 0x100,
  putPages: 0x200,
  allowHuge: 0x400,
} as const;

/** What an allocation in the vmalloc space asks of its vm_struct. */
export interface VmRequest {
  /** Without the guard page. */
  readonly pages: number;
  /** In pages. */
  readonly align: number;
  readonly flags: number;
  /** Symbol of the function that asked. */
  readonly caller: string;
  /** Page numbers within which the area must lie; the vmalloc space when left out. */
  readonly within?: { readonly start: number; readonly end: number };
}

/** Offsets of struct vm_struct. */
export function vmAt(
  core: Core,
): Readonly<Record<'addr' | 'size' | 'flags' | 'pages' | 'order' | 'count' | 'physical' | 'caller', number>> {
  return core.once(findOffsets);
}

function findOffsets(core: Core): ReturnType<typeof vmAt> {
  const member = (name: string): number => (core.types.has('vm_struct', name) ? core.types.offset('vm_struct', name) : 0);
  return {
    addr: member('addr'),
    size: member('size'),
    flags: member('flags'),
    pages: member('pages'),
    order: member('page_order'),
    count: member('nr_pages'),
    physical: member('phys_addr'),
    caller: member('caller'),
  };
}

/** __get_vm_area_node(): an area with its vm_struct; its guard page is behind it unless VM_NO_GUARD says otherwise. */
export function* getVmArea(core: Core, request: VmRequest): Steps<{ area: number; vm: number; page: number }> {
  core.enter('__get_vm_area_node', () => ({ size: BigInt(request.pages) * 4096n, flags: BigInt(request.flags) }));
  try {
    const { memory } = core;
    const at = vmAt(core);
    const guard = (request.flags & vmFlags.noGuard) === 0 ? 1 : 0;
    const within = request.within ?? core.platform.vmalloc;
    const size = request.pages + guard;
    const area = yield* allocVmapArea(core, {
      pages: size,
      align: request.align,
      start: within.start,
      end: within.end,
      flags: 0,
      reclaim: purgeFragmentedBlocksAllCpus,
    });
    const space = vmapSpace(core);
    const page = space.start(area);
    const vm = core.caches.vm_struct.take();
    yield core.step(() => `fill in the vm_struct of ${addressOfText(core, page)}`);
    memory.setPage(vm + at.addr, page);
    memory.setWord(vm + at.size, size * 4096);
    memory.setWord(vm + at.flags, request.flags);
    memory.setPointer(vm + at.caller, core.symbol(request.caller) + 0x3c);
    space.setVm(area, vm);
    return { area, vm, page };
  } finally {
    core.leave();
  }
}

/** The vm_struct of the area that begins at a page; undefined where there is none. */
export function findVm(core: Core, page: number): { area: number; vm: number } | undefined {
  const space = vmapSpace(core);
  const area = space.findBusy(page);
  if (area === undefined || space.start(area) !== page) return undefined;
  const vm = space.vm(area);
  return vm === 0 ? undefined : { area, vm };
}

/** remove_vm_area(): takes the area out of use, clears its entries, and frees its address space lazily. Gives the vm_struct. */
export function* removeVmArea(core: Core, page: number, complaint: string): Steps<number> {
  const found = findVm(core, page);
  if (found === undefined)
    throw new Fault('warning', `${complaint} (${addressOfText(core, page)})`, { address: addressOfPage(core, page) });
  core.enter('remove_vm_area', () => ({ addr: addressOfPage(core, page) }));
  try {
    const space = vmapSpace(core);
    yield core.step(() => `take the vmap_area of ${addressOfText(core, page)} out of the busy tree`);
    space.removeBusy(found.area);
    yield* unmapKernelPages(core, 'vunmap_range_noflush', { page, pages: space.end(found.area) - page });
    yield* freeVmapAreaNoflush(core, found.area);
    return found.vm;
  } finally {
    core.leave();
  }
}
