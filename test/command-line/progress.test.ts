/** Progress for the program that started this one: lines on standard error where they are asked for, and none where not. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { absent, expandedDump } from '../support/dumps.ts';
import { root } from '../support/vscode.ts';

const debian = 'x86-64-debian-6.12';

function run(...options: string[]): { stdout: string; stderr: string } {
  const command = [
    '--import',
    'tsx',
    join(root, 'debug-adapter/main-cli.ts'),
    'pages',
    expandedDump(debian, 'dump.elf'),
    '--json',
    ...options,
  ];
  const { stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
  return { stdout, stderr };
}

test('progress as lines, and the same answer', { skip: absent(debian) ?? false }, () => {
  const quiet = run();
  const told = run('--progress');
  assert.match(told.stderr, /^progress: looking at pages: \d+ of 65536$/m);
  assert.equal(told.stdout, quiet.stdout);
  assert.doesNotMatch(quiet.stderr, /progress/);
});
