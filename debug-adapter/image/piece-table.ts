/** Runs of RAM in columns: a dump may have millions, and an object for each would fill memory. */

export const pieceState = { present: 0, truncated: 1, notWritten: 2 } as const;

/** Ascending and disjoint runs [start, end) of physical memory in bytes, each with a state and a place in the file. */
export class PieceTable {
  count = 0;
  starts = new Float64Array(64);
  ends = new Float64Array(64);
  fileOffsets = new Float64Array(64);
  states = new Uint8Array(64);

  /** Adds a run; empty ones are dropped. */
  add(start: number, end: number, place: { state: number; fileOffset: number }): void {
    if (end <= start) return;
    if (this.count === this.starts.length) this.#grow();
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.fileOffsets[this.count] = place.fileOffset;
    this.states[this.count++] = place.state;
  }

  /** Start of a run; infinity behind the last one. */
  start(index: number): number {
    return index < this.count ? (this.starts[index] ?? 0) : Number.POSITIVE_INFINITY;
  }

  /** First address behind piece `index`; infinity behind the last piece. */
  end(index: number): number {
    return index < this.count ? (this.ends[index] ?? 0) : Number.POSITIVE_INFINITY;
  }

  /** Index of the run that holds `address`, or the complement of the index of the first run above it. */
  find(address: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (address < this.start(middle)) high = middle;
      else if (address >= this.end(middle)) low = middle + 1;
      else return middle;
    }
    return ~low;
  }

  #grow(): void {
    const { starts, ends, fileOffsets, states } = this;
    const capacity = starts.length * 2;
    this.starts = new Float64Array(capacity);
    this.starts.set(starts);
    this.ends = new Float64Array(capacity);
    this.ends.set(ends);
    this.fileOffsets = new Float64Array(capacity);
    this.fileOffsets.set(fileOffsets);
    this.states = new Uint8Array(capacity);
    this.states.set(states);
  }

  /** The same runs in ascending order of their starts. */
  sorted(): PieceTable {
    let ascending = true;
    for (let index = 1; index < this.count && ascending; index++) ascending = this.start(index - 1) <= this.start(index);
    if (ascending) return this;
    const order = Uint32Array.from({ length: this.count }, (_, index) => index).sort((a, b) => this.start(a) - this.start(b));
    const result = new PieceTable();
    for (const index of order) result.#copy(this, index, this.start(index));
    return result;
  }

  /** Adds the part of a run of `other` from `start` on, up to `end` or its own end. */
  #copy(other: PieceTable, index: number, start: number, end = other.end(index)): void {
    const fileOffset = (other.fileOffsets[index] ?? 0) + start - other.start(index);
    this.add(start, end, { state: other.states[index] ?? 0, fileOffset });
  }

  /** These runs, and of `more`, in ascending order of starts and overlapping as they may, what lies in the gaps. */
  with(more: PieceTable): PieceTable {
    if (more.count === 0) return this;
    const result = new PieceTable();
    let next = 0;
    let covered = 0;
    for (let index = 0; index < more.count; index++) {
      const end = more.end(index);
      let at = Math.max(more.start(index), covered);
      while (at < end) {
        // Runs of this table go before, so that the result is ascending.
        for (; this.end(next) <= at; next++) result.#copy(this, next, this.start(next));
        const until = Math.min(end, Math.max(at, this.start(next)));
        result.#copy(more, index, at, until);
        at = until === end ? until : this.end(next);
      }
      covered = Math.max(covered, end);
    }
    for (; next < this.count; next++) result.#copy(this, next, this.start(next));
    return result;
  }
}
