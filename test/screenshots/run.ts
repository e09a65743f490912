/** `npm run screenshots`: makes the README's pictures in a real VS Code, on the bundled vmcore, into examples/. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundled } from '../support/dumps.ts';
import { installBrowserVSCode, root } from '../support/vscode.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { VSCodeWindow } from '../vscode-web/window.ts';

const size = { width: 1480, height: 800 };
const blockPage = '0xffffd4bf80801000';

installBrowserVSCode();
const places = findPlaces();
if ('missing' in places) throw new Error(places.missing);
const scratch = mkdtempSync(join(tmpdir(), 'pagewalk-screenshots-'));
const folder = join(scratch, 'first-vmcore');
const vsix = join(scratch, 'pagewalk.vsix');
execFileSync('npm', ['run', 'pack', '--', '--out', vsix], { cwd: root, stdio: 'pipe' });
cpSync(join(root, 'examples/first-vmcore'), folder, { recursive: true });
writeTexts();
const window = await VSCodeWindow.open(places, { folder, vsix, artefacts: scratch });
try {
  await window.page.setViewportSize(size);
  await window.setTheme('Dark Modern');
  await diffPanel();
  await window.debug('Open the bundled vmcore');
  await window.runCommand('View: Close All Editors');
  await window.runCommand('View: Hide Panel');
  await ptdumpPanel();
  await kernelLog();
} finally {
  await window.close();
  rmSync(scratch, { recursive: true, force: true });
}

function picture(name: string): Promise<void> {
  return window.picture(join(root, 'examples', `${name}.png`));
}

/** What a kernel printed, and the same with some regions changed as a driver might have. */
function writeTexts(): void {
  const text = execFileSync(process.execPath, [join(root, 'dist/pagewalk.js'), 'ptdump', bundled.image], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const lines = text.split('\n');
  const data = lines.flatMap((line, at) => (/ RW .* NX pte$/.test(line) ? [at] : []));
  const [executable, readOnly, gone] = [data[3], data[12], data[20]];
  const changed = lines.flatMap((line, at) =>
    at === gone ? [] : [at === executable ? line.replace('NX pte', 'x  pte') : at === readOnly ? line.replace(' RW ', ' ro ') : line],
  );
  writeFileSync(join(folder, 'before.ptdump'), text);
  writeFileSync(join(folder, 'after.ptdump'), changed.join('\n'));
}

async function diffPanel(): Promise<void> {
  await window.showView('Explorer');
  const file = (name: string): ReturnType<typeof window.row> => window.row(name, '.explorer-folders-view');
  await file('before.ptdump').click();
  await file('after.ptdump').click({ modifiers: ['ControlOrMeta'] });
  await file('after.ptdump').click({ button: 'right' });
  await window.page.locator('.monaco-menu .action-item', { hasText: 'Compare Page Tables' }).click();
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

async function kernelLog(): Promise<void> {
  await window.openFile('seed-002.dmesg', 49);
  await window.page.locator('.codelens-decoration', { hasText: 'Translate CR2' }).first().waitFor();
  await window.hover('000f887fee5ff000');
  await picture('kernel-log');
}
