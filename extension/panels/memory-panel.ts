/**
 * A memory panel: hosts the page and reads for it. There may be several; `pagewalk.openMemory` shows its address in the one
 * that was used last and is not locked.
 */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { HostToMemory, MemoryPlace, MemoryToHost } from '../../debug-adapter/protocol/memory-panel.ts';
import type { PanelToHost } from '../../debug-adapter/protocol/panel.ts';
import { problemOfPattern } from '../debugging/search-pattern.ts';
import { pickSpace, spacesAtOnce } from '../space-picker.ts';
import { SessionPanel } from './session-panel.ts';
import type { PanelParts } from './session-panel.ts';
import type { Sessions } from '../debugging/sessions.ts';

const viewType = 'pagewalk.memory';
/** Hits that the page lists. */
const mostHits = 1000;

/** What a command says of an address; what it leaves out stays as the panel has it. */
export interface MemoryTarget {
  readonly address: string;
  readonly mm?: string | undefined;
  readonly physical?: boolean | undefined;
}

export class MemoryPanel extends SessionPanel<HostToMemory, MemoryToHost> {
  /** The one used last stands last. */
  static readonly #open = new Set<MemoryPanel>();
  readonly #context: vscode.ExtensionContext;
  #locked = false;
  #stop = 0;
  #wanted: MemoryTarget | undefined;

  constructor(parts: PanelParts) {
    super(parts, 'memory');
    this.#context = parts.context;
    MemoryPanel.#open.add(this);
    this.panel.onDidDispose(() => {
      MemoryPanel.#open.delete(this);
    });
    this.panel.onDidChangeViewState(({ webviewPanel }) => {
      if (!webviewPanel.active) return;
      MemoryPanel.#open.delete(this);
      MemoryPanel.#open.add(this);
    });
  }

  static open(context: vscode.ExtensionContext, sessions: Sessions, target: MemoryTarget): void {
    const wanted = sessions.current;
    const fits = (panel: MemoryPanel): boolean =>
      !panel.#locked && (wanted === undefined || panel.session === undefined || panel.session.id === wanted.id);
    const known = [...MemoryPanel.#open].filter(fits).at(-1);
    if (known === undefined) {
      MemoryPanel.#create(context, sessions, target);
      return;
    }
    known.panel.reveal();
    known.#show(target);
  }

  /** After a reload of the window; the page has kept its place. */
  static revive(parts: PanelParts): void {
    parts.panel.title = vscode.l10n.t('Memory');
    new MemoryPanel(parts);
  }

  static #create(context: vscode.ExtensionContext, sessions: Sessions, target: MemoryTarget, column = vscode.ViewColumn.Active): void {
    const panel = vscode.window.createWebviewPanel(viewType, vscode.l10n.t('Memory'), column, { retainContextWhenHidden: true });
    new MemoryPanel({ panel, context, sessions }).#show(target);
  }

  #show(target: MemoryTarget): void {
    this.#wanted = target;
    if (this.ready) this.opened();
  }

  protected override opened(): void {
    if (this.#wanted === undefined) return;
    const { address, mm, physical } = this.#wanted;
    this.post({ kind: 'goTo', address, ...(mm === undefined ? {} : { mm }), ...(physical === undefined ? {} : { physical }) });
    this.#wanted = undefined;
  }

  protected override async refresh(): Promise<void> {
    const { spaces } = await this.requestPart('pagewalk/addressSpaces', { count: spacesAtOnce });
    const writable = this.session !== undefined && this.sessions.canWrite(this.session);
    const watches = this.session?.configuration['scenario'] !== undefined;
    this.post({ kind: 'opened', spaces, writable, watches, stop: ++this.#stop });
  }

  protected override async answer(message: Exclude<MemoryToHost, PanelToHost>): Promise<void> {
    switch (message.kind) {
      case 'load':
        await this.#load(message);
        break;
      case 'evaluate':
        await this.#evaluate(message.expression);
        break;
      case 'chooseSpace':
        await this.#chooseSpace();
        break;
      case 'layout':
        this.post({ kind: 'layout', address: message.address, layout: await this.request('pagewalk/typeLayout', { type: message.type }) });
        break;
      case 'checkPattern': {
        const { pattern } = message;
        this.post({ kind: 'patternChecked', pattern, problem: this.ended ? null : await problemOfPattern(this.session, pattern) });
        break;
      }
      case 'search':
        await this.#search(message);
        break;
      case 'write':
        await this.#write(message);
        break;
      case 'lock':
        this.#locked = message.locked;
        break;
      case 'another': {
        const { address, mm, physical }: MemoryPlace = message;
        MemoryPanel.#create(this.#context, this.sessions, { address, mm, physical }, vscode.ViewColumn.Beside);
        break;
      }
    }
  }

  async #load({ generation, address, count, mm, physical, kcore }: Extract<MemoryToHost, { kind: 'load' }>): Promise<void> {
    const answer = { kind: 'pages', generation, address } as const;
    try {
      const [pages, asKcore] = await Promise.all([
        this.request('pagewalk/memoryPages', { address, count, mm, physical }),
        kcore && !physical ? this.request('pagewalk/readAsKcore', { address, count }) : null,
      ]);
      this.post({ ...answer, pages, kcore: asKcore, problem: null });
    } catch (error) {
      this.post({ ...answer, pages: null, kcore: null, problem: messageOf(error) });
    }
  }

  async #evaluate(expression: string): Promise<void> {
    if (this.ended) throw new Error(vscode.l10n.t('The session has ended: only addresses can be gone to.'));
    this.post({ kind: 'goTo', address: await this.evaluatedAddress(expression) });
  }

  async #chooseSpace(): Promise<void> {
    const physical = { label: vscode.l10n.t('Physical memory'), description: vscode.l10n.t('as the hardware addresses it') };
    const chosen = await pickSpace((asked) => this.requestPart('pagewalk/addressSpaces', asked), {
      title: vscode.l10n.t('Address space'),
      itemsOf: ({ id, label }) => [{ label, description: id, mm: id, physical: false }],
      below: [{ ...physical, mm: 'kernel', physical: true }],
    });
    if (chosen !== undefined) this.post({ kind: 'space', mm: chosen.mm, physical: chosen.physical });
  }

  async #search({ pattern, mm, physical }: Extract<MemoryToHost, { kind: 'search' }>): Promise<void> {
    try {
      const asked = { pattern, mm, physical, limit: mostHits };
      const { hits, complete, pattern: bytes } = await this.request('pagewalk/search', asked);
      this.post({ kind: 'hits', pattern, hits, length: bytes.bytes.length / 2, complete, problem: null });
    } catch (error) {
      this.post({ kind: 'hits', pattern, hits: [], length: 0, complete: false, problem: messageOf(error) });
    }
  }

  async #write({ address, data, mm }: Extract<MemoryToHost, { kind: 'write' }>): Promise<void> {
    try {
      await this.standardRequest('writeMemory', { memoryReference: address, data, mm });
      this.post({ kind: 'written', address, problem: null });
    } catch (error) {
      this.post({ kind: 'written', address, problem: messageOf(error) });
    }
  }
}
