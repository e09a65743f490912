/** The Vmalloc Areas view of a list that is too long to be told at once: how far its count is, and why there is none. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { AnsweringSessions, loadedModule } from './loaded.ts';

interface Tree {
  onDidChangeTreeData(listener: () => void): void;
  getChildren(): Promise<{ readonly label?: string }[]>;
}

describe('the vmalloc view of a long list', () => {
  let VmallocTree: new (sessions: AnsweringSessions) => Tree;
  before(async () => {
    ({ VmallocTree } = (await loadedModule('extension/views/vmalloc-tree.ts')) as unknown as { VmallocTree: typeof VmallocTree });
  });

  const long = {
    'pagewalk/vmallocAreas': () => ({ areas: [], free: [], more: true }),
    'pagewalk/snapshot': () => ({ moments: [] }),
  };
  const labels = async (tree: Tree): Promise<(string | undefined)[]> => (await tree.getChildren()).map(({ label }) => label);

  test('says that it counts, then why it could not; when the session goes on it counts again', async () => {
    const sessions = new AnsweringSessions({
      ...long,
      'pagewalk/vmallocCount': () => {
        throw new Error('the list is damaged');
      },
    });
    const tree = new VmallocTree(sessions);
    const changed = new Promise<void>((resolve) => {
      tree.onDidChangeTreeData(resolve);
    });
    assert.deepEqual(await labels(tree), ['Counting…', 'In use, by address']);
    await changed;
    assert.deepEqual(await labels(tree), ['Not counted: the list is damaged', 'In use, by address']);
    sessions.change();
    assert.equal((await labels(tree))[0], 'Counting…');
  });
});
