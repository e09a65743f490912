/**
 * The ptdump page: the kernel's own lines in a virtual list beside a map of the address space, with filter, address-space
 * chooser, jump, and the details of the selected region. Only rows in view are in the document.
 */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { details } from './details.ts';
import './filter-box.ts';
import { rowView } from './list.ts';
import './map.ts';
import { api, mostRows, PtdumpPage, rowHeight } from './page.ts';
import { isClosed, isFolded, lineOf } from './rows.ts';
import type { PageRange } from './strip.ts';
import { markerName, pageOf } from './table.ts';

class PtdumpElement extends PtdumpPage {
  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('keydown', this.#pageKey);
  }

  override disconnectedCallback(): void {
    window.removeEventListener('keydown', this.#pageKey);
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
    const { mm, user, filter, holes } = this.kept;
    const space = this.spaces.find(({ id }) => id === mm);
    const live = this.live;
    return html`<div class="toolbar" role="toolbar" aria-label="ptdump">
      <select aria-label="Address space" ?disabled=${!live} @change=${this.#chooseSpace}>
        ${space === undefined ? html`<option value=${mm} selected>root at ${mm}</option>` : nothing}
        ${this.spaces.map(({ id, label }) => html`<option value=${id} ?selected=${id === mm}>${label}</option>`)}
        <option value="root">Root table at…</option>
      </select>
      <input
        class="root"
        ?hidden=${!this.askRoot}
        placeholder="root table: 0x…"
        aria-label="Physical address of a root table"
        @keydown=${this.#chooseRoot}
      />
      ${
        space?.userRoot === null || space === undefined
          ? nothing
          : html`<label><input type="checkbox" .checked=${user} ?disabled=${!live} @change=${this.#toggleUser} /> user half</label>`
      }
      <pagewalk-filter
        .table=${this.table}
        .text=${filter}
        .problem=${this.filterProblem}
        @filter=${this.#changeFilter}
        @leave=${this.#focusRows}
      ></pagewalk-filter>
      <input class="jump" placeholder="go to 0x… or expression" aria-label="Go to an address or expression" @keydown=${this.#jump} />
      <button class="word" aria-pressed=${holes ? 'true' : 'false'} title="Show every hole in a row of its own" @click=${this.#toggleHoles}>
        Holes
      </button>
      <button class="icon" title="Copy the selected lines (Ctrl+C)" aria-label="Copy the selected lines" @click=${this.#copy}>
        <i class="codicon codicon-copy" aria-hidden="true"></i>
      </button>
      <button
        class="icon"
        title="Export what is shown…"
        aria-label="Export what is shown"
        @click=${() => {
          api.postMessage({ kind: 'chooseExport' });
        }}
      >
        <i class="codicon codicon-export" aria-hidden="true"></i>
      </button>
    </div>`;
  }

  #keptWords(): string {
    const [received, total] = [this.received.toLocaleString('en'), this.total.toLocaleString('en')];
    if (this.total < 0) return l10n.t('Nothing had been read yet.');
    return this.received < this.total
      ? l10n.t('Only {0} of {1} lines had been read.', received, total)
      : l10n.t('This is a snapshot of what it showed.');
  }

  #list(): TemplateResult {
    const items = this.virtualizer?.getVirtualItems() ?? [];
    const scrolled = this.virtualizer?.scrollOffset ?? 0;
    const first = items.find(({ end }) => end > scrolled);
    const marker = this.table.markerOf(lineOf(this.rows[first?.index ?? 0] ?? 0));
    const { rights, cache, flags } = this.table.widths();
    const width = (count: number, least: number): string => (count === 0 ? '0ch' : `${Math.max(count, least)}ch`);
    const range = Math.max(...[0, 1, 2].map((at) => this.table.range(this.table.firstFrom(0) + at).length), 21);
    const columns = `--columns:${range + 1}ch 7ch ${width(rights, 8)} 6ch minmax(20ch,1fr) ${width(cache, 7)} ${width(flags, 7)}`;
    const [low, high] = [Math.min(this.anchor, this.selected), Math.max(this.anchor, this.selected)];
    return html`<div class="table" style=${columns}>
      <div
        class="rows"
        role="treegrid"
        tabindex="0"
        aria-label="Regions"
        aria-multiselectable="true"
        aria-rowcount=${this.rows.length + 1}
        aria-colcount="7"
        aria-activedescendant=${items.some(({ index }) => index === this.selected) ? `row-${this.selected}` : nothing}
        @keydown=${this.#key}
      >
        <div class="head" role="rowgroup">
          <div class="columns" role="row" aria-rowindex="1">
            ${['Range', 'Size', 'Rights', 'Level', 'Owner', cache === 0 ? '' : 'Cache', flags === 0 ? '' : 'Flags'].map(
              (name) => html`<span role="columnheader">${name}</span>`,
            )}
          </div>
          <div class="sticky" aria-hidden="true">${marker < 0 ? '' : markerName(this.table.texts[marker] ?? '')}</div>
        </div>
        <div class="canvas" role="rowgroup" style="height:${this.virtualizer?.getTotalSize() ?? 0}px">
          ${items.map(({ index, start }) => this.#row(index, start, index >= low && index <= high && high >= 0))}
        </div>
      </div>
    </div>`;
  }

  #row(index: number, top: number, selected: boolean): TemplateResult | typeof nothing {
    const row = this.rows[index];
    if (row === undefined) return nothing;
    const line = lineOf(row);
    const { table } = this;
    return rowView({
      table,
      row,
      index,
      top,
      selected,
      closed: this.parsed === undefined && table.isMarker(line) && isClosed(table, line, this.folding()),
      finding: table.isMarker(line) ? undefined : this.#findingsOf(line)[0]?.message,
      press: (event) => {
        if (event.detail === 2) this.toggleRow(index);
        else this.select(index, { still: true, extend: event.shiftKey });
      },
      toggle: () => {
        this.toggleRow(index);
      },
    });
  }

  #findingsOf(line: number): typeof this.findings {
    if (this.findings.length === 0) return [];
    const from = this.table.startPages[line] ?? 0;
    const to = this.table.endPages[line] ?? 0;
    return this.findings.filter(({ virtual }) => pageOf(virtual) >= from && pageOf(virtual) < to);
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
    return html`<div class="status">
      <span class="count" role="status">${this.#said()}</span>
      ${table.writableExecutable === 0 ? nothing : html`<span>${table.writableExecutable.toLocaleString('en')} writable and executable</span>`}
      ${this.findings.length === 0 ? nothing : html`<span>${this.findings.length} ${this.findings.length === 1 ? 'finding' : 'findings'}</span>`}
      ${this.findingsState === '' ? nothing : html`<span>${this.findingsState}</span>`}
      ${this.problem === '' ? nothing : html`<span class="problem" role="alert">${this.problem}</span>`}
      <span class="legend"
        ><span class="wx">W+X</span><span class="w">writable</span><span class="x">executable</span><span class="ro">read-only</span
        ><span class="hole">nothing mapped</span></span
      >
    </div>`;
  }

  #said(): string {
    const shown = (count: number): string => count.toLocaleString('en');
    if (this.loadFailed) return `${shown(this.table.regions)} regions were read`;
    if (this.loading) return this.total < 0 ? 'reading the page tables…' : `reading… ${shown(this.received)} of ${shown(this.total)} lines`;
    if (this.filterShare !== undefined) return `filtering… ${Math.round(this.filterShare * 100)} %`;
    if (this.parsed === undefined) return `${shown(this.table.regions)} regions`;
    const regions = this.rows.filter((row) => !isFolded(row) && !this.table.isMarker(row)).length;
    const owners =
      this.parsed.needsOwners && this.table.owners.size < this.table.regions
        ? `; owners of ${shown(this.table.owners.size)} are known so far`
        : '';
    const cut = this.rows.length > mostRows ? `; the first ${shown(mostRows)} are listed` : '';
    return `${shown(regions)} of ${shown(this.table.regions)} regions${owners}${cut}`;
  }

  readonly #choose = (event: CustomEvent<PageRange>): void => {
    const { from, to } = event.detail;
    const { table } = this;
    let first = table.firstFrom(from);
    while (table.isMarker(first)) first++;
    if (to - from > 1) {
      const rows = this.rows
        .map((_, index) => index)
        .filter((index) => {
          const line = lineOf(this.rows[index] ?? 0);
          return (table.startPages[line] ?? 0) < to && (table.endPages[line] ?? 0) > from;
        });
      const [low, high] = [rows[0], rows.at(-1)];
      if (low === undefined || high === undefined) return;
      this.select(high, { still: true });
      this.anchor = high;
      this.select(low, { extend: true });
      const map = this.querySelector('pagewalk-map');
      if (map !== null) map.brush = event.detail;
      return;
    }
    if (first < table.length) this.reveal(`0x${from.toString(16)}000`);
  };

  readonly #chooseSpace = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement;
    this.askRoot = value === 'root';
    if (this.askRoot) {
      void this.updateComplete.then(() => this.querySelector<HTMLInputElement>('input.root')?.focus());
      this.requestUpdate();
      return;
    }
    this.showSpace({ mm: value, user: false });
  };

  readonly #chooseRoot = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter') return;
    const typed = (event.target as HTMLInputElement).value.trim();
    const mm = this.checkedAddress(typed);
    if (mm === undefined) return;
    this.askRoot = false;
    this.showSpace({ mm, user: false });
  };

  readonly #toggleUser = (event: Event): void => {
    this.showSpace({ user: (event.target as HTMLInputElement).checked });
  };

  readonly #toggleHoles = (): void => {
    this.setKept({ holes: !this.kept.holes });
    this.openRuns.clear();
    this.rebuild();
    if (this.selected >= 0) this.virtualizer?.scrollToIndex(this.selected, { align: 'center' });
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

  readonly #jump = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter') return;
    const text = (event.target as HTMLInputElement).value.trim();
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
    const target = { f: 'input.filter', g: 'input.jump' }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.querySelector<HTMLInputElement>(target)?.select();
  };

  readonly #key = (event: KeyboardEvent): void => {
    const { key } = event;
    const last = Math.min(mostRows, this.rows.length) - 1;
    const page = Math.max(1, Math.floor((this.querySelector('.rows')?.clientHeight ?? rowHeight) / rowHeight) - 3);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -last - 1,
      End: last + 1,
    };
    const step = steps[key];
    const entry = this.rows[this.selected];
    if (step !== undefined) this.select(Math.min(Math.max(this.selected + step, 0), last), { extend: event.shiftKey });
    else if (key === 'c' && (event.ctrlKey || event.metaKey)) this.#copy();
    else if (key === 'a' && (event.ctrlKey || event.metaKey)) {
      this.anchor = 0;
      this.selected = last;
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
    const text = this.selectedLines()
      .map((line) => `${this.table.texts[line] ?? ''}\n`)
      .join('');
    if (text !== '') api.postMessage({ kind: 'copy', text: text.replace(/^([^\n]*)\n$/, '$1') });
  };
}

customElements.define('pagewalk-ptdump', PtdumpElement);
