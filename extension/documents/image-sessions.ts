/** Sessions on one image file: the one that is open, or a new one. */
import * as vscode from 'vscode';
import { imageConfiguration } from '../debugging/configurations.ts';
import { debugType } from '../debugging/sessions.ts';
import type { Sessions } from '../debugging/sessions.ts';

/** Whether the session that views ask is one on this image. */
export function isOpen(sessions: Sessions, image: vscode.Uri): boolean {
  return sessions.current !== undefined && isOn(sessions.current, image);
}

/** Resolves when views can ask a session on the image, with whether there is one: a launch can fail, or be cancelled. */
export async function openSessionOn(sessions: Sessions, image: vscode.Uri): Promise<boolean> {
  if (isOpen(sessions, image)) return true;
  const subscriptions: vscode.Disposable[] = [];
  const opened = new Promise<boolean>((resolve) => {
    subscriptions.push(
      sessions.onDidChange(() => {
        if (isOpen(sessions, image)) resolve(true);
      }),
      vscode.debug.onDidTerminateDebugSession((session) => {
        if (isOn(session, image)) resolve(false);
      }),
    );
  });
  try {
    return (await vscode.debug.startDebugging(undefined, imageConfiguration(image))) && (await opened);
  } finally {
    vscode.Disposable.from(...subscriptions).dispose();
  }
}

function isOn({ type, configuration }: vscode.DebugSession, image: vscode.Uri): boolean {
  const named: unknown = configuration['image'];
  return type === debugType && (Array.isArray(named) ? named : [named]).includes(image.fsPath);
}
