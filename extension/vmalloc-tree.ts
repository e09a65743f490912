/** The Vmalloc Areas view: every area, blocks with the state of their pages. */
import * as vscode from 'vscode';
import type { VmallocAreaFacts } from '../debug-adapter/protocol/facts.ts';
import type { Sessions } from './sessions.ts';

interface AreaNode {
  readonly kind: 'area';
  readonly area: VmallocAreaFacts;
  readonly lazy: boolean;
  readonly address: string;
}

interface GroupNode {
  readonly kind: 'group';
  readonly label: string;
  readonly areas: readonly VmallocAreaFacts[];
}

interface FactNode {
  readonly kind: 'fact';
  readonly label: string;
  readonly value: string;
  readonly icon: string;
}

type Node = AreaNode | GroupNode | FactNode;

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
        const item = new vscode.TreeItem(node.label, vscode.TreeItemCollapsibleState.Collapsed);
        item.description = `${node.areas.length} areas`;
        item.iconPath = new vscode.ThemeIcon('trash');
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
    if (node?.kind === 'group') return node.areas.map((area) => ({ kind: 'area', area, lazy: true, address: area.start }));
    if (node?.kind === 'area') return factsOf(node.area);
    if (node !== undefined) return [];
    try {
      const { areas, lazy } = await this.#sessions.request('pagewalk/vmallocAreas', {});
      const nodes: Node[] = areas.map((area) => ({ kind: 'area', area, lazy: false, address: area.start }));
      if (lazy.length > 0) nodes.push({ kind: 'group', label: vscode.l10n.t('Freed, not yet purged'), areas: lazy });
      return nodes;
    } catch (error) {
      return [{ kind: 'fact', label: error instanceof Error ? error.message : String(error), value: '', icon: 'warning' }];
    }
  }
}

function kindOf(area: VmallocAreaFacts): { word: string; icon: string } {
  if (area.block !== null) return { word: 'vm_map_ram block', icon: 'symbol-array' };
  if (area.flags.includes('VM_RAM')) return { word: 'vm_map_ram', icon: 'symbol-array' };
  if (area.vmFlags.includes('VM_IOREMAP')) return { word: 'ioremap', icon: 'circuit-board' };
  if (area.vmFlags.includes('VM_MAP')) return { word: 'vmap', icon: 'symbol-interface' };
  return { word: 'vmalloc', icon: 'symbol-field' };
}

function areaItem({ area, lazy }: AreaNode): vscode.TreeItem {
  const { word, icon } = kindOf(area);
  const item = new vscode.TreeItem(area.start, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `${String(lazy)} ${area.address}`;
  item.description = `${sizeText(area.size)} ${word}${area.caller === null ? '' : ` ${area.caller}`}`;
  item.iconPath = new vscode.ThemeIcon(lazy ? 'circle-slash' : icon);
  item.tooltip = `${area.start}-${area.end}\n${area.size} bytes, ${word}${area.caller === null ? '' : `\n${area.caller}`}`;
  item.contextValue = 'pagewalk.area';
  return item;
}

function sizeText(bytes: number): string {
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20}M` : `${bytes / 1024}K`;
}

function factsOf(area: VmallocAreaFacts): Node[] {
  const facts: Node[] = [];
  const add = (label: string, value: string | null, icon = 'symbol-constant'): void => {
    if (value !== null && value !== '') facts.push({ kind: 'fact', label, value, icon });
  };
  const { block } = area;
  if (block !== null) {
    add('pages', stateBar(block), 'graph');
    add('counts', `${block.free} never used, ${block.dirty} freed (dirty), of ${block.pages}`);
    add(
      'used',
      block.used === null
        ? 'not recorded by this kernel'
        : block.used.map(([first, count]) => (count === 1 ? `${first}` : `${first}-${first + count - 1}`)).join(' '),
    );
    add('dirty range', block.dirtyMin > block.dirtyMax ? 'none pending' : `${block.dirtyMin}-${block.dirtyMax}`);
    add('free list of CPU', block.cpu === null ? null : String(block.cpu));
    add('vmap_block', block.address);
  }
  add('end', area.end);
  add('vm_struct', area.vm);
  add('flags', [...area.flags, ...area.vmFlags].join(' '));
  add('caller', area.caller);
  add('pages', area.pages === null || area.pages === 0 ? null : String(area.pages));
  add('physical', area.physical);
  add('vmap_area', area.address);
  add('vmap node', String(area.node));
  return facts;
}

/** One character for some pages: █ used, ░ freed, · never used; the majority wins. */
function stateBar(block: NonNullable<VmallocAreaFacts['block']>): string {
  const { used, pages, free } = block;
  if (used === null) return 'not recorded by this kernel';
  const step = pages / barWidth;
  let bar = '';
  for (let cell = 0; cell < barWidth; cell++) {
    const from = cell * step;
    const inUse = used.reduce((sum, [first, count]) => sum + Math.max(0, Math.min(first + count, from + step) - Math.max(first, from)), 0);
    bar += inUse * 2 >= step ? '█' : from >= pages - free ? '·' : '░';
  }
  return bar;
}
