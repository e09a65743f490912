/** The text of the kernel's page-table dump on 64-bit powerpc (arch/powerpc/mm/ptdump), byte for byte. */
import { wholeEntry } from '../arch/table-mode.ts';
import type { PtdumpLine } from '../protocol/requests.ts';
import { attributeWords, sizeField } from './ptdump-lines.ts';
import type { PtdumpInput } from './ptdump-lines.ts';
import { MaskedText } from './ptdump-masked.ts';
import { rowText } from './ptdump-rows.ts';
import type { PtdumpRow } from './ptdump-rows.ts';

/** What arch/powerpc/mm/ptdump/ptdump.c prints with: the kernel's own columns. */
export interface PowerpcPtdumpInput extends PtdumpInput {
  readonly rows: readonly PtdumpRow[];
}

/** Lines in the order of their addresses. Throws `Cancelled`. */
export function ptdumpPowerpc(input: PowerpcPtdumpInput): PtdumpLine[] {
  return new PowerpcText(input).run();
}

const levelNames = ['pgd', 'p4d', 'pud', 'pmd', 'pte'] as const;
const frameHigh = 0x001f_ffff;

/** The rows of 6.12 that a radix entry can show, for kernels whose own table cannot be read (book3s64.c). */
export const powerpcRows: readonly PtdumpRow[] = [
  { mask: 0x8n, value: 0n, set: 'user', clear: '    ' },
  { mask: 0x4n, value: 0x4n, set: 'r', clear: ' ' },
  { mask: 0x2n, value: 0x2n, set: 'w', clear: ' ' },
  { mask: 0x1n, value: 0x1n, set: ' X ', clear: '   ' },
  { mask: 1n << 62n, value: 1n << 62n, set: 'pte', clear: '   ' },
  { mask: 1n << 63n, value: 1n << 63n, set: 'valid', clear: '     ' },
  { mask: (1n << 63n) | (1n << 61n), value: 0n, set: '       ', clear: 'present' },
  { mask: 1n << 56n, value: 1n << 56n, set: 'hpte', clear: '    ' },
  { mask: 0x80n, value: 0x80n, set: 'dirty', clear: '     ' },
  { mask: 0x100n, value: 0x100n, set: 'accessed', clear: '        ' },
  { mask: 0x20n, value: 0x20n, set: 'non-idempotent', clear: '              ' },
  { mask: 0x30n, value: 0x30n, set: 'tolerant', clear: '        ' },
  { mask: 0x400n, value: 0x400n, set: 'special', clear: undefined },
];

class PowerpcText extends MaskedText {
  #frame = 0n;

  protected override began(low: number, high: number): void {
    this.#frame = wholeEntry(low & 0xffff_f000, high & frameHigh);
  }

  protected endLine(endPage: number): void {
    const entry = this.entry();
    if (entry === 0n && !this.input.holes) return;
    const last = BigInt.asUintN(this.input.pageTable.mode.addressBits, this.addressOf(endPage) - 1n);
    const words = entry === 0n ? [] : this.rows.map((row) => rowText(row, entry)).filter((word) => word !== undefined);
    const block = words.map((word) => `  ${word}`).join('');
    const size = sizeField(this.lengthTo(endPage), ' KMGTPE');
    const text = `${this.hex(this.addressOf(this.start))}-${this.hex(last)}  ${this.hex(this.#frame)} ${size} ${block}`;
    const level = levelNames[this.depth] ?? 'pte';
    this.pushRegion(text, { endPage, level, attributes: attributeWords(block), present: entry >> 63n !== 0n });
  }
}
