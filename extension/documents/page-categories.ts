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
  const lines = pageCategoryRows(facts).map(({ category, pages, level }) => line(category, pages, { of: facts, note: levelWords(level) }));
  const all = line('all', total, { of: facts, note: `pages of ${pageSize} bytes` });
  return [...lines, all, ...facts.warnings.map((warning) => `warning: ${warning}`)].map((text) => `${text}\n`).join('');
}

function levelWords(level: PageCategoryRow['level']): string {
  if (typeof level === 'number') return `dump level ${level}`;
  return { kept: 'always kept', 'left out': 'always left out', unknown: 'not known' }[level];
}

function line(category: string, pages: number, { of, note }: { readonly of: PageCategoriesFacts; readonly note: string }): string {
  const share = of.total === 0 ? 0 : (100 * pages) / of.total;
  const mebibytes = (pages * of.pageSize) / 2 ** 20;
  return `${category.padEnd(22)} ${String(pages).padStart(12)} pages ${mebibytes.toFixed(1).padStart(12)} MiB ${share.toFixed(1).padStart(6)} %  ${note}`;
}
