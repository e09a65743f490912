/** «Open Kernel Log», and links on the addresses of logs: registers and places in code lead to their walks. */
import * as vscode from 'vscode';
import type { DeathFacts } from '../../debug-adapter/protocol/stacks.ts';
import { addressOfToken, tokensOf } from '../address.ts';
import type { Token } from '../address.ts';
import type { AnswerDocuments } from './answer-documents.ts';
import { addressOfExpression } from '../debugging/evaluated.ts';
import type { Sessions } from '../debugging/sessions.ts';

/** Shows the log of the session as a document; what cannot be read rejects with a sentence for the user. */
export async function openKernelLog(sessions: Sessions, documents: AnswerDocuments): Promise<void> {
  await showKernelLog(documents, await sessions.request('pagewalk/log', {}));
}

interface ShownLog {
  readonly text: string;
  readonly death: DeathFacts | null;
}

/** An image's log in an editor; at the line that says why the kernel died, where it did. */
export async function showKernelLog(documents: AnswerDocuments, { text, death }: ShownLog): Promise<void> {
  const document = await vscode.workspace.openTextDocument(documents.add('kernel.dmesg', text));
  const editor = await vscode.window.showTextDocument(document, { preview: true });
  const at = death === null ? -1 : text.lastIndexOf(`] ${death.reason}\n`);
  if (at < 0) return;
  const range = new vscode.Range(document.positionAt(at + 2), document.positionAt(at + 2));
  editor.selection = new vscode.Selection(range.start, range.end);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenter);
}

/** Links that one document gets; an editor draws each. */
const mostLinks = 5000;

class AddressLink extends vscode.DocumentLink {
  readonly token: string;

  constructor(range: vscode.Range, token: string) {
    super(range);
    this.token = token;
    this.tooltip = vscode.l10n.t('Show the walk of {0}', token);
  }
}

/** Links in kernel logs while an image is open. */
export class LogLinkProvider implements vscode.DocumentLinkProvider<AddressLink> {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  provideDocumentLinks(document: vscode.TextDocument): AddressLink[] {
    if (this.#sessions.current === undefined) return [];
    const links: AddressLink[] = [];
    for (let line = 0; line < document.lineCount && links.length < mostLinks; line++) {
      for (const token of tokensOf(document.lineAt(line).text)) {
        if (isPlace(token)) links.push(new AddressLink(new vscode.Range(line, token.start, line, token.end), token.text));
      }
    }
    return links.slice(0, mostLinks);
  }

  /** Finds the address behind a name when the link is followed. */
  async resolveDocumentLink(link: AddressLink): Promise<AddressLink | undefined> {
    const address = addressOfToken(link.token) ?? (await addressOfExpression(this.#sessions.current, link.token));
    if (address === undefined) return undefined;
    const argument = encodeURIComponent(JSON.stringify([{ address }]));
    link.target = vscode.Uri.parse(`command:pagewalk.showTranslation?${argument}`);
    return link;
  }
}

/** Whether a token is certainly an address: a place in code, 16 digits as registers are printed, or in the kernel's half. */
function isPlace({ text }: Token): boolean {
  return !/^0x/i.test(text) || /^0x[89a-f][0-9a-f]{7}(?:[0-9a-f]{8})?$/i.test(text);
}
