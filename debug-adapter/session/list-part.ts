/** Long lists are answered in parts: a machine may have a million tasks. */

export interface ListPart {
  /** Entries before the first. */
  readonly start: number;
  /** Entries at most. */
  readonly count: number;
}

/** A part of what a list has by a text. */
export interface FilteredPart extends ListPart {
  /** Number or name hold it, in any case. */
  readonly filter?: string | undefined;
}
