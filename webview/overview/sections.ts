/** The parts of the overview that only show: facts by name, how the bases were found, and pages by category. */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { PageCategoriesFacts } from '../../debug-adapter/protocol/facts.ts';
import { pageCategoryRows } from '../../debug-adapter/protocol/page-category-rows.ts';
import type { PageCategoryRow } from '../../debug-adapter/protocol/page-category-rows.ts';
import { agreementOf, agreementText } from './evidence.ts';
import type { FoundBy, FoundQuantity } from './evidence.ts';
import type { FactRow } from './fact-rows.ts';
import { bytesText, countText, shareText } from './words.ts';

/** Names with their values, a row each. */
export function factList(rows: readonly FactRow[]): TemplateResult {
  return html`<dl>
    ${rows.map(
      ({ name, value, note, mono }) =>
        html`<div class="fact" title=${note ?? nothing}>
          <dt>${name}</dt>
          <dd class=${mono === true ? 'mono' : ''}>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** `copy`: is given a value that was pressed. */
export function evidenceTable(quantities: readonly FoundQuantity[], copy: (value: string) => void): TemplateResult {
  return html`<table class="evidence">
    <thead>
      <tr>
        <th scope="col">${l10n.t('Quantity')}</th>
        <th scope="col">${l10n.t('Value')}</th>
        <th scope="col">${l10n.t('Found by')}</th>
        <th scope="col">${l10n.t('Agreement')}</th>
      </tr>
    </thead>
    <tbody>
      ${quantities.map((quantity) => {
        const { name, value, methods, others } = quantity;
        return html`<tr>
          <th scope="row">${name}</th>
          <td>
            <button
              class="value mono"
              title=${l10n.t('Copy {0}', value)}
              @click=${() => {
                copy(value);
              }}
            >
              ${value}
            </button>
          </td>
          <td>
            <ul>
              ${methods.map((method) => methodItem(method, value))}
            </ul>
            ${
              others.length === 0
                ? nothing
                : html`<details>
                    <summary>${l10n.t('{0} other methods', others.length)}</summary>
                    <ul>
                      ${others.map((method) => methodItem(method, value))}
                    </ul>
                  </details>`
            }
          </td>
          <td class="agreement ${agreementOf(quantity)}">
            <i class="codicon codicon-${agreementIcons[agreementOf(quantity)]}" aria-hidden="true"></i> ${agreementText(quantity)}
          </td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

const agreementIcons = { alone: 'circle-small', agree: 'check', differ: 'warning' } as const;

/** The value stands beside the method only where it is another than the one that is used. */
function methodItem({ source, value, agrees, note }: FoundBy, used: string): TemplateResult {
  const verdict = value === null ? l10n.t('gives none') : agrees || value === used ? undefined : value;
  return html`<li>
    ${source}${verdict === undefined ? nothing : html`<span class=${value === null ? 'muted' : 'mono other'}>${verdict}</span>`}
    ${note === null ? nothing : html`<span class="muted">${note}</span>`}
  </li>`;
}

/** `dumpLevel`: of this file, null where it does not tell. */
export function categoryChart(facts: PageCategoriesFacts, dumpLevel: number | null): TemplateResult {
  const rows = pageCategoryRows(facts);
  const most = Math.max(1, ...rows.map(({ pages }) => pages));
  return html`<table class="chart">
      <thead>
        <tr>
          <th scope="col">${l10n.t('Pages')}</th>
          <td></td>
          <th scope="col" class="figure">${l10n.t('Number')}</th>
          <th scope="col" class="figure">${l10n.t('Size')}</th>
          <th scope="col" class="figure">${l10n.t('Share')}</th>
          <th scope="col">${l10n.t('Dump level')}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr class=${row.level === 'unknown' ? 'unknown' : ''}>
              <th scope="row">${l10n.t(row.category)}</th>
              <td class="track" aria-hidden="true">
                <div class="bar ${row.pages > 0 ? 'some' : ''}" style="width:${(100 * row.pages) / most}%"></div>
              </td>
              <td class="figure">${countText(row.pages)}</td>
              <td class="figure">${bytesText(row.pages * facts.pageSize)}</td>
              <td class="figure">${shareText(row.pages, facts.total)}</td>
              <td class="level">${levelWords(row.level, dumpLevel)}</td>
            </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">${l10n.t('all')}</th>
          <td class="track"></td>
          <td class="figure">${countText(facts.total)}</td>
          <td class="figure">${bytesText(facts.total * facts.pageSize)}</td>
          <td class="figure">${shareText(facts.total, facts.total)}</td>
          <td class="level">${l10n.t('pages of {0}', bytesText(facts.pageSize))}</td>
        </tr>
      </tfoot>
    </table>
    ${warningList(facts.warnings)}`;
}

function levelWords(level: PageCategoryRow['level'], dumpLevel: number | null): string {
  switch (level) {
    case 'kept':
      return l10n.t('always kept');
    case 'left out':
      return l10n.t('always left out');
    case 'unknown':
      return l10n.t('not known');
    default:
      return dumpLevel !== null && (dumpLevel & level) !== 0 ? l10n.t('{0}: left out here', level) : String(level);
  }
}

/** What is wrong with the image, a line each; nothing where nothing is. */
export function warningList(warnings: readonly string[]): TemplateResult | typeof nothing {
  if (warnings.length === 0) return nothing;
  return html`<ul class="warnings">
    ${warnings.map((warning) => html`<li><i class="codicon codicon-warning" aria-hidden="true"></i><span>${warning}</span></li>`)}
  </ul>`;
}
