/** The Vmalloc Areas view: every area, blocks with the state of their pages. */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { VmallocAreaFacts, VmallocFacts, VmallocPagesFacts } from '../../debug-adapter/protocol/vmalloc.ts';
import type { Sessions } from '../debugging/sessions.ts';
import { blockPicture } from './block-picture.ts';
import { changesBetween, keyOf } from './vmalloc-changes.ts';
import type { AreaChange, ChangedDetail, VmallocChanges } from './vmalloc-changes.ts';

interface AreaNode {
  readonly kind: 'area';
  readonly area: VmallocAreaFacts;
  readonly lazy: boolean;
  readonly address: string;
  /** Since the last stop of a scenario. */
  readonly change: AreaChange | undefined;
}

interface GroupNode {
  readonly kind: 'group';
  readonly label: string;
  readonly description: string;
  readonly icon: string;
  readonly children: readonly Node[];
  readonly open?: boolean;
  /** Whether anything in it changed since the last stop of a scenario. */
  readonly changed?: boolean;
}

interface FactNode {
  readonly kind: 'fact';
  readonly label: string;
  readonly value: string;
  readonly icon: string;
}

/** The frames of one area, asked for when it is opened. */
interface PagesNode {
  readonly kind: 'pages';
  readonly address: string;
}

type Node = AreaNode | GroupNode | FactNode | PagesNode;

/** In front, where a narrow view still shows it. */
const changeMark = '● ';

const noChanges: VmallocChanges = { areas: new Map(), gone: [] };

/** Characters of the bar that shows a block's pages. */
const barWidth = 32;

