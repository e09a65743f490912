/** vmalloc(), vmap(), ioremap() and their reverses (mm/vmalloc.c, mm/ioremap.c). */
import { toAddress } from '../base/address.ts';
import { addressOfPage } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { hugeLevels, mapKernelPages, needPages } from './kernel-mapping.ts';
import { kernelProtection } from './protection.ts';
import { addressOfText } from './vmap-area.ts';
import type { Frames } from './vmap-block.ts';
import { findVm, getVmArea, removeVmArea, vmAt, vmFlags } from './vm-struct.ts';

/** What __vmalloc_node_range() is asked for, in pages. */
export interface VmallocRequest {
  readonly pages: number;
  /** Uses 2 MiB leaves and pages where the size reaches that (VM_ALLOW_HUGE_VMAP). */
  readonly huge: boolean;
  readonly user: boolean;
  readonly node: number | undefined;
  /** Bits of `protection`. */
  readonly bits: number;
  readonly within?: { readonly start: number; readonly end: number };
  readonly caller: string;
}

/** vmalloc() and its variants: the page number of the address. Throws `Fault`; nothing is changed then. */
export function* vmalloc(core: Core, request: VmallocRequest): Steps<number> {
  core.enter('__vmalloc_node_range_noprof', () => ({ size: BigInt(request.pages) * 4096n }));
  try {
    const { memory, tables } = core;
    const at = vmAt(core);
    if (request.pages < 1) throw new Fault('warning', 'WARNING: vmalloc: a size of 0');
    const large = 2 ** (tables.shifts[tables.last - 1] ?? 9);
    const huge = request.huge && request.pages >= large;
    const pages = huge ? Math.ceil(request.pages / large) * large : request.pages;
    needPages(core, pages + Math.ceil((pages * memory.pointerSize) / 4096));
    const flags = vmFlags.alloc + vmFlags.uninitialized + (request.huge ? vmFlags.allowHuge : 0) + (request.user ? vmFlags.user : 0);
    const { vm, page } = yield* getVmArea(core, {
      pages,
      align: huge ? large : 1,
      flags,
      caller: request.caller,
      ...(request.within === undefined ? {} : { within: request.within }),
    });
    yield* vmallocAreaNode(core, { vm, page, pages, huge, request });
    yield core.step(() => 'clear VM_UNINITIALIZED');
    memory.setWord(vm + at.flags, flags - vmFlags.uninitialized);
    return page;
  } finally {
    core.leave();
  }
}

/** __vmalloc_area_node(): the pages array, the pages, and their mapping. */
function* vmallocAreaNode(
  core: Core,
  of: { readonly vm: number; readonly page: number; readonly pages: number; readonly huge: boolean; readonly request: VmallocRequest },
): Steps {
  const { vm, page, pages, huge, request } = of;
  core.enter('__vmalloc_area_node', () => ({ area: core.memory.virtual(vm) }));
  try {
    const { memory, tables } = core;
    const at = vmAt(core);
    const array = yield* pagesArray(core, pages);
    yield core.step(() => `allocate ${pages} pages`);
    const order = huge ? (tables.shifts[tables.last - 1] ?? 9) : 0;
    const frames: number[] = [];
    for (let done = 0; done < pages; done += 2 ** order) {
      const frame = core.pages.take(order, request.node);
      memory.fill(frame * 4096, 0, 4096 * 2 ** order);
      for (let index = 0; index < 2 ** order; index++) frames.push(frame + index);
    }
    writePagesArray(core, array, frames);
    memory.setLong(vm + at.pages, array.address);
    memory.setU32(vm + at.count, pages);
    if (memory.pointerSize === 8) memory.setU32(vm + at.order, order);
    addToCounter(core, pages);
    yield* mapKernelPages(core, huge ? 'vmap_pages_range_noflush' : 'vmap_small_pages_range_noflush', {
      page,
      pages,
      address: (index) => (frames[index] ?? 0) * 4096,
      bits: request.bits,
      ...(huge ? { level: tables.last - 1 } : {}),
    });
  } finally {
    core.leave();
  }
}

