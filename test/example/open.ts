/**
 * README's first command: opens the bundled example in VS Code. `code` where it is installed, else the VS Code that
 * @vscode/test-electron downloads, else the browser VS Code, whose address is printed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { browserVSCode, desktopVSCode, hasScreen, installBrowserVSCode, root } from '../support/vscode.ts';

const { command, parameters } = await choose();
const workspace = join(root, 'examples/first-vmcore');
console.log(`Opening ${workspace}: press F5 there to debug the bundled vmcore, then hover an address in kernel.dmesg.`);
const child = spawn(command, [...parameters, `--extensionDevelopmentPath=${root}`, workspace], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});

async function choose(): Promise<{ command: string; parameters: string[] }> {
  if (hasScreen() && spawnSync('code', ['--version'], { stdio: 'ignore' }).status === 0)
    return { command: 'code', parameters: ['--new-window'] };
  const desktop = await desktopVSCode();
  if (typeof desktop === 'string') return { command: desktop, parameters: ['--new-window'] };
  console.log(`${desktop.reason}; VS Code is served to a browser instead.`);
  installBrowserVSCode();
  return { command: browserVSCode, parameters: [] };
}
