/** Runs the tests that need only Node: each file in a process of its own, through node:test. */
import { run } from 'node:test';
import type { EventData } from 'node:test';
import { relative } from 'node:path';
import { describeError } from './tally.ts';
import type { Tally } from './tally.ts';

type Verdict = EventData.TestPass | EventData.TestFail;

/** Runs `files` (absolute paths), two at a time, and adds what came of each test to `tally`. */
export async function runNodeTests(files: string[], tally: Tally, print: (line: string) => void): Promise<void> {
  const finished = new Map<string, { tests: number; milliseconds: number }>();
  // A test that has tests inside is their frame: they are counted, it is not, unless it fails by itself.
  const framed = new Map<string, Set<number>>();
  const stack = new Map<string, string[]>();

  const judge = (test: Verdict, failed: boolean): void => {
    const file = test.file ?? 'unknown file';
    const inside = framed.get(file) ?? new Set();
    framed.set(file, inside);
    const isFrame = inside.delete(test.nesting + 1) || test.details.type === 'suite';
    inside.add(test.nesting);
    if (test.nesting === 0) inside.clear();
    const names = stack.get(file) ?? [];
    names.length = test.nesting;
    const name = [...names, test.name].join(' › ');
    if (test.nesting === 0) {
      const sum = finished.get(file) ?? { tests: 0, milliseconds: 0 };
      finished.set(file, { tests: sum.tests + 1, milliseconds: sum.milliseconds + test.details.duration_ms });
    }
    if (test.skip !== undefined) {
      tally.add({ name, file, outcome: 'skipped', ...(typeof test.skip === 'string' ? { detail: test.skip } : {}) });
    } else if (failed) {
      const { error } = (test as EventData.TestFail).details;
      const onlyInside = isFrame && (error as { failureType?: string }).failureType === 'subtestsFailed';
      if (!onlyInside) tally.add({ name, file, outcome: 'failed', detail: describeError(error) });
    } else if (!isFrame) tally.add({ name, file, outcome: 'passed' });
  };

  const stream = run({ files, concurrency: 2 });
  stream.on('test:start', (test) => {
    const names = stack.get(test.file ?? '') ?? [];
    names[test.nesting] = test.name;
    stack.set(test.file ?? '', names);
  });
  stream.on('test:pass', (test) => {
    judge(test, false);
  });
  stream.on('test:fail', (test) => {
    judge(test, true);
  });
  stream.on('test:stderr', ({ message }) => {
    print(message.trimEnd());
  });
  stream.on('test:diagnostic', ({ message, nesting, file }) => {
    // Node's own sums at the end have no file; what a test says about itself is worth a line.
    if (file !== undefined && nesting > 0) print(`note: ${message}`);
  });
  await stream.resume().toArray();
  for (const [file, { tests, milliseconds }] of finished) {
    print(`${relative(process.cwd(), file)}: ${tests} at the top level, ${(milliseconds / 1000).toFixed(1)} s`);
  }
}
