/** The pages of a vmap_block as a bitmap: used, freed and waiting for the purge (dirty), never used. */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { VmallocBlockFacts } from '../../debug-adapter/protocol/vmalloc.ts';
import type { HostToPtdump } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { pageOf } from './table.ts';

type Block = NonNullable<Extract<HostToPtdump, { kind: 'details' }>['block']>;
type PageState = 'used' | 'dirty' | 'free';

/** A block larger than any kernel's (VMAP_BBMAP_BITS is at most 1024) would be a list of squares without end. */
const mostPages = 4096;

/** `address`: what is selected. */
export function blockMap({ start, facts }: Block, address: string): TemplateResult {
  const { free, pages } = facts;
  const states = statesOf(facts);
  const used = states?.filter((state) => state === 'used').length ?? pages - free - facts.dirty;
  const dirty = states === undefined ? facts.dirty : pages - free - used;
  const at = pageOf(address) - pageOf(start);
  const said = l10n.t('{0} pages used, {1} dirty, {2} free', used, dirty, free);
  return html`<h3>vmap_block <span class="mono">${facts.address}</span>${facts.cpu === null ? nothing : ` · CPU ${facts.cpu}`}</h3>
    ${
      states === undefined
        ? html`<p class="muted">${l10n.t('This kernel does not record which pages are used.')}</p>`
        : html`<div class="bitmap" role="img" aria-label=${said}>
            ${states.map((state, page) => html`<i class="${state}${page === at ? ' at' : ''}" title=${pageWords(page, state)}></i>`)}
          </div>`
    }
    <p class="bitmap-legend">
      <span><i class="used"></i> ${l10n.t('used {0}', used)}</span><span><i class="dirty"></i> ${l10n.t('dirty {0}', dirty)}</span
      ><span><i class="free"></i> ${l10n.t('free {0}', free)}</span>
    </p>`;
}

function pageWords(page: number, state: PageState): string {
  switch (state) {
    case 'used':
      return l10n.t('page {0}: used', page);
    case 'dirty':
      return l10n.t('page {0}: freed, waits for the purge', page);
    case 'free':
      return l10n.t('page {0}: never used', page);
  }
}

/** A block is used from its first page on, so that what was never used lies behind (mm/vmalloc.c: vb_alloc). */
function statesOf({ used, pages, free }: VmallocBlockFacts): PageState[] | undefined {
  if (used === null || pages <= 0 || pages > mostPages) return undefined;
  const states = Array.from({ length: pages }, (_, page): PageState => (page < pages - free ? 'dirty' : 'free'));
  for (const [first, count] of used) states.fill('used', first, Math.min(pages, first + count));
  return states;
}
