/**
 * The text of the kernel's page-table dump on 32-bit arm (arch/arm/mm/dump.c), byte for byte: of short descriptors it shows
 * the kernel's own entries, not the hardware's, and the domain of each section.
 */
import type { PtdumpLine } from '../protocol/requests.ts';
import { attributeWords, PtdumpText, sizeField } from './ptdump-lines.ts';
import type { PtdumpInput } from './ptdump-lines.ts';
import { maskOf, rowText } from './ptdump-rows.ts';
import type { PtdumpRow } from './ptdump-rows.ts';
import { wholeEntry } from '../arch/table-mode.ts';

/** What arch/arm/mm/ptdump.c prints with: the kernel's own columns, and where domains are told. */
export interface ArmPtdumpInput extends PtdumpInput {
  /** Columns of an entry of the last level. */
  readonly rows: readonly PtdumpRow[];
  /** Columns of a section or block. */
  readonly sectionRows: readonly PtdumpRow[];
}

/** Lines in the order of their addresses. Throws `Cancelled`. */
export function ptdumpArm(input: ArmPtdumpInput): PtdumpLine[] {
  return new ArmText(input).run();
}

const row = (mask: bigint, value: bigint, set: string, clear?: string): PtdumpRow => ({ mask, value, set, clear });

/** Memory types of the kernel's own entries, bits 2-5 (L_PTE_MT_*). */
const shortTypes = [
  [0x0n, 'SO/UNCACHED'],
  [0x4n, 'MEM/BUFFERABLE/WC'],
  [0x8n, 'MEM/CACHED/WT'],
  [0xcn, 'MEM/CACHED/WBRA'],
  [0x18n, 'MEM/MINICACHE'],
  [0x1cn, 'MEM/CACHED/WBWA'],
  [0x10n, 'DEV/SHARED'],
  [0x30n, 'DEV/NONSHARED'],
  [0x24n, 'DEV/WC'],
  [0x2cn, 'DEV/CACHED'],
] as const;

/** With long descriptors, an index into MAIR (pgtable-3level.h). */
const longTypes = [
  [0x0n, 'SO/UNCACHED'],
  [0x4n, 'MEM/BUFFERABLE/WC'],
  [0x8n, 'MEM/CACHED/WT'],
  [0xcn, 'MEM/CACHED/WBRA'],
  [0x1cn, 'MEM/CACHED/WBWA'],
  [0x10n, 'DEV/SHARED'],
  // Two rows share their index with another: both words are printed.
  [0x4n, 'DEV/WC'],
  [0xcn, 'DEV/CACHED'],
] as const;

/** The columns of kernels whose own table cannot be read, with short descriptors (ARMv6 and later). */
export const armShortRows: Pick<ArmPtdumpInput, 'rows' | 'sectionRows'> = {
  rows: [
    row(0x100n, 0x100n, 'USR', '   '),
    row(0x80n, 0x80n, 'ro', 'RW'),
    row(0x200n, 0x200n, 'NX', 'x '),
    row(0x400n, 0x400n, 'SHD', '   '),
    ...shortTypes.map(([value, name]) => row(0x3cn, value, name)),
  ],
  sectionRows: [
    row(0x8c00n, 0x8400n, '    ro'),
    row(0x8c00n, 0x400n, '    RW'),
    row(0x8c00n, 0x800n, 'USR ro'),
    row(0x8c00n, 0xc00n, 'USR RW'),
    row(0x10n, 0x10n, 'NX', 'x '),
    row(0x1_0000n, 0x1_0000n, 'SHD', '   '),
  ],
};

