/**
 * What the memory page knows and does: what it has read, where it looks, the cursor, the ways back and forward, what was
 * found and written. What it has read stays when the session ends. main.ts draws it.
 */
import * as l10n from '@vscode/l10n';
import type { AddressSpaceFacts } from '../../debug-adapter/protocol/facts.ts';
import type { HostToMemory, MemoryToHost } from '../../debug-adapter/protocol/memory-panel.ts';
import type { HostToPanel } from '../../debug-adapter/protocol/panel.ts';
import { pageHost } from '../panel/host.ts';
import { PanelPage } from '../panel/panel-page.ts';
import { Edits } from './edits.ts';
import type { Edit } from './edits.ts';
import { Found } from './found.ts';
import { Lines } from './lines.ts';
import type { Line, Place } from './lines.ts';
import { hex, numberOf, typedAddress } from './numbers.ts';
import type { ViewOptions } from './options.ts';
import { Overlay } from './overlay.ts';
import { PatternCheck } from './pattern-check.ts';
import { Segments } from './segments.ts';

interface PageState extends ViewOptions {
  readonly address: string;
  readonly mm: string;
  readonly physical: boolean;
  readonly kcore: boolean;
  readonly locked: boolean;
  readonly overlay: { readonly type: string; readonly address: string } | null;
  readonly back: readonly string[];
  readonly forward: readonly string[];
}

type Hits = Extract<HostToMemory, { kind: 'hits' }>;

/** The extension host, which is asked once: VS Code allows no second time. */
export const api = pageHost<MemoryToHost, PageState>();
const firstState: PageState = {
  ...{ address: '0x0', mm: 'kernel', physical: false, perRow: 0, group: 1, form: 'hex', littleEndian: null, kcore: false, locked: false },
  ...{ overlay: null, back: [], forward: [] },
};
/** Bytes of one question; a multiple of every page size. */
const chunk = 65_536n;
const mostChunks = 64;
const mostSteps = 100;
/** Milliseconds after which lines that were moved are at rest. */
const restAfter = 150;
/** Questions that answers may lead to before somebody moves: a run without bytes could be read for ever. */
const mostUnasked = 12;
/** With fewer lines in view, the head of the first page does not stay above them. */
const leastForHead = 4;

export abstract class MemoryPage extends PanelPage<HostToMemory, MemoryToHost, PageState> {
  protected readonly segments = new Segments();
  protected readonly edits = new Edits();
  protected spaces: readonly AddressSpaceFacts[] = [];
  protected readonly patternCheck = new PatternCheck((question) => {
    api.postMessage(question);
  });
  protected writable = false;
  /** Whether the session can stop when memory changes. */
  protected watches = false;
  protected place: Place = { address: 0n, head: true };
  protected cursor = 0n;
  protected anchor = 0n;
  protected overlay: Overlay | undefined;
  protected hits: Hits | undefined;
  protected found: Found | undefined;
  /** Whether the lines have just been moved. */
  protected moving = false;
  #rest: number | undefined;
  protected searching = false;
  protected hitAt = -1;
  protected rowsInView = 1;
  protected roomPerRow = 16;
  protected bigEndianMachine = false;
  protected pointerSize = 8;
  protected width64 = true;
  /** First digit of a byte that is being typed. */
  protected digit: string | undefined;
  #generation = 0;
  /** Chunks by their start. */
  readonly #asked = new Map<bigint, 'under way' | 'answered' | 'refused'>();
  #started = false;
  #unasked = 0;

  constructor() {
    super(api, firstState);
  }

  protected get perRow(): number {
    return this.kept.perRow === 0 ? this.roomPerRow : this.kept.perRow;
  }

  protected get littleEndian(): boolean {
    return this.kept.littleEndian ?? !this.bigEndianMachine;
  }

  protected get top(): bigint {
    return this.kept.physical ? 1n << 53n : 1n << 64n;
  }

  protected get lines(): Lines {
    return new Lines(this.segments, this.perRow, this.top);
  }

