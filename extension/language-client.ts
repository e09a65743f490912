/**
 * The language server of scenarios: started when the first of them is opened, started anew when it ends on its own, stopped
 * with the extension. One that does not start, or ends again and again, is said once, with a way to try again.
 */
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { messageOf } from '../debug-adapter/protocol/error-message.ts';
import { nodeEnvironment, programPath, scenarioLanguage } from './debugging/configurations.ts';

const language = scenarioLanguage;
/** How often, within so many minutes, a server that ended is started anew without a word. */
const mostEnds = 4;
const minutes = 3;

export function registerLanguageClient(context: vscode.ExtensionContext): vscode.Disposable {
  const server = new ScenarioServer(context);
  const start = ({ languageId }: vscode.TextDocument): void => {
    if (languageId === language) server.start();
  };
  vscode.workspace.textDocuments.forEach(start);
  return vscode.Disposable.from(vscode.workspace.onDidOpenTextDocument(start), server);
}

class ScenarioServer implements vscode.Disposable {
  readonly #context: vscode.ExtensionContext;
  #client: Promise<LanguageClient> | undefined;
  #output: vscode.OutputChannel | undefined;
  /** When it ended, in milliseconds. */
  #ends: number[] = [];
  #asking = false;
  #told: vscode.Disposable | undefined;

  constructor(context: vscode.ExtensionContext) {
    this.#context = context;
  }

  /** Does nothing where it runs. */
  start(): void {
    if (this.#client !== undefined) return;
    this.#output ??= vscode.window.createOutputChannel(vscode.l10n.t('Pagewalk Scenarios'));
    this.#client = startClient(this.#context, this.#output, () => {
      this.#ended();
    });
    this.#client.catch((error: unknown) => {
      this.#client = undefined;
      const why = messageOf(error);
      void this.#say(
        vscode.l10n.t('The language server of scenarios does not start ({0}); until it does, scenarios are not checked.', why),
      );
    });
  }

  #ended(): void {
    this.#client = undefined;
    this.#told?.dispose();
    const now = Date.now();
    this.#ends = [...this.#ends.filter((end) => now - end < minutes * 60_000), now];
    if (this.#ends.length > mostEnds) {
      const often = vscode.l10n.t('{0} times within {1} minutes', this.#ends.length, minutes);
      void this.#say(
        vscode.l10n.t('The language server of scenarios ended {0}; until it is started again, scenarios are not checked.', often),
      );
      return;
    }
    this.#told = vscode.window.setStatusBarMessage(vscode.l10n.t('The language server of scenarios ended and is started again.'), 10_000);
    this.start();
  }

  async #say(message: string): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const restart = vscode.l10n.t('Restart');
    const chosen = await vscode.window.showErrorMessage(message, restart);
    this.#asking = false;
    this.#ends = [];
    if (chosen === restart) this.start();
  }

  dispose(): void {
    this.#client?.then((running) => running.dispose()).catch(() => undefined);
    this.#output?.dispose();
  }
}

/** Rejects with why there is no server. The client's code is loaded here, not with the extension. */
async function startClient(
  context: vscode.ExtensionContext,
  outputChannel: vscode.OutputChannel,
  ended: () => void,
): Promise<LanguageClient> {
  const { CloseAction, ErrorAction, ErrorCodes, LanguageClient: Client } = await import('vscode-languageclient/node');
  /** The library has several messages for one end, which speak of connections: they are kept in the output. */
  class QuietClient extends Client {
    override error(message: string, data?: unknown): void {
      super.error(message, data, false);
    }
  }
  const server = {
    command: process.execPath,
    args: [programPath(context), 'lsp'],
    options: { env: { ...process.env, ...nodeEnvironment } },
  };
  let state: 'starting' | 'running' | 'ended' = 'starting';
  const client = new QuietClient('pagewalk.scenarios', vscode.l10n.t('Pagewalk Scenarios'), server, {
    documentSelector: [{ language }],
    outputChannel,
    initializationFailedHandler: () => false,
    errorHandler: {
      // What cannot be written or read any more is told by the end of the process.
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        if (state === 'running') ended();
        state = 'ended';
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
  });
  const hasEnded = (): boolean => state === 'ended';
  try {
    await client.start();
  } catch (error) {
    // What is written to a process that has ended may be refused before its end is heard of.
    const { MessageWriteError, PendingResponseRejected, ConnectionInactive } = ErrorCodes;
    const cuts: readonly unknown[] = ['EPIPE', 'ERR_STREAM_DESTROYED', MessageWriteError, PendingResponseRejected, ConnectionInactive];
    const isCut = error instanceof Error && 'code' in error && cuts.includes(error.code);
    throw hasEnded() || isCut ? new Error(vscode.l10n.t('its process ended')) : error;
  }
  if (hasEnded()) throw new Error(vscode.l10n.t('its process ended'));
  state = 'running';
  return client;
}
