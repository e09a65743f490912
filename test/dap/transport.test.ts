/** What a client may send instead of whole, short messages: nothing of it is kept without bound, and what can be answered is. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { limits } from '../../debug-adapter/base/limits.ts';
import { MessageStream } from '../../debug-adapter/dap/message-stream.ts';
import { DapServer } from '../../debug-adapter/dap/server.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { bundled } from '../support/dumps.ts';
import { underLimits } from '../support/lowered-limits.ts';
import { fc } from '../support/properties.ts';
import { RawClient } from './raw-client.ts';

const { image } = bundled;

function framed(text: string): string {
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

/** What an event says. */
function outputOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'output' in body ? String(body.output) : '';
}

/** A stream of its own: what it let through, and what it said. */
function passing(): { stream: MessageStream; passed: () => string; said: string[] } {
  const said: string[] = [];
  const stream = new MessageStream({ tooLong: (bytes) => said.push(`too long: ${bytes}`), notTheProtocol: () => said.push('broken') });
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  return { stream, passed: () => Buffer.concat(parts).toString(), said };
}

describe('messages', () => {
  test('come through whole, however they are cut', () => {
    const message = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('', 'Content-Length: 3\r\n\r\nabc', '\r\n\r\n'),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(300), { maxLength: 20 }), (messages, cuts) => {
        const { stream, passed, said } = passing();
        const whole = Buffer.from(messages.map(framed).join(''));
        let at = 0;
        for (const cut of [...cuts, whole.length]) {
          stream.write(whole.subarray(at, at + cut));
          at += cut;
        }
        // An empty message is let through with the next byte.
        stream.write(framed('end'));
        assert.equal(passed(), `${messages.map(framed).join('')}${framed('end')}`);
        assert.deepEqual(said, []);
      }),
    );
  });

  test('fields may be written in another case, and the type may be told', () => {
    const { stream, passed } = passing();
    stream.write('content-type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:2\r\n\r\n{}');
    assert.equal(passed(), framed('{}'));
  });

  test('one that is announced too long is skipped as it comes; the one behind it is not', () => {
    const { stream, passed, said } = passing();
    const length = limits.requestBytes + 1;
    stream.write(`Content-Length: ${length}\r\n\r\n`);
    assert.deepEqual(said, [`too long: ${length}`]);
    const part = Buffer.alloc(1 << 20, 'x');
    for (let left = length; left > 0; left -= part.length) stream.write(part.subarray(0, left));
    assert.equal(stream.readableLength + stream.writableLength, 0);
    stream.write(framed('{}'));
    assert.equal(passed(), framed('{}'));
  });

  for (const [name, header] of [
    ['HTTP, of which a browser sends what a page wants', 'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}'],
    ['a header without a length', 'Content-Type: x\r\n\r\n{}'],
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}'],
    ['a negative length', 'Content-Length: -2\r\n\r\n{}'],
    ['a length that no number holds', 'Content-Length: 99999999999999999999\r\n\r\n{}'],
    ['a header without end', 'Content-Length: '.padEnd(limits.requestHeaderBytes + 8, ' ')],
    ['an empty header', '\r\n\r\n{}'],
  ] as const) {
    test(`${name} ends the reading`, () => {
      const { stream, passed, said } = passing();
      stream.write(header);
      stream.write(framed('{}'));
      assert.deepEqual([passed(), said], ['', ['broken']]);
    });
  }
});

