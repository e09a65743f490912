/** A row of bytes with their text, or of bytes that are not there. */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { guard } from 'lit/directives/guard.js';
import type { Edits } from './edits.ts';
import type { Found } from './found.ts';
import type { Line } from './lines.ts';
import { character, groupText, groupWidth, hex } from './numbers.ts';
import type { NumberStyle } from './numbers.ts';
import type { Overlay } from './overlay.ts';
import type { Segment, Segments, Span } from './segments.ts';

/** What rows of bytes are drawn from. */
export interface BytesModel {
  readonly segments: Segments;
  readonly style: NumberStyle;
  readonly perRow: number;
  /** Digits of an address. */
  readonly digits: number;
  readonly cursor: bigint;
  /** Selected bytes [from, to). */
  readonly selection: readonly [bigint, bigint];
  readonly overlay: Overlay | undefined;
  readonly found: Found | undefined;
  /** What was written here. */
  readonly edits: Edits;
}

/** Bytes [from, to) of a row, counted from its start; empty where they are equal. */
type Part = readonly [from: number, to: number];

/** What stands for a byte that is not there; the head and the row's name say why. */
const signs: Readonly<Record<string, string>> = {
  excluded: 'ex',
  'not-ram': '··',
  truncated: '>>',
  corrupt: '!!',
  'io-error': '!!',
  'zero-filled': '00',
};

/** `top`: pixels below the grid's edge. */
export function bytesRow(line: Line, top: number, model: BytesModel): TemplateResult {
  const { segments, style, perRow, digits, overlay, found, edits } = model;
  const { kind, address, end, segment } = line;
  const holes = segment?.missing.filter((span) => span.start < end && span.end > address) ?? [];
  const selected = partOf(line, model.selection);
  const [cursor, behind] = partOf(line, [model.cursor, model.cursor + 1n]);
  const at = cursor === behind ? -1 : cursor;
  const reason = holes.at(-1)?.reason ?? '';
  // A row is drawn anew when one of these is another, and not because its neighbours are.
  const seen = [kind, address, end, segment, segments.version, at, ...selected, overlay, found, edits.version];
  return html`<div
    class="line ${kind}"
    role="row"
    style="top:${top}px"
    data-address=${hex(address)}
    aria-label=${reason === '' ? nothing : l10n.t('{0}: {1}', hex(address), reason)}
  >
    ${guard([...seen, style.group, style.form, style.littleEndian, perRow, digits], () => {
      const starting = overlay?.begin(address, end) ?? [];
      return html`<span class="address" role="rowheader">${address.toString(16).padStart(digits, '0')}</span
        >${cells(line, model, { holes, selected, at })}<span class="letters" role="gridcell"
          >${letters(line, model, { holes, selected })}</span
        >${
          starting.length === 0
            ? nothing
            : html`<span class="labels" role="gridcell"
                >${starting.map(({ member, tint }) => html`<span class="label m${tint}">${member.name}</span>`)}</span
              >`
        }`;
    })}
  </div>`;
}

function partOf({ address, end }: Line, [from, to]: readonly [bigint, bigint]): Part {
  if (to <= address || from >= end) return [0, 0];
  return [from <= address ? 0 : Number(from - address), Number((to < end ? to : end) - address)];
}

function holeAt(holes: readonly Span[], address: bigint): Span | undefined {
  return holes.length === 0 ? undefined : holes.find(({ start, end }) => address >= start && address < end);
}

interface Marked {
  readonly holes: readonly Span[];
  readonly selected: Part;
  /** Where the cursor is; -1 where it is in another row. */
  readonly at: number;
}

