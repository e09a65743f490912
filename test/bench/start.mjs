/**
 * Bundles the benchmark as the program is bundled, and runs it. From the sources it would measure what nobody pays who uses the
 * program: the loader of TypeScript gives every function its name anew whenever it is made.
 */
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = resolve(import.meta.dirname, '../..');
const outfile = join(root, 'artefacts/bench/bench.mjs');

/** Files that look for others go on from where they lie, not from the bundle. */
const whereTheyLie = {
  name: 'where they lie',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/](?:debug-adapter|test)[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      loader: 'ts',
    }));
  },
};

await build({
  absWorkingDir: root,
  entryPoints: ['test/bench/run.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [whereTheyLie],
});
await import(pathToFileURL(outfile).href);
