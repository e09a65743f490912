/** One row of two dumps side by side. */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { PtdumpChangeFacts } from '../../debug-adapter/protocol/facts.ts';
import type { Column, PlacedWord } from '../ptdump/columns.ts';
import { markerName, shortSize } from '../ptdump/table.ts';
import type { RegionTable } from '../ptdump/table.ts';
import { gap } from './align.ts';
import type { Alignment, Cell, RowState } from './align.ts';
import { firstOf, isFolded } from './rows.ts';
import type { ListRow } from './rows.ts';
import { becameDangerous } from './summary.ts';

export interface RowModel {
  readonly alignment: Alignment;
  /** Without the blanks between words that are no rights. */
  readonly compact: boolean;
  readonly row: ListRow;
  readonly index: number;
  readonly top: number;
  readonly selected: boolean;
  /** Of a folded run: whether it is open, and how many rows it stands for. */
  readonly open: boolean;
  readonly count: number;
  /** The changes that lie in the row. */
  readonly changes: readonly PtdumpChangeFacts[];
  readonly press: () => void;
  readonly toggle: () => void;
}

type Side = 'left' | 'right';

/** In the gutter, so that colour is not alone in saying it. */
const signs = { equal: '', changed: '~', added: '+', removed: '−', marker: '' } as const;
const cellsOfHalf = 5;

/** Rows of one shape have the same elements, but for a mark more or less. */
export function shapeOf(alignment: Alignment, row: ListRow): RowState | 'folded' {
  return isFolded(row) ? 'folded' : alignment.state(row);
}

export function rowView(model: RowModel): TemplateResult {
  const { alignment, row, index, top, selected } = model;
  const first = firstOf(row);
  const state = alignment.state(first);
  const shape = (own: string): string => `row ${own}${selected ? ' selected' : ''}`;
  const place = `top:${top}px`;
  if (isFolded(row)) {
    const { count } = model;
    const said = count === 1 ? l10n.t('1 equal region') : l10n.t('{0} equal regions', count.toLocaleString('en'));
    return html`<div
      id="row-${index}"
      class=${shape('folded')}
      role="row"
      aria-rowindex=${index + 2}
      aria-selected=${selected ? 'true' : 'false'}
      aria-expanded=${model.open ? 'true' : 'false'}
      style=${place}
      @mousedown=${model.toggle}
    >
      <span role="gridcell" class="whole" aria-colspan=${cellsOfHalf * 2 + 1}
        ><i class="codicon codicon-${model.open ? 'fold-up' : 'unfold'}" aria-hidden="true"></i>${said}</span
      ><span class="whole twin" aria-hidden="true">${said}</span>
    </div>`;
  }
  const left = alignment.cell('left', first);
  const right = alignment.cell('right', first);
  if (state === 'marker') {
    const name = (side: Side, { line }: Cell): string => (line === gap ? '' : markerName(alignment[side].texts[line] ?? ''));
    const [one, other] = [name('left', left), name('right', right)];
    return html`<div
      id="row-${index}"
      class=${shape('marker')}
      role="row"
      aria-rowindex=${index + 2}
      aria-selected=${selected ? 'true' : 'false'}
      style=${place}
      @mousedown=${model.press}
    >
      <span role="gridcell" class="whole" aria-colspan=${cellsOfHalf}>${one}</span
      ><span role="gridcell" class="whole twin" aria-colspan=${cellsOfHalf + 1}>${other}</span>
    </div>`;
  }
  return html`<div
    id="row-${index}"
    class=${shape(state)}
    role="row"
    aria-rowindex=${index + 2}
    aria-selected=${selected ? 'true' : 'false'}
    style=${place}
    @mousedown=${model.press}
  >
    ${half(model, 'left', left, right)}<span class="sign" role="gridcell" title=${titles[state]()}>${signs[state]}</span
    >${half(model, 'right', right, left)}
  </div>`;
}

