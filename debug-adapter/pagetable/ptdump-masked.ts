/** Page-table dumps whose lines end where the level or one of the bits in a table of columns changes. */
import { wholeEntry } from '../arch/table-mode.ts';
import { PtdumpText } from './ptdump-lines.ts';
import type { PtdumpInput } from './ptdump-lines.ts';
import { maskOf } from './ptdump-rows.ts';
import type { PtdumpRow } from './ptdump-rows.ts';

/** Collects lines; a subclass prints each (`endLine`). `rows` are the kernel's table of masks and texts, level by level. */
export abstract class MaskedText extends PtdumpText {
  readonly compared: { readonly low: number; readonly high: number };
  protected readonly rows: readonly PtdumpRow[];
  /** Of the open line. */
  protected depth = 0;
  #started = false;
  #low = 0;
  #high = 0;

  constructor(input: PtdumpInput & { readonly rows: readonly PtdumpRow[] }) {
    super(input);
    this.rows = input.rows;
    this.compared = maskOf(input.rows);
  }

  note(virtualPage: number, depth: number, low: number, high: number): void {
    const ownLow = low & this.compared.low;
    const ownHigh = high & this.compared.high;
    const first = !this.#started;
    if (first || ownLow !== this.#low || ownHigh !== this.#high || depth !== this.depth || virtualPage >= this.nextMarkerPage()) {
      this.#started = true;
      if (first) this.printMarker();
      else this.endLine(virtualPage);
      if (!first) this.passed(virtualPage);
      this.start = virtualPage;
      this.depth = depth;
      this.#low = ownLow;
      this.#high = ownHigh;
      this.began(low, high);
    }
    this.noted(virtualPage);
  }

  flush(): void {
    if (this.#started) this.endLine(this.lastPage());
  }

  /** The bits of the open line that the columns show. */
  protected entry(): bigint {
    return wholeEntry(this.#low, this.#high);
  }

  /** Prints the open line. */
  protected abstract endLine(endPage: number): void;

  /** Passes markers at a line's end. */
  protected passed(virtualPage: number): void {
    this.passMarkers(virtualPage);
  }

  /** A line begins with this entry. */
  protected began(_low: number, _high: number): void {
    // Only the dumps that show physical addresses keep the first one.
  }

  /** After every note. */
  protected noted(_virtualPage: number): void {
    // Only arm64 passes markers here.
  }

  /** Page at which the last line ends: 0, the top of the space, but where a lower half is all that is walked. */
  protected lastPage(): number {
    const { ranges } = this.input;
    const end = ranges.at(-1)?.end ?? 0;
    return ranges.length === 1 && ranges[0]?.start === 0 && end < 2 ** 52 ? end : 0;
  }
}
