/** V8's code cache beside dist/pagewalk.js: taken where it fits, and no answer depends on it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { bundled } from '../support/dumps.ts';

const dist = join(import.meta.dirname, '../../dist');
const folder = mkdtempSync(join(tmpdir(), 'pagewalk-code-cache-'));
const alone = join(folder, 'pagewalk.js');
copyFileSync(join(dist, 'pagewalk.js'), alone);
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
/** A build for debugging has none, nor has one that another Node made. */
const cache = readdirSync(dist).find((file) => file.endsWith(`-${process.versions.v8}-${process.platform}-${process.arch}.cache`));
const skip = cache === undefined && 'needs the code cache of this Node: npm run build';

after(() => {
  rmSync(folder, { recursive: true });
});

/** Tells on standard error what V8 made of the cache that it was given. */
const telling = `data:text/javascript,${encodeURIComponent(`
  import vm from 'node:vm';
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(...parameters) {
      super(...parameters);
      console.error('rejected: ' + this.cachedDataRejected);
    }
  };`)}`;

function rejected(program: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--import', telling, program, '--version'], { encoding: 'utf8' });
  return /rejected: (\w+)/.exec(stderr)?.[1];
}

const asked: readonly (readonly string[])[] = [
  ['vtop', bundled.image, 'init_task', '0xffffc90000000000', '--json'],
  ['read', bundled.image, 'nowhere', '8'],
];

function answers(program: string): readonly unknown[] {
  return asked.map((words) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], { encoding: 'utf8' });
    return { status, stdout, stderr };
  });
}

describe('the code cache of the program', { skip }, () => {
  it('that the build left is taken', () => {
    assert.equal(rejected(join(dist, 'pagewalk.js')), 'false');
  });

  it('may be missing, empty, cut off or of something else: every answer is the same', () => {
    const expected = answers(join(dist, 'pagewalk.js'));
    assert.equal(rejected(alone), 'undefined');
    assert.deepEqual(answers(alone), expected);
    const whole = readFileSync(join(dist, cache ?? ''));
    for (const [name, bytes] of [
      ['empty', Buffer.alloc(0)],
      ['cut off', whole.subarray(0, whole.length >> 1)],
      ['of something else', Buffer.from('a text that is no code cache'.repeat(100))],
    ] as const) {
      writeFileSync(join(folder, cache ?? ''), bytes);
      assert.equal(rejected(alone), 'true', name);
      assert.deepEqual(answers(alone), expected, name);
    }
  });

  it('of another text is not looked for', () => {
    copyFileSync(join(dist, cache ?? ''), join(folder, cache ?? ''));
    assert.equal(rejected(alone), 'false');
    const changed = join(folder, 'changed.js');
    writeFileSync(changed, readFileSync(alone, 'utf8').replace(/(?<=pagewalk-)[0-9a-f]{16}(?=-)/, '0'.repeat(16)));
    assert.equal(rejected(changed), 'undefined');
  });
});
