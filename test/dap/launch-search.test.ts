/** Launching images whose memory must be searched for the kernel: in a thread, with progress, cancellable. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { WorkerThread } from '../../debug-adapter/base/worker.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { runJob } from '../../debug-adapter/session/jobs.ts';
import type { JobMessage, JobReport } from '../../debug-adapter/session/jobs.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { InfoFacts } from '../../debug-adapter/protocol/facts.ts';
import { bytesFile, dumpRuns, fileHost, pieceOf, pieceOfFile, sparseFile } from '../builders/file-host.ts';
import { limeRecord, recordHeader } from '../builders/lime-file.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';
import { RawClient } from './raw-client.ts';

const name = 'riscv64-sv48';
const skip = absent(name) ?? false;

interface Puppet {
  readonly jobs: JobMessage[];
  report: (report: JobReport) => void;
  stopped: boolean;
}

/** LiME of a machine without a VMCOREINFO note, and threads that do nothing of their own. */
function machine(): { host: ReturnType<typeof nodeHost>; threads: Puppet[]; file: ReturnType<typeof sparseFile> } {
  const path = expandedDump(name, 'vmcore.elf');
  const run = dumpRuns(path).at(-1);
  assert.ok(run);
  const head = recordHeader('EMiL', { start: BigInt(run.physical), last: BigInt(run.physical + run.size - 1) });
  const file = sparseFile([pieceOf(0, head), pieceOfFile(32, { path, start: run.offset, size: run.size })], 32 + run.size);
  const threads: Puppet[] = [];
  const startWorker = (): WorkerThread => {
    const puppet: Puppet = { jobs: [], report: () => undefined, stopped: false };
    threads.push(puppet);
    return {
      post: (message) => puppet.jobs.push(message as JobMessage),
      listen: (heard) => {
        puppet.report = heard;
      },
      stop: () => {
        puppet.stopped = true;
      },
    };
  };
  return { host: { ...fileHost({ lime: file.open }), startWorker }, threads, file };
}

async function launching(client: RawClient, threads: readonly Puppet[]): Promise<{ seq: number; puppet: Puppet; id: number }> {
  await client.body('initialize', { supportsProgressReporting: true });
  const seq = client.send('launch', { image: 'lime' });
  // Requests are answered in order: when this one is, that one runs.
  await client.ask('setExceptionBreakpoints');
  const [puppet] = threads;
  assert.ok(puppet !== undefined);
  assert.deepEqual(
    puppet.jobs.map((job) => [job.name, job.image.paths]),
    [['opening', ['lime']]],
  );
  return { seq, puppet, id: puppet.jobs[0]?.id ?? 0 };
}

