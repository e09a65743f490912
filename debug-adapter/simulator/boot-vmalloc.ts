/** vmalloc_init(): vmap nodes, the queues of blocks, and the free address space. */
import type { Core } from './core.ts';
import { imageSections, imageSectionSize } from './image-builder.ts';
import { vmAt, vmFlags } from './vm-struct.ts';
import { poolCount, vmapSpace } from './vmap-space.ts';

/** Pages of address space that stand in one node before the next one's turn (mm/vmalloc.c:vmap_init_nodes). */
const zonePages = 16;

/** `nodes`: memory for a vmap_node each CPU, as its physical address. */
export function bootVmalloc(core: Core, nodes: number): void {
  const { memory, types, configuration } = core;
  const count = memory.pointerSize === 8 ? Math.min(configuration.cpus, 128) : 1;
  memory.setPointer(core.symbol('vmap_nodes'), nodes);
  memory.setU32(core.symbol('nr_vmap_nodes'), count);
  memory.setU32(core.symbol('vmap_zone_size'), count > 1 ? zonePages * 4096 : 1);
  const poolSize = types.size('vmap_pool');
  for (let index = 0; index < count; index++) {
    const node = nodes + index * types.size('vmap_node');
    for (let pool = 0; pool < poolCount; pool++) memory.listInit(node + pool * poolSize);
    for (const head of ['busy.head', 'lazy.head', 'purge_list']) memory.listInit(node + types.offset('vmap_node', head));
  }
  for (let cpu = 0; cpu < configuration.cpus; cpu++)
    memory.listInit(core.perCpu('vmap_block_queue', cpu) + types.offset('vmap_block_queue', 'free'));
  vmapSpace(core).initialize();
  if (core.platform.architecture === 'arm64') addImageAreas(core);
}

/** arm64's image lies in the vmalloc space, as early areas (arch/arm64/mm/mmu.c:declare_vma): text, read-only data, data. */
function addImageAreas(core: Core): void {
  const { memory, platform, caches } = core;
  const space = vmapSpace(core);
  const at = vmAt(core);
  const pages = imageSectionSize / 4096;
  imageSections.forEach((_, index) => {
    const page = Number(platform.image.virtual >> 12n) + index * pages;
    // The last has a guard page.
    const size = pages + (index === imageSections.length - 1 ? 1 : 0);
    const found = space.findFree(size, 1, page);
    if (found?.start !== page) throw new RangeError('the kernel image has no room in the vmalloc space');
    space.clip(found.area, page, size);
    const area = caches.vmap_area.take();
    const vm = caches.vm_struct.take();
    space.setRange(area, page, page + size);
    memory.setPage(vm + at.addr, page);
    memory.setWord(vm + at.size, size * 4096);
    memory.setWord(vm + at.flags, vmFlags.map | (size === pages ? vmFlags.noGuard : 0));
    core.tables.setEntry(vm + at.physical, BigInt(platform.image.physical + index * imageSectionSize));
    memory.setPointer(vm + at.caller, core.symbol('start_kernel') + 0x3c);
    space.setVm(area, vm);
    space.insertBusy(area);
  });
}
