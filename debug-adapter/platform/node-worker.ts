/** Node's worker threads behind the engine's interface (base/worker.ts). */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { UnpackThreadHost } from '../base/host.ts';
import type { WorkerPort, WorkerThread } from '../base/worker.ts';

/** What a thread is for: tells ours from one in which somebody else runs the program. */
const marks = { jobs: 'pagewalk jobs', unpack: 'pagewalk unpack' } as const;
/** Threads that unpack pages beside the one that reads: one thread takes up what they give. */
const mostUnpackThreads = 3;

/** Starts the program `entry` in a thread; there `workerPort('jobs')` is defined. */
export function startWorker(entry: URL): WorkerThread {
  return threadOf(started(entry, 'jobs'));
}

/** Threads that unpack pages, which do not keep the process running; undefined where their program or a processor for them is missing. */
export function unpackThreads(program: URL): UnpackThreadHost | undefined {
  const entry = new URL('./unpack-thread.js', program);
  const most = Math.min(mostUnpackThreads, availableParallelism() - 1);
  if (most < 1 || !existsSync(entry)) return undefined;
  return {
    most,
    start: () => {
      const worker = started(entry, 'unpack');
      const thread = threadOf(worker);
      const listen: WorkerThread['listen'] = (heard, ended) => {
        thread.listen(heard, ended);
        // Listening for messages is what keeps a process running.
        worker.unref();
      };
      return { ...thread, listen };
    },
  };
}

function started(entry: URL, use: keyof typeof marks): Worker {
  // Its output is the adapter's protocol stream in the starting thread: it must write none.
  return new Worker(entry, { workerData: marks[use], stdout: true, stderr: true });
}

function threadOf(worker: Worker): WorkerThread {
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

/** The thread's end where the program was started for this use; undefined elsewhere. */
export function workerPort(use: keyof typeof marks): WorkerPort | undefined {
  if (isMainThread || workerData !== marks[use] || parentPort === null) return undefined;
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
