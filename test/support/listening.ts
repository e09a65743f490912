/** An adapter that listens in this process, for as long as a test wants. */
import type { Host } from '../../debug-adapter/base/host.ts';
import { serveOnPort } from '../../debug-adapter/dap/serve.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';

export interface Listening {
  readonly port: number;
  readonly line: string;
  readonly end: () => Promise<void>;
}

const noLanguage = (): Promise<never> => Promise.reject(new Error('no scenario is run here'));

export function listen(host: Host = nodeHost(), token?: string, patience?: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const stop = new AbortController();
    const over = serveOnPort(host, {
      port: 0,
      token,
      patience,
      loadLanguage: noLanguage,
      signal: stop.signal,
      announce: (line) => {
        const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
        resolve({
          port,
          line,
          end: () => {
            stop.abort();
            return over;
          },
        });
      },
    });
    over.catch(reject);
  });
}
