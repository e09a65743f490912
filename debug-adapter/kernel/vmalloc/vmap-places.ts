/**
 * Where the kernel keeps its vmap_areas (mm/vmalloc.c): busy, lazily freed, being purged, pooled and free. Kernels since 6.9
 * shard all but the free ones over `vmap_nodes`; from 5.2 on free areas have a tree and list of their own.
 */
import { limits } from '../../base/limits.ts';
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';

const purpose = 'listing the vmalloc areas';

/** A list_head, and the rb_root of the tree that holds the same areas; undefined where the kernel has none, or tells none. */
export interface AreaIndex {
  readonly head: Address;
  readonly root: Address | undefined;
}

/** Areas of exactly `pages` pages that are kept for the next allocation (struct vmap_pool). */
export interface AreaPool {
  readonly head: Address;
  readonly pages: number;
}

/** Where one vmap node's lists and trees begin. */
export interface VmapNodePlace {
  readonly index: number;
  readonly address: Address | undefined;
  readonly busy: AreaIndex;
  readonly lazy: AreaIndex | undefined;
  /** The list of what a purge has taken from `lazy`; never initialized before the node's first purge. */
  readonly purging: Address | undefined;
  readonly pools: readonly AreaPool[];
}

/** Where all lists and trees of vmap_areas begin. */
export interface VmapPlaces {
  /** Whether there are vmap nodes (6.9+); else `nodes` has the one list. */
  readonly sharded: boolean;
  readonly nodes: readonly VmapNodePlace[];
  /** Free areas; undefined before 5.2, when gaps were free, and where the kernel's symbols do not tell. */
  readonly free: AreaIndex | undefined;
  /** llist of lazily freed areas (up to 5.11). */
  readonly lockLess: Address | undefined;
  /** Bytes of address space that follow each other in one node; 1 where all is in node 0. */
  readonly zoneSize: number;
}

/** Found once a kernel, by struct vmap_node and the symbols of the lists and trees. */
export function vmapPlaces(kernel: Kernel): VmapPlaces {
  return kernel.once(findPlaces);
}

function findPlaces(kernel: Kernel): VmapPlaces {
  const sharded = kernel.structs(purpose).find('vmap_node') !== undefined;
  const freeHead = kernel.addressOf('free_vmap_area_list');
  const shared = {
    free: freeHead === undefined ? undefined : { head: freeHead, root: kernel.addressOf('free_vmap_area_root') },
    lockLess: sharded ? undefined : kernel.addressOf('vmap_purge_list'),
  };
  if (sharded) return { sharded, ...shared, ...nodePlaces(kernel) };
  const lazyHead = kernel.addressOf('purge_vmap_area_list');
  const node: VmapNodePlace = {
    index: 0,
    address: undefined,
    busy: { head: kernel.needAddressOf('vmap_area_list', purpose), root: kernel.addressOf('vmap_area_root') },
    lazy: lazyHead === undefined ? undefined : { head: lazyHead, root: kernel.addressOf('purge_vmap_area_root') },
    purging: undefined,
    pools: [],
  };
  return { sharded, nodes: [node], zoneSize: 1, ...shared };
}

function nodePlaces(kernel: Kernel): Pick<VmapPlaces, 'nodes' | 'zoneSize'> {
  const node = kernel.structs(purpose).get('vmap_node');
  const array = kernel.addressOf('vmap_nodes');
  const countAt = kernel.addressOf('nr_vmap_nodes');
  const zoneAt = kernel.addressOf('vmap_zone_size');
  // On 32-bit and !SMP kernels the compiler may turn the variables into constants: then there is the one static node.
  const first = array === undefined ? kernel.needAddressOf('single', purpose) : kernel.memory.pointer(array);
  const claimed = countAt === undefined ? 1 : Math.max(kernel.memory.u32(countAt), 1);
  if (claimed > limits.vmapNodes) kernel.warn(`nr_vmap_nodes claims ${claimed} nodes; the first ${limits.vmapNodes} are read`);
  const count = Math.min(claimed, limits.vmapNodes);
  const pools = node.has('pool') ? node.arrayLength('pool') : 0;
  const poolSize = pools === 0 ? 0 : node.memberSize('pool') / pools;
  const places = Array.from({ length: count }, (_, index): VmapNodePlace => {
    const at = addToAddress(first, index * node.size);
    const poolAt = pools === 0 ? at : node.address(at, 'pool[0].head');
    return {
      index,
      address: at,
      busy: { head: node.address(at, 'busy.head'), root: node.address(at, 'busy.root') },
      lazy: { head: node.address(at, 'lazy.head'), root: node.address(at, 'lazy.root') },
      purging: node.has('purge_list') ? node.address(at, 'purge_list') : undefined,
      pools: Array.from({ length: pools }, (_pool, pool) => ({ head: addToAddress(poolAt, pool * poolSize), pages: pool + 1 })),
    };
  });
  return { nodes: places, zoneSize: zoneAt === undefined ? 1 : Math.max(kernel.memory.u32(zoneAt), 1) };
}

/** Number of the node whose busy tree holds an area that starts at `address` (mm/vmalloc.c:addr_to_node_id). */
export function nodeOfAddress(places: VmapPlaces, address: Address): number {
  return Number((address / BigInt(places.zoneSize)) % BigInt(places.nodes.length));
}
