/** The read-only editor for dump files: what it shows is loaded with the first of them. */
import * as vscode from 'vscode';
import { loadPanels } from '../panels/load-panels.ts';
import type { OverviewParts } from './overview.ts';

export function registerDumpEditor(parts: OverviewParts): vscode.Disposable {
  return vscode.window.registerCustomEditorProvider('pagewalk.dump', {
    openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
    resolveCustomEditor: async ({ uri }, panel) => {
      const { Overview } = await loadPanels();
      new Overview(parts, uri, panel);
    },
  });
}
