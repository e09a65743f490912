/** The text of the kernel's page-table dump on x86 (arch/x86/mm/dump_pagetables.c), 32 and 64 bit, byte for byte. */
import type { PtdumpLine } from '../protocol/requests.ts';
import { attributeWords, PtdumpText, sizeField } from './ptdump-lines.ts';
import type { PtdumpInput } from './ptdump-lines.ts';

/** What arch/x86/mm/dump_pagetables.c prints with. */
export interface X86PtdumpInput extends PtdumpInput {
  /** High half of the memory-encryption bit, which counts as a flag. */
  readonly encryptionHigh: number;
}

const levelNames = ['pgd', 'p4d', 'pud', 'pmd', 'pte'] as const;
const present = 0x1;
const writable = 0x2;
const user = 0x4;
const pageSizeBit = 0x80;
const noExecuteHigh = 0x8000_0000;
/** _PAGE_TABLE and what page-table isolation adds: anything else in a top-level entry is bad (pgd_bad, p4d_bad). */
const tableFlags = 0x67;
const blank = ' '.repeat(30);

/** Lines in the order of their addresses. Throws `Cancelled`. */
export function ptdumpX86(input: X86PtdumpInput): PtdumpLine[] {
  return new X86Text(input).run();
}

/** struct pg_state and note_page(). */
class X86Text extends PtdumpText {
  readonly compared: { readonly low: number; readonly high: number };
  /** Effective rights by depth: USER and RW of all levels, NX of any (bit 31). */
  readonly #effective = new Int32Array(5);
  /** By depth, the depth of the level above. With the p4d folded into the pgd, depth 2 follows depth 0. */
  readonly #above: readonly number[];
  readonly #rootCanBeBad: boolean;
  readonly #twoLevels: boolean;
  #started = false;
  #linesUnderMarker = 0;
  #low = 0;
  #high = 0;
  #lineEffective = 0;
  #depth = 0;

  constructor(input: X86PtdumpInput) {
    super(input);
    const { mode } = input.pageTable;
    this.compared = { low: 0xfff, high: 0xfff0_0000 | input.encryptionHigh };
    const above = [0, 0, 0, 0, 0];
    for (const [index, level] of mode.levels.entries()) above[level.depth] = mode.levels[index - 1]?.depth ?? 0;
    this.#above = above;
    // 32-bit x86 folds the levels whose entries could be bad: its pgd_bad is 0 whatever the entry holds.
    this.#rootCanBeBad = mode.addressBits === 64;
    this.#twoLevels = mode.levels.length === 2;
  }

  override enter(depth: number, low: number, high: number): void {
    const own = (low & (writable | user)) | (high & noExecuteHigh);
    if (depth === 0) this.#effective[0] = own;
    else {
      const above = this.#effective[this.#above[depth] ?? 0] ?? 0;
      this.#effective[depth] = (above & own & (writable | user)) | ((above | own) & noExecuteHigh);
    }
  }

  /** p?d_leaf() looks at the size bit alone, whether the entry is present or not. */
  override isLeaf(level: number, low: number): boolean {
    const depth = this.input.pageTable.mode.levels[level]?.depth ?? 4;
    return (depth === 2 || depth === 3 || (depth === 0 && this.#twoLevels)) && (low & pageSizeBit) !== 0;
  }

  override isBad(level: number, low: number): boolean {
    const depth = this.input.pageTable.mode.levels[level]?.depth ?? 4;
    return this.#rootCanBeBad && depth <= 1 && (low & 0xfff & ~tableFlags) !== 0;
  }

  note(virtualPage: number, entryDepth: number, low: number, high: number): void {
    const flagsLow = low & this.compared.low;
    const flagsHigh = high & this.compared.high;
    const hole = low === 0 && high === 0;
    const effective = hole ? 0 : (this.#effective[entryDepth] ?? 0);
    // With two levels the kernel calls a hole of the top level pgd, and a large page there pmd.
    const depth = this.#twoLevels && entryDepth === 0 && !hole ? 3 : entryDepth;
    const first = !this.#started;
    if (
      !first &&
      flagsLow === this.#low &&
      flagsHigh === this.#high &&
      effective === this.#lineEffective &&
      depth === this.#depth &&
      virtualPage < this.nextMarkerPage()
    ) {
      return;
    }
    this.#started = true;
    if (!first) this.#endLine(virtualPage);
    this.start = virtualPage;
    this.#depth = depth;
    this.#low = flagsLow;
    this.#high = flagsHigh;
    this.#lineEffective = effective;
    if (first) this.printMarker();
  }

  flush(): void {
    if (this.#started) this.#endLine(0);
  }

  /** Ends the open line, and passes one marker at most: a second one waits for the next line. */
  #endLine(virtualPage: number): void {
    const maxLines = this.input.markers[this.marker]?.maxLines ?? 0;
    if (maxLines === 0 || this.#linesUnderMarker < maxLines) this.#printLine(virtualPage);
    this.#linesUnderMarker++;
    if (virtualPage < this.nextMarkerPage()) return;
    if (maxLines > 0 && this.#linesUnderMarker > maxLines) {
      const skipped = this.#linesUnderMarker - maxLines;
      this.lines.push({ text: `... ${skipped} entr${skipped === 1 ? 'y' : 'ies'} skipped ... `, region: null, marker: null });
    }
    this.marker++;
    this.#linesUnderMarker = 0;
    this.printMarker();
  }

  #printLine(endPage: number): void {
    const level = levelNames[this.#depth] ?? 'pte';
    const block = this.#attributes();
    const range = `${this.hex(this.addressOf(this.start))}-${this.hex(this.addressOf(endPage))}`;
    const text = `${range}   ${sizeField(this.lengthTo(endPage), 'BKMGTPE')} ${block}${level}`;
    this.pushRegion(text, { endPage, level, attributes: attributeWords(block), present: (this.#low & present) !== 0 });
  }

  #attributes(): string {
    const low = this.#low;
    if ((low & present) === 0) return blank;
    const word = (bit: number, text: string): string => ((low & bit) === 0 ? '    ' : text);
    const rights = (low & writable) === 0 ? 'ro ' : 'RW ';
    const large = this.#depth <= 3 ? word(pageSizeBit, 'PSE ') : '    ';
    const pat = this.#depth === 4 ? word(pageSizeBit, 'PAT ') : '    ';
    const execute = (this.#high & noExecuteHigh) === 0 ? 'x  ' : 'NX ';
    return `${word(user, 'USR ')}${rights}${word(0x8, 'PWT ')}${word(0x10, 'PCD ')}${large}${pat}${word(0x100, 'GLB ')}${execute}`;
  }
}
