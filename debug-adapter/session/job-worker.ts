/** Serves jobs in a thread: it opens the image for itself when the first job comes, and keeps it, with what was built for earlier jobs. */
import { Cancelled, UserError } from '../base/errors.ts';
import { throwIfCancelled } from '../base/cancellation.ts';
import type { ProgressReporter } from '../base/cancellation.ts';
import type { Host } from '../base/host.ts';
import type { WorkerPort } from '../base/worker.ts';
import type { SearchHit } from '../protocol/search.ts';
import { runJob } from './jobs.ts';
import type { JobMessage, JobReport } from './jobs.ts';
import { openSession } from './session.ts';
import type { Session } from './session.ts';

/**
 * Called once, in the thread. Failures are sent back as they are (`UserError`, `Cancelled`, or a defect with its stack), and
 * never end the thread.
 */
export function serveJobs(host: Host, port: WorkerPort): void {
  let session: Session | undefined;
  const report = (what: JobReport): void => {
    port.post(what);
  };
  port.listen((heard) => {
    const message = heard as JobMessage;
    const { id } = message;
    const flag = new Int32Array(message.cancelled);
    const token = {
      get cancelled(): boolean {
        return Atomics.load(flag, 0) !== 0;
      },
    };
    const progress: ProgressReporter = (step, done, total) => {
      report({ id, kind: 'progress', step, done, total });
    };
    try {
      throwIfCancelled(token);
      session ??= openSession(host, { ...message.image, token, progress });
      const found =
        message.tellsHits === true
          ? (hits: readonly SearchHit[]): void => {
              report({ id, kind: 'found', hits });
            }
          : undefined;
      const result = runJob(session, message, { host, token, progress, found });
      session.files.check();
      report({ id, kind: 'answer', result });
    } catch (error) {
      if (error instanceof Cancelled) report({ id, kind: 'cancelled' });
      else if (error instanceof UserError) report({ id, kind: 'refused', code: error.code, message: error.message });
      else report({ id, kind: 'defect', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
}
