/** Long answers of a session as read-only documents. They stay as they are when the session goes on or ends. */
import * as vscode from 'vscode';

/** Whose page table a document's text is; its address tells, so that it is known of a document that is long open. */
export interface AnswerSource {
  /** As requests take it; absent where the text is not of one address space of the session's image. */
  readonly mm?: string;
  /** Each row names its own (mapping-rows.ts). */
  readonly spaces?: 'rows';
  /** Another image, or a moment of a scenario that has gone by: what the session tells of addresses is not what the text was made of. */
  readonly elsewhere?: string;
}

/** Documents kept for tabs that are opened again; older ones are to be asked for again. */
const mostKept = 32;

export class AnswerDocuments implements vscode.TextDocumentContentProvider {
  static readonly scheme = 'pagewalk-answer';
  readonly #texts = new Map<string, string>();
  #count = 0;

  /** The document of a text. The ending of `name` chooses its language. */
  add(name: string, text: string, source: AnswerSource = {}): vscode.Uri {
    const path = `/${name.replaceAll('/', '-')}`;
    const query = new URLSearchParams({ answer: String(++this.#count), ...source }).toString();
    const uri = vscode.Uri.from({ scheme: AnswerDocuments.scheme, path, query });
    this.#texts.set(uri.toString(), text);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > mostKept && oldest !== undefined) this.#texts.delete(oldest);
    return uri;
  }

  /** What `add` was told of the document; nothing of one that is no answer. */
  static sourceOf({ scheme, query }: vscode.Uri): AnswerSource {
    if (scheme !== AnswerDocuments.scheme) return {};
    const told = new URLSearchParams(query);
    const [mm, elsewhere] = [told.get('mm'), told.get('elsewhere')];
    return {
      ...(mm === null ? {} : { mm }),
      ...(told.get('spaces') === 'rows' ? { spaces: 'rows' } : {}),
      ...(elsewhere === null ? {} : { elsewhere }),
    };
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.#texts.get(uri.toString()) ?? vscode.l10n.t('This answer was not kept; open the image and ask again.');
  }
}
