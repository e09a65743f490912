/** Look-up in the trees of vmap_areas, as mm/vmalloc.c:find_vmap_area() does: of a million areas it reads some twenty. */
import { addToAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Kernel } from '../kernel.ts';
import type { StructShape } from '../structs.ts';
import { nodeOfAddress, vmapPlaces } from './vmap-places.ts';
import type { AreaIndex } from './vmap-places.ts';

/** Where a vmap_area that holds an address was found. */
export interface FoundArea {
  /** Of the vmap_area. */
  readonly object: Address;
  /** Index of the vmap node in whose tree it is. */
  readonly node: number;
}

/** Addresses [start, end) in bytes that no area of the trees has; no bound below or above all areas. */
export interface TreeGap {
  readonly start: bigint | undefined;
  readonly end: bigint | undefined;
  /** Whether on the lists, too, nothing stands between the areas around. Kernels die while they take an area off both. */
  readonly alsoOnLists: boolean;
}

/**
 * The area in a tree of areas in use that holds `address`, or what lies between areas there; `unknown` where the trees do not
 * tell, because one is damaged or has no symbol. Before 5.4 the trees have lazily freed areas too.
 */
export function findInTrees(kernel: Kernel, shape: StructShape, address: Address): FoundArea | TreeGap | 'unknown' {
  if (!shape.has('rb_node.rb_left')) return 'unknown';
  const places = vmapPlaces(kernel);
  const count = places.nodes.length;
  let gap: TreeGap = { start: undefined, end: undefined, alsoOnLists: true };
  let isKnown = true;
  // An area that begins in a zone before is in the tree of that zone's node.
  const first = nodeOfAddress(places, address);
  for (let step = 0; step < count; step++) {
    const node = (first - step + count) % count;
    const busy = places.nodes[node]?.busy;
    const found = busy === undefined ? 'unknown' : descend(kernel, { shape, busy }, address);
    if (typeof found === 'bigint') return { object: found, node };
    // The others may still have it.
    if (found === 'unknown') isKnown = false;
    else gap = common(gap, found);
  }
  return isKnown ? gap : 'unknown';
}

function common(one: TreeGap, other: TreeGap): TreeGap {
  return {
    start: one.start === undefined || (other.start !== undefined && other.start > one.start) ? other.start : one.start,
    end: one.end === undefined || (other.end !== undefined && other.end < one.end) ? other.end : one.end,
    alsoOnLists: one.alsoOnLists && other.alsoOnLists,
  };
}

function descend(
  kernel: Kernel,
  tree: { readonly shape: StructShape; readonly busy: AreaIndex },
  address: Address,
): Address | TreeGap | 'unknown' {
  const { shape, busy } = tree;
  if (busy.root === undefined) return 'unknown';
  const offset = shape.offset('rb_node');
  // The nearest areas on both sides.
  let [before, behind]: [Address | undefined, Address | undefined] = [undefined, undefined];
  let [start, end]: [bigint | undefined, bigint | undefined] = [undefined, undefined];
  try {
    let node = kernel.memory.pointer(busy.root);
    for (let depth = 0; depth < limits.treeDepth; depth++) {
      if (node === 0n) return { start, end, alsoOnLists: isNext(kernel, tree, { before, behind }) };
      const object = addToAddress(node, -offset);
      const from = shape.pointer(object, 'va_start');
      if (address < from) {
        [behind, end] = [object, from];
        node = shape.pointer(object, 'rb_node.rb_left');
        continue;
      }
      const to = shape.pointer(object, 'va_end');
      if (address < to) return object;
      [before, start] = [object, to];
      node = shape.pointer(object, 'rb_node.rb_right');
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
  }
  return 'unknown';
}

/** Whether the list, which ascends as the tree does, has `behind` directly after `before`; undefined are its ends. */
function isNext(
  kernel: Kernel,
  { shape, busy }: { readonly shape: StructShape; readonly busy: AreaIndex },
  { before, behind }: { readonly before: Address | undefined; readonly behind: Address | undefined },
): boolean {
  const entryOf = (object: Address | undefined): Address => (object === undefined ? busy.head : shape.address(object, 'list'));
  return kernel.memory.pointer(entryOf(before)) === entryOf(behind);
}
