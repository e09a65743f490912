/**
 * Hovers on addresses in any document while an image is open: what it is, what holds it, how it is mapped, where it lies. In a
 * document of one address space, addresses are that one's.
 */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import { addressOfToken, tokenAt } from '../address.ts';
import { AnswerDocuments } from './answer-documents.ts';
import { addressOfExpression } from '../debugging/evaluated.ts';
import { hoverMarkdown } from './hover-markdown.ts';
import type { Sessions } from '../debugging/sessions.ts';

function rangeOf(position: vscode.Position, token: { start: number; end: number }): vscode.Range {
  return new vscode.Range(position.line, token.start, position.line, token.end);
}

export class AddressHoverProvider implements vscode.HoverProvider {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    const session = this.#sessions.current;
    const token = session === undefined ? undefined : tokenAt(document.lineAt(position.line).text, position.character);
    if (session === undefined || token === undefined) return undefined;
    const address = addressOfToken(token.text) ?? (await addressOfExpression(session, token.text));
    if (address === undefined) return undefined;
    const { mm, elsewhere } = AnswerDocuments.sourceOf(document.uri);
    const asked = { addresses: [address], ...(mm !== undefined && { mm }) };
    try {
      const [identified, translated] = await Promise.all([
        this.#sessions.request('pagewalk/identify', asked),
        this.#sessions.request('pagewalk/translate', asked),
      ]);
      const [facts] = identified.results;
      const [walk] = translated.results;
      if (facts === undefined || walk === undefined) return undefined;
      const remarks = elsewhere === undefined ? [] : [remarkOn(elsewhere, session)];
      return new vscode.Hover([...remarks, hoverMarkdown({ facts, walk, mm })], rangeOf(position, token));
    } catch (error) {
      const message = messageOf(error);
      return new vscode.Hover(vscode.l10n.t('Pagewalk: {0}', message), rangeOf(position, token));
    }
  }
}

function remarkOn(elsewhere: string, session: vscode.DebugSession): vscode.MarkdownString {
  const words = vscode.l10n.t('The text is of {0}. What follows is told by «{1}» as it is now.', elsewhere, session.name);
  return new vscode.MarkdownString().appendText(words);
}

/** Gives the debugger's own hover, which VS Code shows in the focused document, the same token. */
export class AddressExpressionProvider implements vscode.EvaluatableExpressionProvider {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  provideEvaluatableExpression(document: vscode.TextDocument, position: vscode.Position): vscode.EvaluatableExpression | undefined {
    const token = this.#sessions.current === undefined ? undefined : tokenAt(document.lineAt(position.line).text, position.character);
    return token === undefined ? undefined : new vscode.EvaluatableExpression(rangeOf(position, token), token.text);
  }
}
