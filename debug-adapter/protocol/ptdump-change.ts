/** Changes between two page-table dumps, seen from either side. */
import type { PtdumpChangeFacts } from './facts.ts';

/** The change from the second dump to the first. */
export function inverted(change: PtdumpChangeFacts): PtdumpChangeFacts {
  const kind = ({ added: 'removed', removed: 'added', changed: 'changed' } as const)[change.kind];
  return { ...change, kind, before: change.after, after: change.before };
}
