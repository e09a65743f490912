/** What the list shows, for other programs: the kernel's text, CSV, or JSON in the shape of `pagewalk ptdump --json`. */
import type { PtdumpExportFormat } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { hexOfPage, markerName, sizeText } from './table.ts';
import type { RegionTable } from './table.ts';

export function exported(table: RegionTable, lines: Iterable<number>, format: PtdumpExportFormat): string {
  switch (format) {
    case 'text': {
      let text = '';
      for (const line of lines) text += `${table.texts[line] ?? ''}\n`;
      return text;
    }
    case 'csv':
      return csv(table, lines);
    case 'json':
      return json(table, lines);
  }
}

function csv(table: RegionTable, lines: Iterable<number>): string {
  let text = 'start,end,size,level,attributes,present,marker,owner\n';
  for (const line of lines) {
    const kind = table.kind(line);
    if (kind === undefined) continue;
    const marker = table.markerOf(line);
    const cells = [
      table.start(line),
      end(table, line),
      sizeText(table.pages(line)),
      kind.level,
      kind.attributes.join(' '),
      String(kind.present),
      marker < 0 ? '' : markerName(table.texts[marker] ?? ''),
      table.owners.get(line) ?? '',
    ];
    text += `${cells.map(quoted).join(',')}\n`;
  }
  return text;
}

/** A cell that begins as a formula would be one in a spreadsheet; names come from the dump. */
export function quoted(cell: string): string {
  const safe = /^[=+\-@\t]/.test(cell) ? `'${cell}` : cell;
  return /[",\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function json(table: RegionTable, lines: Iterable<number>): string {
  const markers: unknown[] = [];
  const regions: unknown[] = [];
  for (const line of lines) {
    const kind = table.kind(line);
    if (kind === undefined) markers.push({ address: table.start(line), name: markerName(table.texts[line] ?? '') });
    else {
      const { level, attributes, present } = kind;
      regions.push({ start: table.start(line), end: end(table, line), level, attributes, present });
    }
  }
  return `${JSON.stringify({ markers, regions }, undefined, 1)}\n`;
}

/** The end of the space is 0, as in the facts. */
function end(table: RegionTable, line: number): string {
  const page = table.endPages[line] ?? 0;
  return page === 2 ** 52 ? '0x0' : hexOfPage(page);
}
