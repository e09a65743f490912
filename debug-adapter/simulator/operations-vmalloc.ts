/** Operations on the vmalloc space. */
import { operation, optional, parameter } from './arguments.ts';
import type { ArgumentReader } from './arguments.ts';
import { addressOfPage, within } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import type { OperationSpec } from './operation.ts';
import { kernelProtection, protection } from './protection.ts';
import { vread } from './vread.ts';
import type { Frames } from './vmap-block.ts';
import { mostBlockPages, vmMapRam, vmUnmapAliases, vmUnmapRam } from './vmap-block.ts';
import { purgeVmapAreaLazy } from './vmap-area.ts';
import { ioremap, iounmap, vfree, vmalloc, vmap, vunmap } from './vmalloc.ts';
import { vmFlags } from './vm-struct.ts';

const mappingBits: Readonly<Record<string, number>> = {
  PAGE_KERNEL: kernelProtection.data,
  PAGE_KERNEL_RO: kernelProtection.readOnly,
  PAGE_KERNEL_EXEC: kernelProtection.everything,
  PAGE_KERNEL_ROX: kernelProtection.code,
  PAGE_KERNEL_WC: kernelProtection.data | protection.writeCombining,
  PAGE_KERNEL_NOCACHE: kernelProtection.io,
};
const protectionNames = Object.keys(mappingBits);

const protectionParameter = optional(
  { name: 'prot', kind: 'text', names: protectionNames },
  'PAGE_KERNEL',
  'Rights and cache type of the pages.',
);
const frameParameter = optional(
  { name: 'pfn', kind: 'number' },
  undefined,
  'The first of the page frames, as alloc_pages() gives it; new pages are taken when it is left out.',
);

/** The frames that an operation maps: given ones in a row, or new ones. */
function framesOf(core: Core, given: ArgumentReader, count: number): Frames {
  if (given.has('pfn')) {
    const first = given.number('pfn', 0, 2 ** 40);
    if (!core.memory.isRam(first * 4096) || !core.memory.isRam((first + count - 1) * 4096)) {
      throw new Fault('bug', `kernel BUG: pfn 0x${first.toString(16)} has no struct page that can be mapped`);
    }
    return { count, frame: (index) => first + index };
  }
  const frames = Array.from({ length: count }, () => core.pages.takeZeroed());
  return { count, frame: (index) => frames[index] ?? 0 };
}

/** Checks before pages are taken, so that a failure leaves none behind. */
function checkCount(core: Core, given: ArgumentReader, count: number): void {
  if (count < 1) throw new Fault('warning', 'WARNING: a count of 0 pages');
  const needed = count + Math.ceil(count / 256) + 64;
  if (!given.has('pfn') && core.pages.free < needed)
    throw new Fault('out-of-memory', `page allocation failure: ${count} pages, ${core.pages.free} are free`);
}

function* allocating(
  core: Core,
  given: ArgumentReader,
  as: { readonly caller: string; readonly huge?: boolean; readonly user?: boolean },
): Steps<bigint> {
  const steps = vmalloc(core, {
    pages: given.pages('size'),
    huge: as.huge ?? false,
    user: as.user ?? false,
    node: given.has('node') ? given.number('node', 0, core.configuration.nodes - 1) : undefined,
    bits: mappingBits[given.has('prot') ? given.text('prot') : 'PAGE_KERNEL'] ?? kernelProtection.data,
    caller: as.caller,
  });
  return addressOfPage(
    core,
    yield* within(core, { name: as.caller === 'vmalloc_noprof' ? 'vmalloc' : as.caller, variables: () => given.given }, steps),
  );
}

const sizeParameter = parameter('size', 'size', 'Bytes; rounded up to whole pages.');
const addressParameter = parameter('address', 'address', 'As the allocation gave it.');
const nodeParameter = optional({ name: 'node', kind: 'number' }, undefined, 'NUMA node to take pages from; any when left out.');

