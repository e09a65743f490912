/**
 * Soaks an adapter: `npm run soak -- --minutes 10`. Clients open every image that is here, ask at random, and leave politely or
 * not, some at a time, on one adapter that listens. Each half minute all are done, and what the adapter holds is measured.
 * Fails where a request is not answered exactly once, where an answer tells of a defect, or where the adapter grows.
 * `--seed N` asks the same again (how requests of several clients meet is left to chance).
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Dice } from '../builders/mutations.ts';
import { startAdapter } from './adapter.ts';
import type { Quiet } from './adapter.ts';
import { soakedImages } from './images.ts';
import { soakSession } from './session.ts';
import { Tally } from './tally.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' }, clients: { type: 'string' } } });
const minutes = Number(values.minutes ?? 10);
const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
const clients = Number(values.clients ?? 3);
const turnMilliseconds = 30_000;
/** Turns after which everything that is loaded once is loaded. */
const warmTurns = 2;
/** Bytes that may be held more at the end than when all was warm: caches of the language and of the compiler. */
const mayGrow = 24 * 2 ** 20;

const tally = new Tally();
const images = soakedImages(console.log);
const adapter = await startAdapter();
const quiets: Quiet[] = [await adapter.quiet()];
const begun = Date.now();
const end = begun + minutes * 60_000;
let largest = 0;
const watching = setInterval(() => {
  if (adapter.ended() === undefined) largest = Math.max(largest, adapter.resident());
}, 500);
const dice = new Dice(seed);
console.log(`seed ${seed}, ${minutes} minutes, ${images.length} images, ${clients} clients at a time`);

/** Sessions one after another until the turn is over. */
async function client(own: Dice, until: number): Promise<void> {
  while (Date.now() < until && adapter.ended() === undefined) {
    try {
      await soakSession(adapter.port, own.pick(images), { dice: own, tally, until });
    } catch (error) {
      tally.fault(error instanceof Error ? error.message : String(error));
      return;
    }
  }
}

const inMegabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;

while (Date.now() < end && adapter.ended() === undefined) {
  const until = Math.min(end, Date.now() + turnMilliseconds);
  await Promise.all(Array.from({ length: clients }, () => client(new Dice(dice.next(2 ** 31)), until)));
  // Threads and sockets of those that have just gone.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const quiet = await adapter.quiet();
  quiets.push(quiet);
  console.log(
    `${((Date.now() - begun) / 60_000).toFixed(1)} minutes: ${tally.sessions} sessions, ${tally.requests} requests; held ${inMegabytes(quiet.held)}, resident ${inMegabytes(quiet.resident)}, ${quiet.descriptors} files, ${quiet.threads} threads`,
  );
}
clearInterval(watching);

const seconds = (Date.now() - begun) / 1000;
const [first] = quiets;
const warm = quiets[Math.min(warmTurns, quiets.length - 1)];
const last = quiets.at(-1);
if (adapter.ended() !== undefined) tally.fault(`the adapter ended: ${adapter.ended() ?? ''}`);
for (const line of adapter.complaints()) tally.fault(`the adapter complained: ${line}`);
if (warm !== undefined && last !== undefined) {
  if (last.held > warm.held + mayGrow) tally.fault(`the adapter grew from ${inMegabytes(warm.held)} to ${inMegabytes(last.held)}`);
  if (last.descriptors > warm.descriptors) tally.fault(`${last.descriptors} files are open, ${warm.descriptors} were`);
  if (last.threads > warm.threads) tally.fault(`${last.threads} threads run, ${warm.threads} did`);
}
console.log(
  `\n${tally.requests} requests in ${tally.sessions} sessions (${tally.vanished} clients vanished), ${(tally.requests / seconds).toFixed(0)} a second`,
);
console.log(
  `held: ${inMegabytes(first?.held ?? 0)} at the start, ${inMegabytes(warm?.held ?? 0)} warm, ${inMegabytes(last?.held ?? 0)} at the end; resident ${inMegabytes(first?.resident ?? 0)}, ${inMegabytes(last?.resident ?? 0)}, at most ${inMegabytes(largest)}`,
);
console.log('refused, by kind:');
for (const [kind, count] of [...tally.errors].sort(([, a], [, b]) => b - a)) console.log(`${String(count).padStart(8)}  ${kind}`);
for (const fault of tally.faults) console.log(`FAULT ${fault}`);
console.log(tally.faults.length === 0 ? 'every request was answered exactly once' : `${tally.faults.length} faults`);
await adapter.end();
process.exitCode = tally.faults.length === 0 ? 0 : 1;
