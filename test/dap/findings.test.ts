/** `pagewalk/findings`: the same facts as the session's, in a thread or without one; progress, refusals, cancelling. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { FindingsFacts } from '../../debug-adapter/protocol/facts.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

const program = resolve(import.meta.dirname, '../../dist/pagewalk.js');

for (const [where, host] of [
  ['without threads', nodeHost()],
  ['in a thread of the built program', nodeHost(pathToFileURL(program))],
] as const) {
  describe(where, () => {
    const client = new RawClient(host);
    before(() => client.launch({ image: bundled.image }, { supportsProgressReporting: true }));
    after(() => client.body('disconnect'));

    test("all address spaces: the session's own facts, with progress", async () => {
      const facts = await client.body<FindingsFacts>('pagewalk/findings', {});
      const session = openSession(nodeHost(), { paths: [bundled.image] });
      assert.deepEqual(facts, JSON.parse(JSON.stringify(session.findings({}))));
      session.close();
      assert.ok(
        client.events.some(({ event, body }) => event === 'progressUpdate' && JSON.stringify(body).includes('checking page tables')),
      );
      assert.ok(client.events.some(({ event }) => event === 'progressEnd'));
    });

    test('one address space', async () => {
      const facts = await client.body<FindingsFacts>('pagewalk/findings', { mm: 'kernel' });
      assert.equal(facts.spaces, 1);
      assert.notEqual(facts.debugWx, null);
    });

    test('what cannot be asked is told', async () => {
      assert.match((await client.ask('pagewalk/findings', { mm: '999999' })).message ?? '', /no task has the PID 999999/);
      assert.match((await client.ask('pagewalk/findings', { mm: 7 })).message ?? '', /argument mm cannot be used/);
    });

    test('cancelled, it says so, and the next request is answered', async () => {
      const seq = client.send('pagewalk/findings', {});
      await client.ask('cancel', { requestId: seq });
      const reply = await client.replyTo(seq);
      // Without threads it is answered before the cancelling is heard.
      if (where !== 'without threads') assert.equal(reply.message, 'cancelled');
      assert.equal((await client.ask('pagewalk/findings', {})).success, true);
    });
  });
}

test('damage in a process is told with what to ask for next', { skip: absent('x86-64') ?? false }, async () => {
  const client = new RawClient();
  await client.launch({ image: expandedDump('x86-64', 'vmcore-corrupt-user.elf') });
  const { findings } = await client.body<FindingsFacts>('pagewalk/findings', {});
  const wild = findings.find(({ kind }) => kind === 'wild-table');
  assert.ok(wild);
  const walk = await client.body<{ results: { levels: { entryAddress: string }[] }[] }>('pagewalk/translate', {
    addresses: [wild.virtual],
    mm: wild.mm,
  });
  assert.ok(walk.results[0]?.levels.some(({ entryAddress }) => entryAddress === wild.entryAddress));
  await client.body('disconnect');
});
