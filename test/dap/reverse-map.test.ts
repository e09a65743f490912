/** `pagewalk/reverseMap`: answered in a thread, with progress, cancelled in every way; other requests go on meanwhile. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Host } from '../../debug-adapter/base/host.ts';
import type { WorkerPort } from '../../debug-adapter/base/worker.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { ReverseMapFacts } from '../../debug-adapter/protocol/facts.ts';
import { serveJobs } from '../../debug-adapter/session/job-worker.ts';
import type { JobMessage, JobReport } from '../../debug-adapter/session/jobs.ts';
import { bundled } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';
import type { AdapterEvent } from './raw-client.ts';

const { image } = bundled;
const program = resolve(import.meta.dirname, '../../dist/pagewalk.js');
const showsProgress = { supportsProgressReporting: true };
/** A page of a vm_map_ram block, and its frame. */
const blockPage = '0xffffd4bf80801000';

/** A thread that does nothing but what the test says. */
class Puppet {
  readonly jobs: JobMessage[] = [];
  stopped = false;
  report: (report: JobReport) => void = () => undefined;
  die: (why: string) => void = () => undefined;
}

/** A host whose threads are puppets. */
function puppets(): { host: Host; threads: Puppet[] } {
  const threads: Puppet[] = [];
  const startWorker: Host['startWorker'] = () => {
    const puppet = new Puppet();
    threads.push(puppet);
    return {
      post: (message) => {
        puppet.jobs.push(message as JobMessage);
      },
      listen: (heard, ended) => {
        puppet.report = heard;
        puppet.die = ended;
      },
      stop: () => {
        puppet.stopped = true;
      },
    };
  };
  return { host: { ...nodeHost(), startWorker }, threads };
}

const answer: ReverseMapFacts = { results: [], tables: 7, warnings: [] };
/** The progress of request `seq` begins or ends. */
const isProgress =
  (seq: number, what: 'progressStart' | 'progressEnd') =>
  ({ event, body }: AdapterEvent): boolean =>
    event === what && (body as { progressId: string }).progressId === `request ${seq}`;
const isCancelled = (job: JobMessage | undefined): boolean => job !== undefined && Atomics.load(new Int32Array(job.cancelled), 0) === 1;

/** A client of an adapter with puppet threads; one request that runs there. */
async function running(client: object = showsProgress): Promise<{ client: RawClient; threads: Puppet[]; seq: number }> {
  const { host, threads } = puppets();
  const raw = new RawClient(host);
  await raw.launch({ image }, client);
  const seq = raw.send('pagewalk/reverseMap', { physical: ['0x1000'] });
  // Requests are answered in order: when this one is, that one runs.
  await raw.ask('threads');
  assert.equal(threads[0]?.jobs.length, 1);
  return { client: raw, threads, seq };
}