interface PagesArray {
  /** As vm_struct.pages holds it. */
  readonly address: bigint;
  /** Physical address of element `index`. */
  readonly at: (index: number) => number;
}

/** Memory for `count` pointers: of the slab caches, a page, or a vmalloc area of its own where they are more. */
function* pagesArray(core: Core, count: number): Steps<PagesArray> {
  const { memory } = core;
  const size = count * memory.pointerSize;
  if (size <= 4096) {
    yield core.step(() => `kmalloc ${size} bytes for the pages array`);
    const at =
      size <= 64 ? core.caches['kmalloc-64'].take() : size <= 256 ? core.caches['kmalloc-256'].take() : core.pages.takeZeroed() * 4096;
    return { address: memory.virtual(at), at: (index) => at + index * memory.pointerSize };
  }
  const page = yield* vmalloc(core, {
    pages: Math.ceil(size / 4096),
    huge: false,
    user: false,
    node: undefined,
    bits: kernelProtection.data,
    caller: '__vmalloc_area_node',
  });
  return { address: addressOfPage(core, page), at: mappedArray(core, page) };
}

function writePagesArray(core: Core, array: PagesArray, frames: readonly number[]): void {
  frames.forEach((frame, index) => {
    core.memory.setPointer(array.at(index), core.pages.pageAt(frame));
  });
}

/** nr_vmalloc_pages */
function addToCounter(core: Core, pages: number): void {
  const at = core.symbol('nr_vmalloc_pages');
  core.memory.setWord(at, core.memory.word(at) + pages);
}

/** vfree(): the pages are free at once, the address space at the next purge. Throws `Fault` where nothing was allocated. */
export function* vfree(core: Core, page: number): Steps {
  core.enter('vfree', () => ({ addr: addressOfPage(core, page) }));
  try {
    const vm = yield* removeVmArea(core, page, 'Trying to vfree() nonexistent vm area');
    yield* freePages(core, vm);
    yield core.step(() => 'free the vm_struct');
    core.caches.vm_struct.give(vm);
  } finally {
    core.leave();
  }
}

/** Frees the pages of an area's pages array, and the array. */
function* freePages(core: Core, vm: number): Steps {
  const { memory } = core;
  const at = vmAt(core);
  const count = memory.u32(vm + at.count);
  const address = memory.long(vm + at.pages);
  if (count === 0 || address === 0n) return;
  const order = memory.pointerSize === 8 ? memory.u32(vm + at.order) : 0;
  const array = physicalArray(core, address);
  yield core.step(() => `free ${count} pages`);
  for (let index = 0; index < count; index += 2 ** order) core.pages.give(core.pages.frameOf(memory.pointer(array(index))), order);
  addToCounter(core, -count);
  const size = count * memory.pointerSize;
  if (size > 4096) yield* vfree(core, Number(address >> 12n));
  else if (size > 256) core.pages.give(Math.floor(array(0) / 4096));
  else core.caches[size <= 64 ? 'kmalloc-64' : 'kmalloc-256'].give(array(0));
}

function physicalArray(core: Core, address: bigint): (index: number) => number {
  const { memory } = core;
  const direct = memory.physical(toAddress(address));
  return direct === undefined ? mappedArray(core, Number(address >> 12n)) : (index) => direct + index * memory.pointerSize;
}

/** Physical addresses of the pointers in an array that begins at a page of the vmalloc space. */
function mappedArray({ memory, tables, root }: Core, page: number): (index: number) => number {
  return (index) => {
    const offset = index * memory.pointerSize;
    return tables.leafAt(tables.last, tables.walk(root, page + Math.floor(offset / 4096)).at) + (offset % 4096);
  };
}

