/** What the documents name is there. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
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
