/** The page of two ptdumps side by side: rows aligned by address, what differs marked, next and previous always in reach. */
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { TemplateResult } from 'lit';
import type { PtdumpChangeFacts } from '../../debug-adapter/protocol/facts.ts';
import type { PanelCommand } from '../../debug-adapter/protocol/panel.ts';
import { actionsView } from '../panel/actions.ts';
import type { Action } from '../panel/actions.ts';
import { rowOfKey } from '../panel/row-keys.ts';
import { RowSlots } from '../panel/row-slots.ts';
import { markerName } from '../ptdump/table.ts';
import { gap } from './align.ts';
import type { Alignment } from './align.ts';
import { changedLines } from './export.ts';
import { api, DiffPage, usesSession } from './page.ts';
import { layoutFor } from './layout.ts';
import type { Layout } from './layout.ts';
import { rowView, shapeOf } from './row.ts';
import { firstOf, foldedCount, isFolded } from './rows.ts';
import { drawRuler } from './ruler.ts';
import { wordsWidth } from '../panel/text-size.ts';
import { changeWords } from './summary.ts';
import { compactWidth } from './words.ts';

/** Pixels beside the list: the ruler, as the sheet says, and VS Code's scroll bar. */
const besideList = 14 + 10;
/** Pixels of the toolbar that the names of the sides need at least, with what lies between them. */
const leastForSides = 260;
/** Pixels that a name takes at most, and that lie around it. */
const nameRoom = { most: 352, around: 60 };