  protected override hear(message: Exclude<HostToMemory, HostToPanel>): void {
    switch (message.kind) {
      case 'opened':
        this.#opened(message);
        break;
      case 'pages':
        this.#take(message);
        break;
      case 'goTo':
        if (message.mm !== undefined || message.physical !== undefined)
          this.changeSpace(message.mm ?? (message.physical === true ? 'kernel' : this.kept.mm), message.physical ?? false);
        this.goTo(BigInt(message.address));
        break;
      case 'space':
        this.changeSpace(message.mm, message.physical);
        break;
      case 'layout':
        this.overlay = new Overlay(BigInt(message.address), message.layout);
        this.problem = '';
        this.setKept({ overlay: { type: message.layout.name, address: message.address } });
        break;
      case 'patternChecked':
        this.patternCheck.heard(message);
        break;
      case 'hits':
        this.searching = false;
        this.hits = message;
        this.found = new Found(message, this.kept.physical);
        this.hitAt = -1;
        this.problem = message.problem ?? '';
        if (message.hits.length > 0) this.goToHit(1);
        break;
      case 'written':
        if (message.problem !== null) {
          this.problem = message.problem;
          this.edits.refused(BigInt(message.address));
        }
        this.#readAgain();
        break;
    }
  }

  protected override sessionChanged(): void {
    if (this.session?.state !== 'live') {
      this.#asked.clear();
      this.writable = false;
    }
    if (this.kept.locked) api.postMessage({ kind: 'lock', locked: true });
  }

