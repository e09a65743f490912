/** Long lists among the variables: no more is read than is shown, and what lies behind has a row of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VariableNode } from '../../debug-adapter/dap/adapter.ts';
import { limits } from '../../debug-adapter/base/limits.ts';
import { listNode, row } from '../../debug-adapter/dap/nodes.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

function longList(length: number): { readonly node: VariableNode; readonly nodes: VariableNode[]; readonly read: () => number } {
  const nodes: VariableNode[] = [];
  let read = 0;
  const node = listNode({ reference: (_key, added) => nodes.push(added) }, 'long', {
    read: ({ start, count }) => {
      const items = Array.from({ length: Math.max(0, Math.min(count, length - start)) }, (_, index) => start + index);
      read += items.length;
      return items;
    },
    make: (item) => row(String(item), 'entry'),
  });
  return { node, nodes, read: () => read };
}

test('a page of a list reads that page', () => {
  const { node, read } = longList(1_000_000);
  assert.deepEqual(
    node.children({ start: 700, count: 3 }).map(({ name }) => name),
    ['700', '701', '702'],
  );
  assert.equal(read(), 3);
});

test('who asks for all gets the first rows, and a row that holds the next', () => {
  const { node, nodes, read } = longList(2 * limits.listRows + 5);
  const all = { start: 0, count: Number.MAX_SAFE_INTEGER };
  const seen: string[] = [];
  for (let at: VariableNode | undefined = node, open = 0; at !== undefined; open++) {
    assert.ok(open < 4);
    const before = read();
    const rows = at.children(all);
    assert.ok(read() - before <= limits.listRows + 1);
    const last = rows.at(-1);
    at = last?.name === 'more' ? nodes[last.variablesReference - 1] : undefined;
    seen.push(...rows.filter(({ name }) => name !== 'more').map(({ name }) => name));
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 2 * limits.listRows + 5 }, (_, index) => String(index)),
  );
});

test('a list that fits has no row for more', () => {
  for (const length of [0, 1, limits.listRows]) {
    const rows = longList(length).node.children({ start: 0, count: Number.MAX_SAFE_INTEGER });
    assert.equal(rows.length, length);
    assert.ok(rows.every(({ name }) => name !== 'more'));
  }
});

test('parts of the lists of a dump are those of the whole', { skip: absent('x86-64') ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [expandedDump('x86-64', 'vmcore.elf')] });
  try {
    const { areas } = session.vmalloc();
    assert.ok(areas.length > 20);
    // Parts are by address, the whole is node by node.
    const ascending = [...areas].sort((one, other) => (BigInt(one.start) < BigInt(other.start) ? -1 : 1));
    assert.notDeepEqual(areas, ascending);
    const part = (start: number, count: number): unknown => session.vmallocPart({ list: 'areas', start, count });
    assert.deepEqual(part(0, Number.MAX_SAFE_INTEGER), { areas: ascending, free: [], more: false });
    assert.deepEqual(part(7, 9), { areas: ascending.slice(7, 16), free: [], more: true });
    assert.deepEqual(session.tasks({ start: 3, count: 5 }), session.tasks().slice(3, 8));
    assert.deepEqual(session.addressSpaces({ start: 1, count: 2 }), session.addressSpaces().slice(1, 3));
  } finally {
    session.close();
  }
});

test('a list is counted, with the place of an entry, and what is typed is found in it', async () => {
  const client = new RawClient();
  await client.launch({ image: bundled.image });
  const { tasks } = await client.body<{ tasks: { pid: number }[] }>('pagewalk/tasks', {});
  const { spaces } = await client.body<{ spaces: { id: string; label: string }[] }>('pagewalk/addressSpaces', {});
  for (const [list, ids] of [
    ['tasks', tasks.map(({ pid }) => String(pid))],
    ['addressSpaces', spaces.map(({ id }) => id)],
  ] as const) {
    assert.deepEqual(await client.body('pagewalk/listCount', { list }), { count: ids.length, found: false });
    for (const at of [0, 1, ids.length - 1])
      assert.deepEqual(await client.body('pagewalk/listCount', { list, before: ids[at] }), { count: at, found: true });
  }
  assert.equal((await client.ask('pagewalk/listCount', { list: 'modules' })).success, false);
  const { label } = spaces.at(-1) ?? { label: '' };
  for (const filter of [label, label.toUpperCase().slice(1), 'KERNEL (', 'no such process'])
    assert.deepEqual(
      await client.body('pagewalk/addressSpaces', { start: 0, count: 2, filter }),
      {
        spaces: spaces.filter((space) => space.label.toLowerCase().includes(filter.toLowerCase())).slice(0, 2),
        more: spaces.filter((space) => space.label.toLowerCase().includes(filter.toLowerCase())).length > 2,
      },
      filter,
    );
  await client.body('disconnect');
});
