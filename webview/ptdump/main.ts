/**
 * The ptdump page: the kernel's own lines in a virtual list beside a map of the address space, with filter, address-space
 * chooser, jump, and the details of the selected region. Only rows in view are in the document.
 */
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { TemplateResult } from 'lit';
import type { FindingFacts } from '../../debug-adapter/protocol/facts.ts';
import { details } from './details.ts';
import { layoutFor } from './layout.ts';
import type { Layout } from './layout.ts';
import { groupWords, rowView, shapeOf } from './list.ts';
import './map.ts';
import { rowOfKey } from '../panel/row-keys.ts';
import { RowSlots } from '../panel/row-slots.ts';
import { VirtualList } from '../panel/virtual-list.ts';
import type { Heights } from '../panel/virtual-list.ts';
import { api, PtdumpPage } from './page.ts';
import { isClosed, isFolded, lineOf } from './rows.ts';
import type { PageRange } from './strip.ts';
import { markerName } from './table.ts';
import { hasOneField, toolbar } from './toolbar.ts';

/** Pixels of a row beside what stands in it, and VS Code's scroll bar. */
const besideRow = 24 + 10;
/** Of the columns' names. */
const headHeight = 22;

class PtdumpElement extends PtdumpPage {
  readonly #slots = new RowSlots();
  /** Where the toolbar has one field: whether that is for addresses. */
  #goingTo = false;
  /** Of the list, in pixels. */
  #room = { width: 0, height: 0 };
  #layout: Layout | undefined;
  #heights: Heights = { row: 20, head: headHeight, cover: 20 };
  readonly #resized = new ResizeObserver(() => {
    const { clientWidth: width, clientHeight: height } = this.list?.scroller ?? this;
    // What one looks at stays in view, also where the details take room.
    if (this.list?.isInView(this.selected, this.#room.height) === true) this.toReveal ??= 'auto';
    this.#room = { width, height };
    this.requestUpdate();
  });

  override connectedCallback(): void {
    super.connectedCallback();
    document.body.addEventListener('keydown', this.#pageKey);
    this.#resized.observe(this);
  }

  override disconnectedCallback(): void {
    document.body.removeEventListener('keydown', this.#pageKey);
    this.#resized.disconnect();
    super.disconnectedCallback();
  }

  protected override render(): TemplateResult {
    if (this.session === undefined || (this.session.state === 'none' && this.table.length === 0)) {
      return this.empty(l10n.t('its page tables'));
    }
    return html`${this.#toolbar()}${this.endedBanner(this.#keptWords())}
      <div class="body"><pagewalk-map @choose=${this.#choose}></pagewalk-map>${this.#list()}${this.#aside()}</div>
      ${this.#status()}`;
  }

  #toolbar(): TemplateResult {
    const { filter, holes, mm } = this.kept;
    return toolbar({
      page: this,
      table: this.table,
      space: this.#spaceWords(),
      filter,
      problem: this.filterProblem,
      holes,
      goingTo: this.#goingTo,
      live: this.live,
      chooseSpace: () => {
        api.postMessage({ kind: 'chooseSpace' });
      },
      changeFilter: this.#changeFilter,
      leaveFilter: this.#focusRows,
      goToKey: this.#jump,
      goTo: this.#focusJump,
      leaveGoTo: this.#leaveJump,
      toggleHoles: this.#toggleHoles,
      compare: () => {
        api.postMessage({ kind: 'command', command: 'comparePageTables', address: '0x0', mm });
      },
      copy: this.#copy,
      chooseExport: () => {
        api.postMessage({ kind: 'chooseExport' });
      },
    });
  }

  /** The address space that is shown. */
  #spaceWords(): string {
    const { mm, user } = this.kept;
    const label = this.spaces.find(({ id }) => id === mm)?.label ?? (mm.startsWith('0x') ? l10n.t('root at {0}', mm) : mm);
    return user ? l10n.t('{0}, user half', label) : label;
  }

