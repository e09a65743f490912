/**
 * Opening images of which nothing tells where their kernel lies (raw memory, LiME, AVML, dumps without notes): all their
 * memory may have to be searched, which goes on in a thread, tells its progress and can be cancelled. All others are opened
 * at once, and start no thread.
 */
import type { CancellationToken } from '../base/cancellation.ts';
import { Cancelled } from '../base/errors.ts';
import type { JobRunner } from '../session/job-runner.ts';
import type { OpenOptions } from '../session/session-face.ts';
import type { Adapter, Answer, Call } from './adapter.ts';
import { tellProgress } from './progress.ts';

type How = Pick<OpenOptions, 'scanned' | 'token' | 'progress'>;

/** The token of an opening that may not search: it is cancelled where it would begin to. */
const withoutSearch: CancellationToken = { cancelled: true };

/** `open` opens the image of the launch in this thread; `jobs` is that image's runner. */
export function openSearched(
  adapter: Adapter,
  call: Call,
  image: { readonly jobs: JobRunner; readonly open: (how: How, jobs: JobRunner) => Answer },
): Answer | Promise<Answer> {
  const { jobs, open } = image;
  const progress = tellProgress(adapter, call, 'Opening the image');
  try {
    const searchHere = adapter.host.startWorker === undefined;
    const answer = open(searchHere ? { progress: progress.report } : { token: withoutSearch }, jobs);
    progress.end();
    return answer;
  } catch (error) {
    if (error instanceof Cancelled) return searchFirst();
    progress.end();
    throw error;
  }

  async function searchFirst(): Promise<Answer> {
    adapter.opening(jobs);
    try {
      const scanned = await jobs.run('opening', {}, { cancellation: call.cancellation, progress: progress.report });
      return open({ scanned }, jobs);
    } catch (error) {
      adapter.close();
      throw error;
    } finally {
      progress.end();
    }
  }
}
