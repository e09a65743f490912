/** Starts the VS Code server on a loopback port, with a throw-away profile. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Places } from './places.ts';

const startPatience = 60_000;
const stopPatience = 3_000;

/** What keeps the window still: no welcome, no chat, no network, the desktop's defaults where the web's differ. */
const quietSettings: Readonly<Record<string, unknown>> = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.enableExperiments': false,
  'chat.disableAIFeatures': true,
  'telemetry.telemetryLevel': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'files.autoSave': 'off',
  'security.workspace.trust.enabled': false,
};

const restrictedSettings: Readonly<Record<string, unknown>> = {
  'security.workspace.trust.enabled': true,
  'security.workspace.trust.startupPrompt': 'never',
};

export interface Server {
  readonly port: number;
  readonly process: ChildProcess;
  readonly userData: string;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** A folder of its own for the profile; its path must be short, sockets lie in it. */
  readonly profile: string;
  readonly userData?: string | undefined;
  readonly extensions?: string | undefined;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes extensions from their folders and runs tests, as the page's address asks. */
  readonly driven?: boolean;
  /** Folders are not trusted until somebody says so, which nobody is asked when one is opened. */
  readonly restricted?: boolean;
  readonly log: string;
}

/** Installs a packed extension into the profile, before a server is started on it. */
export function installExtension(places: Places, from: { readonly profile: string; readonly vsix: string }): void {
  const folders = ['--server-data-dir', join(from.profile, 'server'), '--extensions-dir', join(from.profile, 'extensions')];
  const run = spawnSync(places.node, [places.serverMain, '--accept-server-license-terms', ...folders, '--install-extension', from.vsix], {
    encoding: 'utf8',
  });
  if (run.status !== 0 || !run.stdout.includes('successfully installed'))
    throw new Error(`${from.vsix} was not installed:\n${run.stdout}${run.stderr}`);
}

/** Resolves when the server listens; rejects with its last words when it ends before, or does not within a minute. */
export async function startServer(places: Places, options: ServerOptions): Promise<Server> {
  const userData = options.userData ?? join(options.profile, 'user');
  const extensions = options.extensions ?? join(options.profile, 'extensions');
  for (const folder of [join(userData, 'User'), extensions]) mkdirSync(folder, { recursive: true });
  const settings = join(userData, 'User/settings.json');
  const trust = options.restricted === true ? restrictedSettings : {};
  if (!existsSync(settings)) writeFileSync(settings, JSON.stringify({ ...quietSettings, ...trust, ...options.settings }));
  const child = spawn(
    places.node,
    [
      places.serverMain,
      ...['--accept-server-license-terms', '--host', '127.0.0.1', '--port', '0', '--without-connection-token'],
      ...['--server-data-dir', join(options.profile, 'server'), '--user-data-dir', userData, '--extensions-dir', extensions],
      ...['--disable-telemetry', '--force-disable-user-env'],
      ...(options.restricted === true ? [] : ['--disable-workspace-trust']),
      // The built workbench heeds extension folders and tests in its address only with this; it then shows no toasts.
      ...(options.driven === true ? ['--enable-smoke-test-driver'] : []),
    ],
    {
      // No gallery, so that nothing tries the network; sockets go away with the profile.
      env: {
        EXTENSIONS_GALLERY: '{}',
        ...process.env,
        XDG_RUNTIME_DIR: options.profile,
        VSCODE_CWD: process.cwd(),
        ...options.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: the server starts others, and all must go with it.
      detached: true,
    },
  );
  const port = await listeningPort(child, options.log);
  return { port, process: child, userData, stop: () => stopGroup(child) };
}

function listeningPort(child: ChildProcess, logFile: string): Promise<number> {
  const log = createWriteStream(logFile);
  return new Promise((found, failed) => {
    let words = '';
    const timer = setTimeout(() => {
      failed(new Error(`the VS Code server did not listen within ${startPatience / 1000} s; it said:\n${words}`));
    }, startPatience);
    const listen = (data: Buffer): void => {
      log.write(data);
      words = (words + data.toString()).slice(-4000);
      const port = /Extension host agent listening on (\d+)/.exec(words)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      found(Number(port));
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.on('error', failed);
    child.on('exit', (code) => {
      clearTimeout(timer);
      log.end();
      failed(new Error(`the VS Code server ended with ${code ?? 'a signal'} before it listened; it said:\n${words}`));
    });
  });
}

async function stopGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const gone = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else
      child.on('exit', () => {
        resolve();
      });
  });
  signalGroup(pid, 'SIGTERM');
  await Promise.race([gone, sleep(stopPatience)]);
  signalGroup(pid, 'SIGKILL');
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // The group is gone already.
  }
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Address of the workbench that shows `folder` (an absolute path), with what VS Code calls its payload. */
export function workbenchAddress(
  port: number,
  show: { folder?: string | undefined; payload: readonly (readonly [string, string])[] },
): string {
  const query = new URLSearchParams(show.folder === undefined ? { ew: 'true' } : { folder: show.folder });
  query.set('payload', JSON.stringify(show.payload));
  return `http://127.0.0.1:${port}/?${query.toString()}`;
}

/** The logs of the extension hosts that ran with a user-data folder, newest first. */
export function extensionHostLogs(userData: string): string[] {
  const logs = join(userData, 'logs');
  if (!existsSync(logs)) return [];
  return readdirSync(logs, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('remoteexthost.log'))
    .map((file) => join(logs, file))
    .sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs);
}

/** Processes that `ancestor` started, or one that it started did, and whose command line has `words`. */
export function processesBelow(ancestor: number, words: string): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? /\) \S (\d+)/.exec(readProcess(name, 'stat'))?.[1] : undefined;
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const isBelow = (pid: number | undefined): boolean => pid !== undefined && pid > 1 && (pid === ancestor || isBelow(parents.get(pid)));
  return [...parents.keys()].filter(
    (pid) => isBelow(parents.get(pid)) && readProcess(String(pid), 'cmdline').replaceAll('\0', ' ').includes(words),
  );
}

function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(join('/proc', pid, file), 'utf8');
  } catch {
    // It ended meanwhile.
    return '';
  }
}
