/** The pane beside the list: what the selected region is, how it is mapped, what is wrong with it, and who else maps it. */
import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { FindingFacts, IdentifyFacts, LevelFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import type { HostToPtdump } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { blockMap } from './block-map.ts';
import { sizeText } from './table.ts';
import type { RegionTable } from './table.ts';

type Mappings = Extract<HostToPtdump, { kind: 'mappings' }>;

/** What the pane is drawn from. */
export interface DetailsModel {
  readonly table: RegionTable;
  readonly line: number;
  readonly facts: Extract<HostToPtdump, { kind: 'details' }> | undefined;
  readonly findings: readonly FindingFacts[];
  readonly mappings: Mappings | 'asked' | undefined;
  /** That the region is not as it was at an earlier stop, in words; empty where it is. */
  readonly changed: string;
  /** Whether a session can still be asked. */
  readonly live: boolean;
  readonly whoMaps: (physical: string) => void;
  readonly command: (command: 'openMemory' | 'showTranslation', address: string) => void;
  readonly close: () => void;
}

export function details(model: DetailsModel): TemplateResult | typeof nothing {
  const { table, line, facts } = model;
  const kind = table.kind(line);
  if (kind === undefined) return nothing;
  const address = facts?.address ?? table.start(line);
  return html`<aside aria-label=${l10n.t('Selected region')} tabindex="0">
    <vscode-toolbar-button
      class="close"
      icon="close"
      label=${l10n.t('Close the details')}
      title=${l10n.t('Close the details (Escape)')}
      @click=${model.close}
    ></vscode-toolbar-button>
    <h2><span class="mono">${address}</span> <span class="muted">${sizeText(table.pages(line))}</span></h2>
    <p class="summary">${facts?.identify.summary ?? ''}</p>
    <dl>
      <dt>${l10n.t('range')}</dt>
      <dd>${table.range(line)}</dd>
      <dt>${l10n.t('level')}</dt>
      <dd>${kind.level}</dd>
      <dt>${l10n.t('attributes')}</dt>
      <dd>${kind.present ? kind.attributes.join(' ') : l10n.t('nothing mapped')}</dd>
    </dl>
    ${model.changed === '' ? nothing : html`<p class="changed-words"><i class="codicon codicon-circle-filled" aria-hidden="true"></i> ${model.changed}</p>`}
    ${model.findings.map(
      ({ message }) => html`<p class="finding"><i class="codicon codicon-warning" aria-hidden="true"></i> ${message}</p>`,
    )}
    ${
      facts === undefined
        ? html`<p class="muted">${model.live ? l10n.t('reading…') : l10n.t('The session has ended: nothing more can be asked of it.')}</p>`
        : answered(model, facts)
    }
  </aside>`;
}

function answered(model: DetailsModel, facts: NonNullable<DetailsModel['facts']>): TemplateResult {
  const { identify, walk, address, block } = facts;
  const { physical } = walk;
  return html`${kcore(identify)}${block === null ? nothing : blockMap(block, address)}
    <h3>${l10n.t('Walk of {0}', address)}</h3>
    <table>
      <tbody>
        ${walk.levels.map(levelRow)}
      </tbody>
    </table>
    ${outcome(walk)}
    <div class="actions">
      <vscode-button
        ?disabled=${!model.live}
        @click=${() => {
          model.command('openMemory', address);
        }}
        >${l10n.t('Open memory')}</vscode-button
      >
      <vscode-button
        secondary
        ?disabled=${!model.live}
        @click=${() => {
          model.command('showTranslation', address);
        }}
        >${l10n.t('Show walk')}</vscode-button
      >
      ${
        physical === null
          ? nothing
          : html`<vscode-button
              class="who-maps"
              secondary
              ?disabled=${!model.live || model.mappings === 'asked'}
              @click=${() => {
                model.whoMaps(physical);
              }}
              >${l10n.t('Who else maps it')}</vscode-button
            >`
      }
    </div>
    ${mappings(model.mappings)}
    <h3>${l10n.t('What it is')}</h3>
    <ul>
      ${identify.details.map(({ summary }) => html`<li>${summary}</li>`)}
    </ul>`;
}

function levelRow({ level, index, entry, flags, defect }: LevelFacts): TemplateResult {
  return html`<tr>
      <th scope="row">${level}</th>
      <td>[${index}]</td>
      <td>${entry}</td>
    </tr>
    <tr class="flags">
      <td></td>
      <td colspan="2">${flags.join(' ')}${defect === null ? nothing : html`<span class="problem"> ${defect}</span>`}</td>
    </tr>`;
}

function outcome({ physical, reason, cacheType, effective }: TranslationFacts): TemplateResult {
  if (physical === null) return html`<p>${l10n.t('not mapped: {0}', reason ?? l10n.t('no entry'))}</p>`;
  return html`<p><span class="mono">→ ${physical}</span>${cacheType === null ? nothing : `, ${cacheType}`}</p>
    ${effective === null ? nothing : html`<p>${l10n.t('Over all levels: {0}', rightsWords(effective))}</p>`}`;
}

function rightsWords(effective: NonNullable<TranslationFacts['effective']>): string {
  const { write, execute, user, writeLostAt, executeLostAt, userLostAt } = effective;
  const lost = (words: string, at: string | null): string => (at === null ? words : l10n.t('{0} (lost at {1})', words, at));
  return [
    write ? l10n.t('writable') : lost(l10n.t('not writable'), writeLostAt),
    execute ? l10n.t('executable') : lost(l10n.t('not executable'), executeLostAt),
    user ? l10n.t('user') : lost(l10n.t('not user'), userLostAt),
  ].join(', ');
}

function kcore(identify: IdentifyFacts): TemplateResult | typeof nothing {
  const said = identify.details.map((detail) => detail['kcore']).find((value) => typeof value === 'string');
  return said === undefined ? nothing : html`<p class="finding">${l10n.t('/proc/kcore would give {0}', said)}</p>`;
}

function mappings(asked: DetailsModel['mappings']): TemplateResult | typeof nothing {
  if (asked === undefined) return nothing;
  if (asked === 'asked') return html`<p class="muted" role="status">${l10n.t('reading every page table…')}</p>`;
  const { result, problem, physical } = asked;
  if (result === null) return html`<p class="problem">${problem ?? l10n.t('nothing was answered')}</p>`;
  return html`<h3>
      ${result.total === 1 ? l10n.t('1 address maps {0}', physical) : l10n.t('{0} addresses map {1}', result.total, physical)}
    </h3>
    <table class="mappings">
      <tbody>
        ${result.mappings.map(
          ({ virtual, mm, comm, user, what }) =>
            html`<tr>
              <th scope="row">${virtual}</th>
              <td>
                ${mm}${comm === null ? nothing : ` ${comm}`}${user ? ` ${l10n.t('(user half)')}` : nothing}<br /><span class="muted"
                  >${what.summary}</span
                >
              </td>
            </tr>`,
        )}
      </tbody>
    </table>`;
}
