/** The text of the kernel's page-table dump on s390 (arch/s390/mm/dump_pagetables.c), byte for byte. */
import type { PtdumpLine } from '../protocol/requests.ts';
import { attributeWords, PtdumpText, sizeField } from './ptdump-lines.ts';
import type { PtdumpInput } from './ptdump-lines.ts';

const levelNames = ['ASCE', 'PGD', 'PUD', 'PMD', 'PTE'] as const;
const protect = 0x200;
const noExecute = 0x100;
const invalid = 0x400;
const large = 0x400;

/** Lines in the order of their addresses. Throws `Cancelled`. */
export function ptdumpS390(input: PtdumpInput): PtdumpLine[] {
  return new S390Text(input).run();
}

class S390Text extends PtdumpText {
  readonly compared = { low: protect | noExecute | invalid, high: 0 };
  #started = false;
  #depth = 0;
  #rights = 0;

  override isLeaf(level: number, low: number, high: number): boolean {
    const depth = this.input.pageTable.mode.levels[level]?.depth ?? 4;
    return super.isLeaf(level, low, high) || (depth >= 2 && depth < 4 && (low & large) !== 0);
  }

  note(virtualPage: number, depth: number, low: number, high: number): void {
    let rights = low & (protect | noExecute);
    if (depth === 4 ? (low & invalid) !== 0 : low === 0 && high === 0) rights = invalid;
    // A hole that stands for an entry which the kernel sees as empty comes with zero halves, also in a page table.
    if (!this.#started) {
      this.#started = true;
      this.printMarker();
    } else if (rights !== this.#rights || depth !== this.#depth || virtualPage >= this.nextMarkerPage()) {
      this.#endLine(virtualPage);
    } else return;
    this.start = virtualPage;
    this.#depth = depth;
    this.#rights = rights;
    this.passMarkers(virtualPage);
  }

  flush(): void {
    const end = this.input.ranges.at(-1)?.end ?? 0;
    if (!this.#started) return;
    this.#endLine(end);
    this.passMarkers(end);
  }

  #endLine(endPage: number): void {
    const level = levelNames[this.#depth] ?? 'PTE';
    const mapped = this.#rights !== invalid;
    const rights = mapped ? `${(this.#rights & protect) === 0 ? 'RW ' : 'RO '}${(this.#rights & noExecute) === 0 ? 'X' : 'NX'}` : 'I';
    const size = sizeField(this.lengthTo(endPage) >> 10n, 'KMGTPE');
    const text = `${this.hex(this.addressOf(this.start))}-${this.hex(this.addressOf(endPage))} ${size} ${level} ${rights}`;
    this.pushRegion(text, { endPage, level: level.toLowerCase(), attributes: attributeWords(rights), present: mapped });
  }
}
