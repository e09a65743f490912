/** «Show Page Categories»: how many pages are of which kind, as a document. */
import * as vscode from 'vscode';
import type { PageCategoriesFacts } from '../../debug-adapter/protocol/facts.ts';
import { pageCategoryRows } from '../../debug-adapter/protocol/page-category-rows.ts';
import type { PageCategoryRow } from '../../debug-adapter/protocol/page-category-rows.ts';
import type { AnswerDocuments } from './answer-documents.ts';
import { isCancelled } from '../debugging/sessions.ts';
import type { Sessions } from '../debugging/sessions.ts';

/** The adapter tells its progress, which VS Code shows and lets be cancelled. */
export async function showPageCategories(sessions: Sessions, documents: AnswerDocuments): Promise<void> {
  let facts: PageCategoriesFacts;
  try {
    facts = await sessions.request('pagewalk/pageCategories', {});
  } catch (error) {
    if (isCancelled(error)) return;
    throw error;
  }
  const uri = documents.add('page categories.txt', answerText(facts));
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
}

function answerText(facts: PageCategoriesFacts): string {
  const { total, pageSize } = facts;
  const lines = pageCategoryRows(facts).map(({ category, pages, level }) =>
    line(vscode.l10n.t(category), pages, { of: facts, note: levelWords(level) }),
  );
  const all = line(vscode.l10n.t('all'), total, { of: facts, note: vscode.l10n.t('pages of {0} bytes', pageSize) });
  const warnings = facts.warnings.map((warning) => vscode.l10n.t('warning: {0}', warning));
  return [...lines, all, ...warnings].map((text) => `${text}\n`).join('');
}

function levelWords(level: PageCategoryRow['level']): string {
  if (typeof level === 'number') return vscode.l10n.t('dump level {0}', level);
  switch (level) {
    case 'kept':
      return vscode.l10n.t('always kept');
    case 'left out':
      return vscode.l10n.t('always left out');
    case 'unknown':
      return vscode.l10n.t('not known');
  }
}

function line(category: string, pages: number, { of, note }: { readonly of: PageCategoriesFacts; readonly note: string }): string {
  const share = of.total === 0 ? 0 : (100 * pages) / of.total;
  const mebibytes = (pages * of.pageSize) / 2 ** 20;
  return `${category.padEnd(22)} ${String(pages).padStart(12)} ${vscode.l10n.t('pages')} ${mebibytes.toFixed(1).padStart(12)} MiB ${share.toFixed(1).padStart(6)} %  ${note}`;
}
