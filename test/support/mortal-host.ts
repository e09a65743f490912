/** The machine's own host, whose threads that answer jobs are real ones that the test can end. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Host } from '../../debug-adapter/base/host.ts';
import type { WorkerThread } from '../../debug-adapter/base/worker.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';

/** Of the built program. */
export const program = pathToFileURL(resolve(import.meta.dirname, '../../dist/pagewalk.js'));

export class MortalHost {
  readonly host: Host;
  /** All that were started. */
  readonly threads: WorkerThread[] = [];
  /** Whether each thread ends under the next job that it gets. */
  dying = false;
  /** How many have ended so. */
  deaths = 0;

  constructor() {
    const host = nodeHost(program);
    this.host = { ...host, startWorker: () => this.#started(host.startWorker?.()) };
  }

  #started(thread: WorkerThread | undefined): WorkerThread {
    if (thread === undefined) throw new Error('there are no threads here');
    this.threads.push(thread);
    const post: WorkerThread['post'] = (message) => {
      thread.post(message);
      if (!this.dying) return;
      this.deaths++;
      thread.stop();
    };
    return { ...thread, post };
  }
}
