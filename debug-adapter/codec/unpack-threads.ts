/** Threads that unpack the pages of one dump beside the one that reads it. */
import type { UnpackThreadHost } from '../base/host.ts';
import type { WorkerThread } from '../base/worker.ts';
import { UnpackMemory } from './unpack-memory.ts';
import type { PackedPage, Unpacker } from './unpacker.ts';

/** A job takes 100 µs. A thread that has one for so long was ended, or gets no processor. */
const patience = 1000;

/** All jobs are the threads' and the asking one's together; what a thread leaves undone the asking one does itself. */
export class UnpackThreads {
  readonly #unpacker: Unpacker;
  readonly #memory: UnpackMemory;
  readonly #threads = new Set<WorkerThread>();
  #closed = false;

  /** Starts `host.most` threads. */
  constructor(host: UnpackThreadHost, pageSize: number, unpacker: Unpacker) {
    this.#unpacker = unpacker;
    const task = UnpackMemory.make(pageSize);
    this.#memory = new UnpackMemory(task);
    for (let count = 0; count < host.most; count++) {
      const thread = host.start();
      this.#threads.add(thread);
      thread.listen(
        () => undefined,
        () => {
          this.#threads.delete(thread);
        },
      );
      thread.post(task);
    }
  }

  /** Whether a thread is left that may help; one that ended is known of when the asking one comes to its messages. */
  get alive(): boolean {
    return !this.#closed && this.#threads.size > 0;
  }

  /** As `Unpacker.unpackAll`. */
  unpackAll(pages: readonly PackedPage[], each: (index: number, bytes: Uint8Array | undefined) => void): void {
    const { capacity, pagesPerJob } = this.#memory;
    for (let start = 0; start < pages.length; start += capacity * pagesPerJob)
      this.#unpackSome(pages, { start, end: Math.min(pages.length, start + capacity * pagesPerJob), each });
  }

  /** Ends the threads, whatever they do. */
  close(): void {
    this.#closed = true;
    for (const thread of this.#threads) thread.stop();
  }

  #unpackSome(
    pages: readonly PackedPage[],
    part: { start: number; end: number; each: (index: number, bytes: Uint8Array | undefined) => void },
  ): void {
    const { start, end, each } = part;
    const memory = this.#memory;
    const posted: { readonly job: number; readonly first: number; readonly end: number }[] = [];
    for (let first = start; first < end && !this.#closed; first += memory.pagesPerJob) {
      const jobEnd = Math.min(end, first + memory.pagesPerJob);
      posted.push({ job: memory.post(pages.slice(first, jobEnd)), first, end: jobEnd });
    }
    if (!this.#closed) memory.work(this.#unpacker);
    let next = start;
    for (const { job, first, end: jobEnd } of posted) {
      if (!memory.isDone(job, patience)) {
        // Its memory may be written to at any time from now on: it is not used any more.
        this.close();
        break;
      }
      for (next = first; next < jobEnd; next++) each(next, memory.page(job, next - first));
    }
    for (; next < end; next++) {
      const page = pages[next];
      if (page !== undefined) each(next, this.#unpacker.whole(page));
    }
  }
}
