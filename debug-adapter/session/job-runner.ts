/**
 * Has jobs answered in a thread of their own, so that the asking one stays free. The thread is started by the first job
 * and opens the same image; one that ends is started again by the next job. Where the platform has no threads, jobs are
 * answered in this one.
 */
import type { CancellationSource, ProgressReporter } from '../base/cancellation.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import { Cancelled, errors, UserError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import type { WorkerThread } from '../base/worker.ts';
import type { SearchHit } from '../protocol/search.ts';
import { runJob } from './jobs.ts';
import type { ImageChoice, JobMessage, JobName, JobReport, Jobs } from './jobs.ts';
import type { OpenOptions, SessionFace } from './session-face.ts';

interface Pending {
  readonly progress: ProgressReporter;
  readonly found: ((hits: readonly SearchHit[]) => void) | undefined;
  readonly resolve: (result: Jobs[JobName]['result']) => void;
  readonly reject: (reason: Error) => void;
}

/** How to stop a job, and who hears of it while it runs. */
export interface JobOptions {
  readonly cancellation: CancellationSource;
  readonly progress: ProgressReporter;
  /** Hears of a search's hits before its answer. */
  readonly found?: ((hits: readonly SearchHit[]) => void) | undefined;
}

/** One thread at most, which answers one job after the other. When it ends, its jobs are rejected with the reason in words. */
export class JobRunner {
  readonly #host: Host;
  readonly #image: ImageChoice;
  readonly #session: () => SessionFace;
  readonly #pending = new Map<number, Pending>();
  #thread: WorkerThread | undefined;
  #jobs = 0;
  #closed = false;

  /** `session` gives what answers where there are no threads: opened from `options`, also later. */
  constructor(host: Host, options: OpenOptions, session: () => SessionFace) {
    this.#host = host;
    this.#session = session;
    const { paths, symbols, types, vmlinux, base, cacheBytes } = options;
    this.#image = { paths, symbols, types, vmlinux, base, cacheBytes };
  }

  /** Rejects with `UserError`, or with `Cancelled` also where the runner is closed meanwhile. */
  async run<Name extends JobName>(name: Name, asked: Jobs[Name]['arguments'], options: JobOptions): Promise<Jobs[Name]['result']> {
    const { cancellation, progress, found } = options;
    throwIfCancelled(cancellation);
    if (this.#closed) throw new Cancelled();
    const thread = this.#started();
    if (thread === undefined) return runJob(this.#session(), { name, asked }, { host: this.#host, token: cancellation, progress, found });
    const id = ++this.#jobs;
    const cancelled = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const message: JobMessage = { id, image: this.#image, name, asked, ...(found === undefined ? {} : { tellsHits: true }), cancelled };
    const answer = new Promise<Jobs[JobName]['result']>((resolve, reject) => {
      this.#pending.set(id, { progress, found, resolve, reject });
    });
    cancellation.onCancel(() => {
      // The thread stops where it next asks; nobody waits for that.
      Atomics.store(new Int32Array(cancelled), 0, 1);
      this.#pending.get(id)?.reject(new Cancelled());
      this.#pending.delete(id);
    });
    thread.post(message);
    return answer;
  }

  /** Ends the thread; jobs that run are cancelled. */
  close(): void {
    this.#closed = true;
    this.#thread?.stop();
    this.#rejectAll(new Cancelled());
  }

  #started(): WorkerThread | undefined {
    if (this.#thread !== undefined) return this.#thread;
    const thread = this.#host.startWorker?.();
    thread?.listen(
      (message) => {
        this.#heard(message as JobReport);
      },
      (why) => {
        if (this.#thread === thread) this.#thread = undefined;
        this.#rejectAll(errors.threadEnded(why));
      },
    );
    this.#thread = thread;
    return thread;
  }

  #heard(report: JobReport): void {
    const pending = this.#pending.get(report.id);
    if (pending === undefined) return;
    if (report.kind === 'progress') {
      pending.progress(report.step, report.done, report.total);
      return;
    }
    if (report.kind === 'found') {
      pending.found?.(report.hits);
      return;
    }
    this.#pending.delete(report.id);
    if (report.kind === 'answer') pending.resolve(report.result);
    else if (report.kind === 'cancelled') pending.reject(new Cancelled());
    else if (report.kind === 'refused') pending.reject(new UserError(report.code as ErrorCode, report.message));
    else pending.reject(new Error(report.message));
  }

  #rejectAll(reason: Error): void {
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(reason);
  }
}