function cells(line: Line, model: BytesModel, { holes, selected, at: cursor }: Marked): TemplateResult[] {
  const { style, perRow } = model;
  const { segment, address } = line;
  const width = groupWidth(style);
  const found: TemplateResult[] = [];
  for (let at = 0; at < perRow; at += style.group) {
    const from = address + BigInt(at);
    const bytes = bytesAt(line, at, style.group);
    let hole: Span | undefined;
    for (let index = 0; index < style.group && holes.length > 0; index++) hole = holeAt(holes, from + BigInt(index)) ?? hole;
    const there = bytes !== undefined && hole === undefined;
    const sign = segment === undefined ? '' : (signs[hole?.kind ?? ''] ?? '──');
    const text = there
      ? groupText(bytes, style)
      : (sign === '' ? '' : sign.repeat(Math.max(1, Math.floor(width / 2)))).slice(0, width).padStart(width, '\u00a0');
    const part = model.overlay?.at(from);
    const marks = there && segment !== undefined ? marksOf(from, segment, model) : { classes: '', words: [] };
    const title = [...(part === undefined ? [] : [`${part.member.name}: ${part.member.type}`]), ...marks.words, hole?.reason ?? '']
      .filter((words) => words !== '')
      .join('\n');
    const isSelected = at + style.group > selected[0] && at < selected[1];
    const gap = style.group === 1 && at > 0 && at % 8 === 0 ? ' gap' : '';
    const state = there ? '' : segment === undefined ? ' unread' : ' hole';
    const shown = `${part === undefined ? '' : ` m${part.tint}`}${marks.classes}${gap}${state}`;
    found.push(
      html`<span
        id=${`b${from.toString(16)}`}
        role="gridcell"
        class="cell${shown}${isSelected ? ' selected' : ''}${cursor >= at && cursor < at + style.group ? ' cursor' : ''}"
        data-at=${at}
        aria-selected=${isSelected ? 'true' : 'false'}
        title=${title === '' ? nothing : title}
        >${text}</span
      >`,
    );
  }
  return found;
}

/** Undefined where there are none. */
function bytesAt({ segment, address }: Line, at: number, count: number): Uint8Array | undefined {
  if (segment?.bytes === undefined) return undefined;
  const from = Number(address - segment.start) + at;
  return segment.bytes.subarray(from, from + count);
}

/** As text, in as few elements as look different: one, if nothing is marked. */
function letters(line: Line, model: BytesModel, { holes, selected }: Omit<Marked, 'at'>): TemplateResult[] {
  const { perRow, overlay } = model;
  const bytes = bytesAt(line, 0, perRow);
  const runs: { look: string; text: string }[] = [];
  for (let at = 0; at < perRow; at++) {
    const address = line.address + BigInt(at);
    const tint = overlay?.at(address)?.tint;
    const look = `${tint === undefined ? '' : ` m${tint}`}${at >= selected[0] && at < selected[1] ? ' selected' : ''}`;
    const byte = holeAt(holes, address) === undefined ? bytes?.[at] : undefined;
    const text = byte === undefined ? '\u00a0' : character(byte);
    const last = runs.at(-1);
    if (last?.look === look) last.text += text;
    else runs.push({ look, text });
  }
  return runs.map(({ look, text }) => html`<span class="letter${look}">${text}</span>`);
}

/** What is to be said of bytes that are there. */
function marksOf(from: bigint, segment: Segment, { segments, found, edits, style }: BytesModel): { classes: string; words: string[] } {
  let classes = '';
  const words: string[] = [];
  const to = from + BigInt(style.group);
  let old: number | undefined;
  for (let address = from; address < to && old === undefined; address++) old = segments.before(address, segment);
  if (old !== undefined) {
    classes += ' changed';
    words.push(l10n.t('was {0} at the last stop', old.toString(16).padStart(2, '0')));
  }
  if (edits.covers(from, to)) {
    classes += ' edited';
    words.push(l10n.t('written here'));
  }
  if (found?.covers(from, to) === true) classes += ' hit';
  const difference = segment.differences.find(({ start, end }) => from < end && to > start);
  if (difference !== undefined) {
    classes += ' differs';
    words.push(l10n.t('as /proc/kcore gives it; memory holds something else: {0}', difference.reason));
  }
  return { classes, words };
}
