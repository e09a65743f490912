/** What the packed extension holds: all that runs, and nothing else. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

const meant = [
  /^(?:package(?:\.nls)?\.json|README\.md|CHANGELOG\.md|LICENSE|NOTICE)$/,
  /^dist\/(?:pagewalk\.js|worker\.js|language-server\.js|extension\.cjs|capstone\.cjs|capstone\.wasm|THIRD-PARTY\.txt)$/,
  /^dist\/webview\/[a-z-]+\.(?:js|css)$/,
  /^dist\/webview\/chunk-[A-Z0-9]{8}\.js$/,
  /^dist\/webview\/codicon\.ttf$/,
  /^examples\/[a-z-]+\.png$/,
  /^examples\/[\w-]+\.kmm$/,
  /^examples\/walkthrough\/[a-z]+\.md$/,
  /^syntaxes\/[a-z-]+\.(?:tmLanguage|language-configuration)\.json$/,
];

/** Every path in the manifest that names a file of the extension. */
function namedInManifest(value: unknown): string[] {
  if (typeof value === 'string') return /^(?:\.\/)?(?:dist|syntaxes|resources|examples)\//.test(value) ? [value.replace(/^\.\//, '')] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(namedInManifest);
}

test('the packed extension holds what runs and nothing else', () => {
  const listing = execFileSync(process.execPath, [resolve(root, 'node_modules/@vscode/vsce/vsce'), 'ls', '--no-dependencies'], {
    cwd: root,
    encoding: 'utf8',
  });
  const packed = listing.split('\n').filter((line) => line !== '');
  assert.deepEqual(
    packed.filter((file) => !meant.some((pattern) => pattern.test(file))),
    [],
    'files that no one means to pack; see .vscodeignore',
  );
  const manifest: unknown = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
  const needed = [
    ...['package.json', 'LICENSE', 'NOTICE', 'dist/THIRD-PARTY.txt', 'dist/webview/ptdump.js', 'dist/capstone.cjs', 'dist/capstone.wasm'],
    ...namedInManifest(manifest),
  ];
  assert.ok(needed.includes('dist/extension.cjs') && needed.includes('dist/pagewalk.js'));
  assert.deepEqual(
    needed.filter((file) => !packed.includes(file)),
    [],
    'files that the extension needs and the package lacks',
  );
});
