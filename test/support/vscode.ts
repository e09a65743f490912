/** Finds a VS Code to run: the desktop's where there is a screen, else the browser VS Code of test/vscode-web. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { downloadAndUnzipVSCode } from '@vscode/test-electron';
import { findPlaces } from '../vscode-web/places.ts';

export const root = resolve(import.meta.dirname, '../..');

/** Takes the arguments of VS Code's `code`, and shows it in a browser. */
export const browserVSCode = join(root, 'test/vscode-web/code-web-runner');

/** Packs what dist/ holds as a release does; returns `file`, the path of the .vsix. */
export function packExtension(file: string): string {
  execFileSync('npm', ['run', 'pack', '--', '--out', file], { cwd: root, stdio: 'pipe' });
  return file;
}

/** Whether a window can be shown at all. */
export function hasScreen(): boolean {
  return process.platform !== 'linux' || process.env['DISPLAY'] !== undefined || process.env['WAYLAND_DISPLAY'] !== undefined;
}

/**
 * Path of a VS Code for tests: `VSCODE_EXECUTABLE_PATH` where it is set, the one that @vscode/test-electron downloads, else
 * the browser VS Code; or why there is none, with what to do.
 */
export async function findVSCode(): Promise<string | { readonly reason: string }> {
  const given = process.env['VSCODE_EXECUTABLE_PATH'];
  if (given !== undefined) return given;
  const desktop = await desktopVSCode();
  if (typeof desktop === 'string') return desktop;
  installBrowserVSCode();
  const places = findPlaces();
  return 'missing' in places ? { reason: `${desktop.reason}, and ${places.missing}` } : browserVSCode;
}

/** Installs the npm packages of the browser VS Code where they are missing; says in its output what npm said. */
export function installBrowserVSCode(): void {
  if (!('missing' in findPlaces({ browser: false }))) return;
  const installed = spawnSync('npm', ['--prefix', join(root, 'test/vscode-web'), 'ci', '--no-fund', '--no-audit'], { stdio: 'inherit' });
  if (installed.status !== 0) console.log('VS Code for the browser could not be installed; look at what npm said above');
}

/** Path of the VS Code that @vscode/test-electron downloads (once), or why it cannot be had. */
export async function desktopVSCode(): Promise<string | { readonly reason: string }> {
  if (!hasScreen()) return { reason: 'there is no screen for a desktop VS Code' };
  try {
    return await downloadAndUnzipVSCode();
  } catch (error) {
    return { reason: `VS Code cannot be downloaded (${error instanceof Error ? error.message : String(error)})` };
  }
}
