/** Bytes that were written here, and the ways back and forth. */

interface Edit {
  readonly address: bigint;
  readonly before: number;
  readonly after: number;
}

export class Edits {
  readonly #done: Edit[] = [];
  readonly #undone: Edit[] = [];

  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  add(address: bigint, before: number, after: number): void {
    this.#done.push({ address, before, after });
    this.#undone.length = 0;
  }

  undo(): Edit | undefined {
    const edit = this.#done.pop();
    if (edit !== undefined) this.#undone.push(edit);
    return edit;
  }

  redo(): Edit | undefined {
    const edit = this.#undone.pop();
    if (edit !== undefined) this.#done.push(edit);
    return edit;
  }

  /** The session did not take it. */
  refused(address: bigint): void {
    if (this.#done.at(-1)?.address === address) this.#done.pop();
  }

  clear(): void {
    this.#done.length = 0;
    this.#undone.length = 0;
  }

  /** Whether the byte is another than before the first write. */
  has(address: bigint): boolean {
    const first = this.#done.find((edit) => edit.address === address);
    const last = this.#done.findLast((edit) => edit.address === address);
    return first !== undefined && last !== undefined && first.before !== last.after;
  }
}