describe('an adapter', () => {
  test('answers a request that comes byte by byte, and those behind one that is too long', async () => {
    const client = new RawClient();
    await client.launch({ image });
    const text = framed(JSON.stringify({ seq: 1000, type: 'request', command: 'threads' }));
    for (const character of text) client.bytes(character);
    assert.equal((await client.replyTo(1000)).success, true);
    client.bytes(`Content-Length: ${limits.requestBytes + 1}\r\n\r\n`);
    client.bytes(Buffer.alloc(limits.requestBytes + 1));
    assert.equal((await client.ask('threads')).success, true);
    assert.ok(client.events.some(({ body }) => outputOf(body).includes(`a message of ${limits.requestBytes + 1} bytes was not read`)));
    await client.body('disconnect');
  });

  test('does not answer what a web page posts to its port: it says so and ends', async () => {
    const client = new RawClient();
    await client.launch({ image });
    const request = JSON.stringify({ seq: 1000, type: 'request', command: 'threads' });
    client.bytes(`POST / HTTP/1.1\r\nHost: 127.0.0.1:4711\r\nContent-Length: ${request.length}\r\n\r\n${request}`);
    await client.event(({ body }) => outputOf(body).includes('not the Debug Adapter Protocol'));
    assert.equal(client.ended, true);
    client.raw(request);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.equal(client.replies.has(1000), false);
  });

  test('answers a flood of requests, each once and in order', async () => {
    const client = new RawClient();
    await client.launch({ image });
    const count = 3 * limits.waitingRequests;
    const numbers = Array.from({ length: count }, () => client.send('evaluate', { expression: '1 + 1' }));
    await client.ask('threads');
    for (const number of numbers) assert.equal(client.replies.get(number)?.length, 1);
    assert.deepEqual([...client.replies.keys()].slice(-count - 1, -1), numbers);
    await client.body('disconnect');
  });

  test('keeps no more replies than the client reads', async () => {
    const input = new PassThrough();
    const output = new PassThrough({ highWaterMark: 1024 });
    new DapServer(nodeHost(), { onEnd: () => undefined }).start(input, output);
    const send = (seq: number, command: string, parameters: object = {}): void => {
      input.write(framed(JSON.stringify({ seq, type: 'request', command, arguments: parameters })));
    };
    send(1, 'initialize');
    send(2, 'launch', { image });
    const bytes = 1 << 20;
    for (let seq = 3; seq < 203; seq++) send(seq, 'readMemory', { memoryReference: '0xffffffff81000000', count: bytes });
    let kept = 0;
    for (let turn = 0; turn < 2000; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      kept = Math.max(kept, output.readableLength + output.writableLength);
    }
    assert.ok(kept < 4 * bytes, `${kept} bytes`);
    // Those that wait are answered once it reads.
    let heard = '';
    let replies = 0;
    await new Promise<void>((resolve) => {
      output.on('data', (part: Buffer) => {
        heard = heard.slice(-100) + part.toString('latin1');
        replies += part.toString('latin1').split('"request_seq":').length - 1;
        if (heard.includes('"request_seq":202') || replies === 202) resolve();
      });
    });
    send(203, 'disconnect');
  });

  test('survives JSON of any depth', async () => {
    const client = new RawClient();
    await client.launch({ image });
    const depth = 200_000;
    const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    for (const [command, name] of [
      ['evaluate', 'expression'],
      ['setBreakpoints', 'breakpoints'],
      ['launch', 'image'],
      ['pagewalk/translate', 'addresses'],
    ])
      client.raw(`{"seq":${1000 + depth},"type":"request","command":"${command}","arguments":{"${name}":${deep}}}`);
    assert.equal((await client.ask('threads')).success, true);
    assert.equal(client.replies.get(1000 + depth)?.length, 4);
    for (const { message } of client.replies.get(1000 + depth) ?? []) assert.doesNotMatch(message ?? '', /defect/);
    await client.body('disconnect');
  });

  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const noName = /^a request has a name \(command\), which is a text$/;
  for (const [name, members, message] of [
    ['no name', '"seq":1000', noName],
    ['null as its name', '"seq":1000,"command":null', noName],
    ['a name that no text can be made of', '"seq":1000,"command":{"toString":1,"valueOf":1}', noName],
    ['a name of a hundred thousand lists', `"seq":1000,"command":${deep}`, noName],
    [
      'a name of a million characters',
      `"seq":1000,"command":"${'x'.repeat(1e6)}"`,
      new RegExp(`^Pagewalk does not answer the request x{100}…: .* ${limits.commandCharacters} `),
    ],
    [
      'a list as its arguments',
      '"seq":1000,"command":"pagewalk/addressSpaces","arguments":[]',
      /^the arguments of a request are an object with their names$/,
    ],
    [
      'a number as its arguments',
      '"seq":1000,"command":"cancel","arguments":5',
      /^the arguments of a request are an object with their names$/,
    ],
    ['no number', '"command":"threads"', undefined],
    ['a number that no text can be made of', '"seq":{"toString":1},"command":"threads"', undefined],
    ['a number of a hundred thousand lists', `"seq":${deep},"command":"threads"`, undefined],
  ] as const) {
    test(`hears a request with ${name} and goes on`, async () => {
      const client = new RawClient();
      client.raw(`{"type":"request",${members}}`);
      if (message === undefined) await client.event(({ body }) => outputOf(body).includes('not read: it is a request without a number'));
      else assert.match((await client.replyTo(1000)).message ?? '', message);
      assert.equal((await client.ask('initialize')).success, true);
      assert.equal(client.replies.size, message === undefined ? 1 : 2);
      await client.body('disconnect');
    });
  }

  for (const nonsense of ['null', '5', '"request"', '[]', '{}']) {
    test(`says in words that ${nonsense} is no message`, async () => {
      const client = new RawClient();
      client.raw(nonsense);
      await client.event(({ body }) => outputOf(body) === 'a message of the client was not read: it is no object with a type\n');
      await client.body('disconnect');
    });
  }

  test('keeps no more of what it answers at once than the client reads', async () => {
    const input = new PassThrough();
    const output = new PassThrough({ highWaterMark: 1024 });
    new DapServer(nodeHost(), { onEnd: () => undefined }).start(input, output);
    const unreadBytes = limits.unreadBytes / 512;
    await underLimits({ unreadBytes }, async () => {
      const count = 10_000;
      for (let seq = 1; seq <= count; seq++) {
        input.write(framed(JSON.stringify({ seq, type: 'request', command: 'cancel', arguments: {} })));
        if (seq % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(output.readableLength + output.writableLength < 2 * unreadBytes);
      // All are answered once it reads.
      let heard = '';
      output.on('data', (part: Buffer) => {
        heard += part.toString('latin1');
      });
      while (!heard.includes(`"request_seq":${count}`)) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(heard.split('"request_seq":').length - 1, count);
    });
  });

  test('tells of a defect without the folders in which the program lies', async () => {
    const openFile = (): never => {
      throw new TypeError('a defect that the test makes');
    };
    const client = new RawClient({ ...nodeHost(), openFile });
    await client.body('initialize');
    const { message = '' } = await client.ask('launch', { image });
    assert.match(message, /^this is a defect of Pagewalk, please report it: TypeError: a defect that the test makes/);
    assert.match(message, /transport\.test\.ts:\d+/);
    assert.equal(message.includes('/'), false, message);
    await client.body('disconnect');
  });

  test('whose client goes away in the middle of a message ends', async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    let ends = 0;
    new DapServer(nodeHost(), { onEnd: () => ends++ }).start(input, output);
    input.write('Content-Length: 100\r\n\r\n{"seq":');
    input.destroy(new Error('reset'));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.equal(ends, 1);
  });
});
