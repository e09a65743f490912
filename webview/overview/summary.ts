/** The overview as text, to be copied into a mail or a report. */
import * as l10n from '@vscode/l10n';
import type { InfoFacts, PageCategoriesFacts } from '../../debug-adapter/protocol/facts.ts';
import type { OverviewFile } from '../../debug-adapter/protocol/overview-panel.ts';
import { pageCategoryRows } from '../../debug-adapter/protocol/page-category-rows.ts';
import { agreementText, foundQuantities } from './evidence.ts';
import { deathPlace, fileRows, machineRows } from './fact-rows.ts';
import { countText, shareText } from './words.ts';

interface Summarized {
  readonly file: OverviewFile | undefined;
  readonly info: InfoFacts;
  /** Where they were counted. */
  readonly pages: PageCategoriesFacts | undefined;
}

export function summaryText({ file, info, pages }: Summarized): string {
  const row = (name: string, value: string): string => `${`${name}:`.padEnd(18)} ${value}`;
  const { death } = info.log;
  const quantities = foundQuantities(info).map((found) => row(found.name, `${found.value} (${agreementText(found)})`));
  const counted =
    pages === undefined
      ? []
      : pageCategoryRows(pages).map(({ category, pages: count }) => {
          return row(category, `${countText(count)} (${shareText(count, pages.total)})`);
        });
  const parts = [
    [file?.path ?? ''],
    death === null ? [] : [row(l10n.t('Died'), [death.reason, deathPlace(death)].filter((text) => text !== '').join(', '))],
    [...machineRows(info), ...fileRows(info, file)].map(({ name, value }) => row(name, value)),
    quantities,
    counted,
    info.warnings.map((warning) => row(l10n.t('Warning'), warning)),
  ];
  return parts.flatMap((lines) => (lines.length === 0 ? [] : [`${lines.join('\n')}\n`])).join('\n');
}
