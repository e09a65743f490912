/**
 * Hovers on addresses in any document while an image is open: what it is, what holds it, how it is mapped, where it lies. In a
 * document of one address space, or with rows that each name one, addresses are that one's; physical ones are told as such.
 */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { ExplainedFacts } from '../../debug-adapter/protocol/facts.ts';
import { addressOfToken, tokenAt } from '../address.ts';
import { AnswerDocuments } from './answer-documents.ts';
import { addressOfExpression } from '../debugging/evaluated.ts';
import { meaningInRows } from './mapping-rows.ts';
import { hoverMarkdown, physicalMarkdown } from './hover-markdown.ts';
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
    const line = document.lineAt(position.line).text;
    const token = session === undefined ? undefined : tokenAt(line, position.character);
    if (session === undefined || token === undefined) return undefined;
    const { mm: ofDocument, spaces, elsewhere } = AnswerDocuments.sourceOf(document.uri);
    const meaning = spaces === 'rows' ? meaningInRows(line, token) : { mm: ofDocument };
    if (meaning === 'entry') return undefined;
    try {
      const answer = meaning === 'physical' ? await this.#physical(token.text) : await this.#answer(session, token.text, meaning.mm);
      const remarks = elsewhere === undefined ? [] : [remarkOn(elsewhere, session)];
      return answer && new vscode.Hover([...remarks, answer], rangeOf(position, token));
    } catch (error) {
      const message = messageOf(error);
      return new vscode.Hover(vscode.l10n.t('Pagewalk: {0}', message), rangeOf(position, token));
    }
  }

  async #physical(address: string): Promise<vscode.MarkdownString | undefined> {
    const { results } = await this.#sessions.request('pagewalk/identify', { addresses: [address], physical: true });
    return results[0] && physicalMarkdown(results[0]);
  }

  async #answer(session: vscode.DebugSession, text: string, mm: string | undefined): Promise<vscode.MarkdownString | undefined> {
    const explained = await this.#explain(session, text, mm);
    return explained && hoverMarkdown({ facts: explained.identify, walk: explained.walk, mm });
  }

  /** One request, where the text is as registers and backtraces have it: each passes twice through VS Code's window. */
  async #explain(session: vscode.DebugSession, text: string, mm: string | undefined): Promise<ExplainedFacts | undefined> {
    const ask = async (address: string): Promise<ExplainedFacts | undefined> => {
      const { results } = await this.#sessions.request('pagewalk/explain', { addresses: [address], ...(mm !== undefined && { mm }) });
      return results[0] ?? undefined;
    };
    const explained = await ask(text);
    if (explained !== undefined || addressOfToken(text) !== undefined) return explained;
    // A name of the scenario, which its own language knows.
    const address = await addressOfExpression(session, text);
    return address === undefined ? undefined : ask(address);
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
