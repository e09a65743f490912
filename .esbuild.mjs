/**
 * Bundles what runs into dist/: the command line (with the debug adapter), the extension, the pages, and the licences of
 * what is bundled. `--production` minifies and leaves source maps out.
 */
import { build, transform } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = import.meta.dirname;
const dist = join(root, 'dist');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const production = process.argv.includes('--production');

/** Bytes that a minified bundle may have: more would be felt as start-up time, and is a library that came in unseen. */
const budgets = {
  'pagewalk.js': 900_000,
  'language-server.js': 1_500_000,
  'unpack-thread.js': 30_000,
  'extension.cjs': 80_000,
  'extension-every-panel.cjs': 60_000,
  'language-client.cjs': 450_000,
  'capstone.cjs': 350_000,
  'webview/memory.js': 100_000,
  'webview/ptdump.js': 200_000,
  'webview/diff.js': 100_000,
  'webview/walk.js': 60_000,
  'webview/overview.js': 60_000,
};

const common = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  metafile: true,
  minify: production,
  sourcemap: production ? false : 'linked',
  logLevel: 'warning',
  legalComments: 'none',
};

/** One entry a page: webview/NAME/main.ts becomes dist/webview/NAME.js, with what pages share in chunks. */
const pages = readdirSync(join(root, 'webview'), { withFileTypes: true })
  .filter((folder) => folder.isDirectory() && existsSync(join(root, 'webview', folder.name, 'main.ts')))
  .map((folder) => folder.name);

/** Bundled CommonJS libraries ask for Node's own modules with require. */
const requireOfNode =
  "import { createRequire as pagewalkCreateRequire } from 'node:module';\nconst require = pagewalkCreateRequire(import.meta.url);";

/** What a dynamic import names by `filter` lies in a file of its own beside the bundle, and is read when it is needed. */
const apart = (filter, path) => ({
  name: `apart ${path}`,
  setup: ({ onResolve }) => {
    onResolve({ filter, namespace: 'file' }, ({ kind }) => (kind === 'dynamic-import' ? { path, external: true } : undefined));
  },
});

/**
 * One variable holds VS Code's interface for all files. As a namespace, esbuild would copy its hundreds of accessors once for
 * each file that imports it, which took longer than all else of an activation.
 */
const oneVSCode = {
  name: 'one vscode',
  setup: ({ onLoad, onResolve }) => {
    onLoad({ filter: /[\\/]extension[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace("import * as vscode from 'vscode';", "import { vscode } from 'one:vscode';"),
      loader: 'ts',
    }));
    onResolve({ filter: /^one:vscode$/ }, () => ({ path: 'vscode', namespace: 'one' }));
    onLoad({ filter: /./, namespace: 'one' }, () => ({ contents: "export const vscode = require('vscode');", resolveDir: root }));
  },
};

/** VS Code gives itself to what is required, and to nothing else; esbuild splits bundles of imports alone. */
async function asCommonJS({ outputFiles, metafile }) {
  const files = outputFiles.map(async ({ path, text }) => {
    const options = { platform: 'node', format: 'cjs', target: 'node20', supported: { 'dynamic-import': false }, minify: production };
    const { code } = await transform(text, { ...options, sourcemap: production ? false : 'inline' });
    return { path, contents: Buffer.from(code) };
  });
  return { outputFiles: await Promise.all(files), metafile };
}

/** The library of the command line can start other programs as its verbs; Pagewalk's are its own, and loading what starts them takes time. */
const noPrograms = {
  name: 'no programs',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/') ? { path: 'child_process', namespace: 'none' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'none' }, () => ({ contents: '' }));
  },
};

/** The command line: a plain module with its sources at hand, or, as it is given away, within the module that starts it. */
const program = {
  ...common,
  entryPoints: ['debug-adapter/main-cli.ts'],
  outfile: 'dist/pagewalk.js',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  define: { PAGEWALK_VERSION: JSON.stringify(version) },
  plugins: [apart(/\/lsp\/language-server\.ts$/, './language-server.js'), noPrograms],
  banner: { js: `#!/usr/bin/env node\n${requireOfNode}` },
};

