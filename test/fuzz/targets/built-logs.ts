/**
 * Kernel logs that are built, and read back as they were written; then with a single field damaged. What is missing from the
 * answer must be told, unless the field is one by which the kernel itself says that there is no record.
 */
import assert from 'node:assert/strict';
import { kernelLog } from '../../../debug-adapter/kernel/log/printk.ts';
import { UserError } from '../../../debug-adapter/base/errors.ts';
import { Dice, edges } from '../../builders/mutations.ts';
import { dataAtOld, descriptorsAt, infosAt, lengthOf, LogRing, recordKernel, ringAt } from '../../builders/printk-log.ts';
import { assertSentence } from '../target.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

type Built = Pick<LogRing, 'kernel' | 'open'>;

/** One field of a log, and whether its damage can be told from what a kernel writes. */
interface Field {
  readonly at: bigint;
  readonly size: number;
  readonly told: boolean;
}

interface BuiltLog {
  readonly texts: readonly string[];
  readonly make: () => Built;
  readonly fields: readonly Field[];
}

const letters = 'abc xyz\n\0';

function textsFrom(dice: Dice, most: number): string[] {
  const text = (): string => Array.from({ length: 1 + dice.next(30) }, () => letters[dice.next(letters.length)] ?? 'a').join('');
  return Array.from({ length: 1 + dice.next(most) }, text);
}

/** Records that the ring was left with after it turned; each text fits several times. */
function ringOf(dice: Dice): BuiltLog {
  const countBits = 2 + dice.next(2);
  const first = BigInt(dice.next(10_000));
  const position = BigInt(dice.next(500)) * 8n;
  const written = textsFrom(dice, 40);
  const texts = written.slice(-(2 ** countBits));
  const make = (): LogRing => {
    const ring = new LogRing({ countBits, sizeBits: 9, first, position });
    for (const text of written) ring.add({ text });
    return ring;
  };
  const last = first + BigInt(written.length - 1);
  const fields = texts.flatMap((_, back): Field[] => {
    const index = (last - BigInt(back)) & ((1n << BigInt(countBits)) - 1n);
    const descriptor = descriptorsAt + 24n * index;
    return [
      // The state stands in the highest bits: there is no record where it says so.
      { at: descriptor, size: 7, told: true },
      { at: descriptor + 7n, size: 1, told: false },
      { at: descriptor + 8n, size: 8, told: true },
      { at: descriptor + 16n, size: 8, told: true },
      { at: infosAt + 88n * index, size: 8, told: false },
      { at: infosAt + 88n * index + 16n, size: 2, told: false },
    ];
  });
  const ends = [ringAt, ringAt + 8n, ringAt + 16n, ringAt + 24n, ringAt + 32n, ringAt + 48n];
  return {
    texts,
    make,
    fields: [...fields, { at: ringAt + 56n, size: 8, told: true }, ...ends.map((at): Field => ({ at, size: 4, told: false }))],
  };
}

/** Records one behind the other. */
function recordsOf(dice: Dice): BuiltLog {
  const texts = textsFrom(dice, 4);
  let next = 0;
  const records = texts.map((text) => {
    const at = next;
    next += lengthOf(text);
    return { at, text };
  });
  const make = (): Built => {
    const kernel = recordKernel(records, { first: 0, next });
    return { kernel, open: () => kernel.open() };
  };
  const fields = records.flatMap(({ at }): Field[] => [
    { at: dataAtOld + BigInt(at) + 8n, size: 2, told: false },
    { at: dataAtOld + BigInt(at) + 10n, size: 2, told: false },
  ]);
  return { texts, make, fields };
}

/** What is read, as far as texts go, or nothing where the log is refused. */
function readOf(log: Built): { readonly texts: readonly (string | undefined)[]; readonly problems: readonly string[] } | undefined {
  try {
    const { records, problems } = kernelLog(log.open());
    for (const problem of problems) assertSentence(problem);
    return { texts: records.map(({ text }) => text), problems };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assertSentence(error.message);
    return undefined;
  }
}

function damagedCase(build: (dice: Dice) => BuiltLog, seed: number): FuzzCase {
  const dice = new Dice(seed);
  const { texts, make, fields } = build(dice);
  const field = fields[dice.next(fields.length)];
  assert.ok(field !== undefined);
  const { at, size, told } = field;
  const value = BigInt.asUintN(size * 8, dice.next(2) === 0 ? dice.pick(edges) : BigInt(dice.next(2 ** 32)) << BigInt(dice.next(33)));
  return {
    input: `${JSON.stringify({ seed, texts, at: at.toString(16), size, value: value.toString(16) })}\n`,
    run: () => {
      assert.deepEqual(readOf(make()), { texts, problems: [] }, 'a whole log is not read back');
      const log = make();
      // The ends are written when the log is opened; what is damaged comes behind.
      log.open();
      log.kernel.write(at, value, size);
      const read = readOf({ kernel: log.kernel, open: () => log.kernel.open() });
      if (read === undefined || !told || read.problems.length > 0) return;
      const lost = read.texts.length < texts.length || read.texts.some((text, index) => text !== undefined && text !== texts[index]);
      // Descriptors at zero, or of the turn before, are about to be taken; positions that are odd say that there is no text.
      const reserved = size === 7 && (value === 0n || read.texts.length === texts.length - 1);
      assert.ok(!lost || reserved || (value & 1n) === 1n, `${read.texts.length} of ${texts.length} records are told, without a word`);
    },
  };
}

export const builtLogTargets: readonly FuzzTarget[] = [
  { name: 'built log: the ring', build: ringOf },
  { name: 'built log: records before 5.10', build: recordsOf },
].map(({ name, build }) => ({
  name,
  rounds: 150,
  regressions: [],
  prepare: () => ({ caseOf: (seed) => damagedCase(build, seed) }),
}));
