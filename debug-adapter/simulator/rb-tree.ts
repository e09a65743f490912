/**
 * Red-black trees in a simulated kernel's memory, balanced as lib/rbtree.c balances them, so that each shape is one that the
 * kernel could have. Nodes and roots are physical addresses.
 */
import type { KernelMemory } from './kernel-memory.ts';

/** Keeps what each node knows of the nodes below it (include/linux/rbtree_augmented.h). */
export interface Augmentation {
  /** Computes `node` and those above it anew, up to `stop`. */
  propagate(node: number, stop: number): void;
  /** `to` takes the place of `from`, and what it knew. */
  copy(from: number, to: number): void;
  /** After a rotation that put `upper` into the place of `lower`. */
  rotate(lower: number, upper: number): void;
}

const red = 0;
const black = 1;

const plain: Augmentation = { propagate: () => {}, copy: () => {}, rotate: () => {} };

/** Works on nodes in place; insertion and erasure keep the colours and `augment` right. */
export class RbTree {
  readonly #memory: KernelMemory;
  readonly #right: number;
  readonly #left: number;
  readonly #augment: Augmentation;

  constructor(memory: KernelMemory, augment: Augmentation = plain) {
    this.#memory = memory;
    this.#right = memory.pointerSize;
    this.#left = memory.pointerSize * 2;
    this.#augment = augment;
  }

  /** The left child, 0 for none. */
  left(node: number): number {
    return this.#memory.pointer(node + this.#left);
  }

  /** The right child, 0 for none. */
  right(node: number): number {
    return this.#memory.pointer(node + this.#right);
  }

  /** The parent without the colour bits, 0 at the root. */
  parent(node: number): number {
    const word = this.#memory.pointer(node);
    return word - (word & 3);
  }

  /** Where the pointer to a left or right child stands. */
  leftLink(node: number): number {
    return node + this.#left;
  }

  /** Where the pointer to the right child stands. */
  rightLink(node: number): number {
    return node + this.#right;
  }

  /** Puts `node` under `parent`, at `link` (of the parent, or the root itself), and balances the tree. */
  insert(root: number, node: number, place: { readonly parent: number; readonly link: number }): void {
    const memory = this.#memory;
    memory.setPointer(node, place.parent);
    memory.setPointer(node + this.#left, 0);
    memory.setPointer(node + this.#right, 0);
    memory.setPointer(place.link, node);
    this.#insertColour(root, node);
  }

  /** Takes `node` out. */
  erase(root: number, node: number): void {
    const memory = this.#memory;
    const right = this.right(node);
    const left = this.left(node);
    const word = memory.pointer(node);
    let rebalance = 0;
    let changed: number;
    if (left === 0) {
      changed = word - (word & 3);
      this.#changeChild(root, node, { to: right, parent: changed });
      if (right !== 0) memory.setPointer(right, word);
      else rebalance = (word & 3) === black ? changed : 0;
    } else if (right === 0) {
      memory.setPointer(left, word);
      changed = word - (word & 3);
      this.#changeChild(root, node, { to: left, parent: changed });
    } else {
      let successor = right;
      let parent: number;
      let child: number;
      if (this.left(right) === 0) {
        parent = successor;
        child = this.right(successor);
        this.#augment.copy(node, successor);
        changed = parent;
      } else {
        do {
          parent = successor;
          successor = this.left(successor);
        } while (this.left(successor) !== 0);
        child = this.right(successor);
        memory.setPointer(parent + this.#left, child);
        memory.setPointer(successor + this.#right, right);
        this.#setParent(right, successor);
        this.#augment.copy(node, successor);
        this.#augment.propagate(parent, successor);
        changed = successor;
      }
      memory.setPointer(successor + this.#left, left);
      this.#setParent(left, successor);
      this.#changeChild(root, node, { to: successor, parent: word - (word & 3) });
      if (child !== 0) {
        this.#setWord(child, parent, black);
        rebalance = 0;
      } else rebalance = (memory.pointer(successor) & 3) === black ? parent : 0;
      memory.setPointer(successor, word);
    }
    this.#augment.propagate(changed, 0);
    if (rebalance !== 0) this.#eraseColour(root, rebalance);
  }

  /** The nodes, leftmost first. */
  *nodes(root: number): Generator<number> {
    let at = this.#memory.pointer(root);
    const path: number[] = [];
    while (at !== 0 || path.length > 0) {
      for (; at !== 0; at = this.left(at)) path.push(at);
      const node = path.pop() ?? 0;
      yield node;
      at = this.right(node);
    }
  }

  #isBlack(node: number): boolean {
    return node === 0 || (this.#memory.pointer(node) & 1) === black;
  }

  #setWord(node: number, parent: number, colour: number): void {
    if (parent === 0) {
      this.#memory.setWord(node, colour);
      return;
    }
    this.#memory.setPointer(node, parent + colour);
  }

  #setParent(node: number, parent: number): void {
    this.#setWord(node, parent, this.#colour(node));
  }

  /** A root's word holds no address but its colour alone. */
  #colour(node: number): number {
    return this.#memory.u32(node) & 1;
  }

  #changeChild(root: number, from: number, by: { readonly to: number; readonly parent: number }): void {
    const { to, parent } = by;
    if (parent === 0) this.#memory.setPointer(root, to);
    else if (this.left(parent) === from) this.#memory.setPointer(parent + this.#left, to);
    else this.#memory.setPointer(parent + this.#right, to);
  }

  /** `upper` takes the place and the word of `lower`, whose parent it becomes. */
  #rotateParents(root: number, lower: number, to: { readonly upper: number; readonly colour: number }): void {
    const { upper, colour } = to;
    const parent = this.parent(lower);
    this.#setWord(upper, parent, this.#colour(lower));
    this.#setWord(lower, upper, colour);
    this.#changeChild(root, lower, { to: upper, parent });
  }

