/** The pane beside the list: what the selected region is, how it is mapped, what is wrong with it, and who else maps it. */
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { FindingFacts, IdentifyFacts, LevelFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import type { HostToPtdump } from '../../debug-adapter/protocol/ptdump-panel.ts';
import { sizeText } from './table.ts';
import type { RegionTable } from './table.ts';

type Mappings = Extract<HostToPtdump, { kind: 'mappings' }>;

export interface DetailsModel {
  readonly table: RegionTable;
  readonly line: number;
  readonly facts: Extract<HostToPtdump, { kind: 'details' }> | undefined;
  readonly findings: readonly FindingFacts[];
  readonly mappings: Mappings | 'asked' | undefined;
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
  return html`<aside aria-label="Selected region" tabindex="0">
    <button class="icon close" title="Close the details (Escape)" aria-label="Close the details" @click=${model.close}>
      <i class="codicon codicon-close"></i>
    </button>
    <h2>${facts?.identify.summary ?? address}</h2>
    <dl>
      <dt>range</dt>
      <dd>${table.range(line)}</dd>
      <dt>size</dt>
      <dd>${sizeText(table.pages(line))}</dd>
      <dt>level</dt>
      <dd>${kind.level}</dd>
      <dt>attributes</dt>
      <dd>${kind.present ? kind.attributes.join(' ') : 'nothing mapped'}</dd>
    </dl>
    ${model.findings.map(
      ({ message }) => html`<p class="finding"><i class="codicon codicon-warning" aria-hidden="true"></i> ${message}</p>`,
    )}
    ${facts === undefined ? html`<p class="muted">${model.live ? 'reading…' : 'The session has ended: nothing more can be asked of it.'}</p>` : answered(model, facts)}
  </aside>`;
}

function answered(model: DetailsModel, facts: NonNullable<DetailsModel['facts']>): TemplateResult {
  const { identify, walk, address } = facts;
  const { physical } = walk;
  return html`${block(identify)}
    <h3>Walk of ${address}</h3>
    <table>
      <tbody>
        ${walk.levels.map(levelRow)}
      </tbody>
    </table>
    ${outcome(walk)}
    <div class="actions">
      <button
        ?disabled=${!model.live}
        @click=${() => {
          model.command('openMemory', address);
        }}
      >
        Open memory
      </button>
      <button
        class="secondary"
        ?disabled=${!model.live}
        @click=${() => {
          model.command('showTranslation', address);
        }}
      >
        Show walk
      </button>
      ${
        physical === null
          ? nothing
          : html`<button
              class="secondary"
              ?disabled=${!model.live || model.mappings === 'asked'}
              @click=${() => {
                model.whoMaps(physical);
              }}
            >
              Who else maps it
            </button>`
      }
    </div>
    ${mappings(model.mappings)}
    <h3>What it is</h3>
    <ul>
      ${identify.details.map(({ summary }) => html`<li>${summary}</li>`)}
    </ul>
    ${kcore(identify)}`;
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
  if (physical === null) return html`<p>not mapped: ${reason ?? 'no entry'}</p>`;
  const right = (has: boolean, word: string, lostAt: string | null): string =>
    has ? word : `not ${word}${lostAt === null ? '' : ` (lost at ${lostAt})`}`;
  return html`<p><span class="mono">→ ${physical}</span>${cacheType === null ? nothing : `, ${cacheType}`}</p>
    ${
      effective === null
        ? nothing
        : html`<p>
            Over all levels: ${right(effective.write, 'writable', effective.writeLostAt)},
            ${right(effective.execute, 'executable', effective.executeLostAt)}, ${right(effective.user, 'user', effective.userLostAt)}
          </p>`
    }`;
}

/** A vmap_block's pages: the run of used pages that the address is in, the dirty range, the page itself. */
function block(identify: IdentifyFacts): TemplateResult | typeof nothing {
  const found = identify.details.find(({ kind }) => kind === 'vmap-block');
  if (found === undefined) return nothing;
  const number = (name: string): number => (typeof found[name] === 'number' ? found[name] : 0);
  const address = typeof found['block'] === 'string' ? found['block'] : '';
  const [pages, free, dirty] = [number('pages'), number('free'), number('dirty')];
  if (pages <= 0) return nothing;
  const share = (count: number): string => `width:${(100 * Math.max(0, count)) / pages}%`;
  const used = pages - free - dirty;
  return html`<h3>vmap_block ${address}</h3>
    <div class="shares" role="img" aria-label="${used} pages used, ${dirty} dirty, ${free} free">
      <span class="used" style=${share(used)}></span><span class="dirty" style=${share(dirty)}></span>
    </div>
    <p class="muted">used ${used} · dirty ${dirty} · free ${free} of ${pages} pages</p>`;
}

function kcore(identify: IdentifyFacts): TemplateResult | typeof nothing {
  const said = identify.details.map((detail) => detail['kcore']).find((value) => typeof value === 'string');
  return said === undefined ? nothing : html`<p class="finding">/proc/kcore would give ${said}</p>`;
}

function mappings(asked: DetailsModel['mappings']): TemplateResult | typeof nothing {
  if (asked === undefined) return nothing;
  if (asked === 'asked') return html`<p class="muted" role="status">reading every page table…</p>`;
  const { result, problem, physical } = asked;
  if (result === null) return html`<p class="problem">${problem ?? 'nothing was answered'}</p>`;
  return html`<h3>${result.total} ${result.total === 1 ? 'address maps' : 'addresses map'} ${physical}</h3>
    <table class="mappings">
      <tbody>
        ${result.mappings.map(
          ({ virtual, mm, comm, user, what }) =>
            html`<tr>
              <th scope="row">${virtual}</th>
              <td>
                ${mm}${comm === null ? nothing : ` ${comm}`}${user ? ' (user half)' : nothing}<br /><span class="muted"
                  >${what.summary}</span
                >
              </td>
            </tr>`,
        )}
      </tbody>
    </table>`;
}
