/** Node's worker threads behind the engine's interface (base/worker.ts). */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { WorkerPort, WorkerThread } from '../base/worker.ts';

/** Tells our thread from one in which somebody else runs the program. */
const mark = 'pagewalk jobs';

/** Starts the program `entry` in a thread; there `workerPort` is defined. */
export function startWorker(entry: URL): WorkerThread {
  // Its output is the adapter's protocol stream in the starting thread: it must write none.
  const worker = new Worker(entry, { workerData: mark, stdout: true, stderr: true });
  return {
    post: (message) => {
      worker.postMessage(message);
    },
    listen: (heard, ended) => {
      let why: string | undefined;
      worker.on('message', heard);
      worker.on('error', (error) => {
        why = error instanceof Error ? error.message : String(error);
      });
      worker.on('exit', (status) => {
        ended(why ?? `exit status ${status}`);
      });
    },
    stop: () => {
      void worker.terminate();
    },
  };
}

/** The thread's end where the program was started by `startWorker`; undefined elsewhere. */
export function workerPort(): WorkerPort | undefined {
  if (isMainThread || workerData !== mark || parentPort === null) return undefined;
  const port = parentPort;
  return {
    post: (message) => {
      port.postMessage(message);
    },
    listen: (heard) => {
      port.on('message', heard);
    },
  };
}
