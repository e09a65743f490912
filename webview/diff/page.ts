/**
 * What the page of two ptdumps knows and does: the lines of both, what differs, the rows that this makes, the selection.
 * What it has read stays when the session ends. main.ts draws it.
 */
import * as l10n from '@vscode/l10n';
import type { DiffSideFacts, DiffSideName, DiffToHost, HostToDiff } from '../../debug-adapter/protocol/diff-panel.ts';
import type { PtdumpChangeFacts } from '../../debug-adapter/protocol/facts.ts';
import type { HostToPanel } from '../../debug-adapter/protocol/panel.ts';
import { inverted } from '../../debug-adapter/protocol/ptdump-change.ts';
import type { PtdumpExportFormat } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { pageHost } from '../panel/host.ts';
import { LongText } from '../panel/long-text.ts';
import { PanelPage } from '../panel/panel-page.ts';
import { SlicedWork } from '../panel/sliced-work.ts';
import { VirtualList } from '../panel/virtual-list.ts';
import type { Heights } from '../panel/virtual-list.ts';
import { WordColumns } from '../ptdump/columns.ts';
import { hexOfPage, pageOf, RegionTable } from '../ptdump/table.ts';
import { Alignment, gap } from './align.ts';
import { exported } from './export.ts';
import { firstOf, isFolded, listedRows } from './rows.ts';
import type { ListRow } from './rows.ts';
import { onlyFrame, Tally } from './summary.ts';

interface PageState {
  /** Where the sides are found again. */
  readonly first: unknown;
  readonly second: unknown;
  /** Whether the second stands on the left. */
  readonly swapped: boolean;
  readonly onlyChanges: boolean;
  /** Whether changes of the physical memory alone count. */
  readonly frames: boolean;
  /** First address of the selected row. */
  readonly at: string | null;
}

/** All that came about one comparison. */
export interface Comparison {
  readonly generation: number;
  readonly facts: Readonly<Record<DiffSideName, DiffSideFacts>>;
  readonly tables: Readonly<Record<DiffSideName, RegionTable>>;
  readonly changes: PtdumpChangeFacts[];
  addressBits: 32 | 64;
  warnings: readonly string[];
}

interface Compared {
  readonly alignment: Alignment;
  /** What the changes come to. */
  readonly tally: Tally;
}

/** The extension host, which is asked once: VS Code allows no second time. */
export const api = pageHost<DiffToHost, PageState>();
const firstState: PageState = { first: null, second: null, swapped: false, onlyChanges: false, frames: true, at: null };
const changesBetweenLooks = 256;
const ownersAtOnce = 200;
/** Of the columns' names, in pixels; the sheet says the same. */
const headHeight = 22;

export abstract class DiffPage extends PanelPage<HostToDiff, DiffToHost, PageState> {
  /** What is shown. */
  protected shown: Comparison | undefined;
  /** What is being read; it is shown when all of it is there. */
  protected coming: Comparison | undefined;
  /** The sides of what could not be read. */
  protected refused: Comparison['facts'] | undefined;
  /** How far that is, in words. */
  protected stage = '';
  protected alignment: Alignment | undefined;
  protected rows: readonly ListRow[] = [];
  /** What the changes come to. */
  protected tally = new Tally();
  protected open = new Set<number>();
  protected selected = -1;
  protected list: VirtualList | undefined;
  protected heights: Heights = { row: 20, head: headHeight, cover: 20 };
  /** Whether the selected row is to be in view when the page has been drawn. */
  protected toReveal = false;
  readonly #aligning = new SlicedWork();
  readonly #listing = new SlicedWork();
  readonly #longText = new LongText();
  #ownersAsked = new Set<string>();

  constructor() {
    super(api, firstState);
  }

  override disconnectedCallback(): void {
    this.list?.unmount();
    super.disconnectedCallback();
  }

  protected abstract rowsChanged(): void;

  protected override failed(): void {
    this.refused = this.coming?.facts ?? this.refused;
    this.coming = undefined;
    this.stage = '';
  }

  protected override sessionChanged(): void {
    if (this.session?.state === 'ended' && this.coming !== undefined && usesSession(this.coming.facts)) this.failed();
  }

