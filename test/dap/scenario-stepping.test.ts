/** Debugging a scenario over the protocol: stepping both ways, breakpoints, failures, pausing, and what a dump says of it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { bundled } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';
import { ScenarioClient } from './scenario-client.ts';

const text = `machine { ram 64M }
let a = vm_map_ram(4)
fill(a, 4K, "one")

for i in 0..3 {
  print "round {i}"
}
vm_unmap_ram(a, 4)
let b = vmalloc(8K)
vfree(b)
vfree(b)
`;

describe('a scenario is stepped', () => {
  let session: ScenarioClient;
  let entry: { readonly reason: string };
  before(async () => {
    session = await ScenarioClient.launch(text);
    entry = await session.begin();
  });
  after(() => session.end());

  test('it stops on entry, with one thread and what it can do', async () => {
    assert.equal(entry.reason, 'entry');
    assert.deepEqual(
      (await session.client.threadsRequest()).body.threads.map(({ name }) => name),
      ['test.kmm'],
    );
    const { supportsStepBack, supportsDataBreakpoints, supportsRestartFrame, exceptionBreakpointFilters } = session.capabilities;
    assert.deepEqual([supportsStepBack, supportsDataBreakpoints, supportsRestartFrame], [true, true, true]);
    assert.deepEqual(
      exceptionBreakpointFilters?.map(({ filter }) => filter),
      ['fault', 'expectation', 'error'],
    );
  });

  test('into an operation down to table entries: frames with their arguments', async () => {
    assert.equal((await session.move('stepIn')).text, 'call vm_map_ram');
    const seen: string[] = [];
    for (let frames = await session.frames(); frames.length > 1; frames = await session.frames()) {
      seen.push(frames.slice(0, -1).reverse().join(' > '));
      if (frames[0] === 'alloc_vmap_area') {
        const given = await session.variables('Arguments');
        assert.deepEqual(
          given.map(({ name }) => name),
          ['size', 'align', 'va_flags'],
        );
        const caller = await session.variables('Arguments', frames.length - 1);
        assert.deepEqual(
          caller.map(({ name, value }) => `${name} ${value}`),
          ['count 4'],
        );
      }
      await session.move('stepIn');
    }
    assert.ok(seen.includes('vm_map_ram > vb_alloc > new_vmap_block > alloc_vmap_area'), seen.join('\n'));
    assert.equal(seen.filter((one) => one === 'vm_map_ram > __vmap_pages_range_noflush').length, 6);
    assert.equal(await session.line(), 3);
  });

  test('back, over, out, restart of a frame', async () => {
    await session.move('stepBack');
    assert.equal(await session.line(), 2);
    assert.deepEqual(await session.variables('Variables'), []);
    await session.move('next');
    assert.equal((await session.variables('Variables'))[0]?.name, 'a');
    await session.move('stepBack');
    await session.move('stepIn');
    await session.move('stepIn');
    const inner = await session.frames();
    assert.equal(inner[0], 'alloc_vmap_area');
    await session.move('stepOut');
    assert.deepEqual(await session.frames(), inner.slice(1));
    await session.move('restartFrame', { frameId: 1 });
    assert.deepEqual((await session.frames()).slice(-3), inner.slice(-3));
    await session.move('restartFrame', { frameId: (await session.frames()).length });
    assert.deepEqual(await session.frames(), ['let a = vm_map_ram(4)']);
    await session.move('next', { granularity: 'instruction' });
    assert.deepEqual(await session.frames(), ['vm_map_ram', 'let a = vm_map_ram(4)']);
    await session.move('stepBack', { granularity: 'instruction' });
  });

  test('breakpoints move to statements, print, and stop; printed output has its line', async () => {
    const { breakpoints } = (
      await session.client.setBreakpointsRequest({
        source: { path: session.path },
        breakpoints: [{ line: 4, logMessage: 'before the loop: {a:x}' }, { line: 6, condition: 'i == 1' }, { line: 99 }],
      })
    ).body;
    assert.deepEqual(
      breakpoints.map(({ verified, line }) => [verified, line]),
      [
        [true, 5],
        [true, 6],
        [false, undefined],
      ],
    );
    const stopped = await session.move('continue');
    assert.equal(stopped.reason, 'breakpoint');
    assert.deepEqual(stopped.hitBreakpointIds, [breakpoints[1]?.id]);
    assert.deepEqual(
      session.output.map(({ output, line, source }) => [output.replace(/0x\w+/, 'ADDRESS').trimEnd(), line, source?.name]),
      [
        ['before the loop: ADDRESS', 5, 'test.kmm'],
        ['round 0', 6, 'test.kmm'],
      ],
    );
    const { breakpoints: elsewhere } = (
      await session.client.setBreakpointsRequest({ source: { path: '/other.kmm' }, breakpoints: [{ line: 1 }] })
    ).body;
    assert.equal(elsewhere[0]?.verified, false);
    const locations = await session.ask<{ breakpoints: { line: number }[] }>('breakpointLocations', {
      source: { path: session.path },
      line: 1,
      endLine: 6,
    });
    assert.deepEqual(
      locations.breakpoints.map(({ line }) => line),
      [2, 3, 5, 6],
    );
  });

  test('function breakpoints; a failure is an exception in the kernel’s words, with the calls that led to it', async () => {
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'vunmap_range_noflush' }] });
    assert.equal((await session.move('continue')).reason, 'function breakpoint');
    assert.equal((await session.frames())[0], 'vunmap_range_noflush');
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [] });
    await session.client.setBreakpointsRequest({ source: { path: session.path }, breakpoints: [] });
    const stopped = await session.move('continue');
    assert.equal(stopped.reason, 'exception');
    assert.match(stopped.text ?? '', /vfree/i);
    assert.equal(await session.line(), 11);
    const info = await session.ask<DebugProtocol.ExceptionInfoResponse['body']>('exceptionInfo', { threadId: 1 });
    assert.match(info.exceptionId, /kernel/);
    assert.match(info.details?.stackTrace ?? '', /Call trace:\n {2}vfree\(/);
    assert.equal((await session.frames())[0], 'vfree');
    assert.ok(session.output.some(({ category, line }) => category === 'stderr' && line === 11));
  });

  test('back from the failure to the last breakpoint, and a jump past what fails', async () => {
    await session.client.setBreakpointsRequest({ source: { path: session.path }, breakpoints: [{ line: 8 }] });
    assert.equal((await session.move('reverseContinue')).reason, 'breakpoint');
    assert.equal(await session.line(), 8);
    await session.client.setBreakpointsRequest({ source: { path: session.path }, breakpoints: [] });
    const { targets } = await session.ask<DebugProtocol.GotoTargetsResponse['body']>('gotoTargets', {
      source: { path: session.path },
      line: 10,
    });
    assert.equal(targets[0]?.label, 'vfree(b)');
    await assert.rejects(session.ask('goto', { threadId: 1, targetId: 3 }), /cannot be the next one/);
    assert.equal((await session.move('goto', { targetId: targets[0].id })).reason, 'goto');
    assert.equal(await session.line(), 10);
    assert.equal((await session.move('reverseContinue')).reason, 'entry');
    assert.equal(await session.line(), 2);
  });

  test('restart reads the file again, and keeps the breakpoints', async () => {
    await session.client.setBreakpointsRequest({ source: { path: session.path }, breakpoints: [{ line: 2 }] });
    writeFileSync(session.path, 'let one = 1\nlet two = 2\n');
    assert.equal((await session.move('restart')).reason, 'entry');
    assert.equal((await session.move('continue')).reason, 'breakpoint');
    assert.deepEqual(
      (await session.variables('Variables')).map(({ name }) => name),
      ['one'],
    );
    writeFileSync(session.path, 'let one =\n');
    await assert.rejects(session.ask('restart', {}), /test\.kmm:1/);
    assert.equal(await session.line(), 2);
  });

  test('at the end it can be looked at; going on from there ends it', async () => {
    assert.equal((await session.move('continue')).reason, 'end');
    assert.equal((await session.move('next')).reason, 'end');
    const terminated = session.client.waitForEvent('terminated');
    await session.ask('continue', { threadId: 1 });
    await terminated;
    assert.ok(session.events.includes('exited {"exitCode":0}'));
  });
});

test('an endless loop answers, is paused, cancelled and terminated', async () => {
  const session = await ScenarioClient.launch('let i = 0\nwhile true {\n  i = i + 1\n}\n', { stopOnEntry: false });
  await session.client.configurationDoneRequest();
  const { breakpoints } = (await session.client.setBreakpointsRequest({ source: { path: session.path }, breakpoints: [{ line: 1 }] })).body;
  assert.equal(breakpoints[0]?.verified, true);
  await assert.rejects(session.ask('continue', { threadId: 1 }), /is running; pause it first/);
  assert.equal((await session.move('pause')).reason, 'pause');
  const i = Number((await session.evaluate('i')).result);
  const running = session.client.waitForEvent('progressStart', 60_000);
  await session.ask('continue', { threadId: 1 });
  const { body } = (await running) as unknown as { body: { progressId: string } };
  assert.equal((await session.move('cancel', { progressId: body.progressId })).reason, 'pause');
  assert.ok(Number((await session.evaluate('i')).result) > i);
  assert.ok(session.events.some((event) => event.startsWith('progressEnd')));
  await session.ask('continue', { threadId: 1 });
  const terminated = session.client.waitForEvent('terminated');
  await session.ask('terminate');
  await terminated;
  await session.end();
});

test('without debugging it runs to its end, and tells how it ended', async () => {
  const session = await ScenarioClient.launch('print 1\nexpect 1 == 2\nprint 3\n', { noDebug: true });
  const terminated = session.client.waitForEvent('terminated');
  await session.client.configurationDoneRequest();
  await terminated;
  assert.deepEqual(session.events.slice(0, 1), ['exited {"exitCode":1}']);
  assert.deepEqual(
    session.output.map(({ output }) => output),
    ['1\n', 'expected 1 == 2; the left side is 1, the right side 2\n'],
  );
  await session.end();
});

test('a scenario that cannot be run is refused with its places', async () => {
  await assert.rejects(ScenarioClient.launch('let a = nothing\nlet b = vmaloc(1)\n'), /test\.kmm:1:9: .*\n.*test\.kmm:2:9: /);
  await assert.rejects(ScenarioClient.launch('machine { ram 1K }\n'), /test\.kmm:1:\d+: .*RAM/);
  await assert.rejects(ScenarioClient.launch('', { image: 'both' }), /both `image` and `scenario`/);
  await assert.rejects(ScenarioClient.launch('print 1', { mm: '7' }), /the setting mm cannot be used/);
});

test('a dump does not run, whatever is asked', async () => {
  const client = new RawClient();
  await client.launch({ image: bundled.image });
  for (const command of ['continue', 'next', 'stepIn', 'stepOut', 'pause', 'stepBack', 'reverseContinue', 'restartFrame', 'goto'])
    assert.match((await client.ask(command, { threadId: 1 })).message ?? '', /a dump does not run/, command);
  assert.deepEqual(await client.body('dataBreakpointInfo', { name: 'x' }), {
    dataId: null,
    description: 'A dump does not run: nothing in it changes',
  });
  assert.deepEqual(await client.body('pagewalk/changes', {}), { since: null, ranges: [], bytes: 0, entries: [], truncated: false });
  assert.match((await client.ask('pagewalk/ptdump', { moment: 'start' })).message ?? '', /a dump is one moment/);
  await client.ask('disconnect');
});
