/**
 * Runs every test: unit, truth and adapter tests with Node's runner, then the tests that drive a VS Code window, one window at
 * a time, then the end-to-end tests inside VS Code. Prints failures as they come, every skip with its reason, and one closing
 * line. Test files named on the command line are run alone.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { runEndToEnd } from './end-to-end/launch.ts';
import { runFiles } from './runner/results.ts';
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

function count(results: Iterable<FileResults>): void {
  for (const file of results) {
    passed += file.passed;
    failed += file.failures.length;
    skips.push(...file.skips);
  }
}

/**
 * A window test waits for what a browser draws, which a busy machine can hold up for longer than any patience: a file that fails
 * is run once more, its second result counts, and that it was needed is said at the end.
 */
async function runWindows(windows: readonly string[]): Promise<void> {
  if (windows.length === 0) return;
  const scratch = mkdtempSync(join(tmpdir(), 'pagewalk-run-'));
  process.env['PAGEWALK_VSIX'] ??= packExtension(join(scratch, 'pagewalk.vsix'));
  const first = await runFiles(windows, 1);
  const broken = [...first].filter(([, { failures }]) => failures.length > 0).map(([file]) => file);
  const second = await runFiles(broken, 1);
  for (const file of broken)
    again.push(
      `${relative(process.cwd(), file)}: ${
        first
          .get(file)
          ?.failures.map(({ title }) => title)
          .join('; ') ?? ''
      }`,
    );
  count(windows.flatMap((file) => second.get(file) ?? first.get(file) ?? []));
  rmSync(scratch, { recursive: true, force: true });
}

// The page tests need it, and cannot install it while others run.
if (named.length === 0) installBrowserVSCode();
count(
  (
    await runFiles(
      files.filter((file) => !isWindow(file)),
      2,
    )
  ).values(),
);
await runWindows(files.filter(isWindow));
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
