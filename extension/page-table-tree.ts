/** The Page Tables view: address spaces, then each table's entries, read when a node is opened. */
import * as vscode from 'vscode';
import type { AddressSpaceFacts, TableEntryFacts, TableFacts } from '../debug-adapter/protocol/facts.ts';
import type { Sessions } from './sessions.ts';

interface SpaceNode {
  readonly kind: 'space';
  readonly space: AddressSpaceFacts;
  readonly user: boolean;
}

interface EntryNode {
  readonly kind: 'entry';
  readonly mm: string;
  readonly user: boolean;
  readonly level: string;
  readonly entry: TableEntryFacts;
  /** For commands on the node. */
  readonly address: string;
}

interface NoteNode {
  readonly kind: 'note';
  readonly text: string;
}

type Node = SpaceNode | EntryNode | NoteNode;

const levels = ['pgd', 'p4d', 'pud', 'pmd', 'pte'];

export class PageTableTree implements vscode.TreeDataProvider<Node> {
  readonly #sessions: Sessions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  #levelNames: readonly string[] = levels;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    sessions.onDidChange(() => {
      this.#changed.fire();
    });
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'space':
        return spaceItem(node);
      case 'entry':
        return entryItem(node);
      case 'note': {
        const item = new vscode.TreeItem(node.text);
        item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
        return item;
      }
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (this.#sessions.current === undefined) return [];
    try {
      if (node === undefined) return await this.#spaces();
      if (node.kind === 'space') {
        return entriesOf(await this.#sessions.request('pagewalk/tableEntries', { mm: node.space.id, user: node.user }), {
          mm: node.space.id,
          user: node.user,
        });
      }
      if (node.kind !== 'entry' || node.entry.target === null) return [];
      const level = this.#levelNames[this.#levelNames.indexOf(node.level) + 1];
      if (level === undefined) return [];
      const table = await this.#sessions.request('pagewalk/tableEntries', {
        mm: node.mm,
        user: node.user,
        tableAddress: node.entry.target,
        level,
        virtualBase: node.entry.start,
      });
      return entriesOf(table, node);
    } catch (error) {
      return [{ kind: 'note', text: error instanceof Error ? error.message : String(error) }];
    }
  }

  async #spaces(): Promise<Node[]> {
    const [{ spaces }, { pagingLevels }] = await Promise.all([
      this.#sessions.request('pagewalk/addressSpaces', {}),
      this.#sessions.request('pagewalk/info', {}),
    ]);
    this.#levelNames = pagingLevels === 4 ? levels.filter((level) => level !== 'p4d') : levels;
    return spaces.flatMap((space): Node[] => {
      const kernelHalf: Node = { kind: 'space', space, user: false };
      return space.userRoot === null ? [kernelHalf] : [kernelHalf, { kind: 'space', space, user: true }];
    });
  }
}

function spaceItem({ space, user }: SpaceNode): vscode.TreeItem {
  const item = new vscode.TreeItem(user ? `${space.label} (user half)` : space.label, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `${space.id} ${String(user)}`;
  item.description = user ? (space.userRoot ?? '') : space.root;
  item.iconPath = new vscode.ThemeIcon(space.id === 'kernel' ? 'server-environment' : 'account');
  item.contextValue = 'pagewalk.space';
  item.tooltip = `root table at physical ${user ? (space.userRoot ?? '') : space.root}`;
  return item;
}

function entriesOf(table: TableFacts, of: { mm: string; user: boolean }): Node[] {
  const nodes: Node[] = table.entries
    .filter(({ kind }) => kind !== 'none')
    .map((entry) => ({ kind: 'entry', mm: of.mm, user: of.user, level: table.level, entry, address: entry.start }));
  if (table.unreadable !== null) nodes.unshift({ kind: 'note', text: table.unreadable });
  if (nodes.length === 0) nodes.push({ kind: 'note', text: 'every entry of this table is empty' });
  return nodes;
}

function entryItem(node: EntryNode): vscode.TreeItem {
  const { entry, level } = node;
  const readable = entry.kind === 'table' && entry.explanation === null;
  const indexes = entry.count === 1 ? `[${entry.index}]` : `[${entry.index}-${entry.index + entry.count - 1}]`;
  const item = new vscode.TreeItem(
    `${level} ${indexes} ${entry.start}`,
    readable ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None,
  );
  item.id = `${node.mm} ${String(node.user)} ${level} ${entry.entryAddress} ${entry.start}`;
  item.description = `${entry.target === null ? '' : `→ ${entry.target} `}${entry.flags.join(' ')}`;
  const wild = entry.explanation !== null;
  item.iconPath = wild
    ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'))
    : new vscode.ThemeIcon(entry.kind === 'table' ? 'type-hierarchy-sub' : 'symbol-field');
  item.tooltip = [
    `${entry.start}-${entry.end}`,
    `entry ${entry.entry} at physical ${entry.entryAddress}`,
    entry.flags.join(' '),
    entry.explanation ?? '',
  ]
    .filter((line) => line !== '')
    .join('\n');
  item.contextValue = 'pagewalk.entry';
  return item;
}
