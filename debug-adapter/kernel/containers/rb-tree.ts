/** The kernel's red-black trees (include/linux/rbtree.h, lib/rbtree.c), in order, with a bound and a memory of where one has been. */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { WalkProblem } from './list.ts';
import type { Structs } from '../structs.ts';

/**
 * The objects of the tree at `root` (a struct rb_root), whose rb_node lies at `memberOffset`, leftmost first. Broken or
 * looping parts are told to `problem` and left out; the rest is walked.
 */
export function walkRbTree(
  structs: Structs,
  root: Address,
  place: { readonly memberOffset: number; readonly problem: WalkProblem },
): Address[] {
  const { memberOffset, problem } = place;
  const node = structs.get('rb_node');
  const found: Address[] = [];
  const visited = new Set<bigint>();
  // The way down to the node at hand; each has its left side behind it when it is taken off.
  const path: Address[] = [];
  const child = (of: Address, side: 'rb_left' | 'rb_right'): Address => {
    try {
      return node.pointer(of, side);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      problem(`the tree node at ${formatAddress(of)} cannot be read: ${error.reason}`);
      return toAddress(0);
    }
  };
  let next: Address;
  try {
    next = structs.get('rb_root').pointer(root, 'rb_node');
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    problem(`the tree's root at ${formatAddress(root)} cannot be read: ${error.reason}`);
    return found;
  }
  for (;;) {
    while (next !== 0n) {
      if (visited.has(next)) {
        problem(`the tree loops back to the node at ${formatAddress(next)}`);
        break;
      }
      if (visited.size >= limits.listNodes) {
        problem(`the tree has more than ${limits.listNodes} nodes`);
        return found;
      }
      visited.add(next);
      path.push(next);
      next = child(next, 'rb_left');
    }
    const at = path.pop();
    if (at === undefined) return found;
    found.push(addToAddress(at, -memberOffset));
    next = child(at, 'rb_right');
  }
}
