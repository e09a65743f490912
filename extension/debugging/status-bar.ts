/** One item while an image is open: which kernel it is. It leads to the views. */
import * as vscode from 'vscode';
import type { InfoFacts } from '../../debug-adapter/protocol/facts.ts';
import type { Sessions } from './sessions.ts';

export class StatusBar implements vscode.Disposable {
  readonly #sessions: Sessions;
  readonly #item: vscode.StatusBarItem;
  readonly #subscription: vscode.Disposable;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#item = vscode.window.createStatusBarItem('pagewalk.kernel', vscode.StatusBarAlignment.Left);
    this.#item.name = vscode.l10n.t('Pagewalk: kernel');
    this.#item.command = 'pagewalk.pageTables.focus';
    this.#subscription = sessions.onDidChange(() => {
      void this.#show();
    });
  }

  async #show(): Promise<void> {
    const session = this.#sessions.current;
    if (session === undefined) {
      this.#item.hide();
      return;
    }
    try {
      const info = await this.#sessions.request('pagewalk/info', {});
      if (this.#sessions.current?.id !== session.id) return;
      this.#item.text = `$(circuit-board) ${info.release ?? session.name}`;
      this.#item.tooltip = tooltipOf(session.name, info);
      this.#item.show();
    } catch {
      // A session that ends while it is asked has no kernel to name.
      this.#item.hide();
    }
  }

  dispose(): void {
    vscode.Disposable.from(this.#item, this.#subscription).dispose();
  }
}

function tooltipOf(name: string, info: InfoFacts): string {
  const mebibytes = Math.round(info.memory.bytes / 2 ** 20);
  return [
    name,
    vscode.l10n.t('{0}, {1} levels, KASLR {2}', info.architecture, info.pagingLevels, info.kaslrOffset ?? '–'),
    vscode.l10n.t('{0} MiB of RAM, {1} CPUs, {2} tasks', mebibytes, info.cpus, info.tasks ?? '?'),
    ...info.warnings,
  ].join('\n');
}
