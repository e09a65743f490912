/** `npm run screenshots`: makes the README's pictures in a real VS Code, on the bundled vmcore, into examples/. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installBrowserVSCode, packExtension, root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { VSCodeWindow } from '../vscode-web/window.ts';
import { compareInExplorer, writeComparedTexts } from '../window/compared-texts.ts';
import { fillWithFirstVmcore } from '../window/open-window.ts';

const size = { width: 1480, height: 800 };
const blockPage = '0xffffd4bf80801000';
/** Of the block's first run of used pages; behind it are dirty ones. */
const lastUsedBytes = '0xffffd4bf80833fc0';

installBrowserVSCode();
const places = findPlaces();
if ('missing' in places) throw new Error(places.missing);
const scratch = mkdtempSync(join(tmpdir(), 'pagewalk-screenshots-'));
const folder = join(scratch, 'first-vmcore');
const vsix = packExtension(join(scratch, 'pagewalk.vsix'));
mkdirSync(folder);
fillWithFirstVmcore(folder);
// Near enough to each other to be in one picture.
writeComparedTexts(folder, [3, 12, 20]);
const window = await VSCodeWindow.open(places, { folder, vsix, artefacts: scratch });
try {
  await window.page.setViewportSize(size);
  await window.setTheme('Dark Modern');
  await overview();
  await diffPanel();
  await window.debug('Open the bundled vmcore');
  await window.runCommand('View: Close All Editors');
  await window.runCommand('View: Hide Panel');
  await ptdumpPanel();
  await memoryPanel();
  await kernelLog();
} finally {
  await window.close();
  rmSync(scratch, { recursive: true, force: true });
}

function picture(name: string): Promise<void> {
  return window.picture(join(root, 'examples', `${name}.png`));
}

async function overview(): Promise<void> {
  await window.showView('Explorer');
  await (await window.reveal('mini-sym.kdump', '.explorer-folders-view')).dblclick();
  await window.webview('pagewalk-overview .chart');
  await window.runCommand('View: Toggle Primary Side Bar Visibility');
  await window.parkMouse();
  await picture('overview');
  await window.runCommand('View: Close Editor');
  await window.runCommand('View: Toggle Primary Side Bar Visibility');
}

async function diffPanel(): Promise<void> {
  await compareInExplorer(window);
  await window.webview('pagewalk-diff .canvas .row');
  await window.runCommand('View: Toggle Primary Side Bar Visibility');
  await window.parkMouse();
  await picture('diff-panel');
  await window.runCommand('View: Toggle Primary Side Bar Visibility');
}

async function ptdumpPanel(): Promise<void> {
  await window.showView('Kernel Memory');
  await window.runCommand('View: Toggle Primary Side Bar Visibility');
  await window.runCommand('Pagewalk: Open ptdump Panel');
  const page = await window.webview('pagewalk-ptdump .canvas .row');
  await page.fill('.jump input', blockPage);
  await page.press('.jump input', 'Enter');
  await page.waitForSelector('.bitmap');
  await page.waitForFunction(() => document.querySelector('.row.selected .owner')?.textContent.trim() !== '');
  // Findings come last, with a notification while they are looked for.
  await page.waitForFunction(() => document.querySelector('.status')?.textContent.includes('looking for') === false);
  await window.parkMouse();
  await picture('ptdump-panel');
}

async function memoryPanel(): Promise<void> {
  await window.runCommand('Pagewalk: Open Memory…');
  await window.answer(lastUsedBytes);
  await window.webview('pagewalk-memory .line.head.dirty');
  await window.parkMouse();
  await picture('memory-panel');
}

async function kernelLog(): Promise<void> {
  await window.openFile('seed-002.dmesg', 49);
  await window.page.locator('.codelens-decoration', { hasText: 'Translate CR2' }).first().waitFor();
  await window.hover('000f887fee5ff000');
  await picture('kernel-log');
}
