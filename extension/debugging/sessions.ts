/** The Pagewalk debug session that views ask. Owns the context key `pagewalk.active`. */
import * as vscode from 'vscode';
import type { PagewalkPartRequests, PagewalkRequestName, PagewalkRequests } from '../../debug-adapter/protocol/requests.ts';

/** The type of our sessions in launch.json. */
export const debugType = 'pagewalk';

/** What of the adapter's messages counts here. */
interface AdapterMessage {
  readonly type?: string;
  readonly event?: string;
  readonly command?: string;
  readonly body?: {
    readonly supportsWriteMemoryRequest?: boolean;
    readonly capabilities?: { readonly supportsWriteMemoryRequest?: boolean };
  };
}

/** Whether a request ended because somebody pressed Cancel where VS Code shows the adapter's progress. */
export function isCancelled(error: unknown): boolean {
  return error instanceof Error && error.message === 'cancelled';
}

function noSession(): Error {
  return new Error(vscode.l10n.t('No Pagewalk session is open; open an image first.'));
}

export class Sessions implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable[] = [];
  /** Ids of sessions that take bytes. */
  readonly #writable = new Set<string>();
  #current: vscode.DebugSession | undefined;

  /** The session stopped, changed or ended: views are to ask again. */
  readonly onDidChange = this.#changed.event;

  constructor() {
    this.#subscriptions.push(
      vscode.debug.registerDebugAdapterTrackerFactory(debugType, {
        createDebugAdapterTracker: (session) => ({
          onDidSendMessage: (message: AdapterMessage) => {
            const { supportsWriteMemoryRequest } = message.body?.capabilities ?? message.body ?? {};
            if (message.command === 'initialize' || message.event === 'capabilities') {
              if (supportsWriteMemoryRequest === true) this.#writable.add(session.id);
              else if (supportsWriteMemoryRequest === false) this.#writable.delete(session.id);
            }
            const stopped = message.type === 'event' && ['stopped', 'invalidated'].includes(message.event ?? '');
            if (stopped && this.#isAsked(session)) this.#set(session);
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

  /** Whether memory of the session can be written, in the scenario's machine or over a dump. */
  canWrite(session: vscode.DebugSession): boolean {
    return this.#writable.has(session.id);
  }

  /** One custom request to the current session. Rejects with the adapter's sentence. */
  async request<Name extends PagewalkRequestName>(
    name: Name,
    parameters: PagewalkRequests[Name]['arguments'],
  ): Promise<PagewalkRequests[Name]['body']> {
    if (this.#current === undefined) throw noSession();
    return (await this.#current.customRequest(name, parameters)) as PagewalkRequests[Name]['body'];
  }

  /** The same of a list that may be long: a part of it. */
  async requestPart<Name extends keyof PagewalkPartRequests>(
    name: Name,
    parameters: PagewalkPartRequests[Name]['arguments'] & { readonly count: number },
  ): Promise<PagewalkPartRequests[Name]['body']> {
    if (this.#current === undefined) throw noSession();
    return (await this.#current.customRequest(name, parameters)) as PagewalkPartRequests[Name]['body'];
  }

  /** A session that stops while another has the focus in VS Code waits until it has it. */
  #isAsked({ id }: vscode.DebugSession): boolean {
    const focused = vscode.debug.activeDebugSession;
    return this.#current === undefined || this.#current.id === id || focused?.type !== debugType || focused.id === id;
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
