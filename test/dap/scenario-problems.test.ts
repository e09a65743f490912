/** What is wrong in a scenario's machine is told at the statement that made it so, as the run goes on and back. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ScenarioProblems } from '../../debug-adapter/protocol/scenario.ts';
import { root } from '../support/vscode.ts';
import { ScenarioClient } from './scenario-client.ts';

const text = `machine { ram 64M }
let a = vmalloc(4K)
let b = vmalloc(4K, prot: PAGE_KERNEL_EXEC)
fill(a, 4K, "x")
fill(b, 4K, "y")
vfree(b)
purge_vmap_area_lazy()
let c = vmalloc(8K, prot: PAGE_KERNEL_EXEC)
expect a == c
`;

async function told(client: ScenarioClient): Promise<[kind: string, line: number | undefined][]> {
  const { problems } = await client.ask<ScenarioProblems>('pagewalk/scenarioProblems');
  return problems.map(({ kind, place }) => [kind, place === null ? undefined : place.start.line + 1]);
}

describe('problems of a scenario', () => {
  test('stand at the statement that gave the entry its bytes, not where the run is', async () => {
    const client = await ScenarioClient.launch(text);
    try {
      await client.begin();
      assert.deepEqual(await told(client), []);
      for (let line = 2; line <= 4; line++) await client.move('next');
      assert.deepEqual(await told(client), [['writable-executable', 3]]);
      const { problems } = await client.ask<ScenarioProblems>('pagewalk/scenarioProblems');
      assert.match(problems[0]?.message ?? '', /^0xffffc90000002000: 4K writable and executable/);
      await client.move('stepBack');
      await client.move('stepBack');
      assert.deepEqual(await told(client), []);
      for (let line = 3; line <= 6; line++) await client.move('next');
      assert.deepEqual(await told(client), []);
      await client.move('continue');
      assert.deepEqual(await told(client), [
        ['failure', 9],
        ['writable-executable', 8],
      ]);
    } finally {
      await client.end();
    }
  });

  test('inside an operation, its own statement is told', async () => {
    const client = await ScenarioClient.launch(text);
    try {
      await client.begin();
      await client.move('next');
      for (let count = 0; count < 200 && (await told(client)).length === 0; count++) await client.move('stepIn');
      assert.deepEqual(await told(client), [['writable-executable', 3]]);
    } finally {
      await client.end();
    }
  });

  test('a root out of sync stands where the kernel unmapped, though the entry that is stale was written before', async () => {
    const lines = readFileSync(join(root, 'examples/004-pae-stale-mapping.kmm'), 'utf8').split('\n');
    // The page tables are cleared by vfree at once; what is lazy is the address (mm/vmalloc.c: free_vmap_area_noflush).
    const unmapped = lines.indexOf('vfree(a)') + 1;
    const client = await ScenarioClient.launch(lines.slice(0, unmapped).join('\n'));
    try {
      await client.begin();
      await client.move('continue');
      assert.deepEqual(await told(client), [['root-out-of-sync', unmapped]]);
    } finally {
      await client.end();
    }
  });

  test('what was written from outside belongs to no statement', async () => {
    const client = await ScenarioClient.launch('machine { ram 64M }\nlet a = vmalloc(4K)\nfill(a, 4K, "x")\n');
    try {
      await client.begin();
      await client.move('next');
      const a = (await client.variables('Variables'))[0]?.memoryReference ?? '';
      const { results } = await client.ask<{ results: { levels: { entryAddress: string; entry: string }[] }[] }>('pagewalk/translate', {
        addresses: [a],
      });
      const leaf = results[0]?.levels.at(-1);
      assert.ok(leaf !== undefined);
      // The direct map of a machine without KASLR begins there.
      const direct = `0x${(0xffff888000000000n + BigInt(leaf.entryAddress)).toString(16)}`;
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(leaf.entry) & ~(1n << 63n));
      await client.ask('writeMemory', { memoryReference: direct, data: bytes.toString('base64') });
      assert.deepEqual(await told(client), [['writable-executable', undefined]]);
    } finally {
      await client.end();
    }
  });

  test('a run without debugging tells them before it ends', async () => {
    const client = await ScenarioClient.launch(text, { noDebug: true });
    try {
      const event = client.client.waitForEvent('pagewalk/scenarioProblems', 60_000);
      const over = client.client.waitForEvent('terminated', 60_000);
      await client.client.configurationDoneRequest();
      const { path, problems } = (await event).body as ScenarioProblems;
      assert.equal(path, client.path);
      assert.deepEqual(
        problems.map(({ kind, severity }) => [kind, severity]),
        [
          ['failure', 'error'],
          ['writable-executable', 'warning'],
        ],
      );
      await over;
    } finally {
      await client.end();
    }
  });
});
