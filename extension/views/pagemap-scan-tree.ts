/** The Pagemap Scan view: regions of a process's pages by category, as PAGEMAP_SCAN tells them; each leads to its memory. */
import * as vscode from 'vscode';
import type { MapsFacts, PagemapScanFacts, PagemapScanRequest, TaskFacts } from '../../debug-adapter/protocol/facts.ts';
import { addressProblem } from '../address-input.ts';
import { isCancelled } from '../debugging/sessions.ts';
import type { Sessions } from '../debugging/sessions.ts';

type Region = PagemapScanFacts['regions'][number];

interface RegionNode {
  readonly kind: 'region';
  readonly region: Region;
  /** For commands on the node. */
  readonly address: string;
  readonly mm: string;
}

interface GroupNode {
  readonly kind: 'group';
  readonly regions: readonly Region[];
}

interface NoteNode {
  readonly kind: 'note';
  readonly text: string;
  readonly icon: 'error' | 'info' | 'lock' | 'warning';
}

type Node = GroupNode | NoteNode | RegionNode;

interface Scan {
  readonly pid: number;
  readonly comm: string;
  readonly request: PagemapScanRequest;
  readonly facts: PagemapScanFacts;
}

/** Regions under one node, where they are many. */
const groupSize = 1000;

export class PagemapScanTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #sessions: Sessions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: vscode.TreeView<Node>;
  readonly #subscriptions: vscode.Disposable;
  #scan: Scan | undefined;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#view = vscode.window.createTreeView('pagewalk.pagemapScan', { treeDataProvider: this, showCollapseAll: true });
    this.#subscriptions = vscode.Disposable.from(
      this.#view,
      this.#changed,
      vscode.commands.registerCommand('pagewalk.scanPages', (argument) => this.scan(argument)),
    );
    sessions.onDidChange(() => {
      this.#show(undefined);
    });
  }

  /** `argument`: a `PagemapScanRequest`; what is missing of process, range and categories is asked for. */
  async scan(argument: unknown): Promise<void> {
    const given = (typeof argument === 'object' && argument !== null ? argument : {}) as Partial<PagemapScanRequest>;
    const { tasks } = await this.#sessions.request('pagewalk/tasks', {});
    const task = given.pid === undefined ? await pickProcess(tasks) : tasks.find(({ pid }) => pid === given.pid);
    const pid = task?.pid ?? given.pid;
    if (pid === undefined) return;
    const range =
      given.start === undefined || given.end === undefined
        ? await pickRange(await this.#sessions.request('pagewalk/maps', { pid }))
        : given;
    if (range === undefined) return;
    const masks = given.categoryMask === undefined ? await pickCategories() : {};
    if (masks === undefined) return;
    const { start, end } = range;
    const request: PagemapScanRequest = {
      ...given,
      ...masks,
      pid,
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end }),
    };
    let facts: PagemapScanFacts;
    try {
      facts = await this.#sessions.request('pagewalk/pagemapScan', request);
    } catch (error) {
      if (isCancelled(error)) return;
      throw error;
    }
    this.#show({ pid, comm: task?.comm ?? '', request, facts });
    await vscode.commands.executeCommand('pagewalk.pagemapScan.focus');
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'region':
        return regionItem(node);
      case 'group': {
        const item = new vscode.TreeItem(node.regions[0]?.start ?? '', vscode.TreeItemCollapsibleState.Collapsed);
        item.description = vscode.l10n.t('{0} regions, to {1}', node.regions.length, node.regions.at(-1)?.end ?? '');
        item.iconPath = new vscode.ThemeIcon('list-tree');
        return item;
      }
      case 'note': {
        const item = new vscode.TreeItem(node.text);
        item.tooltip = node.text;
        item.iconPath = new vscode.ThemeIcon(node.icon);
        return item;
      }
    }
  }

  getChildren(node?: Node): Node[] {
    const scan = this.#scan;
    if (scan === undefined) return [];
    const nodesOf = (regions: readonly Region[]): Node[] =>
      regions.map((region) => ({ kind: 'region', region, address: region.start, mm: String(scan.pid) }));
    if (node?.kind === 'group') return nodesOf(node.regions);
    if (node !== undefined) return [];
    const { facts } = scan;
    const nodes: Node[] = [];
    if (facts.errno !== undefined) nodes.push({ kind: 'note', text: `${facts.errno}: ${facts.message ?? ''}`, icon: 'error' });
    if (facts.regions.length <= 2 * groupSize) nodes.push(...nodesOf(facts.regions));
    else {
      for (let first = 0; first < facts.regions.length; first += groupSize) {
        nodes.push({ kind: 'group', regions: facts.regions.slice(first, first + groupSize) });
      }
    }
    for (const { start, end } of facts.protects) {
      nodes.push({ kind: 'note', text: vscode.l10n.t('{0}–{1} would be write-protected', start, end), icon: 'lock' });
    }
    for (const { start, end, reason } of facts.missing) {
      nodes.push({ kind: 'note', text: vscode.l10n.t('{0}–{1} cannot be told: {2}', start, end, reason), icon: 'warning' });
    }
    nodes.push(...facts.warnings.map((text): Node => ({ kind: 'note', text, icon: 'warning' })));
    if (nodes.length === 0) nodes.push({ kind: 'note', text: vscode.l10n.t('No page matches'), icon: 'info' });
    return nodes;
  }

  #show(scan: Scan | undefined): void {
    this.#scan = scan;
    this.#view.description = scan === undefined ? '' : `${scan.pid} ${scan.comm}`;
    this.#view.message = scan === undefined ? '' : summary(scan);
    this.#changed.fire();
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}

