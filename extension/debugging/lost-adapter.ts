/** Says that an adapter's process ended on its own, which VS Code does not when a signal ended it, and offers the session anew. */
import * as vscode from 'vscode';
import { debugType } from './sessions.ts';

interface Message {
  readonly type?: string;
  readonly command?: string;
  readonly event?: string;
}

export function registerLostAdapters(): vscode.Disposable {
  return vscode.debug.registerDebugAdapterTrackerFactory(debugType, { createDebugAdapterTracker });
}

function createDebugAdapterTracker(session: vscode.DebugSession): vscode.DebugAdapterTracker {
  let ending = false;
  return {
    onWillStopSession: () => {
      ending = true;
    },
    onWillReceiveMessage: ({ command }: Message) => {
      ending ||= command === 'disconnect' || command === 'terminate';
    },
    onDidSendMessage: ({ type, event }: Message) => {
      ending ||= type === 'event' && event === 'terminated';
    },
    onExit: (status) => {
      if (!ending) void sayLost(session, status);
      ending = true;
    },
  };
}

async function sayLost(session: vscode.DebugSession, status: number | undefined): Promise<void> {
  const again = vscode.l10n.t('Start Again');
  const how = status === undefined ? vscode.l10n.t('a signal ended it') : vscode.l10n.t('status {0}', status);
  const chosen = await vscode.window.showErrorMessage(
    vscode.l10n.t('The debug adapter of «{0}» is gone ({1}); panels keep what they showed, start it again to go on.', session.name, how),
    again,
  );
  if (chosen === again) await vscode.debug.startDebugging(session.workspaceFolder, session.configuration);
}
