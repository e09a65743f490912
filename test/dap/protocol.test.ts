/** What every client may rely on: one reply a request, whatever it sends; launches that say what is wrong with them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { handlers } from '../../debug-adapter/dap/handlers.ts';
import { bundled } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

const { image } = bundled;

describe('one reply a request', () => {
  const client = new RawClient();
  before(() => client.launch({ image }));

  /** Everything but the end of the session, which would make the rest trivial. */
  const names = [...Object.keys(handlers), 'disassemble', 'attach', 'toString', '__proto__', 'constructor', ''].filter(
    (name) => name !== 'disconnect',
  );

  test('every command without arguments', async () => {
    for (const name of names) {
      const reply = await client.ask(name);
      assert.equal(reply.message?.includes('defect of Pagewalk') ?? false, false, reply.message);
    }
  });

  test('a message that is no JSON does not end the session', async () => {
    client.raw('{"seq": nonsense');
    client.raw('null');
    client.raw('');
    const { threads } = await client.body<{ threads: unknown[] }>('threads');
    assert.ok(threads.length > 4);
    assert.ok(client.events.some(({ event, body }) => event === 'output' && JSON.stringify(body).includes('cannot be read')));
  });

  test('a waiting request that is cancelled gets `cancelled`, and the cancel its own reply', async () => {
    const first = client.send('pagewalk/info', {});
    const second = client.send('pagewalk/ptdump', {});
    const cancel = await client.ask('cancel', { requestId: second });
    assert.equal(cancel.success, true);
    assert.equal((await client.replyTo(first)).success, true);
    const cancelled = await client.replyTo(second);
    assert.deepEqual([cancelled.success, cancelled.message], [false, 'cancelled']);
  });

  after(async () => {
    await client.body('disconnect');
    assert.equal(client.ended, true);
    const late = await client.ask('threads');
    assert.match(late.message ?? '', /no image is open/);
  });
});

describe('launch', () => {
  const refusals: readonly (readonly [string, object, RegExp])[] = [
    ['no image', {}, /no `image`/],
    ['an empty image', { image: '' }, /argument image cannot be used/],
    ['an image that is no path', { image: 5 }, /argument image cannot be used/],
    ['an empty list of images', { image: [] }, /image/],
    ['an image that is not there', { image: '/nowhere/vmcore' }, /no such file/],
    ['a folder', { image: '/' }, /is a directory/],
    ['a scenario that is not there', { scenario: 'a.kmm' }, /a\.kmm: no such file/],
    ['symbols that are not there', { image, symbols: '/nowhere/System.map' }, /setting symbols cannot be used: .*no such file/],
    ['types that are not there', { image, types: '/nowhere/btf' }, /setting types cannot be used: .*no such file/],
    ['types that are none', { image, types: image }, /setting types cannot be used/],
    ['vmlinux', { image, vmlinux: '/nowhere/vmlinux' }, /vmlinux/],
    ['an unknown process', { image, mm: '99999' }, /setting mm cannot be used: no task has the PID 99999/],
    ['an mm that is nothing', { image, mm: 'bogus' }, /setting mm cannot be used/],
  ];
  for (const [name, settings, message] of refusals) {
    test(`${name} is refused in one sentence, shown to the user, and the next launch works`, async () => {
      const client = new RawClient();
      await client.body('initialize');
      const refused = await client.ask('launch', settings);
      assert.equal(refused.success, false);
      assert.match(refused.message ?? '', message);
      assert.doesNotMatch(refused.message ?? '', /defect/);
      assert.equal((refused.body as { error: { showUser: boolean } }).error.showUser, true);
      assert.equal((await client.ask('threads')).success, false);
      assert.equal((await client.ask('configurationDone')).success, false);
      await client.body('launch', { image });
      assert.equal((await client.ask('launch', { image })).success, false);
      await client.body('configurationDone');
      assert.deepEqual(
        client.events.map(({ event }) => event),
        ['process', 'output', 'initialized', 'stopped'],
      );
      for (const replies of client.replies.values()) assert.equal(replies.length, 1);
      await client.body('disconnect');
    });
  }

  test('progress is told to a client that shows it', async () => {
    const client = new RawClient();
    await client.launch({ image }, { supportsProgressReporting: true });
    const events = client.events.map(({ event }) => event);
    assert.equal(events[0], 'progressStart');
    assert.ok(events.indexOf('progressEnd') < events.indexOf('initialized'));
    await client.body('disconnect');
  });
});
