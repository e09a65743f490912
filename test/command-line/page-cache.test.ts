/** How much memory decompressed pages may take: `--page-cache`, the launch attribute `pageCache`, and the setting behind it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Host } from '../../debug-adapter/base/host.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { RawClient } from '../dap/raw-client.ts';
import { bundled } from '../support/dumps.ts';
import { runInProcess } from '../support/in-process.ts';
import { root } from '../support/vscode.ts';

/** Counts how often each page is decompressed. */
function counting(): { host: Host; total: () => number; distinct: () => number } {
  const host = nodeHost();
  const seen = new Map<string, number>();
  const inflate = (input: Uint8Array, size: number): Uint8Array => {
    const key = `${input.length} ${Buffer.from(input.subarray(0, 64)).toString('latin1')}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    return host.codecs.inflate(input, size);
  };
  return {
    host: { ...host, startWorker: undefined, codecs: { ...host.codecs, inflate } },
    total: () => [...seen.values()].reduce((sum, count) => sum + count, 0),
    distinct: () => seen.size,
  };
}

describe('the size of the page cache', () => {
  test('on the command line: with enough each page is decompressed once, with less some are again', async () => {
    const enough = counting();
    assert.equal((await runInProcess(enough.host, 'vmalloc', bundled.image, '--page-cache', '64')).status, 0);
    assert.ok(enough.distinct() > 200, `${enough.distinct()} pages`);
    assert.ok(enough.total() <= enough.distinct() * 1.01, `${enough.total()} times ${enough.distinct()} pages`);
    // (Pages by their virtual addresses are kept beside it, a bounded number too.)
    const little = counting();
    assert.equal((await runInProcess(little.host, 'vmalloc', bundled.image, '--page-cache', '1')).status, 0);
    assert.ok(little.total() > enough.total(), `${little.total()} times, and ${enough.total()}`);
  });

  for (const text of ['0', '4097', '1.5', 'much']) {
    test(`what is no size: ${text}`, async () => {
      const { status, complaints } = await runInProcess(nodeHost(), 'info', bundled.image, '--page-cache', text);
      assert.equal(status, 2);
      assert.match(complaints.join(), /is no size for the page cache; give a whole number of MiB from 1 to 4096/);
    });
  }

  test('in a launch', async () => {
    const totals: number[] = [];
    for (const pageCache of [64, 1]) {
      const { host, total } = counting();
      const client = new RawClient(host);
      await client.launch({ image: bundled.image, pageCache });
      await client.body('pagewalk/vmallocAreas', {});
      await client.body('pagewalk/tasks', {});
      await client.body('disconnect');
      totals.push(total());
    }
    const [enough = 0, little = 0] = totals;
    assert.ok(little > enough, `${little} and ${enough}`);
    const client = new RawClient();
    await client.body('initialize', {});
    assert.match((await client.ask('launch', { image: bundled.image, pageCache: 0 })).message ?? '', /pageCache.*from 1 to 4096/);
    await client.body('disconnect');
  });

  test('the setting has the bounds of the launch attribute', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      contributes: {
        configuration: { properties: Record<string, { minimum?: number; maximum?: number; default?: number }> };
        debuggers: { configurationAttributes: { launch: { properties: Record<string, { minimum?: number; maximum?: number }> } } }[];
      };
    };
    const setting = manifest.contributes.configuration.properties['pagewalk.pageCache'];
    const attribute = manifest.contributes.debuggers[0]?.configurationAttributes.launch.properties['pageCache'];
    assert.deepEqual([setting?.minimum, setting?.maximum, setting?.default], [attribute?.minimum, attribute?.maximum, 32]);
    assert.deepEqual([attribute?.minimum, attribute?.maximum], [1, 4096]);
  });
});
