/** What is wrong with a search pattern, while it is being typed. */
import type * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { PagewalkRequests } from '../../debug-adapter/protocol/requests.ts';

type Question = PagewalkRequests['pagewalk/searchPattern']['arguments'];

/** The session's sentence; null where the pattern can be searched for, or nobody is there to ask. */
export async function problemOfPattern(session: vscode.DebugSession | undefined, pattern: string): Promise<string | null> {
  try {
    await session?.customRequest('pagewalk/searchPattern', { pattern } satisfies Question);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
