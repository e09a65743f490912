/** The language server of scenarios: started when the first of them is opened, stopped with the extension. */
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { messageOf } from '../debug-adapter/protocol/error-message.ts';
import { nodeEnvironment, programPath, scenarioLanguage } from './debugging/configurations.ts';

const language = scenarioLanguage;

export function registerLanguageClient(context: vscode.ExtensionContext): vscode.Disposable {
  let client: Promise<LanguageClient> | undefined;
  const start = ({ languageId }: vscode.TextDocument): void => {
    if (languageId !== language || client !== undefined) return;
    client = startClient(context);
    client.catch((error: unknown) => {
      const why = messageOf(error);
      void vscode.window.showErrorMessage(
        vscode.l10n.t('The language server of scenarios does not start ({0}); reload the window to try again.', why),
      );
    });
  };
  vscode.workspace.textDocuments.forEach(start);
  return vscode.Disposable.from(
    vscode.workspace.onDidOpenTextDocument(start),
    new vscode.Disposable(() => {
      client?.then((running) => running.dispose()).catch(() => undefined);
    }),
  );
}

/** The client's code is loaded here, not with the extension. */
async function startClient(context: vscode.ExtensionContext): Promise<LanguageClient> {
  const { LanguageClient: Client } = await import('vscode-languageclient/node');
  const server = {
    command: process.execPath,
    args: [programPath(context), 'lsp'],
    options: { env: { ...process.env, ...nodeEnvironment } },
  };
  const client = new Client('pagewalk.scenarios', vscode.l10n.t('Pagewalk Scenarios'), server, { documentSelector: [{ language }] });
  await client.start();
  return client;
}
