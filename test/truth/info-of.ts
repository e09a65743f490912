/** What `info` says of a file. */
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { InfoFacts } from '../../debug-adapter/protocol/facts.ts';
import { openSession } from '../../debug-adapter/session/session.ts';

export function infoOf(...paths: string[]): InfoFacts {
  const session = openSession(nodeHost(), { paths });
  try {
    return session.info();
  } finally {
    session.close();
  }
}