/** The same with long descriptors. */
export const armLongRows: Pick<ArmPtdumpInput, 'rows' | 'sectionRows'> = {
  rows: [
    row(0x40n, 0x40n, 'USR', '   '),
    row(1n << 58n, 1n << 58n, 'ro', 'RW'),
    row(1n << 54n, 1n << 54n, 'NX', 'x '),
    row(0x300n, 0x300n, 'SHD', '   '),
    ...longTypes.map(([value, name]) => row(0x1cn, value, name)),
  ],
  sectionRows: [
    row(0x40n, 0x40n, 'USR'),
    row((1n << 58n) | 0x80n, (1n << 58n) | 0x80n, 'ro', 'RW'),
    row(1n << 54n, 1n << 54n, 'NX', 'x '),
    row(0x300n, 0x300n, 'SHD', '   '),
  ],
};

const domainMask = 0x1e0;
const domains: Readonly<Record<number, string>> = { 0: 'KERNEL ', 0x20: 'USER   ', 0x40: 'IO     ', 0x60: 'VECTORS' };

class ArmText extends PtdumpText {
  /** Sections differ in the columns of their own and the domain; one set of bits that covers both kinds serves. */
  readonly compared: { readonly low: number; readonly high: number };
  readonly #options: ArmPtdumpInput;
  readonly #masks: readonly [section: ReturnType<typeof maskOf>, page: ReturnType<typeof maskOf>];
  readonly #short: boolean;
  #started = false;
  #page = false;
  #low = 0;
  #high = 0;
  #domain = 0;
  /** Domain of the entry that points to the table being walked. */
  #tableDomain = 0;

  constructor(input: ArmPtdumpInput) {
    super(input);
    this.#options = input;
    this.#short = input.pageTable.mode.companion !== undefined;
    const section = maskOf(input.sectionRows);
    const page = maskOf(input.rows);
    this.#masks = [section, page];
    this.compared = { low: section.low | page.low | (this.#short ? domainMask : 0), high: section.high | page.high };
  }

  override enter(depth: number, low: number): void {
    if (depth < 4) this.#tableDomain = low & domainMask;
  }

  keptTable(table: number): number {
    return this.input.pageTable.mode.companion?.address(this.input.pageTable.mode.levels.length - 1, table) ?? table;
  }

  note(virtualPage: number, depth: number, low: number, high: number): void {
    const page = depth === 4;
    const mask = this.#masks[page ? 1 : 0];
    const ownLow = low & mask.low;
    const ownHigh = high & mask.high;
    const domain = !this.#short ? 0 : page ? this.#tableDomain : low & domainMask;
    if (!this.#started) {
      this.#started = true;
      this.printMarker();
    } else if (
      ownLow !== this.#low ||
      ownHigh !== this.#high ||
      domain !== this.#domain ||
      page !== this.#page ||
      virtualPage >= this.nextMarkerPage()
    ) {
      this.#endLine(virtualPage);
      if (virtualPage >= this.nextMarkerPage()) {
        this.marker++;
        this.printMarker();
      }
    } else return;
    this.start = virtualPage;
    this.#page = page;
    this.#low = ownLow;
    this.#high = ownHigh;
    this.#domain = domain;
  }

  flush(): void {
    if (this.#started) this.#endLine(0);
  }

  #endLine(endPage: number): void {
    const entry = wholeEntry(this.#low, this.#high);
    if (entry === 0n && !this.input.holes) return;
    const level = this.#page ? 'pte' : 'pmd';
    const rows = this.#page ? this.#options.rows : this.#options.sectionRows;
    const words = entry === 0n ? [] : rows.map((one) => rowText(one, entry)).filter((word) => word !== undefined);
    const domain = this.#short && entry !== 0n ? ` ${domains[this.#domain] ?? 'unknown'}` : '';
    const block = words.map((word) => ` ${word}`).join('');
    const size = sizeField(this.lengthTo(endPage) >> 10n, 'KMGTPE');
    const text = `${this.hex(this.addressOf(this.start))}-${this.hex(this.addressOf(endPage))}   ${size}${domain}${block}`;
    this.pushRegion(text, { endPage, level, attributes: attributeWords(`${domain}${block}`), present: entry !== 0n });
  }
}
