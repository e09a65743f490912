/** Bytes that were written here, and the ways back and forth. */

export interface Edit {
  readonly address: bigint;
  readonly before: number;
  readonly after: number;
}

export class Edits {
  readonly #done: Edit[] = [];
  readonly #undone: Edit[] = [];
  /** Those of `#done` by their address. */
  readonly #at = new Map<bigint, Edit[]>();
  /** Whether the last write took an edit back. */
  #backwards = false;
  /** Changes with every edit. */
  version = 0;

  add(edit: Edit): void {
    this.#do(edit);
    this.#undone.length = 0;
  }

  undo(): Edit | undefined {
    const edit = this.#takeBack();
    if (edit !== undefined) this.#undone.push(edit);
    this.#backwards = true;
    return edit;
  }

  redo(): Edit | undefined {
    const edit = this.#undone.pop();
    if (edit !== undefined) this.#do(edit);
    return edit;
  }

  /** The session did not take the last write, be it an edit or one taken back. */
  refused(address: bigint): void {
    if ((this.#backwards ? this.#undone : this.#done).at(-1)?.address !== address) return;
    if (this.#backwards) this.redo();
    else this.#takeBack();
  }

  clear(): void {
    this.#done.length = 0;
    this.#undone.length = 0;
    this.#at.clear();
    this.version++;
  }

  /** Whether any of the bytes [from, to) is another than before the first write. */
  covers(from: bigint, to: bigint): boolean {
    if (this.#at.size === 0) return false;
    for (let address = from; address < to; address++) {
      const edits = this.#at.get(address);
      if (edits?.[0]?.before !== edits?.at(-1)?.after) return true;
    }
    return false;
  }

  #do(edit: Edit): void {
    this.#backwards = false;
    this.#done.push(edit);
    const edits = this.#at.get(edit.address);
    if (edits === undefined) this.#at.set(edit.address, [edit]);
    else edits.push(edit);
    this.version++;
  }

  #takeBack(): Edit | undefined {
    const edit = this.#done.pop();
    if (edit === undefined) return undefined;
    const edits = this.#at.get(edit.address);
    edits?.pop();
    if (edits?.length === 0) this.#at.delete(edit.address);
    this.version++;
    return edit;
  }
}
