/** «Search Memory…» and its view: hits come in while the search goes on, each leads to its memory. */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { SearchFacts, SearchHit, SearchHitsEvent, SearchQuestion } from '../../debug-adapter/protocol/search.ts';
import { loadPanels } from '../panels/load-panels.ts';
import { problemOfPattern } from '../debugging/search-pattern.ts';
import { debugType, isCancelled } from '../debugging/sessions.ts';
import type { Sessions } from '../debugging/sessions.ts';

interface HitNode {
  readonly kind: 'hit';
  readonly hit: SearchHit;
  /** For commands on the node; absent where no address shows the memory. */
  readonly address?: string;
  readonly mm?: string;
}

interface NoteNode {
  readonly kind: 'note';
  readonly text: string;
  readonly icon: 'info' | 'warning' | 'error' | 'sync~spin' | 'refresh';
  /** What to search for when it is chosen. */
  readonly again?: SearchQuestion;
}

type Node = HitNode | NoteNode;

interface Shown {
  readonly name: string;
  readonly asked: SearchQuestion;
  readonly hits: SearchHit[];
  /** Undefined while the search goes on. */
  end?: { readonly notes: readonly NoteNode[] };
}

export class SearchTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #sessions: Sessions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: vscode.TreeView<Node>;
  readonly #subscriptions: readonly { dispose(): unknown }[];
  #shown: Shown | undefined;
  #count = 0;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#view = vscode.window.createTreeView('pagewalk.search', { treeDataProvider: this });
    this.#subscriptions = [
      this.#view,
      this.#changed,
      sessions.onDidChange(() => {
        if (sessions.current === undefined) this.#show(undefined);
      }),
      vscode.debug.onDidReceiveDebugSessionCustomEvent(({ session, event, body }) => {
        if (session.type !== debugType || event !== 'pagewalk/searchHits') return;
        this.#heard(body as SearchHitsEvent);
      }),
      vscode.commands.registerCommand('pagewalk.searchMemory', (argument) => this.#ask(argument)),
    ];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node.kind === 'note') {
      const item = new vscode.TreeItem(node.text);
      item.tooltip = node.text;
      item.iconPath = new vscode.ThemeIcon(node.icon);
      if (node.again !== undefined) item.command = { command: 'pagewalk.searchMemory', title: node.text, arguments: [node] };
      return item;
    }
    const { hit } = node;
    const isPhysical = this.#shown?.asked.physical === true;
    const item = new vscode.TreeItem(isPhysical ? hit.physical : (hit.virtual ?? hit.physical));
    item.description = hit.what.summary;
    item.tooltip = vscode.l10n.t('{0}\nphysical {1}', `${hit.virtual ?? ''} ${hit.what.summary}`.trim(), hit.physical);
    item.iconPath = new vscode.ThemeIcon('file-binary');
    if (node.address !== undefined) {
      item.contextValue = 'pagewalk.hit';
      item.command = { command: 'pagewalk.openMemory', title: vscode.l10n.t('Open Memory…'), arguments: [node] };
    }
    return item;
  }

  getChildren(node?: Node): Node[] {
    const shown = this.#shown;
    if (node !== undefined || shown === undefined) return [];
    const { mm } = shown.asked;
    const hits = shown.hits.map((hit): HitNode => ({
      kind: 'hit',
      hit,
      ...(hit.virtual === null ? {} : { address: hit.virtual }),
      ...(mm === undefined || shown.asked.physical === true ? {} : { mm }),
    }));
    const notes: readonly NoteNode[] = shown.end?.notes ?? [{ kind: 'note', text: vscode.l10n.t('Searching…'), icon: 'sync~spin' }];
    return [...notes, ...hits];
  }

  /**
   * `argument`: a `SearchQuestion`, or the row that asks again; what is missing is asked for. Gives the number of hits; nothing where
   * it was cancelled. Rejects where a given question is refused.
   */
  async #ask(argument: unknown): Promise<number | undefined> {
    const given = isQuestion(argument) ? argument : undefined;
    const asked = given ?? questionAgain(argument) ?? (await this.#question());
    if (asked === undefined) return undefined;
    const shown: Shown = { name: String(++this.#count), asked, hits: [] };
    this.#show(shown);
    await vscode.commands.executeCommand('pagewalk.search.focus');
    try {
      const facts = await this.#sessions.request('pagewalk/search', { ...asked, search: shown.name });
      shown.hits.splice(0, shown.hits.length, ...facts.hits);
      shown.end = { notes: notesOf(facts) };
      return facts.hits.length;
    } catch (error) {
      const reason: NoteNode = isCancelled(error)
        ? { kind: 'note', text: vscode.l10n.t('Cancelled'), icon: 'info' }
        : { kind: 'note', text: messageOf(error), icon: 'error' };
      const again: NoteNode = { kind: 'note', text: vscode.l10n.t('Search again'), icon: 'refresh', again: asked };
      shown.end = { notes: [reason, again] };
      // A person reads it in the view.
      if (given === undefined || isCancelled(error)) return undefined;
      throw error;
    } finally {
      this.#changed.fire();
    }
  }

  #show(shown: Shown | undefined): void {
    this.#shown = shown;
    this.#view.description = shown?.asked.pattern ?? '';
    this.#changed.fire();
  }

  #heard({ search, hits }: SearchHitsEvent): void {
    const shown = this.#shown;
    if (shown?.name !== search || shown.end !== undefined) return;
    shown.hits.push(...hits);
    this.#changed.fire();
  }

  async #question(): Promise<SearchQuestion | undefined> {
    const pattern = await vscode.window.showInputBox({
      title: vscode.l10n.t('Search memory'),
      prompt: vscode.l10n.t('A number or symbol (what points to it), bytes such as 4d cf ?? 23, or "text" in double quotes'),
      placeHolder: '0xffff888000000000',
      validateInput: (text) => (text.trim() === '' ? undefined : problemOfPattern(this.#sessions.current, text)),
    });
    if (pattern === undefined || pattern.trim() === '') return undefined;
    const { pickSpace } = await loadPanels();
    const place = await pickSpace<vscode.QuickPickItem & { readonly where: Pick<SearchQuestion, 'mm' | 'physical'> }>(
      (asked) => this.#sessions.requestPart('pagewalk/addressSpaces', asked),
      {
        title: vscode.l10n.t('Where to search'),
        above: [
          { label: vscode.l10n.t('What the kernel maps'), description: vscode.l10n.t('each page once'), where: { mm: 'kernel' } },
          { label: vscode.l10n.t('Physical memory'), description: vscode.l10n.t('whoever maps it'), where: { physical: true } },
        ],
        itemsOf: ({ id, label }) => (id === 'kernel' ? [] : [{ label, where: { mm: id } }]),
      },
    );
    return place === undefined ? undefined : { pattern, ...place.where };
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }
}

