/** A thread that ends the process when one case never ends, and says which: a loop without end cannot be left from inside. */
import { Worker } from 'node:worker_threads';

/** Seconds of the processor without a new case: a loop without end, whatever else the machine does. */
const patience = 60;
/** Seconds of the clock: a reply that never comes costs no processor. */
const longestWait = 1800;

/** Runs in the thread; plain JavaScript, because a thread does not inherit the loader of TypeScript. */
const program = `
  const { workerData } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  const counts = new Uint32Array(workerData.shared);
  const processor = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
  let last = 0, since = processor(), begun = Date.now();
  setInterval(() => {
    const now = Atomics.load(counts, 0);
    if (now !== last || now === 0) { since = processor(); begun = Date.now(); }
    last = now;
    if (processor() - since < ${patience} && Date.now() - begun < ${longestWait} * 1000) return;
    writeSync(2, workerData.names[Atomics.load(counts, 1)] + ': seed ' + Atomics.load(counts, 2) + ' does not end\\n');
    process.kill(process.pid, 'SIGKILL');
  }, 1000);
`;

export class Watchdog {
  readonly #counts = new Uint32Array(new SharedArrayBuffer(12));

  constructor(names: readonly string[]) {
    new Worker(program, { eval: true, workerData: { shared: this.#counts.buffer, names } }).unref();
  }

  /** A case of the target with this index begins. */
  begins(target: number, seed: number): void {
    Atomics.store(this.#counts, 1, target);
    Atomics.store(this.#counts, 2, seed);
    Atomics.add(this.#counts, 0, 1);
  }
}
