/** Panels that were open when the window was reloaded come back. */
import * as vscode from 'vscode';
import type { AnswerDocuments } from '../documents/answer-documents.ts';
import type { Sessions } from '../debugging/sessions.ts';
import { loadPanels } from './load-panels.ts';
import type { PanelParts } from './session-panel.ts';

type Panels = Awaited<ReturnType<typeof loadPanels>>;

export function registerRevivedPanels(context: vscode.ExtensionContext, sessions: Sessions, documents: AnswerDocuments): vscode.Disposable {
  const revived = (viewType: string, revive: (panels: Panels, parts: PanelParts, state: unknown) => void): vscode.Disposable =>
    vscode.window.registerWebviewPanelSerializer(viewType, {
      deserializeWebviewPanel: async (panel: vscode.WebviewPanel, state: unknown) => {
        revive(await loadPanels(), { panel, context, sessions }, state);
      },
    });
  return vscode.Disposable.from(
    revived('pagewalk.walk', ({ WalkPanel }, parts) => {
      WalkPanel.revive(parts);
    }),
    revived('pagewalk.memory', ({ MemoryPanel }, parts) => {
      MemoryPanel.revive(parts);
    }),
    revived('pagewalk.ptdump', ({ PtdumpPanel }, parts) => {
      PtdumpPanel.revive(parts);
    }),
    revived('pagewalk.diff', ({ DiffPanel }, parts, state) => {
      DiffPanel.revive(parts, documents, state);
    }),
  );
}
