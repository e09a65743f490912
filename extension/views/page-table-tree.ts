/** The Page Tables view: address spaces, then each table's entries, read when a node is opened. */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { AddressSpaceFacts, TableEntryFacts, TableFacts } from '../../debug-adapter/protocol/facts.ts';
import type { ChangedEntryFacts } from '../../debug-adapter/protocol/scenario.ts';
import type { Sessions } from '../debugging/sessions.ts';
import { Counted, entriesAtOnce, moreNodes, restOf, rowItem } from './long-list.ts';
import type { CountingNode, MoreNode, PartNode } from './long-list.ts';

/** What lies behind the first spaces, or behind those that `parent` holds. */
type SpacesNode = (PartNode | MoreNode) & { readonly parent?: SpacesNode | undefined };

interface SpaceNode {
  readonly kind: 'space';
  readonly space: AddressSpaceFacts;
  readonly user: boolean;
  readonly parent: SpacesNode | undefined;
}

interface EntryNode {
  readonly kind: 'entry';
  readonly mm: string;
  readonly user: boolean;
  readonly level: string;
  readonly entry: TableEntryFacts;
  /** For commands on the node. */
  readonly address: string;
  readonly parent: SpaceNode | EntryNode;
  /** Since the last stop of a scenario: this entry, or one below it. */
  readonly changed: 'itself' | 'below' | undefined;
}

interface NoteNode {
  readonly kind: 'note';
  readonly text: string;
  readonly parent?: SpaceNode | EntryNode | undefined;
}

type Node = SpaceNode | SpacesNode | EntryNode | NoteNode | (CountingNode & { readonly parent?: undefined });

const levels = ['pgd', 'p4d', 'pud', 'pmd', 'pte'];

