/** Views of lists that are too long to be told at once: the first entries, then ranges as soon as they are counted, and why they are not. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { AnsweringSessions, loadedModule } from './loaded.ts';

interface Item {
  readonly label: string;
  readonly id?: string;
}

interface Node {
  readonly kind: string;
}

interface Tree {
  onDidChangeTreeData(listener: () => void): void;
  getTreeItem(node: Node): Item;
  getChildren(node?: Node): Promise<Node[]>;
  getParent?(node: Node): Node | undefined;
  reveal?(address: string, mm: string): Promise<void>;
}

type MakeTree = new (sessions: AnsweringSessions) => Tree;
interface Part {
  readonly start: number;
  readonly count: number;
}

const most = 2500;
const partOf = <Entry>(all: readonly Entry[], { start, count }: Part): { of: readonly Entry[]; more: boolean } => ({
  of: all.slice(start, start + count),
  more: start + count < all.length,
});

const tasks = Array.from({ length: most }, (_, at) => ({
  ...{ pid: at + 1, tgid: at + 1, comm: 'many', state: 'S', cpu: null, rss: null, task: '0x1', mm: '0x2', pgd: '0x3', ppid: 0 },
}));
const spaces = ['kernel', ...tasks.map(({ pid }) => String(pid))].map((id) => ({ id, label: id, root: '0x1000', userRoot: null }));
const table = { level: 'pgd', tableAddress: '0x1000', virtualBase: '0x0', entries: [], unreadable: null };

const answers: Readonly<Record<string, (parameters: Record<string, unknown>) => unknown>> = {
  'pagewalk/tasks': (asked) => {
    const { of, more } = partOf(tasks, asked as unknown as Part);
    return { tasks: of, more };
  },
  'pagewalk/addressSpaces': (asked) => {
    const { of, more } = partOf(spaces, asked as unknown as Part);
    return { spaces: of, more };
  },
  'pagewalk/listCount': ({ list, before: entry }) => {
    const ids = list === 'tasks' ? tasks.map(({ pid }) => String(pid)) : spaces.map(({ id }) => id);
    const at = ids.findIndex((id) => id === entry);
    return { count: at < 0 ? ids.length : at, found: at >= 0 };
  },
  'pagewalk/info': () => ({ pagingLevels: 4 }),
  'pagewalk/changes': () => ({ entries: [] }),
  'pagewalk/tableEntries': () => table,
  'pagewalk/vmallocAreas': () => ({ areas: [], free: [], more: true }),
  'pagewalk/snapshot': () => ({ moments: [] }),
};

const refusing = (name: string): typeof answers => ({
  ...answers,
  [name]: () => {
    throw new Error('the list is damaged');
  },
});

const changeOf = (tree: Tree): Promise<void> =>
  new Promise<void>((resolve) => {
    tree.onDidChangeTreeData(resolve);
  });

describe('a view of a long list', () => {
  const trees = new Map<string, MakeTree>();
  const revealed: Node[] = [];
  before(async () => {
    const window = {
      createTreeView: () => ({
        reveal: (node: Node) => {
          revealed.push(node);
        },
      }),
    };
    for (const [name, file] of [
      ['VmallocTree', 'vmalloc-tree'],
      ['ProcessTree', 'process-tree'],
      ['PageTableTree', 'page-table-tree'],
    ] as const)
      trees.set(name, (await loadedModule(`extension/views/${file}.ts`, { window }))[name] as MakeTree);
  });
  const made = (name: string, sessions: AnsweringSessions): Tree => {
    const Made = trees.get(name);
    assert.ok(Made !== undefined);
    return new Made(sessions);
  };
  const labels = async (tree: Tree, node?: Node): Promise<string[]> =>
    (await tree.getChildren(node)).map((child) => tree.getTreeItem(child).label);

  for (const [name, length] of [
    ['ProcessTree', most],
    ['PageTableTree', most + 1],
  ] as const) {
    test(`${name}: the first thousand at once, and ranges beside them when the list is counted`, async () => {
      const sessions = new AnsweringSessions(answers);
      const tree = made(name, sessions);
      const changed = changeOf(tree);
      const atFirst = await labels(tree);
      assert.deepEqual([atFirst.length, ...atFirst.slice(1000)], [1002, 'more…', 'Counting…']);
      await changed;
      const counted = await tree.getChildren();
      assert.deepEqual(
        counted.slice(1000).map((node) => tree.getTreeItem(node).label),
        ['[1000…1999]', `[2000…${length - 1}]`],
      );
      const last = counted.at(-1);
      assert.ok(last !== undefined);
      assert.equal((await tree.getChildren(last)).length, length - 2000);
      const ids = new Set<string | undefined>();
      for (const node of [...counted, ...(await tree.getChildren(last))]) ids.add(tree.getTreeItem(node).id);
      assert.equal(ids.size, counted.length + length - 2000);
      const counts = sessions.asked.filter(({ parameters }) => Number(parameters['count'] ?? 0) > 1000);
      assert.deepEqual(counts, [], 'a part at a time is asked for');
    });

    test(`${name}: what lies behind can be opened while it is counted, and where it cannot be`, async () => {
      const tree = made(name, new AnsweringSessions(refusing('pagewalk/listCount')));
      const changed = changeOf(tree);
      await tree.getChildren();
      await changed;
      const rows = await tree.getChildren();
      assert.equal(tree.getTreeItem(rows.at(-1) ?? { kind: '' }).label, 'Not counted: the list is damaged');
      const more = rows.at(-2);
      assert.ok(more !== undefined);
      const behind = await labels(tree, more);
      assert.deepEqual([behind.length, behind.at(-1)], [1001, 'more…']);
    });
  }

  test('an address space far behind is revealed in its range', async () => {
    const sessions = new AnsweringSessions(answers);
    const tree = made('PageTableTree', sessions);
    await tree.reveal?.('0x1000', '2222');
    const node = revealed.at(-1);
    assert.ok(node !== undefined);
    assert.equal(tree.getTreeItem(node).label, '2222');
    const part = tree.getParent?.(node);
    assert.equal(part === undefined ? '' : tree.getTreeItem(part).label, `[2000…${most}]`);
    await tree.reveal?.('0x1000', '99999');
    assert.equal(tree.getTreeItem(revealed.at(-1) ?? { kind: '' }).label, 'kernel');
  });

  test('the vmalloc view says that it counts, then why it could not; when the session goes on it counts again', async () => {
    const sessions = new AnsweringSessions(refusing('pagewalk/vmallocCount'));
    const tree = made('VmallocTree', sessions);
    const changed = changeOf(tree);
    assert.deepEqual(await labels(tree), ['Counting…', 'In use, by address']);
    await changed;
    assert.deepEqual(await labels(tree), ['Not counted: the list is damaged', 'In use, by address']);
    sessions.change();
    assert.equal((await labels(tree))[0], 'Counting…');
  });

  test('vmap_areas by address go on in ranges when they are counted', async () => {
    const counts = { ...{ areas: 2500, lazy: 0, purging: 0, pooled: 0, free: 0, kinds: [], queues: [] }, purge: { nodes: [] } };
    const tree = made('VmallocTree', new AnsweringSessions({ ...answers, 'pagewalk/vmallocCount': () => counts }));
    const changed = changeOf(tree);
    await tree.getChildren();
    await changed;
    const byAddress = (await tree.getChildren()).at(-1);
    assert.deepEqual(await labels(tree, byAddress), ['[1000…1999]', '[2000…2499]']);
  });
});
