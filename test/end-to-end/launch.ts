/**
 * Runs the end-to-end tests in a real VS Code through @vscode/test-electron: the VS Code that it downloads, or, where no
 * download is possible, the browser VS Code of test/vscode-web (Debian's chromium).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, cpSync, existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { runTests } from '@vscode/test-electron';
import { listFiles, PackageManager } from '@vscode/vsce';
import { dumpFolder, expandedDump } from '../support/dumps.ts';
import { debian } from '../support/processes.ts';
import { findVSCode, root } from '../support/vscode.ts';

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly string[];
}

/** What a release holds and no more, copied into `folder`: the tests find nothing that only the repository has. */
async function packedFiles(folder: string): Promise<string> {
  for (const file of await listFiles({ cwd: root, packageManager: PackageManager.None }))
    cpSync(join(root, file), join(folder, file), { recursive: true });
  return folder;
}

/** An extension with nothing in it, whose activation tells what any activation takes; returns `folder`, that of the installed ones. */
function emptyExtension(folder: string): string {
  const place = join(folder, 'nobody.empty-1.0.0');
  mkdirSync(place, { recursive: true });
  const manifest = { name: 'empty', publisher: 'nobody', version: '1.0.0', engines: { vscode: '^1.100.0' }, main: './empty.cjs' };
  writeFileSync(join(place, 'package.json'), JSON.stringify({ ...manifest, activationEvents: ['onLanguage:nobody'] }));
  writeFileSync(join(place, 'empty.cjs'), "require('vscode');\nexports.activate = () => undefined;\n");
  return folder;
}

/** Counts of the run; a machine on which no VS Code can run skips it with the reason. */
export async function runEndToEnd(): Promise<Outcome> {
  const executable = await findVSCode();
  if (typeof executable !== 'string') return { passed: 0, failed: 0, skips: [`end-to-end tests: ${executable.reason}`] };
  const suite = join(root, 'out/end-to-end/suite.cjs');
  await build({
    entryPoints: [join(root, 'test/end-to-end/suite.ts')],
    outfile: suite,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['vscode', 'mocha'],
    logLevel: 'warning',
  });
  const folder = mkdtempSync(join(tmpdir(), 'pagewalk-e2e-'));
  const artefacts = join(root, 'artefacts');
  mkdirSync(artefacts, { recursive: true });
  const workspace = join(folder, 'first-vmcore');
  cpSync(join(root, 'examples/first-vmcore'), workspace, { recursive: true });
  const report = join(folder, 'report.json');
  const large = dumpFolder(debian) === undefined ? {} : { PAGEWALK_LARGE_IMAGE: expandedDump(debian, 'dump.elf') };
  try {
    await runTests({
      vscodeExecutablePath: executable,
      extensionDevelopmentPath: await packedFiles(join(folder, 'extension')),
      extensionTestsPath: suite,
      launchArgs: [workspace, '--extensions-dir', emptyExtension(join(folder, 'extensions'))],
      extensionTestsEnv: { PAGEWALK_REPORT: report, PAGEWALK_ARTEFACTS: artefacts, ...large },
    });
  } catch (error) {
    if (!existsSync(report)) {
      console.log(
        `FAILED end-to-end › VS Code did not run the tests\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      return { passed: 0, failed: 1, skips: [] };
    }
  }
  const outcome = JSON.parse(readFileSync(report, 'utf8')) as Outcome & { failures: string[] };
  for (const failure of outcome.failures) console.log(`FAILED end-to-end › ${failure}`);
  rmSync(folder, { recursive: true, force: true });
  return outcome;
}
