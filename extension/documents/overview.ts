/**
 * An overview of a dump file, in the editor that is opened on it. The command line reads the file in a child process, so that
 * no session need be open; it ends with the editor.
 */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { InfoFacts, PageCategoriesFacts } from '../../debug-adapter/protocol/facts.ts';
import type {
  HostToOverview,
  OverviewLink,
  OverviewQuestion,
  OverviewToHost,
  Progressing,
} from '../../debug-adapter/protocol/overview-panel.ts';
import type { Sessions } from '../debugging/sessions.ts';
import { showPage } from '../panels/page-html.ts';
import type { AnswerDocuments } from './answer-documents.ts';
import { FileOnDisk } from './file-on-disk.ts';
import { isOpen, openSessionOn } from './image-sessions.ts';
import { showKernelLog } from './kernel-log.ts';
import { runPagewalk } from './program-run.ts';

/** RAM up to which pages are counted without being asked for: it takes a moment. */
const countedAtOnce = 4 * 2 ** 30;

/** What an overview is made of. */
export interface OverviewParts {
  readonly context: vscode.ExtensionContext;
  readonly sessions: Sessions;
  readonly documents: AnswerDocuments;
}

export class Overview {
  readonly #parts: OverviewParts;
  readonly #panel: vscode.WebviewPanel;
  readonly #file: FileOnDisk;
  readonly #running = new Map<OverviewQuestion, AbortController>();
  #closed = false;
  #info: Progressing<InfoFacts> = { state: 'none', cancelled: false };
  #pages: Progressing<PageCategoriesFacts> = { state: 'none', cancelled: false };

  constructor(parts: OverviewParts, uri: vscode.Uri, panel: vscode.WebviewPanel) {
    this.#parts = parts;
    this.#panel = panel;
    this.#file = new FileOnDisk(uri, () => {
      this.#postDisk();
    });
    const subscriptions = [
      this.#file,
      panel.webview.onDidReceiveMessage((message: OverviewToHost) => {
        void this.#guarded(() => this.#receive(message));
      }),
      parts.sessions.onDidChange(() => {
        this.#postSession();
      }),
      panel.onDidChangeViewState(() => {
        if (panel.visible) void this.#file.look();
      }),
    ];
    panel.onDidDispose(() => {
      this.#closed = true;
      for (const question of questions) this.#stop(question);
      vscode.Disposable.from(...subscriptions).dispose();
    });
    showPage(panel.webview, parts.context, 'overview');
    void this.#readInfo();
  }

  async #receive(message: OverviewToHost): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.#postFile();
        this.#postSession();
        this.#postDisk();
        this.#post({ kind: 'info', answer: this.#info });
        this.#post({ kind: 'pages', answer: this.#pages });
        break;
      case 'ask':
        await (message.what === 'info' ? this.#readInfo() : this.#countPages());
        break;
      case 'cancel':
        this.#running.get(message.what)?.abort();
        break;
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        break;
      case 'open':
        await this.#open(message.link);
        break;
    }
  }

  async #readInfo(): Promise<void> {
    this.#stop('pages');
    this.#tellPages({ state: 'none', cancelled: false });
    await this.#file.read();
    this.#postFile();
    this.#postDisk();
    await this.#ask<InfoFacts>('info', (answer) => {
      this.#info = answer;
      this.#post({ kind: 'info', answer });
    });
    if (this.#info.state === 'done' && this.#info.facts.memory.bytes <= countedAtOnce) await this.#countPages();
  }

  async #countPages(): Promise<void> {
    await this.#ask<PageCategoriesFacts>('pages', (answer) => {
      this.#tellPages(answer);
    });
  }

  #tellPages(answer: Progressing<PageCategoriesFacts>): void {
    this.#pages = answer;
    this.#post({ kind: 'pages', answer });
  }

  /** Runs the verb of the question's name, and tells how it goes; what is asked again meanwhile ends it. */
  async #ask<Facts>(verb: OverviewQuestion, tell: (answer: Progressing<Facts>) => void): Promise<void> {
    this.#stop(verb);
    const running = new AbortController();
    this.#running.set(verb, running);
    const current = (): boolean => this.#running.get(verb) === running;
    tell({ state: 'running', step: '', share: null });
    try {
      const progress = (step: string, share: number | null): void => {
        if (current()) tell({ state: 'running', step, share });
      };
      const output = await this.#run([verb, this.#file.uri.fsPath, '--json'], running.signal, progress);
      if (current()) tell({ state: 'done', facts: JSON.parse(output) as Facts });
    } catch (error) {
      if (!current()) return;
      tell(running.signal.aborted ? { state: 'none', cancelled: true } : { state: 'refused', message: messageOf(error) });
    } finally {
      if (current()) this.#running.delete(verb);
    }
  }

  /** Whoever waits for the answer hears nothing any more. */
  #stop(question: OverviewQuestion): void {
    this.#running.get(question)?.abort();
    this.#running.delete(question);
  }

  #run(argv: readonly string[], signal: AbortSignal, progress?: (step: string, share: number | null) => void): Promise<string> {
    return runPagewalk(this.#parts.context, argv, { signal, ...(progress === undefined ? {} : { progress }) });
  }

  async #open(link: OverviewLink): Promise<void> {
    const { uri } = this.#file;
    switch (link) {
      case 'debug':
        await openSessionOn(this.#parts.sessions, uri);
        break;
      case 'session':
        await vscode.commands.executeCommand('workbench.view.debug');
        break;
      case 'compare':
        await vscode.commands.executeCommand('pagewalk.comparePageTables', { before: { file: uri.fsPath } });
        break;
      case 'text':
        await vscode.commands.executeCommand('vscode.openWith', uri, 'default');
        break;
      case 'log':
        await this.#openLog();
        break;
      case 'ptdump':
      case 'vmalloc':
      case 'processes':
        if (await openSessionOn(this.#parts.sessions, uri)) await vscode.commands.executeCommand(commands[link]);
        break;
    }
  }

  async #openLog(): Promise<void> {
    const reading = new AbortController();
    const closed = this.#panel.onDidDispose(() => {
      reading.abort();
    });
    try {
      const text = await this.#run(['log', this.#file.uri.fsPath], reading.signal);
      const death = this.#info.state === 'done' ? this.#info.facts.log.death : null;
      await showKernelLog(this.#parts.documents, { text, death });
    } finally {
      closed.dispose();
    }
  }

  #postFile(): void {
    const { uri, stat } = this.#file;
    const name = uri.path.slice(uri.path.lastIndexOf('/') + 1);
    this.#post({ kind: 'file', file: { name, path: uri.fsPath, size: stat?.size ?? null, modified: stat?.mtime ?? null } });
  }

  #postSession(): void {
    const open = isOpen(this.#parts.sessions, this.#file.uri);
    this.#post({
      kind: 'session',
      state: open ? 'live' : 'none',
      name: open ? (this.#parts.sessions.current?.name ?? '') : '',
      next: null,
    });
  }

  #postDisk(): void {
    this.#post({ kind: 'disk', change: this.#file.change });
  }

  #post(message: HostToOverview): void {
    if (!this.#closed) void this.#panel.webview.postMessage(message);
  }

  /** What `run` throws, the page shows. */
  async #guarded(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#post({ kind: 'problem', message: messageOf(error) });
    }
  }
}

const questions: readonly OverviewQuestion[] = ['info', 'pages'];

const commands = {
  ptdump: 'pagewalk.openPtdump',
  vmalloc: 'pagewalk.vmalloc.focus',
  processes: 'pagewalk.processes.focus',
} as const;
