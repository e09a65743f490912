/** A scenario as the `image` of a launch configuration: its machine at the end is what the session is about. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runScenario } from '../../debug-adapter/lsp/language-server.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { FindingsFacts } from '../../debug-adapter/protocol/facts.ts';
import { RawClient } from './raw-client.ts';

const made = mkdtempSync(join(tmpdir(), 'pagewalk-scenario-launch-'));
after(() => {
  rmSync(made, { recursive: true });
});

function scenario(name: string, text: string): string {
  const path = join(made, name);
  writeFileSync(path, text);
  return path;
}

const host = { ...nodeHost(), runScenario };

describe('a scenario as the image', () => {
  test('opens as the machine that it leaves', async () => {
    const image = scenario('fine.kmm', 'machine { ram 64M }\nlet a = vmalloc(4K, prot: PAGE_KERNEL_EXEC)\nfill(a, 4K, "x")\n');
    const client = new RawClient(host);
    await client.launch({ image });
    const facts = await client.body<FindingsFacts>('pagewalk/findings', {});
    assert.deepEqual(
      facts.findings.map(({ kind, virtual }) => [kind, virtual]),
      [['writable-executable', '0xffffc90000000000']],
    );
    const { data } = await client.body<{ data: string }>('readMemory', { memoryReference: '0xffffc90000000000', count: 4 });
    assert.equal(Buffer.from(data, 'base64').toString(), 'xxxx');
    await client.body('disconnect');
  });

  test('that fails is refused, with the place', async () => {
    const client = new RawClient(host);
    await client.ask('initialize', { adapterID: 'pagewalk' });
    const image = scenario('fails.kmm', 'machine { ram 64M }\nvfree(0xffffc90000000000)\n');
    const refused = await client.ask('launch', { image });
    assert.equal(refused.success, false);
    assert.match(refused.message ?? '', /fails\.kmm:2:1: ./);
    const again = await client.ask('launch', { image: scenario('late.kmm', 'machine { ram 64M }\n') });
    assert.equal(again.success, true);
    await client.body('disconnect');
  });

  test('that does not end is cancelled', async () => {
    const client = new RawClient(host);
    await client.ask('initialize', { adapterID: 'pagewalk' });
    const seq = client.send('launch', { image: scenario('endless.kmm', 'machine { ram 64M }\nlet n = 0\nwhile true { n = n + 1 }\n') });
    await client.ask('cancel', { requestId: seq });
    assert.equal((await client.replyTo(seq)).message, 'cancelled');
    await client.body('disconnect');
  });
});
