/** The Findings view: what is wrong in the image, by kind, and what could not be checked. */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { FindingFacts, FindingsFacts } from '../../debug-adapter/protocol/facts.ts';
import type { Sessions } from '../debugging/sessions.ts';

type Kind = FindingFacts['kind'];

interface KindNode {
  readonly kind: 'kind';
  readonly of: Kind;
  readonly findings: readonly FindingFacts[];
}

interface FindingNode {
  readonly kind: 'finding';
  readonly finding: FindingFacts;
  /** For commands on the node. */
  readonly address: string;
  readonly mm: string;
}

interface NoteNode {
  readonly kind: 'note';
  readonly text: string;
  readonly detail: string;
  readonly icon: 'pass' | 'info' | 'warning' | 'error' | 'refresh';
  /** What choosing it runs. */
  readonly command?: string;
}

interface WarningsNode {
  readonly kind: 'warnings';
  readonly warnings: readonly string[];
}

type Node = KindNode | FindingNode | NoteNode | WarningsNode;

/** In the order of the view: what may be exploited or crash first. */
const kinds: readonly Kind[] = [
  'writable-executable',
  'wild-table',
  'table-loop',
  'reserved-bits',
  'root-out-of-sync',
  'vmalloc-inconsistent',
];

export class FindingsTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #sessions: Sessions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: vscode.TreeView<Node>;
  readonly #again = vscode.commands.registerCommand('pagewalk.refreshFindings', () => {
    this.#refresh();
  });

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#view = vscode.window.createTreeView('pagewalk.findings', { treeDataProvider: this, showCollapseAll: true });
    sessions.onDidChange(() => {
      this.#refresh();
    });
  }

  #refresh(): void {
    this.#view.badge = undefined;
    this.#changed.fire();
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'kind':
        return kindItem(node);
      case 'finding':
        return findingItem(node);
      case 'warnings': {
        const item = new vscode.TreeItem(vscode.l10n.t('Not checked'), vscode.TreeItemCollapsibleState.Collapsed);
        item.id = 'warnings';
        item.description = String(node.warnings.length);
        item.iconPath = new vscode.ThemeIcon('info');
        return item;
      }
      case 'note': {
        const item = new vscode.TreeItem(node.text);
        item.description = node.detail;
        item.tooltip = node.detail === '' ? node.text : `${node.text}\n${node.detail}`;
        item.iconPath = new vscode.ThemeIcon(node.icon);
        if (node.command !== undefined) item.command = { command: node.command, title: node.text };
        return item;
      }
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (this.#sessions.current === undefined) return [];
    if (node?.kind === 'kind') {
      return node.findings.map((finding) => ({ kind: 'finding', finding, address: finding.virtual, mm: finding.mm }));
    }
    if (node?.kind === 'warnings') return node.warnings.map((text) => ({ kind: 'note', text, detail: '', icon: 'warning' }));
    if (node !== undefined) return [];
    try {
      return await vscode.window.withProgress({ location: { viewId: 'pagewalk.findings' } }, () => this.#findings());
    } catch (error) {
      const again = { text: vscode.l10n.t('Look for findings again'), icon: 'refresh', command: 'pagewalk.refreshFindings' } as const;
      return [
        { kind: 'note', text: messageOf(error), detail: '', icon: 'error' },
        { kind: 'note', detail: '', ...again },
      ];
    }
  }

  async #findings(): Promise<Node[]> {
    const facts = await this.#sessions.request('pagewalk/findings', {});
    const { findings, warnings } = facts;
    const many = findings.length;
    this.#view.badge =
      many === 0 ? undefined : { value: many, tooltip: many === 1 ? vscode.l10n.t('1 finding') : vscode.l10n.t('{0} findings', many) };
    const nodes: Node[] = kinds.flatMap((of): Node[] => {
      const own = findings.filter(({ kind }) => kind === of);
      return own.length === 0 ? [] : [{ kind: 'kind', of, findings: own }];
    });
    const checked = vscode.l10n.t('{0} page tables, {1} roots checked', facts.tables, facts.spaces);
    if (many === 0) nodes.push({ kind: 'note', text: vscode.l10n.t('Nothing found'), detail: checked, icon: 'pass' });
    else nodes.push({ kind: 'note', text: checked, detail: '', icon: 'info' });
    nodes.push(...kernelNotes(facts));
    if (warnings.length > 0) nodes.push({ kind: 'warnings', warnings });
    return nodes;
  }

  dispose(): void {
    vscode.Disposable.from(this.#view, this.#changed, this.#again).dispose();
  }
}

function kernelNotes({ debugWx, rootSync }: FindingsFacts): Node[] {
  const notes: Node[] = [];
  if (debugWx !== null) {
    const pages = debugWx.pages === 1 ? vscode.l10n.t('1 W+X page') : vscode.l10n.t('{0} W+X pages', debugWx.pages);
    const text = vscode.l10n.t("The kernel's own check (DEBUG_WX) counts {0}", pages);
    notes.push({ kind: 'note', text, detail: debugWx.note ?? '', icon: debugWx.note === null ? 'info' : 'warning' });
  }
  if (rootSync !== null) {
    const text = rootSync.applies ? vscode.l10n.t('Roots compared with init_mm') : vscode.l10n.t('Roots need no comparison');
    notes.push({ kind: 'note', text, detail: rootSync.reason, icon: 'info' });
  }
  return notes;
}

