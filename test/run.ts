/**
 * Runs every test: unit, truth and adapter tests with Node's runner, then the end-to-end tests in a real VS Code. Prints
 * failures as they come, every skip with its reason, and one closing line.
 */
import { readdirSync } from 'node:fs';
import { run } from 'node:test';
import { resolve } from 'node:path';
import { runEndToEnd } from './end-to-end/launch.ts';

const root = resolve(import.meta.dirname, '..');
const files = listTests();
const counts = { passed: 0, failed: 0 };
const skips: string[] = [];

/** Files named on the command line, or all. */
function listTests(): string[] {
  const named = process.argv.slice(2).filter((argument) => argument.endsWith('.test.ts'));
  if (named.length > 0) return named.map((file) => resolve(file));
  const folders = readdirSync(resolve(root, 'test'), { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && entry.name !== 'vscode-web',
  );
  return folders
    .flatMap(({ name }) => readdirSync(resolve(root, 'test', name)).map((file) => resolve(root, 'test', name, file)))
    .filter((file) => file.endsWith('.test.ts'))
    .sort();
}

const stream = run({ files, concurrency: 2 });
stream.on('test:pass', (data) => {
  if (data.details.type === 'suite') return;
  if (data.skip !== undefined && data.skip !== false) skips.push(`${data.name}: ${data.skip === true ? 'no reason given' : data.skip}`);
  else if (!isFile(data.name)) counts.passed++;
});
stream.on('test:fail', (data) => {
  if (data.details.type === 'suite') return;
  counts.failed++;
  const cause: unknown = data.details.error.cause;
  console.log(`FAILED ${data.file ?? ''} › ${data.name}\n${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`);
});
stream.on('test:stderr', (data) => {
  process.stderr.write(data.message);
});
await new Promise((done) => stream.on('end', done).resume());

function isFile(name: string): boolean {
  return name.endsWith('.test.ts');
}

if (process.argv.length <= 2) {
  const endToEnd = await runEndToEnd();
  counts.passed += endToEnd.passed;
  counts.failed += endToEnd.failed;
  skips.push(...endToEnd.skips);
}
for (const skip of skips) console.log(`SKIPPED ${skip}`);
console.log(`${counts.passed} passed, ${counts.failed} failed${skips.length === 0 ? '' : `, ${skips.length} skipped`}`);
process.exitCode = counts.failed === 0 ? 0 : 1;
