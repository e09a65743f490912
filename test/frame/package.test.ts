/** What the packed extension holds: all that runs, and nothing else. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

const meant = [
  /^(?:package(?:\.nls)?\.json|README\.md|CHANGELOG\.md|LICENSE|NOTICE)$/,
  /^dist\/(?:pagewalk\.js|language-server\.js|unpack-thread\.js|extension\.cjs|language-client\.cjs|capstone\.cjs|capstone\.wasm|THIRD-PARTY\.txt)$/,
  /^dist\/extension-(?:chunk|every-panel)-[A-Z0-9]{8}\.cjs$/,
  /^dist\/webview\/[a-z-]+\.(?:js|css)$/,
  /^dist\/webview\/chunk-[A-Z0-9]{8}\.js$/,
  /^dist\/webview\/codicon\.ttf$/,
  /^examples\/[a-z-]+\.png$/,
  /^examples\/[\w-]+\.kmm$/,
  /^examples\/walkthrough\/[a-z]+\.md$/,
  /^l10n\/bundle\.l10n\.json$/,
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
    ...['package.json', 'LICENSE', 'NOTICE', 'dist/THIRD-PARTY.txt', 'dist/capstone.cjs', 'dist/capstone.wasm'],
    ...['dist/language-client.cjs', 'dist/language-server.js', 'dist/unpack-thread.js'],
    ...['ptdump', 'diff', 'memory', 'walk', 'overview'].map((page) => `dist/webview/${page}.js`),
    ...namedInManifest(manifest),
  ];
  assert.ok(needed.includes('dist/extension.cjs') && needed.includes('dist/pagewalk.js'));
  assert.deepEqual(
    needed.filter((file) => !packed.includes(file)),
    [],
    'files that the extension needs and the package lacks',
  );
  assert.ok(packed.some((file) => file.startsWith('dist/extension-every-panel-')));
});

/** Bytes that a download may have. */
const largest = 6_000_000;

test('the packed extension is small', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pagewalk-size-'));
  try {
    const vsix = join(folder, 'pagewalk.vsix');
    execFileSync('npm', ['run', 'pack', '--', '--out', vsix], { cwd: root, stdio: 'pipe' });
    const { size } = statSync(vsix);
    console.log(`the packed extension: ${(size / 1e6).toFixed(2)} MB`);
    assert.ok(size < largest, `${size} bytes`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
