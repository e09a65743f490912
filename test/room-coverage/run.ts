/**
 * Runs the tests of the engine and its faces with V8's coverage and prints the lines covered of each room, lowest first. Rooms
 * of the engine are to have nine lines of ten covered. What tests run through the bundles in dist/ does not count: mapped back,
 * lines of a bundle that nothing is known of pass for covered, and with them every line of every file. The faces, which are
 * mostly tested so, thus have more lines covered than is told. Test folders named on the command line are run alone; `--add` keeps what
 * earlier runs covered, so that a run can be made in parts.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { transformSync } from 'esbuild';
import { runFile } from '../runner/results.ts';
import type { FileResults } from '../runner/results.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'artefacts/coverage');
const raw = join(folder, 'v8');
/** As in .dependency-cruiser.cjs: the floors from the ground up, and the faces. */
const engine = [
  ...['base', 'memory', 'codec', 'image', 'arch', 'symbols', 'pagetable', 'kernel', 'expression'],
  ...['simulator', 'scenario', 'session'],
];
const faces = ['dap', 'lsp', 'command-line', 'platform'];
/** Share of lines, in percent. */
const goal = 90;

interface Lines {
  readonly total: number;
  readonly covered: number;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { add: { type: 'boolean' }, files: { type: 'boolean' } } });
const folders =
  positionals.length > 0
    ? positionals
    : [...engine, ...faces, 'truth', 'frame'].map((room) => join(root, 'test', room)).filter((path) => existsSync(path));

if (values.add !== true) rmSync(folder, { recursive: true, force: true });
mkdirSync(raw, { recursive: true });
// Processes that the tests start inherit it.
process.env['NODE_V8_COVERAGE'] = raw;
const tests = folders.flatMap((path) =>
  readdirSync(path)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => resolve(path, file)),
);
const results: FileResults[] = [];
for (const test of tests) results.push(await runFile(test));
delete process.env['NODE_V8_COVERAGE'];

keepSourcesAlone();
const report = ['report', '--temp-directory', raw, '--reports-dir', folder, '--reporter', 'json-summary', '--merge-async'];
const which = ['--all', '--src', 'debug-adapter', '--include', 'debug-adapter/**', '--exclude', '**/generated/**', '--exclude-after-remap'];
execFileSync(process.execPath, [join(root, 'node_modules/c8/bin/c8.js'), ...report, ...which], { cwd: root, stdio: 'inherit' });
const summary = JSON.parse(readFileSync(join(folder, 'coverage-summary.json'), 'utf8')) as Record<string, { readonly lines: Lines }>;
const files = Object.entries(summary)
  .filter(([path]) => path.endsWith('.ts') && !isTypesAlone(path))
  .map(([path, { lines }]) => ({ path: relative(root, path), lines }));

/** Nothing of such a file runs, so that nothing of it can be covered. */
function isTypesAlone(path: string): boolean {
  return transformSync(readFileSync(path, 'utf8'), { loader: 'ts' }).code.trim() === '';
}

/** Takes all scripts but the adapter's own modules out of what V8 wrote. */
function keepSourcesAlone(): void {
  const isModule = (url: string): boolean => /\/debug-adapter\/.*\.ts$/.test(url);
  for (const file of readdirSync(raw).filter((name) => name.endsWith('.json'))) {
    const path = join(raw, file);
    const written = JSON.parse(readFileSync(path, 'utf8')) as {
      readonly result: readonly { readonly url: string }[];
      readonly 'source-map-cache'?: Readonly<Record<string, unknown>>;
    };
    const maps = Object.entries(written['source-map-cache'] ?? {}).filter(([url]) => isModule(url));
    const result = written.result.filter(({ url }) => isModule(url));
    if (result.length === 0) rmSync(path);
    else writeFileSync(path, JSON.stringify({ ...written, result, 'source-map-cache': Object.fromEntries(maps) }));
  }
}

function sum(rooms: readonly string[]): Lines {
  const inRooms = files.filter(({ path }) => rooms.some((room) => path.startsWith(`debug-adapter/${room}/`)));
  return {
    total: inRooms.reduce((all, { lines }) => all + lines.total, 0),
    covered: inRooms.reduce((all, { lines }) => all + lines.covered, 0),
  };
}

function row(name: string, { total, covered }: Lines): string {
  return `${name.padEnd(14)} ${String(covered).padStart(6)} of ${String(total).padStart(6)} lines  ${share({ total, covered }).toFixed(1).padStart(5)} %`;
}

function share({ total, covered }: Lines): number {
  return total === 0 ? 100 : (100 * covered) / total;
}

for (const room of [...engine, ...faces]) console.log(row(room, sum([room])));
console.log(row('engine', sum(engine)));
if (values.files === true) {
  const least = files
    .filter(({ lines }) => share(lines) < goal)
    .sort((a, b) => a.lines.covered - a.lines.total - b.lines.covered + b.lines.total);
  for (const { path, lines } of least) console.log(row(path, lines));
}
const failures = results.reduce((all, file) => all + file.failures.length, 0);
if (failures > 0) console.log(`${failures} tests failed`);
process.exitCode = failures > 0 || share(sum(engine)) < goal ? 1 : 0;
