/** The Processes and VMAs view: each task with an address space, its VMAs, and how many pages of each are there. */
import * as vscode from 'vscode';
import { messageOf } from '../../debug-adapter/protocol/error-message.ts';
import type { MapsFacts, TaskFacts } from '../../debug-adapter/protocol/facts.ts';
import type { Sessions } from '../debugging/sessions.ts';
import { factItem, warningFact } from './fact-node.ts';
import type { FactNode } from './fact-node.ts';
import { Counted, entriesAtOnce, moreNodes, restOf, rowItem } from './long-list.ts';
import type { CountingNode, MoreNode, PartNode } from './long-list.ts';

type Area = MapsFacts['areas'][number];

interface TaskNode {
  readonly kind: 'task';
  readonly task: TaskFacts;
  /** For commands on the node. */
  readonly pid: number;
  readonly mm: string;
}

interface KernelThreadsNode {
  readonly kind: 'threads';
  /** Of the part of the list in which they are. */
  readonly start: number;
  readonly tasks: readonly TaskFacts[];
}

interface AreaNode {
  readonly kind: 'area';
  readonly area: Area;
  /** For commands on the node: the process, the range, and where it begins. */
  readonly pid: number;
  readonly mm: string;
  readonly start: string;
  readonly end: string;
  readonly address: string;
}

type Node = TaskNode | KernelThreadsNode | AreaNode | FactNode | PartNode | MoreNode | CountingNode;

/** Bits of an entry of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst). */
const [presentBit, swappedBit, fileBit] = [63n, 62n, 61n];

