/** The differences for other programs: as a unified diff, as CSV, as JSON in the shape of `pagewalk diff --json`. */
import type { PtdumpChangeFacts } from '../../debug-adapter/protocol/facts.ts';
import type { PtdumpExportFormat } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { quoted } from '../ptdump/export.ts';
import { markerName } from '../ptdump/table.ts';
import { gap } from './align.ts';
import type { Alignment } from './align.ts';
import { Tally } from './summary.ts';

export interface Exported {
  readonly alignment: Alignment;
  readonly before: string;
  readonly after: string;
  readonly addressBits: 32 | 64;
  readonly warnings: readonly string[];
}

export function exported(of: Exported, format: PtdumpExportFormat): string {
  switch (format) {
    case 'text':
      return unified(of, 0, of.alignment.length);
    case 'csv':
      return csv(of.alignment.changes);
    case 'json': {
      const { before, after, addressBits, warnings, alignment } = of;
      return `${JSON.stringify({ ...new Tally(alignment.changes).counts, before, after, addressBits, changes: alignment.changes, warnings }, undefined, 1)}\n`;
    }
  }
}

/** Rows `from` to `to` as a unified diff, each group under its marker. What differs in its frames alone has the same text on both sides. */
export function unified({ alignment, before, after }: Exported, from: number, to: number): string {
  const lines = [`--- ${before}`, `+++ ${after}`];
  const { left, right } = alignment;
  let marker = '';
  const removed: string[] = [];
  const added: string[] = [];
  const flush = (): void => {
    lines.push(...removed.splice(0), ...added.splice(0));
  };
  for (let row = from; row < to; row++) {
    const one = alignment.cell('left', row);
    const other = alignment.cell('right', row);
    if (alignment.isMarker(row)) {
      flush();
      marker = markerName((one.line === gap ? right.texts[other.line] : left.texts[one.line]) ?? '');
      continue;
    }
    if (alignment.isEqual(row)) {
      flush();
      continue;
    }
    if (marker !== '') lines.push(`@@ ${marker} @@`);
    marker = '';
    if (one.line !== gap && !one.goesOn) removed.push(`-${left.texts[one.line] ?? ''}`);
    if (other.line !== gap && !other.goesOn) added.push(`+${right.texts[other.line] ?? ''}`);
  }
  flush();
  return lines.map((line) => `${line}\n`).join('');
}

function csv(changes: readonly PtdumpChangeFacts[]): string {
  const rows = changes.map(({ kind, start, end, what, before, after }) =>
    [
      ...[kind, start, end, what.join(' ')],
      ...[before, after].flatMap((side) => [side?.level ?? '', side?.attributes.join(' ') ?? '', side?.physical ?? '']),
    ]
      .map(quoted)
      .join(','),
  );
  const head = 'kind,start,end,what,level before,attributes before,physical before,level after,attributes after,physical after';
  return [head, ...rows].map((row) => `${row}\n`).join('');
}