/** Icon and colour of each kind: rights, pointers, entries, copies. */
const looks: Readonly<Record<Kind, { readonly icon: string; readonly colour: string }>> = {
  'writable-executable': { icon: 'unlock', colour: 'list.errorForeground' },
  'wild-table': { icon: 'debug-disconnect', colour: 'list.errorForeground' },
  'table-loop': { icon: 'sync', colour: 'list.errorForeground' },
  'reserved-bits': { icon: 'circle-slash', colour: 'list.errorForeground' },
  'root-out-of-sync': { icon: 'git-compare', colour: 'list.warningForeground' },
  'vmalloc-inconsistent': { icon: 'symbol-array', colour: 'list.warningForeground' },
};

function iconOf(kind: Kind): vscode.ThemeIcon {
  const { icon, colour } = looks[kind];
  return new vscode.ThemeIcon(icon, new vscode.ThemeColor(colour));
}

function titleOf(kind: Kind): string {
  switch (kind) {
    case 'writable-executable':
      return vscode.l10n.t('Writable and executable memory');
    case 'wild-table':
      return vscode.l10n.t('Wild table pointer');
    case 'table-loop':
      return vscode.l10n.t('Looping table pointer');
    case 'reserved-bits':
      return vscode.l10n.t('Impossible entry');
    case 'root-out-of-sync':
      return vscode.l10n.t('Root out of sync');
    case 'vmalloc-inconsistent':
      return vscode.l10n.t('Inconsistent vmalloc state');
  }
}

function kindItem({ of, findings }: KindNode): vscode.TreeItem {
  const item = new vscode.TreeItem(titleOf(of), vscode.TreeItemCollapsibleState.Expanded);
  item.id = of;
  item.description = String(findings.length);
  item.iconPath = iconOf(of);
  return item;
}

function findingItem(node: FindingNode): vscode.TreeItem {
  const { finding } = node;
  const item = new vscode.TreeItem(finding.virtual);
  item.id = `${finding.kind} ${finding.mm} ${String(finding.user)} ${finding.entryAddress} ${finding.virtual}`;
  item.description = `${spaceText(finding)} · ${finding.level} · ${finding.reason}`;
  item.iconPath = iconOf(finding.kind);
  item.tooltip = findingTooltip(node);
  // Memory is read as the session's own address space sees it.
  item.contextValue = finding.mm === 'kernel' ? 'pagewalk.finding' : 'pagewalk.findingElsewhere';
  item.command = { command: 'pagewalk.showTranslation', title: vscode.l10n.t('Show Walk'), arguments: [node] };
  item.accessibilityInformation = { label: `${titleOf(finding.kind)}: ${finding.virtual}, ${spaceText(finding)}: ${finding.message}` };
  return item;
}

function spaceText({ mm, comm, user }: FindingFacts): string {
  return [mm, comm ?? '', user ? vscode.l10n.t('(user half)') : ''].filter((part) => part !== '').join(' ');
}

function findingTooltip({ finding, address, mm }: FindingNode): vscode.MarkdownString {
  const text = new vscode.MarkdownString(undefined, true);
  text.isTrusted = { enabledCommands: ['pagewalk.openMemory', 'pagewalk.openPtdump', 'pagewalk.copyText', 'pagewalk.showTranslation'] };
  text.appendMarkdown(`**${titleOf(finding.kind)}** · `);
  text.appendText(spaceText(finding));
  text.appendMarkdown('\n\n');
  text.appendText(finding.kind === 'root-out-of-sync' ? finding.message : finding.reason);
  text.appendMarkdown('\n\n');
  text.appendMarkdown(`\`${finding.virtual}\`–\`${finding.end}\`  \n`);
  text.appendMarkdown(
    `${vscode.l10n.t('{0} entry {1} at physical {2}', finding.level, `\`${finding.entry}\``, `\`${finding.entryAddress}\``)}\n\n`,
  );
  const at = encodeURIComponent(JSON.stringify([{ address, mm }]));
  const copy = encodeURIComponent(JSON.stringify([finding.virtual]));
  const links = [
    `[$(type-hierarchy) ${vscode.l10n.t('Show walk')}](command:pagewalk.showTranslation?${at})`,
    `[$(list-flat) ${vscode.l10n.t('Show in ptdump')}](command:pagewalk.openPtdump?${at})`,
    ...(mm === 'kernel' ? [`[$(file-binary) ${vscode.l10n.t('Open memory')}](command:pagewalk.openMemory?${at})`] : []),
    `[$(copy) ${vscode.l10n.t('Copy')}](command:pagewalk.copyText?${copy})`,
  ];
  text.appendMarkdown(links.join(' · '));
  return text;
}
