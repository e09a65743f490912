/** A scenario's memory over the protocol: the dump's requests on it, data breakpoints, moments, changes, and writing. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ChangesFacts, MomentFacts, WatchFacts } from '../../debug-adapter/protocol/scenario.ts';
import type { PtdumpDiffFacts } from '../../debug-adapter/protocol/facts.ts';
import type { PtdumpPage } from '../../debug-adapter/protocol/requests.ts';
import { bundled } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';
import { ScenarioClient } from './scenario-client.ts';

const text = `machine { ram 64M }
let a = vm_map_ram(4)
fill(a, 4K, "one")
snapshot filled
vm_unmap_ram(a, 4)
let b = vmalloc(8K)
`;

describe('the machine of a scenario', () => {
  let session: ScenarioClient;
  let a: string;
  before(async () => {
    session = await ScenarioClient.launch(text);
    await session.begin();
    await session.move('next');
    a = (await session.variables('Variables'))[0]?.memoryReference ?? '';
  });
  after(() => session.end());

  test('answers what a dump answers', async () => {
    await session.move('next');
    assert.equal(await session.bytes(a, 3), '6f6e65');
    assert.match((await session.evaluate(a, 'hover')).result, /used.* page 0 of 256 of a vm_map_ram block/);
    assert.match((await session.evaluate('a', 'hover')).result, /^0x\w+ {2}used.* page 0 of 256/);
    assert.equal((await session.evaluate('identify(a).kind')).result, '"vmap-block"');
    assert.match((await session.evaluate('((struct page *)a)', 'watch')).type ?? '', /struct page \*/);
    const { areas } = await session.ask<{ areas: { start: string }[] }>('pagewalk/vmallocAreas');
    assert.deepEqual(
      areas.map(({ start }) => start),
      [a],
    );
    const { results } = await session.ask<{ results: { levels: unknown[] }[] }>('pagewalk/translate', { addresses: [a] });
    assert.equal(results[0]?.levels.length, 4);
    const { findings } = await session.ask<{ findings: unknown[] }>('pagewalk/findings');
    assert.deepEqual(findings, []);
    const { lines } = await session.ask<PtdumpPage>('pagewalk/ptdump');
    assert.ok(lines.some(({ region }) => region?.start === a));
  });

  test('tells what changed since the last stop: bytes, and entries with both values', async () => {
    await session.move('stepBack');
    await session.move('next');
    const filled = await session.ask<ChangesFacts>('pagewalk/changes');
    assert.equal(filled.since, 'last stop');
    assert.equal(filled.entries.length, 0);
    assert.ok(filled.bytes >= 4000 && filled.bytes <= 4096, String(filled.bytes));
    await session.move('next');
    await session.move('next');
    const unmapped = await session.ask<ChangesFacts>('pagewalk/changes');
    const last = BigInt(a);
    assert.deepEqual(
      unmapped.entries.map(({ mm, level, start, after: now }) => [mm, level, start, now]),
      [0n, 1n, 2n, 3n].map((page) => ['kernel', 'pte', `0x${(last + page * 4096n).toString(16)}`, '0x0']),
    );
    assert.match(unmapped.entries[0]?.before ?? '', /^0x8000/);
    const shown = await session.variables('Changed since the last stop');
    assert.deepEqual(
      shown.map(({ name }) => name),
      ['since', 'bytes', 'entries', 'physical'],
    );
  });

  test('moments are compared', async () => {
    const { moments } = await session.ask<{ moments: MomentFacts[] }>('pagewalk/snapshot', { name: 'mine' });
    assert.deepEqual(
      moments.map(({ name }) => name),
      ['start', 'last stop', 'filled', 'mine'],
    );
    await session.move('next');
    const diff = await session.ask<PtdumpDiffFacts>('pagewalk/ptdumpDiff', { moment: 'filled' });
    assert.deepEqual([diff.added, diff.removed], [1, 1]);
    const between = await session.ask<PtdumpDiffFacts>('pagewalk/ptdumpDiff', { moment: 'start', otherMoment: 'filled' });
    assert.deepEqual(
      between.changes.map(({ kind, start }) => [kind, start]),
      [['added', a]],
    );
    const then = await session.ask<PtdumpPage>('pagewalk/ptdump', { moment: 'filled' });
    assert.ok(then.lines.some(({ region }) => region?.start === a));
    const areasThen = await session.ask<{ areas: { start: string }[] }>('pagewalk/vmallocAreas', { moment: 'start' });
    assert.deepEqual(areasThen.areas, []);
    const now = await session.ask<PtdumpPage>('pagewalk/ptdump');
    assert.ok(!now.lines.some(({ region }) => region?.start === a && region.present));
    await assert.rejects(session.ask('pagewalk/ptdump', { moment: 'never' }), /there is no moment never/);
    await assert.rejects(session.ask('pagewalk/snapshot', { name: 'filled' }), /there is a moment filled already/);
  });

  test('data breakpoints: an entry, a virtual range, physical bytes, a variable', async () => {
    await session.move('reverseContinue');
    const info = (name: string, more: object = {}): Promise<{ dataId: string | null; description: string }> =>
      session.ask('dataBreakpointInfo', { name, ...more });
    const entry = await info(`pte ${a}`);
    assert.match(entry.description, /^pte entry of 0x/);
    const range = await info(`0x${(BigInt(a) + 8n).toString(16)}..0x${(BigInt(a) + 16n).toString(16)}`);
    assert.match(range.description, /^8 bytes at 0x/);
    assert.equal((await info('nonsense')).dataId, null);
    const set = (dataIds: (string | null)[], more: object = {}): Promise<{ breakpoints: { id: number; verified: boolean }[] }> =>
      session.ask('setDataBreakpoints', { breakpoints: dataIds.map((dataId) => ({ dataId, accessType: 'write', ...more })) });
    const placed = await set([entry.dataId, range.dataId, 'junk']);
    assert.deepEqual(
      placed.breakpoints.map(({ verified }) => verified),
      [true, true, false],
    );
    const reasons: string[] = [];
    for (;;) {
      const { reason, text: said = '', hitBreakpointIds } = await session.move('continue');
      if (reason !== 'data breakpoint') break;
      reasons.push(`${hitBreakpointIds?.join(' ') ?? ''} ${said.split('\n')[0] ?? ''}`);
    }
    const [first, second] = placed.breakpoints.map(({ id }) => id);
    assert.ok(
      reasons.some((one) => one.startsWith(`${first} `) && one.includes('no pte entry → 0x0')),
      reasons.join('\n'),
    );
    assert.ok(
      reasons.some((one) => one.startsWith(`${first} `) && one.includes(': 0x0 → 0x8')),
      reasons.join('\n'),
    );
    assert.ok(
      reasons.some((one) => one.startsWith(`${second} `) && one.includes('→ 65 6f 6e 65')),
      reasons.join('\n'),
    );
    await set([]);
    // As the variables tree asks.
    await session.move('reverseContinue');
    await session.move('next');
    const { scopes } = (await session.client.scopesRequest({ frameId: 1 })).body;
    const variables = scopes.find(({ name }) => name === 'Variables');
    const variable = await info('a', { variablesReference: variables?.variablesReference, bytes: 3 });
    await set([variable.dataId]);
    assert.match((await session.move('continue')).text ?? '', /→ 6f 6e 65/);
    await set([variable.dataId], { hitCondition: '5' });
    assert.equal((await session.move('continue')).reason, 'end');
    await set([]);
  });

  test('watches of the page-table tree stop the run until they are taken away', async () => {
    await session.move('reverseContinue');
    await session.move('next');
    const { results } = await session.ask<{ results: { levels: { entryAddress: string }[] }[] }>('pagewalk/translate', { addresses: [a] });
    const address = results[0]?.levels.at(-1)?.entryAddress;
    const { watches } = await session.ask<{ watches: WatchFacts[] }>('pagewalk/watch', { add: { kind: 'physical', address } });
    assert.deepEqual(
      watches.map(({ label }) => label),
      [`8 bytes at physical ${address ?? ''}`],
    );
    const stopped = await session.move('continue');
    assert.equal(stopped.reason, 'data breakpoint');
    assert.equal((await session.frames())[0], 'vunmap_range_noflush');
    await session.ask('pagewalk/watch', { remove: watches[0]?.id });
    assert.equal((await session.move('continue')).reason, 'end');
    await assert.rejects(session.ask('pagewalk/watch', { remove: 'x' }), /there is no watch x/);
  });

  test('memory is written, seen by all, told to the client, and back again', async () => {
    await session.move('reverseContinue');
    await session.move('next');
    await session.move('next');
    assert.equal(await session.bytes(a, 3), '6f6e65');
    const told = session.client.waitForEvent('memory');
    await session.ask('writeMemory', { memoryReference: a, offset: 1, data: Buffer.from('XY').toString('base64') });
    await told;
    assert.equal(await session.bytes(a, 3), '6f5859');
    assert.equal((await session.evaluate('bytes(a, 3)')).result, '"6f5859"');
    await session.move('stepBack');
    assert.equal(await session.bytes(a, 3), '6f6e65');
    await assert.rejects(session.ask('writeMemory', { memoryReference: '0x123000', data: 'AA==' }), /cannot be written/);
  });

  test('variables are set, operations run from the console, both undone by going back', async () => {
    const { scopes } = (await session.client.scopesRequest({ frameId: 1 })).body;
    const variablesReference = scopes.find(({ name }) => name === 'Variables')?.variablesReference ?? 0;
    const set = (await session.client.setVariableRequest({ variablesReference, name: 'a', value: 'a + 1' })).body;
    assert.equal(BigInt(set.value), BigInt(a) + 1n);
    await session.move('stepBack');
    const { result } = await session.evaluate('vmalloc(4K)', 'repl');
    assert.equal((await session.evaluate(`identify(${result}).kind`)).result, '"vmalloc"');
    await session.move('stepBack');
    assert.equal((await session.evaluate(`identify(${result}).kind`)).result, '"unmapped"');
    await assert.rejects(session.evaluate('vmalloc(4K)', 'watch'), /operations change the machine/);
    const { targets } = await session.ask<{ targets: { label: string }[] }>('completions', { text: 'vm_unm', column: 7 });
    assert.ok(targets.some(({ label }) => label === 'vm_unmap_ram'));
  });
});

