/** Linked lists and trees of the kernel, followed with a bound and a memory of where one has been. */
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { AddressSpace } from '../../memory/address-space.ts';

/** Called when a walk ends before its natural end, with one sentence. */
export type WalkProblem = (message: string) => void;

/**
 * The objects on a `struct list_head` list (include/linux/list.h): addresses of the objects, whose list_head lies at
 * `memberOffset`. Ends at the head; a broken, looping or unreadable list ends with a problem.
 */
export function* walkList(memory: AddressSpace, head: Address, memberOffset: number, problem: WalkProblem): Generator<Address> {
  const visited = new Set<bigint>([head]);
  let previous = head;
  for (;;) {
    let node: Address;
    try {
      node = memory.pointer(previous);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      problem(`the list at ${formatAddress(head)} ends at ${formatAddress(previous)}: ${error.reason}`);
      return;
    }
    if (node === head) return;
    if (node === 0n) {
      problem(`the list at ${formatAddress(head)} has a null link at ${formatAddress(previous)}`);
      return;
    }
    if (visited.has(node)) {
      problem(`the list at ${formatAddress(head)} loops back to ${formatAddress(node)}`);
      return;
    }
    if (visited.size > limits.listNodes) {
      problem(`the list at ${formatAddress(head)} has more than ${limits.listNodes} nodes`);
      return;
    }
    visited.add(node);
    yield addToAddress(node, -memberOffset);
    previous = node;
  }
}

/** The objects on a `struct llist_head` list (include/linux/llist.h), whose llist_node lies at `memberOffset`. */
export function* walkLockLessList(memory: AddressSpace, head: Address, memberOffset: number, problem: WalkProblem): Generator<Address> {
  const visited = new Set<bigint>();
  let link = head;
  for (;;) {
    let node: Address;
    try {
      node = memory.pointer(link);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      problem(`the list at ${formatAddress(head)} ends at ${formatAddress(link)}: ${error.reason}`);
      return;
    }
    if (node === 0n) return;
    if (visited.has(node) || visited.size > limits.listNodes) {
      problem(`the list at ${formatAddress(head)} does not end (seen again: ${formatAddress(node)})`);
      return;
    }
    visited.add(node);
    yield addToAddress(node, -memberOffset);
    link = node;
  }
}
