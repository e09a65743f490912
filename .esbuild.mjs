/** Bundles the command line (with the debug adapter), the extension and the webviews into dist/. */
import { build } from 'esbuild';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const production = process.argv.includes('--production');
const common = { bundle: true, minify: production, sourcemap: production ? false : 'linked', logLevel: 'warning', legalComments: 'none' };

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/webview', { recursive: true });
await Promise.all([
  build({
    ...common,
    entryPoints: ['debug-adapter/main-cli.ts'],
    outfile: 'dist/pagewalk.js',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    define: { PAGEWALK_VERSION: JSON.stringify(version) },
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as pagewalkCreateRequire } from 'node:module';\nconst require = pagewalkCreateRequire(import.meta.url);",
    },
  }),
  build({
    ...common,
    entryPoints: ['extension/main.ts'],
    outfile: 'dist/extension.cjs',
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode'],
  }),
  build({
    ...common,
    entryPoints: ['webview/ptdump/main.ts'],
    outdir: 'dist/webview',
    entryNames: 'ptdump',
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
  }),
]);
copyFileSync('webview/ptdump/ptdump.css', 'dist/webview/ptdump.css');
copyFileSync('node_modules/@vscode/codicons/dist/codicon.css', 'dist/webview/codicon.css');
copyFileSync('node_modules/@vscode/codicons/dist/codicon.ttf', 'dist/webview/codicon.ttf');
