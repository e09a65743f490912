/** The ptdump panel: hosts the page and answers its messages from the session. One panel; opening it again reveals it. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { HostToPtdump, PtdumpToHost } from '../debug-adapter/protocol/webview.ts';
import type { Sessions } from './sessions.ts';

const viewType = 'pagewalk.ptdump';
const linesAtOnce = 5000;

export class PtdumpPanel {
  static #open: PtdumpPanel | undefined;
  readonly #panel: vscode.WebviewPanel;
  readonly #sessions: Sessions;
  readonly #subscriptions: vscode.Disposable[] = [];
  #reveal: string | undefined;
  #ready = false;

  constructor(panel: vscode.WebviewPanel, context: vscode.ExtensionContext, sessions: Sessions) {
    this.#panel = panel;
    this.#sessions = sessions;
    const root = vscode.Uri.joinPath(context.extensionUri, 'dist', 'webview');
    panel.webview.options = { enableScripts: true, localResourceRoots: [root] };
    this.#subscriptions.push(
      panel.webview.onDidReceiveMessage((message: PtdumpToHost) => {
        void this.#receive(message);
      }),
      sessions.onDidChange(() => {
        this.#post({ kind: 'session', active: sessions.current !== undefined });
        if (sessions.current !== undefined) void this.#sendSpaces();
      }),
    );
    panel.onDidDispose(() => {
      vscode.Disposable.from(...this.#subscriptions).dispose();
      PtdumpPanel.#open = undefined;
    });
    panel.webview.html = html(panel.webview, root);
  }

  static open(context: vscode.ExtensionContext, sessions: Sessions, at: { address: string | undefined; mm: string | undefined }): void {
    if (PtdumpPanel.#open === undefined) {
      const panel = vscode.window.createWebviewPanel(viewType, 'ptdump', vscode.ViewColumn.Active);
      PtdumpPanel.#open = new PtdumpPanel(panel, context, sessions);
    } else PtdumpPanel.#open.#panel.reveal();
    PtdumpPanel.#open.#revealAddress(at.address);
  }

  /** After a reload of the window. */
  static revive(panel: vscode.WebviewPanel, context: vscode.ExtensionContext, sessions: Sessions): void {
    PtdumpPanel.#open = new PtdumpPanel(panel, context, sessions);
  }

  #revealAddress(address: string | undefined): void {
    this.#reveal = address;
    if (this.#ready && address !== undefined) this.#post({ kind: 'reveal', address });
  }

  #post(message: HostToPtdump): void {
    void this.#panel.webview.postMessage(message);
  }

  async #receive(message: PtdumpToHost): Promise<void> {
    try {
      await this.#answer(message);
    } catch (error) {
      this.#post({ kind: 'problem', message: error instanceof Error ? error.message : String(error) });
    }
  }

  async #answer(message: PtdumpToHost): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.#ready = true;
        this.#post({ kind: 'session', active: this.#sessions.current !== undefined });
        if (this.#sessions.current !== undefined) await this.#sendSpaces();
        if (this.#reveal !== undefined) this.#post({ kind: 'reveal', address: this.#reveal });
        break;
      case 'load':
        await this.#sendLines(message);
        break;
      case 'select': {
        const asked = { addresses: [message.address], mm: message.mm };
        const [identified, translated] = await Promise.all([
          this.#sessions.request('pagewalk/identify', asked),
          this.#sessions.request('pagewalk/translate', asked),
        ]);
        const [identify] = identified.results;
        const [walk] = translated.results;
        if (identify !== undefined && walk !== undefined) this.#post({ kind: 'details', address: message.address, identify, walk });
        break;
      }
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        break;
      case 'export':
        await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content: message.text, language: 'ptdump' }));
        break;
    }
  }

  async #sendSpaces(): Promise<void> {
    const { spaces } = await this.#sessions.request('pagewalk/addressSpaces', {});
    this.#post({ kind: 'spaces', spaces });
  }

  async #sendLines(asked: { generation: number; mm: string; user: boolean }): Promise<void> {
    const { generation, mm, user } = asked;
    let start = 0;
    for (;;) {
      const page = await this.#sessions.request('pagewalk/ptdump', { mm, user, start, count: linesAtOnce });
      this.#post({ kind: 'lines', generation, start, total: page.total, lines: page.lines });
      start += page.lines.length;
      if (page.lines.length === 0 || start >= page.total) return;
    }
  }
}

function html(webview: vscode.Webview, root: vscode.Uri): string {
  const nonce = randomBytes(16).toString('base64');
  const uri = (file: string): string => webview.asWebviewUri(vscode.Uri.joinPath(root, file)).toString();
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>ptdump</title>
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource} 'unsafe-inline'; font-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
    <link rel="stylesheet" href="${uri('codicon.css')}"><link rel="stylesheet" href="${uri('ptdump.css')}"></head>
    <body><pagewalk-ptdump></pagewalk-ptdump><script type="module" nonce="${nonce}" src="${uri('ptdump.js')}"></script></body></html>`;
}
