/** One row of the list. */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { endOfRun, isFolded, lineOf } from './rows.ts';
import type { Row } from './rows.ts';
import { markerName, shortSize, sizeText } from './table.ts';
import type { RegionTable } from './table.ts';

/** What a row is drawn from. */
export interface RowModel {
  readonly table: RegionTable;
  /** Whether ranges are told with their ends, and whether there is a column for words that are no rights. */
  readonly ends: boolean;
  readonly flags: boolean;
  /** Whether all of a group is listed. */
  readonly whole: boolean;
  readonly row: Row;
  readonly index: number;
  readonly top: number;
  readonly selected: boolean;
  readonly closed: boolean;
  readonly finding: string | undefined;
  /** That it is not as it was at an earlier stop, in words; empty where it is. */
  readonly changed: string;
  readonly press: (event: MouseEvent) => void;
  readonly toggle: () => void;
}

/** What reads as one word each, for those who hear the page. */
const rightsWords = {
  wx: () => l10n.t('writable and executable'),
  w: () => l10n.t('writable'),
  x: () => l10n.t('executable'),
  ro: () => l10n.t('read-only'),
  hole: () => l10n.t('nothing mapped'),
} as const;

/** What a group comes to, for its row and for its name above the list. */
export function groupWords(table: RegionTable, marker: number): TemplateResult {
  const { regions, pages, writableExecutable } = table.group(marker);
  const count = regions === 1 ? l10n.t('1 region') : l10n.t('{0} regions', regions.toLocaleString('en'));
  const said = regions === 0 ? l10n.t('nothing mapped') : l10n.t('{0} · {1} mapped', count, shortSize(pages));
  return html`<span role="gridcell" class="sum"
    >${writableExecutable === 0 ? nothing : html`<b>${l10n.t('{0} W+X', writableExecutable.toLocaleString('en'))}</b> · `}${said}</span
  >`;
}

/** Which of the templates below draws a row. */
export function shapeOf(table: RegionTable, row: Row): 'marker' | 'folded' | 'region' {
  return isFolded(row) ? 'folded' : table.isMarker(row) ? 'marker' : 'region';
}

/** One row, as high as all others. */
export function rowView(model: RowModel): TemplateResult {
  const { table, row, index, top, selected } = model;
  const line = lineOf(row);
  const kind = table.kindOf[line] ?? -1;
  const classes = (own: string): string => `row ${own}${selected ? ' selected' : ''}`;
  const place = `top:${top}px`;
  if (kind < 0) {
    const name = markerName(table.texts[line] ?? '');
    return html`<div
      id="row-${index}"
      class=${classes('marker')}
      role="row"
      aria-rowindex=${index + 2}
      aria-selected=${selected ? 'true' : 'false'}
      aria-expanded=${model.closed ? 'false' : 'true'}
      style=${place}
      @mousedown=${model.press}
    >
      <span role="gridcell" aria-colspan="5" class="name"
        ><i class="codicon codicon-chevron-${model.closed ? 'right' : 'down'}" aria-hidden="true" @mousedown=${model.toggle}></i
        >${name}<span class="dim">${model.closed ? ` · ${l10n.t('{0} lines', table.endOfGroup(line) - line - 1)}` : nothing}</span></span
      >${model.whole ? groupWords(table, line) : nothing}
    </div>`;
  }
  if (isFolded(row)) {
    const end = endOfRun(table, line);
    const said = l10n.t('{0} holes from {1}', end - line, table.start(line));
    const pages = (table.endPages[end - 1] ?? 0) - (table.startPages[line] ?? 0);
    return html`<div
      id="row-${index}"
      class=${classes('hole folded')}
      role="row"
      aria-rowindex=${index + 2}
      aria-selected=${selected ? 'true' : 'false'}
      aria-expanded="false"
      style=${place}
      @mousedown=${model.press}
    >
      <span role="gridcell" class="range"
        ><i class="codicon codicon-chevron-right" aria-hidden="true" @mousedown=${model.toggle}></i>${said}</span
      ><span role="gridcell" class="size" title=${sizeText(pages)}>${shortSize(pages)}</span
      ><span role="gridcell" aria-colspan="4" class="dim">${l10n.t('nothing mapped')}</span>
    </div>`;
  }
  const facts = table.kinds[kind];
  const rights = facts?.rights ?? 'hole';
  const cells = table.cells(kind);
  const range = table.range(line);
  const words = rightsWords[rights]();
  return html`<div
    id="row-${index}"
    class=${classes(rights)}
    role="row"
    aria-rowindex=${index + 2}
    aria-selected=${selected ? 'true' : 'false'}
    style=${place}
    @mousedown=${model.press}
  >
    <span role="gridcell" class="range" title=${model.ends ? nothing : range}>${model.ends ? range : range.replace(/-.*/, '')}</span
    ><span role="gridcell" class="size" title=${sizeText(table.pages(line))}>${shortSize(table.pages(line))}</span
    ><span role="gridcell" class="rights" title=${model.flags ? words : `${words} ${cells.flags}`}><b>${cells.rights}</b></span
    ><span role="gridcell" class="level">${facts?.level ?? ''}</span
    ><span role="gridcell" class="owner"
      >${
        model.changed === ''
          ? nothing
          : html`<i class="codicon codicon-circle-filled changed" role="img" aria-label=${model.changed} title=${model.changed}></i> `
      }${model.finding === undefined ? nothing : html`<i class="codicon codicon-warning" role="img" aria-label=${model.finding} title=${model.finding}></i> `}${table.owners.get(line) ?? ''}</span
    ><span role="gridcell" class="flags">${model.flags ? cells.flags : nothing}</span>
  </div>`;
}