describe('while the thread works', () => {
  test('other requests are answered, and the answer comes when it is there', async () => {
    const { client, threads, seq } = await running();
    const other = await client.ask('pagewalk/info', {});
    assert.equal(other.success, true);
    assert.equal(client.replies.has(seq), false);
    threads[0]?.report({ id: threads[0].jobs[0]?.id ?? 0, kind: 'answer', result: answer });
    assert.deepEqual((await client.replyTo(seq)).body, answer);
    await client.body('disconnect');
  });

  test('progress is told by step and percent, and ends', async () => {
    const { client, threads, seq } = await running();
    const [puppet] = threads;
    const id = puppet?.jobs[0]?.id ?? 0;
    const steps = [
      ['opening the image', 0, 1],
      ['reading page tables', 0, 10],
      ['reading page tables', 1, 1000],
      ['reading page tables', 500, 1000],
      ['reading page tables', 501, 1000],
      ['reading page tables', 502, 2000],
      ['sorting what they map', 2000, 2000],
    ] as const;
    for (const [step, done, total] of steps) puppet?.report({ id, kind: 'progress', step, done, total });
    puppet?.report({ id, kind: 'answer', result: answer });
    await client.replyTo(seq);
    const events = client.events.filter(
      ({ event, body }) => event.startsWith('progress') && JSON.stringify({ body }).includes(`request ${seq}`),
    );
    assert.deepEqual(
      events.map(({ event, body }) => [event, body]),
      [
        [
          'progressStart',
          { progressId: `request ${seq}`, requestId: seq, title: 'Searching page tables', cancellable: true, percentage: 0 },
        ],
        ['progressUpdate', { progressId: `request ${seq}`, message: 'opening the image', percentage: 0 }],
        ['progressUpdate', { progressId: `request ${seq}`, message: 'reading page tables', percentage: 0 }],
        ['progressUpdate', { progressId: `request ${seq}`, message: 'reading page tables', percentage: 50 }],
        ['progressUpdate', { progressId: `request ${seq}`, message: 'sorting what they map', percentage: 100 }],
        ['progressEnd', { progressId: `request ${seq}` }],
      ],
    );
    await client.body('disconnect');
  });

  test('a client that shows no progress is told none', async () => {
    const { client, threads, seq } = await running({});
    const id = threads[0]?.jobs[0]?.id ?? 0;
    threads[0]?.report({ id, kind: 'progress', step: 'reading page tables', done: 0, total: 1 });
    threads[0]?.report({ id, kind: 'answer', result: answer });
    await client.replyTo(seq);
    assert.ok(!client.events.some(({ event }) => event.startsWith('progress')));
    await client.body('disconnect');
  });

  for (const by of ['requestId', 'progressId'] as const) {
    test(`it is cancelled by ${by}, at once, and the thread learns of it`, async () => {
      const { client, threads, seq } = await running();
      const cancel = await client.ask('cancel', by === 'requestId' ? { requestId: seq } : { progressId: `request ${seq}` });
      assert.equal(cancel.success, true);
      const reply = await client.replyTo(seq);
      assert.deepEqual([reply.success, reply.message], [false, 'cancelled']);
      await client.event(isProgress(seq, 'progressEnd'));
      assert.ok(isCancelled(threads[0]?.jobs[0]));
      // What the thread still sends is nobody's.
      threads[0]?.report({ id: threads[0].jobs[0]?.id ?? 0, kind: 'cancelled' });
      const next = client.send('pagewalk/reverseMap', { physical: ['0x2000'], all: true });
      await client.ask('threads');
      assert.equal(threads.length, 1);
      const job = threads[0]?.jobs[1];
      assert.deepEqual(job?.asked, { physical: ['0x2000'], all: true });
      assert.ok(!isCancelled(job));
      threads[0]?.report({ id: job.id, kind: 'answer', result: answer });
      assert.equal((await client.replyTo(next)).success, true);
      for (const replies of client.replies.values()) assert.equal(replies.length, 1);
      await client.body('disconnect');
    });
  }

  test('of two that run, the one that is meant is cancelled', async () => {
    const { client, threads, seq } = await running();
    const second = client.send('pagewalk/reverseMap', { physical: ['0x2000'] });
    await client.ask('threads');
    await client.ask('cancel', { requestId: second });
    assert.equal((await client.replyTo(second)).message, 'cancelled');
    assert.equal(client.replies.has(seq), false);
    assert.deepEqual(threads[0]?.jobs.map(isCancelled), [false, true]);
    threads[0].report({ id: threads[0].jobs[0]?.id ?? 0, kind: 'answer', result: answer });
    assert.equal((await client.replyTo(seq)).success, true);
    await client.body('disconnect');
  });

  test('disconnecting cancels it, ends the thread, and every request has its one reply before the end', async () => {
    const { client, threads, seq } = await running();
    await client.body('disconnect');
    assert.equal((await client.replyTo(seq)).message, 'cancelled');
    assert.equal(threads[0]?.stopped, true);
    await new Promise((turn) => setImmediate(turn));
    assert.equal(client.ended, true);
    assert.ok(client.events.some(isProgress(seq, 'progressEnd')));
    for (const replies of client.replies.values()) assert.equal(replies.length, 1);
    assert.match((await client.ask('pagewalk/reverseMap', { physical: ['0x1000'] })).message ?? '', /no image is open/);
  });

  test('a thread that dies is told in one sentence, and the next request starts another', async () => {
    const { client, threads, seq } = await running();
    threads[0]?.die('Worker terminated due to reaching memory limit');
    const reply = await client.replyTo(seq);
    assert.equal(reply.success, false);
    assert.match(reply.message ?? '', /^the work was not finished, for its thread ended \(Worker terminated .*\); ask again/);
    await client.event(isProgress(seq, 'progressEnd'));
    const next = client.send('pagewalk/reverseMap', { physical: ['0x1000'] });
    await client.ask('threads');
    assert.equal(threads.length, 2);
    threads[1]?.report({ id: threads[1].jobs[0]?.id ?? 0, kind: 'refused', code: 'no-types', message: 'it has no types; give some' });
    assert.equal((await client.replyTo(next)).message, 'it has no types; give some');
    await client.body('disconnect');
  });
});