  #keptWords(): string {
    const [received, total] = [this.received.toLocaleString('en'), this.total.toLocaleString('en')];
    if (this.total < 0) return l10n.t('Nothing had been read yet.');
    return this.received < this.total
      ? l10n.t('Only {0} of {1} lines had been read.', received, total)
      : l10n.t('This is a snapshot of what it showed.');
  }

  #list(): TemplateResult {
    const items = this.list?.items ?? [];
    const shown = items.map(({ index, start }) => ({ id: index, top: start, shape: shapeOf(this.table, this.rows[index] ?? 0) }));
    const first = lineOf(this.rows[this.list?.firstInView ?? 0] ?? 0);
    // The group's name covers the first row in view, where its own row is not.
    const marker = this.table.isMarker(first) ? -1 : this.table.markerOf(first);
    const [low, high] = [Math.min(this.anchor, this.selected), Math.max(this.anchor, this.selected)];
    const { columns, tall, flags } = this.#layout ?? this.#layoutNow();
    const names = [l10n.t('Range'), l10n.t('Size'), l10n.t('Rights'), l10n.t('Level'), l10n.t('Owner'), flags ? l10n.t('Flags') : ''];
    const classes = ['range', 'size', 'rights', 'level', 'owner', 'flags'];
    return html`<div
      class="table${tall ? ' tall' : ''}"
      style="--columns:${columns};--row:${this.#heights.row}px;--head:${this.#heights.head}px"
    >
      <div
        class="rows"
        role="treegrid"
        tabindex="0"
        aria-label=${l10n.t('Regions')}
        aria-multiselectable="true"
        aria-rowcount=${this.rows.length + 1}
        aria-colcount="6"
        aria-activedescendant=${items.some(({ index }) => index === this.selected) ? `row-${this.selected}` : nothing}
        @keydown=${this.#key}
      >
        <div class="head" role="rowgroup">
          <div class="columns" role="row" aria-rowindex="1">
            ${names.map((name, at) => html`<span role="columnheader" class=${classes[at] ?? ''}>${name}</span>`)}
          </div>
          ${marker < 0 ? nothing : html`<div class="sticky" aria-hidden="true"><span class="name">${markerName(this.table.texts[marker] ?? '')}</span>${this.parsed === undefined ? groupWords(this.table, marker) : nothing}</div>`}
        </div>
        <div class="canvas" role="rowgroup" style="height:${this.list?.height ?? 0}px">
          ${repeat(
            this.#slots.arrange(shown, this.list?.moving ?? false),
            ({ slot }) => slot,
            ({ row: { id, top } }) => this.#row(id, top, id >= low && id <= high && high >= 0),
          )}
        </div>
      </div>
    </div>`;
  }

  #layoutNow(): Layout {
    const { table } = this;
    const range = Math.max(...[0, 1, 2].map((at) => table.range(table.firstFrom(0) + at).length), 21);
    const room = ((this.#room.width || this.clientWidth) - besideRow) / this.text.character;
    return layoutFor(room, { address: (range - 1) / 2, rights: table.widths().rights, flags: table.flagsWidth() });
  }

  protected override willUpdate(): void {
    this.#layout = this.#layoutNow();
    const { tall } = this.#layout;
    const row = tall ? this.text.tallRow : this.text.row;
    if (row === this.#heights.row) return;
    this.#heights = { row, head: tall ? row : Math.max(headHeight, row), cover: row };
    if (this.list?.isInView(this.selected, this.#room.height) === true) this.toReveal ??= 'auto';
    this.list?.setHeights(this.#heights, this.rows.length);
  }

  protected override updated(): void {
    const scroller = this.querySelector<HTMLElement>('.rows') ?? undefined;
    if (scroller !== this.list?.scroller) {
      this.list?.unmount();
      const changed = (): void => {
        this.requestUpdate();
      };
      this.list = scroller && new VirtualList(scroller, this.rows.length, { changed, heights: this.#heights });
      if (scroller !== undefined) this.#resized.observe(scroller);
      this.requestUpdate();
      return;
    }
    this.list?.drawn();
    if (this.toReveal !== undefined && this.selected >= 0) this.list?.scrollTo(this.selected, this.toReveal);
    this.toReveal = undefined;
    const inView = (this.list?.items ?? []).map(({ index }) => lineOf(this.rows[index] ?? 0));
    if (!(this.parsed?.needsOwners ?? false)) this.askOwners(inView);
  }

  #row(index: number, top: number, selected: boolean): TemplateResult | typeof nothing {
    const row = this.rows[index];
    if (row === undefined) return nothing;
    const line = lineOf(row);
    const { table } = this;
    return rowView({
      table,
      ends: this.#layout?.ends ?? true,
      flags: this.#layout?.flags ?? true,
      whole: this.parsed === undefined,
      row,
      index,
      top,
      selected,
      closed: this.parsed === undefined && table.isMarker(line) && isClosed(table, line, this.folding()),
      finding: table.isMarker(line) ? undefined : this.#findingsOf(line)[0]?.message,
      changed: table.isMarker(line) ? '' : this.changedWords(line),
      press: (event) => {
        if (event.detail === 2) this.toggleRow(index);
        else this.select(index, { still: true, extend: event.shiftKey });
      },
      toggle: () => {
        this.toggleRow(index);
      },
    });
  }

  #findingsOf(line: number): FindingFacts[] {
    return this.findings.within(this.table.startPages[line] ?? 0, this.table.endPages[line] ?? 0);
  }

  #aside(): TemplateResult | typeof nothing {
    const entry = this.rows[this.selected];
    if (entry === undefined || this.detailsClosed) return nothing;
    return details({
      table: this.table,
      line: lineOf(entry),
      facts: this.facts,
      findings: this.#findingsOf(lineOf(entry)),
      mappings: this.mappings,
      changed: this.changedWords(lineOf(entry)),
      live: this.live,
      whoMaps: (physical) => {
        this.mappings = 'asked';
        api.postMessage({ kind: 'whoMaps', generation: this.generation, physical, all: true });
        this.requestUpdate();
      },
      command: (command, address) => {
        api.postMessage({ kind: 'command', command, address, mm: this.kept.mm });
      },
      close: this.#closeDetails,
    });
  }

  #status(): TemplateResult {
    const { table } = this;
    const figure = (count: number): string => count.toLocaleString('en');
    const changed =
      this.changed.count === 1
        ? l10n.t('1 entry changed since {0}', this.changedSince)
        : l10n.t('{0} entries changed since {1}', figure(this.changed.count), this.changedSince);
    const findings = this.findings.count === 1 ? l10n.t('1 finding') : l10n.t('{0} findings', figure(this.findings.count));
    return html`<div class="status">
      <span class="count" role="status">${this.#said()}</span>
      ${table.writableExecutable === 0 ? nothing : html`<span>${l10n.t('{0} writable and executable', figure(table.writableExecutable))}</span>`}
      ${this.findings.count === 0 ? nothing : html`<span>${findings}</span>`}
      ${this.changed.count === 0 ? nothing : html`<span>${changed}</span>`}
      ${this.longText.said === '' ? nothing : html`<span role="status">${this.longText.said}</span>`}
      ${this.findingsState === '' ? nothing : html`<span>${this.findingsState}</span>`}
      ${this.findingsState !== '' && this.findingsState !== lookingWords() ? this.#askFindingsButton() : nothing}
      ${this.problem === '' ? nothing : html`<span class="problem" role="alert">${this.problem}</span>`}
      <span class="legend"
        ><span class="wx">W+X</span><span class="w">${l10n.t('writable')}</span><span class="x">${l10n.t('executable')}</span
        ><span class="ro">${l10n.t('read-only')}</span><span class="hole">${l10n.t('nothing mapped')}</span></span
      >
    </div>`;
  }

  protected override askFindings(): void {
    this.findingsState = lookingWords();
    api.postMessage({ kind: 'findings', generation: this.generation, mm: this.kept.mm });
    this.requestUpdate();
  }

  #askFindingsButton(): TemplateResult {
    return html`<vscode-toolbar-button
      class="ask-findings"
      icon="refresh"
      label=${l10n.t('Look for findings again')}
      title=${l10n.t('Look for findings again')}
      @click=${() => {
        this.askFindings();
      }}
    ></vscode-toolbar-button>`;
  }

  #said(): string {
    const figure = (count: number): string => count.toLocaleString('en');
    const { regions, owners } = this.table;
    const listed = this.list?.count ?? this.rows.length;
    if (this.loadFailed) return l10n.t('{0} regions were read', figure(regions));
    if (this.loading) {
      return this.total < 0
        ? l10n.t('reading the page tables…')
        : l10n.t('reading… {0} of {1} lines', figure(this.received), figure(this.total));
    }
    if (this.filterShare !== undefined) return l10n.t('filtering… {0} %', Math.round(this.filterShare * 100));
    if (this.parsed === undefined) return l10n.t('{0} regions', figure(regions));
    return [
      l10n.t('{0} of {1} regions', figure(this.found), figure(regions)),
      ...(this.parsed.needsOwners && owners.size < regions ? [l10n.t('owners of {0} are known so far', figure(owners.size))] : []),
      ...(this.rows.length > listed ? [l10n.t('the first {0} are listed', figure(listed))] : []),
    ].join('; ');
  }

  readonly #choose = (event: CustomEvent<PageRange>): void => {
    const { from, to } = event.detail;
    const { table } = this;
    let first = table.firstFrom(from);
    while (table.isMarker(first)) first++;
    if (to - from > 1) {
      const low = this.firstRowFrom(first);
      const last = table.firstFrom(to - 1);
      const high = this.firstRowFrom((table.startPages[last] ?? to) < to ? last + 1 : last) - 1;
      if (low > high) return;
      this.select(high, { still: true });
      this.anchor = high;
      this.select(low, { extend: true });
      const map = this.querySelector('pagewalk-map');
      if (map !== null) map.brush = event.detail;
      return;
    }
    if (first < table.length) this.reveal(`0x${from.toString(16)}000`);
  };

  readonly #toggleHoles = (): void => {
    this.setKept({ holes: !this.kept.holes });
    this.openRuns.clear();
    this.rebuild(() => {
      if (this.selected >= 0) this.toReveal = 'center';
    });
  };

  readonly #changeFilter = (event: CustomEvent<string>): void => {
    this.setKept({ filter: event.detail });
    this.problem = '';
    this.rebuild();
    this.requestUpdate();
  };

  readonly #focusRows = (): void => {
    this.querySelector<HTMLElement>('.rows')?.focus();
  };

  readonly #focusJump = (): void => {
    this.#goingTo = true;
    this.requestUpdate();
    void this.updateComplete.then(() => {
      this.querySelector('vscode-textfield')?.focus();
    });
  };

  readonly #leaveJump = (): void => {
    this.#goingTo = false;
    this.requestUpdate();
  };

  readonly #jump = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') this.#focusRows();
    if (event.key !== 'Enter') return;
    const text = (event.currentTarget as HTMLInputElement).value.trim();
    // In the place of the filter it is there only for the question.
    if (hasOneField(this)) this.#focusRows();
    if (/^0x[0-9a-f]+$/i.test(text) || /^[0-9a-f]{8,}$/i.test(text)) this.reveal(text);
    else if (text !== '') api.postMessage({ kind: 'goTo', expression: text });
  };

  readonly #closeDetails = (): void => {
    this.detailsClosed = true;
    this.#focusRows();
    this.requestUpdate();
  };

  readonly #pageKey = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey)) return;
    if (event.key === 'g') this.#focusJump();
    else if (event.key === 'f') {
      const field = this.querySelector<HTMLInputElement>('input.filter');
      field?.focus();
      field?.select();
    } else return;
    event.preventDefault();
  };

  readonly #key = (event: KeyboardEvent): void => {
    const { key } = event;
    const next = rowOfKey(key, this.selected, this.list);
    const entry = this.rows[this.selected];
    if (next !== undefined) this.select(next, { extend: event.shiftKey });
    else if (key === 'c' && (event.ctrlKey || event.metaKey)) this.#copy();
    else if (key === 'a' && (event.ctrlKey || event.metaKey)) {
      this.anchor = 0;
      this.selected = (this.list?.count ?? 0) - 1;
      this.requestUpdate();
    } else if (key === 'Escape') this.#closeDetails();
    else if (entry !== undefined && (key === 'Enter' || key === ' ')) {
      this.toggleRow(this.selected);
      this.detailsClosed = false;
      this.requestUpdate();
    } else if (entry !== undefined && (key === 'ArrowLeft' || key === 'ArrowRight'))
      this.#fold(lineOf(entry), isFolded(entry), key === 'ArrowRight');
    else return;
    event.preventDefault();
  };

  /** Right opens what is closed; left closes it, or goes to the marker. */
  #fold(line: number, folded: boolean, open: boolean): void {
    const closed = folded || (this.table.isMarker(line) && isClosed(this.table, line, this.folding()));
    if (closed === open && (folded || this.table.isMarker(line) || this.openRuns.has(line))) this.toggleRow(this.selected);
    else if (!open && this.openRuns.has(line)) this.toggleRow(this.selected);
    else if (!open) this.select(this.rowOf(this.table.markerOf(line)));
  }

  readonly #copy = (): void => {
    this.copySelected();
  };
}

customElements.define('pagewalk-ptdump', PtdumpElement);

/** What is said while findings are looked for; anything else that is said of them is why they were refused. */
function lookingWords(): string {
  return l10n.t('looking for findings…');
}