test('a dump is written over in memory alone', async () => {
  const client = new RawClient();
  await client.launch({ image: bundled.image }, { supportsInvalidatedEvent: true });
  const memoryReference = '0xffffd4bf800bd000';
  const read = async (): Promise<string> => (await client.body<{ data: string }>('readMemory', { memoryReference, count: 4 })).data;
  const was = await read();
  const data = Buffer.from([1, 2, 3, 4]).toString('base64');
  assert.deepEqual(await client.body('writeMemory', { memoryReference, data }), { bytesWritten: 4 });
  await client.event(({ event }) => event === 'invalidated');
  assert.equal(await read(), data);
  // A table's entry, and the walk follows.
  const { results } = await client.body<{ results: { levels: { entryAddress: string }[]; physical: string | null }[] }>(
    'pagewalk/translate',
    {
      addresses: [memoryReference],
    },
  );
  const base = await client.body<{ result: string; memoryReference: string }>('evaluate', {
    expression: 'page_offset_base',
    context: 'watch',
  });
  const direct = /0x[0-9a-f]{16}/.exec(base.result)?.[0] ?? '';
  const entry = BigInt(direct) + BigInt(results[0]?.levels.at(-1)?.entryAddress ?? 0);
  await client.body('writeMemory', { memoryReference: `0x${entry.toString(16)}`, data: Buffer.alloc(8).toString('base64') });
  const cleared = await client.body<{ results: { physical: string | null }[] }>('pagewalk/translate', { addresses: [memoryReference] });
  assert.equal(cleared.results[0]?.physical, null);
  const { findings } = await client.body<{ findings: unknown[] }>('pagewalk/findings', {});
  assert.ok(Array.isArray(findings));
  assert.match((await client.ask('writeMemory', { memoryReference: '0xffffd4bf800be000', data })).message ?? '', /cannot be written/);
  await client.ask('disconnect');
  const again = new RawClient();
  await again.launch({ image: bundled.image });
  assert.equal((await again.body<{ data: string }>('readMemory', { memoryReference, count: 4 })).data, was);
  await again.ask('disconnect');
});
