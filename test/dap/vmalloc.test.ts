/** `pagewalk/vmallocAreas`, `vmallocPages` and `readAsKcore`, as the views ask for them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { VmallocCountFacts, VmallocFacts, VmallocPagesFacts, VmallocPartFacts } from '../../debug-adapter/protocol/vmalloc.ts';
import type { KcoreReadFacts } from '../../debug-adapter/protocol/reads.ts';
import { bundled } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

/** Page 2 of a vm_map_ram block, which /proc/kcore of that kernel gives as page 0. */
const blockPage = '0xffffd4bf81702000';

describe('the vmalloc space through the adapter', () => {
  const client = new RawClient();
  before(async () => {
    await client.launch({ image: bundled.image }, {});
  });
  after(async () => {
    await client.body('disconnect');
  });

  test('what is in use, freed and free, the queues, the counters', async () => {
    const facts = (await client.ask('pagewalk/vmallocAreas', {})).body as VmallocFacts;
    assert.deepEqual([facts.areas.length, facts.lazy.length, facts.pooled.length, facts.free.length], [229, 21, 0, 131]);
    assert.deepEqual(
      facts.queues.map(({ free }) => free.length),
      [1, 0, 1, 2],
    );
    assert.equal(facts.purge.lazyPages, facts.purge.listedPages);
  });

  test('a list in parts, by address, of one kind, and the area at an address', async () => {
    const whole = (await client.ask('pagewalk/vmallocAreas', {})).body as VmallocFacts;
    const ascending = [...whole.areas].sort((one, other) => (BigInt(one.start) < BigInt(other.start) ? -1 : 1));
    const part = async (asked: object): Promise<VmallocPartFacts> =>
      (await client.ask('pagewalk/vmallocAreas', asked)).body as VmallocPartFacts;
    assert.deepEqual(await part({ start: 5, count: 10 }), { areas: ascending.slice(5, 15), free: [], more: true });
    assert.deepEqual(await part({ start: 225, count: 10 }), { areas: ascending.slice(225), free: [], more: false });
    assert.deepEqual((await part({ start: 3 })).areas, ascending.slice(3));
    assert.deepEqual((await part({ list: 'lazy', count: 7 })).areas.length, 7);
    assert.deepEqual(await part({ list: 'free', start: 130, count: 7 }), { areas: [], free: whole.free.slice(130), more: false });
    const blocks = ascending.filter(({ block }) => block !== null);
    assert.deepEqual((await part({ kind: 'vm_map_ram block' })).areas, blocks);
    assert.deepEqual(
      (await part({ address: blockPage })).areas,
      blocks.filter(({ start }) => start === '0xffffd4bf81700000'),
    );
    assert.deepEqual((await part({ address: '0x1000' })).areas, []);
    assert.equal((await client.ask('pagewalk/vmallocAreas', { count: -1 })).success, false);
    assert.equal((await client.ask('pagewalk/vmallocAreas', { list: 'all' })).success, false);
    const count = (await client.ask('pagewalk/vmallocCount', {})).body as VmallocCountFacts;
    assert.deepEqual([count.areas, count.lazy, count.purging, count.pooled, count.free], [229, 21, 0, 0, 131]);
    assert.deepEqual([count.purge, count.queues], [whole.purge, whole.queues]);
    assert.equal(count.kinds.find(({ kind }) => kind === 'vm_map_ram block')?.count, blocks.length);
  });

  test('tasks and address spaces in parts', async () => {
    const { tasks } = (await client.ask('pagewalk/tasks', {})).body as { tasks: unknown[] };
    assert.deepEqual((await client.ask('pagewalk/tasks', { start: 2, count: 3 })).body, { tasks: tasks.slice(2, 5), more: true });
    assert.deepEqual((await client.ask('pagewalk/tasks', { start: 2 })).body, { tasks: tasks.slice(2), more: false });
    const { spaces } = (await client.ask('pagewalk/addressSpaces', {})).body as { spaces: unknown[] };
    assert.deepEqual((await client.ask('pagewalk/addressSpaces', { start: 1, count: 1 })).body, { spaces: spaces.slice(1, 2), more: true });
  });

  test('the frames of an area; none for an address that no area holds', async () => {
    const pages = (await client.ask('pagewalk/vmallocPages', { address: '0xffffd4bf80c00000' })).body as VmallocPagesFacts;
    assert.deepEqual([pages.source, pages.pageOrder, pages.runs.length, pages.runs[0]?.physical], ['pages', 9, 3, '0x4200000']);
    const refused = await client.ask('pagewalk/vmallocPages', { address: '0x1000' });
    assert.equal(refused.success, false);
    assert.match(JSON.stringify(refused), /no vmap_area in use holds 0x1000/);
    assert.equal((await client.ask('pagewalk/vmallocPages', { address: 'here' })).success, false);
  });

  test('what /proc/kcore would have given, and that memory holds something else', async () => {
    const read = (await client.ask('pagewalk/readAsKcore', { address: blockPage, count: 16 })).body as KcoreReadFacts;
    // The pattern: page in pool 0, although it is page 2 that was asked for.
    assert.equal(Buffer.from(read.data, 'base64').readBigUInt64LE(0), 0x4658_0014_0000_0000n);
    assert.deepEqual(
      [read.address, read.unreadable, read.differences[0]?.start, read.differences[0]?.end],
      [blockPage, [], blockPage, '0xffffd4bf81702010'],
    );
    assert.match(read.differences[0]?.reason ?? '', /copies from page 0/);
    const none = (await client.ask('pagewalk/readAsKcore', { address: '0xffffd4bf80c00000', count: 0 })).body as KcoreReadFacts;
    assert.deepEqual([none.data, none.differences], ['', []]);
    assert.equal((await client.ask('pagewalk/readAsKcore', { address: blockPage, count: 1e12 })).success, false);
    assert.equal((await client.ask('pagewalk/readAsKcore', { address: blockPage, count: -1 })).success, false);
  });
});
