/** Long texts for other programs, made piece by piece. */

const batch = 1000;

/** A text of many parts. They are joined a batch at a time, so that joining a million of them at the end takes no time. */
export class Pieces {
  readonly #separator: string;
  readonly #joined: string[] = [];
  #parts: string[] = [];

  constructor(separator = '') {
    this.#separator = separator;
  }

  add(part: string): void {
    this.#parts.push(part);
    if (this.#parts.length === batch) this.#join();
  }

  /** The text in its order, in parts of a batch each. */
  parts(): string[] {
    this.#join();
    const { length } = this.#joined;
    return this.#joined.map((part, at) => (at < length - 1 ? part + this.#separator : part));
  }

  #join(): void {
    if (this.#parts.length > 0) this.#joined.push(this.#parts.join(this.#separator));
    this.#parts = [];
  }
}

/** The elements of an array that is a property of an object, as JSON.stringify writes it with one blank a level. */
export class JsonArray {
  readonly #elements = new Pieces(',\n');
  #empty = true;

  add(element: unknown): void {
    this.#empty = false;
    this.#elements.add(`  ${JSON.stringify(element, undefined, 1).replaceAll('\n', '\n  ')}`);
  }

  /** The text in its order, in parts. */
  parts(): string[] {
    return this.#empty ? ['[]'] : ['[\n', ...this.#elements.parts(), '\n ]'];
  }
}
