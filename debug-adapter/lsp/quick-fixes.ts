/** Quick fixes: the edits that the checks found. */
import type { LangiumDocument } from 'langium';
import type { CodeActionProvider } from 'langium/lsp';
import type { CodeAction, CodeActionParams } from 'vscode-languageserver';
import type { ProblemData } from '../scenario/problem.ts';

/** Fixes travel in the data of the diagnostic (check-calls.ts); nothing is worked out anew. */
export class ScenarioQuickFixes implements CodeActionProvider {
  /** The first fix of a problem is the preferred one. */
  getCodeActions(document: LangiumDocument, { context }: CodeActionParams): CodeAction[] {
    return context.diagnostics.flatMap((diagnostic) => {
      const { fixes = [] } = (diagnostic.data ?? {}) as Partial<ProblemData>;
      return fixes.map((fix, index) => ({
        title: fix.title,
        kind: 'quickfix',
        diagnostics: [diagnostic],
        isPreferred: index === 0,
        edit: { changes: { [document.textDocument.uri]: [{ range: fix.range, newText: fix.newText }] } },
      }));
    });
  }
}
