/** `pagewalk/pagemapScan`, `pagewalk/maps`, `pagewalk/tasks` and `pagewalk/pagemap`: the session's own facts; memory as a process sees it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { addressOf, bundled } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

const program = resolve(import.meta.dirname, '../../dist/pagewalk.js');
const pid = 198;

for (const [where, host] of [
  ['without threads', nodeHost()],
  ['in a thread of the built program', nodeHost(pathToFileURL(program))],
] as const) {
  describe(where, () => {
    const client = new RawClient(host);
    let session: Session;
    before(async () => {
      session = openSession(nodeHost(), { paths: [bundled.image] });
      await client.launch({ image: bundled.image });
    });
    after(async () => {
      session.close();
      await client.body('disconnect');
    });

    test("the session's own facts", async () => {
      const scan = { pid, categoryMask: 'HUGE|PRESENT', maxPages: 600 };
      const facts = await client.body<{ regions: unknown[] }>('pagewalk/pagemapScan', scan);
      assert.deepEqual(facts, session.pagemapScan({ ...scan, maxPages: '600' }));
      assert.ok(facts.regions.length > 0);
      assert.deepEqual(await client.body('pagewalk/maps', { pid }), session.maps(pid));
      assert.deepEqual(await client.body('pagewalk/tasks', {}), { tasks: session.tasks() });
      const range = { start: '0x200004000000', end: '0x200004040000' };
      assert.deepEqual(
        await client.body('pagewalk/pagemap', { pid, ...range }),
        session.pagemap(pid, { range: { start: addressOf(range.start), end: addressOf(range.end) } }),
      );
    });

    test("the kernel's refusal is an answer; what makes no sense is refused", async () => {
      const refused = await client.body<{ return: number; errno: string }>('pagewalk/pagemapScan', { pid, start: '0x1' });
      assert.deepEqual([refused.return, refused.errno], [-1, 'EINVAL']);
      for (const [asked, sentence] of [
        [{}, /argument pid cannot be used/],
        [{ pid, maxPages: -1 }, /argument maxPages cannot be used/],
        [{ pid, start: true }, /argument start cannot be used/],
        [{ pid, returnMask: 'NOTHING' }, /unknown word NOTHING/],
        [{ pid: 999_999 }, /no task has the PID 999999/],
        [{ pid: 2 }, /has no address space/],
      ] as const) {
        assert.match((await client.ask('pagewalk/pagemapScan', asked)).message ?? '', sentence);
      }
      assert.match((await client.ask('pagewalk/maps', { pid: 1.5 })).message ?? '', /argument pid cannot be used/);
    });
  });
}
