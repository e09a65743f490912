/** An adapter that listens: whom it hears, that sessions do not meet, and that nothing is left of those that are over. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ByteSource, Host } from '../../debug-adapter/base/host.ts';
import { limits } from '../../debug-adapter/base/limits.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { connected } from '../support/connected.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { listen } from '../support/listening.ts';
import type { Listening } from '../support/listening.ts';
import { program } from '../support/mortal-host.ts';
import { RawClient } from './raw-client.ts';

const { image } = bundled;

async function clientOf(port: number): Promise<{ client: RawClient; socket: Socket; closed: Promise<void> }> {
  const socket = await connected(port);
  const closed = new Promise<void>((resolve) =>
    socket.on('close', () => {
      resolve();
    }),
  );
  return { client: new RawClient(socket), socket, closed };
}

describe('a port', () => {
  let adapter: Listening;
  before(async () => {
    adapter = await listen();
  });
  after(() => adapter.end());

  test('is of the loopback alone', { skip: process.platform === 'linux' ? false : 'needs /proc/net' }, () => {
    const local = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((protocol) =>
      readFileSync(`/proc/self/net/${protocol}`, 'utf8')
        .split('\n')
        .slice(1)
        .map((line) => ({ protocol, local: line.trim().split(/\s+/)[1] ?? '' })),
    );
    const hex = adapter.port.toString(16).toUpperCase().padStart(4, '0');
    assert.deepEqual(
      [...new Set(local.filter((each) => each.local.endsWith(`:${hex}`)).map((each) => `${each.protocol} ${each.local}`))],
      [`tcp 0100007F:${hex}`],
    );
  });

  test('serves several clients at a time, each with its own image', { skip: absent('x86-64') ?? false }, async () => {
    const [first, second] = await Promise.all([clientOf(adapter.port), clientOf(adapter.port)]);
    await Promise.all([first.client.launch({ image }), second.client.launch({ image: expandedDump('x86-64', 'vmcore.elf') })]);
    const release = (client: RawClient): Promise<{ release: string; format: string }> => client.body('pagewalk/info', {});
    const [one, two] = await Promise.all([release(first.client), release(second.client)]);
    assert.match(one.format, /kdump/);
    assert.match(two.format, /ELF/);
    // One that vanishes in the middle of a message, and one that sends nonsense, disturb nobody.
    second.client.bytes('Content-Length: 1000\r\n\r\n{"seq":');
    second.socket.destroy();
    const third = await clientOf(adapter.port);
    third.client.bytes('GET / HTTP/1.1\r\n\r\n');
    await third.closed;
    assert.equal((await release(first.client)).release, one.release);
    await first.client.body('disconnect');
    await first.closed;
  });

  test('takes no more clients than it is to', async () => {
    const sockets = await Promise.all(Array.from({ length: limits.clients }, () => connected(adapter.port)));
    const over = await connected(adapter.port);
    await new Promise((resolve) => over.on('close', resolve));
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve))));
  });
});

describe('a token', () => {
  const token = 'a token of the test';
  let adapter: Listening;
  before(async () => {
    adapter = await listen(nodeHost(), token);
  });
  after(() => adapter.end());

  test('is not printed', () => {
    assert.match(adapter.line, /for clients that know the token$/);
    assert.equal(adapter.line.includes(token), false);
  });

  test('must be given before anything is told: requests without it open no file', async () => {
    const { client, closed } = await clientOf(adapter.port);
    assert.equal((await client.ask('initialize')).success, true);
    for (const [command, parameters] of [
      ['launch', { image }],
      ['pagewalk/ptdumpDiff', { before: image, other: image }],
      ['pagewalk/ptdump', { other: image }],
      ['threads', { token }],
      ['cancel', { requestId: 1 }],
    ] as const) {
      const reply = await client.ask(command, parameters);
      if (command === 'cancel') continue;
      assert.equal(reply.success, false, command);
      assert.match(reply.message ?? '', /wants a token; give the one with which it was started as `token`/, command);
    }
    await client.body('disconnect');
    await closed;
  });

  for (const wrong of ['', 'a token of the tesT', `${token} `, 5, null, ['a token of the test']]) {
    test(`that is wrong ends the connection: ${JSON.stringify(wrong)}`, async () => {
      const { client, closed } = await clientOf(adapter.port);
      const reply = await client.ask('launch', { image, token: wrong });
      assert.match(reply.message ?? '', /the token is not the one/);
      await closed;
    });
  }

  test('that does not come in time ends the connection, in words; one that came keeps it', async () => {
    const impatient = await listen(nodeHost(), token, 2000);
    const known = await clientOf(impatient.port);
    assert.equal((await known.client.ask('initialize', { token })).success, true);
    const strangers = await Promise.all([clientOf(impatient.port), clientOf(impatient.port)]);
    const told = strangers.map(({ client }) => client.event(({ event }) => event === 'output'));
    assert.equal((await strangers[0].client.ask('initialize')).success, true);
    for (const { body } of await Promise.all(told)) assert.match((body as { readonly output: string }).output, /wants a token/);
    await Promise.all(strangers.map(({ closed }) => closed));
    assert.equal((await known.client.ask('initialize')).success, true);
    await known.client.body('disconnect');
    await impatient.end();
  });

  test('may come with launch, or with initialize', async () => {
    const first = await clientOf(adapter.port);
    await first.client.launch({ image, token });
    assert.equal((await first.client.ask('threads')).success, true);
    await first.client.body('disconnect');
    const second = await clientOf(adapter.port);
    await second.client.launch({ image }, { token });
    assert.equal((await second.client.ask('threads')).success, true);
    await second.client.body('disconnect');
  });
});

/** Clients leave in both ways; some of them when a thread works for them. */
function manners(at: number): ['disconnect' | 'vanish', boolean] {
  return [at % 2 === 0 ? 'disconnect' : 'vanish', at % 12 < 2];
}

