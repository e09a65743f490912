/**
 * What the ptdump page knows and does: all lines of one dump, the rows that filter and folding leave of them, the selection,
 * and what was asked of the session. What it has read stays when the session ends. main.ts draws it.
 */
import * as l10n from '@vscode/l10n';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { AddressSpaceFacts } from '../../debug-adapter/protocol/facts.ts';
import type { HostToPanel, TextPart } from '../../debug-adapter/protocol/panel.ts';
import type { HostToPtdump, PtdumpExportFormat, PtdumpToHost } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { pageHost } from '../panel/host.ts';
import { LongText } from '../panel/long-text.ts';
import { PanelPage } from '../panel/panel-page.ts';
import { SlicedWork } from '../panel/sliced-work.ts';
import type { VirtualList } from '../panel/virtual-list.ts';
import { ChangedPages } from './changed-pages.ts';
import { exported } from './export.ts';
import { addressText, compile, isProblem, parseFilter } from './filter.ts';
import type { Filter, FilterProblem } from './filter.ts';
import { FindingPages } from './finding-pages.ts';
import type {} from './map.ts';
import { allRows, fittingRows, isClosed, isFolded, lineOf, linesOf, unfilteredRows } from './rows.ts';
import type { Row } from './rows.ts';
import { pageOf, RegionTable } from './table.ts';

interface PageState {
  readonly mm: string;
  readonly user: boolean;
  readonly filter: string;
  readonly holes: boolean;
  /** Address of the selected region. */
  readonly at: string | null;
}

type Mappings = Extract<HostToPtdump, { kind: 'mappings' }>;

/** The extension host, which is asked once: VS Code allows no second time. */
export const api = pageHost<PtdumpToHost, PageState>();
const firstState: PageState = { mm: 'kernel', user: false, filter: '', holes: false, at: null };
const ownersAtOnce = 400;
const none: ReadonlySet<number> = new Set();

export abstract class PtdumpPage extends PanelPage<HostToPtdump, PtdumpToHost, PageState> {
  protected table = new RegionTable();
  protected coming: RegionTable | undefined;
  protected rows: Row[] = [];
  protected total = -1;
  protected received = 0;
  protected generation = 0;
  protected spaces: readonly AddressSpaceFacts[] = [];
  protected parsed: Filter | undefined;
  protected filterProblem: FilterProblem | undefined;
  /** Whether it is known that all lines are there. */
  #arrived = true;
  readonly #listing = new SlicedWork();
  protected readonly longText = new LongText();
  protected filterShare: number | undefined;
  protected openRuns = new Set<number>();
  protected turned = new Set<number>();
  protected selected = -1;
  protected anchor = -1;
  protected loadFailed = false;
  protected facts: Extract<HostToPtdump, { kind: 'details' }> | undefined;
  protected detailsClosed = false;
  protected findings = new FindingPages([]);
  protected findingsState = '';
  protected mappings: Mappings | 'asked' | undefined;
  protected virtualPages = new Map<string, readonly number[]>();
  protected wanted: string | undefined;
  protected ownersAsked = new Set<number>();
  protected ownersPending = false;
  protected list: VirtualList | undefined;
  /** Where the selected row is to be in view when the page has been drawn. */
  protected toReveal: 'auto' | 'center' | undefined;
  /** What is not as it was at an earlier stop. */
  protected changedEntries: Extract<HostToPtdump, { kind: 'changes' }>['entries'] = [];
  /** Those of them that the address space has. */
  protected changed = new ChangedPages([]);
  protected changedSince = '';
  /** Regions that the filter leaves. */
  protected found = 0;

  constructor() {
    super(api, firstState);
    this.wanted = this.kept.at ?? undefined;
  }

  override disconnectedCallback(): void {
    this.list?.unmount();
    super.disconnectedCallback();
  }

  protected get loading(): boolean {
    return !this.loadFailed && (this.total < 0 || this.received < this.total);
  }

  protected override sessionChanged(): void {
    if (this.session?.state === 'ended' && this.loading) this.loadFailed = true;
  }

  protected override failed(): void {
    if (this.loading) this.loadFailed = true;
  }