const titles = {
  equal: () => '',
  changed: () => l10n.t('changed'),
  added: () => l10n.t('added'),
  removed: () => l10n.t('removed'),
  marker: () => '',
} as const;

/** One side's line; `opposite` is what stands beside it. */
function half(model: RowModel, side: Side, cell: Cell, opposite: Cell): TemplateResult {
  const { alignment, changes } = model;
  const table = alignment[side];
  const { line, goesOn } = cell;
  if (line === gap)
    return html`<span class="half ${side} gap" role="gridcell" aria-colspan=${cellsOfHalf} aria-label=${l10n.t('nothing mapped')}></span>`;
  if (goesOn) {
    const from = table.start(line);
    return html`<span class="half ${side} on" role="gridcell" aria-colspan=${cellsOfHalf}
      ><span class="dim">${l10n.t('⋮ goes on from {0}', from)}</span></span
    >`;
  }
  const facts = table.kind(line);
  const beside = opposite.line === gap ? undefined : alignment[side === 'left' ? 'right' : 'left'];
  const other = beside?.kind(opposite.line);
  const differs = changes.length > 0 && other !== undefined;
  const danger = side === 'right' && changes.some(becameDangerous);
  const extent = differs && changes.some(({ what }) => what.includes('present'));
  const [start = '', end = ''] = table.range(line).split('-');
  const frame = frameOf(side, changes);
  const owner = table.owners.get(line) ?? '';
  return html`<span class="half ${side}" role="none"
    ><span role="gridcell" class="range">${start}<span class="end">-${extent ? html`<mark>${end}</mark>` : end}</span></span
    ><span role="gridcell" class="size">${extent ? html`<mark>${shortSize(table.pages(line))}</mark>` : shortSize(table.pages(line))}</span
    ><span role="gridcell" class=${danger ? 'words danger' : 'words'}
      >${words(table, line, { compact: model.compact, opposite: differs ? other.attributes : undefined })}</span
    ><span role="gridcell" class="level"
      >${differs && other.level !== facts?.level ? html`<mark>${facts?.level ?? ''}</mark>` : (facts?.level ?? '')}</span
    ><span role="gridcell" class="owner" title=${owner === '' ? nothing : owner}
      >${frame === '' ? nothing : html`<mark>→ ${frame}</mark> `}${owner}</span
    ></span
  >`;
}

const order: readonly Column[] = ['rights', 'cache', 'flags'];

/** Characters that `compact` words of any line of a table take. */
export function compactWidth(table: RegionTable): number {
  const lengths = table.kinds.map((_, kind) => wordsOf(table, kind, true).reduce((sum, { width }) => sum + width + 1, 0));
  return Math.max(0, ...lengths);
}

/** In the order of the columns. Compact: only rights keep the places of words that a line lacks. */
function wordsOf(table: RegionTable, kind: number, compact: boolean): PlacedWord[] {
  const placed = table.words(kind);
  const shown = order.flatMap((column) => placed.filter((word) => word.column === column));
  if (!compact) return shown;
  return shown
    .filter(({ column, word }) => column === 'rights' || word !== '')
    .map((word) => (word.column === 'rights' ? word : { ...word, width: word.word.length }));
}

/** The kernel's words, each in its place; those that the other side lacks are marked. */
function words(table: RegionTable, line: number, how: { compact: boolean; opposite: readonly string[] | undefined }): TemplateResult {
  return html`${wordsOf(table, table.kindOf[line] ?? -1, how.compact).map(({ word, width }) => {
    const blanks = ' '.repeat(Math.max(0, width - word.length) + 1);
    return word !== '' && how.opposite?.includes(word) === false ? html`<mark>${word}</mark>${blanks}` : `${word}${blanks}`;
  })}`;
}

/** Where the row's pages physically lie on this side, if that is what changed. */
function frameOf(side: Side, changes: readonly PtdumpChangeFacts[]): string {
  const change = changes.find(({ what }) => what.includes('frame'));
  return (side === 'left' ? change?.before?.physical : change?.after?.physical) ?? '';
}
