/** Long lists are answered in parts: a machine may have a million tasks. */

export interface ListPart {
  /** Entries before the first. */
  readonly start: number;
  /** Entries at most. */
  readonly count: number;
}
