/** Split dumps of which more files lie in the folder than belong together: the user says which are the set. */
import * as vscode from 'vscode';
import type { SplitSetEvent } from '../../debug-adapter/protocol/requests.ts';
import { debugType } from './sessions.ts';

interface MemberItem extends vscode.QuickPickItem {
  readonly path: string;
}

/** Answers the event of a launch that waits for the choice. */
export function registerSplitSets(): vscode.Disposable {
  return vscode.debug.onDidReceiveDebugSessionCustomEvent(({ session, event, body }) => {
    if (session.type === debugType && event === 'pagewalk/splitSet') void choose(session, body as SplitSetEvent);
  });
}

async function choose(session: vscode.DebugSession, { members }: SplitSetEvent): Promise<void> {
  const items = members.map(({ path, start, end, taken }): MemberItem => ({
    path,
    label: path.slice(path.lastIndexOf('/') + 1),
    description: vscode.l10n.t('pages 0x{0}-0x{1}', start.toString(16), end.toString(16)),
    picked: taken,
  }));
  const chosen = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Files of the split dump'),
    placeHolder: vscode.l10n.t('Some hold the same pages: choose those that belong together'),
    canPickMany: true,
    ignoreFocusOut: true,
  });
  // Without a choice the launch ends.
  await session.customRequest('pagewalk/chooseMembers', { paths: (chosen ?? []).map(({ path }) => path) });
}
