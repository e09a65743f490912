/** The rules of the house are complete, and each of them bites. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cruise } from 'dependency-cruiser';
import type { ICruiseOptions, ICruiseResult, IForbiddenRuleType } from 'dependency-cruiser';

const root = resolve(import.meta.dirname, '../..');
const config = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs')) as {
  forbidden: (IForbiddenRuleType & { name: string; comment: string })[];
  options: ICruiseOptions;
};
const names = config.forbidden.map(({ name }) => name);

const folders = (of: string): string[] =>
  readdirSync(join(root, of), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

test('every room of debug-adapter has a rule', () => {
  const ruled = new Map([
    ['protocol', 'protocol-stands-apart'],
    ['platform', 'platform-provides-base'],
  ]);
  for (const room of folders('debug-adapter')) {
    const rule = ruled.get(room) ?? names.find((name) => name === `floor-${room}` || name === `face-${room}`);
    assert.ok(
      rule !== undefined && names.includes(rule),
      `debug-adapter/${room} stands on no floor: give it one in .dependency-cruiser.cjs`,
    );
  }
});

test('every subject of debug-adapter/kernel has a rule', () => {
  for (const subject of folders('debug-adapter/kernel')) assert.ok(names.includes(`kernel-${subject}`), subject);
});

test('every room of debug-adapter belongs to one TypeScript world', () => {
  const worlds = ['engine', 'node'].map((world) => readFileSync(join(root, `.tsconfig.${world}.json`), 'utf8'));
  for (const room of folders('debug-adapter')) {
    const named = worlds.filter((text) => text.includes(`"debug-adapter/${room}"`));
    assert.equal(named.length, 1, `debug-adapter/${room}: name it in .tsconfig.engine.json, or in .tsconfig.node.json where it needs Node`);
  }
});

test('every rule says why', () => {
  for (const { name, comment } of config.forbidden) assert.ok(comment.length > 20, name);
});

/** One import that each rule must refuse: the file that imports, and what. */
const refused: Record<string, [from: string, to: string]> = {
  'floor-base': ['debug-adapter/base/a.ts', 'debug-adapter/memory/b.ts'],
  'floor-memory': ['debug-adapter/memory/a.ts', 'debug-adapter/image/b.ts'],
  'floor-codec': ['debug-adapter/codec/a.ts', 'debug-adapter/memory/b.ts'],
  'floor-image': ['debug-adapter/image/a.ts', 'debug-adapter/kernel/b.ts'],
  'floor-arch': ['debug-adapter/arch/a.ts', 'debug-adapter/symbols/b.ts'],
  'floor-symbols': ['debug-adapter/symbols/a.ts', 'debug-adapter/kernel/b.ts'],
  'floor-pagetable': ['debug-adapter/pagetable/a.ts', 'debug-adapter/kernel/b.ts'],
  'floor-kernel': ['debug-adapter/kernel/a.ts', 'debug-adapter/session/b.ts'],
  'floor-expression': ['debug-adapter/expression/a.ts', 'debug-adapter/session/b.ts'],
  'floor-simulator': ['debug-adapter/simulator/a.ts', 'debug-adapter/scenario/b.ts'],
  'floor-scenario': ['debug-adapter/scenario/a.ts', 'debug-adapter/session/b.ts'],
  'floor-session': ['debug-adapter/session/a.ts', 'debug-adapter/dap/b.ts'],
  'face-dap': ['debug-adapter/dap/a.ts', 'debug-adapter/lsp/b.ts'],
  'face-lsp': ['debug-adapter/lsp/a.ts', 'debug-adapter/command-line/b.ts'],
  'face-command-line': ['debug-adapter/command-line/a.ts', 'debug-adapter/dap/b.ts'],
  'kernel-itself': ['debug-adapter/kernel/a.ts', 'debug-adapter/kernel/pages/b.ts'],
  'kernel-containers': ['debug-adapter/kernel/containers/a.ts', 'debug-adapter/kernel/pages/b.ts'],
  'kernel-opening': ['debug-adapter/kernel/opening/a.ts', 'debug-adapter/kernel/layout/b.ts'],
  'kernel-log': ['debug-adapter/kernel/log/a.ts', 'debug-adapter/kernel/processes/b.ts'],
  'kernel-modules': ['debug-adapter/kernel/modules/a.ts', 'debug-adapter/kernel/vmalloc/b.ts'],
  'kernel-slab': ['debug-adapter/kernel/slab/a.ts', 'debug-adapter/kernel/pages/b.ts'],
  'kernel-layout': ['debug-adapter/kernel/layout/a.ts', 'debug-adapter/kernel/pages/b.ts'],
  'kernel-pages': ['debug-adapter/kernel/pages/a.ts', 'debug-adapter/kernel/processes/b.ts'],
  'kernel-processes': ['debug-adapter/kernel/processes/a.ts', 'debug-adapter/kernel/stacks/b.ts'],
  'kernel-stacks': ['debug-adapter/kernel/stacks/a.ts', 'debug-adapter/kernel/identify/b.ts'],
  'kernel-pagemap': ['debug-adapter/kernel/pagemap/a.ts', 'debug-adapter/kernel/vmalloc/b.ts'],
  'kernel-vmalloc': ['debug-adapter/kernel/vmalloc/a.ts', 'debug-adapter/kernel/processes/b.ts'],
  'kernel-identify': ['debug-adapter/kernel/identify/a.ts', 'debug-adapter/kernel/findings/b.ts'],
  'kernel-findings': ['debug-adapter/kernel/findings/a.ts', 'debug-adapter/kernel/other/b.ts'],
  'answers-know-no-scenario': ['debug-adapter/session/a-facts.ts', 'debug-adapter/simulator/b.ts'],
  'protocol-stands-apart': ['debug-adapter/protocol/a.ts', 'debug-adapter/base/b.ts'],
  'platform-is-injected': ['debug-adapter/session/a.ts', 'debug-adapter/platform/b.ts'],
  'platform-provides-base': ['debug-adapter/platform/a.ts', 'debug-adapter/session/b.ts'],
  'engine-without-node': ['debug-adapter/memory/a.ts', 'node:fs'],
  'extension-stays-out-of-the-engine': ['extension/a.ts', 'debug-adapter/session/b.ts'],
  'webview-stays-out-of-the-engine': ['webview/ptdump/a.ts', 'debug-adapter/base/b.ts'],
  'webview-is-a-browser': ['webview/ptdump/a.ts', 'node:fs'],
  'only-the-extension-knows-vscode': ['debug-adapter/dap/a.ts', 'vscode'],
  'nothing-imports-tests': ['extension/a.ts', 'test/b.ts'],
  'entries-are-roots': ['debug-adapter/dap/a.ts', 'debug-adapter/main-cli.ts'],
  'no-circles': ['debug-adapter/base/a.ts', 'debug-adapter/base/circle.ts'],
  'no-missing-file': ['debug-adapter/base/a.ts', 'debug-adapter/base/nowhere.ts'],
};

