/** vmalloc_init(): vmap nodes, the queues of blocks, and the free address space. */
import type { Core } from './core.ts';
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
}