/** What was asked, and what the ioctl returns. */
function summary({ request, facts }: Scan): string {
  const mask = request.categoryMask ?? '';
  const asked = mask === '' ? vscode.l10n.t('all pages') : mask;
  const inverted = request.categoryInverted ?? '';
  return [
    ...(request.start === undefined ? [] : [`${request.start}–${request.end ?? ''}`]),
    inverted === '' ? asked : vscode.l10n.t('{0} inverted {1}', asked, inverted),
    vscode.l10n.t('return {0}', facts.return),
    ...(facts.walkEnd === null ? [] : [`walk_end ${facts.walkEnd}`]),
  ].join(' · ');
}

function regionItem(node: RegionNode): vscode.TreeItem {
  const { start, end, categories } = node.region;
  const names = categories.length === 0 ? '-' : categories.join('|');
  const item = new vscode.TreeItem(start);
  item.description = `${sizeText(BigInt(end) - BigInt(start))} · ${names}`;
  item.tooltip = `${start}–${end}\n${names}`;
  item.iconPath = new vscode.ThemeIcon(iconOf(categories));
  item.contextValue = 'pagewalk.region';
  item.command = { command: 'pagewalk.openMemory', title: vscode.l10n.t('Open Memory'), arguments: [node] };
  item.accessibilityInformation = { label: `${start} ${vscode.l10n.t('to')} ${end}: ${categories.join(', ')}` };
  return item;
}

function iconOf(categories: readonly string[]): string {
  if (categories.includes('PRESENT')) return categories.includes('FILE') ? 'file' : 'database';
  return categories.includes('SWAPPED') ? 'archive' : 'circle-outline';
}

function sizeText(bytes: bigint): string {
  const kib = Number(bytes) / 1024;
  return kib % 1024 === 0 ? `${kib / 1024}M` : `${kib}K`;
}

async function pickProcess(tasks: readonly TaskFacts[]): Promise<TaskFacts | undefined> {
  const items = tasks
    .filter(({ pid, tgid, mm }) => mm !== null && pid === tgid)
    .map((task) => ({ label: `${task.pid} ${task.comm}`, description: vscode.l10n.t('{0} KiB resident', task.rss ?? 0), task }));
  return (await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Scan pages: of which process?') }))?.task;
}

interface Range {
  readonly start?: string | undefined;
  readonly end?: string | undefined;
}

async function pickRange({ areas }: MapsFacts): Promise<Range | undefined> {
  const all: vscode.QuickPickItem & { range: Range | 'ask' } = { label: vscode.l10n.t('All of its memory'), range: {} };
  const ask: typeof all = { label: vscode.l10n.t('A range…'), range: 'ask' };
  const items = areas.map(({ start, end, rights, name }): typeof all => ({
    label: `${start}–${end}`,
    description: `${rights} ${name ?? ''}`,
    range: { start, end },
  }));
  const picked = await vscode.window.showQuickPick([all, ask, ...items], {
    title: vscode.l10n.t('Scan pages: which range?'),
    matchOnDescription: true,
  });
  if (picked?.range !== 'ask') return picked?.range;
  const text = await vscode.window.showInputBox({
    title: vscode.l10n.t('Scan pages: which range?'),
    placeHolder: '0x7f0000000000-0x7f0000400000',
    validateInput: (value) =>
      rangeOf(value) === undefined ? addressProblem(value, vscode.l10n.t('Write START-END in hexadecimal.')) : undefined,
  });
  return text === undefined ? undefined : rangeOf(text);
}

function rangeOf(text: string): Range | undefined {
  const [, start, end] = /^\s*(?:0x)?([0-9a-f]{1,16})\s*[-–]\s*(?:0x)?([0-9a-f]{1,16})\s*$/i.exec(text) ?? [];
  return start === undefined || end === undefined ? undefined : { start: `0x${start}`, end: `0x${end}` };
}

/** The masks of a choice of categories that pages must have, or must not have. */
async function pickCategories(): Promise<Pick<PagemapScanRequest, 'categoryInverted' | 'categoryMask'> | undefined> {
  const categories: readonly (readonly [name: string, meaning: string])[] = [
    ['PRESENT', vscode.l10n.t('in memory')],
    ['SWAPPED', vscode.l10n.t('swapped out, or a marker')],
    ['FILE', vscode.l10n.t('of a file, or shared')],
    ['HUGE', vscode.l10n.t('a huge page, or a part of one')],
    ['PFNZERO', vscode.l10n.t('the zero page')],
    ['WRITTEN', vscode.l10n.t('not write-protected by userfaultfd')],
    ['WPALLOWED', vscode.l10n.t('registered for asynchronous write-protection')],
    ['SOFT_DIRTY', vscode.l10n.t('written to since the marks were cleared')],
  ];
  const items = [false, true].flatMap((not) =>
    categories.map(([name, meaning]) => ({
      label: not ? vscode.l10n.t('not {0}', name) : name,
      description: not ? '' : meaning,
      name,
      not,
    })),
  );
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Scan pages: which pages? (none chosen: all)'),
    canPickMany: true,
  });
  if (picked === undefined) return undefined;
  return {
    categoryMask: picked.map(({ name }) => name).join('|'),
    categoryInverted: picked
      .filter(({ not }) => not)
      .map(({ name }) => name)
      .join('|'),
  };
}