describe('the thread', () => {
  /** Serves one job here, with the reports kept; `onStep` may fire the job's flag. */
  function serve(asked: JobMessage['asked'], onStep: (step: string, cancel: () => void) => void): JobReport[] {
    const reports: JobReport[] = [];
    const cancelled = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    let hear: (message: unknown) => void = () => undefined;
    const port: WorkerPort = {
      post: (message) => {
        const report = message as JobReport;
        reports.push(report);
        if (report.kind === 'progress') onStep(report.step, () => Atomics.store(new Int32Array(cancelled), 0, 1));
      },
      listen: (heard) => {
        hear = heard;
      },
    };
    serveJobs(nodeHost(), port);
    hear({ id: 1, image: { paths: [image] }, name: 'reverseMap', asked, cancelled } satisfies JobMessage);
    return reports;
  }

  test('stops when nobody waits any more', () => {
    const reports = serve({ physical: ['0x1000'], all: true }, (step, cancel) => {
      if (step === 'reading page tables') cancel();
    });
    assert.deepEqual(
      reports.map((report) => (report.kind === 'progress' ? report.step : report.kind)),
      ['opening the image', 'reading page tables', 'cancelled'],
    );
  });

  test('tells what cannot be answered', () => {
    const reports = serve({ physical: ['nonsense'], all: false }, () => undefined);
    const last = reports.at(-1);
    assert.ok(last?.kind === 'refused');
    assert.match(last.message, /nonsense is no physical address/);
  });
});

describe('arguments', () => {
  const client = new RawClient();
  before(() => client.launch({ image }));
  after(() => client.body('disconnect'));
  const refused: readonly (readonly [object, RegExp])[] = [
    [{}, /argument physical cannot be used/],
    [{ physical: [] }, /it names no address/],
    [{ physical: '0x1000' }, /it is a list of physical addresses/],
    [{ physical: ['0xzz'] }, /an address is 0x and hexadecimal digits/],
    [{ physical: ['0xffff888000001000'] }, /physical addresses lie below 2\^53/],
    [{ physical: Array.from({ length: 1001 }, () => '0x0') }, /at most 1000 addresses/],
    [{ physical: ['0x1000'], all: 'yes' }, /argument all cannot be used/],
  ];
  for (const [parameters, message] of refused) {
    test(JSON.stringify(parameters).slice(0, 60), async () => {
      assert.match((await client.ask('pagewalk/reverseMap', parameters)).message ?? '', message);
    });
  }

  test('without threads the answer is the same', async () => {
    const facts = await client.body<ReverseMapFacts>('pagewalk/reverseMap', { physical: ['0x1000'] });
    assert.equal(facts.results[0]?.physical, '0x1000');
  });
});

