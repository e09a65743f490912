/**
 * Fuzzes for as long as it is told: `npm run fuzz -- --minutes 60`. `--seed N` begins at a seed (a fresh one otherwise, which is
 * printed), `--rounds N` bounds the cases of each target, `--only WORD` picks targets by name. Targets take turns of some
 * seconds, so that a run that is ended has tried them all. A case that fails is kept in artefacts/fuzz/; `--seed N --rounds 1
 * --only NAME` tries it again.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { artefacts, fuzz, reportLine, seedsFrom, some } from './harness.ts';
import type { FuzzReport } from './harness.ts';
import { targets } from './targets.ts';
import { Watchdog } from './watchdog.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, rounds: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const minutes = Number(values.minutes ?? 1);
const most = values.rounds === undefined ? Infinity : Number(values.rounds);
const first = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
const turnSeconds = Math.max(1, Math.min(60, (minutes * 60) / targets.length));
const end = Date.now() + minutes * 60_000;

const chosen = targets.filter(({ name, absent }) => {
  if (values.only !== undefined && !name.includes(values.only)) return false;
  if (absent !== undefined) console.log(`SKIPPED ${name}: ${absent}`);
  return absent === undefined;
});
const watchdog = new Watchdog(chosen.map(({ name }) => name));
const totals = new Map<string, FuzzReport>();
console.log(`seed ${first}, ${minutes} minutes, ${chosen.length} targets`);

function add(turn: FuzzReport): void {
  const before = totals.get(turn.name);
  const known = new Set(before?.failures.map(({ key }) => key));
  const fresh = turn.failures.filter(({ key }) => !known.has(key));
  for (const { seed, error } of fresh) console.log(`FAILED ${turn.name}, seed ${seed}\n${error.stack ?? error.message}\n`);
  totals.set(turn.name, {
    name: turn.name,
    runs: (before?.runs ?? 0) + turn.runs,
    failures: [...(before?.failures ?? []), ...fresh],
    slowest: (before?.slowest.milliseconds ?? 0) > turn.slowest.milliseconds && before !== undefined ? before.slowest : turn.slowest,
    memory: Math.max(before?.memory ?? 0, turn.memory),
  });
}

for (let turn = 0; Date.now() < end; turn++) {
  for (const [index, target] of chosen.entries()) {
    const done = totals.get(target.name)?.runs ?? 0;
    if (Date.now() >= end || done >= most) continue;
    // A turn begins when its target is prepared, which may take longer than the turn.
    let until: number | undefined;
    const seeds = seedsFrom(turn === 0 && values.seed === undefined ? target.regressions : [], (first + done) >>> 0);
    add(
      await fuzz(target, {
        seeds: some(seeds, most - done),
        enough: () => Date.now() >= (until ??= Date.now() + turnSeconds * 1000),
        trying: (seed) => {
          watchdog.begins(index, seed);
        },
      }),
    );
  }
  if ([...totals.values()].every(({ runs }) => runs >= most)) break;
}
for (const report of totals.values()) console.log(reportLine(report));
const reports = [...totals.values()];
const failures = reports.reduce((sum, report) => sum + report.failures.length, 0);
console.log(
  `${reports.reduce((sum, { runs }) => sum + runs, 0)} runs, ${failures} unique failures${failures > 0 ? `, kept in ${artefacts}` : ''}`,
);
process.exit(failures > 0 ? 1 : 0);