  protected override hear(message: Exclude<HostToPtdump, HostToPanel>): void {
    switch (message.kind) {
      case 'spaces':
        this.spaces = message.spaces;
        if (message.more !== true && !this.kept.mm.startsWith('0x') && !message.spaces.some(({ id }) => id === this.kept.mm))
          this.setKept({ mm: 'kernel', user: false });
        this.load(true);
        break;
      case 'lines':
        this.addLines(message);
        break;
      case 'owners':
        this.addOwners(message);
        break;
      case 'findings':
        if (message.generation !== this.generation) break;
        this.findings = new FindingPages(message.findings.filter(({ user }) => user === this.kept.user || !user));
        this.findingsState = message.problem ?? '';
        this.showMap();
        break;
      case 'space':
        this.showSpace(message);
        break;
      case 'details':
        this.facts = message;
        break;
      case 'changes':
        this.changedEntries = message.entries;
        this.changedSince = message.since;
        this.chooseChanged();
        if (/\bchanged\b/.test(this.kept.filter)) this.rebuild();
        break;
      case 'mappings':
        this.addMappings(message);
        break;
      case 'reveal':
        this.revealIn(message);
        break;
      case 'export':
        this.#write(this.rows, message.format, (part) => {
          api.postMessage({ kind: 'save', format: message.format, ...part });
        });
        break;
    }
  }

  /** `again`: what is shown stays until all of the new is there, so that nothing moves while one reads. */
  protected load(again: boolean): void {
    this.generation++;
    const coming = (this.coming = new RegionTable());
    [this.total, this.received] = [-1, 0];
    this.loadFailed = false;
    this.problem = '';
    this.mappings = undefined;
    this.ownersPending = false;
    this.virtualPages.clear();
    if (!again || this.table.length === 0) {
      this.#take(coming);
      this.rebuild();
    } else this.wanted ??= this.kept.at ?? undefined;
    api.postMessage({ kind: 'load', generation: this.generation, mm: this.kept.mm, user: this.kept.user });
  }

  /** Shows another table; its rows follow. */
  #take(table: RegionTable): void {
    this.table = table;
    this.coming = undefined;
    this.rows = [];
    [this.selected, this.anchor] = [-1, -1];
    this.facts = undefined;
    this.findings = new FindingPages([]);
    this.openRuns.clear();
    this.turned.clear();
    this.ownersAsked.clear();
  }

  protected addLines(message: Extract<HostToPtdump, { kind: 'lines' }>): void {
    if (message.generation !== this.generation) return;
    this.total = message.total;
    this.received += message.lines.length;
    const table = this.coming ?? this.table;
    for (const line of message.lines) table.add(line);
    if (this.loading) {
      if (this.coming === undefined) this.extend();
      return;
    }
    this.#arrived = false;
    this.rebuild();
  }

  /** All lines are there, and their rows. */
  #arrive(): void {
    this.#arrived = true;
    this.showMap();
    this.askFindings();
    if (this.wanted !== undefined) this.reveal(this.wanted);
  }

  protected abstract askFindings(): void;
  protected chooseChanged(): void {
    const { mm: shown, user: userHalf } = this.kept;
    // An entry that several have is told of the first: the kernel's are every process's.
    this.changed = new ChangedPages(
      this.changedEntries.filter(({ mm, user }) => (mm === shown || mm === 'kernel') && (user === userHalf || !user)),
    );
  }

  /** Empty for a line that is as it was. */
  protected changedWords(line: number): string {
    const differs = this.changed.covers(this.table.startPages[line] ?? 0, this.table.endPages[line] ?? 0);
    return differs ? l10n.t('changed since {0}', this.changedSince) : '';
  }

  protected showMap(): void {
    this.querySelector('pagewalk-map')?.show(this.table, this.findings.marks);
  }

  protected folding(): { holes: boolean; openRuns: ReadonlySet<number>; turned: ReadonlySet<number> } {
    return { holes: this.kept.holes, openRuns: this.openRuns, turned: this.turned };
  }

  /** More lines came: rows are appended, so that what is in view stays. */
  protected extended = 0;
  protected extend(): void {
    if (this.kept.filter.trim() !== '') {
      this.rebuild();
      return;
    }
    this.extended = unfilteredRows(this.table, this.folding(), this.rows, { from: this.extended, to: this.table.length, complete: false });
    this.count();
  }

  protected showSpace({ mm, user }: Pick<PageState, 'mm' | 'user'>): void {
    this.setKept({ mm, user, at: null });
    this.chooseChanged();
    this.load(false);
    this.requestUpdate();
  }

  /** `0x…`, or undefined with the problem said. */
  protected checkedAddress(text: string): string | undefined {
    try {
      return addressText(text);
    } catch (error) {
      this.problem = messageOf(error);
      this.requestUpdate();
      return undefined;
    }
  }

  /**
   * All rows anew, of the table that is to be shown instead where all of it has come; what is shown stays until they are there,
   * and `then` follows. Of a filter's, the first are shown at once.
   */
  protected rebuild(then?: () => void): void {
    this.filterShare = undefined;
    const table = this.total >= 0 && this.received >= this.total ? (this.coming ?? this.table) : this.table;
    const parsed = parseFilter(this.kept.filter, { levels: table.levels(), words: table.allWords() });
    this.filterProblem = isProblem(parsed) ? parsed : undefined;
    if (isProblem(parsed)) {
      this.#listing.stop();
      if (table !== this.table) this.#take(table);
      if (!this.#arrived) this.#arrive();
      then?.();
      return;
    }
    this.parsed = parsed;
    if (parsed !== undefined) this.lookUp(parsed);
    const rows: Row[] = [];
    this.#listing.start(this.#rowsOf(table, parsed, rows), {
      progress: (share) => {
        if (parsed === undefined) return;
        this.filterShare = share;
        if (rows.length > 100 && table === this.table) this.rows = rows;
        this.count();
      },
      done: () => {
        this.filterShare = undefined;
        if (table !== this.table) this.#take(table);
        this.rows = rows;
        this.keepSelection();
        if (parsed?.needsOwners === true) this.askAllOwners();
        if (!this.#arrived) this.#arrive();
        then?.();
      },
    });
  }

  *#rowsOf(table: RegionTable, parsed: Filter | undefined, rows: Row[]): Generator<number, void> {
    if (parsed === undefined) {
      const folding = table === this.table ? this.folding() : { ...this.folding(), openRuns: none, turned: none };
      this.extended = yield* allRows(table, folding, rows, !this.loading);
      return;
    }
    const fits = compile(parsed, {
      table,
      virtualPages: (physical) => this.virtualPages.get(physical),
      changed: (line) => this.changed.covers(table.startPages[line] ?? 0, table.endPages[line] ?? 0),
    });
    this.found = 0;
    yield* fittingRows(table, fits, rows, (more) => {
      this.found += more;
    });
  }

  protected keepSelection(): void {
    const at = this.kept.at;
    const line = at === null ? -1 : this.table.lineAt(pageOf(at));
    this.selected = line < 0 ? -1 : this.rowOf(line);
    this.anchor = this.selected;
    this.count();
  }

  protected count(): void {
    this.list?.setCount(this.rows.length);
    this.requestUpdate();
  }

  /** The first row of `line` or of one behind it: rows ascend by line. */
  protected firstRowFrom(line: number): number {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lineOf(this.rows[middle] ?? 0) < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  protected rowOf(line: number): number {
    const row = this.firstRowFrom(line);
    return this.rows[row] !== undefined && lineOf(this.rows[row]) === line ? row : -1;
  }

  protected lookUp({ physical }: Filter): void {
    for (const address of physical) {
      if (this.virtualPages.has(address)) continue;
      this.virtualPages.set(address, []);
      if (this.live) api.postMessage({ kind: 'whoMaps', generation: this.generation, physical: address, all: this.kept.mm !== 'kernel' });
      else this.problem = l10n.t('The session has ended: who maps a physical address cannot be asked any more.');
    }
  }

  protected addMappings(message: Mappings): void {
    if (message.generation !== this.generation) return;
    if (this.mappings === 'asked' && message.physical === this.facts?.walk.physical) this.mappings = message;
    if (this.parsed?.physical.includes(message.physical) !== true) return;
    if (message.problem !== null) this.problem = message.problem;
    const mine = message.result?.mappings.filter(({ mm }) => mm === this.kept.mm || mm === 'kernel') ?? [];
    this.virtualPages.set(
      message.physical,
      mine.map(({ virtual }) => pageOf(virtual)),
    );
    this.rebuild();
  }

  protected askOwners(lines: readonly number[]): void {
    if (!this.live || this.ownersPending || this.coming !== undefined) return;
    const asked = lines.filter((line) => !this.ownersAsked.has(line) && this.table.kind(line) !== undefined).slice(0, ownersAtOnce);
    if (asked.length === 0) return;
    for (const line of asked) this.ownersAsked.add(line);
    this.ownersPending = true;
    api.postMessage({
      kind: 'owners',
      generation: this.generation,
      mm: this.kept.mm,
      asked: asked.map((line) => ({ line, address: this.table.start(line) })),
    });
  }

  /** A filter by owner needs every line's, a batch after the other. */
  protected askAllOwners(): void {
    const lines: number[] = [];
    for (let line = 0; line < this.table.length && lines.length < ownersAtOnce; line++)
      if (!this.ownersAsked.has(line) && !this.table.isMarker(line)) lines.push(line);
    this.askOwners(lines);
  }

  protected addOwners({ generation, owners }: Extract<HostToPtdump, { kind: 'owners' }>): void {
    if (generation !== this.generation) return;
    this.ownersPending = false;
    for (const { line, owner } of owners) this.table.owners.set(line, owner);
    if (this.parsed?.needsOwners === true && owners.length > 0) this.rebuild();
  }

  protected revealIn({ address, mm }: { address: string; mm?: string }): void {
    if (mm !== undefined && mm !== this.kept.mm) {
      this.setKept({ mm, user: false, at: address });
      this.wanted = address;
      if (this.spaces.length > 0) this.load(false);
    } else this.reveal(address);
  }

  protected reveal(text: string): void {
    const address = this.checkedAddress(text);
    if (address === undefined) return;
    if (this.loading) {
      this.wanted = address;
      return;
    }
    this.wanted = undefined;
    const line = this.table.lineAt(pageOf(address.length <= 5 ? '0x0' : address));
    if (line < 0) {
      this.problem = l10n.t('no line covers {0}', address);
      this.requestUpdate();
      return;
    }
    this.problem = '';
    const select = (): void => {
      this.select(this.rowOf(line), { address });
    };
    if (this.rowOf(line) < 0) this.unfold(line, select);
    else select();
  }

  /** Takes away what hides a line: the filter, its group's or its run's folding. */
  protected unfold(line: number, then: () => void): void {
    this.setKept({ filter: '' });
    const marker = this.table.markerOf(line);
    if (marker >= 0 && isClosed(this.table, marker, this.folding())) this.turn(marker);
    let first = line;
    while (this.table.isHole(first - 1)) first--;
    if (this.table.isHole(line)) this.openRuns.add(first);
    this.rebuild(then);
  }

  protected turn(marker: number): void {
    if (!this.turned.delete(marker)) this.turned.add(marker);
  }

  /** Selects a row and asks for the details of `address`, or of the region's start; `extend` keeps the selection's other end. */
  protected select(row: number, how: { address?: string; extend?: boolean; still?: boolean } = {}): void {
    const line = lineOf(this.rows[row] ?? -1);
    if (row < 0 || this.rows[row] === undefined) return;
    this.selected = row;
    if (how.extend !== true) this.anchor = row;
    if (how.still !== true) this.toReveal = how.address === undefined ? 'auto' : 'center';
    this.facts = undefined;
    this.mappings = undefined;
    this.detailsClosed = false;
    const address = how.address ?? this.table.start(line);
    this.setKept({ at: address });
    const map = this.querySelector('pagewalk-map');
    if (map !== null) map.brush = { from: this.table.startPages[line] ?? 0, to: this.table.endPages[line] ?? 0 };
    if (!this.table.isMarker(line) && this.live) api.postMessage({ kind: 'select', address, mm: this.kept.mm });
    this.requestUpdate();
  }

  /** Copies the lines of the selected rows as the kernel printed them. */
  protected copySelected(): void {
    const [low, high] = [Math.min(this.anchor, this.selected), Math.max(this.anchor, this.selected)];
    if (low < 0) return;
    this.#write(this.rows.slice(low, high + 1), 'text', ({ text, ...part }) => {
      // One line alone is pasted into other lines.
      const alone = part.part === 0 && text.indexOf('\n') === text.length - 1;
      if (text !== '') api.postMessage({ kind: 'copy', ...part, text: alone ? text.slice(0, -1) : text });
    });
  }

  #write(rows: readonly Row[], format: PtdumpExportFormat, hand: (part: TextPart) => void): void {
    const folding = { ...this.folding(), turned: new Set(this.turned) };
    const isWhole = (marker: number): boolean => this.parsed === undefined && isClosed(this.table, marker, folding);
    const changed = (): void => {
      this.requestUpdate();
    };
    this.longText.make(exported(this.table, linesOf(this.table, rows, isWhole), format), { changed, hand });
  }

  protected toggleRow(row: number): void {
    const entry = this.rows[row];
    if (entry === undefined) return;
    const line = lineOf(entry);
    if (isFolded(entry)) this.openRuns.add(line);
    else if (this.openRuns.has(line)) this.openRuns.delete(line);
    else if (this.table.isMarker(line) && this.parsed === undefined) this.turn(line);
    else return;
    this.setKept({ at: this.table.start(line) });
    this.rebuild(() => {
      this.selected = this.anchor = this.rowOf(line);
    });
  }
}
