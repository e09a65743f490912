/**
 * Runs every test with Node's runner, a process for each file: the tests that drive a VS Code window, one window at a time, and
 * beside them unit, truth and adapter tests; then the end-to-end tests inside VS Code. Prints failures as they come, every skip
 * with its reason, and one closing line. Test files named on the command line are run alone.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { runEndToEnd } from './end-to-end/launch.ts';
import { runFile } from './runner/results.ts';
import type { FileResults } from './runner/results.ts';
import { installBrowserVSCode, packExtension } from './support/vscode.ts';

const folder = import.meta.dirname;
const named = process.argv.slice(2).map((file) => resolve(file));
const files = named.length > 0 ? named : listTests();
const isWindow = (file: string): boolean => file.startsWith(join(folder, 'window') + sep);

let passed = 0;
let failed = 0;
const skips: string[] = [];
const again: string[] = [];

function listTests(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
    .map((file) => join(folder, file))
    .sort();
}

/** Runs what waits in the queues, the first queue first; another lane may take from them meanwhile. */
async function runLane(results: Map<string, FileResults>, ...queues: readonly string[][]): Promise<void> {
  for (const queue of queues)
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) results.set(file, await runFile(file));
}

/**
 * A window test waits for what a browser draws, which a busy machine can hold up for longer than any patience: a file that fails
 * is run once more, alone, its second result counts, and that it was needed is said at the end.
 */
async function runAgain(results: Map<string, FileResults>): Promise<void> {
  for (const [file, { failures }] of [...results]) {
    if (!isWindow(file) || failures.length === 0) continue;
    again.push(`${relative(process.cwd(), file)}: ${failures.map(({ title }) => title).join('; ')}`);
    results.set(file, await runFile(file));
  }
}

/** Two lanes, as for two cores. A window waits more than it works, so that the other lane's work holds it up little. */
async function runAll(): Promise<void> {
  const windows = files.filter(isWindow);
  const others = files.filter((file) => !isWindow(file));
  const scratch = mkdtempSync(join(tmpdir(), 'pagewalk-run-'));
  if (windows.length > 0) process.env['PAGEWALK_VSIX'] ??= packExtension(join(scratch, 'pagewalk.vsix'));
  const results = new Map<string, FileResults>();
  await Promise.all([runLane(results, windows, others), runLane(results, others)]);
  await runAgain(results);
  rmSync(scratch, { recursive: true, force: true });
  for (const file of results.values()) {
    passed += file.passed;
    failed += file.failures.length;
    skips.push(...file.skips);
  }
}

// The page tests need it, and cannot install it while others run.
if (named.length === 0) installBrowserVSCode();
await runAll();
if (named.length === 0) {
  const endToEnd = await runEndToEnd();
  passed += endToEnd.passed;
  failed += endToEnd.failed;
  skips.push(...endToEnd.skips);
}
for (const skip of skips) console.log(`SKIPPED ${skip}`);
for (const file of again) console.log(`RUN TWICE, failed at first: ${file}`);
console.log(`${passed} passed, ${failed} failed${skips.length === 0 ? '' : `, ${skips.length} skipped`}`);
process.exitCode = failed === 0 ? 0 : 1;
