/** Threads and clients that die in the middle of something: what was asked is answered once, and what is left goes on or ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundled } from '../support/dumps.ts';
import { MortalHost, program } from '../support/mortal-host.ts';
import { RawClient } from './raw-client.ts';

const { image } = bundled;
const path = fileURLToPath(program);

test('a thread that is ended under its jobs: each is refused with what to do, and the next starts another', async () => {
  const { host, threads } = new MortalHost();
  const client = new RawClient(host);
  await client.launch({ image });
  const jobs = ['pagewalk/findings', 'pagewalk/pageCategories', 'pagewalk/findings'].map((command) => client.send(command, {}));
  // Requests are answered in order: when this one is, those run.
  assert.equal((await client.ask('threads')).success, true);
  assert.equal(threads.length, 1);
  threads[0]?.stop();
  for (const job of jobs) {
    const { success, message = '' } = await client.replyTo(job);
    assert.equal(success, false);
    assert.match(message, /its thread ended \(.*\); ask again/);
  }
  assert.equal((await client.ask('pagewalk/info', {})).success, true);
  const { categories } = await client.body<{ categories: object }>('pagewalk/pageCategories', {});
  assert.ok('kernel' in categories);
  assert.equal(threads.length, 2);
  await client.body('disconnect');
  for (const replies of client.replies.values()) assert.equal(replies.length, 1);
});

describe('the program on standard input', () => {
  const framed = (seq: number, command: string, parameters: object): string => {
    const text = JSON.stringify({ seq, type: 'request', command, arguments: parameters });
    return `Content-Length: ${text.length}\r\n\r\n${text}`;
  };
  const begin = framed(1, 'initialize', {}) + framed(2, 'launch', { image }) + framed(3, 'configurationDone', {});
  for (const [name, last] of [
    ['idle', ''],
    ['in the middle of a message', 'Content-Length: 1000\r\n\r\n{"seq":'],
    ['in the middle of a header', 'Content-Le'],
    ['while a thread works', framed(4, 'pagewalk/findings', {})],
    ['before a message of a gigabyte', 'Content-Length: 1073741824\r\n\r\n{"seq":'],
  ] as const) {
    test(`ends when its client does, ${name}`, async () => {
      const child = spawn(process.execPath, [path, 'dap'], { stdio: ['pipe', 'pipe', 'pipe'] });
      let complaints = '';
      child.stderr.on('data', (bytes: Buffer) => (complaints += bytes.toString()));
      child.stdin.write(begin);
      // It has answered all three.
      let heard = '';
      for await (const bytes of child.stdout as AsyncIterable<Buffer>) {
        heard += bytes.toString();
        if (heard.includes('"event":"stopped"')) break;
      }
      child.stdin.end(last);
      assert.deepEqual(await once(child, 'exit'), [0, null]);
      assert.equal(complaints, '');
    });
  }

  test('ends when nobody reads what it writes', async () => {
    const child = spawn(process.execPath, [path, 'dap'], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined);
    child.stdout.destroy();
    child.stdin.write(begin);
    const [status] = (await once(child, 'exit')) as [number | null];
    assert.equal(status, 0);
  });
});
