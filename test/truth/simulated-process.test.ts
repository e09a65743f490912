/** A simulated process with the mappings of the recorded one answers every PAGEMAP_SCAN call as the real kernel did. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import type { OperationValue } from '../../debug-adapter/simulator/operation.ts';
import { recordedEntries, RecordedProcess } from '../simulator/recorded-process.ts';
import type { RecordedArea, RecordedPages } from '../simulator/recorded-process.ts';
import { sessionOf } from '../simulator/session-of.ts';
import { absent, dumpFolder, jsonLines } from '../support/dumps.ts';
import { debian } from '../support/processes.ts';
import type { RecordedScan } from '../support/processes.ts';

interface Answer {
  readonly return: bigint;
  readonly errno: string | undefined;
  readonly walk_end: bigint | undefined;
  readonly regions: readonly { readonly start: bigint; readonly end: bigint; readonly categories: string }[];
  readonly protects: readonly { readonly start: bigint; readonly end: bigint }[];
}

const errnos: Readonly<Record<string, number>> = { EPERM: 1, EFAULT: 14, EINVAL: 22 };
const names = ['WPALLOWED', 'WRITTEN', 'FILE', 'PRESENT', 'SWAPPED', 'PFNZERO', 'HUGE', 'SOFT_DIRTY'];
const hex = (value: bigint): string => `0x${value.toString(16)}`;

function scan(process: RecordedProcess, call: RecordedScan): Answer {
  const value: OperationValue = process.run('pagemap_scan', {
    size: BigInt(call.size),
    flags: BigInt(call.flags),
    start: BigInt(call.start),
    end: BigInt(call.end),
    vec: call.vec,
    vec_len: BigInt(call.vec_len),
    max_pages: BigInt(call.max_pages),
    category_inverted: BigInt(call.category_inverted),
    category_mask: BigInt(call.category_mask),
    category_anyof_mask: BigInt(call.category_anyof_mask),
    return_mask: BigInt(call.return_mask),
  });
  return value as unknown as Answer;
}

/** Where an answer is not what the kernel gave; undefined where it is. */
function difference(process: RecordedProcess, call: RecordedScan): string | undefined {
  const answer = scan(process, call);
  const bits = (categories: string): number =>
    names.reduce((sum, name, bit) => sum + (categories.split('|').includes(name) ? 2 ** bit : 0), 0);
  const ours = [
    Number(answer.return),
    answer.errno === undefined ? 0 : errnos[answer.errno],
    answer.walk_end === undefined ? null : hex(answer.walk_end),
    answer.regions.map(({ start, end, categories }) => [hex(start), hex(end), bits(categories)]),
  ];
  const told = [call.rc, call.errno, call.walk_end, call.regions];
  if (JSON.stringify(ours) === JSON.stringify(told)) return undefined;
  const region = call.regions.findIndex((one, index) => JSON.stringify(one) !== JSON.stringify((ours[3] as unknown[])[index]));
  return `${call.scan} ${call.tag}: region ${region} of ${call.rc}: ${JSON.stringify((ours[3] as unknown[])[region] ?? ours.slice(0, 3))}, not ${JSON.stringify(call.regions[region] ?? told.slice(0, 3))}`;
}

test('every PAGEMAP_SCAN call of the recorded process, in order and with its effects', { skip: absent(debian) ?? false }, (t) => {
  const truth = (name: string): string => join(dumpFolder(debian) ?? '', 'truth', name);
  const areas = jsonLines<RecordedArea>(truth('drgn/vmas.jsonl'));
  const entries = recordedEntries(jsonLines<RecordedPages>(truth('guest/pagemap.jsonl')));
  const own = jsonLines<Partial<RecordedScan>>(truth('guest/user.jsonl')).filter((line): line is RecordedScan => line.scan !== undefined);
  const arming = own.filter(({ flags }) => flags === 3);
  const later = [...own.filter(({ flags }) => flags !== 3), ...jsonLines<RecordedScan>(truth('guest/scan.jsonl'))];
  assert.equal(arming.length, 2);
  assert.ok(later.length >= 3420 + 37);

  const process = new RecordedProcess();
  process.ranges();
  process.program(areas, entries);
  const wrong: string[] = [];
  const compare = (call: RecordedScan): void => {
    const found = difference(process, call);
    if (found !== undefined) wrong.push(found);
  };
  const scanned = process.range(50, 32).write(Array.from({ length: 24 }, (_, index) => index));
  scanned.register();
  const [first, second] = arming;
  assert.ok(first !== undefined && second !== undefined);
  compare(first);
  scanned.write([3, 7, 11, 15, 19, 23, 27, 31]);
  compare(second);
  scanned.write([0, 1, 2, 3, 4]);
  const dirty = process.range(51, 32).write(Array.from({ length: 24 }, (_, index) => index));
  process.run('clear_soft_dirty', {});
  dirty.write([0, 5, 10, 15, 20, 25, 30]);
  process.range(52, 8).write([1]);
  process.writeAgain(areas, entries);

  for (const call of later) compare(call);
  t.diagnostic(`${later.length + 2 - wrong.length} of ${later.length + 2} calls equal`);
  assert.deepEqual(wrong.slice(0, 12), [], `${wrong.length} of ${later.length + 2}`);

  // /proc/PID/pagemap tells the same of every page, frames and places in swap apart; whether the pages of the program and its
  // stack are mapped once (bit 56) depends on what its child did.
  const session = sessionOf(process.machine);
  const marks = (from: ReadonlyMap<bigint, bigint>): string[] =>
    [...from].map(([address, entry]) => `${hex(address)} ${((entry >> 55n) & (address >> 40n === 0x20n ? ~0n : ~2n)).toString(2)}`).sort();
  const pagemap = session.pagemap(Number(process.process), {});
  const lines = pagemap.entries.map(({ address, count, entry }) => ({ at: address, n: count, same: entry }));
  assert.deepEqual(marks(recordedEntries(lines)), marks(entries));
  assert.deepEqual([pagemap.missing, pagemap.warnings], [[], []]);
  // What stands in the simulated memory is sound, and tells the same mappings.
  assert.deepEqual(session.findings({}).findings, []);
  assert.deepEqual(
    session.maps(Number(process.process)).areas.map(({ start, end }) => [start, end]),
    areas.map(({ start, end }) => [start, end]),
  );
});
