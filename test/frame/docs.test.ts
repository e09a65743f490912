/** What the documents name is there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { describe, test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const documents = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter((path) =>
  path.endsWith('.md'),
);
const rooms = readdirSync(join(root, 'debug-adapter'));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

describe('documents', () => {
  for (const path of documents) {
    const text = readFileSync(join(root, path), 'utf8');
    test(`${path}: links lead to files`, () => {
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link]) => link ?? '');
      for (const link of links) assert.ok(existsSync(join(root, dirname(path), link)), `${path} links to ${link}`);
    });

    test(`${path}: source files that it names are there`, () => {
      const named = [...text.matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.(?:ts|cjs|mjs|json|py))`/g)].map(([, name]) => name ?? '');
      for (const name of named.filter((each) => !/NAME|\*/.test(each) && !each.startsWith('dist/'))) {
        const [first = ''] = name.split('/');
        const place = rooms.includes(first) ? join('debug-adapter', name) : name;
        assert.ok(existsSync(join(root, place)), `${path} names ${name}`);
      }
    });

    test(`${path}: the commands of package.json that it names are there`, () => {
      for (const [, script = ''] of text.matchAll(/npm run ([\w:-]+)/g)) assert.ok(script in scripts, `${path} names npm run ${script}`);
    });
  }
});

describe('the rooms of docs/ARCHITECTURE.md', () => {
  const rows = [
    ...readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8').matchAll(/^\| `([\w-]+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$/gm),
  ].map(([, room = '', types = '', imports = '']) => ({
    room,
    types,
    imports: [...imports.matchAll(/`([\w-]+)`/g)].map(([, name]) => name),
  }));
  const folders = rooms.filter((name) => !name.endsWith('.ts'));

  test('are all rooms that there are', () => {
    assert.deepEqual(rows.map(({ room }) => room).sort(), folders.sort());
  });

  for (const { room, types, imports } of rows) {
    test(`${room}: its types stand where it says, and it imports whom it says`, () => {
      const places = [...types.matchAll(/(`\w+`(?: and `\w+`)*) \(`([^`]+)`\)/g)];
      assert.ok(places.length > 0);
      for (const [, names = '', path = ''] of places) {
        const text = readFileSync(join(root, 'debug-adapter', path), 'utf8');
        for (const [, name = ''] of names.matchAll(/`(\w+)`/g))
          assert.match(text, new RegExp(`^export (?:abstract )?(?:class|interface|type|function) ${name}\\b`, 'm'), `${path}: ${name}`);
      }
      const found = new Set<string>();
      for (const file of readdirSync(join(root, 'debug-adapter', room), { recursive: true, encoding: 'utf8' })) {
        if (!file.endsWith('.ts')) continue;
        const up = '../'.repeat(file.split(sep).length);
        for (const [, above = '', other = ''] of readFileSync(join(root, 'debug-adapter', room, file), 'utf8').matchAll(
          / from '((?:\.\.\/)+)([\w-]+)\//g,
        ))
          if (above === up) found.add(other);
      }
      assert.deepEqual([...found].sort(), imports);
    });
  }
});

/** Commands that README shows with what they print, of those that need nothing but what is bundled. */
const shown = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^ {4}\$ node dist\/pagewalk\.js (.+)\n((?: {4}[^$\n].*\n)+)/gm)]
  .map(([, words = '', output = '']) => ({ words: words.replaceAll('$DUMP', 'examples/first-vmcore/mini-sym.kdump'), output }))
  .filter(({ words }) => words.includes('examples/'));

describe('README', () => {
  const unbuilt = existsSync(join(root, 'dist/pagewalk.js')) ? false : 'needs dist/pagewalk.js: npm run build';

  test('it shows commands on the bundled dump', () => {
    assert.ok(shown.length >= 4, `${shown.length} commands`);
  });

  for (const { words, output } of shown) {
    test(`${words} prints what README says`, { skip: unbuilt }, () => {
      const { stdout } = spawnSync(process.execPath, ['dist/pagewalk.js', ...words.split(/\s+/)], { cwd: root, encoding: 'utf8' });
      const printed = stdout.split('\n').map((line) => line.trimEnd());
      for (const line of output.split('\n').map((each) => each.slice(4).trimEnd())) {
        const [start = ''] = line.split('…');
        assert.ok(
          printed.some((each) => (line.includes('…') ? each.startsWith(start) : each === line)),
          `README has: ${line}\nit prints:\n${stdout}`,
        );
      }
    });
  }
});
