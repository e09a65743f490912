/**
 * The kernel's XArray (include/linux/xarray.h, lib/xarray.c) and the radix tree that it grew out of: entries whose two low
 * bits are 10 (XArray) or whose low bit is 1 (radix tree before 4.20) and that lie above the reserved values are nodes.
 */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { WalkProblem } from './list.ts';
import type { StructShape, Structs } from '../structs.ts';

/** An occupied slot of an xarray or radix tree. */
export interface XarrayEntry {
  readonly index: bigint;
  /** The stored pointer or value, as it stands. */
  readonly entry: Address;
}

/** All entries of the array at `address`, ascending. Unreadable or looping parts are told to `problem` and left out. */
export function walkXarray(structs: Structs, address: Address, problem: WalkProblem): XarrayEntry[] {
  const xarray = structs.find('xarray');
  const root = xarray ?? structs.get('radix_tree_root');
  const head = root.pointer(address, xarray === undefined ? 'rnode' : 'xa_head');
  const node = xarray === undefined ? structs.get('radix_tree_node') : structs.get('xa_node');
  const walk: Walk = { structs, node, nodeTag: xarray === undefined ? 1n : 2n, visited: new Set(), entries: [], problem };
  descend(walk, head, 0n, 0);
  return walk.entries;
}

interface Walk {
  readonly structs: Structs;
  readonly node: StructShape;
  readonly nodeTag: bigint;
  readonly visited: Set<bigint>;
  readonly entries: XarrayEntry[];
  readonly problem: WalkProblem;
}

function descend(walk: Walk, entry: Address, index: bigint, depth: number): void {
  if (entry === 0n) return;
  const isNode = (entry & 3n) === walk.nodeTag && entry > 4096n;
  if (!isNode) {
    const internal = (entry & 3n) === walk.nodeTag;
    if (!internal) walk.entries.push({ index, entry });
    return;
  }
  const address = toAddress(entry - walk.nodeTag);
  if (walk.visited.has(address) || depth > limits.treeDepth || walk.entries.length > limits.listNodes) {
    walk.problem(`the xarray node ${formatAddress(address)} is met twice or lies too deep`);
    return;
  }
  walk.visited.add(address);
  try {
    const shift = BigInt(walk.node.number(address, 'shift') & 63);
    const slots = walk.node.arrayLength('slots');
    const memory = walk.structs.memory;
    const first = walk.node.address(address, 'slots');
    for (let slot = 0; slot < slots; slot++) {
      const child = memory.pointer(addToAddress(first, slot * memory.pointerSize));
      descend(walk, child, index + (BigInt(slot) << shift), depth + 1);
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    walk.problem(`the xarray node ${formatAddress(address)} cannot be read: ${error.reason}`);
  }
}
