/**
 * What the list shows, for other programs: the kernel's text, CSV, or JSON in the shape of `pagewalk ptdump --json`. Each yields
 * the share that is done, and gives the text in parts.
 */
import type { PtdumpExportFormat } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { JsonArray, Pieces } from '../panel/pieces.ts';
import { hexOfPage, markerName, sizeText } from './table.ts';
import type { RegionTable } from './table.ts';

/** Lines between two looks at the clock. */
const stride = 256;

/** `lines` ascend. */
export function exported(table: RegionTable, lines: Iterable<number>, format: PtdumpExportFormat): Generator<number, string[]> {
  switch (format) {
    case 'text':
      return kernelText(table, lines);
    case 'csv':
      return csv(table, lines);
    case 'json':
      return json(table, lines);
  }
}

function* kernelText(table: RegionTable, lines: Iterable<number>): Generator<number, string[]> {
  const text = new Pieces();
  let count = 0;
  for (const line of lines) {
    if (++count % stride === 0) yield line / table.length;
    text.add(`${table.texts[line] ?? ''}\n`);
  }
  yield 1;
  return text.parts();
}

function* csv(table: RegionTable, lines: Iterable<number>): Generator<number, string[]> {
  const text = new Pieces();
  text.add('start,end,size,level,attributes,present,marker,owner\n');
  let count = 0;
  for (const line of lines) {
    if (++count % stride === 0) yield line / table.length;
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
    text.add(`${cells.map(quoted).join(',')}\n`);
  }
  yield 1;
  return text.parts();
}

/** A cell that begins as a formula would be one in a spreadsheet; names come from the dump. */
export function quoted(cell: string): string {
  const safe = /^[=+\-@\t]/.test(cell) ? `'${cell}` : cell;
  return /[",\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function* json(table: RegionTable, lines: Iterable<number>): Generator<number, string[]> {
  const markers = new JsonArray();
  const regions = new JsonArray();
  let count = 0;
  for (const line of lines) {
    if (++count % stride === 0) yield line / table.length;
    const kind = table.kind(line);
    if (kind === undefined) markers.add({ address: table.start(line), name: markerName(table.texts[line] ?? '') });
    else {
      const { level, attributes, present } = kind;
      regions.add({ start: table.start(line), end: end(table, line), level, attributes, present });
    }
  }
  yield 1;
  return ['{\n "markers": ', ...markers.parts(), ',\n "regions": ', ...regions.parts(), '\n}\n'];
}

/** The end of the space is 0, as in the facts. */
function end(table: RegionTable, line: number): string {
  const page = table.endPages[line] ?? 0;
  return page === 2 ** 52 ? '0x0' : hexOfPage(page);
}