class DiffElement extends DiffPage {
  readonly #slots = new RowSlots();
  /** Whose width is kept. */
  #measured: Alignment | undefined;
  /** Characters of the longest words of a line where they stand close together. */
  #compactWidth = 0;
  /** Of the list, in pixels. */
  #height = 0;
  #observed: HTMLElement | undefined;
  readonly #resized = new ResizeObserver(() => {
    // What one looks at stays in view.
    this.toReveal = this.list?.isInView(this.selected, this.#height) === true;
    this.#height = this.list?.scroller.clientHeight ?? 0;
    this.requestUpdate();
    this.#drawRuler();
  });
  readonly #themed = new MutationObserver(() => {
    this.#drawRuler();
  });

  override connectedCallback(): void {
    super.connectedCallback();
    document.body.addEventListener('keydown', this.#pageKey);
    this.#resized.observe(this);
    this.#themed.observe(document.body, { attributeFilter: ['class'] });
  }

  override disconnectedCallback(): void {
    document.body.removeEventListener('keydown', this.#pageKey);
    this.#resized.disconnect();
    this.#themed.disconnect();
    super.disconnectedCallback();
  }

  protected override updated(): void {
    super.updated();
    const scroller = this.list?.scroller;
    if (scroller === this.#observed) return;
    this.#observed = scroller;
    if (scroller !== undefined) this.#resized.observe(scroller);
  }

  protected override rowsChanged(): void {
    const { alignment } = this;
    if (alignment !== this.#measured) {
      this.#measured = alignment;
      this.#compactWidth = alignment === undefined ? 0 : Math.max(...[alignment.left, alignment.right].map(compactWidth));
    }
    void this.updateComplete.then(() => {
      this.#drawRuler();
    });
  }

  #drawRuler(): void {
    const canvas = this.querySelector<HTMLCanvasElement>('canvas.ruler');
    const { alignment } = this;
    if (canvas === null || alignment === undefined) return;
    drawRuler(canvas, this.rows.length, (index) => {
      const row = this.rows[index];
      return row === undefined || isFolded(row) ? undefined : alignment.state(row);
    });
  }

  protected override render(): TemplateResult {
    const { facts } = this;
    if (facts === undefined) {
      return this.problem === ''
        ? this.empty(l10n.t('the two dumps'))
        : html`${this.#toolbar()}
            <p class="failure problem" role="alert">${this.problem}</p>`;
    }
    const ended = usesSession(facts)
      ? this.endedBanner(
          this.shown === undefined ? l10n.t('Nothing had been compared yet.') : l10n.t('This is a snapshot of what it showed.'),
        )
      : nothing;
    return html`${this.#toolbar()}${ended}${this.alignment === undefined ? this.#waiting() : html`${this.#summary()}${this.#body()}`}${this.#status()}`;
  }

  #waiting(): TemplateResult {
    return html`<div class="body waiting">
      ${this.problem === '' ? html`<p class="muted" role="status">${this.stage}</p>` : html`<p class="problem" role="alert">${this.problem}</p>`}
      ${this.refused !== undefined && (this.live || !usesSession(this.refused)) ? this.#againButton() : nothing}
    </div>`;
  }

  #againButton(): TemplateResult {
    return html`<button class="again" @click=${this.#compareAgain}>${l10n.t('Compare again')}</button>`;
  }

  #toolbar(): TemplateResult {
    const names = (['left', 'right'] as const).map((name) => wordsWidth(this.sideFacts(name)?.label ?? '…'));
    const sides = names.reduce((sum, width) => sum + Math.min(nameRoom.most, width + nameRoom.around), 60);
    const room = this.clientWidth - Math.max(leastForSides, Math.min(sides, this.clientWidth / 2));
    return html`<div class="toolbar one-line" role="toolbar" aria-label=${l10n.t('Comparison')}>
      ${this.#sideButton('left', l10n.t('Before'))}
      <vscode-toolbar-button
        icon="arrow-swap"
        label=${l10n.t('Swap the sides')}
        title=${l10n.t('Swap the sides')}
        @click=${this.#swap}
      ></vscode-toolbar-button>
      ${this.#sideButton('right', l10n.t('After'))}
      <span class="space"></span>
      ${actionsView(this.#actions(), room)}
    </div>`;
  }

  #actions(): Action[] {
    return [
      {
        name: 'previous',
        icon: 'arrow-up',
        label: l10n.t('Previous change'),
        title: l10n.t('Previous change (p, Shift+F7)'),
        run: () => {
          this.goToChange(-1);
        },
      },
      {
        name: 'next',
        icon: 'arrow-down',
        label: l10n.t('Next change'),
        title: l10n.t('Next change (n, F7)'),
        run: () => {
          this.goToChange(1);
        },
      },
      {
        name: 'only',
        icon: 'list-filter',
        label: l10n.t('Only changes'),
        title: l10n.t('Show only what differs'),
        words: true,
        checked: this.kept.onlyChanges,
        run: this.#toggleOnly,
      },
      {
        name: 'frames',
        icon: 'layers',
        label: l10n.t('Frames'),
        title: l10n.t('Count changes of the physical memory alone'),
        words: true,
        checked: this.kept.frames,
        run: this.#toggleFrames,
      },
      {
        name: 'again',
        icon: 'refresh',
        label: l10n.t('Compare again'),
        title: l10n.t('Compare again'),
        run: this.#compareAgain,
      },
      {
        name: 'text',
        icon: 'diff',
        label: l10n.t('As text'),
        title: l10n.t('The plain text in the diff editor'),
        words: true,
        run: () => {
          api.postMessage({ kind: 'asText', swapped: this.kept.swapped });
        },
      },
      {
        name: 'export',
        icon: 'export',
        label: l10n.t('Export'),
        title: l10n.t('Export what differs…'),
        run: () => {
          if (this.alignment !== undefined) api.postMessage({ kind: 'chooseExport' });
        },
      },
    ];
  }

  #sideButton(side: 'left' | 'right', what: string): TemplateResult {
    const facts = this.sideFacts(side);
    const label = facts?.label ?? '…';
    return html`<button
      class="choice side"
      title="${what}: ${label}
${facts?.source ?? ''}"
      aria-label="${what}: ${label}"
      @click=${() => {
        api.postMessage({ kind: 'choose', side: this.nameOf(side) });
      }}
    >
      <span class="label">${label}</span><i class="codicon codicon-chevron-down" aria-hidden="true"></i>
    </button>`;
  }

  #summary(): TemplateResult {
    const { added, removed, changed, becameWritableExecutable: dangerous } = this.tally.counts;
    const figure = (count: number): string => count.toLocaleString('en');
    return html`<div class="summary" role="status">
      <span class="badge added ${added === 0 ? 'zero' : ''}">+${figure(added)} ${l10n.t('added')}</span>
      <span class="badge removed ${removed === 0 ? 'zero' : ''}">−${figure(removed)} ${l10n.t('removed')}</span>
      <span class="badge changed ${changed === 0 ? 'zero' : ''}">~${figure(changed)} ${l10n.t('changed')}</span>
      ${dangerous === 0 ? nothing : html`<span class="badge danger">${l10n.t('{0} became W+X', figure(dangerous))}</span>`}
      <span class="said">${this.tally.words}</span>
    </div>`;
  }

  #body(): TemplateResult {
    const { alignment, rows, list } = this;
    if (alignment === undefined) return html``;
    const items = list?.items ?? [];
    const difference = html`<span class="sign" role="columnheader" aria-label=${l10n.t('Difference')}></span>`;
    const shown = items.map(({ index, start }) => ({ id: index, top: start, shape: shapeOf(alignment, rows[index] ?? 0) }));
    const layout = this.#layout(alignment);
    const { single, ends, level, owner } = layout;
    const lacks = [...(ends ? [] : ['no-ends']), ...(level ? [] : ['no-level']), ...(owner ? [] : ['no-owner'])];
    const shape = ['body', ...(single ? ['single'] : []), ...lacks].join(' ');
    return html`<div class=${shape} style="--columns:${layout.columns};--row:${this.heights.row}px;--head:${this.heights.head}px">
      <div
        class="rows"
        role="treegrid"
        tabindex="0"
        aria-label=${l10n.t('Regions of both sides')}
        aria-rowcount=${rows.length + 1}
        aria-activedescendant=${items.some(({ index }) => index === this.selected) ? `row-${this.selected}` : nothing}
        @keydown=${this.#key}
      >
        <div class="head" role="rowgroup">
          <div class="columns" role="row" aria-rowindex="1">
            ${single ? html`${difference}${heads()}` : html`${halfHead('left')}${difference}${halfHead('right')}`}
          </div>
          ${this.#coveredMarker()}
        </div>
        <div class="canvas" role="rowgroup" style="height:${list?.height ?? 0}px">
          ${repeat(
            this.#slots.arrange(shown, list?.moving ?? false),
            ({ slot }) => slot,
            ({ row: { id, top } }) => this.#row(id, top, layout),
          )}
        </div>
        ${rows.length === 0 ? html`<p class="none muted">${l10n.t('The page tables do not differ.')}</p>` : nothing}
      </div>
      <canvas class="ruler" aria-hidden="true" @mousedown=${this.#pressRuler}></canvas>
    </div>`;
  }

  #layout({ left }: Alignment): Layout {
    const { rights, cache, flags } = left.widths();
    const comparison = this.shown;
    // Of texts nobody knows whose a region is, nor where it lies.
    const texts = comparison !== undefined && [comparison.facts.first, comparison.facts.second].every(({ mm }) => mm === null);
    return layoutFor((this.clientWidth - besideList) / this.text.character, {
      address: 2 + (comparison?.addressBits ?? 64) / 4,
      words: rights + cache + flags,
      compactWords: this.#compactWidth,
      owners: !texts,
    });
  }

  /** The group of the first row in view, where its own row is not in view. */
  #coveredMarker(): TemplateResult | typeof nothing {
    const { alignment } = this;
    let row = firstOf(this.rows[this.list?.firstInView ?? 0] ?? 0);
    if (alignment === undefined || alignment.isMarker(row)) return nothing;
    row = alignment.markerOf(row);
    if (row < 0) return nothing;
    const left = alignment.cell('left', row);
    const text = left.line === gap ? alignment.right.texts[alignment.cell('right', row).line] : alignment.left.texts[left.line];
    return html`<div class="row marker sticky" aria-hidden="true"><span class="whole">${markerName(text ?? '')}</span></div>`;
  }

  #row(index: number, top: number, { single, compact, level }: Layout): TemplateResult | typeof nothing {
    const { alignment } = this;
    const row = this.rows[index];
    if (row === undefined || alignment === undefined) return nothing;
    const [first, count] = isFolded(row) ? [-1, 0] : alignment.changesOf(row);
    return rowView({
      alignment,
      single,
      differsFirst: !level,
      compact,
      row,
      index,
      top,
      selected: index === this.selected,
      open: this.open.has(firstOf(row)),
      count: isFolded(row) ? foldedCount(alignment, firstOf(row)) : 0,
      changes: count === 0 ? [] : alignment.changes.slice(first, first + count),
      press: () => {
        this.select(index, { still: true });
      },
      toggle: () => {
        this.toggleRun(index);
      },
    });
  }

  #status(): TemplateResult {
    const listed = this.list?.count ?? this.rows.length;
    return html`<div class="status">
      ${this.#selectedWords()}
      ${this.alignment === undefined || this.stage === '' ? nothing : html`<span role="status">${this.stage}</span>`}
      ${this.alignment === undefined || this.problem === '' ? nothing : html`<span class="problem" role="alert">${this.problem}</span>`}
      ${(this.shown?.warnings ?? []).map((warning) => html`<span class="problem">${warning}</span>`)}
      ${this.rows.length > listed ? html`<span class="problem">${l10n.t('the first {0} rows are listed', listed.toLocaleString('en'))}</span>` : nothing}
      <span class="end">${l10n.t('rows aligned by address')}</span>
    </div>`;
  }

  /** The change of the selected row: which it is, what it is, and where to go from it. */
  #selectedWords(): TemplateResult | typeof nothing {
    const { alignment } = this;
    const row = this.rows[this.selected];
    if (alignment === undefined || row === undefined || isFolded(row) || alignment.isMarker(row)) return nothing;
    const [first, count] = alignment.changesOf(row);
    const change: PtdumpChangeFacts | undefined = alignment.changes[first];
    const total = alignment.changes.length.toLocaleString('en');
    const at = change?.start ?? this.addressOf(row);
    return html`<span class="selected-words" aria-live="polite"
        >${
          change === undefined
            ? nothing
            : html`${count === 1 ? l10n.t('Change {0} of {1}', (first + 1).toLocaleString('en'), total) : l10n.t('Changes {0}–{1} of {2}', first + 1, first + count, total)}
              · `
        }<span class="mono">${at}</span>${change === undefined ? nothing : html`: <span class="mono">${changeWords(change)}</span>`}</span
      >${this.#links(at)}`;
  }

  /** To the other panels, for the side that the session knows: the one behind the change first. */
  #links(address: string): TemplateResult | typeof nothing {
    const side = (['right', 'left'] as const).map((name) => this.sideFacts(name)).find((facts) => facts?.ofSession === true);
    if (!this.live || side === undefined) return nothing;
    const link = (command: PanelCommand, icon: string, words: string): TemplateResult =>
      html`<vscode-toolbar-button
        icon=${icon}
        label=${words}
        title=${words}
        @click=${() => {
          api.postMessage({ kind: 'command', command, address, mm: side.mm ?? 'kernel' });
        }}
      ></vscode-toolbar-button>`;
    return html`<span class="links"
      >${link('openMemory', 'file-binary', l10n.t('Open memory'))}${link('showTranslation', 'type-hierarchy', l10n.t('Show walk'))}${link('openPtdump', 'list-flat', l10n.t('Show in ptdump'))}</span
    >`;
  }

  readonly #compareAgain = (): void => {
    api.postMessage({ kind: 'again' });
  };

  readonly #swap = (): void => {
    this.setKept({ swapped: !this.kept.swapped });
    this.rebuild();
    this.requestUpdate();
  };

  readonly #toggleOnly = (): void => {
    this.setKept({ onlyChanges: !this.kept.onlyChanges });
    this.relist();
  };

  readonly #toggleFrames = (): void => {
    this.setKept({ frames: !this.kept.frames });
    this.rebuild();
  };

  readonly #pressRuler = (event: MouseEvent): void => {
    const { height } = (event.target as HTMLElement).getBoundingClientRect();
    this.select(Math.min(this.rows.length - 1, Math.floor((event.offsetY / height) * this.rows.length)), { still: true });
    this.list?.scrollTo(this.selected, 'center');
  };

  readonly #pageKey = (event: KeyboardEvent): void => {
    if (event.key !== 'F7') return;
    event.preventDefault();
    this.goToChange(event.shiftKey ? -1 : 1);
  };

  readonly #key = (event: KeyboardEvent): void => {
    const { key } = event;
    const next = rowOfKey(key, this.selected, this.list);
    const row = this.rows[this.selected];
    const folded = row !== undefined && isFolded(row);
    const open = folded && this.open.has(firstOf(row));
    if (next !== undefined) this.select(next);
    else if (key === 'n') this.goToChange(1);
    else if (key === 'p') this.goToChange(-1);
    else if (key === 'c' && (event.ctrlKey || event.metaKey)) this.#copy();
    else if (folded && (key === 'Enter' || key === ' ' || (key === 'ArrowRight' && !open) || (key === 'ArrowLeft' && open)))
      this.toggleRun(this.selected);
    else return;
    event.preventDefault();
  };

  /** The selected row as a unified diff has it; an equal one as the kernel printed it. */
  #copy(): void {
    const row = this.rows[this.selected];
    const { alignment } = this;
    if (row === undefined || isFolded(row) || alignment === undefined) return;
    const { removed, added } = changedLines(alignment, row);
    const same = alignment.isEqual(row) || alignment.isMarker(row);
    const text = same ? (alignment.left.texts[alignment.cell('left', row).line] ?? '') : removed + added;
    api.postMessage({ kind: 'copy', text: text.trimEnd() });
  }
}

function heads(): TemplateResult {
  const names = [l10n.t('Range'), l10n.t('Size'), l10n.t('Attributes'), l10n.t('Level'), l10n.t('Owner')];
  const classes = ['range', 'size', 'words', 'level', 'owner'];
  return html`${names.map((name, at) => html`<span role="columnheader" class=${classes[at] ?? ''}>${name}</span>`)}`;
}

function halfHead(side: 'left' | 'right'): TemplateResult {
  return html`<span class="half ${side}" role="none">${heads()}</span>`;
}

customElements.define('pagewalk-diff', DiffElement);
