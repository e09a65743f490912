/** A scenario in place of an image: every verb runs it to its end, and answers as of the vmcore that `run --save` writes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bundled } from '../support/dumps.ts';

const built = join(import.meta.dirname, '../../dist');
const made = mkdtempSync(join(tmpdir(), 'pagewalk-scenario-image-'));
const scenario = join(made, 'machine.kmm');
const saved = join(made, 'machine.elf');

function pagewalk(
  argv: readonly string[],
  program = join(built, 'pagewalk.js'),
): ReturnType<typeof spawnSync> & { stdout: string; stderr: string } {
  return spawnSync(process.execPath, [program, ...argv], { encoding: 'utf8' });
}

before(() => {
  writeFileSync(
    scenario,
    'machine { ram 64M; kaslr 3; pti on }\nlet a = vmalloc(16K)\nfill(a, 4K, "scenario")\nlet p = create_process("reader")\nmmap(p, 64K, flags: MAP_PRIVATE | MAP_POPULATE)\nprint "not for a verb"\n',
  );
  assert.equal(pagewalk(['run', scenario, '--save', saved]).status, 0);
});
after(() => {
  rmSync(made, { recursive: true });
});

/** Verbs, with `IMAGE` where the image stands. */
const verbs: readonly (readonly string[])[] = [
  ['info', 'IMAGE'],
  ['ps', 'IMAGE'],
  ['vmalloc', 'IMAGE'],
  ['vtop', 'IMAGE', 'init_task'],
  ['ptov', 'IMAGE', '0x1000000'],
  ['ptdump', 'IMAGE'],
  ['ptdump', 'IMAGE', '--mm', '3', '--user'],
  ['identify', 'IMAGE', 'init_mm'],
  ['read', 'IMAGE', 'linux_banner', '32'],
  ['sym', 'IMAGE', 'init_mm'],
  ['eval', 'IMAGE', 'nr_cpu_ids'],
  ['struct', 'IMAGE', 'vmap_area'],
  ['check', 'IMAGE'],
  ['pages', 'IMAGE'],
  ['maps', 'IMAGE', '3'],
  ['pagemap', 'IMAGE', '3'],
  ['pagemap-scan', 'IMAGE', '3'],
];

describe('a scenario as an image', () => {
  for (const verb of verbs) {
    it(verb.join(' '), () => {
      const [live, file] = [scenario, saved].map((image) => pagewalk(verb.map((word) => (word === 'IMAGE' ? image : word))));
      assert.deepEqual([live?.status, live?.stderr], [0, file?.stderr.replaceAll(saved, scenario)]);
      assert.equal(live?.stdout, file?.stdout.replaceAll(saved, scenario));
      assert.ok(live !== undefined && !live.stdout.includes('not for a verb'));
    });
  }

  it('two of them, and one beside a dump, are compared', () => {
    assert.equal(pagewalk(['diff', scenario, saved]).stdout, pagewalk(['diff', saved, saved]).stdout);
    assert.equal(pagewalk(['diff', saved, scenario]).status, pagewalk(['diff', saved, saved]).status);
  });

  it('that cannot be run, or fails, is told with its place', () => {
    const cases: readonly (readonly [text: string, said: RegExp])[] = [
      ['let a = vmaloc(4K)', /bad\.kmm:1:9: there is no operation or function vmaloc; did you mean vmalloc\?/],
      ['print 1\nexpect 1 == 2', /bad\.kmm:2:8: expected 1 == 2/],
      ['machine { ram 3M }', /bad\.kmm:1:1: the size of RAM/],
      ['let a = ', /bad\.kmm:1:/],
    ];
    const bad = join(made, 'bad.kmm');
    for (const [text, said] of cases) {
      writeFileSync(bad, text);
      const { status, stdout, stderr } = pagewalk(['info', bad]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, said);
    }
    assert.match(pagewalk(['info', join(made, 'absent.kmm')]).stderr, /absent\.kmm/);
  });

  it('costs a plain dump nothing: the language is not looked for', () => {
    // The language is a file of its own beside the program: here it is missing.
    const alone = join(made, 'pagewalk.mjs');
    copyFileSync(join(built, 'pagewalk.js'), alone);
    assert.equal(pagewalk(['info', bundled.image], alone).status, 0);
    assert.notEqual(pagewalk(['info', scenario], alone).status, 0);
  });
});