  #opened({ spaces, writable, watches, stop }: Extract<HostToMemory, { kind: 'opened' }>): void {
    this.spaces = spaces;
    this.writable = writable;
    this.watches = watches;
    this.problem = '';
    if (stop > 1) this.segments.age();
    if (!this.#started) {
      this.#started = true;
      this.cursor = this.anchor = BigInt(this.kept.address);
      this.center(this.cursor);
      const { overlay } = this.kept;
      if (overlay !== null) api.postMessage({ kind: 'layout', ...overlay });
    }
    this.#forgetAsked();
    this.read();
  }

  #forgetAsked(): void {
    this.#generation++;
    this.#asked.clear();
  }

  /** Whether the bytes there were asked for and refused: they do not come until they are asked for anew. */
  protected isRefused(address: bigint): boolean {
    return this.#asked.get(address - (address % chunk)) === 'refused';
  }

  #take({ generation, address, pages, kcore, problem }: Extract<HostToMemory, { kind: 'pages' }>): void {
    if (generation !== this.#generation) return;
    this.#asked.set(BigInt(address), pages === null ? 'refused' : 'answered');
    if (pages === null) {
      this.problem = problem ?? '';
      return;
    }
    this.bigEndianMachine = !pages.littleEndian;
    this.pointerSize = pages.pointerSize;
    this.segments.take(pages, kcore);
    this.place = this.lines.line(this.place);
    if (++this.#unasked < mostUnasked) this.#askInView();
  }

  /** The head of the first page in view, where it stays above the lines: it covers the line that it would have gone with. */
  protected get keptHead(): Line | undefined {
    if (this.rowsInView < leastForHead || this.place.head) return undefined;
    return this.lines.line({ address: this.place.address, head: true });
  }

  /** Asks for what is in view, and not known. */
  protected read(): void {
    this.#unasked = 0;
    this.#askInView();
  }

  #askInView(): void {
    if (!this.live) return;
    const shown = this.lines.from(this.place, this.rowsInView);
    for (const { segment, address } of shown) {
      if (segment !== undefined) continue;
      const start = address - (address % chunk);
      if (this.#asked.has(start)) continue;
      this.#ask(start);
    }
  }

  #ask(start: bigint): void {
    if (this.#asked.size > mostChunks) for (const [known, state] of this.#asked) if (state !== 'under way') this.#asked.delete(known);
    this.#asked.set(start, 'under way');
    const { mm, physical, kcore } = this.kept;
    api.postMessage({ kind: 'load', generation: this.#generation, address: hex(start), count: Number(chunk), mm, physical, kcore });
  }

  /** Reads what is in view again, which stays until that is there; what was written may be an entry that maps other pages. */
  #readAgain(): void {
    const shown = this.lines.from(this.place, this.rowsInView);
    const [from, to] = [shown[0]?.address ?? 0n, shown.at(-1)?.end ?? 0n];
    this.segments.keep(from, to);
    this.#forgetAsked();
    for (const start of new Set(shown.map(({ address }) => address - (address % chunk)))) this.#ask(start);
  }

  /** Reads what is in view again: it is to be seen otherwise. */
  protected reload(): void {
    this.#forgetAsked();
    this.segments.forget();
    this.read();
  }

  protected changeSpace(mm: string, physical: boolean): void {
    if (mm === this.kept.mm && physical === this.kept.physical) return;
    this.setKept({ mm, physical, ...(physical ? { kcore: false } : {}) });
    this.segments.clear();
    this.edits.clear();
    this.hits = undefined;
    this.found = undefined;
    this.overlay = undefined;
    if (this.cursor >= this.top) this.cursor = this.anchor = 0n;
    this.#forgetAsked();
    this.center(this.cursor);
  }

  protected typed(text: string): void {
    const address = typedAddress(text);
    this.problem = '';
    if (address === 'beyond') this.problem = l10n.t('{0} is beyond 64 bits.', text.trim());
    else if (address === undefined) {
      if (text.trim() !== '') api.postMessage({ kind: 'evaluate', expression: text.trim(), mm: this.kept.mm });
    } else this.goTo(address);
    this.requestUpdate();
  }

  /** Shows an address and remembers where one came from. */
  protected goTo(address: bigint): void {
    if (address >= this.top) {
      this.problem = l10n.t('{0} is beyond physical memory, which ends below 2^53.', hex(address));
      return;
    }
    this.problem = '';
    if (this.#started && address !== this.cursor)
      this.setKept({ back: [...this.kept.back, hex(this.cursor)].slice(-mostSteps), forward: [] });
    this.#started = true;
    this.#jump(address);
  }

  protected goBack(): void {
    const last = this.kept.back.at(-1);
    if (last === undefined) return;
    this.setKept({ back: this.kept.back.slice(0, -1), forward: [...this.kept.forward, hex(this.cursor)] });
    this.#jump(BigInt(last));
  }

  protected goForward(): void {
    const last = this.kept.forward.at(-1);
    if (last === undefined) return;
    this.setKept({ forward: this.kept.forward.slice(0, -1), back: [...this.kept.back, hex(this.cursor)] });
    this.#jump(BigInt(last));
  }

  #jump(address: bigint): void {
    this.cursor = this.anchor = address;
    this.digit = undefined;
    this.setKept({ address: hex(address) });
    this.center(address);
  }

  /** The page of `address` with its head on top where it is near, else with the row in the first third. */
  protected center(address: bigint): void {
    const { lines } = this;
    const row = lines.of(address);
    const near = row.kind === 'bytes' ? Number((row.address % 4096n) / BigInt(this.perRow)) + 1 : 4;
    const up = Math.min(Math.floor(this.rowsInView / 3), near);
    this.place = lines.move(row, -up);
    this.read();
    this.requestUpdate();
  }

  /** There is room for as many lines, and as many bytes in each. */
  protected resize(rows: number, perRow: number): void {
    const first = this.rowsInView === 1;
    const seen = this.#isSeen(this.cursor);
    this.rowsInView = rows;
    this.roomPerRow = perRow;
    if (first) this.center(this.cursor);
    else {
      this.place = this.lines.line(this.place);
      if (seen) this.reveal();
      this.read();
      this.requestUpdate();
    }
  }

  protected scrollLines(by: number): void {
    this.#scrollTo(this.lines.move(this.place, by));
  }

  /** Brings the row of an address to the top of the view. */
  protected scrollToAddress(address: bigint): void {
    this.#scrollTo(this.lines.of(address));
  }

  #scrollTo(place: Place): void {
    this.place = place;
    this.moving = true;
    window.clearTimeout(this.#rest);
    this.#rest = window.setTimeout(() => {
      this.moving = false;
      this.requestUpdate();
    }, restAfter);
    this.read();
    this.requestUpdate();
  }

  /** The cursor to where the next page of memory begins, or this one, or the one before; what is not mapped is one page. */
  protected turnPage(by: 1 | -1, extend: boolean): void {
    const page = this.lines.pageOf(this.cursor);
    const address = by > 0 ? page.end : page.start < this.cursor ? page.start : this.lines.pageOf(page.start - 1n).start;
    this.select(address, extend);
  }

  /** The byte at an address, of what was read. */
  protected byte(address: bigint): number | undefined {
    const segment = this.segments.at(address);
    if (segment?.bytes === undefined || segment.missing.some(({ start, end }) => address >= start && address < end)) return undefined;
    return segment.bytes[Number(address - segment.start)];
  }

  /** As many bytes from `address` on; undefined where one is missing. */
  protected bytes(address: bigint, count: number): number[] | undefined {
    const found: number[] = [];
    for (let at = 0; at < count; at++) {
      const byte = this.byte(address + BigInt(at));
      if (byte === undefined) return undefined;
      found.push(byte);
    }
    return found;
  }

  protected pointerAt(address: bigint): bigint | undefined {
    const start = address - (address % BigInt(this.pointerSize));
    const bytes = this.bytes(start, this.pointerSize);
    return bytes === undefined ? undefined : numberOf(bytes, !this.bigEndianMachine);
  }

  protected follow(): void {
    const pointer = this.pointerAt(this.cursor);
    if (pointer === undefined) this.problem = l10n.t('There are no bytes at {0} to follow.', hex(this.cursor));
    else if (this.kept.physical) {
      this.changeSpace('kernel', false);
      this.goTo(pointer);
    } else this.goTo(pointer);
    this.requestUpdate();
  }

  protected search(pattern: string): void {
    if (pattern === this.hits?.pattern && this.hits.problem === null) {
      this.goToHit(1);
      return;
    }
    this.searching = true;
    this.problem = '';
    const { mm, physical } = this.kept;
    api.postMessage({ kind: 'search', pattern, mm, physical });
    this.requestUpdate();
  }

  protected goToHit(by: number): void {
    const { hits } = this;
    if (hits === undefined || hits.hits.length === 0) return;
    const count = hits.hits.length;
    this.hitAt = (this.hitAt + by + count) % count;
    const hit = hits.hits[this.hitAt];
    const address = this.kept.physical ? hit?.physical : (hit?.virtual ?? null);
    if (typeof address === 'string') this.goTo(BigInt(address));
    this.requestUpdate();
  }

  /** A hexadecimal digit at the cursor; the second writes the byte. */
  protected typeDigit(digit: string): void {
    const old = this.byte(this.cursor);
    if (old === undefined) return;
    if (this.digit === undefined) {
      this.digit = digit;
      return;
    }
    const value = Number.parseInt(this.digit + digit, 16);
    this.digit = undefined;
    this.edits.add({ address: this.cursor, before: old, after: value });
    this.writeByte(this.cursor, value);
    this.cursor = this.anchor = this.cursor + 1n;
  }

  protected undo(): void {
    const edit = this.edits.undo();
    if (edit !== undefined) this.#writeAgain(edit, edit.before);
  }

  protected redo(): void {
    const edit = this.edits.redo();
    if (edit !== undefined) this.#writeAgain(edit, edit.after);
  }

  /** Where it can be seen. */
  #writeAgain({ address }: Edit, value: number): void {
    this.select(address, false);
    this.writeByte(address, value);
  }

  protected writeByte(address: bigint, value: number): void {
    this.segments.write(address, value);
    api.postMessage({ kind: 'write', address: hex(address), data: btoa(String.fromCharCode(value)), mm: this.kept.mm });
    this.requestUpdate();
  }

  /** Moves the cursor to `line`, in its column. */
  protected cursorTo(line: Line, extend: boolean): void {
    const column = this.cursor % BigInt(this.perRow);
    const address = line.address + column;
    this.select(address < line.end ? address : line.end - 1n, extend);
  }

  protected select(address: bigint, extend: boolean): void {
    if (address < 0n || address >= this.top) return;
    this.cursor = address;
    this.digit = undefined;
    if (!extend) this.anchor = address;
    this.setKept({ address: hex(address) });
    this.reveal();
    this.requestUpdate();
  }

  /** Scrolls as little as it takes for the cursor to be seen. */
  protected reveal(): void {
    if (this.#isSeen(this.cursor)) return;
    const { lines } = this;
    const wanted = lines.of(this.cursor);
    const above = wanted.address <= this.place.address;
    // A page's head, or what it will cover.
    this.place = above ? (lines.previous(wanted) ?? wanted) : lines.move(wanted, 1 - this.rowsInView);
    this.read();
  }

  #isSeen(address: bigint): boolean {
    const wanted = this.lines.of(address);
    const shown = this.lines.from(this.place, this.rowsInView);
    return shown.slice(this.keptHead === undefined ? 0 : 1).some((line) => !line.head && line.address === wanted.address);
  }
}
