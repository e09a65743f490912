/** The text of the kernel's page-table dump on arm64 (arch/arm64/mm/ptdump.c), byte for byte. */
import type { PtdumpLine } from '../protocol/requests.ts';
import { attributeWords, sizeField } from './ptdump-lines.ts';
import type { PtdumpInput } from './ptdump-lines.ts';
import { MaskedText } from './ptdump-masked.ts';
import { rowText } from './ptdump-rows.ts';
import type { PtdumpRow } from './ptdump-rows.ts';

/** What arch/arm64/mm/ptdump.c prints with: the kernel's own columns and names of levels. */
export interface Arm64PtdumpInput extends PtdumpInput {
  readonly rows: readonly PtdumpRow[];
  /** Level names by depth. */
  readonly levelNames: readonly string[];
  /** Page at which the last line ends where the walk does not go to the top of the space; 0 otherwise. */
  readonly endPage: number;
}

/** Lines in the order of their addresses. Throws `Cancelled`. */
export function ptdumpArm64(input: Arm64PtdumpInput): PtdumpLine[] {
  return new Arm64Text(input).run();
}

/** The rows of 6.12, for kernels whose own table cannot be read. Names: pte_bits in arch/arm64/mm/ptdump.c. */
export const arm64Rows: readonly PtdumpRow[] = [
  { mask: 1n, value: 1n, set: ' ', clear: 'F' },
  { mask: 0x40n, value: 0x40n, set: 'USR', clear: '   ' },
  { mask: 0x80n, value: 0x80n, set: 'ro', clear: 'RW' },
  { mask: 1n << 53n, value: 1n << 53n, set: 'NX', clear: 'x ' },
  { mask: 0x300n, value: 0x300n, set: 'SHD', clear: '   ' },
  { mask: 0x400n, value: 0x400n, set: 'AF', clear: '  ' },
  { mask: 0x800n, value: 0x800n, set: 'NG', clear: '  ' },
  { mask: 1n << 52n, value: 1n << 52n, set: 'CON', clear: '   ' },
  { mask: 2n, value: 2n, set: '   ', clear: 'BLK' },
  { mask: 1n << 54n, value: 1n << 54n, set: 'UXN', clear: '   ' },
  { mask: 1n << 50n, value: 1n << 50n, set: 'GP', clear: '  ' },
  { mask: 0x1cn, value: 0xcn, set: 'DEVICE/nGnRnE', clear: undefined },
  { mask: 0x1cn, value: 0x10n, set: 'DEVICE/nGnRE', clear: undefined },
  { mask: 0x1cn, value: 0x8n, set: 'MEM/NORMAL-NC', clear: undefined },
  { mask: 0x1cn, value: 0n, set: 'MEM/NORMAL', clear: undefined },
  { mask: 0x1cn, value: 0x4n, set: 'MEM/NORMAL-TAGGED', clear: undefined },
];

class Arm64Text extends MaskedText {
  readonly #options: Arm64PtdumpInput;

  constructor(input: Arm64PtdumpInput) {
    super(input);
    this.#options = input;
  }

  protected override passed(virtualPage: number): void {
    if (virtualPage < this.nextMarkerPage()) return;
    this.marker++;
    this.printMarker();
  }

  /** One marker more is passed at the end of every note, without a line. */
  protected override noted(virtualPage: number): void {
    this.passed(virtualPage);
  }

  protected override lastPage(): number {
    return this.#options.endPage;
  }

  protected endLine(endPage: number): void {
    const entry = this.entry();
    const name = this.#options.levelNames[this.depth] ?? 'PTE';
    const words = entry === 0n ? [] : this.rows.map((row) => rowText(row, entry)).filter((word) => word !== undefined);
    const size = sizeField(this.lengthTo(endPage) >> 10n, 'KMGTPE');
    const block = words.map((word) => ` ${word}`).join('');
    const text = `${this.hex(this.addressOf(this.start))}-${this.hex(this.addressOf(endPage))}   ${size} ${name}${block}`;
    this.pushRegion(text, { endPage, level: name.toLowerCase(), attributes: attributeWords(block), present: entry !== 0n });
  }
}
