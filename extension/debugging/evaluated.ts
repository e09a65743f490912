/** Names and expressions as the session knows them. */
import type * as vscode from 'vscode';
import { debugType } from './sessions.ts';

/** The address behind `symbol+0x1a/0x94`; undefined where no such symbol is. */
export async function addressOfExpression(session: vscode.DebugSession | undefined, expression: string): Promise<string | undefined> {
  if (session?.type !== debugType) return undefined;
  try {
    const answer = (await session.customRequest('evaluate', { expression, context: 'hover' })) as { memoryReference?: string };
    return answer.memoryReference;
  } catch {
    return undefined;
  }
}
