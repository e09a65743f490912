/** The parser that is checked in is that of the grammar. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'debug-adapter/scenario');

test('npm run generate changes nothing', () => {
  // Inside the repository, so that the generator finds its libraries.
  mkdirSync(join(root, 'out'), { recursive: true });
  const copy = mkdtempSync(join(root, 'out/generated-'));
  try {
    for (const name of ['scenario.langium', 'langium-config.json']) cpSync(join(folder, name), join(copy, name));
    const generator = join(root, 'node_modules/langium-cli/bin/langium.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [generator, 'generate', '--file', join(copy, 'langium-config.json')], {
      encoding: 'utf8',
      cwd: copy,
    });
    assert.equal(status, 0, stdout + stderr);
    const names = readdirSync(join(folder, 'generated'));
    assert.deepEqual(readdirSync(join(copy, 'generated')), names);
    for (const name of names) {
      assert.equal(readFileSync(join(copy, 'generated', name), 'utf8'), readFileSync(join(folder, 'generated', name), 'utf8'), name);
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
});
