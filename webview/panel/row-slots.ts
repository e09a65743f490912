/**
 * Which element of a list shows which row: a row that stays in view keeps its element as it is, and the element of one that
 * leaves is taken by one that comes. So scrolling by three rows draws three rows, makes no element and moves none in the
 * document, where each has its place of its own.
 */

export interface SlottedRow {
  /** Names the row among those in view. */
  readonly id: number | string;
  /** Rows of one shape have the same elements. */
  readonly shape: string;
}

/** A row and the element that shows it. */
export interface Slotted<Row> {
  readonly row: Row;
  /** Names the element; to be the key of `repeat`. */
  readonly slot: number;
}

export class RowSlots {
  /** In the order of the document. */
  #held = new Map<number, SlottedRow>();
  #next = 0;

  /**
   * The rows that are in view now, in the order in which they are to stand in the document: while `moving` each where its
   * element is; at rest as they follow each other, for that is how they are read aloud.
   */
  arrange<Row extends SlottedRow>(rows: readonly Row[], moving: boolean): Slotted<Row>[] {
    const wanted = new Map(rows.map((row) => [row.id, row]));
    const slotOf = new Map<Row, number>();
    const free = new Map<string, number[]>();
    for (const [slot, { id, shape }] of this.#held) {
      const stays = wanted.get(id);
      if (stays?.shape === shape) slotOf.set(stays, slot);
      else free.set(shape, [...(free.get(shape) ?? []), slot]);
    }
    for (const row of rows) if (!slotOf.has(row)) slotOf.set(row, free.get(row.shape)?.shift() ?? this.#next++);
    const arranged = rows.map((row) => ({ row, slot: slotOf.get(row) ?? 0 }));
    if (moving) {
      const place = new Map([...this.#held.keys()].map((slot, at) => [slot, at]));
      arranged.sort((one, other) => (place.get(one.slot) ?? Infinity) - (place.get(other.slot) ?? Infinity) || 0);
    }
    this.#held = new Map(arranged.map(({ row: { id, shape }, slot }) => [slot, { id, shape }]));
    return arranged;
  }
}