/** Everything that a session can hold on to is held once. */
async function useAndLeave(port: number, leave: 'disconnect' | 'vanish', threads = false): Promise<void> {
  const { client, socket, closed } = await clientOf(port);
  await client.launch({ image });
  const { stackFrames } = await client.body<{ stackFrames: { id: number }[] }>('stackTrace', { threadId: 1 });
  const { scopes } = await client.body<{ scopes: { variablesReference: number }[] }>('scopes', { frameId: stackFrames[0]?.id });
  for (const { variablesReference } of scopes) await client.body('variables', { variablesReference });
  await client.body('evaluate', { expression: 'init_task.comm' });
  await client.body('readMemory', { memoryReference: '0xffffd4bf800bd000', count: 8192 });
  if (threads) {
    await client.body('pagewalk/ptdump', {});
    // Answered by a thread; the second is still running when the client goes.
    await client.body('pagewalk/pageCategories', {});
    client.send('pagewalk/findings', {});
  }
  if (leave === 'disconnect') await client.body('disconnect');
  else socket.destroy();
  await closed;
}

test(
  '24 sessions at a time, and 24 one after another, leave nothing: no file, no thread, no socket, no session',
  { skip: process.platform === 'linux' ? false : 'needs /proc/self/fd' },
  async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const sources: WeakRef<ByteSource>[] = [];
    let open = 0;
    const real = nodeHost(program);
    const host: Host = {
      ...real,
      openFile: (path) => {
        const source = real.openFile(path);
        sources.push(new WeakRef(source));
        open++;
        const close = source.close.bind(source);
        source.close = () => {
          open--;
          close();
        };
        return source;
      },
    };
    const adapter = await listen(host);
    const settle = async (): Promise<{ descriptors: number; resources: string[] }> => {
      // Threads and sockets take a while to end; what stays is not gone however long it takes.
      let last = '';
      for (let calm = 0; calm < 20;) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        collect();
        const now = `${readdirSync('/proc/self/fd').length} ${process.getActiveResourcesInfo().join(' ')}`;
        calm = now === last ? calm + 1 : 0;
        last = now;
      }
      return { descriptors: readdirSync('/proc/self/fd').length, resources: process.getActiveResourcesInfo().sort() };
    };
    await useAndLeave(adapter.port, 'disconnect', true);
    await useAndLeave(adapter.port, 'vanish', true);
    const former = await settle();
    const count = 24;
    for (let at = 0; at < count; at++) await useAndLeave(adapter.port, ...manners(at));
    await Promise.all(Array.from({ length: count }, (_, at) => useAndLeave(adapter.port, ...manners(at))));
    assert.deepEqual(await settle(), former);
    assert.equal(open, 0);
    assert.ok(sources.length >= 2 * count);
    assert.equal(sources.filter((source) => source.deref() !== undefined).length, 0);
    await adapter.end();
  },
);
