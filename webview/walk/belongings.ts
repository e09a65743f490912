/** What an address belongs to, a line each: everything that is known of it behind the answer. */
import * as l10n from '@vscode/l10n';
import type { IdentifyDetail } from '../../debug-adapter/protocol/facts.ts';

export function belongingsOf(details: readonly IdentifyDetail[]): string[] {
  const [first, ...rest] = details;
  const lines = first === undefined ? [] : blockLine(first);
  for (const detail of rest) lines.push(detail.summary, ...blockLine(detail));
  // A block and its area say the same.
  for (const given of new Set(details.map(({ kcore }) => kcore)))
    if (typeof given === 'string') lines.push(l10n.t('/proc/kcore gives {0}', given));
  return lines;
}

/** The block whose page it is. */
function blockLine({ kind, block, cpu, free, dirty }: IdentifyDetail): string[] {
  if (kind !== 'vmap-block') return [];
  const counts = l10n.t('{0} free, {1} dirty', String(free), String(dirty));
  return [`vmap_block ${String(block)}${typeof cpu === 'number' ? ` · CPU ${cpu}` : ''} · ${counts}`];
}