export class VmallocTree implements vscode.TreeDataProvider<Node> {
  readonly #sessions: Sessions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    sessions.onDidChange(() => {
      this.#changed.fire();
    });
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'area':
        return areaItem(node);
      case 'group': {
        const { Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
        const item = new vscode.TreeItem(node.label, node.open === true ? Expanded : Collapsed);
        item.id = `group ${node.label}`;
        item.label = node.changed === true ? `${changeMark}${node.label}` : node.label;
        item.description = node.description;
        item.iconPath = new vscode.ThemeIcon(node.icon);
        return item;
      }
      case 'pages': {
        const item = new vscode.TreeItem(vscode.l10n.t('frames'), vscode.TreeItemCollapsibleState.Collapsed);
        item.iconPath = new vscode.ThemeIcon('layers');
        return item;
      }
      case 'fact': {
        const item = new vscode.TreeItem(node.label);
        item.description = node.value;
        item.iconPath = new vscode.ThemeIcon(node.icon);
        item.tooltip = `${node.label}: ${node.value}`;
        return item;
      }
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (this.#sessions.current === undefined) return [];
    if (node?.kind === 'group') return [...node.children];
    if (node?.kind === 'area') return factsOf(node);
    if (node?.kind === 'fact') return [];
    try {
      if (node?.kind === 'pages') return framesOf(await this.#sessions.request('pagewalk/vmallocPages', { address: node.address }));
      const [facts, { moments }] = await Promise.all([
        this.#sessions.request('pagewalk/vmallocAreas', {}),
        this.#sessions.request('pagewalk/snapshot', {}),
      ]);
      const stop = moments.find(({ kind }) => kind === 'stop')?.name;
      const changes =
        stop === undefined ? noChanges : changesBetween(await this.#sessions.request('pagewalk/vmallocAreas', { moment: stop }), facts);
      return [...byKind(facts.areas, changes), ...goneOf(changes), ...restOf(facts, changes)];
    } catch (error) {
      return [{ kind: 'fact', label: messageOf(error), value: '', icon: 'warning' }];
    }
  }
}

/** `idle`: freed, or kept for the next allocation. */
function areaNodes(areas: readonly VmallocAreaFacts[], { idle, changes }: { idle: boolean; changes: VmallocChanges }): AreaNode[] {
  return areas.map((area) => ({ kind: 'area', area, lazy: idle, address: area.start, change: changes.areas.get(keyOf(area)) }));
}

/** What a scenario's last step took away without a trace. */
function goneOf({ gone }: VmallocChanges): GroupNode[] {
  if (gone.length === 0) return [];
  const children = gone.map((area): FactNode => ({
    kind: 'fact',
    label: `${area.start}-${area.end}`,
    value: `${sizeText(area.size)} ${kindOf(area).word}`,
    icon: 'diff-removed',
  }));
  return [
    {
      kind: 'group',
      label: vscode.l10n.t('Gone since the last stop'),
      description: areaCount(gone.length),
      icon: 'diff-removed',
      children,
      changed: true,
    },
  ];
}

function areaCount(count: number): string {
  return count === 1 ? vscode.l10n.t('1 area') : vscode.l10n.t('{0} areas', count);
}

/** Busy areas by what they are for, with their sizes; blocks, whose pages have states of their own, come first. */
function byKind(areas: readonly VmallocAreaFacts[], changes: VmallocChanges): GroupNode[] {
  const groups = new Map<string, VmallocAreaFacts[]>();
  for (const area of areas) {
    const { word } = kindOf(area);
    groups.set(word, [...(groups.get(word) ?? []), area]);
  }
  const order = ['vm_map_ram block', 'vm_map_ram', 'vmalloc', 'vmap', 'ioremap'];
  return [...groups]
    .sort(([one], [other]) => order.indexOf(one) - order.indexOf(other))
    .map(([word, own]) => ({
      kind: 'group',
      label: word === 'vm_map_ram block' ? vscode.l10n.t('vm_map_ram blocks') : word,
      description: `${areaCount(own.length)}, ${sizeText(own.reduce((sum, { size }) => sum + size, 0))}`,
      icon: own[0] === undefined ? 'symbol-field' : kindOf(own[0]).icon,
      children: areaNodes(own, { idle: false, changes }),
      open: word === 'vm_map_ram block',
      changed: own.some((area) => changes.areas.has(keyOf(area))),
    }));
}

/** What is not in use, the queues of blocks, and the counters; groups without anything in them are left out. */
function restOf(facts: VmallocFacts, changes: VmallocChanges): Node[] {
  const { lazy, purging, pooled, free, queues } = facts;
  const nodes: Node[] = [];
  const add = (label: string, children: readonly Node[], icon: string, description: string): void => {
    if (children.length === 0) return;
    const changed = children.some((node) => node.kind === 'area' && node.change !== undefined);
    nodes.push({ kind: 'group', label, description, icon, children, changed });
  };
  const addAreas = (label: string, areas: readonly VmallocAreaFacts[], icon: string): void => {
    add(label, areaNodes(areas, { idle: true, changes }), icon, areaCount(areas.length));
  };
  addAreas(vscode.l10n.t('Freed, not yet purged'), lazy, 'trash');
  addAreas(vscode.l10n.t('Being purged'), purging, 'trash');
  addAreas(vscode.l10n.t('Kept for the next allocation'), pooled, 'archive');
  const ranges = free.map(({ start, end, size }): FactNode => ({
    kind: 'fact',
    label: `${start}-${end}`,
    value: sizeText(Number(size)),
    icon: 'dash',
  }));
  add(
    vscode.l10n.t('Free'),
    ranges,
    'circle-large-outline',
    free.length === 1 ? vscode.l10n.t('1 range') : vscode.l10n.t('{0} ranges', free.length),
  );
  const lists = queues.map(({ cpu, free: blocks }): FactNode => ({
    kind: 'fact',
    label: `CPU ${cpu}`,
    value: blocks.length === 0 ? vscode.l10n.t('no block has free pages') : blocks.join(' '),
    icon: 'list-ordered',
  }));
  add(vscode.l10n.t('Block queues'), lists, 'list-tree', vscode.l10n.t('vmap_blocks with free pages, by CPU'));
  add(vscode.l10n.t('Purge state'), counters(facts), 'dashboard', `${facts.purge.lazyPages ?? '?'} / ${facts.purge.threshold ?? '?'}`);
  return nodes;
}

function counters({ purge }: VmallocFacts): FactNode[] {
  const facts: FactNode[] = [];
  const add = (label: string, value: string | number | null): void => {
    if (value !== null) facts.push({ kind: 'fact', label, value: String(value), icon: 'symbol-numeric' });
  };
  add('vmap_lazy_nr', purge.lazyPages);
  add(vscode.l10n.t('pages on lists'), purge.listedPages);
  add(vscode.l10n.t('purge above'), purge.threshold);
  add('nr_vmalloc_pages', purge.vmallocPages);
  for (const { index, busy, lazy, purging, pooled } of purge.nodes) {
    add(vscode.l10n.t('node {0}', index), vscode.l10n.t('{0} busy, {1} lazy, {2} in a purge, {3} pooled', busy, lazy, purging, pooled));
  }
  return facts;
}

/** Runs of frames that are shown of one area; more is a matter for the command line. */
const mostRuns = 1000;

function framesOf({ runs, source, missing, pageSize, cut }: VmallocPagesFacts): Node[] {
  const by = source === 'pages' ? 'vm_struct.pages[]' : vscode.l10n.t('the page table');
  const rows = runs.slice(0, mostRuns).map(({ page, count, physical, node }): FactNode => ({
    kind: 'fact',
    label: count === 1 ? `${page}` : `${page}-${page + count - 1}`,
    value: `${physical} ${sizeText(count * pageSize)}${node === null ? '' : ` N${node}`}`,
    icon: 'symbol-constant',
  }));
  const note = (label: string): FactNode => ({ kind: 'fact', label, value: by, icon: 'info' });
  if (runs.length === 0) return [note(vscode.l10n.t('no page is mapped'))];
  if (missing > 0) rows.push(note(vscode.l10n.t('{0} pages without a frame', missing)));
  if (cut || runs.length > mostRuns) rows.push(note(vscode.l10n.t('more runs: see them with pagewalk vmalloc --pages')));
  return rows;
}

function kindOf(area: VmallocAreaFacts): { word: string; icon: string } {
  if (area.block !== null) return { word: 'vm_map_ram block', icon: 'symbol-array' };
  if (area.flags.includes('VM_RAM')) return { word: 'vm_map_ram', icon: 'symbol-array' };
  if (area.vmFlags.includes('VM_IOREMAP')) return { word: 'ioremap', icon: 'circuit-board' };
  if (area.vmFlags.includes('VM_MAP')) return { word: 'vmap', icon: 'symbol-interface' };
  return { word: 'vmalloc', icon: 'symbol-field' };
}

function areaItem({ area, lazy, change }: AreaNode): vscode.TreeItem {
  const { word, icon } = kindOf(area);
  const item = new vscode.TreeItem(`${change === undefined ? '' : changeMark}${area.start}`, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `${String(lazy)} ${area.address}`;
  const changed = change === undefined ? '' : `${changeWord(change)} · `;
  item.description = `${changed}${sizeText(area.size)} ${word}${area.caller === null ? '' : ` ${area.caller}`}`;
  item.iconPath = new vscode.ThemeIcon(lazy ? 'circle-slash' : icon);
  item.tooltip = tooltipOf(area, { word, change });
  item.contextValue = 'pagewalk.area';
  return item;
}

function detailText({ name, before, now }: ChangedDetail): string {
  return name === 'list' ? `${listWord(before)} → ${listWord(now)}` : `${name}: ${before} → ${now}`;
}

function listWord(list: string): string {
  switch (list) {
    case 'lazy':
      return vscode.l10n.t('freed');
    case 'purging':
      return vscode.l10n.t('being purged');
    case 'pooled':
      return vscode.l10n.t('kept');
    default:
      return vscode.l10n.t('in use');
  }
}

function changeWord({ kind }: AreaChange): string {
  return kind === 'new' ? vscode.l10n.t('new') : vscode.l10n.t('changed');
}

function tooltipOf(
  area: VmallocAreaFacts,
  { word, change }: { word: string; change: AreaChange | undefined },
): string | vscode.MarkdownString {
  const { start, end, size, caller, block } = area;
  const since =
    change === undefined ? [] : [vscode.l10n.t('{0} since the last stop', changeWord(change)), ...change.details.map(detailText)];
  const words = [`${start}-${end}`, vscode.l10n.t('{0} bytes, {1}', size, word), ...(caller === null ? [] : [caller]), ...since].join('\n');
  const picture = block === null ? undefined : blockPicture(block);
  if (block === null || picture === undefined) return words;
  const text = new vscode.MarkdownString();
  text.appendText(words);
  const used = block.used?.reduce((sum, [, count]) => sum + count, 0) ?? 0;
  const counts = vscode.l10n.t('{0} pages used, {1} dirty, {2} free', used, block.pages - block.free - used, block.free);
  text.appendMarkdown(`\n\n![${counts}](data:image/svg+xml;base64,${Buffer.from(picture).toString('base64')})\n\n${counts}`);
  return text;
}

function sizeText(bytes: number): string {
  if (bytes >= 2 ** 40) return `${Math.round(bytes / 2 ** 40)}T`;
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20}M` : `${Math.ceil(bytes / 1024)}K`;
}

function factsOf({ area, lazy }: AreaNode): Node[] {
  const facts: Node[] = [];
  const add = (label: string, value: string | null, icon = 'symbol-constant'): void => {
    if (value !== null && value !== '') facts.push({ kind: 'fact', label, value, icon });
  };
  const { block } = area;
  if (block !== null) {
    add(vscode.l10n.t('pages'), stateBar(block), 'graph');
    add(vscode.l10n.t('counts'), vscode.l10n.t('{0} never used, {1} freed (dirty), of {2}', block.free, block.dirty, block.pages));
    add(
      vscode.l10n.t('used'),
      block.used === null
        ? notRecorded()
        : block.used.map(([first, count]) => (count === 1 ? `${first}` : `${first}-${first + count - 1}`)).join(' '),
    );
    add(
      vscode.l10n.t('dirty range'),
      block.dirtyMin > block.dirtyMax ? vscode.l10n.t('none pending') : `${block.dirtyMin}-${block.dirtyMax}`,
    );
    add(vscode.l10n.t('free list'), block.freeListCpu === null ? vscode.l10n.t('on none') : `CPU ${block.freeListCpu}`);
    add('vmap_block', block.address);
    const array = block.arrayCpu === null ? '' : vscode.l10n.t(', in the array of CPU {0}', block.arrayCpu);
    add(vscode.l10n.t('index'), `${block.index}${array}`);
  }
  add(vscode.l10n.t('end'), area.end);
  add('vm_struct', area.vm);
  add(vscode.l10n.t('flags'), [...area.flags, ...area.vmFlags].join(' '));
  add(vscode.l10n.t('caller'), area.caller);
  add(vscode.l10n.t('pages'), area.pages === null || area.pages === 0 ? null : String(area.pages));
  add(vscode.l10n.t('physical'), area.physical);
  add('vmap_area', area.address);
  add(vscode.l10n.t('page order'), area.pageOrder === null || area.pageOrder === 0 ? null : String(area.pageOrder));
  add(vscode.l10n.t('vmap node'), String(area.node));
  if (!lazy) facts.push({ kind: 'pages', address: area.start });
  return facts;
}

function notRecorded(): string {
  return vscode.l10n.t('not recorded by this kernel');
}

/** One character for some pages: █ used, ░ freed, · never used; the majority wins. */
function stateBar(block: NonNullable<VmallocAreaFacts['block']>): string {
  const { used, pages, free } = block;
  if (used === null) return notRecorded();
  const step = pages / barWidth;
  let bar = '';
  for (let cell = 0; cell < barWidth; cell++) {
    const from = cell * step;
    const inUse = used.reduce((sum, [first, count]) => sum + Math.max(0, Math.min(first + count, from + step) - Math.max(first, from)), 0);
    bar += inUse * 2 >= step ? '█' : from >= pages - free ? '·' : '░';
  }
  return bar;
}
