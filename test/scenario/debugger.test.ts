/** A scenario under the debugger, without a protocol: breakpoints, watches, stepping both ways, moments, edits. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { CancellationSource, neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { debugScenario, parse } from '../../debug-adapter/lsp/language-server.ts';
import { readPhysical } from '../../debug-adapter/memory/physical-memory.ts';
import type { ScenarioDebugger, Way } from '../../debug-adapter/session/scenario-debugger.ts';
import type { Halt } from '../../debug-adapter/session/scenario-stop.ts';
import { toPhysAddr } from '../../debug-adapter/base/address.ts';

const text = `machine { ram 64M }
let a = vm_map_ram(4)
fill(a, 4K, "one")

for i in 0..3 {
  print "round {i}"
}
vm_unmap_ram(a, 4)
let b = vmalloc(8K)
vfree(b)
expect 1 == 2
`;

async function debug(source = text): Promise<ScenarioDebugger> {
  const parsed = await parse(source);
  assert.deepEqual(parsed.problems, []);
  const made = debugScenario(parsed);
  assert.ok('stop' in made, JSON.stringify(made));
  finish(made.start(false, neverCancelled));
  return made;
}

function finish(way: Way): Halt {
  for (;;) {
    const next = way.next();
    if (next.done === true) return next.value ?? assert.fail('the run is over');
  }
}

const go = (session: ScenarioDebugger): Halt => finish(session.continue(neverCancelled));
const step = (session: ScenarioDebugger, how: 'over' | 'in' | 'out' | 'one'): Halt => finish(session.step(how, neverCancelled));
const back = (session: ScenarioDebugger, how: 'over' | 'one' = 'over'): Halt => finish(session.back(how, neverCancelled));
const isInside = (session: ScenarioDebugger): boolean => session.stop.kind === 'step';
const line = (session: ScenarioDebugger): number => session.stop.range.start.line;
const names = (session: ScenarioDebugger): string[] => session.frames().map(({ name }) => name);
const value = (session: ScenarioDebugger, name: string): bigint =>
  BigInt(session.variables().find((one) => one.name === name)?.address ?? assert.fail(name));

describe('breakpoints', () => {
  it('on a line without a statement moves to the next one; behind the last there is none', async () => {
    const session = await debug();
    const placed = await session.breakpoints.setLines([{ line: 3 }, { line: 5 }, { line: 50 }]);
    assert.deepEqual(
      placed.map((one) => one.line),
      [4, 5, undefined],
    );
    assert.match(placed[2]?.problem ?? '', /no statement/);
    assert.equal(go(session).reason, 'breakpoint');
    assert.equal(line(session), 4);
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(go(session).ids, [placed[1]?.id]);
      assert.equal(line(session), 5);
      assert.equal(session.variables().find(({ name }) => name === 'i')?.text, String(round));
    }
    assert.equal(go(session).reason, 'exception');
  });

  it('condition, hit count, log message', async () => {
    const session = await debug();
    await session.breakpoints.setLines([{ line: 5, condition: 'i == 2' }]);
    go(session);
    assert.equal((await session.evaluate('i * 10', { frame: 0 })).text, '20');
    const counted = await debug();
    await counted.breakpoints.setLines([{ line: 5, hitCondition: '== 2' }]);
    go(counted);
    assert.equal(counted.variables().find(({ name }) => name === 'i')?.text, '1');
    const logged = await debug();
    await logged.breakpoints.setLines([{ line: 5, logMessage: 'i is {i}, "quoted"' }]);
    go(logged);
    assert.deepEqual(
      logged.takeOutput().filter((one) => one.text.startsWith('i is')),
      [0, 1, 2].map((i) => ({ text: `i is ${i}, "quoted"`, line: 5 })),
    );
  });

  it('conditions that make no sense are refused, or stop with the reason', async () => {
    const session = await debug();
    const [syntax, count] = await session.breakpoints.setLines([
      { line: 5, condition: 'i ==' },
      { line: 5, hitCondition: 'often' },
    ]);
    assert.ok(syntax?.problem !== undefined && syntax.line === undefined);
    assert.match(count?.problem ?? '', /a hit count is a number/);
    await session.breakpoints.setLines([{ line: 5, condition: 'vmalloc(4K) == 0' }]);
    assert.equal(go(session).reason, 'breakpoint');
    assert.match(session.takeOutput().at(-1)?.text ?? '', /operations change the machine/);
  });

  it('on operations and on the functions that they call, with their arguments in conditions', async () => {
    const session = await debug();
    await session.breakpoints.setFunctions([
      { name: 'vm_unmap_ram' },
      { name: 'new_vmap_block' },
      { name: 'alloc_vmap_area', condition: 'size == 12K' },
    ]);
    const first = go(session);
    assert.equal(first.reason, 'function breakpoint');
    assert.deepEqual(names(session).slice(-4), ['new_vmap_block', 'vb_alloc', 'vm_map_ram', 'let a = vm_map_ram(4)']);
    go(session);
    assert.deepEqual(names(session), ['vm_unmap_ram', 'vm_unmap_ram(a, 4)']);
    assert.deepEqual(
      session.arguments(0).map(({ text: shown }) => shown),
      [`0x${value(session, 'a').toString(16)}`, '4'],
    );
    go(session);
    assert.equal(names(session)[0], 'alloc_vmap_area');
    assert.equal(line(session), 8);
  });
});

describe('stepping', () => {
  it('into an operation, over and out of its calls', async () => {
    const session = await debug();
    assert.equal(line(session), 1);
    step(session, 'in');
    assert.deepEqual(names(session), ['vm_map_ram', 'let a = vm_map_ram(4)']);
    const seen = new Set<string>();
    while (isInside(session)) {
      seen.add(names(session).slice(0, -1).reverse().join(' > '));
      step(session, 'in');
    }
    assert.ok(seen.has('vm_map_ram > vb_alloc > new_vmap_block > alloc_vmap_area'), [...seen].join('\n'));
    assert.ok(seen.has('vm_map_ram > __vmap_pages_range_noflush'));
    assert.equal(line(session), 2);
    back(session);
    assert.equal(line(session), 1);
    step(session, 'in');
    step(session, 'in');
    const depth = session.frames().length;
    step(session, 'out');
    assert.ok(session.frames().length < depth);
    for (let left = session.frames().length; isInside(session); left = session.frames().length) {
      step(session, 'out');
      assert.ok(session.frames().length < left);
    }
    assert.equal(line(session), 2);
  });

  it('each table entry written is a step, and what it wrote is there after it', async () => {
    const session = await debug();
    const words: string[] = [];
    do {
      const { text: said } = step(session, 'one');
      if (said !== undefined) words.push(said);
    } while (isInside(session));
    assert.equal(words.filter((said) => said.startsWith('write pte entry')).length, 4);
  });

  it('back to each stop shows the same machine to the byte', async () => {
    const session = await debug();
    const picture = (): string => {
      const { memory } = session.image;
      const hash = createHash('sha1');
      for (const { start, end } of memory.ranges) hash.update(readPhysical(memory, toPhysAddr(start), end - start).bytes);
      return JSON.stringify([session.stop.kind, line(session), names(session), hash.digest('hex')]);
    };
    const seen = [picture()];
    for (let count = 0; count < 12; count++) {
      step(session, 'one');
      seen.push(picture());
    }
    for (const expected of seen.slice(0, -1).reverse()) {
      back(session, 'one');
      assert.equal(picture(), expected);
    }
    assert.equal(session.canGoBack, false);
  });

  it('back over a call stays in the function; a frame is restarted; the run goes back to the last breakpoint', async () => {
    const session = await debug();
    await session.breakpoints.setFunctions([{ name: 'alloc_vmap_area' }]);
    go(session);
    step(session, 'out');
    assert.equal(names(session)[0], 'new_vmap_block');
    back(session);
    assert.ok(!names(session).includes('alloc_vmap_area'));
    go(session);
    assert.equal(names(session)[0], 'alloc_vmap_area');
    step(session, 'one');
    const frames = session.frames();
    session.restartFrame(0);
    assert.equal(names(session)[0], 'alloc_vmap_area');
    session.restartFrame(frames.length - 1);
    assert.deepEqual([session.stop.kind, line(session)], ['statement', 1]);
    const [placed] = await session.breakpoints.setLines([{ line: 5 }]);
    await session.breakpoints.setFunctions([]);
    for (let count = 0; count < 4; count++) go(session);
    assert.equal(session.stop.kind, 'failed');
    for (const round of ['2', '1', '0']) {
      assert.deepEqual(finish(session.reverse(neverCancelled)).ids, [placed?.id]);
      assert.equal(session.variables().find(({ name }) => name === 'i')?.text, round);
    }
    assert.equal(finish(session.reverse(neverCancelled)).reason, 'entry');
    assert.equal(line(session), 1);
  });

  it('goto passes over statements, not into loops', async () => {
    const session = await debug();
    assert.deepEqual(session.jumpTargets(5), []);
    const [target] = session.jumpTargets(8);
    assert.ok(target !== undefined);
    session.jump(target.id);
    assert.equal(line(session), 8);
    step(session, 'over');
    assert.deepEqual(
      session.variables().map(({ name }) => name),
      ['b'],
    );
    back(session);
    back(session);
    assert.equal(line(session), 1);
    assert.throws(() => session.jump(3), /cannot be the next one/);
  });

  it('out of a loop by goto, and on to the end of it', async () => {
    const session = await debug();
    await session.breakpoints.setLines([{ line: 5 }]);
    go(session);
    await session.breakpoints.setLines([]);
    const [target] = session.jumpTargets(7);
    session.jump(target?.id ?? -1);
    step(session, 'over');
    assert.equal(line(session), 8);
  });

  it('an endless loop is paused, goes on, and goes back', async () => {
    const session = await debug('let i = 0\nwhile true { i = i + 1 }');
    const source = new CancellationSource();
    const way = session.continue(source);
    for (let count = 0; count < 5; count++) assert.equal(way.next().done, false);
    source.cancel();
    const next = way.next();
    assert.equal(next.done === true ? next.value?.reason : undefined, 'pause');
    const i = BigInt(session.variables()[0]?.text ?? '');
    assert.ok(i > 50n);
    back(session);
    back(session);
    assert.equal(BigInt(session.variables()[0]?.text ?? ''), i - 1n);
  });
});

describe('watches', () => {
  const watch = (session: ScenarioDebugger, wish: { kind: 'virtual' | 'physical' | 'entry'; address: bigint; length?: number }): void => {
    session.watches.add({ length: 8, mm: undefined, level: undefined, ...wish });
  };

  it('an entry stops the run at the step behind the write, with both values', async () => {
    const session = await debug();
    step(session, 'over');
    const a = value(session, 'a');
    back(session);
    watch(session, { kind: 'entry', address: a + 0x1000n });
    const halts = [];
    while (session.stop.kind !== 'failed') {
      const halt = go(session);
      if (halt.reason === 'data breakpoint') halts.push(halt.text?.split('\n')[0]);
    }
    // A new table, then the entry; the unmapping clears it.
    assert.match(halts[0] ?? '', /^page-table entry of 0xffffc900\w+: (pgd|p4d|pud|pmd) 0x0.*→ (pud|pmd|pte) 0x0/);
    assert.ok(
      halts.some((said) => /pte 0x0 → pte 0x\w+ \(PRESENT RW/.test(said ?? '')),
      halts.join('\n'),
    );
    assert.match(halts.at(-1) ?? '', /PRESENT.*→ pte 0x0$/);
  });

  it('bytes at a virtual address, wherever they come to lie', async () => {
    const session = await debug();
    step(session, 'over');
    watch(session, { kind: 'virtual', address: value(session, 'a'), length: 3 });
    assert.match(go(session).text ?? '', /3 bytes at 0x\w+: \w\w \w\w \w\w → 6f 6e 65/);
    assert.match(go(session).text ?? '', /6f 6e 65 → 3 bytes not mapped/);
  });

  it('physical bytes, going back too', async () => {
    const session = await debug();
    step(session, 'over');
    const a = value(session, 'a');
    const physical = (await session.evaluate(`vtop(a).physical`, { frame: 0 })).address;
    watch(session, { kind: 'physical', address: BigInt(physical ?? 0), length: 1 });
    assert.equal(go(session).reason, 'data breakpoint');
    assert.equal(value(session, 'a'), a);
    go(session);
    assert.equal(session.stop.kind, 'failed');
    const halt = finish(session.reverse(neverCancelled));
    assert.equal(halt.reason, 'data breakpoint');
    assert.equal(line(session), 4);
    assert.throws(() => {
      watch(session, { kind: 'physical', address: 0n, length: 0 });
    }, /from 1 to/);
  });
});

describe('what stops the run', () => {
  const failing = async (source: string) => {
    const session = await debug(source);
    assert.equal(go(session).reason, 'exception');
    return session.exception() ?? assert.fail('it did not fail');
  };

  it('a failed expect tells both values', async () => {
    const { id, message } = await failing('let a = 3\nexpect a == 4');
    assert.equal(id, 'failed expectation');
    assert.match(message, /the left side is 3, the right side 4/);
  });

  it('a fault of the kernel tells its words and the calls that were under way', async () => {
    const { id, message, report } = await failing('machine { ram 64M }\nlet a = vmalloc(4K)\nvfree(a)\nvfree(a)');
    assert.match(id, /kernel (BUG|WARNING)/);
    assert.match(message, /vfree/);
    assert.match(report, /Call trace:\n {2}vfree\(/);
    assert.match(report, /line 4: vfree\(a\)/);
  });

  it('a filter that is off ends the run without an exception', async () => {
    const session = await debug('expect 1 == 2');
    session.exceptionFilters = ['fault'];
    assert.equal(go(session).reason, 'end');
  });
});

describe('moments and edits', () => {
  it('a stop tells what changed since the stop before, to the byte', async () => {
    const session = await debug();
    step(session, 'over');
    step(session, 'over');
    const pieces = session.moments.differences('last stop');
    const physical = Number((await session.evaluate('vtop(a).physical', { frame: 0 })).address);
    assert.ok([...pieces.keys()].some((at) => at <= physical && physical < at + 64));
    const before = session.moments.memoryAt('last stop');
    const now = readPhysical(session.image.memory, toPhysAddr(physical), 3).bytes;
    assert.deepEqual([...now], [0x6f, 0x6e, 0x65]);
    assert.notDeepEqual([...readPhysical(before, toPhysAddr(physical), 3).bytes], [...now]);
    session.moments.keep('filled');
    go(session);
    assert.deepEqual([...readPhysical(session.moments.memoryAt('filled'), toPhysAddr(physical), 3).bytes], [...now]);
    assert.throws(() => session.moments.memoryAt('never'), /there is no moment never; there are start, last stop, filled/);
  });

  it('a write is seen by what follows, and undone by going back', async () => {
    const session = await debug();
    step(session, 'over');
    const physical = Number((await session.evaluate('vtop(a).physical', { frame: 0 })).address);
    const bytes = (): number[] => [...readPhysical(session.image.memory, toPhysAddr(physical), 2).bytes];
    const was = bytes();
    session.write([{ address: physical, bytes: Uint8Array.of(1, 2) }]);
    assert.deepEqual(bytes(), [1, 2]);
    assert.equal((await session.evaluate('bytes(a, 2)', { frame: 0 })).text, '"0102"');
    back(session);
    assert.deepEqual(bytes(), was);
    step(session, 'one');
    step(session, 'one');
    session.write([{ address: physical, bytes: Uint8Array.of(3, 4) }]);
    step(session, 'out');
    back(session, 'one');
    assert.throws(() => {
      session.write([{ address: 2 ** 40, bytes: Uint8Array.of(1) }]);
    }, /is not RAM/);
  });

  it('variables are set between statements, and operations run from the console; both are undone', async () => {
    const session = await debug();
    step(session, 'over');
    const a = value(session, 'a');
    await session.setVariable('a', 'a + 4K');
    assert.equal(value(session, 'a'), a + 4096n);
    back(session);
    assert.equal(value(session, 'a'), a);
    const made = await session.evaluate('vmalloc(4K)', { frame: 0, perform: true });
    assert.equal((await session.evaluate(`identify(${made.address ?? ''}).kind`, { frame: 0 })).text, '"vmalloc"');
    back(session);
    assert.equal((await session.evaluate(`identify(${made.address ?? ''}).kind`, { frame: 0 })).text, '"unmapped"');
    await assert.rejects(session.setVariable('nothing', '1'), /cannot be set here/);
    step(session, 'in');
    await assert.rejects(session.setVariable('a', '1'), /between two statements/);
  });
});
