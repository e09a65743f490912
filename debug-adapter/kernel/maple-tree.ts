/**
 * The kernel's maple tree (lib/maple_tree.c, include/linux/maple_tree.h), which holds a process's VMAs since 6.1. An
 * encoded node pointer has the node type in bits 3-6 and the node in the bits above 7.
 */
import { addToAddress, formatAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { MemoryFault } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { WalkProblem } from './list.ts';
import type { Structs } from './structs.ts';

const nodeType = { dense: 0, leaf64: 1, range64: 2, arange64: 3 } as const;

/** The non-null entries of the tree at `address`, in index order. Broken parts are told to `problem` and left out. */
export function walkMapleTree(structs: Structs, address: Address, problem: WalkProblem): Address[] {
  const root = structs.get('maple_tree').pointer(address, 'ma_root');
  const walk: Walk = { structs, visited: new Set(), entries: [], problem };
  const maximumIndex = (1n << BigInt(structs.memory.pointerSize * 8)) - 1n;
  if (isNode(root)) descend(walk, root, maximumIndex, 0);
  else if (root !== 0n) walk.entries.push(root);
  return walk.entries;
}

interface Walk {
  readonly structs: Structs;
  readonly visited: Set<bigint>;
  readonly entries: Address[];
  readonly problem: WalkProblem;
}

function isNode(entry: bigint): boolean {
  return (entry & 3n) === 2n && entry > 4096n;
}

function descend(walk: Walk, encoded: Address, maximum: bigint, depth: number): void {
  const node = toAddress(encoded & ~0xffn);
  if (walk.visited.has(node) || depth > limits.treeDepth || walk.entries.length > limits.listNodes) {
    walk.problem(`the maple tree node ${formatAddress(node)} is met twice or lies too deep`);
    return;
  }
  walk.visited.add(node);
  try {
    readNode(walk, { encoded, node, maximum, depth });
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    walk.problem(`the maple tree node ${formatAddress(node)} cannot be read: ${error.reason}`);
  }
}

function readNode(walk: Walk, at: { encoded: Address; node: Address; maximum: bigint; depth: number }): void {
  const { structs } = walk;
  const memory = structs.memory;
  const type = Number((at.encoded >> 3n) & 0xfn);
  const leaf = type === nodeType.leaf64 || type === nodeType.dense;
  if (type === nodeType.dense) {
    const shape = structs.get('maple_node');
    const first = shape.address(at.node, 'slot');
    for (let slot = 0; slot < shape.arrayLength('slot'); slot++) {
      const entry = memory.pointer(addToAddress(first, slot * memory.pointerSize));
      if (entry !== 0n && !isNode(entry)) walk.entries.push(entry);
    }
    return;
  }
  if (type > nodeType.arange64) {
    walk.problem(`the maple tree node ${formatAddress(at.node)} has the unknown type ${type}`);
    return;
  }
  const shape = structs.get(type === nodeType.arange64 ? 'maple_arange_64' : 'maple_range_64');
  const pivots = shape.arrayLength('pivot');
  const slots = shape.arrayLength('slot');
  const firstPivot = shape.address(at.node, 'pivot');
  const firstSlot = shape.address(at.node, 'slot');
  for (let slot = 0; slot < slots; slot++) {
    const stored = slot < pivots ? memory.word(addToAddress(firstPivot, slot * memory.pointerSize)) : at.maximum;
    const pivot = stored === 0n && slot > 0 ? at.maximum : stored;
    const entry = memory.pointer(addToAddress(firstSlot, slot * memory.pointerSize));
    if (leaf) {
      if (entry !== 0n && entry > 4096n) walk.entries.push(entry);
    } else if (isNode(entry)) descend(walk, entry, pivot, at.depth + 1);
    if (pivot >= at.maximum) return;
  }
}
