/** Whose a region is, in one line for a list. */
import * as vscode from 'vscode';
import type { IdentifyFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';

/** Kinds of details that say whose a whole region is, the best first; other details are about one page of it. */
const ownerKinds = [
  ...['vmap-block', 'task-stack', 'vmalloc', 'vmap', 'ioremap', 'vm-map-ram', 'user-vma', 'module', 'symbol', 'fixmap'],
  ...['cpu-entry-area', 'per-cpu', 'kasan-shadow', 'struct-page', 'direct-map'],
];

export function ownerOf(identify: IdentifyFacts | undefined, walk?: TranslationFacts): string {
  if (identify === undefined) return '';
  const ranked = ownerKinds.flatMap((kind) => identify.details.filter((detail) => detail.kind === kind));
  const [best] = ranked;
  const caller = ranked.map((detail) => detail['caller']).find((value) => typeof value === 'string');
  const words =
    best?.kind === 'direct-map'
      ? vscode.l10n.t('direct map')
      : withoutRange(blockWords(best?.summary ?? identify.summary).replace(/^byte 0x0 of the /, ''));
  const frames = walk?.physical === null || walk?.physical === undefined ? '' : ` → ${walk.physical}`;
  return `${words}${caller === undefined || words.includes(caller) ? '' : ` · ${caller}`}${frames}`;
}

/** The row is headed by an address already, and who asked for an area would stand too far behind two more. */
function withoutRange(words: string): string {
  return words.replace(/(?<= area) 0x[0-9a-f]+-0x[0-9a-f]+/, '');
}

/** The run of pages of a vmap_block, where a sentence is about one page of it. */
function blockWords(summary: string): string {
  const [, state, page, run] = /^(used|dirty|free) page (\d+) of \d+ of a vm_map_ram block(?:.* used pages (\d+-\d+))?/.exec(summary) ?? [];
  if (state === undefined) return summary;
  const pages = run === undefined ? vscode.l10n.t('page {0} {1}', page ?? '', state) : vscode.l10n.t('pages {0} {1}', run, state);
  return `vmap_block · ${pages}`;
}