describe('an image whose memory must be searched', { skip }, () => {
  test('the search is the thread’s; this one opens the image with what it found, without reading all of it', async () => {
    const { host, threads, file } = machine();
    const client = new RawClient(host);
    const { seq, puppet, id } = await launching(client, threads);
    assert.ok(file.readBytes < 2 ** 20, `${file.readBytes} bytes were read`);
    assert.equal(client.replies.has(seq), false);
    puppet.report({ id, kind: 'progress', step: 'looking for the kernel in memory', done: 1, total: 2 });
    const there = openSession(host, { paths: ['lime'] });
    const scanned = runJob(there, { name: 'opening', asked: {} }, { host, token: neverCancelled, progress: () => undefined });
    there.close();
    const earlier = file.readBytes;
    puppet.report({ id, kind: 'answer', result: structuredClone(scanned) });
    assert.equal((await client.replyTo(seq)).success, true);
    assert.ok(file.readBytes - earlier < 2 ** 25, `${file.readBytes - earlier} bytes were read`);
    await client.body('configurationDone');
    const info = await client.body<InfoFacts>('pagewalk/info', {});
    assert.deepEqual([info.format, info.architecture], ['LiME', 'riscv64']);
    const told = client.events
      .filter(({ event }) => event.startsWith('progress'))
      .map(({ event, body }) => ({ event, ...(body as object) }));
    const progressId = `request ${seq}`;
    assert.deepEqual(told, [
      { event: 'progressStart', progressId, requestId: seq, title: 'Opening the image', cancellable: true, percentage: 0 },
      { event: 'progressUpdate', progressId, message: 'looking for the kernel in memory', percentage: 50 },
      { event: 'progressEnd', progressId },
    ]);
    await client.body('disconnect');
    assert.ok(puppet.stopped);
  });

  for (const by of ['requestId', 'progressId', 'disconnect'] as const) {
    test(`the launch is cancelled by ${by}`, async () => {
      const { host, threads } = machine();
      const client = new RawClient(host);
      const { seq, puppet } = await launching(client, threads);
      if (by === 'disconnect') await client.body('disconnect');
      else await client.body('cancel', by === 'requestId' ? { requestId: seq } : { progressId: `request ${seq}` });
      const reply = await client.replyTo(seq);
      assert.deepEqual([reply.success, reply.message], [false, 'cancelled']);
      assert.ok(puppet.stopped);
      assert.equal(client.events.at(-1)?.event, 'progressEnd');
      for (const replies of client.replies.values()) assert.equal(replies.length, 1);
      if (by === 'disconnect') return;
      // Another image can be opened in the same session.
      assert.match((await client.ask('pagewalk/info', {})).message ?? '', /no image is open/);
      const again = client.send('launch', { image: 'lime' });
      await client.ask('setExceptionBreakpoints');
      assert.equal(threads.length, 2);
      await client.body('disconnect');
      assert.equal((await client.replyTo(again)).message, 'cancelled');
    });
  }

  test('what is wrong with the image is told by the thread', async () => {
    const { host, threads } = machine();
    const client = new RawClient(host);
    const { seq, puppet, id } = await launching(client, threads);
    puppet.report({ id, kind: 'refused', code: 'unsupported-architecture', message: 'lime: no Linux kernel was recognised' });
    assert.equal((await client.replyTo(seq)).message, 'lime: no Linux kernel was recognised');
    assert.ok(puppet.stopped);
    await client.body('disconnect');
  });

  test('a second launch meanwhile is refused', async () => {
    const { host, threads } = machine();
    const client = new RawClient(host);
    const { seq } = await launching(client, threads);
    assert.match((await client.ask('launch', { image: 'lime' })).message ?? '', /is open already/);
    assert.equal(client.replies.has(seq), false);
    await client.body('disconnect');
  });
});

describe('in a thread of the built program', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pagewalk-launch-'));
  const image = join(folder, 'ram');
  let base: string;
  before(() => {
    const path = expandedDump(name, 'vmcore.elf');
    const run = dumpRuns(path).at(-1);
    assert.ok(run);
    writeFileSync(image, readFileSync(path).subarray(run.offset, run.offset + run.size));
    base = `0x${run.physical.toString(16)}`;
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const host = nodeHost(pathToFileURL(join(root, 'dist/pagewalk.js')));

  test('raw memory is searched, and opened with what was found', async () => {
    const client = new RawClient(host);
    await client.launch({ image, base }, { supportsProgressReporting: true });
    const info = await client.body<InfoFacts>('pagewalk/info', {});
    assert.deepEqual([info.format, info.architecture], ['raw memory', 'riscv64']);
    const steps = client.events.filter(({ event }) => event === 'progressUpdate').map(({ body }) => (body as { message: string }).message);
    assert.ok(steps.includes('looking for the kernel in memory'), steps.join());
    await client.body('disconnect');
  });

  test('cancelled while it is searched, the launch ends, and another works', async () => {
    const client = new RawClient(host);
    await client.body('initialize', {});
    const seq = client.send('launch', { image, base });
    assert.equal((await client.ask('cancel', { requestId: seq })).success, true);
    assert.equal((await client.replyTo(seq)).message, 'cancelled');
    await client.body('launch', { image, base });
    await client.body('disconnect');
    for (const replies of client.replies.values()) assert.equal(replies.length, 1);
  });
});

test('an image that tells of its kernel starts no thread', async () => {
  let threads = 0;
  const startWorker = (): WorkerThread => {
    threads++;
    throw new Error('no thread is needed');
  };
  const client = new RawClient({ ...nodeHost(), startWorker });
  await client.launch({ image: bundled.image });
  assert.equal(threads, 0);
  await client.body('disconnect');
});

test('where there are no threads, the search is made at once', async () => {
  const host = { ...fileHost({ lime: bytesFile(limeRecord(0, new Uint8Array(8192))) }), startWorker: undefined };
  const client = new RawClient(host);
  await client.body('initialize', {});
  assert.match((await client.ask('launch', { image: 'lime' })).message ?? '', /no Linux kernel was recognised/);
  await client.body('disconnect');
});
