/** Debug sessions on images, started as F5 starts them. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { eventually } from './waiting.ts';

/** Waits until the image of a session is open: it stops then, with the CPUs as threads. */
export async function opened(session: vscode.DebugSession): Promise<void> {
  await eventually('a stopped session', async () => {
    const { threads } = (await session.customRequest('threads')) as { threads: unknown[] };
    return threads.length > 0 ? true : undefined;
  });
}

/** By the launch configuration of the folder that is open. */
export async function openBundledVmcore(): Promise<vscode.DebugSession> {
  const [workspace] = vscode.workspace.workspaceFolders ?? [];
  assert.equal(await vscode.debug.startDebugging(workspace, 'Open the bundled vmcore'), true);
  const session = await eventually('the session', () => vscode.debug.activeDebugSession);
  await opened(session);
  return session;
}
