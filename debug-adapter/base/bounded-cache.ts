/**
 * A map of at most `capacity` entries that forgets the oldest half at once when it is full (two generations). Cheaper
 * than a linked-list LRU on the hot path: a hit in the young generation touches nothing.
 */
export class BoundedCache<Key, Value> {
  readonly #half: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  /** `capacity`: entries kept, at least 2. */
  constructor(capacity: number) {
    this.#half = Math.max(1, capacity >>> 1);
  }

  /** The value kept for `key`, which is then forgotten last; undefined where it was never kept or is forgotten. */
  get(key: Key): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** Keeps the value; may forget the older half of all others. */
  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  /** Forgets everything. */
  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }
}
