/**
 * The ptdump page: the kernel's own lines in a virtual list, with filter, address-space chooser, jump, and the details of
 * the selected region. It holds all lines of one dump; only those in view are in the document.
 */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import { html, LitElement, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { AddressSpaceFacts } from '../../debug-adapter/protocol/facts.ts';
import { isExecutable, isWritable } from '../../debug-adapter/protocol/ptdump-words.ts';
import type { PtdumpLine } from '../../debug-adapter/protocol/requests.ts';
import type { HostToPtdump, PtdumpToHost } from '../../debug-adapter/protocol/webview.ts';
import { contains, parseFilter } from './filter.ts';

interface PageState {
  readonly mm: string;
  readonly user: boolean;
  readonly filter: string;
}

declare function acquireVsCodeApi(): {
  postMessage(message: PtdumpToHost): void;
  getState(): PageState | undefined;
  setState(state: PageState): void;
};

const api = acquireVsCodeApi();
const rowHeight = 20;

class PtdumpElement extends LitElement {
  #lines: PtdumpLine[] = [];
  #shown: number[] = [];
  #total = 0;
  #generation = 0;
  #spaces: readonly AddressSpaceFacts[] = [];
  #state: PageState = api.getState() ?? { mm: 'kernel', user: false, filter: '' };
  #active = false;
  #selected = -1;
  #problem = '';
  #details: Extract<HostToPtdump, { kind: 'details' }> | undefined;
  #wanted: string | undefined;
  #virtualizer: Virtualizer<HTMLElement, HTMLElement> | undefined;
  #cleanup: (() => void) | undefined;

  /** Renders into the page itself, so that the theme's variables and the style sheet apply. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('message', this.#receive);
    api.postMessage({ kind: 'ready' });
  }

  override disconnectedCallback(): void {
    window.removeEventListener('message', this.#receive);
    this.#cleanup?.();
    super.disconnectedCallback();
  }

  readonly #receive = (event: MessageEvent<HostToPtdump>): void => {
    const message = event.data;
    switch (message.kind) {
      case 'session':
        this.#active = message.active;
        break;
      case 'spaces':
        this.#spaces = message.spaces;
        if (!message.spaces.some(({ id }) => id === this.#state.mm)) this.#setState({ mm: 'kernel', user: false });
        this.#load();
        break;
      case 'lines':
        this.#addLines(message);
        break;
      case 'details':
        this.#details = message;
        break;
      case 'problem':
        this.#problem = message.message;
        break;
      case 'reveal':
        this.#reveal(message.address);
        break;
    }
    this.requestUpdate();
  };

  #setState(change: Partial<PageState>): void {
    this.#state = { ...this.#state, ...change };
    api.setState(this.#state);
  }

  #load(): void {
    this.#generation++;
    this.#lines = [];
    this.#shown = [];
    this.#total = 0;
    this.#selected = -1;
    this.#details = undefined;
    this.#problem = '';
    api.postMessage({ kind: 'load', generation: this.#generation, mm: this.#state.mm, user: this.#state.user });
  }

  #addLines(message: Extract<HostToPtdump, { kind: 'lines' }>): void {
    if (message.generation !== this.#generation) return;
    this.#total = message.total;
    for (const line of message.lines) this.#lines.push(line);
    this.#applyFilter();
    if (this.#wanted !== undefined && this.#lines.length >= this.#total) this.#reveal(this.#wanted);
  }

  /** Rows in view of the filter: matching regions, and the markers that have any. */
  #applyFilter(): void {
    const filter = parseFilter(this.#state.filter);
    if (filter === undefined) this.#shown = this.#lines.map((_, index) => index);
    else {
      const shown: number[] = [];
      let marker = -1;
      this.#lines.forEach((line, index) => {
        const { region } = line;
        if (region === null) marker = index;
        else if (filter({ ...line, region })) {
          if (marker >= 0) shown.push(marker);
          marker = -1;
          shown.push(index);
        }
      });
      this.#shown = shown;
    }
    this.#virtualizer?.setOptions({ ...this.#virtualizer.options, count: this.#shown.length });
    this.#virtualizer?.measure();
  }

  #reveal(address: string): void {
    let value: bigint;
    try {
      value = BigInt(address);
    } catch {
      this.#problem = `${address} is not an address; write 0x and hexadecimal digits`;
      this.requestUpdate();
      return;
    }
    if (this.#lines.length < this.#total || this.#total === 0) {
      this.#wanted = address;
      return;
    }
    this.#wanted = undefined;
    const line = this.#lines.findIndex(({ region }) => region !== null && contains(region, value));
    if (line < 0) {
      this.#problem = `no line covers ${address}`;
      this.requestUpdate();
      return;
    }
    this.#problem = '';
    if (!this.#shown.includes(line)) {
      this.#setState({ filter: '' });
      this.#applyFilter();
    }
    this.#select(this.#shown.indexOf(line), address);
  }

  /** Selects a shown row and asks for the details of `address`, or of the region's start. */
  #select(row: number, address?: string): void {
    const index = this.#shown[row];
    const line = index === undefined ? undefined : this.#lines[index];
    if (line === undefined) return;
    this.#selected = row;
    this.#virtualizer?.scrollToIndex(row, { align: 'auto' });
    this.#details = undefined;
    if (line.region !== null) api.postMessage({ kind: 'select', address: address ?? line.region.start, mm: this.#state.mm });
    this.requestUpdate();
  }

  protected override updated(): void {
    const scroller = this.querySelector<HTMLElement>('.rows');
    if (scroller === null) {
      this.#cleanup?.();
      this.#cleanup = undefined;
      this.#virtualizer = undefined;
      return;
    }
    if (this.#virtualizer === undefined) {
      this.#virtualizer = new Virtualizer<HTMLElement, HTMLElement>({
        count: this.#shown.length,
        getScrollElement: () => scroller,
        estimateSize: () => rowHeight,
        overscan: 12,
        scrollToFn: elementScroll,
        observeElementRect,
        observeElementOffset,
        onChange: () => {
          this.requestUpdate();
        },
      });
      this.#cleanup = this.#virtualizer._didMount();
      this.#virtualizer._willUpdate();
      this.requestUpdate();
      return;
    }
    this.#virtualizer._willUpdate();
  }

  protected override render(): TemplateResult {
    if (!this.#active) {
      return html`<div class="empty">
        <i class="codicon codicon-debug"></i>
        <p>No image is open.</p>
        <p>Start a Pagewalk session (F5, or «Pagewalk: Open Image…»), and its page tables appear here.</p>
      </div>`;
    }
    return html`${this.#toolbar()}
      <div class="body">${this.#table()}${this.#aside()}</div>`;
  }

  #toolbar(): TemplateResult {
    const { mm, user, filter } = this.#state;
    const space = this.#spaces.find(({ id }) => id === mm);
    const loading = this.#lines.length < this.#total || this.#total === 0;
    return html`<div class="toolbar" role="toolbar" aria-label="ptdump">
      <select aria-label="Address space" @change=${this.#chooseSpace}>
        ${this.#spaces.map(({ id, label }) => html`<option value=${id} ?selected=${id === mm}>${label}</option>`)}
      </select>
      ${space?.userRoot === null || space === undefined ? nothing : html`<label><input type="checkbox" .checked=${user} @change=${this.#toggleUser} /> user half</label>`}
      <input
        class="filter"
        type="search"
        placeholder="filter: w+x level:pmd size&gt;=2M va:0x… NX text"
        aria-label="Filter"
        .value=${filter}
        @input=${this.#changeFilter}
      />
      <input class="jump" placeholder="go to 0x…" aria-label="Go to address" @keydown=${this.#jump} />
      <button title="Copy the selected line" aria-label="Copy the selected line" @click=${this.#copy}>
        <i class="codicon codicon-copy"></i>
      </button>
      <button title="Open the text in an editor" aria-label="Open the text in an editor" @click=${this.#export}>
        <i class="codicon codicon-go-to-file"></i>
      </button>
      <span class="count" role="status"
        >${this.#problem !== '' ? html`<span class="problem">${this.#problem}</span>` : loading ? 'reading…' : `${this.#shown.filter((index) => this.#lines[index]?.region !== null).length} regions`}</span
      >
    </div>`;
  }

  #table(): TemplateResult {
    const items = this.#virtualizer?.getVirtualItems() ?? [];
    const sticky = this.#stickyMarker(items[0]?.index ?? 0);
    return html`<div class="table">
      <div class="sticky">${sticky}</div>
      <div
        class="rows"
        role="grid"
        tabindex="0"
        aria-label="Regions"
        aria-rowcount=${this.#shown.length}
        aria-activedescendant=${this.#selected < 0 ? nothing : `row-${this.#selected}`}
        @keydown=${this.#key}
      >
        <div class="canvas" style="height:${this.#virtualizer?.getTotalSize() ?? 0}px">
          ${items.map((item) => this.#row(item.index, item.start))}
        </div>
      </div>
      <div class="legend">
        <span class="w">RW</span> writable <span class="x">x</span> executable <span class="wx">RW x</span> both
        <span class="ro">ro NX</span> neither <span class="hole">hole</span> nothing mapped
      </div>
    </div>`;
  }

  #stickyMarker(first: number): string {
    for (let row = Math.min(first + 12, this.#shown.length - 1); row >= 0; row--) {
      const line = this.#lines[this.#shown[row] ?? -1];
      if (line?.region === null && row <= this.#firstVisible()) return markerName(line.text);
    }
    return '';
  }

  #firstVisible(): number {
    return Math.floor((this.#virtualizer?.scrollOffset ?? 0) / rowHeight);
  }

  #row(row: number, top: number): TemplateResult {
    const line = this.#lines[this.#shown[row] ?? -1];
    const selected = row === this.#selected;
    const style = `transform:translateY(${top}px)`;
    if (line === undefined) return html``;
    const { region } = line;
    if (region === null) {
      return html`<div class="row marker" role="row" aria-rowindex=${row + 1} id="row-${row}" style=${style}>
        <span role="rowheader">${markerName(line.text)}</span>
      </div>`;
    }
    const writable = isWritable(region.attributes);
    const executable = isExecutable(region.attributes);
    const kind = !region.present ? 'hole' : writable && executable ? 'wx' : writable ? 'w' : executable ? 'x' : 'ro';
    // Keys are handled by the grid: one tab stop, moved by arrows.
    // eslint-disable-next-line lit-a11y/click-events-have-key-events
    return html`<div
      class="row ${kind} ${selected ? 'selected' : ''}"
      role="row"
      aria-rowindex=${row + 1}
      aria-selected=${selected ? 'true' : 'false'}
      id="row-${row}"
      style=${style}
      @click=${() => {
        this.#select(row);
      }}
    >
      <span role="gridcell">${line.text}</span
      >${kind === 'wx' ? html`<i class="codicon codicon-warning" title="writable and executable"></i>` : nothing}
    </div>`;
  }

  #aside(): TemplateResult | typeof nothing {
    const line = this.#lines[this.#shown[this.#selected] ?? -1];
    if (line === undefined || line.region === null) return nothing;
    const { region } = line;
    return html`<aside aria-label="Selected region">
      <h2>${this.#details?.identify.summary ?? region.start}</h2>
      <dl>
        <dt>range</dt>
        <dd>${region.start}-${region.end}</dd>
        <dt>level</dt>
        <dd>${region.level}</dd>
        <dt>attributes</dt>
        <dd>${region.present ? region.attributes.join(' ') : 'nothing mapped'}</dd>
      </dl>
      ${this.#details === undefined ? html`<p class="muted">reading…</p>` : this.#walk(this.#details)}
    </aside>`;
  }

  #walk({ identify, walk, address }: Extract<HostToPtdump, { kind: 'details' }>): TemplateResult {
    return html`<h3>Walk of ${address}</h3>
      <table>
        ${walk.levels.map(
          ({ level, index, entry, flags }) =>
            html`<tr>
                <th scope="row">${level}</th>
                <td>[${index}]</td>
                <td>${entry}</td>
              </tr>
              <tr class="flags">
                <td></td>
                <td colspan="2">${flags.join(' ')}</td>
              </tr>`,
        )}
      </table>
      <p>
        ${walk.physical === null ? `not mapped: ${walk.reason ?? 'no entry'}` : `physical ${walk.physical}${walk.cacheType === null ? '' : `, ${walk.cacheType}`}`}
      </p>
      <h3>What it is</h3>
      <ul>
        ${identify.details.map(({ summary }) => html`<li>${summary}</li>`)}
      </ul>`;
  }

  readonly #chooseSpace = (event: Event): void => {
    this.#setState({ mm: (event.target as HTMLSelectElement).value, user: false });
    this.#load();
    this.requestUpdate();
  };

  readonly #toggleUser = (event: Event): void => {
    this.#setState({ user: (event.target as HTMLInputElement).checked });
    this.#load();
    this.requestUpdate();
  };

  readonly #changeFilter = (event: Event): void => {
    this.#setState({ filter: (event.target as HTMLInputElement).value });
    this.#selected = -1;
    this.#applyFilter();
    this.requestUpdate();
  };

  readonly #jump = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter') return;
    const text = (event.target as HTMLInputElement).value.trim();
    this.#reveal(/^[0-9a-f]{8,16}$/i.test(text) ? `0x${text}` : text);
  };

  readonly #key = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((this.querySelector('.rows')?.clientHeight ?? rowHeight) / rowHeight) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.#shown.length,
      End: this.#shown.length,
    };
    const step = steps[event.key];
    if (step === undefined) {
      if (event.key === 'c' && (event.ctrlKey || event.metaKey)) this.#copy();
      return;
    }
    event.preventDefault();
    let row = Math.min(Math.max(this.#selected + step, 0), this.#shown.length - 1);
    const direction = step < 0 ? -1 : 1;
    // Markers are passed over; the first row is one, with nothing before it.
    if (this.#lines[this.#shown[row] ?? -1]?.region === null) row += this.#shown[row + direction] === undefined ? -direction : direction;
    this.#select(row);
  };

  readonly #copy = (): void => {
    const line = this.#lines[this.#shown[this.#selected] ?? -1];
    if (line !== undefined) api.postMessage({ kind: 'copy', text: line.text });
  };

  readonly #export = (): void => {
    api.postMessage({ kind: 'export', text: this.#shown.map((index) => `${this.#lines[index]?.text ?? ''}\n`).join('') });
  };
}

function markerName(text: string): string {
  return /^---\[ (.*) \]---$/.exec(text)?.[1] ?? text;
}

customElements.define('pagewalk-ptdump', PtdumpElement);
