/** The text of the kernel's page-table dump on riscv (arch/riscv/mm/ptdump.c), byte for byte. */
import type { PtdumpLine } from '../protocol/requests.ts';
import { attributeWords, sizeField } from './ptdump-lines.ts';
import type { PtdumpInput } from './ptdump-lines.ts';
import { MaskedText } from './ptdump-masked.ts';
import type { PtdumpRow } from './ptdump-rows.ts';

/** What arch/riscv/mm/ptdump.c prints with: the kernel's own columns and names of levels. */
export interface RiscvPtdumpInput extends PtdumpInput {
  readonly rows: readonly PtdumpRow[];
  /** Level names by depth. */
  readonly levelNames: readonly string[];
}

/** Lines in the order of their addresses. Throws `Cancelled`. */
export function ptdumpRiscv(input: RiscvPtdumpInput): PtdumpLine[] {
  return new RiscvText(input).run();
}

const software = 0x300n;
const memoryType = 3n << 61n;

/** The rows of 6.12, for kernels whose own table cannot be read. Names: pte_bits in arch/riscv/mm/ptdump.c. */
export const riscvRows: readonly PtdumpRow[] = [
  { mask: 1n << 63n, value: 0n, set: 'N', clear: '.' },
  { mask: memoryType, value: 0n, set: 'MT(%s)', clear: '  ..  ' },
  { mask: software, value: 0n, set: 'RSW(%d)', clear: '  ..  ' },
  { mask: 0x80n, value: 0n, set: 'D', clear: '.' },
  { mask: 0x40n, value: 0n, set: 'A', clear: '.' },
  { mask: 0x20n, value: 0n, set: 'G', clear: '.' },
  { mask: 0x10n, value: 0n, set: 'U', clear: '.' },
  { mask: 0x8n, value: 0n, set: 'X', clear: '.' },
  { mask: 0x4n, value: 0n, set: 'W', clear: '.' },
  { mask: 0x2n, value: 0n, set: 'R', clear: '.' },
  { mask: 0x1n, value: 0n, set: 'V', clear: '.' },
];

class RiscvText extends MaskedText {
  readonly #options: RiscvPtdumpInput;
  #frame = 0;

  constructor(input: RiscvPtdumpInput) {
    super(input);
    this.#options = input;
  }

  protected override began(low: number, high: number): void {
    const { mode } = this.input.pageTable;
    const level = mode.levels.findIndex((one) => one.depth === this.depth);
    this.#frame = low === 0 && high === 0 ? 0 : mode.leafAddress(level, low, high);
  }

  protected endLine(endPage: number): void {
    const entry = this.entry();
    const name = this.#options.levelNames[this.depth] ?? 'PTE';
    const range = `${this.hex(this.addressOf(this.start))}-${this.hex(this.addressOf(endPage))}   `;
    const size = sizeField(this.lengthTo(endPage) >> 10n, 'KMGTPE');
    if (entry === 0n) {
      if (!this.input.holes) return;
      const text = `${range} ${' '.repeat(this.hex(0n).length)} ${size} ${name}`;
      this.pushRegion(text, { endPage, level: name.toLowerCase(), attributes: [], present: false });
      return;
    }
    const block = this.rows.map((row) => ` ${columnOf(row, entry)}`).join('');
    const text = `${range} ${this.hex(BigInt(this.#frame))} ${size} ${name}${block}`;
    const attributes = attributeWords(block).filter((word) => !/^\.+$/.test(word));
    this.pushRegion(text, { endPage, level: name.toLowerCase(), attributes, present: (entry & 1n) !== 0n });
  }
}

function columnOf(row: PtdumpRow, entry: bigint): string {
  const value = entry & row.mask;
  if (value === 0n) return row.clear ?? '';
  if (row.mask === software) return row.set.replace('%d', String(value >> 8n));
  if (row.mask === memoryType) return row.set.replace('%s', ['', 'NC', 'IO', '??'][Number(value >> 61n)] ?? '??');
  return row.set;
}