describe('each rule refuses what it is for', () => {
  let house: string;
  before(() => {
    house = mkdtempSync(join(tmpdir(), 'pagewalk-layers-'));
  });
  after(() => {
    rmSync(house, { recursive: true, force: true });
  });

  test('no rule is without an example', () => {
    assert.deepEqual(Object.keys(refused).sort(), [...names].sort());
  });

  for (const [rule, [from, to]] of Object.entries(refused)) {
    test(rule, async () => {
      const folder = join(house, rule);
      const write = (file: string, text: string): void => {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        writeFileSync(join(folder, file), text);
      };
      const specifier = to.includes('/') ? `${'../'.repeat(dirname(from).split('/').length)}${to}` : to;
      if (rule === 'no-circles') write(to, "import { here } from './a.ts';\nexport const there = here;\n");
      else if (to.includes('/') && rule !== 'no-missing-file') write(to, 'export const there = 1;\n');
      write(from, `import { there } from '${specifier}';\nexport const here = there;\n`);
      const result = await cruise([from.split('/')[0] ?? ''], {
        ...config.options,
        baseDir: folder,
        ruleSet: { forbidden: config.forbidden },
        validate: true,
      });
      const { violations } = (result.output as ICruiseResult).summary;
      assert.ok(
        violations.some((violation) => violation.rule.name === rule && violation.from === from),
        JSON.stringify(violations),
      );
    });
  }
});