/** vmap(): maps pages that the caller has. Gives the page number of the address. */
export function* vmap(core: Core, frames: Frames, as: { readonly bits: number; readonly flags: number }): Steps<number> {
  core.enter('vmap', () => ({ count: BigInt(frames.count), flags: BigInt(as.flags) }));
  try {
    const { memory } = core;
    needPages(core, Math.ceil((frames.count * memory.pointerSize) / 4096));
    const { vm, page } = yield* getVmArea(core, { pages: frames.count, align: 1, flags: as.flags | vmFlags.map, caller: 'vmap' });
    yield* mapKernelPages(core, '__vmap_pages_range_noflush', {
      page,
      pages: frames.count,
      address: (index) => frames.frame(index) * 4096,
      bits: as.bits,
    });
    if ((as.flags & vmFlags.putPages) !== 0) {
      const array = yield* pagesArray(core, frames.count);
      writePagesArray(
        core,
        array,
        Array.from({ length: frames.count }, (_, index) => frames.frame(index)),
      );
      memory.setLong(vm + vmAt(core).pages, array.address);
      memory.setU32(vm + vmAt(core).count, frames.count);
      addToCounter(core, frames.count);
    }
    return page;
  } finally {
    core.leave();
  }
}

/** vunmap(): the pages stay the caller's. */
export function* vunmap(core: Core, page: number): Steps {
  core.enter('vunmap', () => ({ addr: addressOfPage(core, page) }));
  try {
    const vm = yield* removeVmArea(core, page, 'Trying to vunmap() nonexistent vm area');
    core.caches.vm_struct.give(vm);
  } finally {
    core.leave();
  }
}

/** ioremap(): device memory at a physical address, uncached. Gives the address, with the offset in its page. */
export function* ioremap(core: Core, physical: number, size: number): Steps<bigint> {
  core.enter('__ioremap_caller', () => ({ phys_addr: BigInt(physical), size: BigInt(size) }));
  try {
    const first = Math.floor(physical / 4096);
    const pages = Math.ceil((physical + size) / 4096) - first;
    if (size < 1) throw new Fault('warning', 'WARNING: ioremap: a size of 0');
    if (core.memory.isRam(first * 4096))
      throw new Fault('warning', `WARNING: ioremap on RAM at 0x${physical.toString(16)} - 0x${(physical + size - 1).toString(16)}`);
    needPages(core, 0);
    const levels = hugeLevels(core);
    const largest = core.tables.span(levels[0] ?? core.tables.last);
    const align = Math.min(largest, 2 ** Math.max(0, Math.floor(Math.log2(pages))) * (2 ** Math.floor(Math.log2(pages)) < pages ? 2 : 1));
    const { vm, page } = yield* getVmArea(core, { pages, align, flags: vmFlags.ioremap, caller: 'ioremap' });
    core.tables.setEntry(vm + vmAt(core).physical, BigInt(first) << 12n);
    yield* mapKernelPages(core, 'ioremap_page_range', {
      page,
      pages,
      address: (index) => (first + index) * 4096,
      bits: kernelProtection.io,
      level: levels[0],
    });
    return addressOfPage(core, page) + BigInt(physical % 4096);
  } finally {
    core.leave();
  }
}

/** iounmap() of mm/ioremap.c; complains, as vunmap() does, of what ioremap() did not make. */
export function* iounmap(core: Core, page: number): Steps {
  core.enter('iounmap', () => ({ addr: addressOfPage(core, page) }));
  try {
    const found = findVm(core, page);
    if (found === undefined || (core.memory.word(found.vm + vmAt(core).flags) & vmFlags.ioremap) === 0) {
      throw new Fault('warning', `WARNING: iounmap: ${addressOfText(core, page)} is no mapping of device memory`, {
        address: addressOfPage(core, page),
      });
    }
    const vm = yield* removeVmArea(core, page, 'Trying to iounmap() nonexistent vm area');
    core.caches.vm_struct.give(vm);
  } finally {
    core.leave();
  }
}
