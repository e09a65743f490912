/**
 * The differences for other programs: as a unified diff, as CSV, as JSON in the shape of `pagewalk diff --json`. Each yields the
 * share that is done, and gives the text in parts.
 */
import type { PtdumpChangeFacts } from '../../debug-adapter/protocol/facts.ts';
import type { PtdumpExportFormat } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { JsonArray, Pieces } from '../panel/pieces.ts';
import { quoted } from '../ptdump/export.ts';
import { markerName } from '../ptdump/table.ts';
import { gap } from './align.ts';
import type { Alignment } from './align.ts';
import type { Tally } from './summary.ts';

/** Rows and changes between two looks at the clock. */
const stride = 256;

/** What is exported: the rows, how many differ, and the names of both sides. */
export interface Exported {
  readonly alignment: Alignment;
  readonly tally: Tally;
  readonly before: string;
  readonly after: string;
  readonly addressBits: 32 | 64;
  readonly warnings: readonly string[];
}

/** The text in the format asked for, in parts; yields the share that is done, 0 to 1. */
export function exported(of: Exported, format: PtdumpExportFormat): Generator<number, string[]> {
  switch (format) {
    case 'text':
      return unified(of);
    case 'csv':
      return csv(of.alignment.changes);
    case 'json':
      return json(of);
  }
}

/** All rows as a unified diff, each group under its marker. */
function* unified({ alignment, before, after }: Exported): Generator<number, string[]> {
  const text = new Pieces();
  text.add(`--- ${before}\n+++ ${after}\n`);
  const { left, right, length } = alignment;
  let [marker, removed, added] = ['', '', ''];
  const flush = (): void => {
    if (removed !== '' || added !== '') text.add(removed + added);
    [removed, added] = ['', ''];
  };
  for (let row = 0; row < length; row++) {
    if (row % stride === 0) yield row / length;
    if (alignment.isMarker(row)) {
      flush();
      const [one, other] = [alignment.cell('left', row), alignment.cell('right', row)];
      marker = markerName((one.line === gap ? right.texts[other.line] : left.texts[one.line]) ?? '');
    } else if (alignment.isEqual(row)) flush();
    else {
      if (marker !== '') text.add(`@@ ${marker} @@\n`);
      marker = '';
      const lines = changedLines(alignment, row);
      removed += lines.removed;
      added += lines.added;
    }
  }
  flush();
  yield 1;
  return text.parts();
}

/** The lines of a row that differs, as a unified diff has them. What differs in its frames alone has the same text on both sides. */
export function changedLines(alignment: Alignment, row: number): { readonly removed: string; readonly added: string } {
  const lineOf = (side: 'left' | 'right', mark: string): string => {
    const { line, goesOn } = alignment.cell(side, row);
    return line === gap || goesOn ? '' : `${mark}${alignment[side].texts[line] ?? ''}\n`;
  };
  return { removed: lineOf('left', '-'), added: lineOf('right', '+') };
}

function* csv(changes: readonly PtdumpChangeFacts[]): Generator<number, string[]> {
  const text = new Pieces();
  text.add('kind,start,end,what,level before,attributes before,physical before,level after,attributes after,physical after\n');
  for (const [index, { kind, start, end, what, before, after }] of changes.entries()) {
    if (index % stride === 0) yield index / changes.length;
    const sides = [before, after].flatMap((side) => [side?.level ?? '', side?.attributes.join(' ') ?? '', side?.physical ?? '']);
    text.add(`${[kind, start, end, what.join(' '), ...sides].map(quoted).join(',')}\n`);
  }
  yield 1;
  return text.parts();
}

function* json({ alignment, tally, before, after, addressBits, warnings }: Exported): Generator<number, string[]> {
  const { changes } = alignment;
  const all = new JsonArray();
  for (const [index, change] of changes.entries()) {
    if (index % stride === 0) yield index / changes.length;
    all.add(change);
  }
  yield 1;
  const frame = `${JSON.stringify({ ...tally.counts, before, after, addressBits, changes: [], warnings }, undefined, 1)}\n`;
  const [mark, name] = ['"changes": []', '"changes": '];
  const at = frame.lastIndexOf(`\n ${mark}`) + 2;
  return [frame.slice(0, at) + name, ...all.parts(), frame.slice(at + mark.length)];
}
