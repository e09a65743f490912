/** What the page-table dumps of all architectures share: markers, lines with the region behind each, size fields. */
import { formatAddress, formatPaddedAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { neverCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { limits } from '../base/limits.ts';
import { entryKind } from '../arch/paging-mode.ts';
import type { PtdumpLine } from '../protocol/requests.ts';
import type { PageTable } from './page-table.ts';
import { walkForPtdump } from './ptdump-walk.ts';
import type { PtdumpVisitor, SharedShadow, UnwalkedReason } from './ptdump-walk.ts';

/** A line of the dump that names what begins at an address. */
export interface PtdumpMarker {
  readonly address: Address;
  readonly name: string;
  /** Lines printed under the marker at most (x86); 0 without limit. */
  readonly maxLines: number;
}

/** What every architecture's dump is written from. */
export interface PtdumpInput {
  readonly pageTable: PageTable;
  /** Ascending. */
  readonly markers: readonly PtdumpMarker[];
  /** Ranges [start, end) in virtual pages. */
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
  readonly shadow: SharedShadow | undefined;
  readonly token: CancellationToken | undefined;
  /** Prints unmapped ranges too, where the kernel's own dump leaves them out (riscv, powerpc, arm). */
  readonly holes: boolean;
  /** Told for each table that is not walked; `depth` is of the entry that points to it. */
  readonly unwalked: (virtual: bigint, depth: number, table: number, why: UnwalkedReason) => void;
  /** Told once where there are more lines than the bound: the address from which on they are missing. */
  readonly cut: (from: bigint) => void;
}

/** Ends the walk where `limits.ptdumpLines` are written. */
class LinesFull extends Error {}

/** A visitor that collects lines. */
export abstract class PtdumpText implements PtdumpVisitor {
  readonly lines: PtdumpLine[] = [];
  protected readonly input: PtdumpInput;
  /** Index of the marker under which lines stand. */
  protected marker = 0;
  /** First page of the line that is open. */
  protected start = 0;
  readonly #markerPages: readonly number[];
  readonly #digits: number;

  constructor(input: PtdumpInput) {
    this.input = input;
    this.#markerPages = input.markers.map(({ address }) => Number(address >> 12n));
    this.#digits = input.pageTable.mode.addressBits / 4;
  }

  abstract readonly compared: { readonly low: number; readonly high: number };

  abstract note(virtualPage: number, depth: number, low: number, high: number): void;
  /** The last note, at no level. */
  abstract flush(): void;

  enter(_depth: number, _low: number, _high: number): void {
    // Only x86 tracks rights on the way down.
  }

  isLeaf(level: number, low: number, high: number): boolean {
    const { mode } = this.input.pageTable;
    return mode.kind(level, low, high) === entryKind.leaf || mode.keepsFrame(level, low, high);
  }

  isBad(level: number, low: number, high: number): boolean {
    const { mode } = this.input.pageTable;
    const kind = mode.kind(level, low, high);
    return (mode.levels[level]?.depth ?? 4) <= 1 && (kind === entryKind.notPresent || kind === entryKind.malformed);
  }

  nextMarkerPage(): number {
    return this.#markerPages[this.marker + 1] ?? Number.POSITIVE_INFINITY;
  }

  unwalked(virtualPage: number, depth: number, at: number, why: UnwalkedReason): void {
    this.note(virtualPage, depth, 0, 0);
    this.input.unwalked(BigInt(virtualPage) << 12n, depth, at, why);
  }

  /** Walks the ranges and gives the lines, at most `limits.ptdumpLines`. Throws `Cancelled`. */
  run(): PtdumpLine[] {
    const { pageTable, ranges, shadow, token, cut } = this.input;
    try {
      walkForPtdump({ pageTable, ranges, shadow, token: token ?? neverCancelled }, this);
      this.flush();
    } catch (error) {
      if (!(error instanceof LinesFull)) throw error;
      cut(this.addressOf(this.start));
    }
    return this.lines;
  }

  /** The heading of the marker under which the next lines stand. */
  protected printMarker(): void {
    const marker = this.input.markers[this.marker];
    if (marker === undefined) return;
    this.lines.push({ text: `---[ ${marker.name} ]---`, region: null, marker: formatAddress(marker.address) });
  }

  /** All markers that `virtualPage` has passed, one heading after the other. */
  protected passMarkers(virtualPage: number): void {
    while (virtualPage >= this.nextMarkerPage()) {
      this.marker++;
      this.printMarker();
    }
  }

  /** Address of a page as the machine's width shows it. */
  protected addressOf(page: number): bigint {
    return BigInt.asUintN(this.input.pageTable.mode.addressBits, BigInt(page) << 12n);
  }

  /** As the kernel prints addresses of this width: 0x and all digits. */
  protected hex(value: bigint): string {
    return formatPaddedAddress(value, this.#digits);
  }

  /** Bytes from the start of the open line to `endPage`, modulo the machine's word. */
  protected lengthTo(endPage: number): bigint {
    return BigInt.asUintN(this.input.pageTable.mode.addressBits, this.addressOf(endPage) - this.addressOf(this.start));
  }

  /** Adds a line that stands for the region from `start` to `endPage`. */
  protected pushRegion(
    text: string,
    region: { readonly endPage: number; readonly level: string; readonly attributes: readonly string[]; readonly present: boolean },
  ): void {
    const { endPage, level, attributes, present } = region;
    if (this.lines.length >= limits.ptdumpLines) throw new LinesFull();
    this.lines.push({
      text,
      region: { start: formatAddress(this.addressOf(this.start)), end: formatAddress(this.addressOf(endPage)), level, attributes, present },
      marker: null,
    });
  }
}

/** `%9lu%c`: divided by 1024 for as long as it divides evenly and a unit is left. `units` begins with the unit of `value`. */
export function sizeField(value: bigint, units: string): string {
  let size = value;
  let unit = 0;
  while ((size & 1023n) === 0n && unit < units.length - 1) {
    size >>= 10n;
    unit++;
  }
  return `${size.toString().padStart(9)}${units[unit] ?? ''}`;
}

/** Words of a block of attributes. */
export function attributeWords(block: string): string[] {
  return block.split(' ').filter((word) => word !== '');
}
