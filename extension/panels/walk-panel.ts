/** The translation panel: hosts the page and walks for it. One panel a session; showing another address reuses it. */
import * as vscode from 'vscode';
import type { PanelToHost } from '../../debug-adapter/protocol/panel.ts';
import type { HostToWalk, WalkToHost } from '../../debug-adapter/protocol/walk-panel.ts';
import { addressOfToken } from '../address.ts';
import { SessionPanel } from './session-panel.ts';
import type { PanelParts } from './session-panel.ts';
import type { Sessions } from '../debugging/sessions.ts';

const viewType = 'pagewalk.walk';

/** What is to be translated; without `mm`, as the session's address space has it. */
interface WalkTarget {
  readonly address: string;
  readonly mm: string | undefined;
}

export class WalkPanel extends SessionPanel<HostToWalk, WalkToHost> {
  static readonly #open = new Set<WalkPanel>();
  #target: WalkTarget | undefined;

  constructor(parts: PanelParts) {
    super(parts, 'walk');
    WalkPanel.#open.add(this);
    this.panel.onDidDispose(() => {
      WalkPanel.#open.delete(this);
    });
  }

  static async open(context: vscode.ExtensionContext, sessions: Sessions, target: WalkTarget): Promise<void> {
    const wanted = sessions.current;
    let opened = [...WalkPanel.#open].find(({ session }) => wanted === undefined || session === undefined || session.id === wanted.id);
    if (opened === undefined) {
      const panel = vscode.window.createWebviewPanel(viewType, vscode.l10n.t('Walk'), vscode.ViewColumn.Active, {
        retainContextWhenHidden: true,
      });
      opened = new WalkPanel({ panel, context, sessions });
    } else opened.panel.reveal();
    opened.#target = target;
    if (opened.ready) await opened.refresh();
  }

  /** After a reload of the window; the page asks for what it showed. */
  static revive(parts: PanelParts): void {
    parts.panel.title = vscode.l10n.t('Walk');
    new WalkPanel(parts);
  }

  protected override async refresh(): Promise<void> {
    if (this.#target !== undefined) await this.#show(this.#target);
  }

  protected override async answer(message: Exclude<WalkToHost, PanelToHost>): Promise<void> {
    switch (message.kind) {
      case 'show': {
        const { expression, mm } = message;
        const address = addressOfToken(expression) ?? (await this.evaluatedAddress(expression));
        await this.#show({ address, mm: mm === '' ? undefined : mm });
        break;
      }
      case 'openPhysical':
        await vscode.commands.executeCommand('pagewalk.openMemory', { address: message.address, physical: true });
        break;
      case 'reveal':
        await vscode.commands.executeCommand('pagewalk.revealInPageTables', { address: message.address, mm: message.mm });
        break;
    }
  }

  async #show(target: WalkTarget): Promise<void> {
    this.#target = target;
    const { address, mm } = target;
    const asked = { addresses: [address], ...(mm === undefined || mm === '' ? {} : { mm }) };
    const [{ results }, info] = await Promise.all([this.request('pagewalk/explain', asked), this.request('pagewalk/info', {})]);
    const [explained] = results;
    if (explained === undefined || explained === null) return;
    const { identify, walk } = explained;
    const addressBits = /^(?:x86-32|arm|riscv32|mips32|ppc32|arc)$/.test(info.architecture) ? 32 : 64;
    this.post({ kind: 'walk', mm: mm ?? '', identify, walk, addressBits });
  }
}
