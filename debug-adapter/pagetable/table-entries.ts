/** One table's entries for a tree view: runs of equal entries are told once. */
import { formatAddress, toAddress, toPhysAddr } from '../base/address.ts';
import type { PhysAddr } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { entryKind } from '../arch/paging-mode.ts';
import type { EntryKind, PagingMode } from '../arch/paging-mode.ts';
import { wholeEntry } from '../arch/table-mode.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { TableEntryFacts, TableFacts } from '../protocol/facts.ts';
import type { PageTable } from './page-table.ts';
import { highHalf, lowHalf } from './table-view.ts';

const kindNames = Object.fromEntries(Object.entries(entryKind).map(([name, value]) => [value, name])) as Record<
  EntryKind,
  keyof typeof entryKind
>;

interface Entry {
  readonly index: number;
  readonly low: number;
  readonly high: number;
  readonly kind: EntryKind;
  readonly target: number | undefined;
  readonly flags: readonly string[];
  readonly defect: string | undefined;
}

/** Entries of a table: the root's without `tableAddress`. `virtualBase` is the first address that the table covers. */
export function tableEntries(
  pageTable: PageTable,
  options: { readonly tableAddress: PhysAddr | undefined; readonly level: string | undefined; readonly virtualBase: bigint | undefined },
): TableFacts {
  const { mode } = pageTable;
  const level = options.level === undefined ? 0 : mode.levels.findIndex(({ name }) => name === options.level);
  const shape = mode.levels[level];
  if (shape === undefined)
    throw errors.badArgument(
      `no level of ${mode.name} is called ${options.level ?? ''}; levels are ${mode.levels.map(({ name }) => name).join(', ')}`,
    );
  const table = options.tableAddress ?? pageTable.root;
  if (table % shape.entrySize !== 0)
    throw errors.badArgument(`no table begins at ${formatAddress(table)}: its entries lie at multiples of ${shape.entrySize} bytes`);
  const base = options.virtualBase ?? pageTable.virtualBase;
  const entries: Entry[] = [];
  let unreadable: string | null = null;
  for (let index = 0; index < 2 ** shape.indexBits; index++) {
    const at = table + index * shape.entrySize;
    const view = pageTable.tableView(Math.floor(at / frameSize));
    if (view === undefined) {
      unreadable ??= pageTable.physical.partialFrame(Math.floor(at / frameSize)).holes[0]?.reason.message ?? 'the table cannot be read';
      continue;
    }
    const offset = at % frameSize;
    entries.push(describeEntry(mode, { index, level, low: lowHalf(view, offset, shape, mode), high: highHalf(view, offset, shape, mode) }));
  }
  return {
    level: shape.name,
    tableAddress: formatAddress(table),
    virtualBase: formatAddress(base),
    entries: merge(entries, 2 ** shape.shift).map((run) => entryFacts(pageTable, run, { table: toPhysAddr(table), level, base })),
    unreadable,
  };
}

function describeEntry(mode: PagingMode, entry: { index: number; level: number; low: number; high: number }): Entry {
  const { index, level, low, high } = entry;
  const kind = mode.kind(level, low, high);
  const mapped = kind === entryKind.leaf || (kind === entryKind.notPresent && mode.keepsFrame(level, low, high));
  const target = kind === entryKind.table ? mode.tableAddress(level, low, high) : mapped ? mode.leafAddress(level, low, high) : undefined;
  return { index, low, high, kind, target, flags: mode.flags(level, low, high), defect: mode.defect(level, low, high) };
}

interface Run {
  readonly first: Entry;
  count: number;
}

function merge(entries: readonly Entry[], span: number): Run[] {
  const runs: Run[] = [];
  for (const entry of entries) {
    const last = runs.at(-1);
    if (last !== undefined && last.first.index + last.count === entry.index && continues(last, entry, span)) last.count++;
    else runs.push({ first: entry, count: 1 });
  }
  return runs;
}

/** Equal: both empty, or leaves with the same flags whose memory goes on where the run ended. */
function continues(run: Run, entry: Entry, span: number): boolean {
  const { first, count } = run;
  if (first.kind !== entry.kind) return false;
  if (entry.kind === entryKind.none) return true;
  if (entry.kind !== entryKind.leaf || first.target === undefined || entry.defect !== first.defect) return false;
  return entry.target === first.target + count * span && entry.flags.join(' ') === first.flags.join(' ');
}

function entryFacts(pageTable: PageTable, run: Run, at: { table: PhysAddr; level: number; base: bigint }): TableEntryFacts {
  const { first, count } = run;
  const { mode } = pageTable;
  const shape = mode.levels[at.level];
  const span = 1n << BigInt(shape?.shift ?? 12);
  const start = virtualOf(at.base + BigInt(first.index) * span, mode, at.level);
  const last = virtualOf(at.base + BigInt(first.index + count - 1) * span, mode, at.level);
  const explained = first.kind === entryKind.notPresent || first.kind === entryKind.malformed;
  const wild = first.kind === entryKind.table && first.target !== undefined ? wildTable(pageTable, first.target, at.table) : null;
  return {
    index: first.index,
    count,
    start: formatAddress(start),
    end: formatAddress(BigInt.asUintN(mode.addressBits, last + span)),
    entryAddress: formatAddress(at.table + first.index * (shape?.entrySize ?? 8)),
    entry: formatAddress(wholeEntry(first.low, first.high)),
    kind: kindNames[first.kind],
    flags: first.flags,
    target: first.target === undefined ? null : formatAddress(first.target),
    explanation: explained
      ? mode.explain(at.level, first.low, first.high, { userAddress: pageTable.mayHoldSwap(toAddress(start)) })
      : (first.defect ?? wild),
  };
}

/** Root entries of the upper half stand for sign-extended addresses. */
export function virtualOf(value: bigint, mode: PagingMode, level: number): bigint {
  if (level > 0 || mode.split !== 'shared' || mode.addressBits === 32) return BigInt.asUintN(mode.addressBits, value);
  return BigInt.asUintN(64, BigInt.asIntN(mode.virtualBits, value));
}

function wildTable(pageTable: PageTable, target: number, table: number): string | null {
  if (target === table) return 'it points back to the table that it stands in';
  const frame = Math.floor(target / frameSize);
  if (pageTable.tableView(frame) !== undefined) return null;
  return `the table cannot be read: ${pageTable.physical.partialFrame(frame).holes[0]?.reason.message ?? 'no machine has memory there'}`;
}
