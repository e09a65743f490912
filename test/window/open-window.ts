/**
 * What every test of a window begins and ends with: the extension packed and installed, a folder to open, a window that is
 * closed again; and of a test that fails, a picture and what the window's notifications say.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { packExtension, root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { VSCodeWindow } from '../vscode-web/window.ts';

const artefacts = join(root, 'artefacts/window');
const places = findPlaces();

/** Why no window can be opened on this machine; undefined where one can. */
export const noWindow = 'missing' in places ? places.missing : undefined;

interface Wanted {
  /** Its name; windows of the same test file may show folders of the same name. */
  readonly folder: string;
  /** Puts into the empty folder what the window is to show. */
  readonly fill: (folder: string) => void;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Whether the folder is one that nobody has trusted yet. */
  readonly restricted?: boolean;
}

export interface OpenWindow {
  readonly window: VSCodeWindow;
  readonly folder: string;
}

/** To be called in a `describe`: a window lasts from before its tests until after them. `opened` gets it before the first test. */
export function useWindow(wanted: Wanted, opened: (open: OpenWindow) => void | Promise<void>): void {
  let scratch: string | undefined;
  let window: VSCodeWindow | undefined;
  before(async () => {
    assert.ok(!('missing' in places));
    scratch = mkdtempSync(join(tmpdir(), 'pagewalk-window-'));
    const folder = join(scratch, wanted.folder);
    mkdirSync(folder);
    wanted.fill(folder);
    const vsix = process.env['PAGEWALK_VSIX'] ?? packExtension(join(scratch, 'pagewalk.vsix'));
    const { settings = {}, restricted = false } = wanted;
    window = await VSCodeWindow.open(places, { folder, vsix, artefacts, settings, restricted });
    try {
      await opened({ window, folder });
    } catch (error) {
      await keepFailure(window, 'before the first test');
      throw error;
    }
  });
  afterEach(async (test) => {
    if (window !== undefined && 'error' in test && test.error !== null) await keepFailure(window, test.name);
  });
  after(async () => {
    await window?.close();
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
}

/** A picture to be looked at. */
export function keepPicture(window: VSCodeWindow, name: string): Promise<void> {
  return window.picture(join(artefacts, `${name}.png`));
}

async function keepFailure(window: VSCodeWindow, test: string): Promise<void> {
  const name = `FAILED-${test.replaceAll(/[^\p{L}\p{N}]+/gu, '-').slice(0, 80)}`;
  try {
    await keepPicture(window, name);
    const said = await window.notifications();
    writeFileSync(join(artefacts, `${name}.txt`), said.map((text) => `${text}\n`).join(''));
    console.error(`artefacts/window/${name}.png shows the window${said.length === 0 ? '' : `, which says: ${said.join(' | ')}`}`);
  } catch (error) {
    console.error(`no picture of the window of ${test}: ${String(error)}`);
  }
}

/** The bundled vmcore, with its logs and its launch configuration «Open the bundled vmcore». */
export function fillWithFirstVmcore(folder: string): void {
  cpSync(join(root, 'examples/first-vmcore'), folder, { recursive: true });
}

/** Launch configurations, `image` and what else each of them has, by name. */
export function writeLaunch(folder: string, configurations: Readonly<Record<string, Readonly<Record<string, unknown>>>>): void {
  mkdirSync(join(folder, '.vscode'), { recursive: true });
  const launch = {
    version: '0.2.0',
    configurations: Object.entries(configurations).map(([name, own]) => ({ type: 'pagewalk', request: 'launch', name, ...own })),
  };
  writeFileSync(join(folder, '.vscode/launch.json'), JSON.stringify(launch));
}

/** What `pagewalk` prints when it is given these words. */
export function commandLine(...words: readonly string[]): string {
  return execFileSync(process.execPath, [join(root, 'dist/pagewalk.js'), ...words], { encoding: 'utf8', maxBuffer: 1 << 26 });
}
