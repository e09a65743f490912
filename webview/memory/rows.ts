/** One line of the grid as it is drawn: the head of a page, bytes with their text, bytes that are not there, what is folded. */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { Line } from './lines.ts';
import { character, groupText, groupWidth, hex, sizeText } from './numbers.ts';
import type { NumberStyle } from './numbers.ts';
import type { Overlay } from './overlay.ts';
import type { Segment, Segments } from './segments.ts';

export interface RowModel {
  readonly segments: Segments;
  readonly style: NumberStyle;
  readonly perRow: number;
  /** Digits of an address. */
  readonly digits: number;
  readonly physical: boolean;
  readonly cursor: bigint;
  /** Selected bytes [from, to). */
  readonly selection: readonly [bigint, bigint];
  readonly overlay: Overlay | undefined;
  /** Whether a byte belongs to something that was found. */
  readonly isHit: (address: bigint) => boolean;
  /** Whether a byte was written here. */
  readonly isEdited: (address: bigint) => boolean;
}

export function rowView(line: Line, row: number, model: RowModel): TemplateResult {
  switch (line.kind) {
    case 'head':
      return head(line, row, model);
    case 'fold':
      return fold(line, row);
    case 'gone':
    case 'bytes':
      return bytesRow(line, row, model);
  }
}

