/**
 * The kernel's maple tree (lib/maple_tree.c, include/linux/maple_tree.h), which holds a process's VMAs since 6.1. A pointer
 * to a node has the node's type in bits 3-6 and the node in the bits above 7; the root's has bit 1 set as well.
 */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { WalkProblem } from './list.ts';
import type { Structs } from '../structs.ts';

/** enum maple_type. */
const nodeType = { dense: 0, leaf64: 1, range64: 2, arange64: 3 } as const;
const typeNames = ['maple_dense', 'maple_leaf_64', 'maple_range_64', 'maple_arange_64'] as const;
/** Smaller values are no pointers but marks. */
const leastPointer = 4096n;

/** The non-null entries of the tree at `address`, in index order. Broken parts are told to `problem` and left out. */
export function walkMapleTree(structs: Structs, address: Address, problem: WalkProblem): Address[] {
  const root = structs.get('maple_tree').pointer(address, 'ma_root');
  const types = new Map(typeNames.map((name, type) => [Number(structs.types.enumerator(name) ?? type), type]));
  const walk: Walk = { structs, types, visited: new Set(), entries: [], problem };
  const maximum = (1n << BigInt(structs.memory.pointerSize * 8)) - 1n;
  if (isInternal(root) && root > leastPointer) descend(walk, { encoded: root, minimum: 0n, maximum, depth: 0 });
  else if (root !== 0n && !isInternal(root)) walk.entries.push(root);
  return walk.entries;
}

interface Walk {
  readonly structs: Structs;
  /** From this kernel's numbers to those of `nodeType`. */
  readonly types: ReadonlyMap<number, number>;
  readonly visited: Set<bigint>;
  readonly entries: Address[];
  readonly problem: WalkProblem;
}

interface Place {
  readonly encoded: Address;
  /** First and last index that the node is about. */
  readonly minimum: bigint;
  readonly maximum: bigint;
  readonly depth: number;
}

/** xa_is_internal(): a node under the root, a mark (XA_ZERO_ENTRY) in a leaf. */
function isInternal(entry: bigint): boolean {
  return (entry & 3n) === 2n;
}

function nodeOf(encoded: Address): Address {
  return toAddress(encoded & ~0xffn);
}

function descend(walk: Walk, place: Place): void {
  const node = nodeOf(place.encoded);
  if (walk.visited.has(node)) {
    walk.problem(`the maple tree node ${formatAddress(node)} is met twice`);
    return;
  }
  if (place.depth > limits.treeDepth || walk.visited.size >= limits.listNodes) {
    walk.problem(`the maple tree node ${formatAddress(node)} lies too deep`);
    return;
  }
  walk.visited.add(node);
  try {
    readNode(walk, node, place);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    walk.problem(`the maple tree node ${formatAddress(node)} cannot be read: ${error.reason}`);
  }
}

function readNode(walk: Walk, node: Address, place: Place): void {
  const { structs } = walk;
  const { memory } = structs;
  const type = walk.types.get(Number((place.encoded >> 3n) & 0xfn));
  if (type === undefined) {
    walk.problem(`the maple tree node ${formatAddress(node)} has the unknown type ${(place.encoded >> 3n) & 0xfn}`);
    return;
  }
  if (type === nodeType.dense) {
    const shape = structs.get('maple_node');
    const first = shape.address(node, 'slot');
    for (let slot = 0; slot < shape.arrayLength('slot'); slot++) {
      pushEntry(walk, memory.pointer(addToAddress(first, slot * memory.pointerSize)));
    }
    return;
  }
  const shape = structs.get(type === nodeType.arange64 ? 'maple_arange_64' : 'maple_range_64');
  const pivots = shape.arrayLength('pivot');
  const slots = shape.arrayLength('slot');
  const firstPivot = shape.address(node, 'pivot');
  const firstSlot = shape.address(node, 'slot');
  let { minimum } = place;
  for (let slot = 0; slot < slots; slot++) {
    // A pivot is the last index of its slot; the slots end with the node's maximum, or with a pivot that was never written.
    const stored = slot < pivots ? memory.word(addToAddress(firstPivot, slot * memory.pointerSize)) : place.maximum;
    const pivot = stored === 0n && slot > 0 ? place.maximum : stored;
    if (pivot < minimum || pivot > place.maximum) {
      walk.problem(`the maple tree node ${formatAddress(node)} has the pivot ${formatAddress(pivot)} where none can be`);
      return;
    }
    const entry = memory.pointer(addToAddress(firstSlot, slot * memory.pointerSize));
    if (type === nodeType.leaf64) pushEntry(walk, entry);
    else if (entry > leastPointer) descend(walk, { encoded: entry, minimum, maximum: pivot, depth: place.depth + 1 });
    else if (entry !== 0n) walk.problem(`the maple tree node ${formatAddress(node)} points to ${formatAddress(entry)}, which is no node`);
    if (pivot === place.maximum) return;
    minimum = pivot + 1n;
  }
}

function pushEntry(walk: Walk, entry: Address): void {
  if (entry !== 0n && !isInternal(entry)) walk.entries.push(entry);
}