export class ProcessTree implements vscode.TreeDataProvider<Node> {
  readonly #sessions: Sessions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #count = new Counted(
    async () => (await this.#sessions.request('pagewalk/listCount', { list: 'tasks' })).count,
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
      case 'task':
        return taskItem(node);
      case 'threads': {
        const item = new vscode.TreeItem(vscode.l10n.t('Kernel threads'), vscode.TreeItemCollapsibleState.Collapsed);
        item.id = `threads ${node.start}`;
        item.description = String(node.tasks.length);
        item.iconPath = new vscode.ThemeIcon('server-process');
        return item;
      }
      case 'area':
        return areaItem(node);
      case 'part':
      case 'more':
      case 'counting':
        return rowItem(node);
      case 'fact':
        return factItem(node);
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (this.#sessions.current === undefined || node?.kind === 'fact' || node?.kind === 'counting') return [];
    try {
      if (node === undefined || node.kind === 'part' || node.kind === 'more') return await this.#tasks(node);
      if (node.kind === 'threads') return node.tasks.map(threadFact);
      if (node.kind === 'task') return areasOf(await this.#sessions.request('pagewalk/maps', { pid: node.pid }));
      return await this.#pages(node);
    } catch (error) {
      return [warningFact(messageOf(error))];
    }
  }

  /** Those of a row, or the first. */
  async #tasks(of: PartNode | MoreNode | undefined): Promise<Node[]> {
    const start = of?.start ?? 0;
    const { tasks, more } = await this.#sessions.requestPart('pagewalk/tasks', { start, count: entriesAtOnce });
    const rest = of === undefined ? (more ? restOf(this.#count) : []) : of.kind === 'more' ? moreNodes({ start, more }) : [];
    return [...tasksOf(tasks, start), ...rest];
  }

  /** What the page tables and the swap have of a VMA. */
  async #pages({ pid, start, end, area }: AreaNode): Promise<Node[]> {
    const { entries, pageSize, missing } = await this.#sessions.request('pagewalk/pagemap', { pid, start, end });
    const count = (bit: bigint): number =>
      entries.reduce((sum, { entry, count: pages }) => sum + ((BigInt(entry) >> bit) & 1n ? pages : 0), 0);
    const total = Number(BigInt(end) - BigInt(start)) / pageSize;
    const fact = (label: string, value: string, icon: string): FactNode => ({ kind: 'fact', label, value, icon });
    const facts = [
      fact(vscode.l10n.t('pages'), vscode.l10n.t('{0} of {1} mapped', count(presentBit), total), 'layers'),
      fact(vscode.l10n.t('swapped out'), String(count(swappedBit)), 'archive'),
      fact(vscode.l10n.t('of a file, or shared'), String(count(fileBit)), 'file'),
      fact('vm_area_struct', area.vma, 'symbol-struct'),
      fact('vm_flags', area.vmFlags, 'symbol-constant'),
      fact('maps', area.text, 'list-flat'),
    ];
    return [...facts, ...missing.map(({ start: from, end: to, reason }) => fact(`${from}-${to}`, reason, 'warning'))];
  }
}

function tasksOf(tasks: readonly TaskFacts[], start: number): Node[] {
  // Threads of one process share its address space.
  const processes = tasks.filter(({ mm, pid, tgid }) => mm !== null && pid === tgid);
  const threads = tasks.filter(({ mm }) => mm === null);
  const nodes: Node[] = processes.map((task) => ({ kind: 'task', task, pid: task.pid, mm: String(task.pid) }));
  if (threads.length > 0) nodes.push({ kind: 'threads', start, tasks: threads });
  if (nodes.length === 0)
    nodes.push({ kind: 'fact', label: vscode.l10n.t('only threads of a process that is listed before'), value: '', icon: 'info' });
  return nodes;
}

function threadFact({ pid, name, state, cpu }: TaskFacts): Node {
  return { kind: 'fact', label: `${pid} ${name}`, value: `${state}${cpu === null ? '' : ` · CPU ${cpu}`}`, icon: 'server-process' };
}

function areasOf({ areas, warnings, pid }: MapsFacts): Node[] {
  const nodes: Node[] = areas.map((area) => ({
    kind: 'area',
    area,
    pid,
    mm: String(pid),
    start: area.start,
    end: area.end,
    address: area.start,
  }));
  return [...nodes, ...warnings.map(warningFact)];
}

function taskItem({ task }: TaskNode): vscode.TreeItem {
  const item = new vscode.TreeItem(`${task.pid} ${task.comm}`, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `task ${task.pid}`;
  const memory = task.rss === null ? '' : vscode.l10n.t(' · {0} of {1} KiB resident', task.rss, task.vsz ?? '?');
  item.description = `${task.state}${task.cpu === null ? '' : ` · CPU ${task.cpu}`}${memory}`;
  item.iconPath = new vscode.ThemeIcon('account');
  item.tooltip = `task_struct ${task.task}\nmm_struct ${task.mm ?? '–'}\npgd ${task.pgd ?? '–'}\n${vscode.l10n.t('parent {0}', task.ppid)}`;
  item.contextValue = 'pagewalk.process';
  return item;
}

function areaItem(node: AreaNode): vscode.TreeItem {
  const { area, pid } = node;
  const item = new vscode.TreeItem(`${area.start}-${area.end}`, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `area ${pid} ${area.vma}`;
  item.description = `${area.rights} ${area.name ?? ''}`;
  item.iconPath = iconOf(area);
  item.tooltip = area.text;
  item.contextValue = 'pagewalk.vma';
  return item;
}

function iconOf({ rights, name }: Area): vscode.ThemeIcon {
  if (rights.includes('w') && rights.includes('x')) return new vscode.ThemeIcon('unlock', new vscode.ThemeColor('list.errorForeground'));
  if (rights.includes('x')) return new vscode.ThemeIcon('symbol-method');
  if (name?.startsWith('[') === true) return new vscode.ThemeIcon('symbol-array');
  if (name !== null) return new vscode.ThemeIcon(rights.includes('w') ? 'edit' : 'file');
  return new vscode.ThemeIcon(rights.startsWith('---') ? 'lock' : 'symbol-field');
}
