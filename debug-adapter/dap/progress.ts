/** Progress of requests that take long. */
import type { ProgressReporter } from '../base/cancellation.ts';
import type { Adapter, Call } from './adapter.ts';

/** Progress events of a request, for a client that shows them: an update only where a step begins or a percent is gained. */
export function tellProgress(adapter: Adapter, call: Call, title: string): { readonly report: ProgressReporter; readonly end: () => void } {
  if (adapter.client?.supportsProgressReporting !== true) return { report: () => undefined, end: () => undefined };
  const { progressId, requestId } = call;
  let message: string | undefined;
  let percentage = 0;
  adapter.sendEvent('progressStart', { progressId, requestId, title, cancellable: true, percentage });
  return {
    report: (step, done, total) => {
      const reached = total > 0 ? Math.floor((100 * done) / total) : 0;
      if (step === message && reached <= percentage) return;
      message = step;
      percentage = reached;
      adapter.sendEvent('progressUpdate', { progressId, message, percentage });
    },
    end: () => {
      adapter.sendEvent('progressEnd', { progressId });
    },
  };
}