/** Operations on the vmalloc space: vmalloc(), vm_map_ram(), ioremap()… */
export const vmallocOperations: readonly OperationSpec[] = [
  operation({
    name: 'vmalloc',
    parameters: [sizeParameter, nodeParameter, protectionParameter],
    documentation:
      'Allocates memory that is contiguous by virtual address alone, with a guard page behind it (mm/vmalloc.c: __vmalloc_node_range_noprof).',
    returns: 'the address',
    steps: (core, given) => allocating(core, given, { caller: 'vmalloc_noprof' }),
  }),
  operation({
    name: 'vmalloc_huge',
    parameters: [sizeParameter, nodeParameter],
    documentation: 'As vmalloc(), with 2 MiB pages and leaves where the size reaches that (VM_ALLOW_HUGE_VMAP).',
    returns: 'the address',
    steps: (core, given) => allocating(core, given, { caller: 'vmalloc_noprof', huge: true }),
  }),
  operation({
    name: 'vmalloc_user',
    parameters: [sizeParameter],
    documentation: 'As vmalloc(), for memory that may be mapped to user space (VM_USERMAP).',
    returns: 'the address',
    steps: (core, given) => allocating(core, given, { caller: 'vmalloc_noprof', user: true }),
  }),
  operation({
    name: 'vfree',
    parameters: [addressParameter],
    documentation:
      'Frees what vmalloc() gave. Its pages are free at once; its address space waits for a purge (mm/vmalloc.c: vfree, remove_vm_area, free_vmap_area_noflush).',
    returns: undefined,
    *steps(core, given) {
      yield* vfree(core, given.pageOrComplaint('address', 'Trying to vfree() bad address'));
      return undefined;
    },
  }),
  operation({
    name: 'alloc_pages',
    parameters: [optional({ name: 'count', kind: 'count' }, 1n, 'Pages; rounded up to a power of two.'), nodeParameter],
    documentation: 'Takes pages in a row from the page allocator (mm/page_alloc.c: __alloc_pages_noprof).',
    returns: 'the first page frame number',
    *steps(core, given) {
      const order = Math.ceil(Math.log2(given.number('count', 1, 1024)));
      yield core.step(() => `take a block of order ${order}`);
      return BigInt(core.pages.takeZeroed(order, given.has('node') ? given.number('node', 0, core.configuration.nodes - 1) : undefined));
    },
  }),
  operation({
    name: 'free_pages',
    parameters: [
      parameter('pfn', 'number', 'The first page frame number.'),
      optional({ name: 'count', kind: 'count' }, 1n, 'Pages, as for alloc_pages().'),
    ],
    documentation: 'Gives pages back to the page allocator (mm/page_alloc.c: __free_pages).',
    returns: undefined,
    *steps(core, given) {
      const order = Math.ceil(Math.log2(given.number('count', 1, 1024)));
      const pfn = given.number('pfn', 0, 2 ** 40);
      if (!core.memory.isRam(pfn * 4096) || core.pages.flag(pfn, 'reserved'))
        throw new Fault('bug', `BUG: Bad page state: pfn:${pfn.toString(16)} is no page of the allocator`);
      yield core.step(() => `free a block of order ${order}`);
      core.pages.give(pfn, order);
      return undefined;
    },
  }),
  operation({
    name: 'vmap',
    parameters: [
      parameter('count', 'count', 'Pages.'),
      frameParameter,
      protectionParameter,
      optional({ name: 'put_pages', kind: 'switch' }, false, 'vfree() frees the pages too (VM_MAP_PUT_PAGES).'),
    ],
    documentation: 'Maps pages that the caller has, with a vm_struct and a guard page (mm/vmalloc.c: vmap).',
    returns: 'the address',
    *steps(core, given) {
      const count = given.number('count', 1, 2 ** 24);
      checkCount(core, given, count);
      const frames = framesOf(core, given, count);
      const bits = (mappingBits[given.text('prot')] ?? kernelProtection.data) & ~protection.execute;
      return addressOfPage(core, yield* vmap(core, frames, { bits, flags: given.switch('put_pages') ? vmFlags.putPages : 0 }));
    },
  }),
  operation({
    name: 'vunmap',
    parameters: [addressParameter],
    documentation: 'Takes away what vmap() mapped; the pages stay the caller’s (mm/vmalloc.c: vunmap).',
    returns: undefined,
    *steps(core, given) {
      yield* vunmap(core, given.pageOrComplaint('address', 'Trying to vfree() bad address'));
      return undefined;
    },
  }),
  operation({
    name: 'vm_map_ram',
    parameters: [parameter('count', 'count', 'Pages.'), frameParameter],
    documentation:
      'Maps pages without a vm_struct: up to 64 (32 on a 32-bit machine) out of a vmap_block of the CPU, more in an area of their own (mm/vmalloc.c: vm_map_ram, vb_alloc).',
    returns: 'the address',
    *steps(core, given) {
      const count = given.number('count', 1, 2 ** 24);
      checkCount(core, given, count);
      return addressOfPage(core, yield* vmMapRam(core, framesOf(core, given, count)));
    },
  }),
  operation({
    name: 'vm_unmap_ram',
    parameters: [addressParameter, parameter('count', 'count', 'Pages, as for vm_map_ram(): the kernel tells blocks from areas by it.')],
    documentation:
      'Takes away what vm_map_ram() mapped. Pages of a block become dirty, and are not handed out again (mm/vmalloc.c: vm_unmap_ram, vb_free).',
    returns: undefined,
    *steps(core, given) {
      yield* vmUnmapRam(core, given.wholePage('address'), given.number('count', 1, 2 ** 24));
      return undefined;
    },
  }),
  operation({
    name: 'vm_unmap_aliases',
    parameters: [],
    documentation:
      'Purges blocks of which nothing is in use and little left, forgets dirty ranges, and purges what was freed lazily (mm/vmalloc.c: _vm_unmap_aliases).',
    returns: undefined,
    *steps(core) {
      yield* vmUnmapAliases(core);
      return undefined;
    },
  }),
  operation({
    name: 'purge_vmap_area_lazy',
    parameters: [optional({ name: 'full', kind: 'switch' }, false, 'Empties the pools as well.')],
    documentation: 'Makes lazily freed address space free, after a flush of the TLBs (mm/vmalloc.c: __purge_vmap_area_lazy).',
    returns: undefined,
    *steps(core, given) {
      yield* purgeVmapAreaLazy(core, given.switch('full'));
      return undefined;
    },
  }),
  operation({
    name: 'ioremap',
    parameters: [parameter('phys_addr', 'number', 'Physical address; not of RAM.'), sizeParameter],
    documentation: 'Maps device memory, uncached, with the largest leaves that fit (mm/ioremap.c, arch/x86/mm/ioremap.c).',
    returns: 'the address',
    *steps(core, given) {
      return yield* within(
        core,
        { name: 'ioremap', variables: () => given.given },
        ioremap(core, given.number('phys_addr', 0, 2 ** core.platform.physicalBits - 1), given.number('size', 1, 2 ** 40)),
      );
    },
  }),
  operation({
    name: 'iounmap',
    parameters: [addressParameter],
    documentation: 'Takes away what ioremap() mapped (arch/x86/mm/ioremap.c: iounmap).',
    returns: undefined,
    *steps(core, given) {
      yield* iounmap(core, given.page('address'));
      return undefined;
    },
  }),
  operation({
    name: 'vread',
    parameters: [parameter('address', 'address', 'Of the vmalloc space.'), sizeParameter],
    documentation:
      'Reads as /proc/kcore does: areas that the kernel passes over, guard pages and holes are zeros. With vmap_ram_flags and used_map, vm_map_ram() areas and the used parts of blocks are read (mm/vmalloc.c: vread_iter, vmap_ram_vread_iter, from 6.3 on); without, they are zeros.',
    returns: 'the bytes as hexadecimal digits',
    *steps(core, given) {
      return yield* vread(core, given.address('address'), given.number('size', 1, 2 ** 24));
    },
  }),
  operation({
    name: 'set_cpu',
    parameters: [parameter('cpu', 'number', 'Its number, from 0.')],
    documentation: 'Lets what follows run on a CPU: its vmap_block_queue and its node of vmap_areas serve.',
    returns: undefined,
    *steps(core, given) {
      const cpu = given.number('cpu', 0, core.configuration.cpus - 1);
      yield core.step(() => `go to CPU ${cpu}`);
      core.cpu = cpu;
      return undefined;
    },
  }),
  operation({
    name: 'most_block_pages',
    parameters: [],
    documentation: 'VMAP_MAX_ALLOC: vm_map_ram() of more pages takes an area of its own.',
    returns: 'pages',
    *steps(core) {
      yield core.step(() => 'look at VMAP_MAX_ALLOC');
      return BigInt(mostBlockPages(core));
    },
  }),
];
