/**
 * What the ptdump page knows and does: all lines of one dump, the rows that filter and folding leave of them, the selection,
 * and what was asked of the session. What it has read stays when the session ends. main.ts draws it.
 */
import * as l10n from '@vscode/l10n';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { AddressSpaceFacts } from '../../debug-adapter/protocol/facts.ts';
import type { HostToPanel } from '../../debug-adapter/protocol/panel.ts';
import type { HostToPtdump, PtdumpToHost } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { pageHost } from '../panel/host.ts';
import { PanelPage } from '../panel/panel-page.ts';
import { rowHeight, VirtualList } from '../panel/virtual-list.ts';
import { ChangedPages } from './changed-pages.ts';
import { exported } from './export.ts';
import { addressText, compile, isProblem, parseFilter } from './filter.ts';
import type { Filter, FilterProblem } from './filter.ts';
import { FindingPages } from './finding-pages.ts';
import type {} from './map.ts';
import { endOfRun, filteredRows, isClosed, isFolded, lineOf, unfilteredRows } from './rows.ts';
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

export const api = pageHost<PtdumpToHost, PageState>();
const firstState: PageState = { mm: 'kernel', user: false, filter: '', holes: false, at: null };
/** Of the columns' names, in pixels; the sheet says the same. */
const headHeight = 22;
/** Milliseconds of work between two frames. */
const slice = 10;
const linesBetweenLooks = 2000;
const ownersAtOnce = 400;

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
  protected filtering = 0;
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
        if (!this.kept.mm.startsWith('0x') && !message.spaces.some(({ id }) => id === this.kept.mm))
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
        api.postMessage({ kind: 'save', format: message.format, text: exported(this.table, this.shownLines(), message.format) });
        break;
    }
  }

  /** `again`: what is shown stays until all of the new is there, so that nothing moves while one reads. */
  protected load(again: boolean): void {
    this.generation++;
    this.coming = new RegionTable();
    this.total = -1;
    this.received = 0;
    this.loadFailed = false;
    this.problem = '';
    this.mappings = undefined;
    this.ownersPending = false;
    this.virtualPages.clear();
    if (!again || this.table.length === 0) this.swap();
    else this.wanted ??= this.kept.at ?? undefined;
    api.postMessage({ kind: 'load', generation: this.generation, mm: this.kept.mm, user: this.kept.user });
  }

  protected swap(): void {
    this.table = this.coming ?? new RegionTable();
    this.coming = undefined;
    this.rows = [];
    this.selected = -1;
    this.anchor = -1;
    this.facts = undefined;
    this.findings = new FindingPages([]);
    this.openRuns.clear();
    this.turned.clear();
    this.ownersAsked.clear();
    this.rebuild();
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
    if (this.coming !== undefined) this.swap();
    else this.rebuild();
    this.showMap();
    this.findingsState = l10n.t('looking for findings…');
    api.postMessage({ kind: 'findings', generation: this.generation, mm: this.kept.mm });
    if (this.wanted !== undefined) this.reveal(this.wanted);
  }

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
    this.extended = unfilteredRows(this.table, this.folding(), this.rows, { from: this.extended, complete: false });
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

  /** All rows anew. With a filter, a slice at a time between frames, and what is shown stays until the first slice is done. */
  protected rebuild(): void {
    const run = ++this.filtering;
    this.filterShare = undefined;
    const parsed = parseFilter(this.kept.filter, { levels: this.table.levels(), words: this.table.allWords() });
    this.filterProblem = isProblem(parsed) ? parsed : undefined;
    if (isProblem(parsed)) return;
    this.parsed = parsed;
    if (parsed === undefined) {
      this.rows = [];
      this.extended = unfilteredRows(this.table, this.folding(), this.rows, { from: 0, complete: !this.loading });
      this.keepSelection();
      return;
    }
    this.lookUp(parsed);
    const table = this.table;
    const fits = compile(parsed, {
      table,
      virtualPages: (physical) => this.virtualPages.get(physical),
      changed: (line) => this.changed.covers(table.startPages[line] ?? 0, table.endPages[line] ?? 0),
    });
    const rows: Row[] = [];
    let [from, marker] = [0, -1];
    this.found = 0;
    const work = (): void => {
      if (run !== this.filtering) return;
      const end = performance.now() + slice;
      while (from < table.length && performance.now() < end) {
        const to = Math.min(table.length, from + linesBetweenLooks);
        const step = filteredRows(table, fits, rows, { from, to, marker });
        marker = step.marker;
        this.found += step.regions;
        from = to;
      }
      this.filterShare = from < table.length ? from / table.length : undefined;
      if (from < table.length) {
        if (rows.length > 100 && this.rows !== rows) this.rows = rows;
        this.count();
        setTimeout(work);
        return;
      }
      this.rows = rows;
      this.keepSelection();
      if (parsed.needsOwners) this.askAllOwners();
    };
    work();
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
    if (this.rowOf(line) < 0) this.unfold(line);
    this.select(this.rowOf(line), { address });
  }

  /** Takes away what hides a line: the filter, its group's or its run's folding. */
  protected unfold(line: number): void {
    this.setKept({ filter: '' });
    const marker = this.table.markerOf(line);
    if (marker >= 0 && isClosed(this.table, marker, this.folding())) this.turn(marker);
    let first = line;
    while (this.table.isHole(first - 1)) first--;
    if (this.table.isHole(line)) this.openRuns.add(first);
    this.rebuild();
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
    if (how.still !== true) this.list?.scrollTo(row, how.address === undefined ? 'auto' : 'center');
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

  /** The lines behind the selected rows, those in folded runs among them. */
  protected selectedLines(): number[] {
    const [low, high] = [Math.min(this.anchor, this.selected), Math.max(this.anchor, this.selected)];
    return low < 0 ? [] : this.linesOf(this.rows.slice(low, high + 1));
  }

  protected shownLines(): number[] {
    return this.linesOf(this.rows);
  }

  protected linesOf(rows: readonly Row[]): number[] {
    const lines: number[] = [];
    for (const row of rows) {
      const first = lineOf(row);
      const closed = this.parsed === undefined && this.table.isMarker(first) && isClosed(this.table, first, this.folding());
      const end = isFolded(row) ? endOfRun(this.table, first) : closed ? this.table.endOfGroup(first) : first + 1;
      for (let line = first; line < end; line++) lines.push(line);
    }
    return lines;
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
    this.rebuild();
    this.selected = this.rowOf(line);
    this.anchor = this.selected;
  }

  protected override updated(): void {
    const scroller = this.querySelector<HTMLElement>('.rows') ?? undefined;
    if (scroller !== this.list?.scroller) {
      this.list?.unmount();
      const changed = (): void => {
        this.requestUpdate();
      };
      this.list = scroller && new VirtualList(scroller, this.rows.length, { changed, head: headHeight, cover: rowHeight });
      this.requestUpdate();
      return;
    }
    this.list?.drawn();
    const inView = (this.list?.items ?? []).map(({ index }) => lineOf(this.rows[index] ?? 0));
    if (!(this.parsed?.needsOwners ?? false)) this.askOwners(inView);
  }
}
