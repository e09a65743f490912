/** Sessions on one image file: the one that is open, or a new one. */
import * as vscode from 'vscode';
import { imageConfiguration } from '../debugging/configurations.ts';
import { debugType } from '../debugging/sessions.ts';
import type { Sessions } from '../debugging/sessions.ts';

/** Milliseconds that VS Code may take to show where a session stopped; a dump without registers has no such place. */
const mostWait = 3000;

/** Whether the session that views ask is one on this image. */
export function isOpen(sessions: Sessions, image: vscode.Uri): boolean {
  return sessions.current !== undefined && isOn(sessions.current, image);
}

/**
 * Resolves when views can ask a session on the image, with whether there is one: a launch can fail, or be cancelled. VS Code has
 * then shown where a new one stopped, which would cover what is opened before.
 */
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
  const placeShown = new Promise<void>((resolve) => {
    subscriptions.push(
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        if (editor?.document.uri.scheme === 'debug') resolve();
      }),
    );
  });
  try {
    if (!(await vscode.debug.startDebugging(undefined, imageConfiguration(image))) || !(await opened)) return false;
    await Promise.race([placeShown, new Promise((resolve) => setTimeout(resolve, mostWait))]);
    return true;
  } finally {
    vscode.Disposable.from(...subscriptions).dispose();
  }
}

function isOn({ type, configuration }: vscode.DebugSession, image: vscode.Uri): boolean {
  const named: unknown = configuration['image'];
  return type === debugType && (Array.isArray(named) ? named : [named]).includes(image.fsPath);
}
