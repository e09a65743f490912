/**
 * Physical memory as a strip: columns as high as the part of each piece that the file has, hatched where it was left out,
 * empty where there is no RAM. A cursor goes over the pieces by mouse and keyboard, and says in words what is there.
 */
import * as l10n from '@vscode/l10n';
import { html, LitElement, nothing } from 'lit';
import type { PropertyValues, TemplateResult } from 'lit';
import type { MemoryMapPiece, NodeFacts } from '../../debug-adapter/protocol/machine-state.ts';
import { columnsPath, gapsPath, memoryGroups, placeIn } from './memory-groups.ts';
import type { MemoryGroup } from './memory-groups.ts';
import { bytesText, shareText } from './words.ts';

/** Shares of the strip from which on a group has room for its first address, and for the one behind it too. */
const roomForOne = 0.08;
const roomForBoth = 0.2;
/** Pieces that PageUp and PageDown go over. */
const pageStep = 32;

export class MemoryStrip extends LitElement {
  static override readonly properties = { pieces: { attribute: false }, nodes: { attribute: false }, cursor: { state: true } };

  declare pieces: readonly MemoryMapPiece[];
  declare nodes: readonly NodeFacts[];
  /** Number of a piece, or -1. */
  declare cursor: number;
  #groups: MemoryGroup[] = [];

  constructor() {
    super();
    this.pieces = [];
    this.nodes = [];
    this.cursor = -1;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('pieces')) return;
    this.#groups = memoryGroups(this.pieces);
    this.cursor = -1;
  }

  protected override render(): TemplateResult {
    const shown = this.pieces[this.cursor];
    const words = shown === undefined ? this.#whole() : pieceWords(shown, this.nodes);
    const total = this.#groups.reduce((sum, { start, end }) => sum + Number(end - start), 0);
    return html`<div
        class="strip"
        role="slider"
        tabindex="0"
        aria-label=${l10n.t('Physical memory, piece by piece')}
        aria-valuemin="1"
        aria-valuemax=${this.pieces.length}
        aria-valuenow=${Math.max(1, this.cursor + 1)}
        aria-valuetext=${words}
        @keydown=${this.#key}
        @mousemove=${this.#move}
        @mouseleave=${this.#leave}
      >
        ${this.#groups.map((group, index) => this.#group(group, index, total))}
      </div>
      <p class="readout" aria-hidden="true">${words}</p>`;
  }

  #group(group: MemoryGroup, index: number, total: number): TemplateResult {
    const before = this.#groups[index - 1];
    const share = Number(group.end - group.start) / total;
    const told = group.pieces.every(({ stored }) => stored !== null);
    const shown = this.cursor >= group.first ? group.pieces[this.cursor - group.first] : undefined;
    return html`${
        before === undefined
          ? nothing
          : html`<span
              class="gap"
              title=${l10n.t('{0} without RAM, not drawn to scale', bytesText(Number(group.start - before.end)))}
            ></span>`
      }
      <div class="group ${told ? 'told' : 'untold'}" style="flex-grow:${Math.max(1, Math.round(share * 10_000))}" data-group=${index}>
        <div class="columns">
          <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
            <path class="none" d=${gapsPath(group)}></path>
            <path class="stored" d=${columnsPath(group, ({ ram, stored }) => (stored === null ? 1 : stored / ram))}></path>
          </svg>
          ${shown === undefined ? nothing : cursorMark(group, shown)}
        </div>
        ${this.nodes.length < 2 ? nothing : html`<div class="nodes" aria-hidden="true">${this.nodes.map((node) => nodeMark(group, node))}</div>`}
        <div class="axis" aria-hidden="true">${axisLabels(group, share).map((label) => html`<span>${label}</span>`)}</div>
      </div>`;
  }

  #whole(): string {
    const ram = this.pieces.reduce((sum, piece) => sum + piece.ram, 0);
    const stored = this.pieces.reduce<number | undefined>(
      (sum, piece) => (sum === undefined || piece.stored === null ? undefined : sum + piece.stored),
      0,
    );
    if (stored === undefined) return l10n.t('{0} of RAM; what of it the file has shows when it is read', bytesText(ram));
    if (stored === ram) return l10n.t('{0} of RAM, all of it in the file', bytesText(ram));
    return l10n.t('{0} of RAM, {1} of it in the file ({2})', bytesText(ram), bytesText(stored), shareText(stored, ram));
  }

  readonly #key = (event: KeyboardEvent): void => {
    const last = this.pieces.length - 1;
    const to = {
      ArrowRight: this.cursor + 1,
      ArrowUp: this.cursor + 1,
      ArrowLeft: this.cursor - 1,
      ArrowDown: this.cursor - 1,
      PageDown: this.cursor + pageStep,
      PageUp: this.cursor - pageStep,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === 'Escape') this.cursor = -1;
    else if (to === undefined) return;
    else this.cursor = Math.min(last, Math.max(0, to));
    event.preventDefault();
  };

  readonly #move = (event: MouseEvent): void => {
    const target = (event.target as Element).closest<HTMLElement>('.group');
    const group = this.#groups[Number(target?.dataset['group'] ?? -1)];
    if (target === null || group === undefined) return;
    const { left, width } = target.getBoundingClientRect();
    const at = group.start + BigInt(Math.floor(((event.clientX - left) / width) * Number(group.end - group.start)));
    const found = group.pieces.findIndex(({ end }) => BigInt(end) > at);
    this.cursor = group.first + (found < 0 ? group.pieces.length - 1 : found);
  };

  readonly #leave = (): void => {
    this.cursor = -1;
  };
}

function axisLabels({ start, end }: MemoryGroup, share: number): string[] {
  if (share < roomForOne) return [];
  return (share < roomForBoth ? [start] : [start, end]).map((address) => `0x${address.toString(16)}`);
}

function cursorMark(group: MemoryGroup, { start, end }: MemoryMapPiece): TemplateResult {
  const from = placeIn(group, BigInt(start)) * 100;
  return html`<span class="cursor" style="left:${from}%;width:${placeIn(group, BigInt(end)) * 100 - from}%"></span>`;
}

function nodeMark(group: MemoryGroup, { id, start, end }: NodeFacts): TemplateResult | typeof nothing {
  const from = placeIn(group, BigInt(start)) * 100;
  const width = placeIn(group, BigInt(end)) * 100 - from;
  if (width <= 0) return nothing;
  return html`<span style="left:${from}%;width:${width}%" title=${l10n.t('NUMA node {0}', id)}>${l10n.t('node {0}', id)}</span>`;
}

function pieceWords({ start, end, ram, stored }: MemoryMapPiece, nodes: readonly NodeFacts[]): string {
  const inFile =
    stored === null
      ? []
      : [stored === ram ? l10n.t('all in the file') : l10n.t('{0} in the file ({1})', bytesText(stored), shareText(stored, ram))];
  const among = nodes.length < 2 ? [] : nodes.filter((node) => BigInt(node.start) < BigInt(end) && BigInt(node.end) > BigInt(start));
  return [`${start}-${end}`, l10n.t('{0} of RAM', bytesText(ram)), ...inFile, ...among.map(({ id }) => l10n.t('node {0}', id))].join(' · ');
}

customElements.define('pagewalk-memory-strip', MemoryStrip);
