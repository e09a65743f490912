/** Lists that are read as far as anybody asked for them: a machine may have a million tasks, or vmap_areas. */

/** What an iterator gives is kept in its order; where it throws, so does everybody who asks for what lies behind. */
export class LazyList<Item> {
  readonly #read: Item[] = [];
  readonly #rest: Iterator<Item, undefined>;
  #failure: { readonly error: unknown } | undefined;

  constructor(rest: Iterator<Item, undefined>) {
    this.#rest = rest;
  }

  /** All items; `count` reads as few as the first ones. */
  first(count = Number.POSITIVE_INFINITY): readonly Item[] {
    this.#readTo(count);
    return count < this.#read.length ? this.#read.slice(0, count) : this.#read;
  }

  /** `count` items behind the first `start`, or as many as there are. */
  part(start: number, count: number): readonly Item[] {
    this.#readTo(start + count);
    return this.#read.slice(start, start + count);
  }

  /** Undefined behind the last. */
  at(index: number): Item | undefined {
    this.#readTo(index + 1);
    return this.#read[index];
  }

  /** The first that is wanted; those behind it are not read. */
  find(isWanted: (item: Item) => boolean): Item | undefined {
    let found = this.#read.find(isWanted);
    while (found === undefined) {
      const next = this.#next();
      if (next === undefined) return undefined;
      if (isWanted(next)) found = next;
    }
    return found;
  }

  /** Item by item, each read when it is asked for. */
  *items(): Generator<Item, undefined> {
    for (let index = 0; ; index++) {
      const item = this.at(index);
      if (item === undefined) return undefined;
      yield item;
    }
  }

  #readTo(count: number): void {
    while (this.#read.length < count) if (this.#next() === undefined) return;
  }

  #next(): Item | undefined {
    // An iterator that threw says next time that it is done.
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      const next = this.#rest.next();
      if (next.done === true) return undefined;
      this.#read.push(next.value);
      return next.value;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

/** Lists that ascend each for itself, as one that ascends; no further is read in any than its first item that is not yet told. */
export function* merged<Item>(lists: readonly LazyList<Item>[], isBefore: (one: Item, other: Item) => boolean): Generator<Item, undefined> {
  const heads = lists.map((list) => ({ list, place: 0 }));
  for (;;) {
    let first: { readonly item: Item; readonly head: { place: number } } | undefined;
    for (const head of heads) {
      const item = head.list.at(head.place);
      if (item !== undefined && (first === undefined || isBefore(item, first.item))) first = { item, head };
    }
    if (first === undefined) return undefined;
    first.head.place++;
    yield first.item;
  }
}
