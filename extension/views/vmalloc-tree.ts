/** The Vmalloc Areas view: every area, blocks with the state of their pages. */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type {
  VmallocAreaFacts,
  VmallocCountFacts,
  VmallocFacts,
  VmallocFreeFacts,
  VmallocKind,
  VmallocList,
  VmallocPagesFacts,
} from '../../debug-adapter/protocol/vmalloc.ts';
import type { Sessions } from '../debugging/sessions.ts';
import { blockPicture } from './block-picture.ts';
import { factItem, warningFact } from './fact-node.ts';
import type { FactNode } from './fact-node.ts';
import { Counted, entriesAtOnce, moreNodes, partsOf, rowItem } from './long-list.ts';
import type { CountingNode, MoreNode } from './long-list.ts';
import { changesBetween, keyOf } from './vmalloc-changes.ts';
import type { AreaChange, ChangedDetail, VmallocChanges } from './vmalloc-changes.ts';

interface AreaNode {
  readonly kind: 'area';
  readonly area: VmallocAreaFacts;
  readonly lazy: boolean;
  readonly address: string;
  /** Whether it stands in the list by address, beside its kind's. */
  readonly byAddress: boolean;
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

/** The frames of one area, asked for when it is opened. */
interface PagesNode {
  readonly kind: 'pages';
  readonly address: string;
}

/** A part of a long list, asked for when it is opened. */
interface RangeNode {
  readonly kind: 'range';
  readonly list: VmallocList | 'free';
  readonly of?: VmallocKind;
  /** Whether it stands in the list by address, beside its kind's. */
  readonly byAddress?: boolean;
  readonly start: number;
  readonly count: number;
}

type Node = AreaNode | GroupNode | FactNode | PagesNode | RangeNode | MoreNode | CountingNode;

/** In front, where a narrow view still shows it. */
const changeMark = '● ';

const noChanges: VmallocChanges = { areas: new Map(), gone: [] };

/** Characters of the bar that shows a block's pages. */
const barWidth = 32;

export class VmallocTree implements vscode.TreeDataProvider<Node> {
  readonly #sessions: Sessions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  /** Of a long list. */
  readonly #count = new Counted<VmallocCountFacts>(
    () => this.#sessions.request('pagewalk/vmallocCount', {}),
    () => {
      this.#changed.fire();
    },
  );

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    sessions.onDidChange(() => {
      this.#count.forget();
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
      case 'more':
      case 'counting':
        return rowItem(node);
      case 'range':
        return rowItem({ ...node, kind: 'part' }, `${node.list} ${node.of ?? ''} ${String(node.byAddress === true)}`);
      case 'pages': {
        const item = new vscode.TreeItem(vscode.l10n.t('frames'), vscode.TreeItemCollapsibleState.Collapsed);
        item.iconPath = new vscode.ThemeIcon('layers');
        return item;
      }
      case 'fact':
        return factItem(node);
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (this.#sessions.current === undefined) return [];
    if (node?.kind === 'group') return [...node.children];
    if (node?.kind === 'area') return factsOf(node);
    if (node?.kind === 'fact' || node?.kind === 'counting') return [];
    try {
      if (node?.kind === 'pages') return framesOf(await this.#sessions.request('pagewalk/vmallocPages', { address: node.address }));
      if (node?.kind === 'range') return await this.#range(node);
      if (node?.kind === 'more') return await this.#byAddress(node.start);
      const [{ more }, { moments }] = await Promise.all([
        this.#sessions.requestPart('pagewalk/vmallocAreas', { start: entriesAtOnce, count: 0 }),
        this.#sessions.request('pagewalk/snapshot', {}),
      ]);
      const stop = moments.find(({ kind }) => kind === 'stop')?.name;
      // A scenario tells what changed in all of its areas; its machine is small.
      if (more && stop === undefined) return await this.#longList();
      const facts = await this.#sessions.request('pagewalk/vmallocAreas', {});
      const changes =
        stop === undefined ? noChanges : changesBetween(await this.#sessions.request('pagewalk/vmallocAreas', { moment: stop }), facts);
      return [...byKind(facts.areas, changes), ...goneOf(changes), ...idleOf(facts, changes)];
    } catch (error) {
      return [warningFact(messageOf(error))];
    }
  }

  /** At once what comes first by address; kinds and lists when they are counted. */
  async #longList(): Promise<Node[]> {
    const { facts } = this.#count;
    const first: GroupNode = {
      kind: 'group',
      label: vscode.l10n.t('In use, by address'),
      description: facts === undefined ? '' : areaCount(facts.areas),
      icon: 'list-ordered',
      children: await this.#byAddress(0),
      open: true,
    };
    // Last, for it is long and open.
    if (facts !== undefined) return [...countedOf(facts), first];
    void this.#count.begin();
    return [...this.#count.rows, first];
  }

  async #byAddress(start: number): Promise<Node[]> {
    const { areas, more } = await this.#sessions.requestPart('pagewalk/vmallocAreas', { start, count: entriesAtOnce });
    const counted = this.#count.facts;
    const rest: Node[] =
      counted === undefined || start > 0
        ? moreNodes({ start, more })
        : partsOf(counted.areas)
            .slice(1)
            .map((part) => ({ ...part, kind: 'range', list: 'areas', byAddress: true }));
    return [...areaNodes(areas, { idle: false, byAddress: true, changes: noChanges }), ...rest];
  }

  async #range({ list, of, byAddress = false, start, count }: RangeNode): Promise<Node[]> {
    const asked = { list, start, count, ...(of === undefined ? {} : { kind: of }) };
    const { areas, free } = await this.#sessions.requestPart('pagewalk/vmallocAreas', asked);
    return [...areaNodes(areas, { idle: list !== 'areas', byAddress, changes: noChanges }), ...free.map(freeFact)];
  }
}

interface AreaPlace {
  /** Freed, or kept for the next allocation. */
  readonly idle: boolean;
  readonly byAddress?: boolean;
  readonly changes: VmallocChanges;
}

function areaNodes(areas: readonly VmallocAreaFacts[], { idle, byAddress = false, changes }: AreaPlace): AreaNode[] {
  return areas.map((area) => ({
    kind: 'area',
    area,
    lazy: idle,
    address: area.start,
    byAddress,
    change: changes.areas.get(keyOf(area)),
  }));
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

const kindOrder: readonly VmallocKind[] = ['vm_map_ram block', 'vm_map_ram', 'vmalloc', 'vmap', 'ioremap'];

/** Busy areas by what they are for, with their sizes; blocks, whose pages have states of their own, come first. */
function byKind(areas: readonly VmallocAreaFacts[], changes: VmallocChanges): GroupNode[] {
  return kindOrder.flatMap((kind) => {
    const own = areas.filter((area) => kindOf(area).word === kind);
    const bytes = own.reduce((sum, { size }) => sum + size, 0);
    const group = kindGroup({ kind, count: own.length, bytes }, areaNodes(own, { idle: false, changes }));
    return own.length === 0 ? [] : [{ ...group, changed: own.some((area) => changes.areas.has(keyOf(area))) }];
  });
}

function kindGroup({ kind, count, bytes }: VmallocCountFacts['kinds'][number], children: readonly Node[]): GroupNode {
  return {
    kind: 'group',
    label: kind === 'vm_map_ram block' ? vscode.l10n.t('vm_map_ram blocks') : kind,
    description: `${areaCount(count)}, ${sizeText(bytes)}`,
    icon: kindIcons[kind],
    children,
    open: kind === 'vm_map_ram block',
  };
}

/** What a long list has besides its areas by address. */
function countedOf(facts: VmallocCountFacts): Node[] {
  const ranges = (list: RangeNode['list'], length: number, of?: VmallocKind): RangeNode[] =>
    partsOf(length).map((part) => ({ ...part, kind: 'range', list, ...(of === undefined ? {} : { of }) }));
  const listed = (list: Exclude<RangeNode['list'], 'areas'>): Listed => ({ count: facts[list], children: ranges(list, facts[list]) });
  return [
    ...[...facts.kinds]
      .sort((one, other) => kindOrder.indexOf(one.kind) - kindOrder.indexOf(other.kind))
      .map((kind) => kindGroup(kind, ranges('areas', kind.count, kind.kind))),
    ...restOf({ lazy: listed('lazy'), purging: listed('purging'), pooled: listed('pooled'), free: listed('free') }, facts),
  ];
}

/** What is not in use, of a list that is told as a whole. */
function idleOf(facts: VmallocFacts, changes: VmallocChanges): Node[] {
  const listed = (list: Exclude<VmallocList, 'areas'>): Listed => ({
    count: facts[list].length,
    children: areaNodes(facts[list], { idle: true, changes }),
  });
  const free = { count: facts.free.length, children: facts.free.map(freeFact) };
  return restOf({ lazy: listed('lazy'), purging: listed('purging'), pooled: listed('pooled'), free }, facts);
}

interface Listed {
  readonly count: number;
  readonly children: readonly Node[];
}

/** What is not in use, the queues of blocks, and the counters; groups without anything in them are left out. */
function restOf(
  { lazy, purging, pooled, free }: Readonly<Record<Exclude<RangeNode['list'], 'areas'>, Listed>>,
  { queues, purge }: Pick<VmallocFacts, 'queues' | 'purge'>,
): Node[] {
  const nodes: Node[] = [];
  const add = (label: string, children: readonly Node[], icon: string, description: string): void => {
    if (children.length === 0) return;
    const changed = children.some((node) => node.kind === 'area' && node.change !== undefined);
    nodes.push({ kind: 'group', label, description, icon, children, changed });
  };
  add(vscode.l10n.t('Freed, not yet purged'), lazy.children, 'trash', areaCount(lazy.count));
  add(vscode.l10n.t('Being purged'), purging.children, 'trash', areaCount(purging.count));
  add(vscode.l10n.t('Kept for the next allocation'), pooled.children, 'archive', areaCount(pooled.count));
  add(
    vscode.l10n.t('Free'),
    free.children,
    'circle-large-outline',
    free.count === 1 ? vscode.l10n.t('1 range') : vscode.l10n.t('{0} ranges', free.count),
  );
  const lists = queues.map(({ cpu, free: blocks }): FactNode => ({
    kind: 'fact',
    label: `CPU ${cpu}`,
    value: blocks.length === 0 ? vscode.l10n.t('no block has free pages') : blocks.join(' '),
    icon: 'list-ordered',
  }));
  add(vscode.l10n.t('Block queues'), lists, 'list-tree', vscode.l10n.t('vmap_blocks with free pages, by CPU'));
  add(vscode.l10n.t('Purge state'), counters(purge), 'dashboard', `${purge.lazyPages ?? '?'} / ${purge.threshold ?? '?'}`);
  return nodes;
}

function freeFact({ start, end, size }: VmallocFreeFacts): FactNode {
  return { kind: 'fact', label: `${start}-${end}`, value: sizeText(Number(size)), icon: 'dash' };
}

function counters(purge: VmallocFacts['purge']): FactNode[] {
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

const kindIcons: Readonly<Record<VmallocKind, string>> = {
  'vm_map_ram block': 'symbol-array',
  vm_map_ram: 'symbol-array',
  vmalloc: 'symbol-field',
  vmap: 'symbol-interface',
  ioremap: 'circuit-board',
};

function kindOf(area: VmallocAreaFacts): { word: VmallocKind; icon: string } {
  const word = wordOf(area);
  return { word, icon: kindIcons[word] };
}

function wordOf({ block, flags, vmFlags }: VmallocAreaFacts): VmallocKind {
  if (block !== null) return 'vm_map_ram block';
  if (flags.includes('VM_RAM')) return 'vm_map_ram';
  if (vmFlags.includes('VM_IOREMAP')) return 'ioremap';
  return vmFlags.includes('VM_MAP') ? 'vmap' : 'vmalloc';
}

function areaItem({ area, lazy, byAddress, change }: AreaNode): vscode.TreeItem {
  const { word, icon } = kindOf(area);
  const item = new vscode.TreeItem(`${change === undefined ? '' : changeMark}${area.start}`, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `${String(lazy)} ${String(byAddress)} ${area.address}`;
  const changed = change === undefined ? '' : `${changeWord(change)} · `;
  const what = area.block === null ? word : blockCounts(area.block);
  item.description = `${changed}${sizeText(area.size)} ${what}${area.caller === null ? '' : ` ${area.caller}`}`;
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
  const counts = blockCounts(block);
  text.appendMarkdown(`\n\n![${counts}](data:image/svg+xml;base64,${Buffer.from(picture).toString('base64')})\n\n${counts}`);
  return text;
}

/** What the group does not say already: in short, for a view may be narrow. */
function blockCounts({ used, pages, free, dirty }: NonNullable<VmallocAreaFacts['block']>): string {
  if (used === null) return vscode.l10n.t('{0} free, {1} dirty', free, dirty);
  const inUse = used.reduce((sum, [, count]) => sum + count, 0);
  return vscode.l10n.t('{0} used, {1} dirty, {2} free', inUse, pages - free - inUse, free);
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
