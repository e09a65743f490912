/**
 * A page-table dump for architectures whose kernels have none, or (arm) one of its own: the lines of the generic dump
 * with each entry's flags by name.
 */
import type { PtdumpLine } from '../protocol/requests.ts';
import { sameWords } from './ptdump-diff.ts';
import { PtdumpText, sizeField } from './ptdump-lines.ts';
import type { PtdumpInput } from './ptdump-lines.ts';

/** Lines in the order of their addresses, their columns being the paging mode's own flag names. Throws `Cancelled`. */
export function ptdumpFlags(input: PtdumpInput): PtdumpLine[] {
  return new FlagsText(input).run();
}

class FlagsText extends PtdumpText {
  /** Which bits are flags is known to the mode alone. */
  readonly compared = { low: -1, high: -1 };
  #started = false;
  #depth = 0;
  #mapped = false;
  #words: readonly string[] = [];
  /** Entry whose words are known, without its frame: neighbours are mostly alike. */
  readonly #wordsOf = new Map<string, readonly string[]>();

  note(virtualPage: number, depth: number, low: number, high: number): void {
    const mapped = low !== 0 || high !== 0;
    const words = mapped ? this.#describe(depth, low, high) : [];
    if (!this.#started) {
      this.#started = true;
      this.printMarker();
    } else if (depth !== this.#depth || mapped !== this.#mapped || !sameWords(words, this.#words) || virtualPage >= this.nextMarkerPage()) {
      this.#endLine(virtualPage);
      this.passMarkers(virtualPage);
    } else return;
    this.start = virtualPage;
    this.#depth = depth;
    this.#mapped = mapped;
    this.#words = words;
  }

  flush(): void {
    if (this.#started) this.#endLine(this.input.ranges.at(-1)?.end ?? 0);
  }

  #describe(depth: number, low: number, high: number): readonly string[] {
    const { mode } = this.input.pageTable;
    const level = mode.levels.findIndex((one) => one.depth === depth);
    const flags = [...mode.flags(level, low, high)];
    const cache = mode.cacheType(level, low, high);
    if (cache !== undefined) flags.push(cache);
    const key = flags.join(' ');
    const known = this.#wordsOf.get(key);
    if (known !== undefined) return known;
    this.#wordsOf.set(key, flags);
    return flags;
  }

  #endLine(endPage: number): void {
    if (!this.#mapped && !this.input.holes) return;
    const level = this.input.pageTable.mode.levels.find((one) => one.depth === this.#depth)?.name ?? 'pte';
    const words = this.#words.map((word) => ` ${word}`).join('');
    const size = sizeField(this.lengthTo(endPage) >> 10n, 'KMGTPE');
    const text = `${this.hex(this.addressOf(this.start))}-${this.hex(this.addressOf(endPage))}   ${size} ${level}${words}`;
    this.pushRegion(text, { endPage, level, attributes: this.#words, present: this.#mapped });
  }
}