  #insertColour(root: number, inserted: number): void {
    const memory = this.#memory;
    let node = inserted;
    let parent = this.parent(node);
    for (;;) {
      if (parent === 0) {
        this.#setWord(node, 0, black);
        return;
      }
      if (this.#isBlack(parent)) return;
      const grandparent = this.parent(parent);
      const onLeft = this.left(grandparent) === parent;
      const near = onLeft ? this.#left : this.#right;
      const far = onLeft ? this.#right : this.#left;
      const uncle = memory.pointer(grandparent + far);
      if (uncle !== 0 && !this.#isBlack(uncle)) {
        this.#setWord(uncle, grandparent, black);
        this.#setWord(parent, grandparent, black);
        node = grandparent;
        parent = this.parent(node);
        this.#setWord(node, parent, red);
        continue;
      }
      let inner = memory.pointer(parent + far);
      if (node === inner) {
        inner = memory.pointer(node + near);
        memory.setPointer(parent + far, inner);
        memory.setPointer(node + near, parent);
        if (inner !== 0) this.#setWord(inner, parent, black);
        this.#setWord(parent, node, red);
        this.#augment.rotate(parent, node);
        parent = node;
        inner = memory.pointer(node + far);
      }
      memory.setPointer(grandparent + near, inner);
      memory.setPointer(parent + far, grandparent);
      if (inner !== 0) this.#setWord(inner, grandparent, black);
      this.#rotateParents(root, grandparent, { upper: parent, colour: red });
      this.#augment.rotate(grandparent, parent);
      return;
    }
  }

  #eraseColour(root: number, from: number): void {
    const memory = this.#memory;
    let parent = from;
    let node = 0;
    for (;;) {
      const onLeft = this.right(parent) !== node;
      const near = onLeft ? this.#left : this.#right;
      const far = onLeft ? this.#right : this.#left;
      let sibling = memory.pointer(parent + far);
      if (!this.#isBlack(sibling)) {
        const nephew = memory.pointer(sibling + near);
        memory.setPointer(parent + far, nephew);
        memory.setPointer(sibling + near, parent);
        this.#setWord(nephew, parent, black);
        this.#rotateParents(root, parent, { upper: sibling, colour: red });
        this.#augment.rotate(parent, sibling);
        sibling = nephew;
      }
      let outer = memory.pointer(sibling + far);
      if (this.#isBlack(outer)) {
        const inner = memory.pointer(sibling + near);
        if (this.#isBlack(inner)) {
          this.#setWord(sibling, parent, red);
          if (!this.#isBlack(parent)) {
            this.#setWord(parent, this.parent(parent), black);
            return;
          }
          node = parent;
          parent = this.parent(node);
          if (parent !== 0) continue;
          return;
        }
        const inside = memory.pointer(inner + far);
        memory.setPointer(sibling + near, inside);
        memory.setPointer(inner + far, sibling);
        memory.setPointer(parent + far, inner);
        if (inside !== 0) this.#setWord(inside, sibling, black);
        this.#augment.rotate(sibling, inner);
        outer = sibling;
        sibling = inner;
      }
      const moved = memory.pointer(sibling + near);
      memory.setPointer(parent + far, moved);
      memory.setPointer(sibling + near, parent);
      this.#setWord(outer, sibling, black);
      if (moved !== 0) this.#setParent(moved, parent);
      this.#rotateParents(root, parent, { upper: sibling, colour: black });
      this.#augment.rotate(parent, sibling);
      return;
    }
  }
}
