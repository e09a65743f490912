/** Running scenarios on a machine of a few numbers: statements, failures, steps, and going back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CancellationSource } from '../../debug-adapter/base/cancellation.ts';
import { Cancelled } from '../../debug-adapter/base/errors.ts';
import type { ScenarioRun, Stop } from '../../debug-adapter/scenario/scenario-run.ts';
import { fc } from '../support/properties.ts';
import { outcome, start } from './fake-machine.ts';

const failureOf = (stop: Stop) => (stop.kind === 'failed' ? stop.failure : assert.fail(`the run is at ${stop.kind}`));

describe('statements', () => {
  it('loops, conditions, assignments', async () => {
    const { output, stop } = await outcome(`
let sum = 0
for x in 0..5 {
  if x == 1 { print "one" } else if x == 2 { print "two" } else { sum = sum + x }
}
for word in ["a", "b"] { for y in 0..2 { print word, y } }
for none in 3..3 { print "never" }
while sum > 5 { sum = sum - 1 }
print sum
`);
    assert.deepEqual(output, ['one', 'two', 'a 0', 'a 1', 'b 0', 'b 1', '5']);
    assert.equal(stop.kind, 'end');
  });

  it('operations take arguments by place and by name, flags by name, defaults', async () => {
    const { output } = await outcome('print describe(0x1000, VM_RAM|VM_MAP, full: true, span: 1..3)');
    assert.deepEqual(output, ['{address: 4096, flags: "VM_RAM|VM_MAP", full: true, span: [1, 3], prot: "PAGE_KERNEL"}']);
  });

  it('as gives the process to operations and questions', async () => {
    const { output } = await outcome(
      'as 7 { print describe(1, task: 9).task, describe(1).task\n as 8 { print identify(5).summary } print identify(5).summary }\nprint identify(5).summary',
    );
    assert.deepEqual(output, ['9 7', '5 of 8', '5 of 7', '5 of the kernel']);
  });

  it('snapshots: restored, compared; variables keep their values', async () => {
    const { output, machine } = await outcome(
      'push(1)\nsnapshot one\nlet i = push(2)\ndiff one now\nprint diff now one\nrestore one\nprint i\ndiff one now',
    );
    assert.deepEqual(output, ['1 → 2', '["2 → 1"]', '1', '1 → 1']);
    assert.deepEqual(machine.cells, [1n]);
  });

  it('questions: members, elements, in', async () => {
    const { output } = await outcome(
      'print vtop(0x12345).physical, pte(1).level, RW in pte(1).flags, "NX" in pte(1).flags, ptdump()[-1], count(ptdump()), bytes(1, 2), eval("x {1}")[0], 3 in 0..4, "b" in "abc", text(1)',
    );
    assert.deepEqual(output, ['9029 pte true false two 2 0000 C true true 1']);
  });
});

describe('failures point to their place', () => {
  const cases: readonly (readonly [text: string, kind: string, message: RegExp, line: number, character: number])[] = [
    ['let a = 1\nexpect a + 1 == 3', 'expectation', /^expected a \+ 1 == 3; the left side is 2, the right side 3$/, 1, 7],
    ['expect 1 > 2 || false', 'expectation', /^expected 1 > 2 \|\| false; it is false$/, 0, 7],
    ['print 1\nlet b = pop()', 'fault', /kernel BUG: nothing to pop/, 1, 8],
    ['push(1)\nexpect pop() fails', 'expectation', /expected pop\(\) to fail; it gave 1/, 1, 0],
    ['expect pop() fails "oops"', 'expectation', /expected a failure with "oops"; it failed with: kernel BUG/, 0, 0],
    ['print 2 + 1 / 0', 'evaluation', /division by zero/, 0, 10],
    ['print 1 << 9999', 'evaluation', /a shift is by 0 to 255/, 0, 6],
    ['print "a" + 1', 'evaluation', /a text and a number have no \+/, 0, 6],
    ['if 1 { }', 'evaluation', /a condition is true or false/, 0, 3],
    ['print [1][3]', 'evaluation', /no element 3; there are 1/, 0, 6],
    ['print vtop(1).nothing', 'evaluation', /no nothing in it; there are physical, levels/, 0, 6],
    ['print 1 .x', 'evaluation', /a number has no members/, 0, 6],
    ['for x in 3 { }', 'evaluation', /for goes over a range or a list, not a number/, 0, 9],
    ['as "x" { }', 'evaluation', /as takes a process, not a text/, 0, 3],
    ['if false { snapshot s }\nrestore s', 'evaluation', /s was not taken before/, 1, 0],
    ['push(0 - 1)', 'evaluation', /value is -1; it takes a number from 0 to 2\^64-1/, 0, 5],
    ['push(text(1))', 'evaluation', /value is a text; it takes a number/, 0, 5],
    ['bytes(1, 1G)'.replace(/^/, 'print '), 'question', /more than one bytes\(\) gives/, 0, 6],
    ['let a = 1\nwhile true { a = a * 2 }', 'limit', /at most 256 bits/, 1, 17],
    ['let t = "ab"\nwhile true { t = t + t }', 'limit', /at most 1048576 characters/, 1, 17],
    ['while true { }', 'limit', /did not end within 100000 steps/, 0, 0],
  ];
  for (const [text, kind, message, line, character] of cases) {
    it(JSON.stringify(text), async () => {
      const failure = failureOf((await outcome(text)).stop);
      assert.match(failure.message, message);
      assert.equal(failure.kind, kind);
      assert.deepEqual(failure.range.start, { line, character });
    });
  }

  it('a fault that is expected lets the run go on', async () => {
    const { output, stop } = await outcome('expect pop() fails "nothing to pop"\nexpect pop() fails\nprint "on"');
    assert.equal(stop.kind, 'end');
    assert.deepEqual(output, ['on']);
  });

  it('what was before a fault stays', async () => {
    const { machine, output } = await outcome('push(5)\npush(6)\nprint "x"\nlet a = peek(1)\nprint [1][1]');
    assert.deepEqual(machine.cells, [5n, 6n]);
    assert.deepEqual(output, ['x']);
  });
});

describe('stepping', () => {
  const text = 'let a = push(1)\nprint a\nlet b = push(2) + push(3)\nprint b\nprint pop()';

  it('stops before statements and before the steps of operations', async () => {
    const { run } = await start(text);
    const stops: string[] = [];
    for (let stop = run.stop; stop.kind !== 'end'; stop = run.advance()) {
      stops.push(stop.kind === 'step' ? `  ${stop.step.what}` : `${stop.range.start.line}`);
    }
    assert.deepEqual(stops, ['0', '  grow', '  store', '1', '2', '  grow', '  store', '  grow', '  store', '3', '4', '  shrink']);
  });

  it('a step tells its frames with their variables', async () => {
    const { run } = await start('push(9)');
    const stop = run.advance();
    assert.deepEqual(stop.kind === 'step' ? stop.step.frames : undefined, [{ name: 'grow', variables: { value: 9n } }]);
  });

  it('over a statement, and back over it', async () => {
    const { run, machine } = await start(text);
    run.stepOver();
    run.stepOver();
    assert.equal(run.stop.range.start.line, 2);
    run.stepOver();
    assert.deepEqual(machine.cells, [1n, 2n, 3n]);
    run.stepBackOver();
    assert.equal(run.stop.range.start.line, 2);
    assert.deepEqual(machine.cells, [1n]);
    assert.deepEqual([...run.variables.keys()], ['a']);
    run.stepBackOver();
    assert.deepEqual(run.output, []);
  });

  it('back from a failure, and on again to the same', async () => {
    const { run, machine } = await start('push(1)\npop()\npop()');
    const failed = run.runToEnd();
    assert.equal(failed.kind, 'failed');
    const back = run.stepBack();
    assert.equal(back?.kind, 'step');
    run.stepBackOver();
    assert.equal(run.stop.kind, 'statement');
    run.stepBackOver();
    assert.deepEqual(machine.cells, [1n]);
    assert.deepEqual(failureOf(run.runToEnd()), failureOf(failed));
  });

  it('the first stop is the end of going back; rewind goes there', async () => {
    const { run, machine } = await start(text);
    assert.equal(run.stepBack(), undefined);
    run.runToEnd();
    run.rewind();
    assert.equal(run.canStepBack, false);
    assert.deepEqual(machine.cells, []);
    run.runToEnd();
    assert.deepEqual(run.output, ['0', '3', '3']);
  });

  it('an endless loop is cancelled between steps, and can be stepped afterwards', async () => {
    const { run } = await start('let i = 0\nwhile true { i = i + 1 }');
    const source = new CancellationSource();
    let asked = 0;
    const token = {
      get cancelled() {
        if (++asked > 3) source.cancel();
        return source.cancelled;
      },
    };
    assert.throws(() => run.runToEnd({ token }), Cancelled);
    const before = run.variables.get('i') as bigint;
    run.advance();
    run.advance();
    assert.equal(run.variables.get('i'), before + 1n);
    run.stepBack();
    run.stepBack();
    assert.equal(run.variables.get('i'), before);
  });

  it('going back any way shows what was there on the way forward', async () => {
    const line = fc.constantFrom(
      'push(1)',
      'a = push(a) + push(2)',
      'print a, peek(0)',
      'expect pop() fails',
      'pop()',
      'snapshot s?',
      'for x? in 0..3 { push(x?) if x? == 1 { print x? } }',
      'as a { print describe(1).task }',
      'a = a + 1',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(9), { maxLength: 40 }), async (lines, moves) => {
        const { run, machine } = await start(
          ['let a = 1', 'push(7)', ...lines.map((one, index) => one.replaceAll('?', String(index)))].join('\n'),
        );
        const seen = [picture(run, machine.cells)];
        let at = 0;
        for (const move of moves) {
          if (move < 6) {
            const was = run.stop.kind;
            run.advance();
            if (was === 'end' || was === 'failed') continue;
            at++;
            if (at < seen.length) assert.equal(picture(run, machine.cells), seen[at]);
            else seen.push(picture(run, machine.cells));
          } else if (run.stepBack() !== undefined) {
            at--;
            assert.equal(picture(run, machine.cells), seen[at]);
          } else assert.equal(at, 0);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('100,000 statements are kept, and gone back over', async () => {
    const { run } = await start('let i = 0\nwhile i < 50000 { i = i + 1 }');
    run.runToEnd();
    for (let count = 0; count < 99_000; count++) run.stepBack();
    // let, then 500 times condition and assignment, then a condition.
    assert.equal(run.variables.get('i'), 500n);
  });
});

/** All that can be seen of a run where it stands. */
function picture(run: ScenarioRun, cells: readonly bigint[]): string {
  const { stop } = run;
  const inside = stop.kind === 'step' ? stop.step.what : stop.kind === 'failed' ? stop.failure.message : '';
  return JSON.stringify([stop.kind, stop.range, inside, [...run.variables], run.output, cells], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value.toString()}n` : value,
  );
}
