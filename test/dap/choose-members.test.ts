/** A launch with one file of a split set, of which more files lie beside it than belong together. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { InfoFacts } from '../../debug-adapter/protocol/facts.ts';
import { absent, dumpFolder } from '../support/dumps.ts';
import { memoryHost } from '../support/memory-host.ts';
import { RawClient } from './raw-client.ts';

const name = 'x86-64-debian-6.12';

describe('members of a split set', { skip: absent(name) ?? false }, () => {
  const member = (number: number): Uint8Array => readFileSync(join(dumpFolder(name) ?? '', `mini/mini-split.${number}`));
  const set = (): Record<string, Uint8Array> => ({ one: member(1), two: member(2), three: member(3) });
  const copied = (): Record<string, Uint8Array> => ({ ...set(), 'a-cut': member(2).subarray(0, 500_000) });

  async function begun(files: Record<string, Uint8Array>): Promise<{ client: RawClient; seq: number }> {
    const client = new RawClient(memoryHost(files));
    await client.body('initialize', {});
    return { client, seq: client.send('launch', { image: 'one', askMembers: true }) };
  }

  test('all of one set are taken without a question, and named', async () => {
    const { client, seq } = await begun(set());
    assert.equal((await client.replyTo(seq)).success, true);
    const info = await client.body<InfoFacts>('pagewalk/info', {});
    assert.equal(info.format, 'split kdump-compressed (3 files)');
    assert.ok(!client.events.some(({ event }) => event === 'pagewalk/splitSet'));
    assert.ok(client.events.some(({ body }) => JSON.stringify(body ?? null).includes('one,two,three: split')));
    await client.body('disconnect');
  });

  test('the user is asked, and gets what was chosen', async () => {
    const { client, seq } = await begun(copied());
    const { body } = await client.event(({ event }) => event === 'pagewalk/splitSet');
    assert.deepEqual(
      (body as { members: { path: string; taken: boolean }[] }).members.map(({ path, taken }) => [path, taken]),
      [
        ['one', true],
        ['two', true],
        ['a-cut', false],
        ['three', true],
      ],
    );
    assert.equal(client.replies.has(seq), false);
    await client.body('pagewalk/chooseMembers', { paths: ['one', 'a-cut', 'three'] });
    assert.equal((await client.replyTo(seq)).success, true);
    const info = await client.body<InfoFacts>('pagewalk/info', {});
    assert.ok(info.warnings.some((warning) => warning.startsWith('a-cut is cut short at 500000 bytes')));
    assert.match((await client.ask('pagewalk/chooseMembers', { paths: ['one'] })).message ?? '', /no launch waits/);
    await client.body('disconnect');
  });

  test('one chosen alone: what the others held is told with its pages', async () => {
    const { client, seq } = await begun(copied());
    await client.event(({ event }) => event === 'pagewalk/splitSet');
    await client.body('pagewalk/chooseMembers', { paths: ['one', 'three'] });
    assert.equal((await client.replyTo(seq)).success, true);
    const info = await client.body<InfoFacts>('pagewalk/info', {});
    assert.ok(info.header.some((fact) => fact.name === 'missing member' && fact.value === 'pages 0x9274-0xf57c'));
    await client.body('disconnect');
  });

  for (const how of ['no choice', 'cancel', 'disconnect'] as const) {
    test(`${how}: the launch ends`, async () => {
      const { client, seq } = await begun(copied());
      await client.event(({ event }) => event === 'pagewalk/splitSet');
      if (how === 'no choice') await client.body('pagewalk/chooseMembers', { paths: [] });
      else if (how === 'cancel') await client.body('cancel', { requestId: seq });
      else await client.body('disconnect');
      assert.equal((await client.replyTo(seq)).message, 'cancelled');
      for (const replies of client.replies.values()) assert.equal(replies.length, 1);
      if (how !== 'disconnect') await client.body('disconnect');
    });
  }

  test('a client that does not ask is told of the file that is left out', async () => {
    const client = new RawClient(memoryHost(copied()));
    await client.launch({ image: 'one' });
    const info = await client.body<InfoFacts>('pagewalk/info', {});
    assert.equal(info.format, 'split kdump-compressed (3 files)');
    assert.ok(info.warnings.some((warning) => warning.startsWith('a-cut: lies beside the split dump and holds pages 0x9274-0xf57c')));
    await client.body('disconnect');
  });
});
