/** Findings by the pages that they lie in: asked for every row that is drawn, however many there are. */
import type { FindingFacts } from '../../debug-adapter/protocol/facts.ts';
import { pageOf } from './table.ts';

export class FindingPages {
  /** Ascending by page. */
  readonly #all: readonly { readonly page: number; readonly finding: FindingFacts }[];

  constructor(findings: readonly FindingFacts[]) {
    this.#all = findings.map((finding) => ({ page: pageOf(finding.virtual), finding })).sort((one, other) => one.page - other.page);
  }

  get count(): number {
    return this.#all.length;
  }

  /** Where each lies, and what it says. */
  get marks(): { page: number; message: string }[] {
    return this.#all.map(({ page, finding }) => ({ page, message: finding.message }));
  }

  /** Those of the pages [from, to). */
  within(from: number, to: number): FindingFacts[] {
    let [low, high] = [0, this.#all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#all[middle]?.page ?? 0) < from) low = middle + 1;
      else high = middle;
    }
    let end = low;
    while ((this.#all[end]?.page ?? Infinity) < to) end++;
    return this.#all.slice(low, end).map(({ finding }) => finding);
  }
}