  protected override hear(message: Exclude<HostToDiff, HostToPanel>): void {
    if (message.kind === 'sides') {
      this.#begin(message);
      return;
    }
    if (message.kind === 'export') {
      this.#export(message.format);
      return;
    }
    const of = this.coming?.generation === message.generation ? this.coming : this.shown;
    if (of?.generation !== message.generation) return;
    switch (message.kind) {
      case 'lines': {
        const table = of.tables[message.side];
        for (const line of message.lines) table.add(line);
        const [read, total] = [message.start + message.lines.length, message.total].map((count) => count.toLocaleString('en'));
        this.stage =
          message.side === 'second' && message.start + message.lines.length >= message.total
            ? l10n.t('comparing…')
            : l10n.t('reading {0}: {1} of {2} lines', of.facts[message.side].label, read ?? '', total ?? '');
        break;
      }
      case 'changes':
        for (const change of message.changes) of.changes.push(change);
        of.addressBits = message.addressBits;
        of.warnings = message.warnings;
        if (of.changes.length >= message.total) this.#complete(of);
        break;
      case 'owners':
        for (const { line, owner } of message.owners) of.tables[message.side].owners.set(line, owner);
        break;
    }
  }

  #begin({ generation, first, second }: Extract<HostToDiff, { kind: 'sides' }>): void {
    const columns = new WordColumns();
    this.coming = {
      generation,
      facts: { first, second },
      tables: { first: new RegionTable(columns), second: new RegionTable(columns) },
      changes: [],
      addressBits: 64,
      warnings: [],
    };
    this.refused = undefined;
    this.problem = '';
    this.stage = l10n.t('reading {0}…', first.label);
    this.setKept({ first: first.place, second: second.place });
  }

  #complete(comparison: Comparison): void {
    this.coming = undefined;
    this.shown = comparison;
    this.#ownersAsked.clear();
    this.open.clear();
    this.rebuild();
  }

  /** The side that stands on the left or on the right. */
  protected nameOf(side: 'left' | 'right'): DiffSideName {
    return (side === 'left') === this.kept.swapped ? 'second' : 'first';
  }

  /** The two sides; undefined while nobody has said which. */
  protected get facts(): Comparison['facts'] | undefined {
    return (this.coming ?? this.shown)?.facts ?? this.refused;
  }

  protected sideFacts(side: 'left' | 'right'): DiffSideFacts | undefined {
    return this.facts?.[this.nameOf(side)];
  }

  /** Aligns anew; what is shown stays until it is done. */
  protected rebuild(): void {
    const { shown } = this;
    if (shown === undefined) return;
    this.#listing.stop();
    this.#aligning.start(this.#compare(shown), {
      progress: (share) => {
        this.#tell(l10n.t('aligning… {0} %', Math.round(100 * share)));
      },
      done: (compared) => {
        this.#tell('');
        this.relist(compared);
      },
    });
  }

  #tell(stage: string): void {
    this.stage = stage;
    this.requestUpdate();
  }

  /** All that takes time with a million rows; yields the share that is done. */
  *#compare({ changes: all, tables }: Comparison): Generator<number, Compared> {
    const { frames, swapped } = this.kept;
    const tally = new Tally();
    const changes: PtdumpChangeFacts[] = [];
    for (const [index, change] of all.entries()) {
      if (index % changesBetweenLooks === 0) yield 0;
      if (!frames && onlyFrame(change)) continue;
      const seen = swapped ? inverted(change) : change;
      changes.push(seen);
      tally.add(seen);
    }
    const alignment = new Alignment(tables[this.nameOf('left')], tables[this.nameOf('right')], changes);
    yield* alignment.build();
    return { alignment, tally };
  }

  /** The rows anew, of `compared` or of what is shown; the selected one is kept where it is still listed, or else as `then` says. */
  protected relist(compared: Partial<Compared> = {}, then = this.#selectKept): void {
    const { alignment = this.alignment, tally = this.tally } = compared;
    if (alignment === undefined) return;
    this.#listing.start(listedRows(alignment, { onlyChanges: this.kept.onlyChanges, open: new Set(this.open) }), {
      progress: (share) => {
        this.#tell(l10n.t('listing… {0} %', Math.round(100 * share)));
      },
      done: (rows) => {
        this.#tell('');
        this.alignment = alignment;
        this.tally = tally;
        this.rows = rows;
        this.list?.setCount(rows.length);
        this.rowsChanged();
        then();
        this.requestUpdate();
      },
    });
  }

  readonly #selectKept = (): void => {
    this.selected = this.kept.at === null ? -1 : this.#rowAt(pageOf(this.kept.at));
    if (this.selected < 0) this.goToChange(1, { still: true });
    else this.list?.scrollTo(this.selected, 'center');
  };

  /** The listed row that begins at a page; -1 where none does. */
  #rowAt(page: number): number {
    const { alignment, rows } = this;
    if (alignment === undefined) return -1;
    const startOf = (index: number): number => alignment.pageOfRow(firstOf(rows[index] ?? 0));
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (startOf(middle) < page) low = middle + 1;
      else high = middle;
    }
    while (low < rows.length && startOf(low) === page && (isFolded(rows[low] ?? 0) || alignment.isMarker(rows[low] ?? 0))) low++;
    return low < rows.length && startOf(low) === page ? low : -1;
  }

  /** Where a row begins. */
  protected addressOf(row: number): string {
    return hexOfPage(this.alignment?.pageOfRow(row) ?? 0);
  }

  protected select(index: number, how: { still?: boolean } = {}): void {
    const row = this.rows[index];
    if (row === undefined) return;
    this.selected = index;
    if (!isFolded(row) && this.alignment?.isMarker(row) === false) this.setKept({ at: this.addressOf(row) });
    if (how.still !== true) this.list?.scrollTo(index);
    this.requestUpdate();
  }

  /** To the next row (1) or the one before (-1) in which something differs; around the end, as in the diff editor. */
  protected goToChange(step: 1 | -1, how: { still?: boolean } = {}): void {
    const { alignment, rows } = this;
    if (alignment === undefined) return;
    for (let tried = 1; tried <= rows.length; tried++) {
      const index = (this.selected + step * tried + rows.length * 2) % rows.length;
      const row = rows[index];
      if (row === undefined || isFolded(row) || alignment.isEqual(row) || alignment.isMarker(row)) continue;
      this.select(index, { still: true });
      if (how.still !== true) this.list?.scrollTo(index, 'center');
      return;
    }
  }

  protected toggleRun(index: number): void {
    const row = this.rows[index];
    if (row === undefined || !isFolded(row)) return;
    if (!this.open.delete(firstOf(row))) this.open.add(firstOf(row));
    this.relist({}, () => {
      this.selected = index;
    });
  }

  #export(format: PtdumpExportFormat): void {
    const { alignment, tally } = this;
    if (alignment === undefined || this.shown === undefined) return;
    const { facts, addressBits, warnings } = this.shown;
    const [before, after] = [facts[this.nameOf('left')].label, facts[this.nameOf('right')].label];
    this.#longText.make(exported({ alignment, tally, before, after, addressBits, warnings }, format), {
      changed: () => {
        this.#tell(this.#longText.said);
      },
      hand: (part) => {
        api.postMessage({ kind: 'save', format, ...part });
      },
    });
  }

  /** Owners of what differs and is in view, where the session knows them. */
  protected askOwners(): void {
    const { alignment, shown } = this;
    if (alignment === undefined || shown === undefined || !this.live) return;
    const inView = (this.list?.items ?? []).flatMap(({ index }) => this.rows[index] ?? []);
    for (const side of ['left', 'right'] as const) {
      const name = this.nameOf(side);
      const { ofSession, past, mm } = shown.facts[name];
      if (!ofSession || past === true || mm === null) continue;
      const table = alignment[side];
      const lines = inView
        .filter((row) => !isFolded(row) && !alignment.isEqual(row) && !alignment.isMarker(row))
        .map((row) => alignment.cell(side, row))
        .filter(({ line, goesOn }) => line !== gap && !goesOn && !this.#ownersAsked.has(`${name} ${line}`))
        .map(({ line }) => line)
        .slice(0, ownersAtOnce);
      if (lines.length === 0) continue;
      for (const line of lines) this.#ownersAsked.add(`${name} ${line}`);
      const asked = lines.map((line) => ({ line, address: table.start(line) }));
      api.postMessage({ kind: 'owners', generation: shown.generation, side: name, mm, asked });
    }
  }

  protected override willUpdate(): void {
    const { row } = this.text;
    if (row === this.heights.row) return;
    this.heights = { row, head: Math.max(headHeight, row), cover: row };
    this.list?.setHeights(this.heights, this.rows.length);
  }

  protected override updated(): void {
    const scroller = this.querySelector<HTMLElement>('.rows') ?? undefined;
    if (scroller !== this.list?.scroller) {
      this.list?.unmount();
      this.list =
        scroller === undefined
          ? undefined
          : new VirtualList(scroller, this.rows.length, {
              changed: () => {
                this.requestUpdate();
              },
              heights: this.heights,
            });
      if (this.selected >= 0) this.list?.scrollTo(this.selected, 'center');
      this.requestUpdate();
      return;
    }
    this.list?.drawn();
    if (this.toReveal && this.selected >= 0) this.list?.scrollTo(this.selected);
    this.toReveal = false;
    this.askOwners();
  }
}

/** Whether one of the sides is read from a session. */
export function usesSession({ first, second }: Comparison['facts']): boolean {
  return first.ofSession || second.ofSession;
}