function head({ segment, address }: Line, row: number, model: RowModel): TemplateResult {
  if (segment === undefined)
    return html`<div class="line head unread" role="row" aria-rowindex=${row}>
      <span role="gridcell" class="what">${l10n.t('reading…')}</span><span role="gridcell" class="muted">${hex(address)}</span>
    </div>`;
  const { facts } = segment;
  const state = facts.block?.state ?? (segment.bytes === undefined ? 'gone' : 'there');
  const entry =
    facts.entry === null ? '' : l10n.t('{0} entry {1}: {2}', facts.level ?? '', facts.entry, facts.flags.join(' ') || l10n.t('empty'));
  return html`<div class="line head ${state}" role="row" aria-rowindex=${row} data-address=${hex(address)} title=${entry}>
    <span role="gridcell" class="what"
      >${facts.block === null ? nothing : html`<i class="state" aria-hidden="true"></i>`}${ownerWords(segment, model.segments.pageSize)}${mappingWords(segment, model.physical)}</span
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

function fold({ address, end, segment }: Line, row: number): TemplateResult {
  const size = sizeText(end - address);
  const words =
    segment?.facts.physical === null
      ? l10n.t('… {0} without a mapping, up to {1} …', size, hex(end))
      : l10n.t('… {0} more of the same, up to {1} …', size, hex(end));
  return html`<div class="line fold" role="row" aria-rowindex=${row} data-address=${hex(address)}>
    <span role="gridcell">${words}</span>
  </div>`;
}

/** What stands for a byte that is not there; the head and the row's name say why. */
const signs: Readonly<Record<string, string>> = {
  excluded: 'ex',
  'not-ram': '··',
  truncated: '>>',
  corrupt: '!!',
  'io-error': '!!',
  'zero-filled': '00',
};

function bytesRow(line: Line, row: number, model: RowModel): TemplateResult {
  const { style, perRow, segments, overlay } = model;
  const { segment, address } = line;
  const cells: TemplateResult[] = [];
  const letters: TemplateResult[] = [];
  let reason = '';
  for (let at = 0; at < perRow; at += style.group) {
    const from = address + BigInt(at);
    const bytes: number[] = [];
    let sign = '';
    let why = '';
    for (let index = 0; index < style.group; index++) {
      const one = from + BigInt(index);
      const hole = segment?.missing.find(({ start, end }) => one >= start && one < end);
      if (hole !== undefined || segment?.bytes === undefined) {
        sign = segment === undefined ? '' : (signs[hole?.kind ?? ''] ?? '──');
        why = hole?.reason ?? '';
      } else bytes.push(segment.bytes[Number(one - segment.start)] ?? 0);
    }
    const there = bytes.length === style.group;
    if (!there && segment !== undefined) reason = why;
    const width = groupWidth(style);
    const text = there
      ? groupText(bytes, style)
      : (sign === '' ? '' : sign.repeat(Math.max(1, Math.floor(width / 2)))).slice(0, width).padStart(width, '\u00a0');
    const marks = marksOf(from, there, line, model);
    const part = overlay?.at(from);
    const title = [part === undefined ? '' : `${part.member.name}: ${part.member.type}`, marks.words, why]
      .filter((words) => words !== '')
      .join('\n');
    const selected = from + BigInt(style.group) > model.selection[0] && from < model.selection[1];
    const gap = style.group === 1 && at > 0 && at % 8 === 0 ? ' gap' : '';
    cells.push(
      html`<span
        id=${`b${from.toString(16)}`}
        role="gridcell"
        class="cell${marks.classes}${gap}${there ? '' : segment === undefined ? ' unread' : ' hole'}${selected ? ' selected' : ''}${model.cursor >= from && model.cursor < from + BigInt(style.group) ? ' cursor' : ''}"
        data-at=${at}
        aria-selected=${selected ? 'true' : 'false'}
        title=${title === '' ? nothing : title}
        >${text}</span
      >`,
    );
    for (let index = 0; index < style.group; index++) {
      const one = from + BigInt(index);
      const chosen = one >= model.selection[0] && one < model.selection[1];
      const byte = there ? bytes[index] : undefined;
      const tint = overlay?.at(one);
      letters.push(
        html`<span class="letter${tint === undefined ? '' : ` m${tint.tint}`}${chosen ? ' selected' : ''}" data-at=${at + index}
          >${byte === undefined ? '\u00a0' : character(byte)}</span
        >`,
      );
    }
  }
  const starting = overlay?.begin(address, line.end) ?? [];
  return html`<div
    class="line ${line.kind}"
    role="row"
    aria-rowindex=${row}
    data-address=${hex(address)}
    aria-label=${reason === '' ? nothing : l10n.t('{0}: {1}', hex(address), reason)}
  >
    <span class="address" role="rowheader">${address.toString(16).padStart(model.digits, '0')}</span>${cells}<span
      class="letters"
      role="gridcell"
      >${letters}</span
    >${
      segments.length > 0 && starting.length > 0
        ? html`<span class="labels" role="gridcell"
            >${starting.map(({ member, tint }) => html`<span class="label m${tint}">${member.name}</span>`)}</span
          >`
        : nothing
    }
  </div>`;
}

function marksOf(from: bigint, there: boolean, { segment }: Line, model: RowModel): { classes: string; words: string } {
  if (segment === undefined) return { classes: '', words: '' };
  let classes = '';
  const words: string[] = [];
  const each = (test: (address: bigint) => boolean): boolean => {
    for (let at = 0; at < model.style.group; at++) if (test(from + BigInt(at))) return true;
    return false;
  };
  const part = model.overlay?.at(from);
  if (part !== undefined) classes += ` m${part.tint}`;
  if (!there) return { classes, words: '' };
  if (each((address) => model.segments.before(address, segment) !== undefined)) {
    classes += ' changed';
    words.push(l10n.t('was {0} at the last stop', (model.segments.before(from, segment) ?? 0).toString(16).padStart(2, '0')));
  }
  if (each(model.isEdited)) {
    classes += ' edited';
    words.push(l10n.t('written here'));
  }
  if (each(model.isHit)) classes += ' hit';
  const difference = segment.differences.find(({ start, end }) => from < end && from + BigInt(model.style.group) > start);
  if (difference !== undefined) {
    classes += ' differs';
    words.push(l10n.t('as /proc/kcore gives it; memory holds something else: {0}', difference.reason));
  }
  return { classes, words: words.join('\n') };
}
