/** Look-up in the trees of vmap_areas, as mm/vmalloc.c:find_vmap_area() does: of a million areas it reads some twenty. */
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Kernel } from '../kernel.ts';
import type { StructShape } from '../structs.ts';
import { nodeOfAddress, vmapPlaces } from './vmap-places.ts';

/** Where a vmap_area that holds an address was found. */
export interface FoundArea {
  /** Of the vmap_area. */
  readonly object: Address;
  /** Index of the vmap node in whose tree it is. */
  readonly node: number;
}

/**
 * The area in a tree of areas in use that holds `address`; `unknown` where the trees do not tell, because one is damaged or has
 * no symbol. Before 5.4 the trees have lazily freed areas too.
 */
export function findInTrees(kernel: Kernel, shape: StructShape, address: Address): FoundArea | 'none' | 'unknown' {
  if (!shape.has('rb_node.rb_left')) return 'unknown';
  const places = vmapPlaces(kernel);
  const count = places.nodes.length;
  let answer: 'none' | 'unknown' = 'none';
  // An area that begins in a zone before is in the tree of that zone's node.
  const first = nodeOfAddress(places, address);
  for (let step = 0; step < count; step++) {
    const node = (first - step + count) % count;
    const root = places.nodes[node]?.busy.root;
    const object = root === undefined ? 'unknown' : descend(kernel, { shape, root }, address);
    if (object === 'unknown') answer = object;
    else if (object !== 'none') return { object, node };
  }
  return answer;
}

function descend(
  kernel: Kernel,
  tree: { readonly shape: StructShape; readonly root: Address },
  address: Address,
): Address | 'none' | 'unknown' {
  const { shape, root } = tree;
  const offset = shape.offset('rb_node');
  try {
    let node = kernel.memory.pointer(root);
    for (let depth = 0; depth < limits.treeDepth; depth++) {
      if (node === 0n) return 'none';
      const object = addToAddress(node, -offset);
      if (address < shape.pointer(object, 'va_start')) node = shape.pointer(object, 'rb_node.rb_left');
      else if (address >= shape.pointer(object, 'va_end')) node = shape.pointer(object, 'rb_node.rb_right');
      else return object;
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
  }
  return 'unknown';
}