export class PageTableTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #sessions: Sessions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: vscode.TreeView<Node>;
  #levelNames: readonly string[] = levels;
  #changes: readonly ChangedEntryFacts[] = [];
  readonly #count = new Counted(
    async () => (await this.#sessions.request('pagewalk/listCount', { list: 'addressSpaces' })).count,
    () => {
      this.#changed.fire();
    },
  );

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#view = vscode.window.createTreeView('pagewalk.pageTables', { treeDataProvider: this, showCollapseAll: true });
    sessions.onDidChange(() => {
      this.#count.forget();
      this.#changed.fire();
    });
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'space':
        return spaceItem(node);
      case 'entry':
        return entryItem(node);
      case 'part':
      case 'more':
      case 'counting':
        return rowItem(node);
      case 'note': {
        const item = new vscode.TreeItem(node.text);
        item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
        return item;
      }
    }
  }

  getParent(node: Node): Node | undefined {
    return node.parent;
  }

  dispose(): void {
    vscode.Disposable.from(this.#view, this.#changed).dispose();
  }

  /** Opens the tree down to the entry that maps `address`, or to the last one on the way to it. */
  async reveal(address: string, mm = 'kernel'): Promise<void> {
    let found = await this.#space(mm);
    const page = BigInt(address) >> 12n;
    for (let depth = 0; found !== undefined && depth < levels.length; depth++) {
      const next: Node | undefined = (await this.getChildren(found)).find((node) => node.kind === 'entry' && covers(node.entry, page));
      if (next === undefined) break;
      found = next;
    }
    if (found !== undefined) await this.#view.reveal(found, { select: true, focus: true, expand: true });
  }

  /** The node of an address space, whichever part of the list has it; the first one where none has. */
  async #space(mm: string): Promise<Node | undefined> {
    const isWanted = (node: Node): boolean => node.kind === 'space' && node.space.id === mm && !node.user;
    const first = await this.getChildren();
    const near = first.find(isWanted);
    if (near !== undefined || first.every(({ kind }) => kind === 'space')) return near ?? first[0];
    const { count: before, found } = await this.#sessions.request('pagewalk/listCount', { list: 'addressSpaces', before: mm });
    if (!found) return first[0];
    await this.#count.begin();
    const part = (await this.getChildren()).find((node) => node.kind === 'part' && node.start + node.count > before);
    return (part === undefined ? [] : await this.getChildren(part)).find(isWanted) ?? first[0];
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (this.#sessions.current === undefined) return [];
    try {
      if (node === undefined || node.kind === 'part' || node.kind === 'more') return await this.#spaces(node);
      if (node.kind === 'space') {
        const table = await this.#sessions.request('pagewalk/tableEntries', { mm: node.space.id, user: node.user });
        return entriesOf(table, { mm: node.space.id, user: node.user, parent: node, changes: this.#changes });
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
      return entriesOf(table, { mm: node.mm, user: node.user, parent: node, changes: this.#changes });
    } catch (error) {
      return [{ kind: 'note', text: messageOf(error) }];
    }
  }

  async #spaces(parent?: SpacesNode): Promise<Node[]> {
    const start = parent?.start ?? 0;
    const [{ spaces, more }, { pagingLevels }, { entries }] = await Promise.all([
      this.#sessions.requestPart('pagewalk/addressSpaces', { start, count: entriesAtOnce }),
      this.#sessions.request('pagewalk/info', {}),
      this.#sessions.request('pagewalk/changes', {}),
    ]);
    this.#changes = entries;
    this.#levelNames = pagingLevels === 4 ? levels.filter((level) => level !== 'p4d') : levels;
    const nodes = spaces.flatMap((space): Node[] => {
      const kernelHalf: Node = { kind: 'space', space, user: false, parent };
      return space.userRoot === null ? [kernelHalf] : [kernelHalf, { kind: 'space', space, user: true, parent }];
    });
    if (parent?.kind === 'more') return [...nodes, ...moreNodes({ start, more }).map((node) => ({ ...node, parent }))];
    return parent === undefined && more ? [...nodes, ...restOf(this.#count)] : nodes;
  }
}

function spaceItem({ space, user }: SpaceNode): vscode.TreeItem {
  const item = new vscode.TreeItem(
    user ? vscode.l10n.t('{0} (user half)', space.label) : space.label,
    vscode.TreeItemCollapsibleState.Collapsed,
  );
  item.id = `${space.id} ${String(user)}`;
  item.description = user ? (space.userRoot ?? '') : space.root;
  item.iconPath = new vscode.ThemeIcon(space.id === 'kernel' ? 'server-environment' : 'account');
  item.contextValue = 'pagewalk.space';
  item.tooltip = vscode.l10n.t('root table at physical {0}', user ? (space.userRoot ?? '') : space.root);
  return item;
}

function covers({ start, end }: TableEntryFacts, page: bigint): boolean {
  const behind = BigInt(end) >> 12n;
  return BigInt(start) >> 12n <= page && (behind === 0n || page < behind);
}

interface EntriesOf {
  readonly mm: string;
  readonly user: boolean;
  readonly parent: SpaceNode | EntryNode;
  readonly changes: readonly ChangedEntryFacts[];
}

function entriesOf(table: TableFacts, { changes, ...of }: EntriesOf): Node[] {
  const nodes: Node[] = table.entries
    .filter(({ kind }) => kind !== 'none')
    .map((entry) => ({ kind: 'entry', ...of, level: table.level, entry, address: entry.start, changed: changeOf(entry, changes) }));
  if (table.unreadable !== null) nodes.unshift({ kind: 'note', text: table.unreadable });
  if (nodes.length === 0) nodes.push({ kind: 'note', text: vscode.l10n.t('every entry of this table is empty') });
  return nodes;
}

/** An entry is told as changed in the first address space that has its table: others are known by where the table lies. */
function changeOf(entry: TableEntryFacts, changes: readonly ChangedEntryFacts[]): EntryNode['changed'] {
  const first = BigInt(entry.entryAddress);
  const behind = (length: number): bigint => first + BigInt(entry.count * length);
  if (changes.some(({ entryAddress, length }) => BigInt(entryAddress) >= first && BigInt(entryAddress) < behind(length))) return 'itself';
  if (entry.kind !== 'table') return undefined;
  return changes.some(({ start }) => covers(entry, BigInt(start) >> 12n)) ? 'below' : undefined;
}

function entryItem(node: EntryNode): vscode.TreeItem {
  const { entry, level } = node;
  const readable = entry.kind === 'table' && entry.explanation === null;
  const indexes = entry.count === 1 ? `[${entry.index}]` : `[${entry.index}-${entry.index + entry.count - 1}]`;
  const item = new vscode.TreeItem(
    // In front, where a narrow view still shows it.
    `${node.changed === undefined ? '' : '● '}${level} ${indexes} ${entry.start}`,
    readable ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None,
  );
  item.id = `${node.mm} ${String(node.user)} ${level} ${entry.entryAddress} ${entry.start}`;
  const change = changeWords(node.changed);
  item.description = `${change === '' ? '' : `${change} · `}${entry.target === null ? '' : `→ ${entry.target} `}${entry.flags.join(' ')}`;
  item.iconPath = iconOf(entry);
  item.tooltip = [
    `${entry.start}-${entry.end}`,
    vscode.l10n.t('entry {0} at physical {1}', entry.entry, entry.entryAddress),
    entry.flags.join(' '),
    entry.explanation ?? '',
    change === '' ? '' : vscode.l10n.t('{0} since the last stop', change),
  ]
    .filter((line) => line !== '')
    .join('\n');
  item.contextValue = 'pagewalk.entry';
  return item;
}

function changeWords(changed: EntryNode['changed']): string {
  if (changed === undefined) return '';
  return changed === 'itself' ? vscode.l10n.t('changed') : vscode.l10n.t('changed below');
}

/** By what the entry is: a table, memory by its rights, nothing that the hardware uses, or wrong. */
function iconOf({ kind, flags, explanation }: TableEntryFacts): vscode.ThemeIcon {
  if (kind === 'malformed' || (explanation !== null && kind !== 'notPresent'))
    return new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  if (kind === 'table') return new vscode.ThemeIcon('type-hierarchy-sub');
  if (kind === 'notPresent') return new vscode.ThemeIcon('circle-slash');
  const writes = flags.includes('RW');
  const executes = flags.includes('PRESENT') && !flags.includes('NX');
  if (writes && executes) return new vscode.ThemeIcon('unlock', new vscode.ThemeColor('list.errorForeground'));
  if (executes) return new vscode.ThemeIcon('symbol-method');
  return new vscode.ThemeIcon(writes ? 'edit' : 'symbol-field');
}
