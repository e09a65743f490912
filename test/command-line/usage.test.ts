/** What the command line says of a wrong word, of a space that is not there, and of a build that is not whole. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { bundled } from '../support/dumps.ts';
import { runInProcess } from '../support/in-process.ts';

const root = resolve(import.meta.dirname, '../..');
const alone = mkdtempSync(join(tmpdir(), 'pagewalk-alone-'));
after(() => {
  rmSync(alone, { recursive: true, force: true });
});

const wrong: readonly (readonly [argv: readonly string[], line: string])[] = [
  [['vtopp', 'vmcore'], "pagewalk: unknown command 'vtopp' (Did you mean vtop?); see what there is with: pagewalk --help"],
  [['info'], "pagewalk: missing required argument 'image'; see what there is with: pagewalk info --help"],
  [['vtop', 'vmcore'], "pagewalk: missing required argument 'address'; see what there is with: pagewalk vtop --help"],
  [['ps', 'vmcore', '--everything'], "pagewalk: unknown option '--everything'; see what there is with: pagewalk ps --help"],
  [
    ['ptdump', bundled.image, '--mm', 'efi'],
    'pagewalk: the kernel made no page table for EFI (efi_mm has none): the machine was not started by UEFI; see its own with --mm kernel',
  ],
];
for (const [argv, line] of wrong) {
  test(`${argv[0] ?? ''} ${argv.slice(2).join(' ')}: one line that says what to do`, async () => {
    const { status, text, complaints } = await runInProcess(nodeHost(), ...argv);
    assert.deepEqual(complaints, [line]);
    assert.equal(text, '');
    assert.equal(status, 2);
  });
}

test('the program without its other files reads dumps, and says what scenarios lack', () => {
  const program = join(alone, 'pagewalk.js');
  copyFileSync(join(root, 'dist/pagewalk.js'), program);
  const run = (...argv: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [program, ...argv], { encoding: 'utf8' });
  assert.equal(run('vtop', bundled.image, 'vfs_read').status, 0);
  const scenario = join(root, 'examples/003-kaslr.kmm');
  for (const argv of [['run', scenario], ['info', scenario], ['lsp']]) {
    const { status, stdout, stderr } = run(...argv);
    assert.equal(
      stderr,
      `pagewalk: scenarios need the file language-server.js of the same build, which is missing; put it into ${alone}\n`,
    );
    assert.equal(stdout, '');
    assert.equal(status, 2);
  }
});
