/** Long answers of a session as read-only documents. They stay as they are when the session goes on or ends. */
import * as vscode from 'vscode';

/** Documents kept for tabs that are opened again; older ones are to be asked for again. */
const mostKept = 32;

export class AnswerDocuments implements vscode.TextDocumentContentProvider {
  static readonly scheme = 'pagewalk-answer';
  readonly #texts = new Map<string, string>();
  #count = 0;

  /** The document of a text. The ending of `name` chooses its language. */
  add(name: string, text: string): vscode.Uri {
    const path = `/${name.replaceAll('/', '-')}`;
    const uri = vscode.Uri.from({ scheme: AnswerDocuments.scheme, path, query: String(++this.#count) });
    this.#texts.set(uri.toString(), text);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > mostKept && oldest !== undefined) this.#texts.delete(oldest);
    return uri;
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.#texts.get(uri.toString()) ?? vscode.l10n.t('This answer was not kept; open the image and ask again.');
  }
}
