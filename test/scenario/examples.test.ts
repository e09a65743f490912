/** The scenarios under examples/: each runs to its end, leaves a saved machine that reads the same, and is laid out. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { spawnSync } from 'node:child_process';
import { AstUtils } from 'langium';
import { parseScenario } from '../../debug-adapter/scenario/parse-scenario.ts';
import { scenarioCatalogue, startScenario } from '../../debug-adapter/session/scenario.ts';

const folder = join(import.meta.dirname, '../../examples');
const program = join(import.meta.dirname, '../../dist/pagewalk.js');
const scenarios = readdirSync(folder).filter((name) => name.endsWith('.kmm'));
const made = mkdtempSync(join(tmpdir(), 'pagewalk-scenario-'));
after(() => {
  rmSync(made, { recursive: true });
});

function pagewalk(...argv: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [program, ...argv], { encoding: 'utf8' });
}

describe('examples', () => {
  it('there is one for each mail', () => {
    assert.deepEqual([...new Set(scenarios.map((name) => name.slice(0, 3)))], ['000', '001', '002', '003', '004']);
  });

  for (const name of scenarios) {
    it(`${name} runs, and goes back to its beginning`, async () => {
      const parsed = await parseScenario(readFileSync(join(folder, name), 'utf8'), scenarioCatalogue);
      assert.deepEqual(parsed.problems, []);
      const expectations = AstUtils.streamAllContents(parsed.scenario).filter(({ $type }) => $type === 'Expect');
      assert.ok(expectations.count() >= 4, 'it expects something');
      assert.equal(parsed.scenario.statements.at(-1)?.$type, 'Expect', 'it ends in an expect');
      const started = startScenario(parsed);
      assert.ok('run' in started);
      const { run, engine } = started;
      const before = engine.ptdump(undefined);
      const stop = run.runToEnd();
      assert.equal(stop.kind === 'failed' ? stop.failure.message : stop.kind, 'end');
      const printed = run.output;
      run.rewind();
      assert.deepEqual(engine.ptdump(undefined), before);
      run.runToEnd();
      assert.deepEqual(run.output, printed);
    });
  }
});

describe('pagewalk run', () => {
  const write = (name: string, text: string): string => {
    const path = join(made, name);
    writeFileSync(path, text);
    return path;
  };

  for (const name of scenarios) {
    it(`runs ${name}`, () => {
      const { status, stdout, stderr } = pagewalk('run', join(folder, name));
      assert.deepEqual([status, stderr], [0, '']);
      assert.notEqual(stdout, '');
    });
  }

  it('prints, and saves a vmcore that answers as the machine did', () => {
    const saved = join(made, 'out.elf');
    const text = 'machine { ram 64M }\nlet a = vmalloc(16K)\nfill(a, 4K, "x")\nprint "{a:x}"\nprint "{vtop(a).physical:x}"\n';
    const { status, stdout, stderr } = pagewalk('run', write('fine.kmm', text), '--save', saved);
    assert.deepEqual([status, stderr], [0, '']);
    const [address = '', physical = ''] = stdout.split('\n');
    const { results } = JSON.parse(pagewalk('vtop', saved, address, '--json').stdout) as { results: readonly { physical: string }[] };
    assert.equal(results[0]?.physical, physical);
    assert.equal(pagewalk('read', saved, address, '4', '--raw').stdout, 'xxxx');
  });

  it('tells by its status how it went, and where', () => {
    const cases: readonly (readonly [text: string, status: number, said: RegExp])[] = [
      ['print 1\nexpect 1 == 2', 1, /differs\.kmm:2:8: expected 1 == 2; the left side is 1, the right side 2$/m],
      ['vfree(0xffffc90000000000)', 2, /differs\.kmm:1:1: ./],
      ['vmaloc(4K)', 2, /differs\.kmm:1:1: there is no operation or function vmaloc; did you mean vmalloc\?/],
      ['machine { ram 3M }', 2, /differs\.kmm:1:1: the size of RAM/],
    ];
    for (const [text, status, said] of cases) {
      const result = pagewalk('run', write('differs.kmm', text));
      assert.equal(result.status, status, text);
      assert.match(result.stderr, said);
    }
    assert.equal(pagewalk('run', join(made, 'absent.kmm')).status, 2);
    assert.equal(pagewalk('run', write('saved.kmm', 'machine { ram 64M }'), '--save', join(made, 'no/such/folder.elf')).status, 2);
  });

  it('prints one JSON document', () => {
    const { stdout, status } = pagewalk('run', '--json', write('json.kmm', 'print "a"\nexpect false'));
    assert.equal(status, 1);
    assert.deepEqual(JSON.parse(stdout), {
      output: ['a'],
      failure: { kind: 'expectation', message: 'expected false; it is false', line: 2, column: 8 },
    });
  });
});

describe('the walkthrough', () => {
  it('leads to each example', () => {
    // The manifest's words stand in a file of their own.
    const steps = Object.values(JSON.parse(readFileSync(join(folder, '../package.nls.json'), 'utf8')) as Record<string, string>);
    const linked = steps.flatMap((text) =>
      [...text.matchAll(/\(command:pagewalk\.openExampleScenario\?([^)]+)\)/g)].map(([, given = '']) => given),
    );
    assert.deepEqual(
      linked
        .map((given) => JSON.parse(decodeURIComponent(given)) as unknown)
        .flat()
        .sort(),
      [...scenarios].sort(),
    );
  });
});
