/** Addresses in terminals lead to their walks while an image is open. */
import * as vscode from 'vscode';
import { addressOfToken, tokensOf } from '../address.ts';
import { addressOfExpression } from '../debugging/evaluated.ts';
import type { Sessions } from '../debugging/sessions.ts';

class AddressTerminalLink extends vscode.TerminalLink {
  readonly token: string;

  constructor(start: number, token: string) {
    super(start, token.length, vscode.l10n.t('Show walk'));
    this.token = token;
  }
}

export class TerminalLinks implements vscode.TerminalLinkProvider<AddressTerminalLink> {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  provideTerminalLinks({ line }: vscode.TerminalLinkContext): AddressTerminalLink[] {
    if (this.#sessions.current === undefined) return [];
    return tokensOf(line).map(({ start, text }) => new AddressTerminalLink(start, text));
  }

  async handleTerminalLink({ token }: AddressTerminalLink): Promise<void> {
    const address = addressOfToken(token) ?? (await addressOfExpression(this.#sessions.current, token));
    if (address === undefined) throw new Error(vscode.l10n.t('{0} is not known to the image that is open.', token));
    await vscode.commands.executeCommand('pagewalk.showTranslation', { address });
  }
}
