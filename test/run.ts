/**
 * Runs every test: unit, truth and adapter tests with Node's runner, then the end-to-end tests in a real VS Code. Prints
 * failures as they come, every skip with its reason, and one closing line. Test files named on the command line are run alone.
 */
import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import type { EventData } from 'node:test';
import { runEndToEnd } from './end-to-end/launch.ts';
import { installBrowserVSCode } from './support/vscode.ts';

const folder = import.meta.dirname;
const named = process.argv.slice(2).map((file) => resolve(file));
const files = named.length > 0 ? named : listTests();

const counts = { passed: 0, failed: 0 };
const skips: string[] = [];
/** Results that each file gave: one that gives none broke off, or tests nothing. */
const heard = new Map(files.map((file) => [file, 0]));
/** Of each file, the names of the tests that are open, outermost first; and at which depths tests have been seen inside the open one. */
const open = new Map<string, string[]>();
const inside = new Map<string, Set<number>>();

function listTests(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
    .map((file) => join(folder, file))
    .sort();
}

function namesIn(file: string): string[] {
  const names = open.get(file) ?? [];
  open.set(file, names);
  return names;
}

/** Whether tests were inside the one that ends now: then they are counted, and it is only their frame. */
function isFrame(file: string, nesting: number): boolean {
  const depths = inside.get(file) ?? new Set();
  inside.set(file, depths);
  const framed = depths.delete(nesting + 1);
  depths.add(nesting);
  return framed;
}

function ended(test: EventData.TestPass | EventData.TestFail, error?: Error): void {
  const file = test.file ?? '';
  const frame = isFrame(file, test.nesting) || test.details.type === 'suite';
  const names = namesIn(file);
  names.length = test.nesting;
  const title = [relative(process.cwd(), file), ...names, test.name].join(' › ');
  // Node stands in for a file that gave nothing with a test of the file's name.
  const isFile = test.nesting === 0 && resolve(test.name) === file;
  if (!isFile) heard.set(file, (heard.get(file) ?? 0) + 1);
  if (test.skip !== undefined && test.skip !== false) {
    skips.push(`${title}: ${test.skip === true ? 'no reason given' : test.skip}`);
  } else if (error !== undefined) {
    const { failureType } = error as { failureType?: string };
    if (frame && failureType === 'subtestsFailed') return;
    if (isFile) heard.set(file, 1);
    fail(title, error.cause ?? error);
  } else if (!frame && !isFile) counts.passed++;
}

function fail(title: string, reason: unknown): void {
  counts.failed++;
  console.log(`FAILED ${title}\n${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}\n`);
}

// The page tests need it, and cannot install it while others run.
if (named.length === 0) installBrowserVSCode();
const stream = run({ files, concurrency: 2 });
stream.on('test:start', (test) => {
  namesIn(test.file ?? '')[test.nesting] = test.name;
});
stream.on('test:pass', (test) => {
  ended(test);
});
stream.on('test:fail', (test) => {
  ended(test, test.details.error);
});
stream.on('test:stderr', ({ message }) => {
  process.stderr.write(message);
});
await new Promise((done) => stream.on('end', done).resume());
for (const [file, results] of heard)
  if (results === 0) fail(relative(process.cwd(), file), 'it reported no test: it is empty, or its process ended early');

if (named.length === 0) {
  const endToEnd = await runEndToEnd();
  counts.passed += endToEnd.passed;
  counts.failed += endToEnd.failed;
  skips.push(...endToEnd.skips);
}
for (const skip of skips) console.log(`SKIPPED ${skip}`);
console.log(`${counts.passed} passed, ${counts.failed} failed${skips.length === 0 ? '' : `, ${skips.length} skipped`}`);
process.exitCode = counts.failed === 0 ? 0 : 1;
