/** One file as it was when it was read, and whether it still is so. */
import * as vscode from 'vscode';

type DiskChange = 'none' | 'changed' | 'gone';

export class FileOnDisk implements vscode.Disposable {
  readonly uri: vscode.Uri;
  readonly #changed: () => void;
  readonly #watching: vscode.Disposable;
  #stat: vscode.FileStat | undefined;
  #change: DiskChange = 'none';

  /** `changed` is called whenever `change` is another. */
  constructor(uri: vscode.Uri, changed: () => void) {
    this.uri = uri;
    this.#changed = changed;
    // A pattern of the name itself would take its brackets for a pattern's.
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.joinPath(uri, '..'), '*'));
    const look = (about: vscode.Uri): void => {
      if (about.path === uri.path) void this.look();
    };
    this.#watching = vscode.Disposable.from(watcher, watcher.onDidChange(look), watcher.onDidCreate(look), watcher.onDidDelete(look));
  }

  get change(): DiskChange {
    return this.#change;
  }

  /** As it was when it was read; undefined where it is not there. */
  get stat(): vscode.FileStat | undefined {
    return this.#stat;
  }

  /** From now on this is how it was read. */
  async read(): Promise<void> {
    this.#stat = await this.#now();
    this.#change = 'none';
  }

  /** Looks whether it is still so. */
  async look(): Promise<void> {
    const now = await this.#now();
    const same = now?.mtime === this.#stat?.mtime && now?.size === this.#stat?.size;
    const change = same ? 'none' : now === undefined ? 'gone' : 'changed';
    if (change === this.#change) return;
    this.#change = change;
    this.#changed();
  }

  async #now(): Promise<vscode.FileStat | undefined> {
    try {
      return await vscode.workspace.fs.stat(this.uri);
    } catch {
      return undefined;
    }
  }

  dispose(): void {
    this.#watching.dispose();
  }
}
