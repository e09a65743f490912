/** One line of the grid as it is drawn: the head of a page, bytes, what is folded. */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { bytesRow } from './bytes-row.ts';
import type { BytesModel } from './bytes-row.ts';
import type { Line } from './lines.ts';
import { hex, sizeText } from './numbers.ts';
import type { Segment } from './segments.ts';

/** What a line is drawn from. */
export interface RowModel extends BytesModel {
  readonly physical: boolean;
  /** Whether what is not there will not come. */
  readonly isRefused: (address: bigint) => boolean;
}

/** Which of the templates below draws a line. */
export function shapeOf({ kind, segment }: Line): string {
  return kind === 'head' && segment === undefined ? 'unread' : kind === 'gone' ? 'bytes' : kind;
}

/** `top`: pixels below the grid's edge. */
export function rowView(line: Line, top: number, model: RowModel): TemplateResult {
  switch (line.kind) {
    case 'head':
      return head(line, top, model);
    case 'fold':
      return fold(line, top);
    case 'gone':
    case 'bytes':
      return bytesRow(line, top, model);
  }
}

function head({ segment, address }: Line, top: number, model: RowModel): TemplateResult {
  if (segment === undefined) {
    const words = model.isRefused(address) ? l10n.t('not read') : l10n.t('reading…');
    return html`<div class="line head unread" role="row" style="top:${top}px">
      <span role="gridcell" class="what">${words}</span><span role="gridcell" class="muted">${hex(address)}</span>
    </div>`;
  }
  const { facts } = segment;
  const state = facts.block?.state ?? (segment.bytes === undefined ? 'gone' : 'there');
  const entry =
    facts.entry === null ? '' : l10n.t('{0} entry {1}: {2}', facts.level ?? '', facts.entry, facts.flags.join(' ') || l10n.t('empty'));
  return html`<div class="line head ${state}" role="row" style="top:${top}px" data-address=${hex(address)} title=${entry}>
    <span role="gridcell" class="what"
      >${facts.block === null ? nothing : html`<i class="state" aria-hidden="true"></i>`}<bdi>${ownerWords(segment, model.segments.pageSize)}</bdi>${mappingWords(segment, model.physical)}</span
    ><span role="gridcell" class="where">${whereWords(segment, model.physical)}</span>
  </div>`;
}

function ownerWords({ facts, start, end }: Segment, pageSize: number): string {
  const { block, owner } = facts;
  if (block === null) return owner.summary.replace(/^byte 0x0 of the /, '');
  const pages = Number(end - start) / pageSize;
  const last = block.page + pages - 1;
  const which =
    pages > 1 ? l10n.t('pages {0}–{1} of {2}', block.page, last, block.pages) : l10n.t('page {0} of {1}', block.page, block.pages);
  return `${which} · ${stateWords(block.state)}`;
}

function stateWords(state: string): string {
  switch (state) {
    case 'dirty':
      return l10n.t('dirty: freed, waits for the purge');
    case 'free':
      return l10n.t('free: never used');
    default:
      return l10n.t('used');
  }
}

/** The level and the rights, in the kernel's own letters. */
function mappingWords({ facts, differences }: Segment, physical: boolean): TemplateResult | typeof nothing {
  if (physical) return nothing;
  const { rights, level } = facts;
  const kcore =
    differences.length === 0 ? nothing : html` · <b class="kcore">${l10n.t('/proc/kcore differs: {0}', differences[0]?.reason ?? '')}</b>`;
  if (rights === null) return html`${kcore}`;
  const { write, execute, user } = rights;
  const wx = write && execute;
  const words = `${write ? 'RW' : 'ro'} ${execute ? 'x' : 'NX'}${user ? ' USR' : ''}`;
  return html` · <span class="rights ${wx ? 'wx' : write ? 'w' : execute ? 'x' : 'ro'}">${level ?? ''} ${words}</span>${kcore}`;
}

function whereWords({ facts, bytes, missing }: Segment, physical: boolean): string {
  const why = bytes === undefined ? (missing[0]?.reason ?? facts.reason) : null;
  if (facts.physical === null) return why ?? l10n.t('nothing is mapped');
  const at = physical ? '' : l10n.t('phys {0}', facts.physical);
  return why === null ? at : `${at === '' ? '' : `${at} · `}${why}`;
}

function fold({ address, end, segment }: Line, top: number): TemplateResult {
  const size = sizeText(end - address);
  const words =
    segment?.facts.physical === null
      ? l10n.t('… {0} without a mapping, up to {1} …', size, hex(end))
      : l10n.t('… {0} more of the same, up to {1} …', size, hex(end));
  return html`<div class="line fold" role="row" style="top:${top}px" data-address=${hex(address)}>
    <span role="gridcell">${words}</span>
  </div>`;
}

/** What the marks of lines mean. */
export function legend(): TemplateResult {
  return html`<span class="legend"
    ><span class="used"><i></i>${l10n.t('used')}</span><span class="dirty"><i></i>${l10n.t('dirty')}</span
    ><span class="free"><i></i>${l10n.t('free')}</span><span class="hole"><i></i>${l10n.t('not readable')}</span
    ><span class="changed"><i></i>${l10n.t('changed')}</span></span
  >`;
}