/** One file that holds the program as a text, for which V8 can have a code cache (debug-adapter/main-program.ts). */
async function startedFromText() {
  const held = await build({
    ...program,
    format: 'cjs',
    define: { ...program.define, 'import.meta.url': 'url' },
    banner: { js: '(function (module, require, load, url) {' },
    footer: { js: '})' },
  });
  // What is no module cannot import; the one that starts it does that for it.
  const [output] = Object.values(held.metafile.outputs);
  let imports = 0;
  const text = held.outputFiles[0].text.replaceAll(/\bimport\(/g, () => (imports++, 'load('));
  if (imports !== output.imports.filter(({ kind }) => kind === 'dynamic-import').length)
    throw new Error('the program has "import(" where nothing is imported');
  const started = await build({
    ...program,
    entryPoints: ['debug-adapter/main-program.ts'],
    define: {
      PAGEWALK_PROGRAM: JSON.stringify(text),
      PAGEWALK_PROGRAM_DIGEST: JSON.stringify(createHash('sha256').update(text).digest('hex').slice(0, 16)),
    },
    banner: { js: '#!/usr/bin/env node' },
  });
  return { outputFiles: started.outputFiles, metafile: { outputs: { held: output, ...started.metafile.outputs } } };
}

const results = await Promise.all([
  production ? startedFromText() : build(program),
  // What a thread that unpacks pages loads, beside the program.
  build({
    ...common,
    entryPoints: ['debug-adapter/main-unpack.ts'],
    outfile: 'dist/unpack-thread.js',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  }),
  build({
    ...common,
    entryPoints: ['debug-adapter/lsp/language-server.ts'],
    outfile: 'dist/language-server.js',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: requireOfNode },
  }),
  build({
    ...common,
    entryPoints: { extension: 'extension/main.ts' },
    outdir: 'dist',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['vscode'],
    splitting: true,
    chunkNames: 'extension-[name]-[hash]',
    outExtension: { '.js': '.cjs' },
    sourcemap: production ? false : 'inline',
    plugins: [oneVSCode, apart(/^vscode-languageclient\/node$/, './language-client.cjs')],
  }).then(asCommonJS),
  build({
    ...common,
    entryPoints: ['vscode-languageclient/node'],
    outfile: 'dist/language-client.cjs',
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode'],
    sourcemap: false,
  }),
  // The disassembler is loaded when the first instruction is decoded, and is too large to be read by every run.
  build({
    ...common,
    entryPoints: ['@alexaltea/capstone-js'],
    outfile: 'dist/capstone.cjs',
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: false,
  }),
  build({
    ...common,
    entryPoints: Object.fromEntries(pages.map((page) => [page, `webview/${page}/main.ts`])),
    outdir: 'dist/webview',
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    splitting: true,
    chunkNames: 'chunk-[hash]',
  }),
]);

const files = new Map(results.flatMap(({ outputFiles }) => outputFiles.map(({ path, contents }) => [relative(dist, path), contents])));
const copy = (from, to) => files.set(to, readFileSync(join(root, from)));
for (const page of [...pages, 'panel'])
  for (const style of readdirSync(join(root, 'webview', page)))
    if (style.endsWith('.css')) copy(`webview/${page}/${style}`, `webview/${style}`);
copy('node_modules/@vscode/codicons/dist/codicon.css', 'webview/codicon.css');
copy('node_modules/@vscode/codicons/dist/codicon.ttf', 'webview/codicon.ttf');
copy('node_modules/@alexaltea/capstone-js/dist/capstone.wasm', 'capstone.wasm');
files.set('THIRD-PARTY.txt', Buffer.from(licences()));

if (production) {
  const sizes = new Map([...files].map(([file, { length }]) => [file.replace(/-[A-Z0-9]{8}(?=\.cjs$)/, ''), length]));
  const over = Object.entries(budgets).filter(([file, most]) => (sizes.get(file) ?? Infinity) > most);
  for (const [file, most] of over)
    console.error(`${file}: ${sizes.get(file) ?? 'missing'} bytes, the budget is ${most}; see what came in with: npx esbuild --analyze`);
  if (over.length > 0) process.exit(1);
}
for (const [file, contents] of files) {
  mkdirSync(dirname(join(dist, file)), { recursive: true });
  // Renamed into place, so that who starts it meanwhile gets the old file or the new one, never half.
  const written = join(dist, `${file}.${process.pid}`);
  writeFileSync(written, contents, file === 'pagewalk.js' ? { mode: 0o755 } : {});
  renameSync(written, join(dist, file));
}
for (const file of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(file.parentPath, file.name);
  if (file.isFile() && !files.has(relative(dist, path))) rmSync(path);
}

if (production) {
  // For this Node alone; what is packed for all of them has none. A translation is what is waited for, and uses what most verbs do.
  const translation = ['vtop', join(root, 'examples/first-vmcore/mini-sym.kdump'), 'init_task'];
  const { status, stderr } = spawnSync(process.execPath, [join(root, '.code-cache.mjs'), ...translation], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the program that was built does not run: ${stderr}`);
}

/** The licence of every package of which a bundle holds code, and of the icons. */
function licences() {
  const inputs = results.flatMap(({ metafile }) => Object.values(metafile.outputs).flatMap(({ inputs: used }) => Object.keys(used)));
  const packages = new Set(inputs.flatMap((input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []));
  packages.add('node_modules/@vscode/codicons');
  const notice = readFileSync(join(root, 'NOTICE'), 'utf8');
  const texts = [...packages].sort().map((folder) => {
    const { name, version: packaged, license } = JSON.parse(readFileSync(resolve(root, folder, 'package.json'), 'utf8'));
    const named = readdirSync(resolve(root, folder)).filter((file) => /^licen[cs]e/i.test(file));
    if (named.length === 0) {
      if (!notice.includes(`${name},`)) throw new Error(`${name} has no licence file, and NOTICE does not name it; it cannot be bundled`);
      return `${name} ${packaged} (${license}), which comes without a text: see its notice below.\n\n${notice}`;
    }
    return `${name} ${packaged} (${license})\n\n${named.map((file) => readFileSync(resolve(root, folder, file), 'utf8').trim()).join('\n\n')}\n`;
  });
  return `Pagewalk holds code of these packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}
