/**
 * Every target of the fuzzer for a bounded number of cases: those that found bugs, and the first ones. A change is judged by the
 * same cases each time: fresh ones are for `npm run fuzz -- --minutes N`, and for PAGEWALK_FUZZ, which multiplies the rounds and
 * tells the seed.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { fuzz, reportLine, seedsFrom, some } from './harness.ts';
import { targets } from './targets.ts';

const wanted = process.env['PAGEWALK_FUZZ'];
const times = Number(wanted ?? 1);

describe('hostile input', () => {
  for (const target of targets) {
    test(target.name, { skip: target.absent ?? false }, async (t) => {
      const rounds = Math.ceil(target.rounds * times);
      const fixed = Array.from({ length: Math.ceil(rounds / 2) }, (_, seed) => seed);
      const fresh = wanted === undefined ? fixed.length : randomInt(2 ** 32);
      const seeds = seedsFrom([...target.regressions, ...fixed], fresh);
      const report = await fuzz(target, { seeds: some(seeds, target.regressions.length + rounds) });
      t.diagnostic(`${reportLine(report)}; seeds from ${fresh} on`);
      assert.deepEqual(
        report.failures.map(({ seed, error }) => `seed ${seed}: ${error.stack ?? error.message}`),
        [],
      );
      assert.equal(report.runs, target.regressions.length + rounds);
    });
  }
});
