/** What is launched in a folder that is not trusted, and that a scenario reads no file but its own. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runScenario } from '../../debug-adapter/lsp/language-server.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { hostWithScenarios } from '../../debug-adapter/session/scenario-image.ts';
import { launchable } from '../../extension/debugging/untrusted-files.ts';
import type { Choice } from '../../extension/debugging/untrusted-files.ts';
import { root } from '../support/vscode.ts';

const image = { type: 'pagewalk', request: 'launch', name: 'x', image: '/dumps/vmcore', stopOnEntry: true };
const sources = { symbols: '/tmp/System.map', types: '/tmp/btf', vmlinux: '/tmp/vmlinux' };

/** Answers `choice`, and tells what was asked. */
function asking(choice: Choice): { readonly ask: (about: readonly string[]) => Promise<Choice>; readonly asked: (readonly string[])[] } {
  const asked: (readonly string[])[] = [];
  return {
    asked,
    ask: (about) => {
      asked.push(about);
      return Promise.resolve(choice);
    },
  };
}

describe('a launch in a folder that is not trusted', () => {
  test('of a dump alone is not asked about', async () => {
    const { ask, asked } = asking(undefined);
    assert.deepEqual(await launchable(image, false, ask), image);
    assert.deepEqual(await launchable({ ...image, symbols: '' }, false, ask), { ...image, symbols: '' });
    assert.equal(asked.length, 0);
  });

  test('with each file beside it asks, naming the file', async () => {
    for (const [name, path] of Object.entries(sources)) {
      const { ask, asked } = asking(undefined);
      assert.equal(await launchable({ ...image, [name]: path }, false, ask), undefined);
      assert.deepEqual(asked, [[`${name}: ${path}`]]);
    }
  });

  test('goes on with them or without them, as is chosen', async () => {
    const all = { ...image, ...sources };
    assert.deepEqual(await launchable(all, false, asking('with').ask), all);
    assert.deepEqual(await launchable(all, false, asking('without').ask), image);
  });

  test('what is no text is asked about too', async () => {
    const { ask, asked } = asking(undefined);
    await launchable({ ...image, symbols: ['/etc/a', '/etc/b'] }, false, ask);
    assert.deepEqual(asked, [['symbols: ["/etc/a","/etc/b"]']]);
  });
});

test('in a folder that is trusted nothing is asked', async () => {
  const { ask, asked } = asking('without');
  const all = { ...image, ...sources };
  assert.deepEqual(await launchable(all, true, ask), all);
  assert.equal(asked.length, 0);
});

test('a scenario that runs opens no file but its own', async () => {
  const examples = join(root, 'examples');
  const opened: string[] = [];
  const host = nodeHost();
  const watched = {
    ...host,
    runScenario,
    openFile: (path: string) => {
      opened.push(path);
      return host.openFile(path);
    },
  };
  // Those that map files, and that read /proc/kcore: all of the machine's own.
  const paths = ['000-vread-vm-map-ram.kmm', '001-pagemap-scan.kmm'].map((file) => join(examples, file));
  for (const path of paths) await hostWithScenarios(watched, [path]);
  assert.deepEqual(opened, paths);
});
