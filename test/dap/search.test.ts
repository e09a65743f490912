/** `pagewalk/search`: hits are told as they are found, in this thread and in one of its own; it is cancelled; wrong questions are refused. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { WorkerPort } from '../../debug-adapter/base/worker.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { SearchFacts, SearchHit, SearchHitsEvent } from '../../debug-adapter/protocol/search.ts';
import { serveJobs } from '../../debug-adapter/session/job-worker.ts';
import type { JobMessage, JobReport } from '../../debug-adapter/session/jobs.ts';
import { bundled } from '../support/dumps.ts';
import { runInProcess } from '../support/in-process.ts';
import type { Said } from '../support/in-process.ts';
import { RawClient } from './raw-client.ts';

const { image } = bundled;
const asked = { pattern: 'init_task', limit: 100_000 };

describe('pagewalk/search', () => {
  const client = new RawClient();
  before(() => client.launch({ image }, { supportsProgressReporting: true }));
  after(() => client.body('disconnect'));

  test('hits come in events when the request has a name, and all of them in the answer', async () => {
    const facts = await client.body<SearchFacts>('pagewalk/search', { ...asked, search: 'one' });
    assert.ok(facts.hits.length > 3 && facts.complete);
    const told = client.events.filter(({ event }) => event === 'pagewalk/searchHits').map(({ body }) => body as SearchHitsEvent);
    assert.ok(told.length > 0 && told.every(({ search }) => search === 'one'));
    assert.deepEqual(
      told.flatMap(({ hits }) => hits),
      facts.hits,
    );
    const progress = client.events.filter(({ event }) => event === 'progressUpdate').map(({ body }) => body as { message: string });
    assert.ok(progress.some(({ message }) => message === 'searching'));
  });

  test('without a name there are no events, and the answer is the same', async () => {
    const earlier = client.events.filter(({ event }) => event === 'pagewalk/searchHits').length;
    const facts = await client.body<SearchFacts>('pagewalk/search', asked);
    assert.equal(client.events.filter(({ event }) => event === 'pagewalk/searchHits').length, earlier);
    assert.ok(facts.hits.every(({ virtual, what }) => virtual !== null && what.summary !== ''));
  });

  test('a pattern is understood, or refused, as a search for it would', async () => {
    for (const pattern of ['init_task', '48 8b ?? c3', '"init"', '0x10']) {
      const { pattern: searched } = await client.body<SearchFacts>('pagewalk/search', { pattern, limit: 1 });
      assert.deepEqual(await client.body('pagewalk/searchPattern', { pattern }), searched);
    }
    for (const pattern of ['', '4g', '48 8b ?? c', 'no_such_symbol_', '0x10000000000000000']) {
      const [checked, searched] = [
        await client.ask('pagewalk/searchPattern', { pattern }),
        await client.ask('pagewalk/search', { pattern }),
      ];
      assert.equal(checked.success, false, pattern);
      assert.equal(checked.message, searched.message);
    }
  });

  const refused: readonly (readonly [object, RegExp])[] = [
    [{}, /argument pattern cannot be used/],
    [{ pattern: '' }, /it is empty/],
    [{ pattern: 5 }, /it is text/],
    [{ pattern: '1', limit: 1e9 }, /at most 1000000 hits/],
    [{ pattern: '1', range: { start: '5', end: 'x' } }, /an address is 0x/],
    [{ pattern: '1', range: { start: '0x20', end: '0x10' } }, /the range is empty/],
    [{ pattern: '1', mm: '99999' }, /no task has the PID 99999/],
  ];
  for (const [parameters, message] of refused) {
    test(JSON.stringify(parameters), async () => {
      assert.match((await client.ask('pagewalk/search', parameters)).message ?? '', message);
    });
  }
});

describe('the thread', () => {
  function serve(message: Pick<JobMessage, 'tellsHits'> & { readonly stop: boolean }): JobReport[] {
    const reports: JobReport[] = [];
    const cancelled = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    let hear: (message: unknown) => void = () => undefined;
    const port: WorkerPort = {
      post: (report) => {
        reports.push(report as JobReport);
        if (message.stop && (report as JobReport).kind === 'found') Atomics.store(new Int32Array(cancelled), 0, 1);
      },
      listen: (heard) => {
        hear = heard;
      },
    };
    serveJobs(nodeHost(), port);
    const { tellsHits } = message;
    const question = { pattern: '0', physical: true, limit: 5000 };
    hear({ id: 1, image: { paths: [image] }, name: 'search', asked: question, cancelled, ...(tellsHits === true ? { tellsHits } : {}) });
    return reports;
  }

  test('tells hits in batches before its answer', () => {
    const reports = serve({ tellsHits: true, stop: false });
    const told = reports.flatMap((report): readonly SearchHit[] => (report.kind === 'found' ? report.hits : []));
    const last = reports.at(-1);
    assert.ok(last?.kind === 'answer');
    const facts = last.result as SearchFacts;
    assert.deepEqual(told, facts.hits);
    assert.equal(facts.hits.length, 5000);
    assert.equal(facts.complete, false);
  });

  test('stops between two hits when nobody waits any more', () => {
    const reports = serve({ tellsHits: true, stop: true });
    assert.deepEqual(reports.at(-1), { id: 1, kind: 'cancelled' });
    assert.ok(reports.filter(({ kind }) => kind === 'found').length < 25);
  });

  test('tells no hits where nobody listens to them', () => {
    assert.ok(serve({ stop: false }).every(({ kind }) => kind !== 'found'));
  });
});

describe('pagewalk search', () => {
  const pagewalk = (...argv: string[]): Promise<Said> => runInProcess(nodeHost(), 'search', image, ...argv);

  test('a line a hit, written as it is found, and one that sums up', async () => {
    const { status, written } = await pagewalk('init_task', '--limit', '3');
    assert.equal(status, 0);
    assert.equal(written.length, 4);
    for (const line of written.slice(0, 3)) assert.match(line, /^0x[0-9a-f]{16} {2}\S.*\n$/);
    assert.match(written[3] ?? '', /^3 hits in [\d.]+ [KM]iB; .*there are more: tell more with --limit/);
  });

  test('JSON is one document; what is not there ends with status 1, what cannot be asked with 2', async () => {
    const { status, text } = await pagewalk('init_task', '--json');
    assert.equal(status, 0);
    const facts = JSON.parse(text) as SearchFacts;
    assert.equal(facts.pattern.align, 8);
    assert.equal(facts.pattern.mask, null);
    const none = await pagewalk('0x123456789abcdef1');
    assert.equal(none.status, 1);
    assert.match(none.text, /^nothing found in /);
    const wrong = await pagewalk('1', '--size', '3');
    assert.deepEqual([wrong.status, wrong.written.length, wrong.complaints.length], [2, 0, 1]);
    assert.equal((await pagewalk('1', '--mask', 'x')).status, 2);
    assert.equal((await pagewalk('1', '--range', '5')).status, 2);
  });
});