function isQuestion(argument: unknown): argument is SearchQuestion {
  return typeof argument === 'object' && argument !== null && 'pattern' in argument && typeof argument.pattern === 'string';
}

function questionAgain(argument: unknown): SearchQuestion | undefined {
  return typeof argument === 'object' && argument !== null && 'again' in argument && isQuestion(argument.again)
    ? argument.again
    : undefined;
}

function notesOf(facts: SearchFacts): NoteNode[] {
  const mebibytes = (facts.searched / 2 ** 20).toFixed(1);
  const count = facts.hits.length;
  const found =
    count === 0
      ? vscode.l10n.t('Nothing found in {0} MiB', mebibytes)
      : count === 1
        ? vscode.l10n.t('1 hit in {0} MiB', mebibytes)
        : vscode.l10n.t('{0} hits in {1} MiB', count, mebibytes);
  const notes: NoteNode[] = [{ kind: 'note', text: found, icon: 'info' }];
  if (!facts.complete) notes.push({ kind: 'note', text: vscode.l10n.t('There are more hits than are told'), icon: 'warning' });
  if (facts.missing > 0) {
    const text = vscode.l10n.t('{0} MiB more are not in the dump', (facts.missing / 2 ** 20).toFixed(1));
    notes.push({ kind: 'note', text, icon: 'warning' });
  }
  return [...notes, ...facts.warnings.map((text): NoteNode => ({ kind: 'note', text, icon: 'warning' }))];
}
