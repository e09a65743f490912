/** The Pagewalk debug session that views ask. Owns the context key `pagewalk.active`. */
import * as vscode from 'vscode';
import type { PagewalkRequestName, PagewalkRequests } from '../debug-adapter/protocol/requests.ts';

export const debugType = 'pagewalk';

/** Whether a request ended because somebody pressed Cancel where VS Code shows the adapter's progress. */
export function isCancelled(error: unknown): boolean {
  return error instanceof Error && error.message === 'cancelled';
}

export class Sessions implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable[] = [];
  #current: vscode.DebugSession | undefined;

  /** The session stopped, changed or ended: views are to ask again. */
  readonly onDidChange = this.#changed.event;

  constructor() {
    this.#subscriptions.push(
      vscode.debug.registerDebugAdapterTrackerFactory(debugType, {
        createDebugAdapterTracker: (session) => ({
          onDidSendMessage: (message: { type?: string; event?: string }) => {
            if (message.type === 'event' && message.event === 'stopped') this.#set(session);
          },
        }),
      }),
      vscode.debug.onDidChangeActiveDebugSession((session) => {
        if (session?.type === debugType && session.id !== this.#current?.id) this.#set(session);
      }),
      vscode.debug.onDidTerminateDebugSession((session) => {
        if (session.id === this.#current?.id) this.#set(undefined);
      }),
    );
  }

  /** The session to ask, or undefined when none is stopped. */
  get current(): vscode.DebugSession | undefined {
    return this.#current;
  }

  /** One custom request to the current session. Rejects with the adapter's sentence. */
  async request<Name extends PagewalkRequestName>(
    name: Name,
    parameters: PagewalkRequests[Name]['arguments'],
  ): Promise<PagewalkRequests[Name]['body']> {
    if (this.#current === undefined) throw new Error(vscode.l10n.t('No Pagewalk session is open; open an image first.'));
    return (await this.#current.customRequest(name, parameters)) as PagewalkRequests[Name]['body'];
  }

  #set(session: vscode.DebugSession | undefined): void {
    this.#current = session;
    void vscode.commands.executeCommand('setContext', 'pagewalk.active', session !== undefined);
    this.#changed.fire();
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions, this.#changed).dispose();
  }
}
