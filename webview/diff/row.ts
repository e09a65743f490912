/** One row of two dumps: side by side, or both in one column where there is no room for that. */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { PtdumpChangeFacts } from '../../debug-adapter/protocol/facts.ts';
import { hexOfPage, markerName, shortSize } from '../ptdump/table.ts';
import type { RegionTable } from '../ptdump/table.ts';
import { gap } from './align.ts';
import type { Alignment, Cell, RowState } from './align.ts';
import { firstOf, isFolded } from './rows.ts';
import type { ListRow } from './rows.ts';
import { becameDangerous } from './summary.ts';
import { mergedWords, wordsOf } from './words.ts';

/** What a row is drawn from. */
export interface RowModel {
  readonly alignment: Alignment;
  /** Both sides in one column. */
  readonly single: boolean;
  /** In one column: what differs stands before what does not, for words may be cut. */
  readonly differsFirst: boolean;
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

/** One row, as high as all others. */
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
      <span role="gridcell" class="whole" aria-colspan=${model.single ? cellsOfHalf + 1 : cellsOfHalf * 2 + 1}
        ><i class="codicon codicon-${model.open ? 'fold-up' : 'unfold'}" aria-hidden="true"></i>${said}</span
      >${model.single ? nothing : html`<span class="whole twin" aria-hidden="true">${said}</span>`}
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
      ${
        model.single
          ? html`<span role="gridcell" class="whole" aria-colspan=${cellsOfHalf + 1}>${one === '' ? other : one}</span>`
          : html`<span role="gridcell" class="whole" aria-colspan=${cellsOfHalf}>${one}</span
              ><span role="gridcell" class="whole twin" aria-colspan=${cellsOfHalf + 1}>${other}</span>`
      }
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
    ${model.single ? both(model, state, { left, right }) : html`${half(model, 'left', left, right)}${sign(state)}${half(model, 'right', right, left)}`}
  </div>`;
}

function sign(state: RowState): TemplateResult {
  return html`<span class="sign" role="gridcell" title=${titles[state]()}>${signs[state]}</span>`;
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

/** The kernel's words, each in its place; those that the other side lacks are marked. */
function words(table: RegionTable, line: number, how: { compact: boolean; opposite: readonly string[] | undefined }): TemplateResult {
  return html`${wordsOf(table, table.kindOf[line] ?? -1, how.compact).map(({ word, width }) => {
    const blanks = ' '.repeat(Math.max(0, width - word.length) + 1);
    return word !== '' && how.opposite?.includes(word) === false ? html`<mark>${word}</mark>${blanks}` : `${word}${blanks}`;
  })}`;
}

/** Both sides in one line: what the row has become, and in it what was otherwise. */
function both(
  { alignment, changes, row, differsFirst }: RowModel,
  state: RowState,
  { left, right }: { left: Cell; right: Cell },
): TemplateResult {
  const shown = right.line === gap || (right.goesOn && left.line !== gap && !left.goesOn) ? 'left' : 'right';
  const [table, { line, goesOn }] = [alignment[shown], shown === 'left' ? left : right];
  const [start = '', end = ''] = table.range(line).split('-');
  const [was, is] = [alignment.left.kind(left.line), alignment.right.kind(right.line)];
  const merged =
    state === 'changed'
      ? mergedWords(
          { table: alignment.left, kind: alignment.left.kindOf[left.line] ?? -1 },
          { table: alignment.right, kind: alignment.right.kindOf[right.line] ?? -1 },
        )
      : wordsOf(table, table.kindOf[line] ?? -1, true).flatMap(({ word }) => (word === '' ? [] : [{ text: word, differs: false }]));
  const [before, after] = [frameOf('left', changes), frameOf('right', changes)];
  const marks = [
    ...merged,
    ...(was !== undefined && is !== undefined && was.level !== is.level ? [{ text: `${was.level}→${is.level}`, differs: true }] : []),
    ...(before === after ? [] : [{ text: `${before}→${after}`, differs: true }]),
  ];
  if (differsFirst) marks.sort((one, other) => Number(other.differs) - Number(one.differs));
  const owner = table.owners.get(line) ?? '';
  return html`${sign(state)}<span role="gridcell" class="range"
      >${goesOn ? html`<span class="dim">${hexOfPage(alignment.pageOfRow(firstOf(row)))}</span>` : html`${start}<span class="end">-${end}</span>`}</span
    ><span role="gridcell" class="size">${goesOn ? nothing : shortSize(table.pages(line))}</span
    ><span
      role="gridcell"
      class=${changes.some(becameDangerous) ? 'words danger' : 'words'}
      title=${marks.map(({ text }) => text).join(' ')}
      >${marks.map(({ text, differs }) => (differs ? html`<mark>${text}</mark> ` : `${text} `))}</span
    ><span role="gridcell" class="level">${table.kind(line)?.level ?? ''}</span
    ><span role="gridcell" class="owner" title=${owner === '' ? nothing : owner}>${owner}</span>`;
}

/** Where the row's pages physically lie on this side, if that is what changed. */
function frameOf(side: Side, changes: readonly PtdumpChangeFacts[]): string {
  const change = changes.find(({ what }) => what.includes('frame'));
  return (side === 'left' ? change?.before?.physical : change?.after?.physical) ?? '';
}
