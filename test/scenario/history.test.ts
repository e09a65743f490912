/** What going back costs: memory for 100,000 steps, bytes for what each of them changes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** Runs a scenario with all its history kept, and tells how much memory that takes, and what it finds at the first stop. */
const measure = `
import { debugScenario, parse } from './debug-adapter/lsp/language-server.ts';
const text = process.argv[1];
const session = debugScenario(await parse(text));
const token = { cancelled: false };
const finish = (way) => { for (;;) { const next = way.next(); if (next.done) return next.value; } };
finish(session.start(false, token));
gc();
const before = process.memoryUsage();
let steps = 0;
for (let halt; session.stop.kind !== 'end'; steps++) { halt = finish(session.step('one', token)); if (halt.reason === 'exception') throw new Error(halt.text); }
gc();
const after = process.memoryUsage();
const used = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
let back = 0;
while (session.canGoBack) { finish(session.back('over', token)); back++; }
console.log(JSON.stringify({ steps, used, back, variables: session.variables().length, image: before.arrayBuffers }));
`;

interface Measured {
  readonly steps: number;
  readonly used: number;
  readonly back: number;
  readonly variables: number;
}

function measured(text: string): Measured {
  const root = join(import.meta.dirname, '../..');
  const options = ['--expose-gc', '--import', 'tsx', '--input-type=module', '-e', measure, text];
  return JSON.parse(execFileSync(process.execPath, options, { cwd: root, encoding: 'utf8' })) as Measured;
}

test('100,000 steps of kernel operations keep less than 500 MB, and all of them are gone back over', () => {
  const { steps, used, back, variables } = measured(`machine { ram 64M }
for round in 0..5100 {
  let area = vmalloc(8K)
  vfree(area)
}
`);
  assert.ok(steps >= 100_000, `${steps} steps`);
  assert.ok(used < 500e6, `${Math.round(used / 1e6)} MB for ${steps} steps`);
  assert.ok(back >= 2 * 5100, `${back} statements were gone back over`);
  assert.equal(variables, 0);
  console.log(`${steps} steps keep ${Math.round(used / 1e6)} MB`);
});

test('100,000 statements, each with a state of its own, keep less than 500 MB', () => {
  const { steps, used, back } = measured(`machine { ram 64M }
let area = vmalloc(4K)
let round = 0
while round < 34000 {
  fill(area, 64, "{round}")
  round = round + 1
}
`);
  assert.ok(back >= 100_000, `${back} statements`);
  assert.ok(used < 500e6, `${Math.round(used / 1e6)} MB for ${back} statements`);
  console.log(`${back} statements (${steps} steps) keep ${Math.round(used / 1e6)} MB`);
});

test('the size of RAM does not count', () => {
  const text = (ram: string): string => `machine { ram ${ram} }\nfor round in 0..300 {\n  let area = vmalloc(8K)\n  vfree(area)\n}\n`;
  const small = measured(text('64M'));
  const large = measured(text('1G'));
  // The machine itself is there before the first step.
  assert.ok(large.used < 2 * small.used + 4e6, `${small.used} and ${large.used} bytes`);
});
