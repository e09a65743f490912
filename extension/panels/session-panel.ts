/**
 * A panel on one debug session: hosts the page webview/NAME and answers what it asks. When the session ends, the page keeps
 * what it has, and says so. Each panel extends this with its own messages.
 */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { HostToPanel, PanelToHost } from '../../debug-adapter/protocol/panel.ts';
import type { PagewalkPartRequests, PagewalkRequestName, PagewalkRequests } from '../../debug-adapter/protocol/requests.ts';
import type { Sessions } from '../debugging/sessions.ts';
import { showPage } from './page-html.ts';
import { TextParts } from './text-parts.ts';

/** What a panel is made of. */
export interface PanelParts {
  readonly panel: vscode.WebviewPanel;
  readonly context: vscode.ExtensionContext;
  readonly sessions: Sessions;
}

export abstract class SessionPanel<ToPage, FromPage extends { readonly kind: string }> {
  protected readonly panel: vscode.WebviewPanel;
  protected readonly sessions: Sessions;
  readonly #subscriptions: vscode.Disposable[] = [];
  #title: string;
  #session: vscode.DebugSession | undefined;
  #ended = false;
  #ready = false;
  readonly #copied = new TextParts();

  /** `page`: the folder in webview/ and the end of the page's element name. */
  constructor({ panel, context, sessions }: PanelParts, page: string) {
    this.panel = panel;
    this.sessions = sessions;
    this.#title = panel.title;
    this.#session = sessions.current;
    this.#subscriptions.push(
      panel.webview.onDidReceiveMessage((message: PanelToHost | Exclude<FromPage, PanelToHost>) => {
        void this.guarded(() => this.#receive(message));
      }),
      sessions.onDidChange(() => {
        this.#sessionsChanged();
      }),
      vscode.debug.onDidTerminateDebugSession((session) => {
        if (session.id === this.#session?.id) this.#end();
      }),
    );
    panel.onDidDispose(() => {
      vscode.Disposable.from(...this.#subscriptions).dispose();
    });
    showPage(panel.webview, context, page);
  }

  /** A message of this panel's own. What it throws, the page shows. */
  protected abstract answer(message: Exclude<FromPage, PanelToHost>): Promise<void>;

  /** The session is there, went on (a scenario), or was exchanged: the page has been told, and is to get what it shows. */
  protected abstract refresh(): Promise<void>;

  /** The page can hear for the first time; `refresh` was called where there is a session. */
  protected opened(): void {
    // Most panels have nothing more to say.
  }

  get session(): vscode.DebugSession | undefined {
    return this.#session;
  }

  protected get ended(): boolean {
    return this.#ended;
  }

  protected get ready(): boolean {
    return this.#ready;
  }

  protected post(message: ToPage | HostToPanel): void {
    void this.panel.webview.postMessage(message);
  }

  /** Asks this panel's session. Rejects with a sentence. */
  protected async request<Name extends PagewalkRequestName>(
    name: Name,
    parameters: PagewalkRequests[Name]['arguments'],
  ): Promise<PagewalkRequests[Name]['body']> {
    return (await this.standardRequest(name, parameters)) as PagewalkRequests[Name]['body'];
  }

  /** The same of a list that may be long: a part of it. */
  protected async requestPart<Name extends keyof PagewalkPartRequests>(
    name: Name,
    parameters: PagewalkPartRequests[Name]['arguments'] & { readonly count: number },
  ): Promise<PagewalkPartRequests[Name]['body']> {
    return (await this.standardRequest(name, parameters)) as PagewalkPartRequests[Name]['body'];
  }

  /** What the tab says; that the session has ended is added. */
  protected setTitle(title: string): void {
    this.#title = title;
    this.panel.title = this.#ended ? vscode.l10n.t('{0} (session ended)', title) : title;
  }

  /** A request of the debug adapter protocol itself. */
  protected async standardRequest(name: string, parameters: object): Promise<unknown> {
    if (this.#session === undefined || this.#ended) throw new Error(vscode.l10n.t('The session has ended; what it told before is shown.'));
    try {
      return (await this.#session.customRequest(name, parameters)) as unknown;
    } catch (error) {
      // VS Code's own word for a request whose session ended.
      if (!/^canceled$/i.test(messageOf(error))) throw error;
      throw new Error(vscode.l10n.t('The session ended before it answered.'), { cause: error });
    }
  }

  /** The address that an expression means in this panel's session. Rejects with a sentence where it means none. */
  protected async evaluatedAddress(expression: string): Promise<string> {
    const answer = (await this.standardRequest('evaluate', { expression, context: 'repl' })) as {
      result: string;
      memoryReference?: string;
    };
    const address = answer.memoryReference ?? /0x[0-9a-f]+/i.exec(answer.result)?.[0];
    if (address === undefined) throw new Error(vscode.l10n.t('{0} is {1}, which is no address.', expression, answer.result));
    return address;
  }

  async #receive(message: PanelToHost | Exclude<FromPage, PanelToHost>): Promise<void> {
    if (!isShared(message)) {
      await this.answer(message);
      return;
    }
    switch (message.kind) {
      case 'ready':
        this.#ready = true;
        this.#postSession();
        if (this.#session !== undefined && !this.#ended) await this.refresh();
        this.opened();
        break;
      case 'copy':
        await this.#copy(this.#copied.add(message));
        break;
      case 'command':
        await vscode.commands.executeCommand(`pagewalk.${message.command}`, { address: message.address, mm: message.mm });
        break;
      case 'follow':
        await this.#follow();
        break;
    }
  }

  async #copy(text: string | undefined): Promise<void> {
    if (text !== undefined) await vscode.env.clipboard.writeText(text);
  }

  /** From now on the panel is the current session's. */
  async #follow(): Promise<void> {
    this.#session = this.sessions.current;
    this.#ended = false;
    this.panel.title = this.#title;
    this.#postSession();
    if (this.#ready && this.#session !== undefined) await this.refresh();
  }

  #sessionsChanged(): void {
    const { current } = this.sessions;
    if (this.#session === undefined && current !== undefined) this.#session = current;
    // VS Code's «Restart» starts a session anew as the same one.
    if (this.#ended && current !== undefined && current.id === this.#session?.id) {
      void this.guarded(() => this.#follow());
      return;
    }
    this.#postSession();
    // Stopped anew: a scenario went on.
    if (this.#ready && !this.#ended && this.#session !== undefined && current?.id === this.#session.id)
      void this.guarded(() => this.refresh());
  }

  #postSession(): void {
    const other = this.sessions.current;
    this.post({
      kind: 'session',
      state: this.#session === undefined ? 'none' : this.#ended ? 'ended' : 'live',
      name: this.#session?.name ?? '',
      next: this.#ended && other !== undefined && other.id !== this.#session?.id ? other.name : null,
    });
  }

  #end(): void {
    this.#ended = true;
    this.setTitle(this.#title);
    this.#postSession();
  }

  /** What `run` throws, the page shows. */
  protected async guarded(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.post({ kind: 'problem', message: messageOf(error) });
    }
  }
}

const sharedKinds: Readonly<Record<PanelToHost['kind'], true>> = { ready: true, copy: true, command: true, follow: true };

function isShared(message: { readonly kind: string }): message is PanelToHost {
  return Object.hasOwn(sharedKinds, message.kind);
}
