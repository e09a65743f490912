/** The text of the kernel's page-table dump on x86 (arch/x86/mm/dump_pagetables.c), byte for byte. */
import { formatAddress, formatPaddedAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { neverCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import type { PtdumpLine } from '../protocol/requests.ts';
import type { PageTable } from './page-table.ts';
import { walkForPtdump } from './ptdump-walk.ts';
import type { PtdumpVisitor } from './ptdump-walk.ts';

export interface PtdumpMarker {
  readonly address: Address;
  readonly name: string;
  /** Lines printed under the marker at most; 0 without limit. */
  readonly maxLines: number;
}

export interface X86PtdumpOptions {
  readonly pageTable: PageTable;
  /** Ascending; a dump ends at the last marker or at the top of the space. */
  readonly markers: readonly PtdumpMarker[];
  /** Ranges [start, end) in virtual pages. */
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
  /** Hexadecimal digits of an address: 16 or 8. */
  readonly digits: number;
  /** Physical addresses of KASAN's shared early shadow tables by the depth of the entry that points to them, and the shared pte. */
  readonly kasan: { readonly tables: ReadonlyMap<number, number>; readonly low: number; readonly high: number } | undefined;
  /** High half of the memory-encryption bit, which counts as a flag. */
  readonly encryptionHigh: number;
  readonly token: CancellationToken | undefined;
  /** Told of every table that cannot be read. */
  readonly unreadable: (virtual: bigint, depth: number, table: number) => void;
}

const levelNames = ['pgd', 'p4d', 'pud', 'pmd', 'pte'] as const;
const present = 0x1;
const writable = 0x2;
const user = 0x4;
const pageSizeBit = 0x80;
const noExecuteHigh = 0x8000_0000;
/** _PAGE_TABLE and what page-table isolation adds: anything else in a top-level entry is bad. */
const tableFlags = 0x67;
const blank = ' '.repeat(30);
const units = ['B', 'K', 'M', 'G', 'T', 'P', 'E'] as const;
const noMarker = Number.POSITIVE_INFINITY;

export function ptdumpX86(options: X86PtdumpOptions): PtdumpLine[] {
  const notes = new NotePage(options);
  walkForPtdump(options.pageTable, options.ranges, notes, options.token ?? neverCancelled);
  notes.flush();
  return notes.lines;
}

/** struct pg_state and note_page(). */
class NotePage implements PtdumpVisitor {
  readonly lines: PtdumpLine[] = [];
  readonly #options: X86PtdumpOptions;
  readonly #markerPages: readonly number[];
  readonly #flagsHigh: number;
  /** Effective rights by depth: USER and RW of all levels, NX of any (bit 31). */
  readonly #effective = new Int32Array(5);
  #started = false;
  #marker = 0;
  #linesUnderMarker = 0;
  #start = 0;
  #low = 0;
  #high = 0;
  #lineEffective = 0;
  #depth = 0;

  constructor(options: X86PtdumpOptions) {
    this.#options = options;
    this.#markerPages = options.markers.map(({ address }) => Number(address >> 12n));
    this.#flagsHigh = 0xfff0_0000 | options.encryptionHigh;
  }

  enter(virtualPage: number, depth: number, low: number, high: number): 'walk' | 'skip' {
    const { kasan, pageTable } = this.#options;
    const shadow = depth < 4 ? kasan?.tables.get(depth) : undefined;
    if (kasan !== undefined && shadow !== undefined && (low & present) !== 0 && pageTable.mode.tableAddress(depth, low, high) === shadow) {
      this.#noteShadow(virtualPage, depth, kasan);
      return 'skip';
    }
    const own = (low & (writable | user)) | (high & noExecuteHigh);
    if (depth === 0) this.#effective[0] = own;
    else {
      // With the p4d folded into the pgd, depth 2 follows depth 0.
      const above = this.#effective[this.#above(depth)] ?? 0;
      this.#effective[depth] = (above & own & (writable | user)) | ((above | own) & noExecuteHigh);
    }
    return 'walk';
  }

  isLeaf(depth: number, low: number): boolean {
    return (depth === 2 || depth === 3) && (low & pageSizeBit) !== 0;
  }

  isBad(depth: number, low: number): boolean {
    return depth <= 1 && (low & 0xfff & ~tableFlags) !== 0;
  }

  unreadable(virtualPage: number, depth: number, at: number): void {
    this.note(virtualPage, depth, 0, 0);
    this.#options.unreadable(BigInt(virtualPage) << 12n, depth, at);
  }

  note(virtualPage: number, depth: number, low: number, high: number): void {
    const flagsLow = low & 0xfff;
    const flagsHigh = high & this.#flagsHigh;
    const effective = low === 0 && high === 0 ? 0 : (this.#effective[depth] ?? 0);
    if (!this.#started) {
      this.#started = true;
      this.#begin({ virtualPage, depth, flagsLow, flagsHigh, effective });
      this.#printMarker();
      return;
    }
    if (
      flagsLow === this.#low &&
      flagsHigh === this.#high &&
      effective === this.#lineEffective &&
      depth === this.#depth &&
      virtualPage < (this.#markerPages[this.#marker + 1] ?? noMarker)
    ) {
      return;
    }
    this.#endLine(virtualPage);
    this.#begin({ virtualPage, depth, flagsLow, flagsHigh, effective });
  }

  /** The last note, at address 0 and no level. */
  flush(): void {
    if (this.#started) this.#endLine(0);
  }

  #above(depth: number): number {
    const levels = this.#options.pageTable.mode.levels;
    const index = levels.findIndex((level) => level.depth === depth);
    return levels[index - 1]?.depth ?? 0;
  }

  /**
   * One note at the entry. Above the pud the kernel's walk goes on down to the puds, which make the same note at each
   * GiB; that shows only where a marker is passed.
   */
  #noteShadow(virtualPage: number, depth: number, kasan: { low: number; high: number }): void {
    this.note(virtualPage, 4, kasan.low, kasan.high);
    if (depth >= 2) return;
    const levels = this.#options.pageTable.mode.levels;
    const span = 2 ** ((levels.find((level) => level.depth === depth)?.shift ?? 39) - 12);
    const end = (Math.floor(virtualPage / span) + 1) * span;
    const pudSpan = 2 ** 18;
    for (let page = virtualPage + pudSpan; page < end; page += pudSpan) {
      const next = this.#markerPages[this.#marker + 1] ?? noMarker;
      if (next >= end) return;
      page = Math.max(page, Math.ceil(next / pudSpan) * pudSpan);
      if (page < end) this.note(page, 4, kasan.low, kasan.high);
    }
  }

  #begin(at: { virtualPage: number; depth: number; flagsLow: number; flagsHigh: number; effective: number }): void {
    this.#start = at.virtualPage;
    this.#depth = at.depth;
    this.#low = at.flagsLow;
    this.#high = at.flagsHigh;
    this.#lineEffective = at.effective;
  }

  #endLine(virtualPage: number): void {
    const marker = this.#options.markers[this.#marker];
    const maxLines = marker?.maxLines ?? 0;
    if (maxLines === 0 || this.#linesUnderMarker < maxLines) this.#printLine(virtualPage);
    this.#linesUnderMarker++;
    if (virtualPage < (this.#markerPages[this.#marker + 1] ?? noMarker)) return;
    if (maxLines > 0 && this.#linesUnderMarker > maxLines) {
      const skipped = this.#linesUnderMarker - maxLines;
      this.lines.push({ text: `... ${skipped} entr${skipped === 1 ? 'y' : 'ies'} skipped ... `, region: null, marker: null });
    }
    this.#marker++;
    this.#linesUnderMarker = 0;
    this.#printMarker();
  }

  #printMarker(): void {
    const marker = this.#options.markers[this.#marker];
    if (marker === undefined) return;
    this.lines.push({ text: `---[ ${marker.name} ]---`, region: null, marker: formatAddress(marker.address) });
  }

  #printLine(endPage: number): void {
    const { digits } = this.#options;
    const width = BigInt(digits * 4);
    const start = BigInt.asUintN(Number(width), BigInt(this.#start) << 12n);
    const end = BigInt.asUintN(Number(width), BigInt(endPage) << 12n);
    const level = levelNames[this.#depth] ?? 'pte';
    const block = this.#attributes();
    const size = sizeField(BigInt.asUintN(Number(width), end - start));
    this.lines.push({
      text: `${formatPaddedAddress(start, digits)}-${formatPaddedAddress(end, digits)}   ${size} ${block}${level}`,
      region: {
        start: formatAddress(start),
        end: formatAddress(end),
        level,
        attributes: block.split(' ').filter((word) => word !== ''),
        present: (this.#low & present) !== 0,
      },
      marker: null,
    });
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

/** `%9lu%c`: divided by 1024 for as long as it divides evenly and a unit is left. */
function sizeField(bytes: bigint): string {
  let value = bytes;
  let unit = 0;
  while ((value & 1023n) === 0n && unit < units.length - 1) {
    value >>= 10n;
    unit++;
  }
  return `${value.toString().padStart(9)}${units[unit] ?? ''}`;
}