describe('in a thread of the built program', () => {
  const client = new RawClient(nodeHost(pathToFileURL(program)));
  before(() => client.launch({ image }, showsProgress));

  const frameOf = async (virtual: string): Promise<string> => {
    const walk = await client.body<{ results: { physical: string }[] }>('pagewalk/translate', { addresses: [virtual] });
    return walk.results[0]?.physical ?? '';
  };

  test('it is cancelled before it began and while it begins; the next request is answered, and reads the tables once', async () => {
    const waiting = client.send('pagewalk/reverseMap', { physical: ['0x1000'] });
    await client.ask('cancel', { requestId: waiting });
    assert.equal((await client.replyTo(waiting)).message, 'cancelled');
    const begun = client.send('pagewalk/reverseMap', { physical: ['0x1000'] });
    await client.event(isProgress(begun, 'progressStart'));
    await client.ask('cancel', { progressId: `request ${begun}` });
    assert.equal((await client.replyTo(begun)).message, 'cancelled');

    const physical = await frameOf(blockPage);
    const facts = await client.body<ReverseMapFacts>('pagewalk/reverseMap', { physical: [physical] });
    assert.ok(facts.results[0]?.mappings.some(({ virtual, mm }) => virtual === blockPage && mm === 'kernel'));
    assert.ok(facts.results[0]?.mappings.some(({ what }) => what.kind === 'direct-map'));
    const readings = (): number => client.events.filter(({ body }) => JSON.stringify({ body }).includes('reading page tables')).length;
    const first = readings();
    assert.ok(first > 0);
    await client.body('pagewalk/reverseMap', { physical: ['0x1000', physical] });
    assert.equal(readings(), first);
  });

  test('all page tables give the kernel and the processes', async () => {
    const physical = await frameOf(blockPage);
    const kernel = await client.body<ReverseMapFacts>('pagewalk/reverseMap', { physical: [physical] });
    const all = await client.body<ReverseMapFacts>('pagewalk/reverseMap', { physical: [physical], all: true });
    assert.ok(all.tables > kernel.tables);
    assert.deepEqual(
      all.results[0]?.mappings.filter(({ mm }) => mm === 'kernel'),
      kernel.results[0]?.mappings,
    );
  });

  test('disconnecting while it runs ends the session', async () => {
    const seq = client.send('pagewalk/reverseMap', { physical: ['0x3000'], all: true });
    await client.ask('threads');
    await client.body('disconnect');
    await client.replyTo(seq);
    for (const replies of client.replies.values()) assert.equal(replies.length, 1);
  });
});

test('the program that the extension starts answers over stdio, and ends although a request runs', async (t) => {
  const child = spawn(process.execPath, [program, 'dap'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  let heard = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text));
  const send = (seq: number, command: string, parameters: object): void => {
    const text = JSON.stringify({ seq, type: 'request', command, arguments: parameters });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  };
  const repliesTo = (seq: number): number => heard.split(`"request_seq":${seq},`).length - 1;
  send(1, 'initialize', showsProgress);
  send(2, 'launch', { image });
  send(3, 'pagewalk/reverseMap', { physical: ['0x1000'] });
  while (repliesTo(3) === 0) await once(child.stdout, 'data');
  assert.match(heard, /"request_seq":3,"command":"pagewalk\/reverseMap","success":true.*"tables":\d+/);
  assert.match(heard, /reading page tables/);
  send(4, 'pagewalk/reverseMap', { physical: ['0x1000'], all: true });
  send(5, 'disconnect', {});
  const [status] = (await once(child, 'close')) as [number];
  assert.equal(status, 0);
  assert.match(heard, /"request_seq":4,"command":"pagewalk\/reverseMap","success":false,"message":"cancelled"/);
  assert.deepEqual([1, 2, 3, 4, 5].map(repliesTo), [1, 1, 1, 1, 1]);
});
